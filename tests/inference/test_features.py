"""Features of long videos: windows joined as they should be, read once, in bounded memory."""

import gc
import itertools
import json

import numpy as np
import pytest
import torch

from tests.tiny import MODEL
from videomamba.data import VideoReader, eval_transform
from videomamba.data.synthetic import write_video
from videomamba.data.video_writer import video_file
from videomamba.inference.features import Windows, video_features, windows_for, write_features
from videomamba.models import create_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return create_model("videomamba_nano", num_classes=3, **{**MODEL, "num_frames": 8})


def video(path, frames, seed=0):
    rng = np.random.default_rng(seed)
    write_video(path, rng.integers(0, 255, (frames, 32, 32, 3)).astype(np.uint8), fps=10)
    return path


def plain(model, path, windows):
    """The same with the whole video in memory, window by window."""
    with VideoReader(path) as reader:
        frames = reader.read(list(range(0, reader.num_frames, windows.step))).frames
    p = model.preprocessing
    clip = eval_transform(p)(frames)
    tubelets = -(-clip.shape[1] // windows.tubelet)
    length = max(tubelets * windows.tubelet, windows.frames)
    clip = torch.cat([clip, clip[:, -1:].expand(-1, length - clip.shape[1], -1, -1)], 1)
    n = windows.frames // windows.tubelet
    total, weights = torch.zeros(length // windows.tubelet, 32), torch.zeros(length // windows.tubelet, 1)
    start = 0
    with torch.inference_mode():
        while True:
            start = min(start, length - windows.frames)
            found = model.eval().feature_map(clip[None, :, start : start + windows.frames]).mean((0, 3, 4)).T
            for j in range(n):
                weight = min(j + 1, n - j)
                total[start // windows.tubelet + j] += weight * found[j]
                weights[start // windows.tubelet + j] += weight
            if start == length - windows.frames:
                return (total / weights)[:tubelets]
            start += windows.hop


@pytest.mark.parametrize(("frames", "step", "overlap"), [(37, 1, 0.5), (40, 2, 0.75), (16, 1, 0.0), (5, 1, 0.5)])
def test_windows_are_joined(model, tmp_path, frames, step, overlap):
    path = video(tmp_path / "v.mp4", frames)
    windows = windows_for(model, step=step, overlap=overlap)
    for batch_size in (1, 3):
        with VideoReader(path) as reader:
            frames = reader.stream(step=windows.step, short_side=64)
            ours = torch.stack(list(video_features(model, frames, windows, device=CPU, batch_size=batch_size)))
        torch.testing.assert_close(ours, plain(model, path, windows), atol=1e-5, rtol=1e-4)


def test_the_file_has_a_feature_for_every_frame(model, tmp_path):
    path = video(tmp_path / "v.mp4", 21)
    windows = windows_for(model, step=2)
    expected = plain(model, path, windows)
    for stride in (1, 3):
        info = write_features(tmp_path / "f.npy", model, path, windows, name="ckpt", device=CPU, stride=stride)
        array = np.load(tmp_path / "f.npy")
        assert array.shape == info.shape == (32, -(-21 // stride))
        assert array.dtype == np.float32
        for column, frame in enumerate(range(0, 21, stride)):
            np.testing.assert_allclose(array[:, column], expected[frame // 4], atol=1e-5, rtol=1e-4)
        facts = json.loads((tmp_path / "f.json").read_text())
        assert (facts["fps"], facts["stride"], facts["model"], facts["frames"]) == (10.0, stride, "ckpt", 21)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f.json", "f.npy", "v.mp4"]


def test_memory_does_not_grow_with_the_video(model, tmp_path):
    """Bytes of all tensors that live while features come: those of the last quarter are no more than of the second."""
    path, held = video(tmp_path / "v.mp4", 240), []
    gc.freeze()  # what is there already is left out of gc.get_objects()
    try:
        with VideoReader(path) as reader:
            for _ in video_features(model, reader.stream(), windows_for(model), device=CPU, batch_size=2):
                storages = [o.untyped_storage() for o in gc.get_objects() if type(o) is torch.Tensor]
                held.append(sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values()))
    finally:
        gc.unfreeze()
    assert len(held) == 120
    assert max(held[90:]) <= max(held[30:60])


def test_windows_cover_a_video():
    windows = Windows(frames=8, step=1, hop=4, tubelet=2)
    for length in range(8, 60, 2):
        starts = windows.starts(length)
        assert starts[0] == 0
        assert starts[-1] == length - 8
        assert all(0 < b - a <= 4 for a, b in itertools.pairwise(starts))


def test_mistakes_are_one_line(model, tmp_path):
    with pytest.raises(ValueError, match=r"overlap=1\.0"):
        windows_for(model, overlap=1.0)
    with pytest.raises(ValueError, match="step=0"):
        windows_for(model, step=0)
    with pytest.raises(ValueError, match="stride=0"):
        write_features(tmp_path / "f.npy", model, tmp_path, windows_for(model), name="", device=CPU, stride=0)


def test_when_features_are(model, tmp_path):
    """The json says when each is where the rate varies, by the frames' own times."""
    frames = np.random.default_rng(0).integers(0, 255, (12, 32, 32, 3)).astype(np.uint8)
    for name, moments in (
        ("even", [None] * 12),
        ("uneven", [0.1 * i if i < 6 else 0.5 + 0.5 * (i - 5) for i in range(12)]),
    ):
        with video_file(tmp_path / f"{name}.mp4", height=32, width=32, fps=10) as writer:
            for frame, seconds in zip(frames, moments, strict=True):
                writer.write(frame, seconds)
        path = tmp_path / f"{name}.npy"
        write_features(path, model, tmp_path / f"{name}.mp4", windows_for(model), name="x", device=CPU, stride=2)
        seconds = json.loads(path.with_suffix(".json").read_text())["seconds"]
        if name == "even":
            assert seconds is None
        else:
            assert seconds == pytest.approx([0, 0.2, 0.4, 1, 2, 3, 4.0], abs=1e-3)


@pytest.mark.parametrize(("frames", "step", "stride"), [(37, 1, 1), (40, 2, 3), (5, 1, 2), (33, 3, 1), (8, 1, 1)])
def test_a_stream_gives_what_the_file_gives(model, tmp_path, frames, step, stride):
    path, windows = video(tmp_path / "v.mp4", frames), windows_for(model, step=step)
    options = {"name": "x", "device": CPU, "stride": stride}
    info = write_features(tmp_path / "file.npy", model, path, windows, **options)
    stream = write_features(tmp_path / "stream.npy", model, path.read_bytes(), windows, **options)
    assert (tmp_path / "file.npy").read_bytes() == (tmp_path / "stream.npy").read_bytes()
    assert (stream.frames, stream.shape, stream.fps) == (info.frames, info.shape, pytest.approx(info.fps))


def test_ctrl_c_keeps_the_features_of_a_stream(model, tmp_path):
    data, windows = video(tmp_path / "v.mp4", 60).read_bytes(), windows_for(model)

    def stop(done, total):
        assert total is None
        if done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="has what there was until then"):
        write_features(tmp_path / "f.npy", model, data, windows, name="x", device=CPU, on_window=stop)
    array = np.load(tmp_path / "f.npy")
    assert 10 < array.shape[1] < 60
    assert np.isfinite(array).all()
    assert json.loads((tmp_path / "f.json").read_text())["shape"] == [32, array.shape[1]]
