"""Derivatives of a whole model: torch.func's transforms, forward mode and second order against finite differences."""

import pytest
import torch
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from videomamba import create_model

TINY = {
    "num_frames": 2,
    "img_size": 16,
    "patch_size": 8,
    "tubelet_size": 1,
    "embed_dim": 16,
    "depth": 2,
    "num_classes": 3,
}
STEP = 1e-5


def make(**options):
    torch.manual_seed(0)
    return create_model("videomamba_tiny", **TINY | options).eval()


@pytest.fixture(params=[{}, {"backward_order": "spatial", "pos_embed": "sinusoidal"}], ids=["flip", "spatial"])
def options(request):
    return request.param


@pytest.fixture
def exact(options):
    """The same weights in float64, by the loop over tokens."""
    return make(backend="reference", **options).double()


def clip(dtype=torch.float64, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 3, 2, 16, 16, generator=generator, dtype=torch.float64).to(dtype)


def difference(function, x, direction):
    """The central finite difference."""
    with torch.no_grad():
        return (function(x + STEP * direction) - function(x - STEP * direction)) / (2 * STEP)


def close(got, want):
    torch.testing.assert_close(got.double(), want, rtol=1e-4, atol=1e-5 * float(want.abs().max()))


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_forward_mode(backend, options, exact):
    """Silently zero, once."""
    model, x, v = make(backend=backend, **options), clip(), clip(seed=1)
    want = difference(exact, x, v)
    assert want.abs().min() > 1e-4
    close(jvp(model, (x.float(),), (v.float(),))[1], want)
    with torch.autograd.forward_ad.dual_level():
        out = model(torch.autograd.forward_ad.make_dual(x.float(), v.float()))
        tangent = torch.autograd.forward_ad.unpack_dual(out).tangent
    close(tangent, want)
    close((jacfwd(model)(x.float())[0] * v.float()).flatten(1).sum(1)[None], want)


def test_forward_mode_over_the_weights(options, exact):
    model, x = make(**options), clip()
    weights = dict(model.named_parameters())
    tangents = {name: torch.cos(7 * p).detach() for name, p in weights.items()}
    moved = [{n: p.double() + sign * STEP * tangents[n].double() for n, p in weights.items()} for sign in (1, -1)]
    with torch.no_grad():
        up, down = (functional_call(exact, some, (x,)) for some in moved)
    got = jvp(lambda w: functional_call(model, w, (x.float(),)), (weights,), (tangents,))[1]
    close(got, (up - down) / (2 * STEP))


def test_reverse_mode(options, exact):
    model, x, v = make(**options), clip(), clip(seed=1)
    pull = torch.tensor([[1.0, -2.0, 0.5]])
    want = (difference(exact, x, v) * pull.double()).sum()
    close((vjp(model, x.float())[1](pull)[0] * v.float()).sum(), want)
    close((jacrev(model)(x.float())[0] * v.float()).flatten(1).sum(1) @ pull[0], want)
    found = torch.autograd.functional.jacobian(model, x.float(), vectorize=True)
    close((found[0] * v.float()).flatten(1).sum(1) @ pull[0], want)


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_a_mapped_model_gives_what_a_batch_gives(backend, options):
    model, x = make(backend=backend, **options), clip(torch.float32, batch=3)
    with torch.no_grad():
        torch.testing.assert_close(vmap(lambda one: model(one[None])[0])(x), model(x))
        weights = {name: torch.stack([p, 1.1 * p]) for name, p in model.named_parameters()}
        both = vmap(lambda some: functional_call(model, some, (x,)))(weights)  # an ensemble
        torch.testing.assert_close(both[0], model(x))
        second = {name: pair[1] for name, pair in weights.items()}
        torch.testing.assert_close(both[1], functional_call(model, second, (x,)))


def test_gradients_per_sample(options):
    """vmap over grad, against one sample after the other on the usual path."""
    model, x, labels = make(**options), clip(torch.float32, batch=3), torch.tensor([0, 2, 1])
    weights = dict(model.named_parameters())

    def loss(some, one, label):
        return torch.nn.functional.cross_entropy(functional_call(model, some, (one[None],)), label[None])

    got = vmap(grad(loss), (None, 0, 0))(weights, x, labels)
    for i in range(3):
        want = torch.autograd.grad(loss(weights, x[i], labels[i]), list(weights.values()))
        for (name, ours), theirs in zip(got.items(), want, strict=True):
            torch.testing.assert_close(ours[i], theirs, rtol=1e-3, atol=1e-5, msg=name)


@pytest.mark.parametrize("backend", ["auto", "torch"])
def test_the_gradient_of_the_gradient(backend, options, exact):
    """A gradient penalty, as plain autograd and as torch.func write it."""
    model, x, v = make(backend=backend, **options), clip(), clip(seed=1)

    def slope(net, at):
        at = at.clone().requires_grad_()
        return torch.autograd.grad(net(at).square().sum(), at, create_graph=True)[0]

    with torch.enable_grad():
        want = (slope(exact, x + STEP * v) - slope(exact, x - STEP * v)).detach() / (2 * STEP)
    at = x.float().requires_grad_()
    (first,) = torch.autograd.grad(model(at).square().sum(), at, create_graph=True)
    close(torch.autograd.grad((first * v.float()).sum(), at)[0], want)
    close(jvp(grad(lambda a: model(a).square().sum()), (x.float(),), (v.float(),))[1], want)


def test_penalised_weights_get_their_gradient(options, exact):
    model, x = make(**options), clip()
    name = "blocks.0.mixer.backward_ssm.A_log"

    def penalty(net, weight, at):
        at = at.clone().requires_grad_()
        out = functional_call(net, {name: weight}, (at,))
        return torch.autograd.grad(out.square().sum(), at, create_graph=True)[0].square().sum()

    weight = model.get_parameter(name)
    (got,) = torch.autograd.grad(penalty(model, weight, x.float()), weight)
    v = torch.cos(weight.detach().double() * 5)
    values = [penalty(exact, weight.detach().double() + sign * STEP * v, x) for sign in (1, -1)]
    torch.testing.assert_close(
        (got.double() * v).sum(), (values[0] - values[1]).detach() / (2 * STEP), rtol=1e-3, atol=1e-9
    )


def test_hessian_of_the_head(exact):
    model, x = make(), clip()
    got = hessian(lambda bias: functional_call(model, {"head.bias": bias}, (x.float(),)).exp().sum())(model.head.bias)
    torch.testing.assert_close(got, torch.diag(model(x.float()).exp()[0]).detach())
