"""Where AVA's files lie in a folder."""

import pytest

from videomamba.data.datasets.ava_layout import annotation_file, classes, excluded_file, videos

MAP = 'item {{ name: "{}" id: {} }}\n'


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_the_one_csv_of_a_part(tmp_path):
    touch(tmp_path, "ava_train_v2.2.csv", "ava_train_excluded_timestamps_v2.2.csv", "ava_val_v2.2.csv", "._ava_val.csv")
    touch(tmp_path, "ava_val_predicted_boxes.csv", "detections_val.csv")
    assert annotation_file(tmp_path, ("train",)).name == "ava_train_v2.2.csv"
    assert annotation_file(tmp_path, ("val", "test")).name == "ava_val_v2.2.csv"
    assert excluded_file(tmp_path, ("train",)).name == "ava_train_excluded_timestamps_v2.2.csv"
    assert excluded_file(tmp_path, ("val", "test")) is None
    touch(tmp_path, "ava_test_v2.2.csv")
    with pytest.raises(ValueError, match=r"such as ava_val_v2.2.csv, found ava_test_v2.2.csv, ava_val_v2.2.csv"):
        annotation_file(tmp_path, ("val", "test"))
    with pytest.raises(ValueError, match="found none"):
        annotation_file(tmp_path, ("nothing",))


def test_classes_that_count(tmp_path):
    with pytest.raises(ValueError, match="no label map"):
        classes(tmp_path)
    (tmp_path / "ava_action_list_v2.2.pbtxt").write_text(MAP.format("sit", 3) + MAP.format("run", 8))
    assert classes(tmp_path) == ({3: "sit", 8: "run"}, {0, 1})
    (tmp_path / "for_activitynet.pbtxt").write_text(MAP.format("run", 8))
    assert classes(tmp_path) == ({3: "sit", 8: "run"}, {1})
    (tmp_path / "third.pbtxt").write_text(MAP.format("run", 8))
    with pytest.raises(ValueError, match="several label maps"):
        classes(tmp_path)


def test_folders_of_frames_win_over_files(tmp_path):
    touch(tmp_path, "videos/a.mp4", "b.mkv", "frames/a/img_00001.jpg", "c/c_000001.jpg", "annotations/x.csv")
    found = videos(tmp_path)
    assert {name: path.relative_to(tmp_path).as_posix() for name, path in found.items()} == {
        "a": "frames/a",
        "b": "b.mkv",
        "c": "c",
    }
