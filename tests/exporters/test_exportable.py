"""Inputs to trace and to check with, and a copy that leaves the model as it was."""

import torch

import videomamba
from videomamba.exporters.exportable import exportable


def test_a_recogniser_in_half_precision_becomes_float32():
    model = videomamba.create_model("videomamba_nano", num_frames=4, depth=1).bfloat16()
    target = exportable(model, num_frames=8, img_size=32, batch=None)
    assert next(target.module.parameters()).dtype == torch.float32
    assert next(model.parameters()).dtype == torch.bfloat16
    assert target.example[0].shape == (2, 3, 8, 32, 32)
    assert [x.shape[0] for (x,) in target.others] == [1]
    assert target.model.preprocessing.num_frames == target.model.config.num_frames == 8
    assert model.config.num_frames == 4
    assert target.dynamic == ({0: "batch"},)


def test_a_detector_gives_what_it_gives_to_all_boxes():
    torch.manual_seed(0)
    model = videomamba.create_model("videomamba_nano_detector", num_frames=4, img_size=32, depth=1, num_classes=5)
    target = exportable(model, num_frames=None, img_size=(32, 48), batch=None)
    for video, boxes in (target.example, *target.others):
        assert video.shape[-2:] == (32, 48)
        assert (boxes[..., 2:] >= boxes[..., :2]).all()
        torch.testing.assert_close(target.module(video, boxes), model.eval()(video, boxes))


def test_a_segmenter_is_checked_at_other_lengths():
    model = videomamba.create_model("mstcn2", input_dim=6, num_classes=3)
    target = exportable(model, num_frames=None, img_size=None, batch=1)
    assert [tuple(x.shape) for (x,) in (target.example, *target.others)] == [(1, 6, 64), (1, 6, 5), (1, 6, 150)]
    assert target.dynamic == ({2: "length"},)
    assert target.module(target.example[0]).shape == (1, 3, 64)
