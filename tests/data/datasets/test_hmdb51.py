"""HMDB51: three splits, wherever their files lie."""

import shutil

import pytest

from tests.data import layouts
from tests.data.layouts import by_class
from videomamba.data.datasets import FOLDS, LAYOUTS
from videomamba.labels import class_names


@pytest.mark.parametrize("where", ["testTrainMulti_7030_splits", "test_train_splits/official", "."])
@pytest.mark.parametrize("videos", [".", "hmdb51_org"])
def test_hmdb51(tmp_path, where, videos):
    root = layouts.hmdb51(tmp_path / "hmdb")
    if videos != ".":
        (root / videos).mkdir()
        for name in layouts.HMDB51:
            (root / name).rename(root / videos / name)
    if where != "testTrainMulti_7030_splits":
        shutil.copytree(root / "testTrainMulti_7030_splits", root / where, dirs_exist_ok=True)
        shutil.rmtree(root / "testTrainMulti_7030_splits")
    assert FOLDS["hmdb51"] == 3
    for fold in (1, 2, 3):
        parts = LAYOUTS["hmdb51"](root, fold=fold)
        assert parts["train"].class_names == class_names("hmdb51")
        numbers = {name: [int(v.split("_")[-1][0]) for v in videos] for name, videos in by_class(parts["test"]).items()}
        assert numbers == {name: [fold - 1, fold + 2] for name in layouts.HMDB51}
        assert {len(names) for names in by_class(parts["train"]).values()} == {4}
    assert LAYOUTS["hmdb51"](root)["test"] == LAYOUTS["hmdb51"](root, fold=1)["test"]


def test_lists_that_are_not_utf8_are_named(tmp_path):
    root = layouts.hmdb51(tmp_path / "hmdb51")
    file = next(root.rglob("*_test_split1.txt"))
    file.write_bytes(b"caf\xe9.avi 1\n")
    with pytest.raises(ValueError, match=rf"{file.name} cannot be read: line 1 is not UTF-8"):
        LAYOUTS["hmdb51"](root)


@pytest.mark.shared
def test_the_real_splits_of_hmdb51(shared_data, tmp_path):
    """All names of the real split files as (empty) videos: 3570 train, 1530 test, nobody on both sides."""
    (tmp_path / "splits").symlink_to(shared_data / "hmdb51_splits")
    for file in (shared_data / "hmdb51_splits").glob("*_split1.txt"):
        folder = tmp_path / file.name.removesuffix("_test_split1.txt")
        folder.mkdir()
        for line in file.read_text().splitlines():
            (folder / line.rsplit(" ", 2)[0]).touch()
    for fold in (1, 2, 3):
        parts = LAYOUTS["hmdb51"](tmp_path, fold=fold)
        assert (len(parts["train"]), len(parts["test"])) == (3570, 1530)
        assert all(part.published == len(part) for part in parts.values())
        assert not {r.path for r in parts["train"].records} & {r.path for r in parts["test"].records}


def test_bad_annotations(tmp_path):
    root = layouts.hmdb51(tmp_path / "hmdb51")
    (root / "testTrainMulti_7030_splits/wave_test_split1.txt").write_text("a.avi 3\n")
    with pytest.raises(
        ValueError, match=r"wave_test_split1.txt, line 1: 'a.avi 3' is not a video's name and 0, 1 or 2"
    ):
        LAYOUTS["hmdb51"](root)
    (root / "testTrainMulti_7030_splits/wave_test_split1.txt").unlink()
    with pytest.raises(ValueError, match=r"wave_test_split1.txt is missing"):
        LAYOUTS["hmdb51"](root)


def jhmdb(root):
    """Its 21 classes as published, one training and one test clip each of every split."""
    for name in class_names("jhmdb"):
        (root / "JHMDB_video/ReCompressed_Videos" / name).mkdir(parents=True)
        (root / "splits").mkdir(exist_ok=True)
        for i in range(3):
            (root / "JHMDB_video/ReCompressed_Videos" / name / f"{name}_{i}.avi").touch()
        for fold in (1, 2, 3):
            lines = "".join(f"{name}_{i}.avi {2 if i == fold - 1 else 1} \n" for i in range(3))
            (root / "splits" / f"{name}_test_split{fold}.txt").write_text(lines)
    return root


def test_jhmdb(tmp_path):
    root = jhmdb(tmp_path / "jhmdb")
    for fold in (1, 2, 3):
        parts = LAYOUTS["jhmdb"](root, fold=fold)
        assert parts["test"].class_names == class_names("jhmdb")
        assert by_class(parts["test"]) == {name: [f"{name}_{fold - 1}.avi"] for name in class_names("jhmdb")}
        assert len(parts["train"]) == 42


def test_jhmdb_out_of_the_folder_of_hmdb51(tmp_path):
    root = jhmdb(tmp_path / "hmdb51")
    (root / "splits").rename(root / "testTrainMulti_7030_splits")
    (root / "JHMDB_video/ReCompressed_Videos").rename(root / "hmdb51_org")
    (root / "hmdb51_org/smoke").mkdir()  # a class of HMDB51 alone
    (root / "hmdb51_org/smoke/smoke_0.avi").touch()
    (root / "testTrainMulti_7030_splits/smoke_test_split1.txt").write_text("smoke_0.avi 1 \n")
    parts = LAYOUTS["jhmdb"](root)
    assert (len(parts["train"]), len(parts["test"]), len(parts["train"].class_names)) == (42, 21, 21)


def test_jhmdb_with_a_split_of_its_own(tmp_path):
    root = jhmdb(tmp_path / "jhmdb")
    rows = [
        ("catch/catch_0.avi", "catch", "train"),
        ("pour/pour_0.avi", "pour", "train"),
        ("pour/pour_1.avi", "pour", "test"),
    ]
    lines = [f"JHMDB_video/ReCompressed_Videos/{path},{label},{part}" for path, label, part in rows]
    (root / "clips.csv").write_text("\n".join(["path,label,split", *lines]))
    parts = LAYOUTS["jhmdb"](root)
    assert [r.path.name for r in parts["test"].records] == ["pour_1.avi"]
    with pytest.raises(ValueError, match=r"clips\.csv has one split; leave out --splits 2"):
        LAYOUTS["jhmdb"](root, fold=2)
