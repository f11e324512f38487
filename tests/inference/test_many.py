"""Runs over many videos: every video once, also after Ctrl-C."""

import pyarrow.parquet as pq
import pytest
import torch

from tests.tiny import MODEL, write_clips
from videomamba.errors import UserError
from videomamba.inference.many import Options, run_many
from videomamba.inference.shards import column, shards_of
from videomamba.locks import InUseError
from videomamba.models import create_model


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    root = write_clips(tmp_path_factory.mktemp("clips") / "colours", per_class=4)
    (root / "broken.mp4").write_text("no video")
    return sorted(root.rglob("*.mp4"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    model = create_model("videomamba_nano", class_names=("blue", "green", "red"), **MODEL)
    torch.nn.init.normal_(model.head.weight)
    model.save_pretrained(folder := tmp_path_factory.mktemp("model") / "tiny")
    return str(folder)


def options(**more):
    return Options(device="cpu", batch_size=2, **more)


def rows_of(folder):
    rows = [row for shard in shards_of(folder) for row in pq.read_table(shard).to_pylist()]
    return {row["path"]: row for row in rows}


def test_every_video_is_one_row(checkpoint, videos, tmp_path):
    started, rows = [], []
    summary = run_many(
        checkpoint,
        videos,
        tmp_path / "out",
        options(shards=3),
        on_start=lambda *counts: started.append(counts),
        on_row=lambda: rows.append(1),
    )
    assert (summary.videos, summary.done_before, summary.errors, summary.shards) == (13, 0, 1, 3)
    assert started == [(0, 13)]
    assert len(rows) == 13
    assert sorted(column(tmp_path / "out", "path")) == sorted(map(str, videos))


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(checkpoint, videos, tmp_path):
    run_many(checkpoint, videos, tmp_path / "whole", options())
    done = []

    def stop():
        done.append(1)
        if len(done) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_many(checkpoint, videos, tmp_path / "out", options(), on_row=stop)
    assert column(tmp_path / "out", "path") == [str(path) for path in videos[:5]]
    summary = run_many(checkpoint, videos, tmp_path / "out", options(resume=True))
    assert (summary.done_before, summary.shards) == (5, 2)
    assert len(column(tmp_path / "out", "path")) == 13
    whole, resumed = rows_of(tmp_path / "whole"), rows_of(tmp_path / "out")
    assert whole.keys() == resumed.keys()
    for path, row in whole.items():
        assert row["labels"] == resumed[path]["labels"]
        assert (row["error"] is None) == (row["scores"] is not None)
        assert row["scores"] is None or row["scores"] == pytest.approx(resumed[path]["scores"], abs=1e-6)
    assert run_many(checkpoint, videos, tmp_path / "out", options(resume=True)).done_before == 13


def test_two_runs_do_not_write_to_one_folder(checkpoint, videos, tmp_path):
    """The second would take the names of the first one's files, and its rows would be lost."""
    refused = []

    def another():
        with pytest.raises(InUseError, match="out is being written by another process"):
            run_many(checkpoint, videos, tmp_path / "out", options(resume=True))
        refused.append(1)

    run_many(checkpoint, videos[:3], tmp_path / "out", options(), on_row=another)
    assert len(refused) == 3
    assert run_many(checkpoint, videos, tmp_path / "out", options(resume=True)).done_before == 3


def test_nothing_is_written_where_the_model_is_refused(videos, tmp_path):
    with pytest.raises(UserError, match="there is no checkpoint"):
        run_many("nothing", videos, tmp_path / "out", options())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", [{"engine": "spark"}, {"shards": 0}, {"top_k": 0}, {"num_clips": 0}])
def test_options_that_cannot_be_used(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        Options(**wrong)
