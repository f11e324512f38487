"""``videomamba predict``: the JSON, broken files, and checkpoints that are none."""

import json
import pickle
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from videomamba.cli.main import main
from videomamba.data.synthetic import write_video


def run(capsys, *argv, code=0):
    capsys.readouterr()
    assert main(["predict", *map(str, argv), "--device", "cpu", "--json"]) == code
    out, err = capsys.readouterr()
    return json.loads(out), err


def test_files_and_folders_in_one_list(clips, trained, capsys):
    file = clips / "blue" / "blue_0.mp4"
    rows, err = run(capsys, file, clips / "red", "--checkpoint", trained, "--top-k", 2)
    assert [row["path"] for row in rows] == [str(file), *map(str, sorted((clips / "red").iterdir()))]
    for row in rows:
        assert set(row) == {"path", "predictions"}
        first, second = row["predictions"]
        assert set(first) == {"label", "index", "probability"}
        assert 1 >= first["probability"] >= second["probability"] >= 0
        assert ("blue", "green", "red")[first["index"]] == first["label"]
    assert err.count("probability") == 6, "a table for each file"
    assert f"{100 * rows[0]['predictions'][0]['probability']:.1f} %" in err


@pytest.mark.shared
def test_every_real_clip(trained, shared_data, capsys):
    rows, _ = run(capsys, shared_data / "clips", "--checkpoint", trained)
    assert len(rows) == 10
    assert any("cartwheel" in row["path"] for row in rows)
    for row in rows:
        assert sum(answer["probability"] for answer in row["predictions"]) == pytest.approx(1, abs=1e-4), row


def bad_files(folder: Path, good: Path) -> dict[str, Path]:
    folder.mkdir()
    files = {name: folder / f"{name}.mp4" for name in ("missing", "empty", "text", "truncated", "audio", "no_frames")}
    files["empty"].touch()
    files["text"].write_text("this is no video\n" * 20)
    files["truncated"].write_bytes(good.read_bytes()[:300])
    with av.open(str(files["audio"]), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    write_video(files["no_frames"], np.zeros((0, 32, 32, 3), np.uint8), fps=8)
    return files


def test_broken_files_are_reported_and_the_others_predicted(clips, trained, tmp_path, capsys):
    good = sorted((clips / "red").iterdir())[:2]
    bad = bad_files(tmp_path / "bad", good[0])
    rows, err = run(capsys, good[0], *bad.values(), good[1], "--checkpoint", trained, code=2)
    assert ["predictions" in row for row in rows] == [True, *[False] * 6, True]
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert errors == [f"error: {row['error']}" for row in rows[1:-1]]
    for row, path in zip(rows[1:-1], bad.values(), strict=True):
        assert set(row) == {"path", "error"}
        assert row["path"] == str(path)
        assert str(path) in row["error"]


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 32, 32), (3, 4, 4), (20, 64, 16)])
def test_odd_shapes(trained, tmp_path, capsys, frames, height, width):
    write_video(tmp_path / "odd.mp4", np.zeros((frames, height, width, 3), np.uint8), fps=8)
    rows, _ = run(capsys, tmp_path / "odd.mp4", "--checkpoint", trained)
    assert sum(answer["probability"] for answer in rows[0]["predictions"]) == pytest.approx(1, abs=1e-5)


class Bomb:
    """Unpickling this would make a file."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_a_checkpoint_that_is_a_pickle_bomb_never_goes_off(fails, clips, trained, tmp_path):
    trace = tmp_path / "exploded"
    bomb = pickle.dumps(Bomb(trace))
    (tmp_path / "model.pth").write_bytes(bomb)
    shutil.copytree(trained / "best", tmp_path / "disguised")
    (tmp_path / "disguised" / "model.safetensors").write_bytes(bomb)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pytorch_model.bin").write_bytes(bomb)
    for checkpoint in ("model.pth", "disguised", "bin"):
        assert checkpoint in fails("predict", clips / "red", "--checkpoint", checkpoint)
    assert not trace.exists()
    pickle.loads(bomb)
    assert trace.exists(), "the bomb was none"


def test_a_checkpoint_of_another_shape(fails, clips, trained, tmp_path):
    shutil.copytree(trained / "best", tmp_path / "other")
    config = json.loads((tmp_path / "other" / "config.json").read_text())
    config["model"]["d_state"] = 8
    (tmp_path / "other" / "config.json").write_text(json.dumps(config))
    line = fails("predict", clips / "red", "--checkpoint", "other")
    assert "has shape" in line
    assert "describes a model" in line


def test_mistakes(fails, trained, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty holds no video" in fails("predict", "empty", "--checkpoint", trained)
    assert "no video given" in fails("predict", "--checkpoint", trained)
    assert "there is no checkpoint nothing" in fails("predict", "x.mp4", "--checkpoint", "nothing")
    assert "--top-k 0; give at least 1" in fails("predict", "x.mp4", "--checkpoint", trained, "--top-k", 0)
