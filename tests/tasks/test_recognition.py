"""Recognition: the loss, how views join, and figures that count every clip once."""

import math
import warnings

import pytest
import torch

from videomamba.data import Annotations, Augmentation
from videomamba.notes import UserNote
from videomamba.preprocessing import Preprocessing
from videomamba.tasks.recognition import Recognition

NAMES = ("bend", "jack", "jump", "run", "side", "skip", "walk")


def test_loss_is_smoothed_cross_entropy():
    task = Recognition(NAMES[:3], label_smoothing=0.3)
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.1, 0.2]])
    total = sum(math.exp(v) for v in (2.0, 0.0, -1.0))
    other = sum(math.exp(v) for v in (0.5, 0.1, 0.2))
    # the target keeps 0.7 and every class gets 0.1
    first = -(0.8 * 2.0 + 0.1 * 0.0 + 0.1 * -1.0) + math.log(total)
    second = -(0.1 * 0.5 + 0.1 * 0.1 + 0.8 * 0.2) + math.log(other)
    loss = task.loss(logits, {"label": torch.tensor([0, 2])})
    assert loss.item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_views_are_joined_by_the_mean_of_their_softmax():
    task = Recognition(NAMES[:2])
    views = torch.tensor([[[8.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
    want = torch.stack([v.softmax(-1) for v in views[0]]).mean(0)
    torch.testing.assert_close(task.scores(views)[0], want)
    assert task.scores(views.bfloat16()).dtype == torch.float32


def test_mirrored_classes_are_found_by_name_however_they_are_numbered():
    augmentation = Augmentation(flip=True, flip_pairs=(("to the left", "to the right"), ("up", "down")))
    preprocessing = Preprocessing(num_frames=4, size=(32, 32))

    def mirrored(*names):
        part = Annotations((), names)
        data = Recognition(names).train_dataset(part, preprocessing, augmentation=augmentation, seed=0)
        return data.mirrored, data.never_flipped

    with pytest.warns(UserNote, match="to the left and to the right then change places"):
        assert mirrored("to the left", "still", "to the right") == ({0: 2, 2: 0}, set())
    with pytest.warns(UserNote, match=r"swipe_right and swipe_left then change places \(2 such pairs\)"):
        assert mirrored("swipe_right", "swipe_left", "up", "down") == ({0: 1, 1: 0, 2: 3, 3: 2}, set())
    with pytest.warns(UserNote, match="clips of turn left are not flipped"):
        assert mirrored("still", "turn left", "up") == ({}, {1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mirrored("still", "up", "upright") == ({}, set())


def report(task, *batches):
    metrics = task.metrics()
    for scores, labels in batches:
        metrics.update(scores, {"label": torch.tensor(labels)})
    return metrics.report()


def test_report_counts_a_short_last_batch_by_its_clips():
    task = Recognition(NAMES)
    right = torch.eye(7)
    figures = report(task, (right[[0, 1, 2]], [0, 1, 2]), (right[[3]], [4]))
    assert figures["top1"] == 3 / 4  # a mean of the batches would be 1/2
    assert figures["count"] == 4
    assert figures["per_class"] == {"bend": 1, "jack": 1, "jump": 1, "run": None, "side": 0, "skip": None, "walk": None}


def test_top5_takes_the_label_among_the_five_best():
    task = Recognition(NAMES)
    scores = torch.tensor([[7.0, 6, 5, 4, 3, 2, 1]]).softmax(-1)
    assert report(task, (scores.repeat(3, 1), [4, 5, 0])) | {"per_class": None} == {
        "top1": 1 / 3,
        "top5": 2 / 3,
        "count": 3,
        "per_class": None,
    }


def test_top5_of_three_classes_is_one():
    assert report(Recognition(NAMES[:3]), (torch.eye(3), [1, 2, 0]))["top5"] == 1


@pytest.mark.parametrize("label", [-1, 7])
def test_a_label_that_is_no_class_is_not_counted_as_another_one(label):
    with pytest.raises(RuntimeError):
        report(Recognition(NAMES), (torch.eye(7)[:1], [label]))


def test_correct_is_one_where_the_best_is_the_label():
    task = Recognition(NAMES[:3])
    assert task.correct(torch.eye(3), {"label": torch.tensor([0, 2, 2])}).tolist() == [1, 0, 1]


def test_predictions_are_sorted_and_named():
    task = Recognition(NAMES[:3])
    rows = task.predictions(torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]), top_k=2)
    assert [[row["label"] for row in rows_of_one] for rows_of_one in rows] == [["jack", "jump"], ["bend", "jump"]]
    assert rows[0][0] == {"label": "jack", "index": 1, "probability": pytest.approx(0.7)}
    assert len(task.predictions(torch.eye(3), top_k=9)[0]) == 3
    with pytest.raises(ValueError, match="top_k=0; give at least 1"):
        task.predictions(torch.eye(3), top_k=0)


@pytest.mark.parametrize(
    ("names", "smoothing", "message"),
    [
        ((), 0, "no classes; Recognition needs at least 2"),
        (("bend",), 0, r"1 class \(bend\)"),
        (("bend", "run", "bend"), 0, "class name 'bend' occurs twice"),
        (("bend", "run"), 1.0, "label_smoothing=1.0; it must be at least 0 and below 1"),
    ],
)
def test_bad_arguments(names, smoothing, message):
    with pytest.raises(ValueError, match=message):
        Recognition(names, label_smoothing=smoothing)
