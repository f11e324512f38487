"""The scan in Triton: its values in Triton's interpreter (or on a GPU), and its launches."""

import pytest
import torch

from tests.ops.comparison import compare, exact, leaves, make_direction, relative_error
from videomamba.ops import ScanDirection, bidirectional_scan, directional_scan
from videomamba.ops.backend import backend_status

pytest.importorskip("triton")
from videomamba.ops.scan import triton_backend, triton_launch
from videomamba.ops.scan.triton_launch import Config, recorded

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setattr(triton_launch, "CHUNK", 4)
    monkeypatch.setattr(triton_backend, "config_of", lambda *a: Config(steps=4, channels=2, lanes=2))


def fill(monkeypatch, spans: bool) -> None:
    """Many processors, so that every chunk is a span; or fewer than one, so that a program does all in turn."""
    monkeypatch.setattr(triton_launch, "processors_of", lambda device: 100 if spans else 0)


def on_device(direction: ScanDirection) -> ScanDirection:
    moved = (x.detach().to(DEVICE) if isinstance(x, torch.Tensor) else x for x in direction)
    return ScanDirection(
        *(x.requires_grad_() if isinstance(x, torch.Tensor) and x.is_floating_point() else x for x in moved)
    )


def draw(length, width, states, **options):
    return on_device(make_direction(1, length, width, states, dtype=torch.float32, **options))


@pytest.mark.parametrize("visit", [pytest.param("forward", marks=pytest.mark.slow), "reverse", "order"])
def test_three_spans_of_one_direction_from_a_state_not_zero(visit, monkeypatch):
    """Eleven steps are three chunks of four, each a span of its own, in two groups."""
    fill(monkeypatch, spans=True)
    direction = draw(11, 4, 1, groups=2)
    order = torch.randperm(11, generator=torch.Generator().manual_seed(1)).to(DEVICE) if visit == "order" else None
    direction = direction._replace(reverse=visit == "reverse", order=order)
    with recorded() as launches:
        directional_scan(direction, delta_softplus=True, backend="triton")
    assert [launch.name for launch in launches] == ["span_ends", "stitch", "outputs"]
    assert launches[0].arguments["sizes"].spans == 3
    z = torch.randn(1, 11, 4, device=DEVICE, requires_grad=True)
    got = directional_scan(direction, z, delta_softplus=True, backend="triton")
    want = directional_scan(exact(direction), z.double(), delta_softplus=True, backend="reference")
    compare(got, want, leaves(direction) | {"z": z}, limit=1e-6, gradient_limit=1e-5)


@pytest.mark.parametrize(
    ("ordered", "spans"),
    [
        (True, True),
        pytest.param(False, False, marks=pytest.mark.slow),
        pytest.param(False, True, marks=pytest.mark.slow),
        pytest.param(True, False, marks=pytest.mark.slow),
    ],
)
def test_both_directions_under_one_gate(ordered, spans, monkeypatch):
    """Three chunks; the programs of few processors take two blocks of channels in turn."""
    fill(monkeypatch, spans=spans)
    both = [draw(9, 3, 1, optional=ordered, seed=seed) for seed in (0, 1)]
    z = torch.randn(1, 9, 3, device=DEVICE, requires_grad=True)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(2)).to(DEVICE) if ordered else None
    got = bidirectional_scan(*both, z, order=order, backend="triton")
    want = bidirectional_scan(*map(exact, both), z.double(), order=order, backend="reference")
    compare([got], [want], leaves(*both) | {"z": z}, limit=1e-6, gradient_limit=1e-5)


def test_directions_of_different_states_are_launched_apart(monkeypatch):
    fill(monkeypatch, spans=False)
    both = [draw(5, 1, states, seed=states) for states in (1, 3)]
    got = bidirectional_scan(*both, backend="triton")
    want = bidirectional_scan(*map(exact, both), backend="reference")
    compare([got], [want], leaves(*both), limit=1e-6, gradient_limit=1e-5)


@pytest.mark.parametrize(("batch", "length"), [(0, 5), (2, 1), (1, 4)])
def test_edges(batch, length):
    direction = on_device(make_direction(batch, length, 2, 1, dtype=torch.float32))
    got = directional_scan(direction, delta_softplus=True, backend="triton")
    want = directional_scan(exact(direction), delta_softplus=True, backend="reference")
    compare(got, want, leaves(direction), limit=1e-6, gradient_limit=1e-5)


def test_without_tokens_the_last_state_is_the_initial_one():
    direction = on_device(make_direction(1, 0, 2, 1, dtype=torch.float32))
    out, last = directional_scan(direction, delta_softplus=True, backend="triton")
    assert out.shape == (1, 0, 2)
    assert torch.equal(last, direction.initial_state)
    grads = torch.autograd.grad(last.sum(), [direction.initial_state, direction.A])
    assert [float(grad.sum()) for grad in grads] == [2.0, 0.0]


def test_parts_of_several_tiles(monkeypatch):
    """A chunk of eight is two parts of two tiles of two."""
    monkeypatch.setattr(triton_launch, "CHUNK", 8)
    monkeypatch.setattr(triton_backend, "config_of", lambda *a: Config(steps=2, channels=1, lanes=1))
    fill(monkeypatch, spans=False)
    for reverse in (False, True):
        direction = draw(13, 1, 1)._replace(reverse=reverse)
        got = directional_scan(direction, delta_softplus=True, backend="triton")
        want = directional_scan(exact(direction), delta_softplus=True, backend="reference")
        compare(got, want, leaves(direction), limit=1e-6, gradient_limit=1e-5)


def test_extreme_steps_are_finite_and_right():
    steps = torch.where(torch.arange(12) % 2 == 0, 1e-6, 50.0)[None, :, None].expand(1, 12, 1)
    BC = torch.randn(1, 12, 1, 2, generator=torch.Generator().manual_seed(0))
    A = torch.tensor([[-1e-4, -1e3]])
    direction = on_device(ScanDirection(torch.full((1, 12, 1), 1e4), steps.clone(), A, BC, BC))
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
    direction = draw(5, 1, 2)
    half = direction._replace(**{n: getattr(direction, n).detach().bfloat16() for n in ("u", "delta", "B", "C")})
    same = half._replace(**{n: getattr(half, n).float() for n in ("u", "delta", "B", "C")})
    got, _ = directional_scan(half, delta_softplus=True, backend="triton")
    want, _ = directional_scan(same, delta_softplus=True, backend="triton")
    assert got.dtype == torch.bfloat16
    assert ((got.float() - want).abs() <= 2**-7 * want.abs()).all()


def test_no_launch_has_a_second_axis_of_programs():
    """CUDA takes 65,535 programs along any axis of a grid but the first, which takes 2^31 - 1."""
    wide = [torch.empty(shape, device="meta") for shape in ((70_000, 3, 4), (70_000, 3, 4), (4, 2))]
    grouped = [torch.empty(shape, device="meta") for shape in ((1, 3, 70_000), (1, 3, 70_000), (70_000, 2))]
    for (u, delta, A), groups in ((wide, 1), (grouped, 70_000)):
        B, C = (torch.empty(len(u), 3, groups, 2, device="meta") for _ in range(2))
        direction = ScanDirection(u, delta, A, B, C)
        with recorded() as launches:
            out, _, saved = triton_backend.forward([direction], None, delta_softplus=True, save=True)
            triton_backend.backward([direction], None, saved, out, [None], delta_softplus=True)
        assert [launch.name for launch in launches] == ["outputs", "gradients"]
        assert all(65_535 < launch.programs < 2**31 for launch in launches)


def test_the_status_says_why():
    assert backend_status()["triton"][0], backend_status()["triton"][1]
