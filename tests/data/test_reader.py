"""Reading: index i is the i-th frame shown, with either decoder; everything that is no video gets its one line."""

import av
import numpy as np
import pytest
import torch

from tests.data.videos import number_of, numbered_frames, write, write_audio
from videomamba.data import VideoError, VideoReader
from videomamba.data.decode_pyav import PyAVDecoder
from videomamba.data.decode_torchcodec import torchcodec_status
from videomamba.data.errors import VideoError as SameError

COUNT = 40
B_FRAMES = {"bf": "3", "g": "12", "b_strategy": "0"}


def read_all(path, decoder):
    with VideoReader(path, decoder=decoder) as reader:
        return reader.read(range(reader.num_frames))


def numbers(clip):
    return [number_of(frame) for frame in clip.frames]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("plain.mp4", {}),
        ("b_frames.mp4", {"options": B_FRAMES}),
        ("b_frames.mkv", {"options": B_FRAMES}),
        ("b_frames.avi", {"codec": "mpeg4", "options": {"bf": "2", "g": "12"}}),
        ("stream.ts", {"options": B_FRAMES}),
        ("uneven.mp4", {"pts": [i * 40 + (i % 3) * 11 + (300 if i > 20 else 0) for i in range(COUNT)]}),
        ("uneven.mkv", {"pts": [i * 40 + (i % 3) * 11 for i in range(COUNT)], "options": B_FRAMES}),
    ],
)
def test_index_is_the_place_in_presentation_order(tmp_path, name, how, decoder):
    if decoder == "torchcodec" and not name.endswith(("mp4", "mkv")):
        pytest.skip("torchcodec reads mp4/mov and mkv/webm")
    path = write(tmp_path / name, numbered_frames(COUNT), **how)
    with VideoReader(path, decoder=decoder) as reader:
        assert reader.num_frames == COUNT
        clip = reader.read(range(COUNT))
        assert numbers(clip) == list(range(COUNT))
        assert clip.indices.tolist() == list(range(COUNT))
        assert (clip.timestamps.diff() > 0).all()
        some = reader.read([31, 4, 4, 17])
        assert numbers(some) == [31, 4, 4, 17]
        assert torch.equal(some.frames[0], clip.frames[31])


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_is_applied(tmp_path, rotation, decoder):
    """The display matrix turns the picture clockwise by so many degrees."""
    frames = np.zeros((3, 48, 64, 3), np.uint8)
    frames[:, :24, :32] = 255  # top left
    path = write(tmp_path / "turned.mp4", frames, rotation=rotation)
    picture = read_all(path, decoder).frames[0].float().mean(0)
    want = np.rot90(frames[0].mean(-1), -rotation // 90)
    assert picture.shape == want.shape
    assert np.abs(picture.numpy() - want).mean() < 10


def test_decoders_agree_to_the_bit(tmp_path):
    works, reason = torchcodec_status()
    if not works:
        pytest.skip(f"torchcodec: {reason}")
    noise = np.random.default_rng(0).integers(0, 256, (30, 6, 8, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    for name, how in (("a.mp4", {"options": B_FRAMES}), ("b.mkv", {}), ("turned.mp4", {"rotation": 90})):
        path = write(tmp_path / name, noise, **how)
        a, b = read_all(path, "pyav"), read_all(path, "torchcodec")
        assert torch.equal(a.frames, b.frames), name
        torch.testing.assert_close(a.timestamps, b.timestamps)


def test_a_broken_metadata_tag_says_nothing_about_the_pictures(tmp_path, decoder):
    path = write(tmp_path / "tagged.mkv", numbered_frames(5), title="PLACEHOLDER")
    data = path.read_bytes()
    assert data.count(b"PLACEHOLDER") == 1
    path.write_bytes(data.replace(b"PLACEHOLDER", b"\xff\xfe\xe9LACEHOLD"))
    assert numbers(read_all(path, decoder)) == list(range(5))


@pytest.mark.shared
def test_real_clips_with_broken_headers(shared_data):
    """HMDB51 and UCF101 AVIs whose packets and frames differ in number, one with a broken tag."""
    for path in sorted((shared_data / "clips").glob("*.avi")):
        with VideoReader(path) as reader:
            clip = reader.read(range(reader.num_frames), short_side=32)
        assert len(clip) > 40, path
        assert clip.indices.tolist() == list(range(len(clip))), path


def test_far_frames_are_found_by_seeking(tmp_path, decoder):
    frames = numbered_frames(50).repeat(16, axis=0)  # 800 frames: number i // 16
    path = write(tmp_path / "long.mp4", frames, options={"g": "50", "bf": "2", "b_strategy": "0"})
    with VideoReader(path, decoder=decoder) as reader:
        clip = reader.read([500, 655, 656])
        assert numbers(clip) == [31, 40, 41]
        torch.testing.assert_close(clip.timestamps, torch.tensor([500.0, 655, 656], dtype=torch.float64) / 25)
        assert numbers(reader.read([0, 799])) == [0, 49]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("keep", [2**25, 0], ids=["packets kept", "read again"])
@pytest.mark.parametrize(
    "options",
    [
        {**B_FRAMES, "b-pyramid": "normal"},
        {"x264-params": "open-gop=1:keyint=9:min-keyint=9:bframes=3:b-adapt=0:scenecut=0"},
        {"x264-params": "intra-refresh=1:keyint=11:bframes=0:scenecut=0"},
    ],
    ids=["b-pyramid", "open-gop", "intra-refresh"],
)
def test_frames_that_are_passed_over_change_no_other(tmp_path, monkeypatch, options, keep, suffix):
    """A few frames, wherever decoding starts for them, are those of a reading of all, one after the other."""
    monkeypatch.setattr("videomamba.data.decode_pyav._KEEP_BYTES", keep)
    moving = np.random.default_rng(0).integers(0, 256, (COUNT, 6, 8, 3), np.uint8).repeat(8, 1).repeat(8, 2)
    moving[1:] = moving[:-1] // 4 * 3 + moving[1:] // 4  # worth predicting
    path = write(tmp_path / f"a.{suffix}", moving, options=options)
    with VideoReader(path, decoder="pyav") as reader:
        whole = reader.read(range(COUNT))
        for indices in (*([i] for i in range(COUNT)), [5, 6, 20], [1, 13, 38, 39], [17, 21, 29], range(0, COUNT, 3)):
            clip = reader.read(indices)
            assert torch.equal(clip.frames, whole.frames[list(indices)]), indices
            assert clip.indices.tolist() == list(indices)


def test_frames_are_passed_over(tmp_path):
    """Where the last frame alone is wanted, fewer frames come out of the decoder than go in."""
    path = write(tmp_path / "a.mp4", numbered_frames(COUNT), options=B_FRAMES)
    decoder = PyAVDecoder(path)
    assert len(list(decoder._decode(0))) == COUNT
    places = [index for index, _ in decoder._decode(0, wanted=[COUNT - 1])]
    assert places[-1] == COUNT - 1
    assert len(places) < COUNT
    assert set(places) < set(range(COUNT))
    decoder.close()


def test_auto_falls_back_to_pyav(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mp4", numbered_frames(3))
    monkeypatch.setattr("videomamba.data.reader.torchcodec_status", lambda: (False, "not here"))
    assert VideoReader(path).decoder == "pyav"
    with pytest.raises(ValueError, match="decoder 'torchcodec' does not work here: not here"):
        VideoReader(path, decoder="torchcodec")
    with pytest.raises(ValueError, match="unknown decoder 'opencv'; choose auto, torchcodec or pyav"):
        VideoReader(path, decoder="opencv")


def test_avi_goes_to_pyav(tmp_path):
    path = write(tmp_path / "a.avi", numbered_frames(3), codec="mpeg4")
    assert VideoReader(path).decoder == "pyav"
    if torchcodec_status()[0]:
        with pytest.raises(VideoError, match="neither mp4/mov nor mkv/webm"):
            VideoReader(path, decoder="torchcodec")


@pytest.mark.parametrize("indices", [[], [-1], [3]])
def test_indices_outside_the_video(tmp_path, indices, decoder):
    path = write(tmp_path / "a.mp4", numbered_frames(3))
    with VideoReader(path, decoder=decoder) as reader, pytest.raises(ValueError, match="has frames 0 to 2; asked for"):
        reader.read(indices)


def test_one_frame(tmp_path, decoder):
    path = write(tmp_path / "one.mp4", numbered_frames(1))
    assert read_all(path, decoder).frames.shape == (1, 3, 48, 64)


def test_four_by_four_pixels(tmp_path, decoder):
    frames = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), np.uint8)
    path = write(tmp_path / "tiny.mkv", frames, codec="ffv1", pix_fmt="bgr0")
    np.testing.assert_array_equal(read_all(path, decoder).frames.permute(0, 2, 3, 1).numpy(), frames)


def test_short_side_shrinks_and_never_enlarges(tmp_path, decoder):
    path = write(tmp_path / "a.mp4", numbered_frames(3, 96, 128))
    with VideoReader(path, decoder=decoder) as reader:
        assert reader.read([0, 2], short_side=24).frames.shape == (2, 3, 24, 32)
        assert torch.equal(reader.read([0], short_side=96).frames, reader.read([0]).frames)
        assert reader.read([0], short_side=200).frames.shape == (1, 3, 96, 128)


BIG = """
import resource, sys
from videomamba.data import VideoReader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with VideoReader(sys.argv[1], decoder="pyav") as reader:
    clip = reader.read([0, 1] * 8, short_side=64)
assert clip.frames.shape == (16, 3, 64, 64), clip
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_8000_by_8000_pixels_take_bounded_memory(forks, tmp_path):
    """16 such frames are 3 GB; a reader that shrinks them as they come holds one or two."""
    frames = np.broadcast_to(np.uint8(128), (2, 8000, 8000, 3))
    path = write(tmp_path / "big.mkv", frames, codec="mjpeg", pix_fmt="yuvj420p", options={"qscale": "31"})
    script = tmp_path / "big.py"
    script.write_text(BIG)
    end = forks.start_script(script, path).end()
    assert end.status == 0, end.err
    assert int(end.out) < 1400, "MB more than before"


def make_bad_file(kind, folder):
    path = folder / f"{kind}.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("this is no video\n" * 100)
    elif kind == "truncated":
        whole = write(folder / "whole.mp4", numbered_frames(20)).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])  # the index at the end is gone
    elif kind == "audio":
        write_audio(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "no_frames":
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=25)
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
            container.start_encoding()
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "does not exist"),
        ("folder", "is a folder, not a video file"),
        ("empty", "is empty"),
        ("text", "is not a video that FFmpeg can open|neither mp4/mov nor mkv/webm"),
        ("truncated", "is not a video"),
        ("audio", "has no video stream|is not a video that torchcodec can open"),
        ("no_frames", "without frames|is not a video that torchcodec can open|has no video stream"),
    ],
)
def test_files_that_are_no_videos(tmp_path, kind, message, decoder):
    path = make_bad_file(kind, tmp_path)
    with pytest.raises(VideoError, match=message) as caught:
        VideoReader(path, decoder=decoder)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert SameError is VideoError


@pytest.mark.parametrize("name", ["cut.ts", "cut.mkv", "cut.avi"])
def test_a_file_cut_short_gives_what_it_has(tmp_path, name):
    how = {"codec": "mpeg4"} if name.endswith("avi") else {"options": {"g": "5", "bf": "0"}}
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (COUNT, 48, 64, 3), np.uint8)  # does not compress: the cut falls among the frames
    whole = write(tmp_path / f"whole_{name}", noise, **how)
    path = tmp_path / name
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6)])
    with VideoReader(path) as reader:
        assert 10 < reader.num_frames < COUNT
        clip = reader.read(range(reader.num_frames))
    first = read_all(whole, "auto").frames[: len(clip) - 2]
    assert torch.equal(clip.frames[: len(clip) - 2], first)


def test_broken_bytes_in_the_middle_do_not_end_the_video(tmp_path):
    path = write(tmp_path / "a.mkv", np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8),
                 options={"g": "5"})  # fmt: skip
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)
    with VideoReader(path, decoder="pyav") as reader:
        assert reader.read(range(reader.num_frames)).frames.shape[0] == reader.num_frames
