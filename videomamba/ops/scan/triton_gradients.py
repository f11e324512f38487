"""The scan's gradients in Triton; tiles are those of :mod:`.triton_tiles`.

The forward pass keeps the state that each chunk begins from. A program walks over the chunks of a span from the last to
the first. It runs a chunk again from its first state, with the state before every tile in registers, and then takes the
tiles from the last to the first, each run once more from there. Of the other gradient, which comes from later chunks,
it has the carry. So no state in between goes to memory.

A program does this for ``repeat`` blocks of channels in turn and adds their shares of the gradients of B and C, which
are sums over channels; the blocks' carries and gradients of A, D and the bias wait in memory, one of each.
"""

import triton
import triton.language as tl

from videomamba.ops.scan.triton_tiles import (
    LOG2E,
    channels_of,
    decays_of,
    deltas_at,
    existing,
    gradients_of,
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
    states_of,
    step_sizes,
    tokens_of,
    vector_of,
)


@triton.jit
def _carry(
    side, sizes, blocks, item, z, z_b, z_l, grad_out, grad_b, grad_l,
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
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
    for j in tl.range(0, tiles, num_stages=STAGES):
        start = begin + (j if REVERSE else tiles - 1 - j) * T
        base, tokens, there = tokens_of(side, start, T, sizes)
        mask = there[:, None] & inside[None, :]
        raw = deltas_at(side, batch, base, tokens, channels, mask)
        c = outputs_at(side, sizes, batch, group, base, tokens, there, n)
        grad = rows(grad_out + batch * grad_b + base * grad_l, tokens, grad_l, channels, mask)
        if z is not None:
            gate = rows(z + batch * z_b + base * z_l, tokens, z_l, channels, mask)
            grad *= gate * sigmoid(gate)
        step = step_sizes(raw + bias[None, :], mask, SOFTPLUS)
        _, carry = gradients_of(decays_of(step, rate), outer(grad, c), carry, T, REVERSE)
        total += tl.sum(step, 0)
    row = tl.cast(span, tl.int64) * sizes.batch * sizes.width
    tl.store(side.starts + row * sizes.states + kept_offsets(batch, channels, n, sizes), carry, mask=exist)
    tl.store(side.sums + row + batch * sizes.width + channels, total, mask=inside)


@triton.jit
def span_carries(
    first, second, sizes, blocks, items, z, z_b, z_l, grad_out, grad_b, grad_l,
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
    BOTH: tl.constexpr, REVERSE: tl.constexpr, REVERSE2: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """The gradient of what each span begins from, if none comes from later spans; a program per item and side."""
    item = tl.program_id(0)
    if item < items:
        _carry(
            first, sizes, blocks, item, z, z_b, z_l, grad_out, grad_b, grad_l,
            T, BD, NA, NB, CHUNK, STAGES, REVERSE, SOFTPLUS,
        )  # fmt: skip
    elif BOTH:
        _carry(
            second, sizes, blocks, item - items, z, z_b, z_l, grad_out, grad_b, grad_l,
            T, BD, NA, NB, CHUNK, STAGES, REVERSE2, SOFTPLUS,
        )  # fmt: skip


@triton.jit
def _advance(side, sizes, batch, group, start, channels, inside, n, bias, rate, state,
             T: tl.constexpr, REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr):  # fmt: skip
    """The state behind the tile at ``start``."""
    base, tokens, there = tokens_of(side, start, T, sizes)
    mask = there[:, None] & inside[None, :]
    raw = deltas_at(side, batch, base, tokens, channels, mask)
    u, b = inputs_at(side, sizes, batch, group, base, tokens, there, mask, channels, n)
    step = step_sizes(raw + bias[None, :], mask, SOFTPLUS)
    return states_of(decays_of(step, rate), outer(step * u, b), state, T, REVERSE)[2]


@triton.jit
def _at(i, K: tl.constexpr):
    """(K, 1, 1, 1) mask."""
    return (tl.arange(0, K) == i)[:, None, None, None]


@triton.jit
def gradients(
    side, sizes, blocks, repeat, z, z_b, z_l, grad_out, grad_b, grad_l,
    before, y_out,  # (B, L, D) float32: y of the first direction, read or written
    grad_z, grad_u, grad_delta,  # (B, L, D)
    grad_A, grad_D, grad_bias,  # (spans, B, N, D), (spans, B, D) twice: shares to be summed
    grad_B, grad_C,  # (shares, B, L, G, N): to be summed
    T: tl.constexpr, BD: tl.constexpr, NA: tl.constexpr, NB: tl.constexpr, CHUNK: tl.constexpr, STAGES: tl.constexpr,
    REVERSE: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """All gradients of one direction; a program per span, batch entry, group and ``repeat`` blocks of channels."""
    TILES: tl.constexpr = CHUNK // T
    share, group, batch, span = place_of(tl.program_id(0), blocks, sizes)
    batch = tl.cast(batch, tl.int64)
    n = numbers_of_states(NA, NB)
    span_row = tl.cast(span, tl.int64) * sizes.batch * sizes.width
    first_chunk = span * sizes.span
    chunks = tl.minimum(sizes.span, tl.cdiv(sizes.length, CHUNK) - first_chunk)
    share_row = (tl.cast(share, tl.int64) * sizes.batch + batch) * sizes.length
    for i in range(0, chunks):
        chunk = first_chunk + (i if REVERSE else chunks - 1 - i)
        for r in range(0, repeat):
            channels, inside = channels_of(group, share * repeat + r, sizes, BD)
            exist = existing(inside, n, sizes)
            rate = rates_of(side, channels, n, exist, sizes)
            bias, skip = vector_of(side.bias, channels, inside), vector_of(side.D, channels, inside)
            at = kept_offsets(batch, channels, n, sizes)
            of_chunk = tl.cast(chunk, tl.int64) * sizes.batch * sizes.width * sizes.states
            state = tl.load(side.kept + of_chunk + at, mask=exist, other=0.0)
            before_tiles = tl.zeros((TILES, NA, BD, NB), tl.float32)
            # TILES - 1, but no constant: unrolled, the loop would load all tiles ahead
            last = tl.minimum(TILES - 1, sizes.length * TILES)
            for tile in tl.range(0, last, num_stages=STAGES):
                before_tiles = tl.where(_at(tile, TILES), state[None, :, :, :], before_tiles)
                start = chunk * CHUNK + (TILES - 1 - tile if REVERSE else tile) * T
                state = _advance(
                    side, sizes, batch, group, start, channels, inside, n, bias, rate, state, T, REVERSE, SOFTPLUS
                )
            before_tiles = tl.where(_at(TILES - 1, TILES), state[None, :, :, :], before_tiles)
            carries = side.starts + span_row * sizes.states + at
            carry = tl.load(carries, mask=exist, other=0.0)
            of_A = tl.zeros((NA, BD, NB), tl.float32)
            of_D, of_bias = tl.zeros((BD,), tl.float32), tl.zeros((BD,), tl.float32)
            for back in tl.range(0, TILES, num_stages=STAGES):
                start = chunk * CHUNK + (back if REVERSE else TILES - 1 - back) * T
                state = tl.sum(tl.where(_at(TILES - 1 - back, TILES), before_tiles, 0.0), 0)
                base, tokens, there = tokens_of(side, start, T, sizes)
                mask = there[:, None] & inside[None, :]
                plane = (batch * sizes.length + base) * sizes.width
                here = tokens[:, None] * sizes.width + channels[None, :]
                at_share = ((share_row + base) * sizes.groups + group) * sizes.states
                shares = tokens[:, None, None] * (sizes.groups * sizes.states) + n[None, :, :]
                given = there[:, None, None] & (n < sizes.states)[None, :, :]
                # everything is loaded before anything is computed: one wait for memory
                raw = deltas_at(side, batch, base, tokens, channels, mask) + bias[None, :]
                u, b = inputs_at(side, sizes, batch, group, base, tokens, there, mask, channels, n)
                c = outputs_at(side, sizes, batch, group, base, tokens, there, n)
                grad = rows(grad_out + batch * grad_b + base * grad_l, tokens, grad_l, channels, mask)
                of_C = tl.load(grad_C + at_share + shares, mask=given & (r > 0), other=0.0)
                of_B = tl.load(grad_B + at_share + shares, mask=given & (r > 0), other=0.0)
                if z is not None:
                    gate = rows(z + batch * z_b + base * z_l, tokens, z_l, channels, mask)
                    if before is not None:
                        earlier = tl.load(before + plane + here, mask=mask, other=0.0)

                step = step_sizes(raw, mask, SOFTPLUS)
                decay = decays_of(step, rate)
                h, previous, _end = states_of(decay, outer(step * u, b), state, T, REVERSE)
                if z is not None:
                    open_ = sigmoid(gate)
                    y = over_states(h * c[:, :, None, :]) + skip[None, :] * u
                    if before is not None:
                        y += earlier
                    if grad_z is None:
                        tl.store(y_out + plane + here, y, mask=mask)
                    else:
                        of_z = grad * y * open_ * (1.0 + gate * (1.0 - open_))
                        tl.store(grad_z + plane + here, of_z.to(grad_z.dtype.element_ty), mask=mask)
                    grad *= gate * open_

                # a state's gradient: its own output's, and what the next state keeps of it
                of_state, carry = gradients_of(decay, outer(grad, c), carry, T, REVERSE)

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
            again = i > 0
            here_A = grad_A + span_row * sizes.states + at
            tl.store(here_A, of_A + tl.load(here_A, mask=exist & again, other=0.0), mask=exist)
            vector = span_row + batch * sizes.width + channels
            if grad_D is not None:
                of_D += tl.load(grad_D + vector, mask=inside & again, other=0.0)
                tl.store(grad_D + vector, of_D, mask=inside)
            if grad_bias is not None:
                of_bias += tl.load(grad_bias + vector, mask=inside & again, other=0.0)
                tl.store(grad_bias + vector, of_bias, mask=inside)
            tl.debug_barrier()
