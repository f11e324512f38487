"""The same samples whatever loads them: workers, processes of another kind, memory."""

from multiprocessing.connection import Client, Listener
from multiprocessing.reduction import ForkingPickler

import pytest
import torch

from tests.data.clips import plain, training
from videomamba.data import (
    Augmentation,
    VideoDataset,
    VideoError,
    VideoReader,
    make_loader,
)
from videomamba.data.loader import LoaderError, loader_failures


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing_and_see_the_epoch(records, workers):
    def batches(num_workers):
        dataset = training(records)
        loader = make_loader(dataset, batch_size=2, shuffle=True, seed=3, num_workers=num_workers)
        result = []
        for epoch in range(2):
            dataset.set_epoch(epoch)
            result += [(b["index"].tolist(), b["video"]) for b in loader]
        return result

    alone, together = batches(0), batches(workers)
    assert [len(i) for i, _ in alone] == [2, 2, 1] * 2
    assert alone[0][0] != alone[3][0] or alone[1][0] != alone[4][0], "both epochs have one order"
    for (i, video), (j, same) in zip(alone, together, strict=True):
        assert i == j
        assert torch.equal(video, same)


def test_workers_need_not_be_forks(records):
    """macOS and Windows start them anew and send them the data set: all of it can be pickled."""
    augmentation = Augmentation(rand_ops=2, rand_prob=0.5, erase=0.5)
    datasets = [
        VideoDataset(records, plain(4, 24), seed=3, decoder="pyav", **how)
        for how in ({"augmentation": augmentation}, {}, {"num_crops": 3})
    ]
    for dataset in datasets[1:]:
        sent = ForkingPickler.loads(ForkingPickler.dumps(dataset))
        assert torch.equal(sent[0]["video"], dataset[0]["video"])
    loader = make_loader(datasets[0], batch_size=5, shuffle=False, num_workers=1)
    loader.multiprocessing_context = "spawn"
    for epoch in (1, 2):
        datasets[0].set_epoch(epoch)
        (batch,) = loader
        assert torch.equal(batch["video"], torch.stack([datasets[0][i]["video"] for i in range(5)]))


def test_impossible_loaders(records):
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        make_loader(training(records), batch_size=0, shuffle=False)


@pytest.mark.parametrize("workers", [0, 2])
def test_memory_changes_nothing_but_the_reading(records, workers):
    plain, kept = training(records), training(records)
    kept.keep_in_memory()
    loaders = [make_loader(d, batch_size=2, shuffle=True, num_workers=workers) for d in (plain, kept)]
    for epoch in (1, 2):
        for dataset in (plain, kept):
            dataset.set_epoch(epoch)
        for a, b in zip(*loaders, strict=True):
            assert torch.equal(a["video"], b["video"])
    if not workers:
        for record in records:
            record.path.unlink()
        kept[3]
        with pytest.raises(VideoError):
            plain[3]


@pytest.mark.parametrize("views", [{}, {"num_clips": 2}, {"num_crops": 3}])
def test_memory_changes_nothing_in_a_test(records, views):
    read, kept = (VideoDataset(records, plain(4, 24), **views) for _ in range(2))
    kept.keep_in_memory()
    for _ in range(2):
        assert torch.equal(kept[2]["video"], read[2]["video"])
        assert kept[2]["label"] == read[2]["label"]


def test_data_sets_of_the_same_records_decode_them_once(records, monkeypatch):
    decoded = []

    class Counting(VideoReader):
        def __init__(self, path, **options):
            decoded.append(path)
            super().__init__(path, **options)

    monkeypatch.setattr("videomamba.data.datasets.video.VideoReader", Counting)

    def first(of):
        dataset = training(of)
        dataset.keep_in_memory()
        return dataset[0]["video"]

    video = first(records)
    assert torch.equal(first(records), video)
    assert len(decoded) == 1
    records[1].path.rename(records[0].path)
    other = first(records)
    assert len(decoded) == 2
    assert other.shape == video.shape
    assert not torch.equal(other, video), "frames of a file that is no longer there"


@pytest.mark.parametrize("closed", ["after", "before"])
def test_a_process_that_dies_while_it_hands_over_a_batch_is_one_line(closed):
    listener = Listener()
    address = listener.address

    def hand_over():
        with loader_failures(), Client(address) as process:
            listener.accept().close()
            process.recv()

    if closed == "before":
        listener.close()
    with pytest.raises(LoaderError, match="a loader process ended"):
        hand_over()
    listener.close()


def test_an_end_of_file_elsewhere_stays_what_it_is():
    with pytest.raises(EOFError), loader_failures():
        raise EOFError
