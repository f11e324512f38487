"""One call for every kind of source and model."""

import io
import json

import numpy as np
import pytest
import torch

import videomamba
from tests.tiny import MODEL, write_clips
from videomamba.data import VideoReader, load_clip
from videomamba.errors import UserError

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
