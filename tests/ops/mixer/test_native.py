"""The ST-SSM's core in one go: its values and every gradient are those of the separate operations in float64."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from tests.ops.comparison import relative_error
from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.nn.order import backward_order
from videomamba.ops import SSMWeights, st_ssm
from videomamba.ops.mixer import native, reference
from videomamba.ops.native import library

pytestmark = pytest.mark.skipif(not library.available()[0], reason="the compiled kernels are not installed")

WIDTH, RANK, STATES, TAPS = 24, 3, 5, 4


def draw(length, *, taps=TAPS, dtype=torch.float64, batch=2):
    """xz and the weights of both directions, as leaves."""
    generator = torch.Generator().manual_seed(length)
    one = ((WIDTH, taps), (WIDTH,), (RANK + 2 * STATES, WIDTH), (WIDTH, RANK), (WIDTH,), (WIDTH, STATES), (WIDTH,))
    shapes = [(batch, length, 2 * WIDTH), *one, *one]
    scales = [1, *2 * [1, 1, 0.3, 0.5, 1, 0.5, 1]]
    drawn = [torch.randn(s, generator=generator, dtype=torch.float64) * k for s, k in zip(shapes, scales, strict=True)]
    return [x.to(dtype).requires_grad_() for x in drawn]


def core(tensors, order, backend="auto"):
    return st_ssm(tensors[0], SSMWeights(*tensors[1:8]), SSMWeights(*tensors[8:]), order=order, backend=backend)


def gradients(out, tensors):
    pull = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.autograd.grad(out, tensors, pull.to(out.dtype))


def order_of(kind, length):
    return torch.randperm(length, generator=torch.Generator().manual_seed(2)) if kind == "order" else None


@pytest.mark.parametrize("kind", ["flip", "order"])
@pytest.mark.parametrize(("length", "taps"), [(1, 4), (3, 2), (5, 4), (67, 3), (130, 4), (9, 6)])
def test_equals_the_separate_operations_in_float64(length, taps, kind):
    exact, order = draw(length, taps=taps), order_of(kind, length)
    tensors = [x.detach().float().requires_grad_() for x in exact]
    out, want = core(tensors, order), core(exact, order, "reference")
    assert out.grad_fn.name() == "_CoreBackward"
    assert relative_error(out, want) < 2e-6
    for name, got, wanted in zip(names(), gradients(out, tensors), gradients(want, exact), strict=True):
        assert got.dtype == torch.float32
        assert relative_error(got, wanted) < 2e-5, name
    with torch.no_grad():
        assert torch.equal(core(tensors, order), out)


def names():
    return ["xz", *(f"{name} {i}" for i in (1, 2) for name in SSMWeights._fields)]


@pytest.mark.parametrize("mode", ["weights", "autocast"])
def test_bfloat16(mode):
    """As the separate operations give it, in the same precision."""
    tensors, order = draw(37, dtype=torch.bfloat16), order_of("order", 37)
    if mode == "autocast":
        tensors = [tensors[0], *(x.detach().float().requires_grad_() for x in tensors[1:])]
    with torch.autocast("cpu", torch.bfloat16, enabled=mode == "autocast"):
        out = core(tensors, order)
        want = reference.forward(tensors[0], *native._pair(tensors[1:]), order=order, backend="native")
    assert out.grad_fn.name() == "_CoreBackward"
    assert out.dtype == want.dtype == torch.bfloat16
    torch.testing.assert_close(out, want)
    for name, a, b in zip(names(), gradients(out, tensors), gradients(want, tensors), strict=True):
        assert a.dtype == b.dtype, name
        assert relative_error(a, b.double()) < 0.03, name


def test_the_gradient_of_the_gradient():
    exact = draw(6)
    tensors = [x.detach().float().requires_grad_() for x in exact]
    found = []
    for given, backend in ((tensors, "auto"), (exact, "reference")):
        first = torch.autograd.grad(core(given, None, backend).square().sum(), given, create_graph=True)
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), given))
    for name, got, want in zip(names(), *found, strict=True):
        assert relative_error(got, want) < 1e-4, name


def test_little_is_kept_for_the_gradient():
    """Beside xz, which is there anyway: B, C, a thin step, and the states at every 32nd step."""
    tensors, kept = draw(65, dtype=torch.float32), []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: (kept.append(x), x)[1], lambda x: x):
        out = core(tensors, None)
    given = {x.data_ptr() for x in tensors}
    beside = [x for x in kept if x.data_ptr() not in given]
    kernels = library.best()
    chunks, vectors = -(-65 // kernels.chunk_steps), -(-WIDTH // kernels.lanes)
    assert beside[0].shape == (2, 2, 65, RANK + 2 * STATES)
    assert [x.numel() for x in beside[1:]] == 2 * [2 * chunks * vectors * kernels.lanes * STATES]
    assert out.grad_fn is not None


def test_under_activation_checkpointing():
    tensors = draw(20, dtype=torch.float32)
    plain = gradients(core(tensors, None), tensors)
    again = gradients(checkpoint(core, tensors, None, use_reentrant=False), tensors)
    assert all(torch.equal(a, b) for a, b in zip(plain, again, strict=True))


def test_what_must_see_operators_sees_them():
    xz, *weights = (x.detach() for x in draw(8, dtype=torch.float32))
    pair = native._pair(weights)
    assert native.serves(xz, *pair)
    assert not native.serves(xz.double(), *pair)
    assert not native.serves(xz.to("meta"), *pair)
    assert not native.serves(xz, pair[0]._replace(A_log=pair[0].A_log[:, :2]), pair[1])
    with FlopCounterMode(display=False) as counter:
        assert not native.serves(xz, *pair)
        st_ssm(xz, *pair)
    assert counter.get_total_flops() == 2 * 2 * 2 * 8 * WIDTH * (2 * RANK + 2 * STATES)
    torch.testing.assert_close(torch.func.vmap(lambda x: st_ssm(x[None], *pair)[0])(xz), st_ssm(xz, *pair))


@pytest.mark.parametrize("kind", ["spatio_temporal", "spatial"])
def test_a_mixer_takes_it_and_gives_the_same_to_the_digit(kind, monkeypatch):
    torch.manual_seed(0)
    mixer, order = SpatioTemporalSSM(16, state_dim=4), backward_order(kind, (2, 2, 3), 0)
    tokens = torch.randn(2, 13, 16)
    out = mixer(tokens, order)
    monkeypatch.setattr(native, "serves", lambda *tensors: False)
    assert torch.equal(mixer(tokens, order), out)
    monkeypatch.setattr(native, "forward", lambda *tensors, **options: pytest.fail("called"))
    mixer.forward_ssm.x_proj = nn.Sequential(mixer.forward_ssm.x_proj)
    monkeypatch.setattr(native, "serves", lambda *tensors: True)
    assert torch.equal(mixer(tokens, order), out)


def test_an_order_that_is_no_permutation_is_refused():
    with pytest.raises(ValueError, match="not a permutation"):
        core(draw(4, dtype=torch.float32), torch.tensor([0, 1, 1, 2]))
    with pytest.raises(ValueError, match=r"order has shape \(3,\)"):
        core(draw(4, dtype=torch.float32), torch.arange(3))


def test_decay_follows_every_change_of_its_weight():
    """Also one that leaves a tensor's version as it was."""
    A_log = torch.nn.Parameter(torch.randn(3, 2))
    for change in (lambda: None, lambda: A_log.data.add_(1), lambda: A_log.detach().mul_(2), lambda: None):
        change()
        assert torch.equal(native._decay(A_log), -torch.exp(A_log))
    assert native._decay(A_log) is native._decay(A_log)
    assert native._decay(A_log.to(torch.bfloat16)).dtype == torch.float32


def test_threads_that_ask_for_a_decay_together_get_it_whole():
    weights = [torch.nn.Parameter(torch.randn(64, 16)) for _ in range(300)]
    together = threading.Barrier(4)

    def ask(_: int) -> bool:
        right = True
        for A_log in weights:
            together.wait(60)
            right = torch.equal(native._decay(A_log), -torch.exp(A_log)) and right
        return right

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(ask, range(4)))
    finally:
        sys.setswitchinterval(interval)
