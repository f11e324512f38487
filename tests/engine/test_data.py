"""Which videos train and which test, and whose labels they carry."""

import csv

import pytest

from tests.tiny import tiny_run, write_clips
from videomamba.data import (
    Annotations,
    VideoDataset,
    VideoError,
    VideoRecord,
    make_loader,
    read_csv,
)
from videomamba.engine import DataConfig, load_splits, model_labels
from videomamba.engine.data import batches
from videomamba.engine.run_folder import RunFolder
from videomamba.preprocessing import Preprocessing


def names(annotations):
    return {record.path.name for record in annotations.records}


def test_videos_of_each_class_are_held_out_by_the_seed(clips):
    splits = load_splits(DataConfig(root=clips), seed=0)
    assert len(splits.train) + len(splits.test) == 15
    assert all({r.label for r in part.records} == {0, 1, 2} for _, part in splits.items())
    assert not names(splits.train) & names(splits.test)
    assert names(load_splits(DataConfig(root=clips), seed=0).test) == names(splits.test)
    others = [names(load_splits(DataConfig(root=clips), seed=seed).test) for seed in range(1, 6)]
    assert any(other != names(splits.test) for other in others)


def test_folders_train_and_test_are_the_split(tmp_path):
    write_clips(tmp_path / "train", per_class=2)
    write_clips(tmp_path / "test", per_class=1, seed=9)
    splits = load_splits(DataConfig(root=tmp_path), seed=0)
    assert (len(splits.train), len(splits.test)) == (6, 3)
    assert all("test" in record.path.parts for record in splits.test.records)


def test_the_runs_own_split_file_gives_the_same_split(clips, tmp_path):
    splits = load_splits(DataConfig(root=clips), seed=3)
    folder = RunFolder(tmp_path / "run")
    folder.write_splits(splits, clips)
    again = read_csv(tmp_path / "run" / "splits.csv", root=clips)
    for name, part in splits.items():
        assert (again[name].records, again[name].class_names) == (part.records, part.class_names)
    with (tmp_path / "run" / "splits.csv").open() as file:
        assert not next(csv.DictReader(file))["path"].startswith("/")


def test_classes_with_one_video_each_cannot_be_held_out(tmp_path):
    write_clips(tmp_path / "few", per_class=1)
    with pytest.raises(ValueError, match="the test part has no videos; a class needs at least two"):
        load_splits(tiny_run(tmp_path / "few", tmp_path / "run").data, seed=0)


def test_labels_follow_the_models_class_names(tmp_path):
    records = (VideoRecord(tmp_path / "a", 0), VideoRecord(tmp_path / "b", 1))
    moved = model_labels(Annotations(records, ("jump", "walk")), ("bend", "walk", "jump"))
    assert [r.label for r in moved.records] == [2, 1]
    assert moved.class_names == ("bend", "walk", "jump")
    with pytest.raises(ValueError, match="does not know 1 of the 2 classes here: jump; it knows bend, walk"):
        model_labels(Annotations(records, ("jump", "walk")), ("bend", "walk"))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_video_is_one_line_from_any_process(tmp_path, workers):
    (tmp_path / "empty.mp4").touch()
    dataset = VideoDataset(
        [VideoRecord(tmp_path / "empty.mp4", 0)],
        Preprocessing(4, size=(32, 32)),
    )
    loader = make_loader(dataset, batch_size=1, shuffle=False, num_workers=workers)
    with pytest.raises(VideoError) as error:
        next(batches(loader))
    assert str(error.value) == f"{tmp_path / 'empty.mp4'} is empty"
