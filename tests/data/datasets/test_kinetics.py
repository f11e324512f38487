"""Kinetics: csv files and lists; dead links are counted."""

import pytest

from tests.data import layouts
from tests.data.layouts import by_class
from videomamba.data.datasets import LAYOUTS
from videomamba.labels import class_names


@pytest.mark.parametrize("flat", [False, True])
def test_kinetics_and_its_dead_links(tmp_path, flat):
    root = layouts.kinetics(tmp_path)
    if flat:
        for video in sorted(root.glob("*/*/*.mp4")):
            video.rename(video.parents[1] / video.name)
    parts = LAYOUTS["kinetics"](root)
    assert parts["train"].class_names == class_names("k400")
    assert by_class(parts["train"]) == {
        "abseiling": ["abs_-0_train_000000_000010.mp4", "abs_-1_train_000005_000015.mp4"],
        "zumba": ["zum_-0_train_000000_000010.mp4", "zum_-1_train_000005_000015.mp4"],
    }
    assert {len(names) for names in by_class(parts["test"]).values()} == {2}
    assert all(record.path.is_file() for part in parts.values() for record in part.records)
    assert (parts["train"].published, len(parts["train"].missing), parts["test"].missing) == (6, 2, ())
    assert parts["train"].missing[0].path == root / "train/abseiling/abs_-2_train_000010_000020.mp4"


def test_kinetics_600_has_its_own_names(tmp_path):
    root = layouts.kinetics(tmp_path)
    for file in (root / "annotations").iterdir():
        file.write_text(file.read_text().replace("zumba", "capsizing"))
    assert LAYOUTS["kinetics"](root)["test"].class_names == ("abseiling", "capsizing")


def test_kinetics_lists_of_mmaction(tmp_path):
    parts = LAYOUTS["kinetics"](layouts.kinetics_lists(tmp_path))
    assert by_class(parts["test"]) == {
        "abseiling": ["abseiling_0.mp4", "abseiling_1.mp4"],
        "zumba": ["zumba_0.mp4", "zumba_1.mp4"],
    }
    assert parts["train"].records[-1].path == tmp_path / "videos_train/zumba/zumba_1.mp4"


def test_bad_annotations(tmp_path):
    root = layouts.kinetics(tmp_path / "k400")
    (root / "annotations/train.csv").write_text("label,youtube_id,start\n")
    with pytest.raises(ValueError, match="has no column 'time_start'"):
        LAYOUTS["kinetics"](root)
    (root / "annotations/train.csv").write_text("label,youtube_id,time_start,time_end\nzumba,x,soon,later\n")
    with pytest.raises(ValueError, match="line 2: time_start and time_end are not numbers of seconds"):
        LAYOUTS["kinetics"](root)
    root = layouts.kinetics_lists(tmp_path / "lists")
    (root / "kinetics400_val_list_videos.txt").write_text("a.mp4 400\n")
    with pytest.raises(ValueError, match=r"'a.mp4 400' is not a path and a class's index below 400"):
        LAYOUTS["kinetics"](root)
