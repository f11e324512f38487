"""Every derivative of the operations: forward mode, torch.func's transforms, second order; and finite differences."""

import pytest
import torch
from torch.autograd import forward_ad

from tests.ops.comparison import NAMES, leaves, make_direction, relative_error
from videomamba.ops import ScanDirection, SSMWeights, bidirectional_scan, causal_conv, selective_scan, st_ssm
from videomamba.ops.backend import backend_status

FAST = [name for name in ("native", "torch") if backend_status()[name][0]]
ORDER = torch.tensor([3, 0, 4, 1, 2])


def scan_of(backend, order=ORDER):
    def run(*tensors):
        first, second = ScanDirection(*tensors[:8]), ScanDirection(*tensors[8:16])
        out, states = bidirectional_scan(
            first, second, tensors[16], order=order, return_last_state=True, backend=backend
        )
        return out, *states

    return run


def scan_inputs(dtype=torch.float64):
    both = [make_direction(1, 5, 2, 2, seed=seed, dtype=dtype) for seed in (0, 1)]
    z = torch.randn(1, 5, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64).to(dtype)
    return (*leaves(*both).values(), z.requires_grad_())


def conv_of(backend, **options):
    return lambda *tensors: causal_conv(*tensors, backend=backend, **options)


def conv_inputs(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 5, 3), (3, 4), (3,))
    return tuple(torch.randn(s, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes)


def core_of(backend, order=ORDER):
    def run(*tensors):
        first, second = SSMWeights(*tensors[1:8]), SSMWeights(*tensors[8:15])
        return st_ssm(tensors[0], first, second, order=order, out_proj=tensors[15], backend=backend)

    return run


def core_inputs(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    one = ((2, 3), (2,), (5, 2), (2, 1), (2,), (2, 2), (2,))  # two channels, a rank of one, two states
    shapes = ((1, 5, 4), *one, *one, (3, 2))
    return tuple(torch.randn(s, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes)


@pytest.mark.parametrize("order", [None, ORDER])
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_derivatives_of_the_scan_are_finite_differences(backend, order):
    """Reverse and forward mode, gradients in batches, tangents in batches, the gradient of the gradient."""
    run, inputs = scan_of(backend, order), scan_inputs()
    assert torch.autograd.gradcheck(
        run, inputs, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True, fast_mode=True
    )
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("options", [{}, {"reverse": True}, {"order": ORDER}, {"silu": False}])
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_derivatives_of_the_convolution_are_finite_differences(backend, options):
    run, inputs = conv_of(backend, **options), conv_inputs()
    assert torch.autograd.gradcheck(
        run, inputs, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True, fast_mode=True
    )
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize(("backend", "order"), [("auto", ORDER), ("reference", None)])
def test_derivatives_of_the_core_are_finite_differences(backend, order):
    run, inputs = core_of(backend, order), core_inputs()
    assert torch.autograd.gradcheck(
        run, inputs, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True, fast_mode=True
    )
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


def every_derivative(run, inputs):
    """By name: what torch.func and autograd make of a function with one output."""

    def loss(*tensors):
        return run(*tensors).square().sum()

    plain = tuple(x.detach() for x in inputs)
    tangents = tuple(torch.cos(x * 3) for x in plain)
    gradient = torch.func.grad(loss, tuple(range(len(plain))))
    yield "jvp", torch.func.jvp(run, plain, tangents)[1]
    yield "jacfwd", torch.func.jacfwd(run)(*plain)
    yield "jacrev", torch.func.jacrev(run, 2)(*plain)
    yield from ((f"grad {i}", g) for i, g in enumerate(gradient(*plain)))
    yield "vjp", torch.func.vjp(run, *plain)[1](torch.cos(run(*plain)))[1]
    yield (
        "vmap",
        torch.func.vmap(run, (0, *[None] * (len(plain) - 1)))(torch.stack([plain[0], 2 * plain[0]]), *plain[1:]),
    )
    per_sample = torch.func.vmap(torch.func.grad(loss, 1), (0, *[None] * (len(plain) - 1)))
    yield "vmap(grad)", per_sample(torch.stack([plain[0], 2 * plain[0]]), *plain[1:])
    yield "forward over reverse", torch.func.jvp(lambda *t: gradient(*t)[0], plain, tangents)[1]
    yield "hessian", torch.func.hessian(loss, 2)(*plain)
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(x, t) for x, t in zip(plain, tangents, strict=True)]
        tangent = forward_ad.unpack_dual(run(*duals)).tangent
    yield "dual", tangent
    vectorised = torch.autograd.functional.jacobian(run, plain, vectorize=True)
    yield from ((f"jacobian {i}", j) for i, j in enumerate(vectorised))
    first = torch.autograd.grad(loss(*inputs), inputs, create_graph=True)
    second = torch.autograd.grad(sum(g.square().sum() for g in first), inputs, create_graph=True)
    third = torch.autograd.grad(sum(g.sum() for g in second), inputs)
    for order, grads in (("first", first), ("second", second), ("third", third)):
        yield from ((f"{order} {i}", g) for i, g in enumerate(grads))


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("operation", ["scan", "convolution", "core"])
def test_each_transform_gives_what_float64_gives(operation, backend):
    """In float32, where the compiled kernels would be at work."""
    made = {"scan": (scan_of, scan_inputs), "convolution": (conv_of, conv_inputs), "core": (core_of, core_inputs)}
    make, draw = made[operation]

    def run(name):
        whole = make(name)
        return (lambda *tensors: whole(*tensors)[0]) if operation == "scan" else whole

    got = every_derivative(run(backend), draw(torch.float32))
    want = every_derivative(run("reference"), draw(torch.float64))
    for (name, ours), (_, exact) in zip(got, want, strict=True):
        pairs = zip(ours, exact, strict=True) if isinstance(ours, tuple) else [(ours, exact)]
        assert all(relative_error(a, b) < 2e-5 for a, b in pairs), name


def test_tangents_of_half_precision_are_not_dropped():
    direction = make_direction(1, 20, 4, 2, dtype=torch.bfloat16, optional=False)
    u, delta = (x.detach().transpose(1, 2) for x in (direction.u, direction.delta))
    B, C = (x.detach().permute(0, 2, 3, 1) for x in (direction.B, direction.C))
    A = direction.A.detach()
    out, tangent = torch.func.jvp(lambda u: selective_scan(u, delta, A, B, C), (u,), (u,))
    torch.testing.assert_close(tangent, out, rtol=2e-2, atol=2e-2)  # linear in u


def test_gradients_stop_at_their_own_input():
    """delta is computed from u, as in the model: a gradient of the gradient must not run through both ways at once."""
    direction = make_direction(1, 5, 2, 2)
    inputs = leaves(direction)

    def run(u, backend):
        d = direction._replace(u=u, delta=torch.sin(u))
        out = bidirectional_scan(d, d, backend=backend)
        (first,) = torch.autograd.grad(out.square().sum(), u, create_graph=True)
        return torch.autograd.grad(first.square().sum(), u)[0]

    torch.testing.assert_close(run(inputs["u[0]"], "torch"), run(inputs["u[0]"], "reference"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.int64], ids=str)
def test_other_numbers_than_reals_are_refused(name, dtype):
    direction = make_direction(1, 4, 2, 3, dtype=torch.float32)
    changed = direction._replace(**{name: getattr(direction, name).detach().to(dtype)})
    with pytest.raises(
        ValueError, match=rf"{name} has dtype {dtype}; the scan takes .*float32, float64, bfloat16 or float16"
    ):
        bidirectional_scan(changed, direction)


@pytest.mark.parametrize("backend", ["auto", "torch", "reference"])
def test_complex_decay_rates_are_refused_in_mamba_ssms_layout(backend):
    u = torch.randn(1, 2, 4)
    A, BC = -torch.rand(2, 3), torch.randn(1, 3, 4)
    with pytest.raises(ValueError, match=r"A has dtype torch\.complex64; the scan takes only real numbers"):
        selective_scan(u, u, A.to(torch.complex64), BC, BC, backend=backend)
    with pytest.raises(ValueError, match=r"B has dtype torch\.int64"):
        selective_scan(u, u, A, torch.ones(2, 3, dtype=torch.int64), BC, backend=backend)
    with pytest.raises(ValueError, match=r"weight has dtype torch\.complex64; the convolution takes only real numbers"):
        causal_conv(u, torch.ones(4, 2, dtype=torch.complex64), backend=backend)


@pytest.mark.parametrize("backend", [name for name in ("torch", "reference", *FAST) if backend_status()[name][0]])
def test_an_order_that_is_no_permutation_is_refused(backend):
    direction = make_direction(1, 4, 2, 3, dtype=torch.float32)
    for order in ([0, 1, 1, 2], [0, 1, 2, 4], [-1, 0, 1, 2]):
        order = torch.tensor(order)
        with pytest.raises(ValueError, match="not a permutation"):
            bidirectional_scan(direction, direction, order=order, backend=backend)
        with pytest.raises(ValueError, match="not a permutation"):
            causal_conv(direction.u, torch.randn(2, 3), order=order, backend=backend)
