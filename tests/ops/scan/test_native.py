"""The compiled kernels of the scan, every instruction set that this machine runs, against the float64 reference."""

import random
import threading

import pytest
import torch
from torch import Tensor

from tests.ops.comparison import compare, exact, leaves, make_direction, relative_error
from videomamba.ops import ScanDirection, bidirectional_scan, directional_scan


def with_positive_steps(direction: ScanDirection) -> ScanDirection:
    given = {name: getattr(direction, name) for name in ("delta", "delta_bias")}
    return direction._replace(**{n: x.detach().abs().requires_grad_() for n, x in given.items() if x is not None})


def tokens_last(x: Tensor) -> Tensor:
    """The same numbers, (B, L, ...), with each channel's tokens side by side: mamba-ssm's layout."""
    return x.detach().movedim(1, -1).contiguous().movedim(-1, 1).requires_grad_()


def apart(x: Tensor) -> Tensor:
    """The same numbers, no two of them side by side."""
    wide = torch.full((*x.shape, 3), float("nan"))
    wide[..., 1] = x.detach()
    return wide[..., 1].requires_grad_()


def check_one_draw(seed: int, longest: int) -> None:
    """Random shapes, layouts, options and orders; odd sizes on purpose: one, a vector's and a chunk's neighbours."""
    rng = random.Random(seed)
    batch = rng.choice([0, 1, 1, 2, 3, 4])
    length = rng.choice([n for n in (1, 2, 7, 15, 16, 17, 33, 63, 65, 197, 1000, 2000) if n <= longest])
    groups, states = rng.choice([1, 1, 2, 3, 4]), rng.choice([1, 2, 5, 8, 16, 16, 17, 32, 64])
    width = groups * rng.choice([1, 3, 4, 8, 16, 17, 48, 75])
    optional, softplus, two, gated = (rng.random() < 0.5 for _ in range(4))
    visit = rng.choice(["forward", "reverse", "order"])
    make = {"groups": groups, "optional": optional, "dtype": torch.float32}
    both = [make_direction(batch, length, width, states, seed=seed + i, **make) for i in range(1 + two)]
    layout = rng.choice([None, None, tokens_last, tokens_last, apart])
    if layout:
        both = [d._replace(**{name: layout(getattr(d, name)) for name in ("u", "delta", "B", "C")}) for d in both]
    for name in ("B", "C"):
        if rng.random() < 0.25:  # the same for every token
            constant = torch.randn(width, states, generator=torch.Generator().manual_seed(seed + ord(name)))
            both = [d._replace(**{name: constant.clone().requires_grad_()}) for d in both]
    if not softplus:  # a negative step grows without bound, and no float32 could hold it
        both = [with_positive_steps(d) for d in both]
    z = torch.randn(batch, length, width, requires_grad=True) if gated else None
    z = layout(z) if layout and z is not None else z
    order = torch.randperm(length, generator=torch.Generator().manual_seed(seed)) if visit == "order" else None
    inputs = leaves(*both) | ({} if z is None else {"z": z})
    wide_z = None if z is None else z.double()
    limits = {"limit": 1e-6, "gradient_limit": 1e-5}
    if two:
        got = bidirectional_scan(*both, z, order=order, delta_softplus=softplus, backend="native")
        want = bidirectional_scan(*map(exact, both), wide_z, order=order, delta_softplus=softplus, backend="reference")
        compare([got], [want], inputs, **limits)
    else:
        one = both[0]._replace(reverse=visit == "reverse", order=order)
        got = directional_scan(one, z, delta_softplus=softplus, backend="native")
        want = directional_scan(exact(one), wide_z, delta_softplus=softplus, backend="reference")
        compare(got, want, inputs, **limits)


@pytest.mark.parametrize("seed", range(16))
def test_random_draws_equal_the_reference(variant, seed):
    check_one_draw(seed, longest=197)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_many_random_draws_equal_the_reference(variant, seed):
    check_one_draw(seed, longest=2000)


def test_views_of_one_projection_are_read_in_place(variant):
    """The model's own layout: u and z halves of one tensor, delta and B and C parts of others."""
    batch, length, width, states = 2, 37, 24, 16
    joint = torch.randn(batch, length, 2 * width)
    projected = torch.randn(batch, length, 6 + 2 * states)
    A = -torch.rand(width, states) - 0.1
    delta = torch.randn(batch, length, width + 3)[..., 3:]
    direction = ScanDirection(
        joint[..., :width], delta, A, *(x.unsqueeze(2) for x in projected[..., 6:].split(states, -1))
    )
    z = joint[..., width:]
    assert not direction.u.is_contiguous()
    got = directional_scan(direction, z, delta_softplus=True, backend="native")[0]
    want = directional_scan(exact(direction), z.double(), delta_softplus=True, backend="reference")[0]
    assert relative_error(got, want) < 1e-6


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_layout_changes_no_bit(variant, dtype, reverse):
    """Whole vectors and rests, forwards and backwards; results lie as u lies."""
    direction = make_direction(2, 45, 37, 16, dtype=torch.float32)._replace(reverse=reverse)
    names = ("u", "delta", "B", "C")
    direction = direction._replace(**{n: getattr(direction, n).detach().to(dtype).requires_grad_() for n in names})
    z = torch.randn(2, 45, 37).to(dtype).requires_grad_()

    def run(layout):
        given = direction._replace(**{name: layout(getattr(direction, name)) for name in names})
        gate = layout(z)
        out, last = directional_scan(given, gate, delta_softplus=True, backend="native")
        inputs = [*(getattr(given, name) for name in names), direction.A, direction.D, direction.delta_bias, gate]
        return [out, last, *torch.autograd.grad(out.float().sum() + last.sum(), inputs)]

    want, got, spread = run(lambda x: x), run(tokens_last), run(lambda x: apart(x.float()).to(dtype))
    assert got[0].transpose(1, 2).is_contiguous()
    assert spread[0].is_contiguous()
    for a, b, c in zip(want, got, spread, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_extreme_steps_are_finite_and_right(variant):
    length = 300
    steps = torch.where(torch.arange(length) % 2 == 0, 1e-6, 50.0)[None, :, None].expand(1, length, 20)
    BC = torch.randn(1, length, 1, 2, generator=torch.Generator().manual_seed(0))
    u = torch.full((1, length, 20), 1e4)
    A = torch.tensor([[-1e-4, -1e3]]).expand(20, 2)
    direction = ScanDirection(u.requires_grad_(), steps.clone().requires_grad_(), A, BC, BC)
    got = directional_scan(direction, backend="native")[0]
    assert relative_error(got, directional_scan(exact(direction), backend="reference")[0]) < 1e-5
    assert all(g.isfinite().all() for g in torch.autograd.grad(got.sum(), [direction.u, direction.delta]))


def test_softplus_keeps_small_and_large_steps(variant):
    """A step of softplus(-30) = 9.4e-14 is not zero, and one of softplus(80) is 80."""
    raw = torch.tensor([-60.0, -30.0, -15.0, -1.0, 0.0, 1.0, 15.0, 30.0, 80.0]).reshape(1, 9, 1)
    ones = torch.ones(1, 9, 1, 1)
    direction = ScanDirection(torch.ones(1, 9, 1), raw, torch.full((1, 1), -1e4), ones, ones)
    got = directional_scan(direction, delta_softplus=True, backend="native")[0]
    want = directional_scan(exact(direction), delta_softplus=True, backend="reference")[0]
    assert ((got - want).abs() <= 2e-6 * want.abs()).all()


def test_nothing_unwritten_reaches_a_result(variant, monkeypatch):
    direction = make_direction(2, 70, 24, 16, dtype=torch.float32)
    z = torch.randn(2, 70, 24, requires_grad=True)
    inputs = [*leaves(direction).values(), z]

    def run() -> list[Tensor]:
        out, last = directional_scan(direction, z, delta_softplus=True, backend="native")
        return [out, last, *torch.autograd.grad(out.sum() + last.sum(), inputs)]

    clean, empty = run(), torch.empty
    monkeypatch.setattr(torch, "empty", lambda *a, **k: empty(*a, **k).fill_(float("nan")))
    for got, want in zip(run(), clean, strict=True):
        assert torch.equal(got, want)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_output(variant, threads):
    direction = make_direction(1, 100, 48, 16, dtype=torch.float32)
    before = torch.get_num_threads()
    want = directional_scan(direction, delta_softplus=True, backend="native")
    torch.set_num_threads(threads)
    try:
        got = directional_scan(direction, delta_softplus=True, backend="native")
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


def test_two_python_threads_do_not_mix(variant):
    draws = [make_direction(1, 60, 16 * (1 + i), 16, dtype=torch.float32, seed=i) for i in range(2)]
    want = [directional_scan(d, delta_softplus=True, backend="native")[0].detach() for d in draws]
    wrong = []

    def work(i: int) -> None:
        for _ in range(50):
            if not torch.equal(directional_scan(draws[i], delta_softplus=True, backend="native")[0], want[i]):
                wrong.append(i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_bfloat16_is_the_float32_result_rounded(variant):
    direction = make_direction(2, 40, 20, 4, dtype=torch.float32)
    names = ("u", "delta", "B", "C")
    half = direction._replace(**{name: getattr(direction, name).detach().bfloat16() for name in names})
    same = half._replace(**{name: getattr(half, name).float() for name in names})
    got = directional_scan(half, delta_softplus=True, backend="native")[0]
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, directional_scan(same, delta_softplus=True, backend="native")[0].bfloat16())
