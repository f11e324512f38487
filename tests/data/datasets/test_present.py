"""Videos that a list names and that are not there, or under another suffix."""

import shutil

import pytest

from tests.data import layouts
from videomamba.data.datasets import LAYOUTS


def test_converted_videos_are_found_under_other_suffixes(tmp_path):
    root = layouts.hmdb51(tmp_path)
    for video in root.glob("wave/*.avi"):
        video.rename(video.with_suffix(".mp4"))
    assert LAYOUTS["hmdb51"](root)["train"].records[-1].path.suffix == ".mp4"


def test_a_missing_video_of_a_small_set_is_an_error(tmp_path):
    root = layouts.hmdb51(tmp_path)
    (root / "wave" / "Some_film_wave_u_cm_np1_fr_med_1.avi").unlink()
    with pytest.raises(ValueError, match=r"1 of the 8 videos of the train part are missing, the first .*wave.*med_1"):
        LAYOUTS["hmdb51"](root)
    part = LAYOUTS["hmdb51"](root, missing_ok=True)["train"]
    assert [record.path.name for record in part.missing] == ["Some_film_wave_u_cm_np1_fr_med_1.avi"]


def test_all_missing_is_an_error_for_kinetics_too(tmp_path):
    root = layouts.kinetics(tmp_path)
    shutil.rmtree(root / "val")
    with pytest.raises(
        ValueError, match=r"all 4 videos of the test part are missing, the first .*val/abseiling/abs_-0"
    ):
        LAYOUTS["kinetics"](root)
