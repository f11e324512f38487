"""The published layouts: the right videos, classes and parts; errors that say what was looked for."""

import json
import shutil
from collections import Counter

import pytest

from tests.data import layouts
from videomamba.data.datasets import FOLDS, LAYOUTS, read_layout
from videomamba.data.datasets.breakfast import FIRST_TEST_PERSON
from videomamba.labels import ava_class_names, class_names


def by_class(part):
    """Names of the videos by the name of their class."""
    found = {}
    for record in part.records:
        found.setdefault(part.class_names[record.label], []).append(record.path.name)
    return found


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


@pytest.mark.parametrize("prefix", ["something-something-v2-", ""])
def test_ssv2(tmp_path, prefix):
    parts = LAYOUTS["ssv2"](layouts.ssv2(tmp_path, prefix=prefix))
    assert parts["train"].class_names == class_names("ssv2")
    assert Counter(record.label for record in parts["train"].records) == {86: 2, 19: 2}
    assert by_class(parts["test"])["Pulling something from left to right"] == ["105.webm", "106.webm"]


def test_ssv2_takes_the_order_of_the_labels_file(tmp_path):
    root = layouts.ssv2(tmp_path)
    file = root / "something-something-v2-labels.json"
    names = list(class_names("ssv2"))
    file.write_text(json.dumps({name: str(i) for i, name in enumerate(reversed(names))}))
    train = LAYOUTS["ssv2"](root)["train"]
    assert train.class_names == tuple(reversed(names))
    assert set(by_class(train)) == {name.replace("[", "").replace("]", "") for name in layouts.SSV2}
    file.unlink()
    assert LAYOUTS["ssv2"](root)["train"].class_names == tuple(names)


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


def test_a_split_that_a_layout_does_not_have(tmp_path):
    root = layouts.hmdb51(tmp_path)
    assert read_layout("hmdb51", root, fold=2) == LAYOUTS["hmdb51"](root, fold=2)
    assert read_layout("hmdb51", root) == LAYOUTS["hmdb51"](root, fold=1)
    with pytest.raises(ValueError, match="fold=4: data in the layout 'hmdb51' has splits 1 to 3"):
        read_layout("hmdb51", root, fold=4)
    with pytest.raises(ValueError, match="fold=2: data in the layout 'kinetics' has one split"):
        read_layout("kinetics", root, fold=2)


def test_converted_videos_are_found_under_other_suffixes(tmp_path):
    root = layouts.hmdb51(tmp_path)
    for video in root.glob("wave/*.avi"):
        video.rename(video.with_suffix(".mp4"))
    assert LAYOUTS["hmdb51"](root)["train"].records[-1].path.suffix == ".mp4"


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


@pytest.mark.parametrize("layout", ["kinetics", "ssv2", "hmdb51", "breakfast"])
def test_an_empty_folder_is_told_what_was_looked_for(tmp_path, layout):
    looked_for = {
        "kinetics": "looked for train.csv, annotations/train.csv",
        "ssv2": "looked for 20bn-something-something-v2/<id>.webm",
        "hmdb51": "looked for testTrainMulti_7030_splits/<class>_test_split1.txt",
        "breakfast": "looked for P03/cam01/P03_cereals.avi",
    }
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=looked_for[layout] if folder == tmp_path else "nowhere"):
            LAYOUTS[layout](folder)


def test_bad_annotations(tmp_path):
    root = layouts.kinetics(tmp_path / "k400")
    (root / "annotations/train.csv").write_text("label,youtube_id,start\n")
    with pytest.raises(ValueError, match="has no column 'time_start'"):
        LAYOUTS["kinetics"](root)
    (root / "annotations/train.csv").write_text("label,youtube_id,time_start,time_end\nzumba,x,soon,later\n")
    with pytest.raises(ValueError, match="line 2: time_start and time_end are no seconds"):
        LAYOUTS["kinetics"](root)
    root = layouts.kinetics_lists(tmp_path / "lists")
    (root / "kinetics400_val_list_videos.txt").write_text("a.mp4 400\n")
    with pytest.raises(ValueError, match=r"'a.mp4 400' is not a path and a class's index below 400"):
        LAYOUTS["kinetics"](root)
    root = layouts.ssv2(tmp_path / "ssv2")
    file = root / "something-something-v2-train.json"
    for text, said in (
        ("{", "cannot be read as JSON"),
        ("{}", "holds a dict; expected a list"),
        ('[{"id": "1"}]', "has no id and template"),
        ('[{"id": "1", "template": "Eating [something]"}]', "'Eating something' of video 1 is no class of the 174"),
    ):
        file.write_text(text)
        with pytest.raises(ValueError, match=said):
            LAYOUTS["ssv2"](root)
    root = layouts.hmdb51(tmp_path / "hmdb51")
    (root / "testTrainMulti_7030_splits/wave_test_split1.txt").write_text("a.avi 3\n")
    with pytest.raises(
        ValueError, match=r"wave_test_split1.txt, line 1: 'a.avi 3' is not a video's name and 0, 1 or 2"
    ):
        LAYOUTS["hmdb51"](root)
    (root / "testTrainMulti_7030_splits/wave_test_split1.txt").unlink()
    with pytest.raises(ValueError, match=r"wave_test_split1.txt is missing"):
        LAYOUTS["hmdb51"](root)


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


@pytest.mark.shared
def test_the_class_names_are_the_published_ones(shared_data):
    for dataset in ("k400", "ssv2", "hmdb51"):
        assert list(class_names(dataset)) == (shared_data / "labels" / f"{dataset}.txt").read_text().splitlines()
    ava = [f"{number}: {name}" for number, name in ava_class_names().items()]
    assert ava == (shared_data / "labels" / "ava60.txt").read_text().splitlines()


def test_counts_of_the_class_names():
    counts = {name: len(class_names(name)) for name in ("k400", "ssv2", "hmdb51", "breakfast")}
    assert counts == {"k400": 400, "ssv2": 174, "hmdb51": 51, "breakfast": 10}
    assert len(ava_class_names()) == 60
    assert min(ava_class_names()) == 1
    assert max(ava_class_names()) == 80
    with pytest.raises(ValueError, match="no class names for 'ucf'; there are those of imagenet1k, k400, ssv2, hmdb51"):
        class_names("ucf")
