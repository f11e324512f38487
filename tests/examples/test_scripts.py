"""The example scripts do what their first lines say."""

import ast
import contextlib
import dataclasses
import inspect
import json
import re
import sys
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
import torch

from examples import (
    custom_module,
    export_and_serve,
    features_to_segments,
    fine_tune,
    predict_from_web,
    where_delta_looks,
)
from tests.colours import PREPARED, colour_model, write_colours
from tests.data.videos import write
from tests.tiny import write_clips
from videomamba import load_clip, predict
from videomamba.data.synthetic import write_video
from videomamba.models import VideoMamba, create_model
from videomamba.preprocessing import Preprocessing


def test_where_delta_looks_sees_a_step_size_that_follows_what_moves(tmp_path, monkeypatch, capsys):
    """Layer 0 is made to step far where there is a square, layer 1 where there is none."""
    create_model("videomamba_tiny", depth=2, num_frames=4, img_size=32, patch_size=8).save_pretrained(
        tmp_path / "model"
    )
    rng = np.random.default_rng(0)
    scene = rng.integers(0, 100, (48, 48, 3), dtype=np.uint8)
    paths = []
    for number in range(2):
        video = np.repeat(scene[None], 12, 0)
        for i, frame in enumerate(video):
            frame[20 + number : 30 + number, 3 * i : 3 * i + 10] = 255
        paths.append(tmp_path / f"{number}.mp4")
        write_video(paths[-1], video, fps=8)

    def follow(model, clip):
        bright = torch.nn.functional.avg_pool3d(clip.mean(1), (2, 8, 8))
        assert bright.shape == (1, 2, 4, 4)
        return torch.stack([bright, -bright], 1)[:, :, None].repeat(1, 1, 2, 1, 1, 1)

    monkeypatch.setattr(VideoMamba, "delta_maps", follow)
    monkeypatch.setattr(sys, "argv", ["where_delta_looks.py", str(tmp_path / "model"), *map(str, paths)])
    where_delta_looks.main()
    rows = re.findall(r"\| (\d) \| ([+-]\d\.\d\d) \((\d+) %\)", capsys.readouterr().out)
    assert [layer for layer, _, _ in rows] == ["0", "1"]
    assert float(rows[0][1]) > 0.3
    assert float(rows[1][1]) < -0.3
    assert [share for _, _, share in rows] == ["100", "0"]


def test_a_module_of_ones_own_learns_and_is_read_again(tmp_path, monkeypatch, capsys):
    write_clips(tmp_path / "clips")
    monkeypatch.setattr(sys, "argv", ["custom_module.py", str(tmp_path / "clips"), str(tmp_path / "run")])
    custom_module.main()
    first, second = capsys.readouterr().out.splitlines()
    assert float(re.findall(r"top-1 of the last epoch: (\d+\.\d) %", first)[0]) > 60  # a third by guessing
    assert second == f"{tmp_path / 'run' / 'last'} holds SmallC3D, with classes blue, green, red"


def test_a_checkpoint_is_fine_tuned_and_asked(tmp_path, monkeypatch, capsys):
    clips = write_clips(tmp_path / "clips")
    start = create_model("videomamba_nano", num_frames=4, img_size=32, num_classes=2)
    start.save_pretrained(tmp_path / "start")
    monkeypatch.setattr(sys, "argv", ["fine_tune.py", str(tmp_path / "start"), str(clips), str(tmp_path / "run")])
    fine_tune.main()
    first, *answers = capsys.readouterr().out.splitlines()
    assert float(re.findall(r"top-1 of the last epoch: (\d+\.\d) %", first)[0]) > 60  # a third by guessing
    right = [answer.split()[1] == answer.split("/")[-2] for answer in answers]
    assert sum(right) > 0.6 * len(right)


def film(path, colours, frames):
    shown = {"red": (200, 40, 40), "blue": (40, 40, 200)}
    pixels = np.repeat(np.array([shown[colour] for colour in colours], np.uint8), frames, 0)
    write_video(path, np.broadcast_to(pixels[:, None, None], (len(pixels), 32, 32, 3)).copy(), fps=10)
    path.with_suffix(".txt").write_text("".join(f"{colour}\n" * frames for colour in colours))


def test_films_with_labels_become_segments_of_a_new_one(tmp_path, monkeypatch, capsys):
    (tmp_path / "films").mkdir()
    for name, colours in {"a": ("red", "blue", "red"), "b": ("blue", "red"), "c": ("red", "blue")}.items():
        film(tmp_path / "films" / f"{name}.mp4", colours, 24)
    film(tmp_path / "new.mp4", ("blue", "red"), 32)
    create_model("videomamba_nano", depth=1, num_frames=8, img_size=32).save_pretrained(tmp_path / "model")
    places = [tmp_path / name for name in ("model", "films", "new.mp4", "work")]
    monkeypatch.setattr(sys, "argv", ["features_to_segments.py", *map(str, places)])
    features_to_segments.main()
    first, *segments = capsys.readouterr().out.splitlines()
    assert float(re.findall(r"MoF of the held-out film: (\d+\.\d) %", first)[0]) > 70
    labels = [segment.split()[-1] for segment in segments]
    assert (labels[0], labels[-1]) == ("blue", "red")
    assert float(segments[-1].split()[3]) == pytest.approx(6.4)


def test_a_web_request_is_answered(tmp_path):
    write_video(tmp_path / "clip.mp4", np.zeros((12, 32, 32, 3), np.uint8), fps=8)
    with serving(
        predict_from_web.make_server(create_model("videomamba_nano", depth=1, num_classes=2).eval(), 0)
    ) as ask:
        found = ask((tmp_path / "clip.mp4").read_bytes())["predictions"]
        assert sum(one["probability"] for one in found) == pytest.approx(1, abs=1e-4)
        refuses_what_is_no_video(ask)


@contextlib.contextmanager
def serving(server):
    """Runs it meanwhile, and gives a function that posts to it."""
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def ask(body):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/", body) as answer:
            return json.load(answer)

    try:
        yield ask
    finally:
        server.shutdown()
        server.server_close()


def refuses_what_is_no_video(ask):
    for body in (b"no video", b""):
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(body)
        assert refused.value.code == 400
        assert "\n" not in json.load(refused.value)["error"]


def test_an_exported_file_is_served_without_pytorch(tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnxscript")
    file, film = str(tmp_path / "model.onnx"), write_colours(tmp_path / "film.mp4", ["red", "green"], each=8)
    model = colour_model(tmp_path / "model", preprocessing=dataclasses.replace(PREPARED, stride=None))
    monkeypatch.setattr(sys, "argv", ["export_and_serve.py", "export", str(model), file])
    export_and_serve.main()
    assert "differs from the model by at most" in capsys.readouterr().out
    with serving(export_and_serve.make_server(export_and_serve.Classifier(file), 0)) as ask:
        found = ask(film.read_bytes())["predictions"]
        (want,) = predict(model, film)
        assert [one["label"] for one in found] == [score.label for score in want.top_k]
        assert [one["probability"] for one in found] == pytest.approx([s.probability for s in want.top_k], abs=0.02)
        refuses_what_is_no_video(ask)
    tree = ast.parse(inspect.getsource(export_and_serve))
    imports = {n.name for s in tree.body if isinstance(s, ast.Import) for n in s.names}
    assert imports == {"io", "json", "sys", "av", "numpy", "onnxruntime"}


def test_a_served_clip_is_the_clip_that_the_model_was_tested_on(tmp_path):
    pixels = np.linspace(0, 255, 21 * 48 * 64 * 3).reshape(21, 48, 64, 3).astype(np.uint8)
    evenly, apart = Preprocessing(num_frames=8, size=(32, 32)), Preprocessing(num_frames=4, stride=3, size=(24, 40))
    for prepared, rotation in ((evenly, None), (apart, None), (apart, 90)):
        path = write(tmp_path / "clip.mp4", pixels, rotation=rotation)
        got = export_and_serve.read_clip(path.read_bytes(), dataclasses.asdict(prepared))
        want = load_clip(path, prepared).video
        assert got.shape == want.shape
        assert np.abs(got - want.numpy()).mean() < 0.05, "one frame apart are 0.2"
