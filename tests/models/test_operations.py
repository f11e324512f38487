"""Counts by our formulae against PyTorch's counter, which sees matrix products and convolutions, and real modules."""

import math
from collections import Counter

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from videomamba.models import create_model, list_models, model_config
from videomamba.models.operations import total, totals, videomamba_operations
from videomamba.nn.position import POSITION_KINDS
from videomamba.ops.scan import reference
from videomamba.ops.scan.direction import ScanDirection


def seen_multiply_adds(module, video):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(video)
    return counter.get_total_flops() / 2


def part(parts, name):
    return next(p for p in parts if p.name == name)


@pytest.mark.parametrize(
    "overrides",
    [
        {"num_frames": 16},
        {"num_frames": 8, "img_size": (96, 64), "depth": 3, "cls_position": "middle", "num_classes": 0},
        {"num_frames": 6, "img_size": 48, "depth": 2, "patch_stride": 8, "d_conv": 3, "d_state": 8, "expand": 1},
        {"num_frames": 1, "tubelet_size": 1, "embed_dim": 200, "depth": 1},
    ],
)
def test_matrix_products_of_our_model_are_what_pytorch_counts(overrides):
    """All but the convolution, which is an operation of ours that the counter does not look into."""
    with torch.device("meta"):
        model = create_model("videomamba_small", **overrides).eval()
        video = torch.empty(1, 3, model.config.num_frames, *model.config.height_width)
    parts = videomamba_operations(model.config)
    ours = totals(parts)
    seen = seen_multiply_adds(model, video)
    assert seen == pytest.approx(ours.multiply_adds - part(parts, "convolution").multiply_adds, rel=1e-3)
    assert sum(p.numel() for p in model.parameters()) == ours.parameters


def test_the_convolutions_are_what_pytorch_counts():
    c = model_config("videomamba_small", num_frames=16)
    length, inner = math.prod(c.grid) + 1, 2 * c.embed_dim
    one = torch.nn.Conv1d(inner, inner, c.d_conv, groups=inner, device="meta")
    padded = torch.empty(1, inner, length + c.d_conv - 1, device="meta")
    both = 2 * c.depth * seen_multiply_adds(one, padded)
    assert part(videomamba_operations(c), "convolution").multiply_adds == both


class Elementwise(TorchDispatchMode):
    """Counts values that are added or multiplied, and those of functions."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in ("mul", "add"):
            self.counts["elementwise"] += out.numel()
        elif name == "sum":
            self.counts["elementwise"] += args[0].numel() - out.numel()
        elif name in ("exp", "softplus"):
            self.counts["functions"] += out.numel()
        elif name not in ("unsqueeze", "select", "slice", "stack", "zeros", "new_zeros", "expand", "clone", "view",
                          "_unsafe_view", "alias", "detach", "empty", "copy_", "_to_copy", "unbind"):  # fmt: skip
            raise AssertionError(f"not counted: {name}")
        return out


def test_the_scan_does_what_the_reference_does():
    length, inner, states = 7, 12, 5
    c = model_config("videomamba_small", embed_dim=6, d_state=states, depth=1)
    u, delta = torch.randn(2, 1, length, inner)
    B, C = torch.randn(2, 1, length, 1, states)
    direction = ScanDirection(u, delta, -torch.rand(inner, states), B, C, torch.ones(inner), torch.zeros(inner))
    with Elementwise() as counted:
        reference._scan(direction, True)
    scan = part(videomamba_operations(c), "scan")
    per_token = 2 * (math.prod(c.grid) + 1) / length
    assert scan.elementwise == per_token * counted.counts["elementwise"]
    assert scan.functions == per_token * counted.counts["functions"]


def test_both_conventions_of_the_papers_model():
    counted = totals(videomamba_operations(model_config("videomamba_small", num_frames=16)))
    assert counted.paper / 1e9 == pytest.approx(34.2, abs=0.05)
    assert counted.multiply_adds / 1e9 == pytest.approx(39.1, abs=0.1)
    assert counted.parameters == 26_387_344
    assert counted.functions > 24 * 2 * 1569 * 768 * 16, "an exponential for each state"


@pytest.mark.parametrize("kind", POSITION_KINDS)
def test_parameters_of_every_position_embedding(kind):
    model = create_model("videomamba_nano", pos_embed=kind, num_frames=8)
    assert totals(videomamba_operations(model.config)).parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", list_models("videomamba_*"))
def test_doubled_frames_double_ours_and_nothing_more(name):
    few, many = (videomamba_operations(model_config(name, num_frames=n)) for n in (64, 128))
    ratio = total("", many).multiply_adds / total("", few).multiply_adds
    assert 1.99 < ratio <= 2
