"""Pictures are FFmpeg's: turned, mirrored, of any tags and pixels, from both decoders."""

import shutil
import subprocess

import numpy as np
import pytest

from tests.data.videos import set_matrix, set_tags, write
from videomamba.data import VideoReader
from videomamba.data.stream import VideoStream

CORNERS = np.array([[20, 90], [160, 230]])
MATRICES = {
    (1, 0, 0, 1): [[20, 90], [160, 230]],
    (-1, 0, 0, 1): [[90, 20], [230, 160]],
    (1, 0, 0, -1): [[160, 230], [20, 90]],
    (-1, 0, 0, -1): [[230, 160], [90, 20]],
    (0, 1, -1, 0): [[160, 20], [230, 90]],
    (0, -1, 1, 0): [[90, 230], [20, 160]],
    (0, 1, 1, 0): [[20, 160], [90, 230]],
    (0, -1, -1, 0): [[230, 90], [160, 20]],
}


@pytest.mark.parametrize("matrix", MATRICES)
def test_turns_and_mirrors(tmp_path, matrix, decoder):
    frames = np.repeat(CORNERS.repeat(32, 0).repeat(48, 1)[None, ..., None], 3, 3).astype(np.uint8).repeat(3, 0)
    path = write(tmp_path / "a.mp4", frames)
    set_matrix(path, *matrix)
    with VideoReader(path, decoder=decoder) as reader:
        picture = reader.read([1]).frames[0].float().mean(0)
    height, width = picture.shape
    assert (height, width) == ((96, 64) if matrix[0] == 0 else (64, 96))
    quarters = picture.reshape(2, height // 2, 2, width // 2).mean((1, 3))
    np.testing.assert_allclose(quarters.numpy(), MATRICES[matrix], atol=3)


@pytest.mark.parametrize("how", ["rotate=90", "flip=horizontal", "flip=vertical"])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_orientation_in_the_stream(tmp_path, name, how):
    """Of the frames themselves, where the container says nothing; torchcodec would pass over it."""
    frames = np.repeat(CORNERS.repeat(32, 0).repeat(48, 1)[None, ..., None], 3, 3).astype(np.uint8).repeat(3, 0)
    plain = write(tmp_path / f"plain{name[1:]}", frames)
    path = set_tags(plain, tmp_path / name, display_orientation=f"insert:{how}")
    with VideoReader(plain, decoder="pyav") as reader, VideoReader(path) as turned:
        assert turned.decoder == "pyav"
        assert (reader._decoder.turns, turned._decoder.turns) == (False, True)
        later = turned.read([2]).frames[0]
        pictures = [*turned.read([0, 1]).frames, later]
    with VideoStream(path) as stream:
        pictures += [frame.picture for frame in stream.frames(first=1)]
    want = by_ffmpeg(path, (3, *later.shape[1:], 3))[0]  # it turns the first frame alone
    for picture in pictures:
        np.testing.assert_allclose(quarters(picture[0].numpy()), quarters(want[..., 0]), atol=3)


def quarters(picture):
    height, width = picture.shape
    return picture.reshape(2, height // 2, 2, width // 2).mean((1, 3))


def moving(count=6, height=48, width=64):
    noise = np.random.default_rng(0).integers(0, 256, (count, height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return noise.repeat(8, 1).repeat(8, 2)[:, :height, :width]


def by_ffmpeg(path, shape):
    """What the command ffmpeg shows."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("the command ffmpeg is not installed")
    command = ["ffmpeg", "-v", "error", "-i", f"file:{path}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8).reshape(shape)


@pytest.mark.parametrize(("name", "size", "how"), [
    ("plain.mp4", (48, 64), {}),
    ("full.mp4", (48, 64), {"pix_fmt": "yuvj420p"}),
    ("422.mp4", (48, 64), {"pix_fmt": "yuv422p"}),
    ("ten_bits.mp4", (48, 64), {"pix_fmt": "yuv420p10le"}),
    ("interlaced.mp4", (48, 64), {"options": {"flags": "+ildct+ilme"}}),
    ("odd.mkv", (47, 63), {"codec": "ffv1"}),
    ("410.mkv", (50, 66), {"codec": "ffv1", "pix_fmt": "yuv410p"}),
    ("ten_bits_odd.mkv", (47, 63), {"codec": "ffv1", "pix_fmt": "yuv420p10le"}),
    ("twelve_bits.mkv", (48, 64), {"codec": "ffv1", "pix_fmt": "yuv422p12le"}),
])  # fmt: skip
def test_pictures_are_ffmpegs(tmp_path, name, size, how, decoder):
    path = write(tmp_path / name, moving(6, *size), **how)
    with VideoReader(path, decoder=decoder) as reader:
        frames = reader.read(range(6)).frames.permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(frames, by_ffmpeg(path, frames.shape))


@pytest.mark.parametrize("tags", [{"matrix_coefficients": m} for m in (1, 3, 5, 8, 9, 10, 11, 12, 13, 14)] + [
    {"transfer_characteristics": 3}, {"colour_primaries": 3}, {"transfer_characteristics": 16},
], ids=lambda tags: "-".join(f"{k}{v}" for k, v in tags.items()))  # fmt: skip
def test_any_colour_tags(tmp_path, tags, decoder):
    path = set_tags(write(tmp_path / "a.mp4", moving()), tmp_path / "b.mp4", **tags)
    with VideoReader(path, decoder=decoder) as reader:
        frames = reader.read(range(6)).frames.permute(0, 2, 3, 1).numpy()
    assert frames.std() > 30
    np.testing.assert_array_equal(frames, by_ffmpeg(path, frames.shape))
