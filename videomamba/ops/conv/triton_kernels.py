"""The convolution's Triton kernels: a program owns a block of channels and some places of a batch entry.

A place is a token, or with an order the step of the visit; a convolution that visits the tokens from last to first has
its earlier places behind it. Places that are not there count as zeros.
"""

import triton
import triton.language as tl

from videomamba.ops.scan.triton_tiles import sigmoid, vector_of


@triton.jit
def _tokens(order, places, length):
    """Tokens at these places, int64, and which of them there are."""
    exists = (places >= 0) & (places < length)

    tokens = places.to(tl.int64) if order is None else tl.load(order + places, mask=exists, other=0)
    return tokens, exists


@triton.jit
def _rows(x, stride, order, places, length, channels, inside):
    """(T, BD) in float32."""
    tokens, exists = _tokens(order, places, length)
    mask = exists[:, None] & inside[None, :]
    return tl.load(x + tokens[:, None] * stride + channels[None, :], mask=mask, other=0.0).to(tl.float32)


@triton.jit
def _moved(places, by, REVERSE: tl.constexpr):
    """Places that are visited ``by`` steps later."""
    return places - by if REVERSE else places + by


@triton.jit
def _tap(weight, k, channels, inside, K: tl.constexpr):
    return tl.load(weight + channels * K + k, mask=inside, other=0.0)[None, :]


@triton.jit
def _sums(
    x, stride, weight, bias, order, places, by: tl.constexpr, length, channels, inside, T: tl.constexpr,
    K: tl.constexpr, REVERSE: tl.constexpr,
):  # fmt: skip
    """What SiLU is taken of ``by`` steps later."""
    y = tl.zeros((T, 1), tl.float32) + vector_of(bias, channels, inside)[None, :]
    for k in tl.static_range(0, K):
        at = _moved(places, by + k - (K - 1), REVERSE)
        y += _tap(weight, k, channels, inside, K) * _rows(x, stride, order, at, length, channels, inside)
    return y


@triton.jit
def _place_of(width, tiles, T: tl.constexpr, BD: tl.constexpr):
    """Channels, which of them exist, number of the tile, batch entry: neighbours share their tokens."""
    blocks = tl.cdiv(width, BD)
    item = tl.program_id(0)
    channels = item % blocks * BD + tl.arange(0, BD)
    return channels, channels < width, item // blocks % tiles, tl.cast(item // (blocks * tiles), tl.int64)


@triton.jit
def conv_forward(
    x, x_b, x_l, weight, bias, order, out, length, width, tiles,
    T: tl.constexpr, BD: tl.constexpr, K: tl.constexpr, REVERSE: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """A program per tile of T places, block of channels and batch entry."""
    channels, inside, tile, batch = _place_of(width, tiles, T, BD)
    places = tile * T + tl.arange(0, T)
    y = _sums(x + batch * x_b, x_l, weight, bias, order, places, 0, length, channels, inside, T, K, REVERSE)
    if SILU:
        y *= sigmoid(y)
    tokens, exists = _tokens(order, places, length)
    here = out + batch * length * width + tokens[:, None] * width + channels[None, :]
    tl.store(here, y.to(out.dtype.element_ty), mask=exists[:, None] & inside[None, :])


@triton.jit
def conv_backward(
    x, x_b, x_l, weight, bias, order, grad_out, grad_b, grad_l, grad_x,
    grad_weight, grad_bias,  # (spans, B, K, D), (spans, B, D): to be summed
    length, width, spans, batches, per_span,
    T: tl.constexpr, BD: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, REVERSE: tl.constexpr, SILU: tl.constexpr,
):  # fmt: skip
    """A program per span of ``per_span`` tiles, block of channels and batch entry."""
    channels, inside, span, batch = _place_of(width, spans, T, BD)
    x += batch * x_b
    grad_out += batch * grad_b
    k_index = tl.arange(0, KP)
    of_weight = tl.zeros((KP, BD), tl.float32)
    of_bias = tl.zeros((BD,), tl.float32)
    for i in range(0, per_span):
        places = (span * per_span + i) * T + tl.arange(0, T)
        of_x = tl.zeros((T, BD), tl.float32)
        for j in tl.static_range(0, K):  # the place itself, and those that it reaches
            at = _moved(places, j, REVERSE)
            grad = _rows(grad_out, grad_l, order, at, length, channels, inside)
            if SILU:
                y = _sums(x, x_l, weight, bias, order, places, j, length, channels, inside, T, K, REVERSE)
                open_ = sigmoid(y)
                grad *= open_ * (1.0 + y * (1.0 - open_))
            of_x += _tap(weight, K - 1 - j, channels, inside, K) * grad
            if j == 0:
                of_bias += tl.sum(grad, 0)
                for k in tl.static_range(0, K):
                    before = _rows(x, x_l, order, _moved(places, k - (K - 1), REVERSE), length, channels, inside)
                    of_weight += tl.where((k_index == k)[:, None], tl.sum(grad * before, 0)[None, :], 0.0)
        tokens, exists = _tokens(order, places, length)
        here = grad_x + batch * length * width + tokens[:, None] * width + channels[None, :]
        tl.store(here, of_x.to(grad_x.dtype.element_ty), mask=exists[:, None] & inside[None, :])
    row = (tl.cast(span, tl.int64) * batches + batch) * width
    here = grad_weight + row * K + k_index[:, None] * width + channels[None, :]
    tl.store(here, of_weight, mask=(k_index < K)[:, None] & inside[None, :])
    tl.store(grad_bias + row + channels, of_bias, mask=inside)
