"""What stands in a submodule's place is called: adapters, quantised modules, hooks; the stock ones run as ever."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from videomamba import create_model
from videomamba.nn.mixer import SelectiveSSM, SpatioTemporalSSM
from videomamba.nn.order import backward_order
from videomamba.nn.stock import is_stock, parameter_dtype
from videomamba.ops import ScanDirection, causal_conv

GRID = (2, 2, 3)
TINY = {
    "num_frames": 2,
    "img_size": 16,
    "patch_size": 8,
    "tubelet_size": 1,
    "embed_dim": 16,
    "depth": 2,
    "num_classes": 3,
}


def model():
    torch.manual_seed(0)
    return create_model("videomamba_tiny", **TINY).eval()


def video():
    return torch.randn(2, 3, 2, 16, 16, generator=torch.Generator().manual_seed(1))


class Adapter(nn.Module):
    """LoRA as people write it: the base frozen, two thin matrices beside it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, 2, bias=False)
        self.up = nn.Linear(2, base.out_features, bias=False)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


class ConvAdapter(nn.Module):
    def __init__(self, base: nn.Conv1d) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.change = nn.Parameter(torch.zeros_like(base.weight))

    def forward(self, x):
        return self.base(x) + F.conv1d(x, self.change, groups=self.base.groups)


def adapted(module: nn.Module) -> nn.Module:
    for name, child in list(module.named_children()):
        if type(child) is nn.Linear:
            setattr(module, name, Adapter(child))
        elif type(child) is nn.Conv1d:
            setattr(module, name, ConvAdapter(child))
        else:
            adapted(child)
    return module


def by_reading(ssm: SelectiveSSM, x, reverse, order):
    """What a stock direction computes, spelled out: weights read, the bias added in the scan."""
    u = causal_conv(x, ssm.conv1d.weight.squeeze(1), ssm.conv1d.bias, reverse=reverse, order=order)
    step, B, C = F.linear(u, ssm.x_proj.weight).split(ssm.split, dim=-1)
    delta = F.linear(step, ssm.dt_proj.weight)
    return ScanDirection(u, delta, -torch.exp(ssm.A_log.float()), B, C, ssm.D.float(), ssm.dt_proj.bias.float())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("kind", ["spatio_temporal", "spatial"])
def test_the_usual_path_is_unchanged_to_the_digit(kind, dtype):
    torch.manual_seed(0)
    mixer = SpatioTemporalSSM(16, state_dim=4).to(dtype)
    order = backward_order(kind, GRID, 0)
    x = torch.randn(2, 13, 32).to(dtype)
    for ssm, reverse, visit in ((mixer.forward_ssm, False, None), (mixer.backward_ssm, order is None, order)):
        got = ssm(x, reverse=reverse, order=visit, backend="auto")
        for name, a, b in zip(got._fields, got, by_reading(ssm, x, reverse, visit), strict=True):
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a in (b, False), name


@pytest.mark.parametrize("order", [None, backward_order("temporal", GRID, 0)])
def test_called_is_read_but_for_rounding(order):
    """In float64: every way through the modules gives the same numbers."""
    torch.manual_seed(0)
    mixer = SpatioTemporalSSM(16, state_dim=4).double()
    tokens = torch.randn(2, 13, 16, dtype=torch.float64)
    want, steps = mixer(tokens, order), mixer.step_sizes(tokens, order)
    for ssm in (mixer.forward_ssm, mixer.backward_ssm):
        ssm.conv1d.register_forward_hook(lambda *_: None)
        ssm.dt_proj.register_forward_hook(lambda *_: None)
    torch.testing.assert_close(mixer(tokens, order), want)
    torch.testing.assert_close(mixer.step_sizes(tokens, order), steps)


def test_hooks_of_every_submodule_fire():
    net, fired = model(), set()
    wanted = {name for name, module in net.named_modules() if not isinstance(module, nn.ModuleList)}
    for name in wanted:
        net.get_submodule(name).register_forward_hook(lambda *_, name=name: fired.add(name))
    net(video())
    assert fired == wanted
    assert {"", "blocks.0.mixer.forward_ssm.dt_proj", "blocks.1.mixer.backward_ssm.conv1d"} <= fired


@pytest.mark.parametrize("kind", ["forward", "pre", "backward", "backward_pre", "patched"])
@pytest.mark.parametrize("name", ["dt_proj", "conv1d"])
def test_each_kind_of_hook_is_heeded(name, kind):
    net, seen = model(), []
    target = getattr(net.blocks[0].mixer.forward_ssm, name)
    if kind == "patched":  # as accelerate's hooks do
        forward = target.forward
        target.forward = lambda x: (seen.append(1), forward(x))[1]
    else:
        register = {
            "forward": "register_forward_hook",
            "pre": "register_forward_pre_hook",
            "backward": "register_full_backward_hook",
            "backward_pre": "register_full_backward_pre_hook",
        }[kind]
        getattr(target, register)(lambda *_: seen.append(1) and None)
    net(video()).sum().backward()
    assert seen


def test_a_hook_changes_the_result():
    net, x = model(), video()
    before = net(x)
    handle = net.blocks[1].mixer.backward_ssm.dt_proj.register_forward_hook(lambda module, given, out: out + 1)
    assert not torch.allclose(net(x), before, atol=1e-6)
    handle.remove()
    assert torch.equal(net(x), before)


def test_the_gradient_arrives_at_each_adapter():
    net, x = model(), video()
    want = net(x)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    adapted(net)
    for module in net.modules():
        if isinstance(module, Adapter):
            nn.init.zeros_(module.up.weight)
    torch.testing.assert_close(net(x), want)
    net(x).square().sum().backward()
    adapters = {n: p for n, p in net.named_parameters() if p.requires_grad}
    assert (
        len(adapters) == 2 * (2 + 4) * 2 + 2 + 2 * 2
    )  # two linear weights each: in, out, 2 x and dt; head; one conv per direction
    for name, parameter in adapters.items():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0 or name.endswith("down.weight"), name
    for module in net.modules():
        if isinstance(module, Adapter):
            nn.init.normal_(module.up.weight)
    assert not torch.allclose(net(x), want, atol=1e-4)


@pytest.mark.parametrize("target", ["dt_proj", "conv1d", "head", "x_proj"])
def test_each_adapter_alone_has_a_part_in_the_result(target):
    net, x = model(), video()
    want = net(x)
    owner = net if target == "head" else net.blocks[0].mixer.backward_ssm
    base = getattr(owner, target)
    setattr(owner, target, ConvAdapter(base) if target == "conv1d" else Adapter(base))
    with torch.no_grad():
        for name, parameter in getattr(owner, target).named_parameters():
            if not name.startswith("base"):
                parameter.normal_()
    assert not torch.allclose(net(x), want, atol=1e-6)


def test_parametrised_weights_are_heeded():
    net, x = model(), video()
    want = net(x)
    torch.nn.utils.parametrizations.weight_norm(net.blocks[0].mixer.forward_ssm.dt_proj)
    torch.testing.assert_close(net(x), want)
    with torch.no_grad():
        net.blocks[0].mixer.forward_ssm.dt_proj.parametrizations.weight.original0.mul_(100)
    assert not torch.allclose(net(x), want, atol=1e-6)


@pytest.mark.filterwarnings("ignore")  # torch.ao announces its own end
def test_dynamic_quantisation_reaches_every_linear_layer():
    net, x = model(), video()
    quantised = torch.ao.quantization.quantize_dynamic(copy.deepcopy(net), {nn.Linear})
    kinds = {type(m) for n, m in quantised.named_modules() if n.endswith(("_proj", "head"))}
    assert kinds == {torch.ao.nn.quantized.dynamic.Linear}
    got, want = quantised(x), net(x)
    assert got.isfinite().all()
    assert (got - want).abs().max() < 0.1 * want.abs().max()
    step = net.blocks[0].mixer.forward_ssm.dt_proj
    assert (quantised.blocks[0].mixer.forward_ssm.dt_proj(torch.ones(1, 1)) - step(torch.ones(1, 1))).abs().max() < 0.1


def test_peft_adapts_all_linear_layers():
    peft = pytest.importorskip("peft")
    net = peft.get_peft_model(model(), peft.LoraConfig(r=4, target_modules="all-linear"))
    net(video()).sum().backward()
    adapters = {n: p for n, p in net.named_parameters() if "lora_B" in n}
    assert any("dt_proj" in name for name in adapters)
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in adapters.values())
    before = net(video())
    torch.testing.assert_close(net.merge_and_unload()(video()), before)


def test_a_convolution_of_another_kind_is_called():
    """A module that takes the kernel's place need not be like it, as long as it keeps the length."""
    ssm = SelectiveSSM(8, 4, 4, 1)
    ssm.conv1d = nn.Conv1d(8, 8, 2, dilation=3, groups=8)
    x = torch.randn(1, 7, 8)
    want = F.silu(ssm.conv1d(F.pad(x.transpose(1, 2), (3, 0)))).transpose(1, 2)
    torch.testing.assert_close(ssm(x, reverse=False, order=None, backend="auto").u, want)


def test_stock_means_exactly_that():
    class Other(nn.Linear):
        pass

    assert is_stock(nn.Linear(2, 2), nn.Linear)
    assert not is_stock(Other(2, 2), nn.Linear)
    assert parameter_dtype(nn.Linear(2, 2).bfloat16(), torch.zeros(1)) == torch.bfloat16
    assert parameter_dtype(nn.Identity(), torch.zeros(1)) == torch.float32
