"""Which calls are left to plain PyTorch: compiled kernels support no derivative beyond the first backward pass."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad


def is_transformed(tensors: Iterable[Tensor | None]) -> bool:
    """Whether a transform of torch.func is active, or a tensor carries a tangent of forward-mode differentiation.

    A PyTorch operator without rules of its own for these would drop tangents silently.
    """
    if torch._C._are_functorch_transforms_active():  # what torch.autograd.Function asks; there is no public name
        return True
    if forward_ad._current_level < 0:  # no tangent lives: asked first, because asking every tensor takes its time
        return False
    return any(x is not None and forward_ad.unpack_dual(x).tangent is not None for x in tensors)


def is_watched() -> bool:
    """Whether a mode counts, traces or fakes PyTorch's operators, and has to see those it knows."""
    return torch._C._len_torch_dispatch_stack() > 0  # there is no public name


def needs_plain_gradient(grads: Iterable[Tensor]) -> bool:
    """Whether a gradient is differentiated or transformed, which its kernels do not support."""
    return (
        torch.is_grad_enabled() or is_transformed(grads) or any(map(torch._C._functorch.is_legacy_batchedtensor, grads))
    )


def plain_gradient(
    function: Callable[[Sequence[Tensor | None]], Sequence[Tensor]],
    inputs: Sequence[Tensor | None],
    grads: Sequence[Tensor],
) -> list[Tensor | None]:
    """Gradients of the inputs of a function made of PyTorch's own operations, None for those that need none.

    In grad mode they have derivatives of their own, to any depth.
    """
    create_graph = torch.is_grad_enabled()
    asks = [x is not None and x.requires_grad for x in inputs]
    with torch.enable_grad():
        # views: one input may have been computed from another, and each gradient must stop at its own
        own = [x.view_as(x) if x is not None and ask else x for x, ask in zip(inputs, asks, strict=True)]
        wanted = [x for x, ask in zip(own, asks, strict=True) if x is not None and ask]
        found = torch.autograd.grad(function(own), wanted, grads, create_graph=create_graph, allow_unused=True)
    left = iter(found)
    return [next(left) if ask else None for ask in asks]
