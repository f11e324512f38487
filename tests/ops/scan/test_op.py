"""The scan as an operator: automatic differentiation, export and compilation take it."""

import pytest
import torch

from tests.ops.comparison import leaves, make_direction
from videomamba.ops import ScanDirection, bidirectional_scan, selective_scan
from videomamba.ops.backend import backend_status


def runnable(*names: str) -> list[str]:
    return [name for name in names if backend_status()[name][0]]


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
    nothing = [torch.zeros(()), torch.zeros(())]
    for backend in backends:
        torch.library.opcheck(_scan, (*columns, order, [False, False], z, True, backend, True))
    torch.library.opcheck(
        _scan, (*columns[:5], nothing, nothing, nothing, None, [False, True], None, False, backends[-1], False)
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
