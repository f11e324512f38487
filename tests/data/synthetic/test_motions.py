"""SyntheticMotions: pairs that are each other's time reversal, and that only the order of frames tells apart."""

import numpy as np
import pytest
import torch

from videomamba.data.synthetic import LEVELS, class_names, render_motion, reversed_class


def test_levels():
    assert len(LEVELS["easy"]) >= 4
    assert len(LEVELS["hard"]) >= 7
    assert class_names("easy") == tuple(sorted(name for pair in LEVELS["easy"] for name in pair))
    with pytest.raises(ValueError, match="unknown level 'medium'; choose one of easy, hard"):
        class_names("medium")
    with pytest.raises(ValueError, match="unknown class 'fold' at level easy"):
        render_motion("fold", seed=0)
    with pytest.raises(ValueError, match="unknown class 'wave'"):
        reversed_class("wave")


@pytest.mark.parametrize("level", ["easy", "hard"])
def test_a_pair_is_one_draw_in_both_directions(level):
    for first, second in LEVELS[level]:
        assert (reversed_class(first), reversed_class(second)) == (second, first)
        for seed in (1, (2, 3)):
            forwards = render_motion(first, seed=seed, level=level)
            assert forwards.shape == (16, 64, 64, 3)
            assert forwards.dtype == np.uint8
            np.testing.assert_array_equal(forwards[::-1], render_motion(second, seed=seed, level=level))


def test_same_seed_same_clip_and_other_seed_another():
    a = render_motion("open", seed=5)
    np.testing.assert_array_equal(a, render_motion("open", seed=5))
    assert np.abs(a.astype(int) - render_motion("open", seed=6)).mean() > 5


@pytest.mark.parametrize("level", ["easy", "hard"])
def test_every_motion_moves_all_the_time(level):
    for name in class_names(level):
        clip = render_motion(name, seed=3, level=level).astype(int)
        change = np.abs(np.diff(clip, axis=0)).mean((1, 2, 3))
        assert (change[4:12] > 0.2).all(), name
        assert np.abs(clip[-1] - clip[0]).mean() > 2, name


def sets(per_class=60, size=24):
    """Clips of every easy class with half of the seeds for the probe's training; (n, T, 3, h, w) in [0, 1]."""
    clips, labels = [], []
    for label, name in enumerate(class_names("easy")):
        for i in range(per_class):
            frames = torch.from_numpy(render_motion(name, seed=(7, label, i))).permute(0, 3, 1, 2).float() / 255
            clips.append(torch.nn.functional.adaptive_avg_pool2d(frames, size))
            labels.append(label)
    return torch.stack(clips), torch.tensor(labels)


def probe(features, labels):
    """Accuracy of a ridge regression onto the classes, trained on two thirds of the clips, tested on the rest."""
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    cut = 2 * len(order) // 3
    x = features.flatten(1)
    x = x - x[order[:cut]].mean(0)
    train, test = x[order[:cut]].double(), x[order[cut:]].double()
    targets = torch.nn.functional.one_hot(labels).double()[order[:cut]]
    kernel = train @ train.T
    weights = torch.linalg.solve(kernel + 0.1 * kernel.trace() / len(kernel) * torch.eye(len(kernel)), targets)
    return ((test @ train.T @ weights).argmax(1) == labels[order[cut:]]).float().mean().item()


@pytest.mark.slow
def test_looks_do_not_tell_and_order_does():
    clips, labels = sets()
    names = class_names("easy")
    pair_of = torch.tensor([[n in p for p in LEVELS["easy"]].index(True) for n in names])
    second = torch.tensor([any(n == p[1] for p in LEVELS["easy"]) for n in names]).long()
    # which of a pair: chance is a half, 160 test clips have a deviation of 4 %
    assert probe(clips.mean(1), second[labels]) < 0.62, "the mean picture tells the direction of time"
    assert probe(clips[:, 8], second[labels]) < 0.62, "the middle frame tells the direction of time"
    # all eight classes: chance is an eighth; a frame may tell something about the pair, never about its member
    assert probe(clips[:, 8], labels) < 0.3
    assert probe(clips.mean(1), labels) < 0.3
    # the size of change in time, first half against second, is about which end is fuller: order tells the pair's member
    energy = (clips[:, -1] - clips.mean(1)).abs().mean((1, 2, 3)) - (clips[:, 0] - clips.mean(1)).abs().mean((1, 2, 3))
    growing = energy[pair_of[labels] == 0] > 0  # approach against recede
    right = growing == (second[labels][pair_of[labels] == 0] == 0)
    assert max(right.float().mean(), 1 - right.float().mean()) > 0.8
