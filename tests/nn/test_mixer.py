"""The ST-SSM: it is what the paper writes, it looks both ways, and it starts as Mamba does."""

import pytest
import torch
import torch.nn.functional as F

from videomamba.nn.mixer import SpatioTemporalSSM
from videomamba.nn.order import backward_order

GRID = (2, 2, 3)
LENGTH = 13


@pytest.fixture
def mixer():
    torch.manual_seed(0)
    return SpatioTemporalSSM(8, state_dim=4, backend="reference").double()


def by_hand(mixer, tokens, order):
    """The equations, with the second direction computed on tokens really put in its order and back."""
    x, z = mixer.in_proj(tokens).chunk(2, -1)
    total = torch.zeros_like(x)
    for ssm, visit in ((mixer.forward_ssm, torch.arange(LENGTH)), (mixer.backward_ssm, order)):
        u = F.silu(ssm.conv1d(F.pad(x[:, visit].transpose(1, 2), (3, 0)))).transpose(1, 2)
        step, B, C = ssm.x_proj(u).split([1, 4, 4], -1)
        delta = F.softplus(ssm.dt_proj(step))
        state = torch.zeros(len(x), 16, 4, dtype=x.dtype)
        outputs = []
        for t in range(LENGTH):
            state = torch.exp(delta[:, t, :, None] * -torch.exp(ssm.A_log)) * state
            state = state + (delta[:, t] * u[:, t])[..., None] * B[:, t, None]
            outputs.append((state * C[:, t, None]).sum(-1) + ssm.D * u[:, t])
        total = total.index_add(1, visit, torch.stack(outputs, 1))
    return mixer.out_proj(F.silu(z) * total)


@pytest.mark.parametrize("kind", ["spatio_temporal", "spatial", "temporal"])
@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_equals_the_equations(mixer, kind, backend):
    mixer.backend = backend
    order = backward_order(kind, GRID, 0)
    visit = torch.arange(LENGTH - 1, -1, -1) if order is None else order
    tokens = torch.randn(2, LENGTH, 8, dtype=torch.float64)
    torch.testing.assert_close(mixer(tokens, order), by_hand(mixer, tokens, visit))


@pytest.mark.parametrize("kind", ["spatio_temporal", "spatial", "temporal"])
def test_each_token_sees_what_either_direction_visited_before_it(mixer, kind):
    """With the plain flip that is every token, on both sides."""
    order = backward_order(kind, GRID, 0)
    visit = list(range(LENGTH))[::-1] if order is None else order.tolist()
    tokens = torch.randn(1, LENGTH, 8, dtype=torch.float64, requires_grad=True)
    out = mixer(tokens, order)
    for token in range(LENGTH):
        (grad,) = torch.autograd.grad(out[0, token].sum(), tokens, retain_graph=True)
        seen = set((grad[0].abs().sum(-1) > 1e-12).nonzero().flatten().tolist())
        assert seen == set(range(token + 1)) | set(visit[: visit.index(token) + 1])
    if kind == "spatio_temporal":
        assert seen == set(range(LENGTH))


def test_backward_direction_is_not_dropped(mixer):
    tokens = torch.randn(1, LENGTH, 8, dtype=torch.float64)
    before = mixer(tokens)
    with torch.no_grad():
        for p in mixer.backward_ssm.parameters():
            p.mul_(1.5)
    after = mixer(tokens)
    assert (after - before).abs().amax(-1).min() > 1e-6, "a token does not feel the backward parameters"
    loss = mixer(tokens).sum()
    grads = torch.autograd.grad(loss, list(mixer.backward_ssm.parameters()))
    assert all(g.abs().max() > 0 for g in grads)


def test_initialisation_is_mambas():
    mixer = SpatioTemporalSSM(64, state_dim=16)
    for ssm in (mixer.forward_ssm, mixer.backward_ssm):
        torch.testing.assert_close(ssm.A_log.exp(), torch.arange(1.0, 17.0).expand(128, 16))
        assert torch.equal(ssm.D, torch.ones(128))
        steps = F.softplus(ssm.dt_proj.bias).sort().values
        assert steps[0] >= 0.99e-3
        assert steps[-1] <= 0.101
        assert 0.006 < steps[64] < 0.017  # the median of a log-uniform draw is sqrt(1e-3 * 0.1) = 0.01
        assert ssm.dt_proj.weight.abs().max() <= 0.5  # rank 4


def test_step_sizes_are_the_mean_of_delta(mixer):
    tokens = torch.randn(2, LENGTH, 8, dtype=torch.float64)
    x, _ = mixer.in_proj(tokens).chunk(2, -1)
    u = F.silu(mixer.forward_ssm.conv1d(F.pad(x.transpose(1, 2), (3, 0)))).transpose(1, 2)
    delta = F.softplus(mixer.forward_ssm.dt_proj(mixer.forward_ssm.x_proj(u)[..., :1]))
    steps = mixer.step_sizes(tokens)
    assert steps.shape == (2, 2, LENGTH)
    torch.testing.assert_close(steps[:, 0], delta.mean(-1).float(), check_dtype=False)
