"""Regions of a clip: where they are on the model's input, and what cannot be one."""

import numpy as np
import pytest
import torch
from PIL import Image

from videomamba.data import load_clip
from videomamba.data.synthetic import write_video
from videomamba.errors import UserError
from videomamba.inference import regions
from videomamba.inference.regions import Boxes, Masks, People, make_region, moving
from videomamba.preprocessing import Preprocessing

PLAIN = Preprocessing(num_frames=4, size=(32, 32))
CPU = torch.device("cpu")


def film(path, *, frames=8, size=(32, 32), square=True):
    """A bright square of 8 x 8 that moves right over grey, 2 pixels a frame."""
    video = np.full((frames, *size, 3), 90, np.uint8)
    for i, frame in enumerate(video):
        if square:
            frame[8:16, 2 * i : 2 * i + 8] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, video, fps=8)
    return path


@pytest.fixture
def video(tmp_path):
    return film(tmp_path / "films" / "go" / "a.mp4")


def test_what_moves_is_where_the_square_is(video, tmp_path):
    where = moving(video, load_clip(video, PLAIN))
    assert where.shape == (4, 32, 32)
    assert 0 < where.mean() <= 0.26
    assert where[:, 7:17].sum() > 0.6 * where.sum()
    still = film(tmp_path / "still.mp4", square=False)
    assert moving(still, load_clip(still, PLAIN)).mean() == 0
    with pytest.raises(UserError, match="one frame has nothing that moves"):
        moving(video, load_clip(video, Preprocessing(num_frames=1, size=(32, 32))))


def test_a_mask_is_found_by_name_and_cropped_like_the_clip(video, tmp_path):
    wide = film(tmp_path / "films" / "go" / "wide.mp4", size=(32, 64))
    mask = np.zeros((64, 128), np.uint8)
    mask[:, :64] = 255  # the left half of a picture of twice the size
    (tmp_path / "masks" / "go").mkdir(parents=True)
    Image.fromarray(mask).save(tmp_path / "masks" / "go" / "wide.png")
    where = make_region(str(tmp_path / "masks"), device=CPU)(wide, load_clip(wide, PLAIN))
    assert where.shape == (4, 32, 32)
    assert where[:, :, :15].min() == 1
    assert where[:, :, 17:].max() == 0
    themselves = Masks(tmp_path / "films")(video, load_clip(video, PLAIN))  # a silhouette is its own mask
    for step, frame in zip(themselves, (1, 3, 5, 7), strict=True):
        assert step[8:16, 2 * frame : 2 * frame + 8].mean() > 0.9
        assert 64 * 0.8 < step.sum() < 64 * 1.4


def test_boxes_of_a_file_hold_until_the_next(video, tmp_path):
    file = tmp_path / "boxes.csv"
    file.write_text("a,0,0,0,0.5,0.5,,1\na,1,0.5,0.5,1,1,,1\n")  # 8 frames a second: at frame 0 and at the last
    where = make_region(str(file), device=CPU)(video, load_clip(video, PLAIN))
    assert where[0, :16, :16].min() == 1
    assert where[0].sum() == 16 * 16
    assert where[-1, 16:, 16:].min() == 1
    assert isinstance(make_region(str(file), device=CPU), Boxes)


def test_people_are_looked_for_once_per_tubelet(video, monkeypatch):
    looked = []

    class Detector:
        def __init__(self, category, **options):
            assert (category, options["instead"]) == ("person", "--compare BOXES.csv")

        def __call__(self, frame):
            looked.append(frame)
            return [((0.0, 0.0, 0.5, 1.0), 0.9)] if len(looked) == 1 else []

    monkeypatch.setattr(regions, "ObjectDetector", Detector)
    where = People(CPU, tubelet=2)(video, load_clip(video, PLAIN))
    assert len(looked) == 2
    assert where.mean((1, 2)).tolist() == [0.5, 0.5, 0, 0]


def test_mistakes(video, tmp_path):
    clip = load_clip(video, PLAIN)
    with pytest.raises(UserError, match="there is no 'nowhere'; give moving, person, a folder of masks"):
        make_region("nowhere", device=CPU)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"has no mask of .*looked for go/a and a"):
        Masks(tmp_path / "empty")(video, clip)
    film(tmp_path / "short" / "a.mp4", frames=5)
    with pytest.raises(UserError, match=r"has 5 frames, .* 8; a mask has as many, or one"):
        Masks(tmp_path / "short")(video, clip)
    film(tmp_path / "tall" / "a.mp4", size=(64, 32))
    with pytest.raises(UserError, match=r"is 32 x 64 and .* 32 x 32; a mask has its shape"):
        Masks(tmp_path / "tall")(video, clip)
