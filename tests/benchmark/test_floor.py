"""The whole model's floor: its products are the model's, and its bytes are counted."""

import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from videomamba.benchmark.floor import PARTS, floor_of, has_floor
from videomamba.models import create_model, model_config
from videomamba.ops.native import library

CPU = torch.device("cpu")
SIZE = {"num_frames": 4, "img_size": 32, "depth": 2, "num_classes": 5}

pytestmark = pytest.mark.skipif(not library.available()[0], reason="the compiled kernels are not installed")


def multiply_adds(run):
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 2


@pytest.mark.parametrize("training", [False, True])
def test_products_are_those_of_the_model(training):
    model = create_model("videomamba_nano", **SIZE)
    video = torch.randn(2, 3, 4, 32, 32)
    floor = floor_of(model.config, 2, training=training, dtype=torch.float32, parameters=0)

    def run():
        out = model(video)
        if training:
            out.sum().backward()

    with torch.set_grad_enabled(training):
        assert multiply_adds(floor.products) == pytest.approx(multiply_adds(run))


def test_bytes_are_counted_once():
    config = model_config("videomamba_nano", **SIZE)
    forward, training = (
        floor_of(config, 3, training=training, dtype=torch.float32, parameters=100) for training in (False, True)
    )
    tokens = math.prod(config.grid) + 1
    values = 3 * tokens * 2 * config.embed_dim * 2  # clips, tokens, channels, blocks
    assert (forward.convolution, forward.optimizer) == (3 * 4 * values, 0)
    assert (training.convolution, training.optimizer) == (7 * 4 * values, 2800)
    forward.scan()
    assert forward.parts(1.0, 2.0, 1e9) == dict(zip(PARTS, (1.0, 2.0, forward.convolution / 1e9, 0.0), strict=True))


def test_where_it_is_known():
    assert has_floor(model_config("videomamba_nano"), CPU)
    assert not has_floor(model_config("video_swin_t"), CPU)
    assert not has_floor(model_config("videomamba_nano"), torch.device("cuda"))
