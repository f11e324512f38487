"""Breakfast as it was recorded: parts by person, one video of a stereo pair."""

from collections import Counter

import pytest

from tests.data import layouts
from videomamba.data.datasets import LAYOUTS
from videomamba.data.datasets.breakfast import FIRST_TEST_PERSON


@pytest.mark.parametrize("flat", [False, True])
def test_breakfast_parts_by_person(tmp_path, flat):
    root = layouts.breakfast(tmp_path)
    if flat:
        for video in sorted(root.rglob("P*/*/*.avi")):
            person, activity = video.stem.split("_")[:2]
            camera = video.parent.name.replace("stereo", "stereo01")
            video.rename(root / f"{person}_{camera}_{person}_{activity}.avi")
    parts = LAYOUTS["breakfast"](root)
    assert (len(parts["train"]), len(parts["test"])) == (12, 6), "one of each stereo pair"
    people = {name: {r.path.name[:3] for r in part.records} for name, part in parts.items()}
    assert people == {"train": {"P03", "P46"}, "test": {"P47"}}
    assert Counter(parts["test"].class_names[r.label] for r in parts["test"].records) == {"cereals": 3, "tea": 3}
    assert not any(r.path.stem.endswith("ch1") for part in parts.values() for r in part.records)
    assert parts["train"].published == 1357


@pytest.mark.shared
@pytest.mark.parametrize("flat", [False, True])
def test_the_real_names_of_breakfast(shared_data, tmp_path, flat):
    """The names of the four segmentation folds, whose union are all 1712 videos."""
    names = {n for file in (shared_data / "breakfast").iterdir() for n in file.read_text().split()}
    for name in names:
        person, camera, _, activity = name.split("_")
        stereo = camera == "stereo01"
        file = f"{name}.avi" if flat else f"{person}/{camera}/{person}_{activity}.avi"
        file = f"{person}/stereo/{person}_{activity}_ch1.avi" if stereo and not flat else file
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    parts = LAYOUTS["breakfast"](tmp_path)
    assert FIRST_TEST_PERSON == 47
    assert (len(parts["train"]), len(parts["test"])) == (1357, 355)
    assert all(part.published == len(part) for part in parts.values())
    assert set(parts["test"].class_names) == {n.rsplit("_")[-1] for n in names}
