"""Folders of Parquet files: whole files, and runs that go on with the same settings only."""

import dataclasses

import pyarrow.parquet as pq
import pytest

from videomamba.errors import UserError
from videomamba.inference import shards
from videomamba.inference.shards import Job, ShardWriter, check_packages, column, open_job, row_schema, shards_of
from videomamba.locks import InUseError

JOB = Job("local", "classes", "runs/mine", "0123456789abcdef", 2, 1)
SCHEMA = row_schema("classes", 2)


def row(path, error=None):
    good = {} if error else {"start_s": 0.0, "end_s": 1.0, "labels": ["a", "b"], "scores": [0.75, 0.25]}
    return {"path": path, "error": error, "model": "m", "model_hash": "h", **good}


def test_rows_come_back(tmp_path):
    writer = ShardWriter(tmp_path, SCHEMA, rows=2)
    for path in "abc":
        writer.add(row(path, error="broken" if path == "b" else None))
    assert [path.name for path in shards_of(tmp_path)] == ["part-00000.parquet"]
    writer.flush()
    writer.flush()
    assert [pq.read_metadata(path).num_rows for path in shards_of(tmp_path)] == [2, 1]
    assert column(tmp_path, "path") == ["a", "b", "c"]
    assert column(tmp_path, "scores") == [[0.75, 0.25], None, [0.75, 0.25]]
    assert pq.read_schema(shards_of(tmp_path)[0]).equals(SCHEMA)


def test_a_later_writer_goes_on_counting(tmp_path):
    for path in "ab":
        writer = ShardWriter(tmp_path, SCHEMA, rows=1)
        writer.add(row(path))
    assert [path.name for path in shards_of(tmp_path)] == ["part-00000.parquet", "part-00001.parquet"]


def test_a_file_that_fails_is_not_there(tmp_path):
    writer = ShardWriter(tmp_path, SCHEMA, rows=1)
    with pytest.raises((ValueError, TypeError)):
        writer.add({**row("a"), "scores": [1.0, 2.0, 3.0]})
    assert list(tmp_path.iterdir()) == []


def begin(folder, job, *, resume):
    with open_job(folder, job, resume=resume):
        pass


def test_a_job_goes_on_with_the_same_settings(tmp_path):
    folder = tmp_path / "out"
    begin(folder, JOB, resume=False)
    (folder / ".0123abcd.parquet").write_bytes(b"half")
    begin(folder, dataclasses.replace(JOB, model="elsewhere"), resume=True)
    assert [path.name for path in folder.iterdir()] == ["job.json"]
    with pytest.raises(UserError, match="add --resume"):
        begin(folder, JOB, resume=False)
    for change in ({"width": 3}, {"model_hash": "f"}, {"engine": "ray"}, {"what": "features"}, {"num_clips": 2}):
        with pytest.raises(UserError, match=f"other settings.*{next(iter(change))}"):
            begin(folder, dataclasses.replace(JOB, **change), resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_that_another_process_writes_to_is_refused(tmp_path, resume):
    folder = tmp_path / "out"
    with open_job(folder, JOB, resume=False):
        half = folder / ".0123abcd.parquet"
        half.write_bytes(b"half")
        with pytest.raises(InUseError, match="out is being written by another process"):
            begin(folder, JOB, resume=resume)
        assert half.exists()
    begin(folder, JOB, resume=True)


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(UserError, match="holds no run to resume"):
        begin(tmp_path / "new", JOB, resume=True)
    assert not (tmp_path / "new").exists()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="is not empty"):
        begin(tmp_path, JOB, resume=False)
    (tmp_path / "job.json").write_text("[]")
    with pytest.raises(UserError, match="does not describe a run"):
        begin(tmp_path, JOB, resume=True)
    (tmp_path / "part-00000.parquet").write_bytes(b"half")
    with pytest.raises(UserError, match=r"part-00000\.parquet cannot be read"):
        column(tmp_path, "path")


@pytest.mark.parametrize(("engine", "missing", "extra"), [("ray", "ray", "ray"), ("local", "pyarrow", "parquet")])
def test_a_missing_package_is_one_line(monkeypatch, engine, missing, extra):
    check_packages(engine)
    monkeypatch.setattr(shards, "find_spec", lambda name: None if name == missing else "there")
    with pytest.raises(UserError, match=rf'pip install "videomamba\[{extra}\]"'):
        check_packages(engine)
