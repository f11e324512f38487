"""Two processes learn and count what one does with batches of twice the size."""

import csv
import json
import socket
from pathlib import Path

import pytest
import torch

from tests.engine.processes import configured, losses_of, skipping, with_broken_files
from videomamba.models import load_model

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def runs(forks, clips, tmp_path_factory):
    """The runs of both processes, by rank, and the same in one process."""
    folder = tmp_path_factory.mktemp("processes")
    with_broken_files(clips, folder / "broken")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    processes = [
        forks.start_script(
            HERE / "processes.py", clips, folder, environment={**together, "RANK": rank, "LOCAL_RANK": rank}
        )
        for rank in ("0", "1")  # as torchrun sets them
    ]
    ends = [process.end() for process in processes]
    said = "\n".join(end.err[-2000:] for end in ends)  # where one ends early the other does too
    assert [end.status for end in ends] == [0, 0], said
    ranks = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    return folder, ranks, losses_of(configured(clips, folder / "one", processes=1))


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_processes_lose_what_one_does(runs, kind):
    _, ranks, one = runs
    assert len(one["losses"]) == 21
    for rank in ranks:
        assert rank[kind]["losses"] == pytest.approx(one["losses"], abs=1e-4)
        assert rank[kind]["last"]["test_loss"] == pytest.approx(one["last"]["test_loss"], abs=1e-4)
        assert rank[kind]["last"]["top1"] == one["last"]["top1"]
    assert one["losses"][-1] < one["losses"][0], "nothing was learnt, so nothing was compared"


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_each_video_counts_once(runs, kind):
    _, ranks, one = runs
    for rank in ranks:
        views = rank[kind]["views"]
        assert views["count"] == one["views"]["count"] == 7
        assert views["per_class"] == one["views"]["per_class"]


def test_parameters_are_really_sharded(runs):
    _, ranks, one = runs
    assert set(one["held"]) == {1.0}
    for rank in ranks:
        assert set(rank["ddp"]["held"]) == {1.0}
        assert max(rank["fsdp"]["held"]) < 0.6, "accelerate's own plugin would have left them whole on a CPU"
    assert sum(rank["fsdp"]["held"][0] for rank in ranks) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_the_saved_model_is_whole(runs, kind):
    folder, _, _ = runs
    ours, theirs = load_model(folder / kind / "last"), load_model(folder / "one" / "last")
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_a_checkpoint_of_several_processes_loads_again(runs, kind):
    _, ranks, _ = runs
    for rank in ranks:
        assert rank[f"{kind} resumed"]["losses"] == []
        again, before = rank[f"{kind} resumed"]["views"], rank[kind]["views"]
        assert again["loss"] == pytest.approx(before["loss"], abs=1e-6)


def test_all_processes_go_on_without_broken_files(runs, tmp_path):
    folder, ranks, _ = runs
    one = skipping(folder / "broken", tmp_path / "one", processes=1)
    for rank in ranks:
        assert rank["skipping"]["views"]["count"] == one["views"]["count"] == 14
        assert rank["skipping"]["last"]["step"] == one["last"]["step"]
    with (folder / "skipping" / "broken.csv").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert sorted((row["part"], Path(row["path"]).name) for row in rows) == [
        ("test", "red_0.mp4"),
        ("train", "red_1.mp4"),
    ]
