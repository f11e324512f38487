"""Clips of annotated videos: right frames, and the same ones whatever loads them."""

import dataclasses
from multiprocessing.reduction import ForkingPickler

import pytest
import torch

from tests.data.videos import numbered_frames, write
from videomamba.data import (
    Augmentation,
    VideoDataset,
    VideoError,
    VideoRecord,
    make_loader,
)
from videomamba.preprocessing import Preprocessing

STILL = Augmentation(flip=False, scale=(1, 1), ratio=(4 / 3, 4 / 3))  # the whole picture, resized


def plain(num_frames, size, stride=None):
    """Pixels in [0, 1]."""
    return Preprocessing(num_frames, stride, (size, size) if isinstance(size, int) else size, (0, 0, 0), (1, 1, 1))


@pytest.fixture
def records(tmp_path):
    paths = [write(tmp_path / f"{i}.mp4", numbered_frames(20 + i)) for i in range(5)]
    return [VideoRecord(path, i % 2) for i, path in enumerate(paths)]


def training(records, seed=0):
    return VideoDataset(records, plain(4, 24), augmentation=Augmentation(), seed=seed, decoder="pyav")


def test_an_item_is_the_sampled_frames(records):
    dataset = VideoDataset(records, plain(4, 48, stride=2))
    sample = dataset[1]
    left = sample["video"][0, :, 24, 4] * 255
    assert (left / 5).round().tolist() == [7, 9, 11, 13]  # the central clip of 21 frames
    assert (sample["label"], sample["index"]) == (1, 1)
    assert len(dataset) == 5


def test_several_clips_come_stacked(records):
    dataset = VideoDataset(records, plain(2, 48, stride=1), num_clips=3)
    video = dataset[0]["video"]
    assert video.shape == (3, 3, 2, 48, 48)
    assert ((video[:, 0, :, 24, 4] * 255) / 5).round().tolist() == [[0, 1], [9, 10], [18, 19]]


@pytest.mark.parametrize("flip_pairs", [(), ((0, 7), (1, 9)), ((5, 6),)])
def test_a_clip_is_turned_as_a_whole_and_its_label_with_it(records, flip_pairs):
    """Frame i of the files is 5 i bright on the left and dark on the right: pixels say whether a clip is turned."""
    dataset = VideoDataset(
        records,
        plain(4, 48),
        augmentation=dataclasses.replace(STILL, flip=True),
        flip_pairs=flip_pairs,
    )
    mirror = {a: b for pair in flip_pairs for a, b in (pair, pair[::-1])}
    seen = set()
    for epoch in range(6):
        dataset.set_epoch(epoch)
        for i, record in enumerate(records):
            sample = dataset[i]
            turned = (sample["video"][0, :, 24, 4] > sample["video"][0, :, 24, -5]).tolist()
            assert len(set(turned)) == 1, "one draw for all frames"
            seen.add((record.label, turned[0]))
            assert sample["label"] == (mirror.get(record.label, record.label) if turned[0] else record.label)
    assert seen == {(label, turned) for label in (0, 1) for turned in (True, False)}


@pytest.mark.parametrize("options", [{"augmentation": STILL}, {}])
def test_no_clip_is_turned_without_being_asked_or_in_a_test(records, options):
    dataset = VideoDataset(records, plain(4, 48), flip_pairs=((0, 1),), **options)
    for epoch in range(4):
        dataset.set_epoch(epoch)
        for i, record in enumerate(records):
            assert bool((dataset[i]["video"][0, :, 24, 4] < 0.5).all())
            assert dataset[i]["label"] == record.label


def test_short_side_bounds_the_frames(records):
    seen = []
    dataset = VideoDataset(records, plain(2, 6, stride=1), augmentation=STILL)
    dataset.transform = lambda f: seen.append(f.shape) or f.float()
    _ = dataset[0]
    assert seen == [(2, 3, 12, 16)]


def test_an_item_depends_on_seed_epoch_and_index_alone(records):
    a, b, other = training(records), training(records), training(records, seed=1)
    state = torch.random.get_rng_state()
    backwards = {i: b[i]["video"] for i in (4, 2, 0)}
    torch.rand(3)
    torch.random.set_rng_state(state)
    for i in (0, 2, 4):
        assert torch.equal(a[i]["video"], backwards[i])
        assert not torch.equal(a[i]["video"], other[i]["video"])
    assert torch.equal(torch.random.get_rng_state(), state), "the global random state moved"
    a.set_epoch(1)
    assert not torch.equal(a[0]["video"], backwards[0])
    a.set_epoch(0)
    assert torch.equal(a[0]["video"], backwards[0])


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


def test_a_broken_video_is_named(records, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    dataset = VideoDataset([VideoRecord(bad, 0)], plain(2, 8))
    with pytest.raises(VideoError, match=r"bad\.mp4"):
        _ = dataset[0]


def test_impossible_loaders(records):
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        make_loader(training(records), batch_size=0, shuffle=False)


def test_clips_and_crops_come_as_one_axis_of_views(records):
    """View v is crop v % crops of clip v // crops."""
    dataset = VideoDataset(records, plain(2, (48, 24), stride=1), num_clips=2, num_crops=3)
    views = dataset[0]["video"]
    assert views.shape == (6, 3, 2, 48, 24)
    alone = VideoDataset(records, plain(2, (48, 24), stride=1), num_clips=2)[0]["video"]
    assert torch.equal(views[1::3], alone), "the middle crop of three is the central one"
    assert not torch.equal(views[0], views[2])


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
