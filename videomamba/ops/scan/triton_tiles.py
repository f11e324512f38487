"""What the scan's Triton kernels share: how the work is divided, and a tile of it.

A program owns a block of channels (of one group and batch entry) and walks over a span of places, tile by tile. A place
is a token, or with an order the step of the visit; a direction that visits the tokens from last to first walks over its
places, tiles and steps from last to first, so that both directions read the same tiles.

The states of a tile of T steps are one array (T, NA, BD, NB) with N = NA NB: NB lanes share a channel, so that sums
over states and over channels are mostly inside a thread. T lies in a thread's registers, where the recurrence is
written out step by step: ``tl.associative_scan`` would take a shuffle for each number and operand. Decays are at most 1
and nothing is divided by them. Steps behind the end have step size 0, that is decay 1 and input 0: they change nothing.
"""

from typing import Any, NamedTuple

import triton
import triton.language as tl

LOG2E = tl.constexpr(1.4426950408889634)


class Side(NamedTuple):
    """One direction as the kernels take it: tensors, each with its strides over batch, tokens and groups.

    Attributes:
        u, delta, B, C, A, D, bias, order: as in :class:`.ScanDirection`.
        first: (B, D, N) state before the first place, or None.
        last: (B, D, N) state behind the last, written.
        starts: (spans, B, N, D) states (or gradients) that spans begin from; None with one span.
        sums: (spans, B, D) of step sizes.
        kept: (chunks, B, N, D) states that chunks begin from, for the gradient; or None.
    """

    u: Any
    u_b: int
    u_l: int
    delta: Any
    delta_b: int
    delta_l: int
    B: Any
    B_b: int
    B_l: int
    B_g: int
    C: Any
    C_b: int
    C_l: int
    C_g: int
    A: Any
    D: Any
    bias: Any
    order: Any
    first: Any
    last: Any
    starts: Any
    sums: Any
    kept: Any


class Sizes(NamedTuple):
    """How the work is divided; ``span`` counts chunks."""

    batch: int
    length: int
    width: int
    groups: int
    states: int
    span: int
    spans: int


@triton.jit
def _softplus(x):
    # log(1 + e) / e by a polynomial, 1.5e-7 from it for e in [0, 1]: no division, and a small step keeps its digits
    e = tl.exp2(-tl.abs(x) * LOG2E)
    p = e * 0.005232690833508968 - 0.029505228623747826
    p = p * e + 0.07822594791650772
    p = p * e - 0.13663245737552643
    p = p * e + 0.19106008112430573
    p = p * e - 0.2484298199415207
    p = p * e + 0.3331909775733948
    p = p * e - 0.4999949336051941
    p = p * e + 0.9999999403953552
    return tl.maximum(x, 0.0) + p * e


@triton.jit
def sigmoid(x):
    return 1.0 / (1.0 + tl.exp2(-x * LOG2E))


@triton.jit
def channels_of(group, block, sizes, BD: tl.constexpr):
    """Channels of a block of a group, and which of them exist."""
    per_group = sizes.width // sizes.groups
    inside = block * BD + tl.arange(0, BD)
    return group * per_group + inside, inside < per_group


@triton.jit
def place_of(item, blocks, sizes):
    """Block of a group, group, batch entry and span of a piece of work: neighbours share their tokens."""
    row = item // blocks
    return item % blocks, row % sizes.groups, row // sizes.groups % sizes.batch, row // (sizes.groups * sizes.batch)


@triton.jit
def numbers_of_states(NA: tl.constexpr, NB: tl.constexpr):
    return tl.arange(0, NA)[:, None] * NB + tl.arange(0, NB)[None, :]


# Left to itself the compiler has a thread read four neighbours, and then moves states through shared memory at every
# step. The hints say that nothing is aligned, and that the last axis varies fastest over threads: it reads and writes
# states as the threads hold them. They belong to the sum itself, and are lost where it is passed to a function.


@triton.jit
def state_offsets(batch, channels, n, sizes):
    """(NA, BD, NB) offsets into (B, D, N)."""
    offsets = (batch * sizes.width + channels[None, :, None]) * sizes.states + n[:, None, :]
    return tl.multiple_of(tl.max_contiguous(offsets, [1, 2, 4]), [1, 1, 1])


@triton.jit
def kept_offsets(batch, channels, n, sizes):
    """(NA, BD, NB) offsets into (B, N, D), in which states are kept between launches."""
    offsets = (batch * sizes.states + n[:, None, :]) * sizes.width + channels[None, :, None]
    return tl.multiple_of(tl.max_contiguous(offsets, [1, 2, 4]), [1, 1, 1])


@triton.jit
def existing(inside, n, sizes):
    """(NA, BD, NB) mask of states."""
    return inside[None, :, None] & (n < sizes.states)[:, None, :]


@triton.jit
def rates_of(side, channels, n, exists, sizes):
    """A in units of log 2, (NA, BD, NB)."""
    return tl.load(side.A + state_offsets(0, channels, n, sizes), mask=exists, other=0.0) * LOG2E


@triton.jit
def vector_of(x, channels, inside):
    """The bias or D of these channels, zeros where there is none."""
    # an expression: of two statements that return, the compiler would take both
    zeros = tl.zeros(channels.shape, tl.float32)
    return zeros if x is None else tl.load(x + channels, mask=inside, other=0.0)


@triton.jit
def tokens_of(side, start, T: tl.constexpr, sizes):
    """A token to begin from (int64), the tile's tokens from there, and which places there are."""
    t = tl.arange(0, T)
    exists = start + t < sizes.length
    base = tl.cast(start, tl.int64) if side.order is None else tl.cast(0, tl.int64)
    tokens = t if side.order is None else tl.load(side.order + start + t, mask=exists, other=0)
    return base, tokens, exists


@triton.jit
def rows(x, tokens, stride, columns, mask):
    """(T, columns) in float32; 0 outside of the mask."""
    return tl.load(x + tokens[:, None] * stride + columns[None, :], mask=mask, other=0.0).to(tl.float32)


@triton.jit
def deltas_at(side, batch, base, tokens, channels, mask):
    """(T, BD) as they are given."""
    return rows(side.delta + batch * side.delta_b + base * side.delta_l, tokens, side.delta_l, channels, mask)


@triton.jit
def step_sizes(raw, mask, SOFTPLUS: tl.constexpr):
    """(T, BD) step sizes, 0 outside of the mask, from what is before softplus."""
    return tl.where(mask, _softplus(raw) if SOFTPLUS else raw, 0.0)


@triton.jit
def weights_of(x, tokens, stride, n, exists, sizes):
    """B or C of a tile, (T, NA, NB) in float32."""
    mask = exists[:, None, None] & (n < sizes.states)[None, :, :]
    return tl.load(x + tokens[:, None, None] * stride + n[None, :, :], mask=mask, other=0.0).to(tl.float32)


@triton.jit
def inputs_at(side, sizes, batch, group, base, tokens, exists, mask, channels, n):
    """u and B of a tile."""
    u = rows(side.u + batch * side.u_b + base * side.u_l, tokens, side.u_l, channels, mask)
    at = batch * side.B_b + base * side.B_l + group * side.B_g
    return u, weights_of(side.B + at, tokens, side.B_l, n, exists, sizes)


@triton.jit
def outputs_at(side, sizes, batch, group, base, tokens, exists, n):
    """C of a tile."""
    at = batch * side.C_b + base * side.C_l + group * side.C_g
    return weights_of(side.C + at, tokens, side.C_l, n, exists, sizes)


@triton.jit
def decays_of(step, rate):
    """(T, BD) step sizes and (NA, BD, NB) rates -> (T, NA, BD, NB)."""
    return tl.exp2(step[:, None, :, None] * rate[None, :, :, :])


@triton.jit
def outer(x, w):
    """(T, BD) and (T, NA, NB) -> (T, NA, BD, NB)."""
    return x[:, None, :, None] * w[:, :, None, :]


@triton.jit
def over_states(x):
    """(T, NA, BD, NB) -> (T, BD)."""
    return tl.sum(tl.sum(x, 1), 2)


@triton.jit
def visited(i, T: tl.constexpr, REVERSE: tl.constexpr):
    """Mask (T, 1, 1, 1) of the step of a tile that is the i-th to be visited."""
    return (tl.arange(0, T) == (T - 1 - i if REVERSE else i))[:, None, None, None]


@triton.jit
def row_of(x, here):
    """The step of x (T, NA, BD, NB) that the mask has; with T in registers no work, for zeros are added as integers."""
    return tl.sum(tl.where(here, x.to(tl.int32, bitcast=True), 0), 0).to(tl.float32, bitcast=True)


@triton.jit
def with_row(x, here, row):
    """x (T, NA, BD, NB) with ``row`` for the step that the mask has."""
    return tl.where(here, row[None, :, :, :], x)


@triton.jit
def states_of(decay, value, state, T: tl.constexpr, REVERSE: tl.constexpr):
    """The states of a tile that begins from ``state``, those before each of them, and the last one."""
    h, earlier = tl.zeros_like(value), tl.zeros_like(value)
    for i in tl.static_range(0, T):
        here = visited(i, T, REVERSE)
        earlier = with_row(earlier, here, state)
        state = row_of(decay, here) * state + row_of(value, here)
        h = with_row(h, here, state)
    return h, earlier, state


@triton.jit
def gradients_of(decay, value, carry, T: tl.constexpr, REVERSE: tl.constexpr):
    """The gradients of a tile's states, and of the state before its first step.

    ``value`` is what each state gets from its own output, ``carry`` what the last one gets from later tiles.
    """
    of_states = tl.zeros_like(value)
    for i in tl.static_range(0, T):
        here = visited(i, T, not REVERSE)
        of_state = row_of(value, here) + carry
        of_states = with_row(of_states, here, of_state)
        carry = row_of(decay, here) * of_state
    return of_states, carry
