"""Lists of files to leave out, and samples that stand in for broken ones."""

import errno

import pytest
import torch

from videomamba.data import Annotations, VideoError, VideoRecord, make_loader
from videomamba.data.broken import (
    CollateBroken,
    SkipBroken,
    is_of_the_file,
    problem,
    read_leave_out,
    refuse_missing,
    without,
)
from videomamba.data.datasets.epochs import EpochDataset
from videomamba.errors import UserError


class Numbers(EpochDataset[dict]):
    """Sample i is i; some cannot be read."""

    def __init__(self, bad, count=20, error=VideoError):
        super().__init__()
        self.bad, self.count, self.error = bad, count, error

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index in self.bad:
            raise self.error(f"{index} is bad")
        return {"video": torch.tensor([float(index)]), "index": index}


def batches(dataset, workers=0, epoch=0):
    dataset.set_epoch(epoch)
    options = {"batch_size": 4, "shuffle": True, "seed": 1, "collate": CollateBroken(None)}
    loader = make_loader(dataset, num_workers=workers, **options)
    return [{name: value.tolist() for name, value in batch.items()} for batch in loader]


def test_another_sample_stands_in_the_same_in_every_process_and_session():
    found = batches(SkipBroken(Numbers({3, 7}), seed=5))
    assert [len(batch["index"]) for batch in found] == [4] * 5
    rows = [row for b in found for row in zip(b["index"], b["broken"], b["video"], strict=True)]
    assert sorted(index for index, _, _ in rows) == list(range(20))
    assert {index for index, broken, _ in rows if broken} == {3, 7}
    assert all(video == [index] for index, broken, video in rows if not broken)
    assert all(video[0] not in (3, 7) for _, broken, video in rows if broken)
    assert batches(SkipBroken(Numbers({3, 7}), seed=5), workers=2) == found


def test_what_is_no_fault_of_a_file_is_raised():
    assert is_of_the_file(VideoError("x"))
    assert is_of_the_file(PermissionError(errno.EACCES, "x"))
    assert not is_of_the_file(OSError(errno.EMFILE, "too many open files"))
    with pytest.raises(RuntimeError):
        batches(SkipBroken(Numbers({3}, error=RuntimeError)))
    with pytest.raises(VideoError, match="is bad"):
        batches(SkipBroken(Numbers(set(range(20)))))
    assert problem(SkipBroken(Numbers({3})), 3) == "3 is bad"


@pytest.fixture
def parts(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.mp4").touch()
    records = [VideoRecord(tmp_path / f"{name}.mp4", 0) for name in "abc"]
    gone = VideoRecord(tmp_path / "gone.mp4", 0)
    return {
        "train": Annotations(tuple(records[:2]), ("x",), missing=(gone,)),
        "test": Annotations(tuple(records[2:]), ("x",)),
    }


@pytest.mark.parametrize("spelled", ["{}", "./{}", "{root}/{}"])
def test_a_list_is_left_out(tmp_path, parts, spelled, monkeypatch):
    file = tmp_path / "bad.csv"
    names = [spelled.format(name, root=tmp_path) for name in ("a.mp4", "gone.mp4")]
    file.write_text("path,problem\n" + "".join(f"{name},unreadable\n" for name in names))
    with pytest.raises(UserError, match=r"1 videos of the train part are not there and not left out.*gone.mp4"):
        refuse_missing(parts, "here")
    rest = without(parts, read_leave_out(file, tmp_path), file)
    refuse_missing(rest, "here")
    assert [r.path.name for r in rest["train"].records] == ["b.mp4"]
    assert rest["train"].notes == (f"2 files of {file} are left out of the train part",)
    assert rest["test"] == parts["test"]


def test_lists_that_do_not_fit(tmp_path, parts):
    file = tmp_path / "bad.csv"
    file.write_text("path\n")  # a check that found nothing
    assert without(parts, read_leave_out(file, tmp_path), file) == parts
    file.write_text("path\nelsewhere/z.mp4\na.mp4\n")
    rest = without(parts, read_leave_out(file, tmp_path), file)
    assert rest["train"].notes[-1] == f"1 files of {file} are not among these videos, the first elsewhere/z.mp4"
    file.write_text("path\nc.mp4\n")
    with pytest.raises(UserError, match="leaves out all 1 videos of the test part"):
        without(parts, read_leave_out(file, tmp_path), file)
    file.write_text("file\nc.mp4\n")
    with pytest.raises(UserError, match="has no column 'path'"):
        read_leave_out(file, tmp_path)
