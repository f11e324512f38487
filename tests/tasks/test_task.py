"""What every task inherits: the views of a batch go through the model at once, each on its own."""

import torch

from videomamba.tasks.recognition import Recognition

TASK = Recognition(("a", "b"))


def mean_and_size(videos):
    return torch.stack([videos.mean((1, 2, 3, 4)), torch.full((len(videos),), float(len(videos)))], 1)


def test_views_are_one_pass_and_come_back_apart():
    """Two samples of three views: view v of sample b holds the number 3 b + v."""
    video = torch.arange(6.0).view(2, 3, 1, 1, 1, 1).expand(2, 3, 3, 4, 8, 8)
    outputs = TASK.test_outputs(mean_and_size, {"video": video})
    assert outputs[..., 0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert outputs[..., 1].tolist() == [[6.0] * 3] * 2, "not in one pass"


def test_one_view_has_an_axis_of_its_own():
    video = torch.arange(2.0).view(2, 1, 1, 1, 1).expand(2, 3, 4, 8, 8)
    assert TASK.test_outputs(mean_and_size, {"video": video})[..., 0].tolist() == [[0], [1]]


def test_a_change_is_made_before_the_model():
    video = torch.ones(1, 2, 3, 4, 8, 8)
    assert TASK.test_outputs(mean_and_size, {"video": video}, lambda x: 5 * x)[..., 0].tolist() == [[5, 5]]
    assert TASK.outputs(mean_and_size, {"video": video[:, 0]})[0, 0] == 1
