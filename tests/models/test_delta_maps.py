"""Delta maps against a computation by hand that walks each direction's own sequence and puts it back in place."""

import pytest
import torch
import torch.nn.functional as F

from videomamba.models import create_model
from videomamba.nn.order import BACKWARD_ORDERS
from videomamba.ops.backend import backend_status

TINY = {"num_frames": 6, "img_size": (32, 48), "embed_dim": 16, "depth": 3, "num_classes": 5}
T, H, W = 3, 2, 3


def make(**overrides):
    torch.manual_seed(0)
    model = create_model("videomamba_tiny", **TINY | overrides).eval()
    with torch.no_grad():  # large enough to tell tokens apart
        for block in model.blocks:
            for ssm in (block.mixer.forward_ssm, block.mixer.backward_ssm):
                ssm.dt_proj.bias.add_(3)
                ssm.x_proj.weight.mul_(20)
    return model


VIDEO = torch.randn(2, 3, 6, 32, 48, generator=torch.Generator().manual_seed(1))


def visited_backward(kind, cls_index):
    """Places of all tokens in the order of the backward direction, written out token by token."""
    places = [(t, s) for t in range(T) for s in range(H * W)]
    sequence = [*places[:cls_index], "cls", *places[cls_index:]]
    key = {
        "spatio_temporal": lambda p: (-p[0], -p[1]),
        "spatial": lambda p: (p[0], -p[1]),
        "temporal": lambda p: (-p[0], p[1]),
    }[kind]
    patches = sorted(places, key=key)
    where = len(places) - cls_index  # the class token takes the mirrored place
    return [sequence.index(p) for p in [*patches[:where], "cls", *patches[where:]]]


def by_hand(ssm, x, visit):
    """softplus(dt_proj(x_proj(silu(conv(x)))[:R])) on the visited sequence, mean over channels, in token order."""
    taps = ssm.conv1d.kernel_size[0]
    walked = x[:, visit]
    u = F.silu(ssm.conv1d(F.pad(walked.transpose(1, 2), (taps - 1, 0)))).transpose(1, 2)
    delta = F.softplus(ssm.dt_proj(ssm.x_proj(u)[..., : ssm.split[0]])).mean(-1)
    restored = torch.empty_like(delta)
    restored[:, visit] = delta
    return restored


@torch.no_grad()
def expected(model):
    order = visited_backward(model.config.backward_order, model.config.cls_index)
    tokens = model._embed(VIDEO, model.config, model.pos_embed)
    maps = []
    for block in model.blocks:
        x, _ = block.mixer.in_proj(block.norm(tokens)).chunk(2, -1)
        forward = by_hand(block.mixer.forward_ssm, x, list(range(x.shape[1])))
        both = torch.stack([forward, by_hand(block.mixer.backward_ssm, x, order)], 1)
        keep = [i for i in range(x.shape[1]) if i != model.config.cls_index]
        maps.append(both[..., keep].reshape(2, 2, T, H, W))
        tokens = block(tokens, model.order)
    return torch.stack(maps, 1)


@pytest.mark.parametrize("cls_position", ["first", "middle"])
@pytest.mark.parametrize("backward_order", BACKWARD_ORDERS)
def test_every_order_and_class_token_against_a_computation_by_hand(backward_order, cls_position):
    model = make(backward_order=backward_order, cls_position=cls_position)
    with torch.inference_mode():
        maps = model.delta_maps(VIDEO)
    assert maps.shape == (2, 3, 2, T, H, W)
    assert maps.dtype == torch.float32
    torch.testing.assert_close(maps, expected(model), rtol=1e-5, atol=1e-6)
    spread = maps.flatten(3).std(-1)
    assert spread.min() > 1e-3, "tokens are alike here: a wrong order would pass"


@pytest.mark.parametrize("backend", [name for name, (runs, _) in backend_status().items() if runs])
def test_every_backend_gives_the_same(backend):
    if backend == "triton" and not torch.cuda.is_available():
        pytest.skip("Triton's interpreter takes minutes for a model; the kernels are tested by themselves")
    wanted = make(backward_order="temporal").delta_maps(VIDEO)
    got = make(backward_order="temporal", backend=backend).delta_maps(VIDEO)
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-6)


def test_the_usual_path_computes_no_step_sizes(monkeypatch):
    """Maps cost nothing where nobody asks for them, and leave the model as it was."""
    model = make()
    before = model(VIDEO)
    model.delta_maps(VIDEO)
    monkeypatch.setattr(type(model.blocks[0].mixer), "step_sizes", lambda *_: pytest.fail("computed step sizes"))
    torch.testing.assert_close(model(VIDEO), before, rtol=0, atol=0)
    assert not any(module._forward_hooks for module in model.modules())


def test_maps_of_half_precision_are_float32_and_near():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = make().delta_maps(VIDEO)
    assert maps.dtype == torch.float32
    assert (maps - expected(make())).abs().max() < 0.05 * maps.max()
