"""The scan in Triton: its values in Triton's interpreter (or on a GPU), and its grid."""

import pytest
import torch

from tests.ops.comparison import compare, exact, leaves, make_direction, relative_error
from videomamba.ops import ScanDirection, bidirectional_scan, directional_scan
from videomamba.ops.backend import backend_status

pytest.importorskip("triton")
from videomamba.ops.scan import triton_backend

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(triton_backend, "TILE_STEPS", 8)
    monkeypatch.setattr(triton_backend, "TILE_STATES", 8)


def on_device(direction: ScanDirection) -> ScanDirection:
    moved = (x.detach().to(DEVICE) if isinstance(x, torch.Tensor) else x for x in direction)
    return ScanDirection(
        *(x.requires_grad_() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in moved)
    )


def draw(length, width, states, **options):
    return on_device(make_direction(1, length, width, states, dtype=torch.float32, **options))


@pytest.mark.parametrize("visit", ["forward", "reverse", "order"])
def test_three_chunks_and_more_from_a_state_not_zero(visit):
    """19 steps are three tiles of eight, each a chunk of its own, in two groups of odd width."""
    direction = draw(19, 6, 2, groups=2)
    order = torch.randperm(19, generator=torch.Generator().manual_seed(1)).to(DEVICE) if visit == "order" else None
    direction = direction._replace(reverse=visit == "reverse", order=order)
    launch = triton_backend._Launch.of(direction, True)
    assert -(-19 // launch._chunk_steps()) == 3
    z = torch.randn(1, 19, 6, device=DEVICE, requires_grad=True)
    got = directional_scan(direction, z, delta_softplus=True, backend="triton")
    want = directional_scan(exact(direction), z.double(), delta_softplus=True, backend="reference")
    compare(got, want, leaves(direction) | {"z": z}, limit=1e-6, gradient_limit=1e-5)


@pytest.mark.parametrize("optional", [False, True])
def test_both_directions_under_one_gate(optional):
    both = [draw(17, 3, 3, optional=optional, seed=seed) for seed in (0, 1)]
    z = torch.randn(1, 17, 3, device=DEVICE, requires_grad=True)
    order = torch.randperm(17, generator=torch.Generator().manual_seed(2)).to(DEVICE) if optional else None
    got = bidirectional_scan(*both, z, order=order, backend="triton")
    want = bidirectional_scan(*map(exact, both), z.double(), order=order, backend="reference")
    compare([got], [want], leaves(*both) | {"z": z}, limit=1e-6, gradient_limit=1e-5)


@pytest.mark.parametrize(("batch", "length"), [(0, 5), (2, 1), (2, 8)])
def test_edges(batch, length):
    direction = on_device(make_direction(batch, length, 2, 1, dtype=torch.float32))
    got = directional_scan(direction, delta_softplus=True, backend="triton")
    want = directional_scan(exact(direction), delta_softplus=True, backend="reference")
    compare(got, want, leaves(direction), limit=1e-6, gradient_limit=1e-5)


def test_one_program_walks_its_tiles_in_turn(monkeypatch):
    """As on a full device: one chunk, whose state goes from tile to tile."""
    monkeypatch.setattr(triton_backend, "_wanted_programs", lambda device: 1)
    direction = draw(19, 2, 2)
    got, last = directional_scan(direction, delta_softplus=True, backend="triton")
    want, want_last = directional_scan(exact(direction), delta_softplus=True, backend="reference")
    assert relative_error(got, want) < 1e-6
    assert relative_error(last, want_last) < 1e-6


def test_extreme_steps_are_finite_and_right():
    steps = torch.where(torch.arange(12) % 2 == 0, 1e-6, 50.0)[None, :, None].expand(1, 12, 2)
    BC = torch.randn(1, 12, 1, 2, generator=torch.Generator().manual_seed(0))
    A = torch.tensor([[-1e-4, -1e3]]).expand(2, 2)
    direction = on_device(ScanDirection(torch.full((1, 12, 2), 1e4), steps.clone(), A, BC, BC))
    got = directional_scan(direction, backend="triton")[0]
    assert relative_error(got, directional_scan(exact(direction), backend="reference")[0]) < 1e-5
    assert all(g.isfinite().all() for g in torch.autograd.grad(got.sum(), [direction.u, direction.delta]))


def test_softplus_keeps_small_and_large_steps():
    raw = torch.tensor([-40.0, -30.0, -15.0, -1.0, 0.0, 1.0, 15.0, 80.0], device=DEVICE).reshape(1, 8, 1)
    ones = torch.ones(1, 8, 1, 1, device=DEVICE)
    direction = ScanDirection(torch.ones_like(raw), raw, torch.full((1, 1), -1e4, device=DEVICE), ones, ones)
    got = directional_scan(direction, delta_softplus=True, backend="triton")[0]
    want = directional_scan(exact(direction), delta_softplus=True, backend="reference")[0]
    assert ((got - want).abs() <= 3e-6 * want.abs()).all()


def test_bfloat16_is_the_float32_result_to_its_last_digit():
    """A GPU rounds, the interpreter cuts off."""
    direction = draw(9, 2, 2)
    half = direction._replace(**{n: getattr(direction, n).detach().bfloat16() for n in ("u", "delta", "B", "C")})
    same = half._replace(**{n: getattr(half, n).float() for n in ("u", "delta", "B", "C")})
    got, _ = directional_scan(half, delta_softplus=True, backend="triton")
    want, _ = directional_scan(same, delta_softplus=True, backend="triton")
    assert got.dtype == torch.bfloat16
    assert ((got.float() - want).abs() <= 2**-7 * want.abs()).all()


def test_the_grid_grows_with_the_length_until_the_device_is_full(monkeypatch):
    """At batch 1, 768 channels: more programs for longer clips; at batch 64 there are enough without chunks."""
    monkeypatch.setattr(triton_backend, "_wanted_programs", lambda device: 1056)
    monkeypatch.setattr(triton_backend, "TILE_STEPS", 16)
    monkeypatch.setattr(triton_backend, "TILE_STATES", 256)

    def chunks(batch: int, length: int) -> int:
        shapes = ((batch, length, 768), (batch, length, 768), (768, 16), *[(batch, length, 1, 16)] * 2)
        launch = triton_backend._Launch.of(ScanDirection(*(torch.empty(shape) for shape in shapes)), True)
        return -(-length // launch._chunk_steps())

    assert [chunks(1, length) for length in (16, 160, 320, 1569, 100_000)] == [1, 10, 20, 20, 22]
    assert chunks(64, 1569) == 1


def test_the_status_says_why():
    assert backend_status()["triton"][0], backend_status()["triton"][1]
