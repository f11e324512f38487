"""Every backend of the scan against the float64 reference: outputs, last states, every gradient by name."""

import pytest
import torch

from tests.ops.comparison import compare, exact, leaves, make_direction, relative_error
from videomamba.ops import ScanDirection, bidirectional_scan, directional_scan, selective_scan
from videomamba.ops.backend import backend_status
from videomamba.ops.scan import torch_backend


def runnable(*names: str) -> list[str]:
    return [name for name in names if backend_status()[name][0]]


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 63, 200])
@pytest.mark.parametrize("visit", ["forward", "reverse", "order"])
@pytest.mark.parametrize("optional", [False, True])
def test_torch_backend_equals_reference(length, visit, optional):
    direction = make_direction(2, length, 6, 5, groups=3, optional=optional)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(1)) if visit == "order" else None
    direction = direction._replace(reverse=visit == "reverse", order=order)
    z = torch.randn(2, length, 6, dtype=torch.float64, requires_grad=True) if optional else None
    inputs = leaves(direction) | ({} if z is None else {"z": z})
    got, want = (
        directional_scan(direction, z, delta_softplus=optional, backend=backend) for backend in ("torch", "reference")
    )
    compare(got, want, inputs, limit=1e-13, gradient_limit=1e-12)


@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("ordered", [False, True])
def test_bidirectional_torch_backend_equals_reference_in_float32(batch, ordered):
    length, width = 130, 8
    both = [make_direction(batch, length, width, 16, seed=seed, dtype=torch.float32) for seed in (0, 1)]
    z = torch.randn(batch, length, width, requires_grad=True)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(2)) if ordered else None
    got = bidirectional_scan(*both, z, order=order, backend="torch")
    want = bidirectional_scan(*map(exact, both), z.double(), order=order, backend="reference")
    compare([got], [want], leaves(*both) | {"z": z}, limit=1e-6, gradient_limit=1e-5)


def test_bidirectional_scan_is_the_gated_sum_of_two_walks():
    """The definition, with the second direction run by hand on flipped tensors."""
    forward, backward = (make_direction(2, 12, 4, 3, seed=seed) for seed in (0, 1))
    z = torch.randn(2, 12, 4, dtype=torch.float64)
    flipped = backward._replace(**{name: getattr(backward, name).flip(1) for name in ("u", "delta", "B", "C")})
    y_forward, _ = directional_scan(forward, delta_softplus=True, backend="reference")
    y_backward, _ = directional_scan(flipped, delta_softplus=True, backend="reference")
    want = torch.nn.functional.silu(z) * (y_forward + y_backward.flip(1))
    for order in (None, torch.arange(11, -1, -1)):
        for backend in ("reference", "torch"):
            got = bidirectional_scan(forward, backward, z, order=order, backend=backend)
            torch.testing.assert_close(got, want)


def test_one_step_by_hand():
    """delta = softplus(0.5 + 0.1); h = exp(delta A) h0 + delta B u; y = C h + D u."""
    values = ([[[2.0]]], [[[0.5]]], [[-3.0]], [[[0.7]]], [[[1.1]]], [0.3], [0.1], [[[5.0]]])
    d = ScanDirection(*(torch.tensor(x, dtype=torch.float64) for x in values))
    step = torch.log1p(torch.exp(torch.tensor(0.6, dtype=torch.float64)))
    state = torch.exp(-3 * step) * 5 + step * 0.7 * 2
    for backend in ("reference", "torch"):
        out, last = directional_scan(d, delta_softplus=True, backend=backend)
        torch.testing.assert_close(last.flatten()[0], state)
        torch.testing.assert_close(out.flatten()[0], 1.1 * state + 0.3 * 2)


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_extreme_inputs_stay_finite_and_right(backend):
    """Step sizes of 1e-6 and 50, decay rates of 1e-4 and 1e3, inputs of 1e4."""
    length = 300
    steps = torch.where(torch.arange(length) % 2 == 0, 1e-6, 50.0)[None, :, None].expand(1, length, 4)
    A = torch.tensor([[-1e-4, -1e3]]).expand(4, 2)
    BC = torch.randn(1, length, 1, 2, generator=torch.Generator().manual_seed(0))
    u = torch.full((1, length, 4), 1e4)
    direction = ScanDirection(u.requires_grad_(), steps.clone().requires_grad_(), A, BC, BC)
    got = directional_scan(direction, backend=backend)[0]
    want = directional_scan(exact(direction), backend="reference")[0]
    assert relative_error(got, want) <= 1e-5
    assert all(g.isfinite().all() for g in torch.autograd.grad(got.sum(), [direction.u, direction.delta]))


@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_gradcheck(backend):
    forward, backward = (make_direction(1, 5, 2, 2, seed=seed) for seed in (0, 1))
    z = torch.randn(1, 5, 2, dtype=torch.float64, requires_grad=True)
    order = torch.tensor([3, 0, 4, 1, 2])

    def run(*tensors):
        return bidirectional_scan(
            ScanDirection(*tensors[:8]), ScanDirection(*tensors[8:16]), tensors[16], order=order, backend=backend
        )

    assert torch.autograd.gradcheck(run, (*leaves(forward, backward).values(), z))


def test_output_never_reads_memory_it_did_not_write(monkeypatch):
    """Uninitialised buffers are filled with NaN: none may reach a result."""
    direction = make_direction(2, 70, 6, 4, dtype=torch.float32)
    z = torch.randn(2, 70, 6, requires_grad=True)
    clean = directional_scan(direction, z, backend="torch")[0]
    clean_grads = torch.autograd.grad(clean.sum(), [*leaves(direction).values(), z])
    empty_like = torch.empty_like
    monkeypatch.setattr(torch, "empty_like", lambda *a, **k: empty_like(*a, **k).fill_(float("nan")))
    poisoned = directional_scan(direction, z, backend="torch")[0]
    assert torch.equal(poisoned, clean)
    for got, want in zip(
        torch.autograd.grad(poisoned.sum(), [*leaves(direction).values(), z]), clean_grads, strict=True
    ):
        assert torch.equal(got, want)


def test_chunks_do_not_change_the_result(monkeypatch):
    direction = make_direction(1, 50, 4, 3)
    whole = directional_scan(direction, backend="torch")
    monkeypatch.setattr(torch_backend, "_CHUNK_STEPS", (7, 7))
    for got, want in zip(directional_scan(direction, backend="torch"), whole, strict=True):
        torch.testing.assert_close(got, want)


def test_bfloat16_is_the_float32_result_rounded():
    direction = make_direction(2, 40, 6, 4, dtype=torch.float32)
    names = ("u", "delta", "B", "C")
    half = direction._replace(**{name: getattr(direction, name).detach().bfloat16() for name in names})
    same = half._replace(**{name: getattr(half, name).float() for name in names})
    got, _ = directional_scan(half, delta_softplus=True, backend="torch")
    want, _ = directional_scan(same, delta_softplus=True, backend="torch")
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, want.bfloat16())


def test_selective_scan_has_mamba_layout():
    """(B, D, L) in, (B, D, L) out, equal to the channels-last function; a constant B (D, N) counts for every token."""
    direction = make_direction(2, 9, 4, 3, groups=2)
    swap = {name: getattr(direction, name).transpose(1, 2) for name in ("u", "delta")}
    B, C = (x.permute(0, 2, 3, 1) for x in (direction.B, direction.C))
    want, want_last = directional_scan(direction, delta_softplus=True, backend="reference")
    got, last = selective_scan(
        swap["u"], swap["delta"], direction.A, B, C, direction.D, None, direction.delta_bias, True, True,
        initial_state=direction.initial_state,
    )  # fmt: skip
    torch.testing.assert_close(got, want.transpose(1, 2))
    torch.testing.assert_close(last, want_last)

    constant = torch.randn(4, 3, dtype=torch.float64)
    per_channel = direction._replace(B=constant.expand(2, 9, 4, 3), C=direction.C.repeat_interleave(2, 2))
    want, _ = directional_scan(per_channel, backend="reference")
    got = selective_scan(
        swap["u"], swap["delta"], direction.A, constant, C, direction.D, None, direction.delta_bias,
        initial_state=direction.initial_state,
    )  # fmt: skip
    torch.testing.assert_close(got, want.transpose(1, 2))


@pytest.mark.parametrize("backend", runnable("reference", "torch", "native"))
def test_autocast_leaves_the_scan_alone(backend):
    """What the user casts is cast; sums, states and step sizes inside stay float32."""

    def run():
        both = [make_direction(2, 100, 8, 16, seed=seed, dtype=torch.float32) for seed in (0, 1)]
        z = torch.ones(2, 100, 8, requires_grad=True)
        out = bidirectional_scan(*both, z, backend=backend)
        return [out, *torch.autograd.grad(out.sum(), leaves(*both).values())]

    expected = run()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = run()
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize("backend", runnable("torch", "native"))
def test_exports_for_any_length(backend):
    class Scan(torch.nn.Module):
        def forward(self, u, delta, A, B, C, z):
            return selective_scan(u, delta, A, B, C, z=z, delta_softplus=True, return_last_state=True, backend=backend)

    def inputs(length):
        generator = torch.Generator().manual_seed(length)
        shapes = ((2, 6, length), (2, 6, length), (6, 3), (2, 3, length), (2, 3, length), (2, 6, length))
        u, delta, A, B, C, z = (torch.randn(shape, generator=generator) for shape in shapes)
        return u, delta, -A.abs(), B, C, z

    any_length = {2: torch.export.Dim("length", min=2, max=100_000)}
    exported = torch.export.export(
        Scan(), inputs(20), dynamic_shapes=[any_length, any_length, None, any_length, any_length, any_length]
    )
    given = inputs(70)
    torch.testing.assert_close(exported.module()(*given), Scan()(*given), rtol=0, atol=0)


def test_operator_passes_opcheck_and_compiles_without_graph_breaks():
    from videomamba.ops.scan.op import _scan

    forward, backward = (make_direction(1, 6, 4, 2, dtype=torch.float32, seed=seed) for seed in (0, 1))
    columns = [list(pair) for pair in zip(forward[:8], backward[:8], strict=True)]
    z = torch.randn(1, 6, 4, requires_grad=True)
    order = torch.randperm(6)
    backends = [name for name in ("torch", "native") if backend_status()[name][0]]
    for backend in backends:
        torch.library.opcheck(_scan, (*columns, order, [False, False], z, True, backend, True))
        torch.library.opcheck(
            _scan,
            (*columns[:5], *[[torch.zeros(()), torch.zeros(())]] * 3, None, [False, True], None, False, backend, False),
        )

    for backend in backends:

        def run(u, z, backend=backend):
            return bidirectional_scan(forward._replace(u=u), backward, z, backend=backend).sum()

        compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(forward.u, z), run(forward.u, z))
        for got, want in zip(
            *(torch.autograd.grad(f(forward.u, z), (forward.u, z)) for f in (compiled, run)), strict=True
        ):
            torch.testing.assert_close(got, want)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"delta": torch.zeros(2, 9, 5)}, r"delta has shape \(2, 9, 5\); expected \(2, 9, 4\)"),
        ({"A": torch.zeros(3, 3)}, r"A has shape \(3, 3\); expected \(D, N\) with D = 4"),
        ({"B": torch.zeros(2, 9, 3, 3)}, "G dividing D = 4"),
        ({"D": torch.zeros(5)}, r"D has shape \(5,\); expected \(4,\)"),
        ({"initial_state": torch.zeros(2, 4, 1)}, "initial_state has shape"),
        ({"order": torch.arange(8)}, "order has shape"),
        ({"order": torch.arange(9), "reverse": True}, "not both"),
        ({"u": torch.zeros(2, 9)}, r"expected three axes"),
    ],
)
def test_wrong_shapes_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        directional_scan(make_direction(2, 9, 4, 3)._replace(**change))


def test_unknown_backend_lists_the_known():
    with pytest.raises(
        ValueError, match=r"unknown backend 'cuda'; choose one of auto, native, triton, torch, reference"
    ):
        directional_scan(make_direction(1, 2, 2, 2), backend="cuda")


def test_native_refuses_float64():
    with pytest.raises(ValueError, match="backend 'native'"):
        directional_scan(make_direction(1, 2, 2, 2), backend="native")
