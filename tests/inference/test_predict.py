"""One call for every kind of source and model."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import videomamba
from tests.tiny import MODEL, write_clips
from videomamba.data import VideoReader, load_clip
from videomamba.errors import UserError
from videomamba.inference import detect

NAMES = ("blue", "green", "red")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return write_clips(tmp_path_factory.mktemp("clips") / "colours", per_class=2)


@pytest.fixture(scope="module")
def model():
    model = videomamba.create_model("videomamba_nano", class_names=NAMES, **MODEL)
    torch.nn.init.normal_(model.head.weight, generator=torch.Generator().manual_seed(0))
    return model


@pytest.fixture
def path(clips):
    return sorted(clips.glob("red/*.mp4"))[0]


def scores(results):
    return [pytest.approx({s.label: s.probability for s in result.top_k}, abs=1e-6) for result in results]


def test_a_video_is_the_same_however_it_is_given(model, path):
    want = scores(videomamba.predict(model, path, device="cpu"))
    with VideoReader(path) as reader:
        frames = reader.read(range(reader.num_frames)).frames
    clip = load_clip(path, model.preprocessing).video
    with path.open("rb") as file:
        for source in (str(path), [path], path.read_bytes(), io.BytesIO(path.read_bytes()), file, frames, clip):
            got = list(videomamba.predict(model, source, device="cpu"))
            assert [{s.label: s.probability for s in result.top_k} for result in got] == want, source


def test_a_folder_gives_all_its_videos(model, clips):
    found = [result.path for result in videomamba.predict(model, clips, device="cpu", top_k=1)]
    assert found == [str(path) for path in sorted(clips.rglob("*.mp4"))]


def test_a_checkpoint_may_be_named(model, path, tmp_path):
    model.save_pretrained(tmp_path / "model")
    want = scores(videomamba.predict(model, path, device="cpu"))
    got = videomamba.predict(tmp_path / "model", path, device="cpu")
    assert [{s.label: s.probability for s in result.top_k} for result in got] == want


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (torch.zeros(3, 3), {}, "a tensor of torch.float32 and shape"),
        (torch.zeros(4, 4, 8, 8, dtype=torch.uint8), {}, "give frames"),
        ([], {"top_k": 0}, "top_k=0; it must be a whole number, at least 1"),
        ([], {"num_clips": 0}, "num_clips=0"),
        ([], {"device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_what_cannot_be_used_is_refused(model, source, options, said):
    with pytest.raises(UserError, match=said):
        list(videomamba.predict(model, source, **options))


def test_options_are_checked_before_the_first_result(model):
    with pytest.raises(UserError):
        videomamba.predict(model, [], top_k=0)


def test_broken_bytes_are_one_line(model):
    (result,) = videomamba.predict(model, b"no video", device="cpu")
    assert result.path == "<8 bytes>"
    assert result.error is not None
    assert "\n" not in result.error


def test_a_segmenter_takes_features(tmp_path):
    model = videomamba.create_model("mstcn2", input_dim=6, class_names=("pour", "stir"))
    np.save(tmp_path / "film.npy", np.random.default_rng(0).normal(size=(6, 40)).astype(np.float32))
    (tmp_path / "film.json").write_text(json.dumps({"fps": 10, "stride": 1}))
    (result,) = videomamba.predict(model, tmp_path / "film.npy", device="cpu")
    assert result.segments[0].start == 0
    assert result.segments[-1].end == 40
    assert result.segments[-1].end_seconds == 4.0
    result.save(tmp_path / "film.png")
    assert (tmp_path / "film.png").stat().st_size > 1000
    with pytest.raises(UserError, match="takes paths of files of features"):
        videomamba.predict(model, torch.zeros(6, 40), device="cpu")


def test_a_segmenter_takes_folders_and_goes_on_after_files_of_other_shape(tmp_path):
    model = videomamba.create_model("mstcn2", input_dim=6, class_names=("pour", "stir"))
    (tmp_path / "features").mkdir()
    for name, channels in (("a", 5), ("b", 6), ("c", 6)):
        np.save(tmp_path / "features" / f"{name}.npy", np.ones((channels, 8), np.float32))
    (tmp_path / "features" / "b.json").write_text(json.dumps({"fps": 0, "stride": 1}))
    for source in (tmp_path / "features", str(tmp_path / "features" / "*.npy")):
        a, b, c = videomamba.predict(model, source, device="cpu")
        assert "5 channels" in a.error
        assert "b.json: fps 0 over stride 1 is not a rate" in b.error
        assert (c.error, c.segments[-1].end) == (None, 8)
    (tmp_path / "clips").mkdir()
    with pytest.raises(UserError, match="clips holds no file of features"):
        videomamba.predict(model, tmp_path / "clips", device="cpu")
    with pytest.raises(UserError, match=r"http://a/b\.npy is none: save it to a file"):
        videomamba.predict(model, "http://a/b.npy", device="cpu")


def test_a_detector_takes_folders_and_goes_on_where_nobody_is_seen(tmp_path, monkeypatch):
    """Green clips have people; loading what finds them happens once."""
    loaded = []

    class Finds:
        def __init__(self, category, *, threshold, device):
            loaded.append((category, threshold))

        def __call__(self, frame):
            means = frame.float().mean((1, 2))
            return [((0.1, 0.1, 0.6, 0.9), 0.95)] if means.argmax() == 1 else []

    monkeypatch.setattr(detect, "ObjectDetector", Finds)
    clips = write_clips(tmp_path / "clips", per_class=1)
    (tmp_path / "pictures").mkdir()
    for i in (1, 2):
        colour = np.zeros((32, 32, 3), np.uint8) + np.uint8([0, 200, 0])
        Image.fromarray(colour).save(tmp_path / "pictures" / f"img_{i:05}.png")
    model = videomamba.create_model("videomamba_nano_detector", class_names=("run", "sit"), **MODEL)
    found = list(videomamba.predict(model, [clips, str(tmp_path / "pict*"), tmp_path / "gone.mp4"], device="cpu"))
    assert [str(Path(result.path).relative_to(tmp_path)) for result in found] == [
        *("clips/blue/blue_0.mp4", "clips/green/green_0.mp4", "clips/red/red_0.mp4", "pictures", "gone.mp4")
    ]
    assert [len(result.keyframes) for result in found] == [0, 1, 0, 1, 0]
    assert "nobody is found" in found[0].error
    assert (found[1].error, found[3].error) == (None, None)
    assert found[4].error is not None
    assert loaded == [("person", 0.8)]


def test_a_result_is_saved_and_plotted(model, path, tmp_path):
    (result,) = videomamba.predict(model, path, device="cpu")
    result.save(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text()) == result.to_dict()
    figure = result.plot()
    texts = [label.get_text() for axis in figure.axes for label in axis.get_yticklabels()]
    assert [score.label for score in result.top_k] == [text for text in texts if text in NAMES]
    result.save(tmp_path / "result.png")
    with pytest.raises(UserError, match=r"result\.txt: end it in"):
        result.save(tmp_path / "result.txt")
