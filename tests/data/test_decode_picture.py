"""Pictures are videos of one frame, upright, with the brightness that their file says."""

import numpy as np
import pytest
import torch
from PIL import Image

from videomamba.data import VideoError, VideoReader
from videomamba.data.decode_picture import picture
from videomamba.notes import UserNote

RED_ON_TOP = np.zeros((8, 6, 3), np.uint8)
RED_ON_TOP[:4, :, 0] = 255


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "PNG"])
def test_a_picture_is_one_frame(tmp_path, suffix):
    file = tmp_path / f"a.{suffix}"
    Image.fromarray(RED_ON_TOP).save(file)
    with VideoReader(file) as reader:
        assert (reader.num_frames, reader.decoder) == (1, "pillow")
        clip = reader.read([0, 0])
    assert torch.equal(clip.frames[1], torch.from_numpy(RED_ON_TOP).permute(2, 0, 1))
    assert clip.timestamps.tolist() == [0, 0]


def test_exif_turns_it(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    Image.fromarray(RED_ON_TOP).save(tmp_path / "a.png", exif=exif)
    upright = picture(tmp_path / "a.png")
    assert upright.shape == (6, 8, 3)
    assert (upright[:, 4:, 0] == 255).all()
    assert (upright[:, :4] == 0).all()


@pytest.mark.parametrize(
    ("mode", "array"), [("L", np.full((4, 4), 128, np.uint8)), ("I;16", np.full((4, 4), 32896, np.uint16))]
)
def test_grey_of_8_and_16_bits(tmp_path, mode, array):
    Image.fromarray(array).save(tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").mode == mode
    assert (picture(tmp_path / "a.png") == 128).all()


@pytest.mark.parametrize("name", ["a.webp", "a.png", "a.tiff"])
def test_of_several_pictures_the_first_is_taken_with_a_note(tmp_path, name):
    frames = [Image.fromarray(np.full((8, 6, 3), level, np.uint8)) for level in (10, 100, 200)]
    frames[0].save(
        tmp_path / name, save_all=True, append_images=frames[1:], **({"lossless": True} if "webp" in name else {})
    )
    with pytest.warns(UserNote, match=rf"{name} holds 3 pictures; the first one is taken"):
        assert (picture(tmp_path / name) == 10).all()


def test_what_is_no_picture_is_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "f.tiff")
    (tmp_path / "text.jpg").write_text("no picture")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:2000])
    for name, why in (("f.tiff", "32 bits"), ("text.jpg", "cannot be decoded"), ("cut.png", "cannot be decoded")):
        with pytest.raises(VideoError, match=rf"{name}.*{why}") as error:
            VideoReader(tmp_path / name)
        assert "\n" not in str(error.value)
