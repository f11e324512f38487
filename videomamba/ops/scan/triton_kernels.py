"""The scan's Triton kernels. A program owns a block of channels (of one group and batch entry) and some steps.

Its steps are taken in tiles of T: a tile's N states for all T steps and BD channels are one (T, BD, N) array, joined by
an associative scan along T over pairs (decay, input) with ``(a, b) then (c, d) = (ca, cb + d)``. Decays are at most 1
and nothing is divided by them. Steps beyond the end have step size 0, that is decay 1 and input 0: they change nothing.
"""

import triton
import triton.language as tl

_LOG2E = tl.constexpr(1.4426950408889634)


@triton.jit
def _then(a1, b1, a2, b2):
    return a1 * a2, a2 * b1 + b2


@triton.jit
def _softplus(x):
    # log(1 + e) as 2 atanh(e / (2 + e)): a small step keeps its digits, which 1 + e would lose
    e = tl.exp2(-tl.abs(x) * _LOG2E)
    s = e / (2.0 + e)
    q = s * s
    p = q * (1.0 / 15) + 1.0 / 13
    p = p * q + 1.0 / 11
    p = p * q + 1.0 / 9
    p = p * q + 1.0 / 7
    p = p * q + 1.0 / 5
    p = p * q + 1.0 / 3
    return tl.maximum(x, 0.0) + 2.0 * s * (p * q + 1.0)


@triton.jit
def _sigmoid(x):
    return 1.0 / (1.0 + tl.exp2(-x * _LOG2E))


@triton.jit
def _block(batch, width, groups, BD: tl.constexpr):
    """Which batch entry, group, block of the group and channels this program owns; the grid is (any, blocks, B)."""
    per_group = width // groups
    blocks = (per_group + BD - 1) // BD
    group = tl.program_id(1) // blocks
    index = tl.program_id(1) % blocks
    inside = index * BD + tl.arange(0, BD)
    return group, index, group * per_group + inside, inside < per_group


@triton.jit
def _tokens(order, steps, length, VISIT: tl.constexpr):
    """Tokens visited at these steps, int64; VISIT is 0 forwards, 1 backwards, 2 by ``order``."""
    if VISIT == 2:
        tokens = tl.load(order + steps, mask=(steps >= 0) & (steps < length), other=0)
    elif VISIT == 1:
        tokens = (length - 1 - steps).to(tl.int64)
    else:
        tokens = steps.to(tl.int64)
    return tokens


@triton.jit
def _rows(x, stride_b, stride_l, batch, tokens, columns, mask):
    """(T, columns) float32 of x (B, L, columns); 0 outside of the mask."""
    at = batch.to(tl.int64) * stride_b + tokens[:, None] * stride_l + columns[None, :]
    return tl.load(x + at, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def _step_sizes(delta, sb, sl, bias, batch, tokens, channels, mask, SOFTPLUS: tl.constexpr, BIAS: tl.constexpr):
    """Step sizes (T, BD) after bias and softplus, 0 outside of the mask; and the raw ones."""
    raw = _rows(delta, sb, sl, batch, tokens, channels, mask)
    if BIAS:
        raw += tl.load(bias + channels[None, :], mask=mask, other=0.0)
    if SOFTPLUS:
        return tl.where(mask, _softplus(raw), 0.0), raw
    return tl.where(mask, raw, 0.0), raw


@triton.jit
def _decay(step, rate):
    """(T, BD) step sizes and (BD, N) rates in units of log 2 -> (T, BD, N)."""
    return tl.exp2(step[:, :, None] * rate[None, :, :])


@triton.jit
def _row_of(x, index, T: tl.constexpr):
    """x[index] of (T, BD, N)."""
    return tl.sum(tl.where((tl.arange(0, T) == index)[:, None, None], x, 0.0), 0)


@triton.jit
def _state_at(batch, width, states, channels, n):
    return (batch.to(tl.int64) * width + channels[:, None]) * states + n[None, :]


@triton.jit
def local_states(
    u, u_b, u_l, delta, delta_b, delta_l, B, B_b, B_l, B_g, A, bias, order,
    ends, step_sums,  # (chunks, B, D, N), (chunks, B, D)
    length, width, groups, states, chunk_steps,
    T: tl.constexpr, BD: tl.constexpr, N: tl.constexpr, VISIT: tl.constexpr, SOFTPLUS: tl.constexpr, BIAS: tl.constexpr,
):  # fmt: skip
    """The state after each chunk that began from zero, and the sum of its step sizes; grid (chunks, blocks, B)."""
    chunk, batch = tl.program_id(0), tl.program_id(2)
    group, _block_index, channels, inside = _block(batch, width, groups, BD)
    n = tl.arange(0, N)
    weights = inside[:, None] & (n < states)[None, :]
    rate = tl.load(A + channels[:, None] * states + n[None, :], mask=weights, other=0.0) * _LOG2E
    state = tl.zeros((BD, N), tl.float32)
    total = tl.zeros((BD,), tl.float32)
    for start in range(chunk * chunk_steps, tl.minimum(length, (chunk + 1) * chunk_steps), T):
        steps = start + tl.arange(0, T)
        tokens = _tokens(order, steps, length, VISIT)
        mask = (steps < length)[:, None] & inside[None, :]
        step, _raw = _step_sizes(delta, delta_b, delta_l, bias, batch, tokens, channels, mask, SOFTPLUS, BIAS)
        value = step * _rows(u, u_b, u_l, batch, tokens, channels, mask)
        b = _rows(B + group * B_g, B_b, B_l, batch, tokens, n, (steps < length)[:, None] & (n < states)[None, :])
        gone, h = tl.associative_scan((_decay(step, rate), value[:, :, None] * b[:, None, :]), 0, _then)
        state = _row_of(gone, T - 1, T) * state + _row_of(h, T - 1, T)
        total += tl.sum(step, 0)
    rows = chunk.to(tl.int64) * tl.num_programs(2) * width
    tl.store(ends + rows * states + _state_at(batch, width, states, channels, n), state, mask=weights)
    tl.store(step_sums + rows + batch.to(tl.int64) * width + channels, total, mask=inside)


@triton.jit
def stitch(
    ends, step_sums, A, first, last, width, states, chunks, ends_stride, sums_stride,
    BD: tl.constexpr, N: tl.constexpr, FIRST: tl.constexpr,
):  # fmt: skip
    """Chunks that began from zero, joined: ``ends`` becomes what each really begins from; grid (blocks of channels, B).

    ``ends`` and ``step_sums`` point to the chunk where it begins: the first for states, the last (and strides are
    negative) for gradients. ``first`` and ``last`` are what goes in and what comes out, (B, D, N).
    """
    batch = tl.program_id(1)
    channels = tl.program_id(0) * BD + tl.arange(0, BD)
    n = tl.arange(0, N)
    inside = channels < width
    weights = inside[:, None] & (n < states)[None, :]
    rate = tl.load(A + channels[:, None] * states + n[None, :], mask=weights, other=0.0) * _LOG2E
    at = _state_at(batch, width, states, channels, n)
    here, sums = ends + at, step_sums + batch.to(tl.int64) * width + channels
    state = tl.zeros((BD, N), tl.float32)
    if FIRST:
        state = tl.load(first + at, mask=weights, other=0.0).to(tl.float32)
    for _ in range(0, chunks):
        end = tl.load(here, mask=weights, other=0.0)
        total = tl.load(sums, mask=inside, other=0.0)
        tl.store(here, state, mask=weights)
        state = tl.exp2(total[:, None] * rate) * state + end
        here += ends_stride
        sums += sums_stride
    tl.store(last + at, state, mask=weights)


@triton.jit
def outputs(
    u, u_b, u_l, delta, delta_b, delta_l, B, B_b, B_l, B_g, C, C_b, C_l, C_g, A, D, bias, order,
    z, z_b, z_l, starts, last, before, out,  # starts (chunks, B, D, N); last (B, D, N); before, out (B, L, D)
    length, width, groups, states, chunk_steps,
    T: tl.constexpr, BD: tl.constexpr, N: tl.constexpr, VISIT: tl.constexpr, SOFTPLUS: tl.constexpr, BIAS: tl.constexpr,
    SKIP: tl.constexpr, GATE: tl.constexpr, START: tl.constexpr, ADD: tl.constexpr,
):  # fmt: skip
    """``out = silu(z) (before + y)`` of every chunk, from the states that it begins from; grid (chunks, blocks, B)."""
    chunk, batch = tl.program_id(0), tl.program_id(2)
    group, _block_index, channels, inside = _block(batch, width, groups, BD)
    n = tl.arange(0, N)
    weights = inside[:, None] & (n < states)[None, :]
    rate = tl.load(A + channels[:, None] * states + n[None, :], mask=weights, other=0.0) * _LOG2E
    at = _state_at(batch, width, states, channels, n)
    state = tl.zeros((BD, N), tl.float32)
    if START:
        rows = chunk.to(tl.int64) * tl.num_programs(2) * width
        state = tl.load(starts + rows * states + at, mask=weights, other=0.0).to(tl.float32)
    for start in range(chunk * chunk_steps, tl.minimum(length, (chunk + 1) * chunk_steps), T):
        steps = start + tl.arange(0, T)
        tokens = _tokens(order, steps, length, VISIT)
        mask = (steps < length)[:, None] & inside[None, :]
        of_states = (steps < length)[:, None] & (n < states)[None, :]
        step, _raw = _step_sizes(delta, delta_b, delta_l, bias, batch, tokens, channels, mask, SOFTPLUS, BIAS)
        value = _rows(u, u_b, u_l, batch, tokens, channels, mask)
        b = _rows(B + group * B_g, B_b, B_l, batch, tokens, n, of_states)
        c = _rows(C + group * C_g, C_b, C_l, batch, tokens, n, of_states)
        gone, h = tl.associative_scan((_decay(step, rate), (step * value)[:, :, None] * b[:, None, :]), 0, _then)
        h += gone * state[None, :, :]
        y = tl.sum(h * c[:, None, :], 2)
        state = _row_of(h, T - 1, T)
        if SKIP:
            y += tl.load(D + channels[None, :], mask=inside[None, :], other=0.0) * value
        here = (batch.to(tl.int64) * length + tokens[:, None]) * width + channels[None, :]
        if ADD:
            y += tl.load(before + here, mask=mask, other=0.0)
        if GATE:
            gate = _rows(z, z_b, z_l, batch, tokens, channels, mask)
            y *= gate * _sigmoid(gate)
        tl.store(out + here, y.to(out.dtype.element_ty), mask=mask)
    if chunk == tl.num_programs(0) - 1:
        tl.store(last + at, state, mask=weights)


@triton.jit
def local_carries(
    delta, delta_b, delta_l, C, C_b, C_l, C_g, A, bias, order, grad_y,
    carries,  # (tiles, B, D, N)
    length, width, groups, states,
    T: tl.constexpr, BD: tl.constexpr, N: tl.constexpr, VISIT: tl.constexpr, SOFTPLUS: tl.constexpr, BIAS: tl.constexpr,
):  # fmt: skip
    """The gradient of what each tile begins from, if none comes from later tiles; grid (tiles, blocks, B)."""
    tile, batch = tl.program_id(0), tl.program_id(2)
    group, _block_index, channels, inside = _block(batch, width, groups, BD)
    n = tl.arange(0, N)
    weights = inside[:, None] & (n < states)[None, :]
    rate = tl.load(A + channels[:, None] * states + n[None, :], mask=weights, other=0.0) * _LOG2E
    steps = tile * T + tl.arange(0, T)
    tokens = _tokens(order, steps, length, VISIT)
    mask = (steps < length)[:, None] & inside[None, :]
    step, _raw = _step_sizes(delta, delta_b, delta_l, bias, batch, tokens, channels, mask, SOFTPLUS, BIAS)
    c = _rows(C + group * C_g, C_b, C_l, batch, tokens, n, (steps < length)[:, None] & (n < states)[None, :])
    grad = _rows(grad_y, length * width, width, batch, tokens, channels, mask)
    decay = _decay(step, rate)
    _, carry = tl.associative_scan((decay, decay * grad[:, :, None] * c[:, None, :]), 0, _then, reverse=True)
    rows = tile.to(tl.int64) * tl.num_programs(2) * width
    tl.store(carries + rows * states + _state_at(batch, width, states, channels, n), _row_of(carry, 0, T), mask=weights)


@triton.jit
def gradients(
    u, u_b, u_l, delta, delta_b, delta_l, B, B_b, B_l, B_g, C, C_b, C_l, C_g, A, D, bias, order, grad_y,
    starts, carries,  # (tiles, B, D, N): the states that tiles begin from, the gradients that reach their last states
    grad_u, grad_delta,  # (B, L, D)
    grad_A, grad_D, grad_bias,  # (tiles, B, D, N), (tiles, B, D) twice: shares to be summed
    grad_B, grad_C,  # (blocks of a group, B, L, G, N): shares to be summed
    length, width, groups, states,
    T: tl.constexpr, BD: tl.constexpr, N: tl.constexpr, VISIT: tl.constexpr, SOFTPLUS: tl.constexpr, BIAS: tl.constexpr,
    SKIP: tl.constexpr,
):  # fmt: skip
    """All gradients of one tile; grid (tiles, blocks, B)."""
    tile, batch = tl.program_id(0), tl.program_id(2)
    group, index, channels, inside = _block(batch, width, groups, BD)
    n, t = tl.arange(0, N), tl.arange(0, T)
    weights = inside[:, None] & (n < states)[None, :]
    rate = tl.load(A + channels[:, None] * states + n[None, :], mask=weights, other=0.0) * _LOG2E
    rows = tile.to(tl.int64) * tl.num_programs(2) * width
    at = rows * states + _state_at(batch, width, states, channels, n)
    state = tl.load(starts + at, mask=weights, other=0.0)
    carry = tl.load(carries + at, mask=weights, other=0.0)
    B += group * B_g
    C += group * C_g
    steps = tile * T + t

    # the state before each step: a scan of the steps one earlier
    earlier = steps - 1
    valid = (t > 0) & (earlier < length)
    tokens = _tokens(order, earlier, length, VISIT)
    mask = valid[:, None] & inside[None, :]
    step, _raw = _step_sizes(delta, delta_b, delta_l, bias, batch, tokens, channels, mask, SOFTPLUS, BIAS)
    value = step * _rows(u, u_b, u_l, batch, tokens, channels, mask)
    b = _rows(B, B_b, B_l, batch, tokens, n, valid[:, None] & (n < states)[None, :])
    gone, previous = tl.associative_scan((_decay(step, rate), value[:, :, None] * b[:, None, :]), 0, _then)
    previous += gone * state[None, :, :]

    # the gradient of each state: a scan from the end, in which a step hands on what the next one keeps
    later = steps + 1
    valid = (t < T - 1) & (later < length)
    tokens = _tokens(order, later, length, VISIT)
    mask = valid[:, None] & inside[None, :]
    step, _raw = _step_sizes(delta, delta_b, delta_l, bias, batch, tokens, channels, mask, SOFTPLUS, BIAS)
    kept = _decay(step, rate)

    valid = steps < length
    tokens = _tokens(order, steps, length, VISIT)
    mask = valid[:, None] & inside[None, :]
    of_states = valid[:, None] & (n < states)[None, :]
    c = _rows(C, C_b, C_l, batch, tokens, n, of_states)
    grad = _rows(grad_y, length * width, width, batch, tokens, channels, mask)
    gone, of_state = tl.associative_scan((kept, grad[:, :, None] * c[:, None, :]), 0, _then, reverse=True)
    of_state += gone * carry[None, :, :]

    step, raw = _step_sizes(delta, delta_b, delta_l, bias, batch, tokens, channels, mask, SOFTPLUS, BIAS)
    value = _rows(u, u_b, u_l, batch, tokens, channels, mask)
    b = _rows(B, B_b, B_l, batch, tokens, n, of_states)
    left = _decay(step, rate) * previous
    h = left + (step * value)[:, :, None] * b[:, None, :]
    share = index.to(tl.int64) * tl.num_programs(2) + batch
    here = ((share * length + tokens[:, None]) * groups + group) * states + n[None, :]
    tl.store(grad_C + here, tl.sum(grad[:, :, None] * h, 1), mask=of_states)
    tl.store(grad_B + here, tl.sum((step * value)[:, :, None] * of_state, 1), mask=of_states)

    of_input = tl.sum(of_state * b[:, None, :], 2)
    of_exponent = of_state * left
    of_step = of_input * value + tl.sum(of_exponent * rate[None, :, :], 2) * (1.0 / _LOG2E)
    tl.store(grad_A + at, tl.sum(of_exponent * step[:, :, None], 0), mask=weights)
    if SOFTPLUS:
        of_step *= _sigmoid(raw)
    of_value = of_input * step
    vector = rows + batch.to(tl.int64) * width + channels
    if SKIP:
        of_value += tl.load(D + channels[None, :], mask=inside[None, :], other=0.0) * grad
        tl.store(grad_D + vector, tl.sum(grad * value, 0), mask=inside)
    if BIAS:
        tl.store(grad_bias + vector, tl.sum(tl.where(mask, of_step, 0.0), 0), mask=inside)
    here = (batch.to(tl.int64) * length + tokens[:, None]) * width + channels[None, :]
    tl.store(grad_u + here, of_value.to(grad_u.dtype.element_ty), mask=mask)
    tl.store(grad_delta + here, of_step.to(grad_delta.dtype.element_ty), mask=mask)
