"""The scan's forward pass in Triton; tiles are those of :mod:`.triton_tiles`.

With more than one span, each first finds its final state from an initial state of zero (``span_ends``); these are
combined in turn (``stitch``); then all spans run from their actual states (``outputs``). Each is one launch for both
directions.
"""

import triton
import triton.language as tl

from videomamba.ops.scan.triton_tiles import (
    LOG2E,
    channels_of,
    decays_of,
    deltas_at,
    existing,
    inputs_at,
    kept_offsets,
    numbers_of_states,
    outer,
    outputs_at,
    over_states,
    place_of,
    rates_of,
    rows,
    sigmoid,
    state_offsets,
    states_of,
    step_sizes,
    tokens_of,
    vector_of,
)


@triton.jit
def _walk(
    side, sizes, batch, group, span, channels, inside, state, z, z_b, z_l, before, out,
    T: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
    REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr, WRITE: tl.constexpr,
):  # fmt: skip
    """The state behind a span that begins from ``state``, and the sum of its step sizes.

    With WRITE also ``out = silu(z) (before + y)`` and the states that its chunks begin from.
    """
    n = numbers_of_states(NA, NB)
    exist = existing(inside, n, sizes)
    rate = rates_of(side, channels, n, exist, sizes)
    bias = vector_of(side.bias, channels, inside)
    skip = vector_of(side.D if WRITE else None, channels, inside)
    total = tl.zeros(channels.shape, tl.float32)
    begin = span * sizes.span * CHUNK
    tiles = tl.cdiv(tl.minimum(sizes.length - begin, sizes.span * CHUNK), T)
    for j in tl.range(0, tiles, num_stages=STAGES):
        tile = tiles - 1 - j if REVERSE else j
        start = begin + tile * T
        if WRITE and side.kept is not None:
            at = tl.cast(start // CHUNK, tl.int64) * sizes.batch * sizes.width * sizes.states
            is_first = (j == 0) | (start % CHUNK == (CHUNK - T if REVERSE else 0))
            tl.store(side.kept + at + kept_offsets(batch, channels, n, sizes), state, mask=exist & is_first)
        base, tokens, there = tokens_of(side, start, T, sizes)
        mask = there[:, None] & inside[None, :]
        # everything is loaded before anything is computed: one wait for memory, not three
        raw = deltas_at(side, batch, base, tokens, channels, mask)
        u, b = inputs_at(side, sizes, batch, group, base, tokens, there, mask, channels, n)
        if WRITE:
            c = outputs_at(side, sizes, batch, group, base, tokens, there, n)
            at = (batch * sizes.length + base) * sizes.width
            here = tokens[:, None] * sizes.width + channels[None, :]
            if before is not None:
                earlier = tl.load(before + at + here, mask=mask, other=0.0)
            if z is not None:
                gate = rows(z + batch * z_b + base * z_l, tokens, z_l, channels, mask)
        step = step_sizes(raw + bias[None, :], mask, SOFTPLUS)
        h, _previous, state = states_of(decays_of(step, rate), outer(step * u, b), state, T, REVERSE)
        total += tl.sum(step, 0)
        if WRITE:
            y = over_states(h * c[:, :, None, :]) + skip[None, :] * u
            if before is not None:
                y += earlier
            if z is not None:
                y *= gate * sigmoid(gate)
            tl.store(out + at + here, y.to(out.dtype.element_ty), mask=mask)
    return state, total


@triton.jit
def _end(
    side, sizes, blocks, item,
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
    REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    block, group, batch, span = place_of(item, blocks, sizes)
    batch = tl.cast(batch, tl.int64)
    channels, inside = channels_of(group, block, sizes, BD)
    state, total = _walk(
        side, sizes, batch, group, span, channels, inside, tl.zeros((NA, BD, NB), tl.float32), None, 0, 0, None, None,
        T, NA, NB, CHUNK, STAGES, REVERSE, SOFTPLUS, False,
    )  # fmt: skip
    n = numbers_of_states(NA, NB)
    row = tl.cast(span, tl.int64) * sizes.batch * sizes.width
    here = side.starts + row * sizes.states + kept_offsets(batch, channels, n, sizes)
    tl.store(here, state, mask=existing(inside, n, sizes))
    tl.store(side.sums + row + batch * sizes.width + channels, total, mask=inside)


@triton.jit
def span_ends(
    first, second, sizes, blocks, items,
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
    BOTH: tl.constexpr, REVERSE: tl.constexpr, REVERSE2: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """The state behind each span that began from zero, and the sum of its step sizes; a program per item and side."""
    item = tl.program_id(0)
    if item < items:
        _end(first, sizes, blocks, item, T, BD, NA, NB, CHUNK, STAGES, REVERSE, SOFTPLUS)
    elif BOTH:
        _end(second, sizes, blocks, item - items, T, BD, NA, NB, CHUNK, STAGES, REVERSE2, SOFTPLUS)


@triton.jit
def _stitch(side, sizes, item, E: tl.constexpr, FLIP: tl.constexpr):
    of_batch = sizes.width * sizes.states
    blocks = tl.cdiv(of_batch, E)
    batch = tl.cast(item // blocks, tl.int64)
    e = (item % blocks) * E + tl.arange(0, E)
    exist = e < of_batch
    n, channel = e // sizes.width, e % sizes.width
    of_user = channel * sizes.states + n
    rate = tl.load(side.A + of_user, mask=exist, other=0.0) * LOG2E
    state = tl.zeros((E,), tl.float32)
    if side.first is not None:
        state = tl.load(side.first + batch * of_batch + of_user, mask=exist, other=0.0).to(tl.float32)
    for i in range(0, sizes.spans):
        span = sizes.spans - 1 - i if FLIP else i
        row = (tl.cast(span, tl.int64) * sizes.batch + batch) * sizes.width
        here = side.starts + row * sizes.states + e
        end = tl.load(here, mask=exist, other=0.0)
        total = tl.load(side.sums + row + channel, mask=exist, other=0.0)
        tl.store(here, state, mask=exist)
        state = tl.exp2(total * rate) * state + end


@triton.jit
def stitch(
    first, second, sizes, items,
    E: tl.constexpr, BOTH: tl.constexpr, FLIP: tl.constexpr, FLIP2: tl.constexpr,
):  # fmt: skip
    """Spans that began from zero, joined: ``starts`` becomes what each really begins from; FLIP: from the last on.

    A program per E states of a batch entry and side.
    """
    item = tl.program_id(0)
    if item < items:
        _stitch(first, sizes, item, E, FLIP)
    elif BOTH:
        _stitch(second, sizes, item - items, E, FLIP2)


@triton.jit
def _output(
    side, sizes, blocks, z, z_b, z_l, before, out,
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
    REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    block, group, batch, span = place_of(tl.program_id(0), blocks, sizes)
    batch = tl.cast(batch, tl.int64)
    channels, inside = channels_of(group, block, sizes, BD)
    n = numbers_of_states(NA, NB)
    exist = existing(inside, n, sizes)
    at = state_offsets(batch, channels, n, sizes)
    state = tl.zeros((NA, BD, NB), tl.float32)
    if side.starts is not None:
        row = tl.cast(span, tl.int64) * sizes.batch * sizes.width * sizes.states
        state = tl.load(side.starts + row + kept_offsets(batch, channels, n, sizes), mask=exist, other=0.0)
    elif side.first is not None:
        state = tl.load(side.first + at, mask=exist, other=0.0).to(tl.float32)
    state, _total = _walk(
        side, sizes, batch, group, span, channels, inside, state, z, z_b, z_l, before, out,
        T, NA, NB, CHUNK, STAGES, REVERSE, SOFTPLUS, True,
    )  # fmt: skip
    if span == (0 if REVERSE else sizes.spans - 1):
        tl.store(side.last + at, state, mask=exist)


@triton.jit
def outputs(
    first, second, sizes, blocks, z, z_b, z_l, before, out,
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
    BOTH: tl.constexpr, REVERSE: tl.constexpr, REVERSE2: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """``out = silu(z) (before + y)`` of every span, from the state that it begins from; a program per item.

    With a second direction ``before`` takes the first one's y, which the same program reads again, the last written
    first.
    """
    if not BOTH:
        _output(first, sizes, blocks, z, z_b, z_l, before, out, T, BD, NA, NB, CHUNK, STAGES, REVERSE, SOFTPLUS)
    else:
        _output(first, sizes, blocks, None, 0, 0, None, before, T, BD, NA, NB, CHUNK, STAGES, REVERSE, SOFTPLUS)
        tl.debug_barrier()
        _output(second, sizes, blocks, z, z_b, z_l, before, out, T, BD, NA, NB, CHUNK, STAGES, REVERSE2, SOFTPLUS)
