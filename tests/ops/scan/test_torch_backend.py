"""The scan in PyTorch against the float64 reference: outputs, last states, every gradient by name."""

import pytest
import torch

from tests.ops.comparison import compare, exact, leaves, make_direction
from videomamba.ops import ScanDirection, bidirectional_scan, directional_scan
from videomamba.ops.scan import torch_backend


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


def test_chunks_are_larger_on_a_gpu_where_an_operation_costs_its_launch():
    def chunks(device):
        shapes = ((1, 1569, 768), (1, 1569, 768), (768, 16), (1, 1569, 1, 16), (1, 1569, 1, 16))
        direction = ScanDirection(*(torch.empty(shape, device=device) for shape in shapes))
        return len([*torch_backend._SideBySide.of([direction] * 2, True).chunks()])

    assert chunks("meta") == 4
    assert chunks("cpu") == 75
