"""The scan's gradients in Triton; tiles are those of :mod:`.triton_tiles`.

The forward pass keeps the state that each chunk begins from. A program walks over the chunks of a span from the last to
the first. It runs a chunk again from its first state, with the state before every part of TILES tiles in registers, and
a part again from there, with the state before every tile in registers. Of the other gradient, which comes from later
chunks, it has the carry. So no state in between goes to memory.

A program does this for ``repeat`` blocks of channels in turn and adds their shares of the gradients of B and C, which
are sums over channels; the blocks' carries and gradients of A, D and the bias wait in memory, one of each.
"""

import triton
import triton.language as tl

from videomamba.ops.scan.triton_tiles import (
    LOG2E,
    channels_of,
    decays_of,
    existing,
    gradients_of,
    inputs_at,
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
    steps_at,
    vector_of,
)


@triton.jit
def _carry(
    side, sizes, blocks, item, z, z_b, z_l, grad_out, grad_b, grad_l,
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr,
    REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    block, group, batch, span = place_of(item, blocks, sizes)
    batch = tl.cast(batch, tl.int64)
    channels, inside = channels_of(group, block, sizes, BD)
    n = numbers_of_states(NA, NB)
    exist = existing(inside, n, sizes)
    rate = rates_of(side, channels, n, exist, sizes)
    bias = vector_of(side.bias, channels, inside)
    carry = tl.zeros((NA, BD, NB), tl.float32)
    total = tl.zeros((BD,), tl.float32)
    begin = span * sizes.span * CHUNK
    tiles = tl.cdiv(tl.minimum(sizes.length - begin, sizes.span * CHUNK), T)
    for j in range(0, tiles):
        start = begin + (j if REVERSE else tiles - 1 - j) * T
        base, tokens, there, mask, step, _raw = steps_at(side, sizes, batch, start, channels, inside, bias, T, SOFTPLUS)
        c = outputs_at(side, sizes, batch, group, base, tokens, there, n)
        grad = rows(grad_out + batch * grad_b + base * grad_l, tokens, grad_l, channels, mask)
        if z is not None:
            gate = rows(z + batch * z_b + base * z_l, tokens, z_l, channels, mask)
            grad *= gate * sigmoid(gate)
        decay = decays_of(step, rate)
        _, carry = gradients_of(decay, outer(grad, c), carry, T, REVERSE)
        total += tl.sum(step, 0)
    row = tl.cast(span, tl.int64) * sizes.batch * sizes.width
    tl.store(side.starts + row * sizes.states + state_offsets(batch, channels, n, sizes), carry, mask=exist)
    tl.store(side.sums + row + batch * sizes.width + channels, total, mask=inside)


@triton.jit
def span_carries(
    first, second, sizes, blocks, items, z, z_b, z_l, grad_out, grad_b, grad_l,
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr,
    BOTH: tl.constexpr, REVERSE: tl.constexpr, REVERSE2: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """The gradient of what each span begins from, if none comes from later spans; a program per item and side."""
    item = tl.program_id(0)
    if not BOTH:  # noqa: SIM114 (decided when it is compiled)
        _carry(
            first, sizes, blocks, item, z, z_b, z_l, grad_out, grad_b, grad_l, T, BD, NA, NB, CHUNK, REVERSE, SOFTPLUS
        )
    elif item < items:
        _carry(
            first, sizes, blocks, item, z, z_b, z_l, grad_out, grad_b, grad_l, T, BD, NA, NB, CHUNK, REVERSE, SOFTPLUS
        )
    else:
        _carry(
            second, sizes, blocks, item - items, z, z_b, z_l, grad_out, grad_b, grad_l,
            T, BD, NA, NB, CHUNK, REVERSE2, SOFTPLUS,
        )  # fmt: skip


@triton.jit
def _advance(side, sizes, batch, group, start, channels, inside, n, bias, rate, state,
             T: tl.constexpr, REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr):  # fmt: skip
    """The state behind the tile at ``start``."""
    base, tokens, there, mask, step, _raw = steps_at(side, sizes, batch, start, channels, inside, bias, T, SOFTPLUS)
    u, b = inputs_at(side, sizes, batch, group, base, tokens, there, mask, channels, n)
    return states_of(decays_of(step, rate), outer(step * u, b), state, T, REVERSE)[2]


@triton.jit
def _place(begin, part, tile, parts, T: tl.constexpr, TILES: tl.constexpr, REVERSE: tl.constexpr):
    """Where a tile of a part of a chunk starts; both are counted as they are visited."""
    if REVERSE:
        return begin + ((parts - 1 - part) * TILES + (TILES - 1 - tile)) * T
    return begin + (part * TILES + tile) * T


@triton.jit
def _select(x, index, K: tl.constexpr):
    return tl.sum(tl.where((tl.arange(0, K) == index)[:, None, None, None], x, 0.0), 0)


@triton.jit
def _replaced(x, index, state, K: tl.constexpr):
    return tl.where((tl.arange(0, K) == index)[:, None, None, None], state[None, :, :, :], x)


@triton.jit
def gradients(
    side, sizes, blocks, repeat, z, z_b, z_l, grad_out, grad_b, grad_l,
    before, y_out,  # (B, L, D) float32: y of the first direction, read or written
    grad_z, grad_u, grad_delta,  # (B, L, D)
    grad_A, grad_D, grad_bias,  # (spans, B, D, N), (spans, B, D) twice: shares to be summed
    grad_B, grad_C,  # (shares, B, L, G, N): to be summed
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, TILES: tl.constexpr,
    REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """All gradients of one direction; a program per span, batch entry, group and ``repeat`` blocks of channels."""
    PARTS: tl.constexpr = CHUNK // (T * TILES)
    share, group, batch, span = place_of(tl.program_id(0), blocks, sizes)
    batch = tl.cast(batch, tl.int64)
    n = numbers_of_states(NA, NB)
    span_row = tl.cast(span, tl.int64) * sizes.batch * sizes.width
    first_chunk = span * sizes.span
    chunks = tl.minimum(sizes.span, tl.cdiv(sizes.length, CHUNK) - first_chunk)
    share_row = (tl.cast(share, tl.int64) * sizes.batch + batch) * sizes.length
    for i in range(0, chunks):
        chunk = first_chunk + (i if REVERSE else chunks - 1 - i)
        begin = chunk * CHUNK
        parts = tl.cdiv(tl.minimum(sizes.length - begin, CHUNK), T * TILES)
        for r in range(0, repeat):
            channels, inside = channels_of(group, share * repeat + r, sizes, BD)
            exist = existing(inside, n, sizes)
            rate = rates_of(side, channels, n, exist, sizes)
            bias, skip = vector_of(side.bias, channels, inside), vector_of(side.D, channels, inside)
            at = state_offsets(batch, channels, n, sizes)
            of_chunk = tl.cast(chunk, tl.int64) * sizes.batch * sizes.width * sizes.states
            state = tl.load(side.kept + of_chunk + at, mask=exist, other=0.0)
            before_parts = tl.zeros((PARTS, NA, BD, NB), tl.float32)
            for ahead in range(0, parts):
                before_parts = _replaced(before_parts, ahead, state, PARTS)
                if ahead < parts - 1:
                    for tile in range(0, TILES):
                        start = _place(begin, ahead, tile, parts, T, TILES, REVERSE)
                        state = _advance(
                            side, sizes, batch, group, start, channels, inside, n, bias, rate, state,
                            T, REVERSE, SOFTPLUS,
                        )  # fmt: skip
            carries = side.starts + span_row * sizes.states + at
            carry = tl.load(carries, mask=exist, other=0.0)
            of_A = tl.zeros((NA, BD, NB), tl.float32)
            of_D, of_bias = tl.zeros((BD,), tl.float32), tl.zeros((BD,), tl.float32)
            for k in range(0, parts):
                part = parts - 1 - k
                state = _select(before_parts, part, PARTS)
                before_tiles = tl.zeros((TILES, NA, BD, NB), tl.float32)
                for first in range(0, TILES):
                    before_tiles = _replaced(before_tiles, first, state, TILES)
                    if first < TILES - 1:
                        start = _place(begin, part, first, parts, T, TILES, REVERSE)
                        state = _advance(
                            side, sizes, batch, group, start, channels, inside, n, bias, rate, state,
                            T, REVERSE, SOFTPLUS,
                        )  # fmt: skip
                for back in range(0, TILES):
                    state = _select(before_tiles, TILES - 1 - back, TILES)
                    start = _place(begin, part, TILES - 1 - back, parts, T, TILES, REVERSE)
                    base, tokens, there, mask, step, raw = steps_at(
                        side, sizes, batch, start, channels, inside, bias, T, SOFTPLUS
                    )
                    u, b = inputs_at(side, sizes, batch, group, base, tokens, there, mask, channels, n)
                    c = outputs_at(side, sizes, batch, group, base, tokens, there, n)
                    decay = decays_of(step, rate)
                    h, previous, _end = states_of(decay, outer(step * u, b), state, T, REVERSE)
                    plane = (batch * sizes.length + base) * sizes.width
                    here = tokens[:, None] * sizes.width + channels[None, :]
                    grad = rows(grad_out + batch * grad_b + base * grad_l, tokens, grad_l, channels, mask)
                    if z is not None:
                        gate = rows(z + batch * z_b + base * z_l, tokens, z_l, channels, mask)
                        open_ = sigmoid(gate)
                        y = over_states(h * c[:, :, None, :]) + skip[None, :] * u
                        if before is not None:
                            y += tl.load(before + plane + here, mask=mask, other=0.0)
                        if grad_z is None:
                            tl.store(y_out + plane + here, y, mask=mask)
                        else:
                            of_z = grad * y * open_ * (1.0 + gate * (1.0 - open_))
                            tl.store(grad_z + plane + here, of_z.to(grad_z.dtype.element_ty), mask=mask)
                        grad *= gate * open_

                    # a state's gradient: its own output's, and what the next state keeps of it
                    of_state, carry = gradients_of(decay, outer(grad, c), carry, T, REVERSE)

                    at_share = ((share_row + base) * sizes.groups + group) * sizes.states
                    shares = tokens[:, None, None] * (sizes.groups * sizes.states) + n[None, :, :]
                    given = there[:, None, None] & (n < sizes.states)[None, :, :]
                    of_C = tl.load(grad_C + at_share + shares, mask=given & (r > 0), other=0.0)
                    of_B = tl.load(grad_B + at_share + shares, mask=given & (r > 0), other=0.0)
                    of_C += tl.sum(grad[:, None, :, None] * h, 2)
                    of_B += tl.sum((step * u)[:, None, :, None] * of_state, 2)
                    tl.store(grad_C + at_share + shares, of_C, mask=given)
                    tl.store(grad_B + at_share + shares, of_B, mask=given)

                    of_input = over_states(of_state * b[:, :, None, :])
                    of_exponent = of_state * decay * previous
                    of_A += tl.sum(of_exponent * step[:, None, :, None], 0)
                    of_step = of_input * u + over_states(of_exponent * rate[None, :, :, :]) * (1.0 / LOG2E)
                    if SOFTPLUS:
                        of_step *= sigmoid(raw)
                    of_u = of_input * step + skip[None, :] * grad
                    of_D += tl.sum(grad * u, 0)
                    of_bias += tl.sum(tl.where(mask, of_step, 0.0), 0)
                    tl.store(grad_u + plane + here, of_u.to(grad_u.dtype.element_ty), mask=mask)
                    tl.store(grad_delta + plane + here, of_step.to(grad_delta.dtype.element_ty), mask=mask)
            tl.store(carries, carry, mask=exist)
            earlier = i > 0
            here_A = grad_A + span_row * sizes.states + at
            tl.store(here_A, of_A + tl.load(here_A, mask=exist & earlier, other=0.0), mask=exist)
            vector = span_row + batch * sizes.width + channels
            if grad_D is not None:
                of_D += tl.load(grad_D + vector, mask=inside & earlier, other=0.0)
                tl.store(grad_D + vector, of_D, mask=inside)
            if grad_bias is not None:
                of_bias += tl.load(grad_bias + vector, mask=inside & earlier, other=0.0)
                tl.store(grad_bias + vector, of_bias, mask=inside)
            tl.debug_barrier()
