"""Clips of annotated videos: right frames, turned and cut as a whole."""

import dataclasses

import pytest
import torch

from tests.data.clips import STILL, plain, training
from videomamba.data import (
    VideoDataset,
    VideoError,
    VideoRecord,
)


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


def test_clips_of_some_classes_are_never_turned(records):
    dataset = VideoDataset(records, plain(4, 48), augmentation=dataclasses.replace(STILL, flip=True), never_flipped=[1])
    seen = set()
    for epoch in range(6):
        dataset.set_epoch(epoch)
        for i, record in enumerate(records):
            seen.add((record.label, bool(dataset[i]["video"][0, 0, 24, 4] > 0.5)))
    assert seen == {(0, False), (0, True), (1, False)}


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


def test_a_broken_video_is_named(records, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    dataset = VideoDataset([VideoRecord(bad, 0)], plain(2, 8))
    with pytest.raises(VideoError, match=r"bad\.mp4"):
        _ = dataset[0]


def test_clips_and_crops_come_as_one_axis_of_views(records):
    """View v is crop v % crops of clip v // crops."""
    dataset = VideoDataset(records, plain(2, (48, 24), stride=1), num_clips=2, num_crops=3)
    views = dataset[0]["video"]
    assert views.shape == (6, 3, 2, 48, 24)
    alone = VideoDataset(records, plain(2, (48, 24), stride=1), num_clips=2)[0]["video"]
    assert torch.equal(views[1::3], alone), "the middle crop of three is the central one"
    assert not torch.equal(views[0], views[2])
