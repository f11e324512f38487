"""The ST-SSM's core as one function."""

import torch
import torch.nn.functional as F
from torch import Tensor

from videomamba.ops.backend import check_backend
from videomamba.ops.mixer import native, reference
from videomamba.ops.mixer.reference import SSMWeights


def st_ssm(
    xz: Tensor,
    forward: SSMWeights,
    backward: SSMWeights,
    *,
    order: Tensor | None = None,
    in_proj: Tensor | None = None,
    out_proj: Tensor | None = None,
    backend: str = "auto",
) -> Tensor:
    """``silu(z) * (scan(forward) + scan(backward))`` of the convolved x, where ``x, z = xz.chunk(2, -1)``.

    The compiled kernels compute it in one go: both convolutions read x once, and for the gradient nothing is kept but
    xz, B, C and the states of a few tokens; u, the step sizes and the result are computed again. Under a transform of
    ``torch.func``, in a trace (``torch.compile``, ``torch.export``) and under PyTorch's dispatch modes the separate
    operations run.

    Args:
        xz: (B, L, 2 D); with ``in_proj`` the tokens, (B, L, d).
        forward: weights of the direction that visits the tokens in their natural order.
        backward: weights of the other, with shapes of the first.
        order: (L,) int64, the order in which the second visits the tokens; None: last to first.
        in_proj: (2 D, d), applied to the tokens as by ``torch.nn.functional.linear``; so without a gradient xz need
            not be allocated.
        out_proj: (d, D), applied to the result in the same way; so the result need not be kept.
        backend: see :mod:`videomamba.ops.backend`.

    Returns:
        (B, L, D), with ``out_proj`` (B, L, d), in xz's dtype (under autocast, autocast's).

    Raises:
        UserError: shapes do not fit each other, an order that is not a permutation, or the backend cannot serve these
            tensors.

    Example:
        >>> model = videomamba.create_model("videomamba_nano")
        >>> mixer = model.blocks[0].mixer
        >>> xz = mixer.in_proj(torch.randn(2, 9, model.embed_dim))
        >>> videomamba.ops.st_ssm(xz, mixer.forward_ssm.weights(), mixer.backward_ssm.weights()).shape[:2]
        torch.Size([2, 9])
    """
    check_backend(backend)
    # a compiler must see the operators, and cannot look into what follows
    if (
        backend in ("auto", "native")
        and not torch.compiler.is_compiling()
        and native.serves(xz, forward, backward, in_proj, out_proj)
    ):
        return native.forward(xz, forward, backward, order=order, in_proj=in_proj, out_proj=out_proj)
    xz = xz if in_proj is None else F.linear(xz, in_proj)
    return reference.forward(xz, forward, backward, order=order, backend=backend, out_proj=out_proj)
