// Backward: goes through the chunks from the last to the first, computes their states again from those that the forward
// pass saved at the chunks' boundaries, and carries gradients in registers.
// Sums over channels (B, C) and over the batch (A, D, bias) are kept per block and added in a fixed order at the end.
#include "scan_tile.h"

namespace {

constexpr int kTiles = 24;  // of a block, at most

// What the blocks leave to be summed: one of these per direction.
struct Partial {
    float *B, *C;         // (splits, batch, length, groups, states)
    float *A, *D, *bias;  // (batch, width, states), (batch, width), (batch, width)
};

// Scratch of one block; [tile][step] vectors unless said otherwise.
struct Scratch {
    Vec *step, *slope, *input, *u, *grad_y;
    Vec *rate, *carry, *sum_A;  // [tile][state]
    Vec *sum_D, *sum_bias;      // [tile]
    Vec *sum_B, *sum_C;         // [step][state]
    float *B, *C;               // [step][state]
    int64_t tokens[kSteps];

    bool allot(const VideomambaScan& s, int64_t tiles) {
        const int64_t N = s.states, per_tile = tiles * kLanes, chunk = kSteps * per_tile, packed = N * per_tile;
        const int64_t sums = kSteps * N * kLanes;
        Workspace& work = Workspace::of_this_thread();
        if (!work.reserve(5 * chunk + 3 * packed + 2 * per_tile + 2 * sums + 2 * kSteps * N, 14)) return false;
        for (Vec** p : {&step, &slope, &input, &u, &grad_y}) *p = work.take<Vec>(chunk);
        for (Vec** p : {&rate, &carry, &sum_A}) *p = work.take<Vec>(packed);
        for (Vec** p : {&sum_D, &sum_bias}) *p = work.take<Vec>(per_tile);
        for (Vec** p : {&sum_B, &sum_C}) *p = work.take<Vec>(sums);
        B = work.take(kSteps * N);
        C = work.take(kSteps * N);
        return true;
    }

    template <class E> Chunk chunk(const VideomambaScan& s, const VideomambaDirection& d, const Block& b, int64_t index) {
        const Chunk chunk{int(std::min<int64_t>(kSteps, s.length - index * kSteps)), tokens, B, C};
        for (int t = 0; t < chunk.steps; t++) tokens[t] = visited(d, s.length, index * kSteps + t);
        pack_rows<E>(B, d.B, b, tokens, chunk.steps, s.states);
        pack_rows<E>(C, d.C, b, tokens, chunk.steps, s.states);
        return chunk;
    }
};

// The gradient that reaches the sum of the directions at a token; the first direction writes that of z as well.
template <class E>
VM_INLINE Vec through_gate(const VideomambaScan& s, int64_t k, const E* grad_row, const E* z_row, int64_t here, int64_t channel,
                           int lanes) {
    const Vec grad = load(grad_row + channel, lanes);
    if (!z_row) return grad;
    const Vec z = load(z_row + channel, lanes), gate = sigmoid(z);
    if (k == 0) {
        const Vec slope = gate * fma(z, splat(1.0f) - gate, splat(1.0f));
        store(static_cast<E*>(s.grad_z) + here + channel, grad * load(s.saved_total + here + channel, lanes) * slope, lanes);
    }
    return grad * z * gate;
}

// What a walk reads, per tile and step of a chunk.
template <class E>
void read_again(const VideomambaScan& s, int64_t k, const Block& b, const Chunk& chunk, Scratch& work) {
    const VideomambaDirection& d = s.directions[k];
    for (int t = 0; t < chunk.steps; t++) {
        const int64_t token = chunk.tokens[t], here = (b.batch * s.length + token) * s.width;
        const E *delta = row<E>(d.delta, b.batch, token), *u = row<E>(d.u, b.batch, token);
        const E *grad_out = row<E>(s.grad_out, b.batch, token), *z = s.z.data ? row<E>(s.z, b.batch, token) : nullptr;
        for (int64_t tile = 0; tile < b.tiles(); tile++) {
            const int64_t channel = b.channel(tile), at = tile * kSteps + t;
            const int lanes = b.lanes(tile);
            Vec raw = load(delta + channel, lanes), slope = splat(1.0f);
            if (d.delta_bias) raw += load(d.delta_bias + channel, lanes);
            work.step[at] = s.softplus ? softplus(raw, &slope) : raw;
            work.slope[at] = slope;
            work.u[at] = load(u + channel, lanes);
            work.input[at] = work.step[at] * work.u[at];
            work.grad_y[at] = through_gate(s, k, grad_out, z, here, channel, lanes);
        }
    }
}

// kStates states of one tile over a chunk, from state n on: forward again, then back. Adds the gradient of what entered
// the states to `to_input`, and that of the step size through the decay (in units of ln 2) to `to_step`.
template <int kStates>
VM_INLINE void chunk_back(const Chunk& chunk, Scratch& work, const Vec* start, int64_t tile, int64_t n, int64_t states,
                          Vec* to_input, Vec* to_step) {
    const int64_t at = tile * kSteps, of_tile = tile * states + n;
    const Vec *step = work.step + at, *input = work.input + at, *grad_y = work.grad_y + at, *rate = work.rate + of_tile;
    Vec before[kSteps][kStates], kept[kSteps][kStates], h[kStates];
    for (int i = 0; i < kStates; i++) h[i] = start[n + i];
    for (int t = 0; t < chunk.steps; t++) {
        const float* B = chunk.B + t * states + n;
        Vec* sum_C = work.sum_C + t * states + n;
#pragma GCC unroll 8
        for (int i = 0; i < kStates; i++) {
            before[t][i] = h[i];
            kept[t][i] = decay(step[t], rate[i]);
            h[i] = fma(kept[t][i], h[i], input[t] * splat(B[i]));
            sum_C[i] = fma(grad_y[t], h[i], sum_C[i]);
        }
    }
    Vec carry[kStates], sum_A[kStates];
    for (int i = 0; i < kStates; i++) carry[i] = work.carry[of_tile + i], sum_A[i] = Vec{};
    for (int t = chunk.steps - 1; t >= 0; t--) {
        const float *B = chunk.B + t * states + n, *C = chunk.C + t * states + n;
        Vec *sum_B = work.sum_B + t * states + n, of_input = to_input[t], of_step = to_step[t];
#pragma GCC unroll 8
        for (int i = 0; i < kStates; i++) {
            const Vec grad = fma(grad_y[t], splat(C[i]), carry[i]);
            sum_B[i] = fma(grad, input[t], sum_B[i]);
            of_input = fma(grad, splat(B[i]), of_input);
            carry[i] = grad * kept[t][i];
            const Vec of_exponent = carry[i] * before[t][i];
            sum_A[i] = fma(of_exponent, step[t], sum_A[i]);
            of_step = fma(of_exponent, rate[i], of_step);
        }
        to_input[t] = of_input;
        to_step[t] = of_step;
    }
    for (int i = 0; i < kStates; i++) work.carry[of_tile + i] = carry[i], work.sum_A[of_tile + i] += sum_A[i];
}

// One tile over a chunk; leaves the gradients of u and of the raw step size in work.u and work.slope.
void tile_back(const VideomambaDirection& d, const Block& b, const Chunk& chunk, Scratch& work, const Vec* start,
               int64_t tile, int64_t states) {
    Vec to_input[kSteps]{}, to_step[kSteps]{};
    by_states(states, [&](auto count, int64_t n) {
        chunk_back<decltype(count)::value>(chunk, work, start, tile, n, states, to_input, to_step);
    });
    const Vec skip = d.D ? load(d.D + b.channel(tile), b.lanes(tile)) : Vec{};
    Vec sum_D{}, sum_bias{};
    for (int t = 0; t < chunk.steps; t++) {
        const int64_t at = tile * kSteps + t;
        const Vec u = work.u[at], grad_y = work.grad_y[at];
        const Vec to_raw = fma(to_input[t], u, to_step[t] * splat(kLn2)) * work.slope[at];
        work.u[at] = fma(to_input[t], work.step[at], grad_y * skip);
        work.slope[at] = to_raw;
        sum_D = fma(grad_y, u, sum_D);
        sum_bias += to_raw;
    }
    work.sum_D[tile] += sum_D;
    work.sum_bias[tile] += sum_bias;
}

template <class E>
void write_rows(const VideomambaScan& s, const VideomambaDirectionGrad& g, const Block& b, const Chunk& chunk,
                const Scratch& work) {
    for (int t = 0; t < chunk.steps; t++) {
        const int64_t at = (b.batch * s.length + chunk.tokens[t]) * s.width;
        for (int64_t tile = 0; tile < b.tiles(); tile++) {
            const int64_t channel = at + b.channel(tile);
            store(static_cast<E*>(g.u) + channel, work.u[tile * kSteps + t], b.lanes(tile));
            store(static_cast<E*>(g.delta) + channel, work.slope[tile * kSteps + t], b.lanes(tile));
        }
    }
}

// Sums over a block's channels, [step][state] vectors -> this block's share of the gradient of B or C.
void write_shares(float* shares, Vec* sums, const VideomambaScan& s, const Block& b, const Chunk& chunk) {
    float flat[kLanes];
    int64_t index = 0;  // of step and state, as in sums
    for (; index < chunk.steps * s.states; index += kLanes) {
        store(flat, sum_lanes_of_each(sums + index));
        for (int64_t i = index; i < std::min<int64_t>(index + kLanes, chunk.steps * s.states); i++) {
            const int64_t token = chunk.tokens[i / s.states], row = (b.split * s.batch + b.batch) * s.length + token;
            shares[(row * s.groups + b.group) * s.states + i % s.states] = flat[i - index];
        }
    }
}

// The walk of direction k, from its last chunk to its first.
template <class E>
void walk_back(const VideomambaScan& s, int64_t k, const Blocks& blocks, const Block& b, Scratch& work,
               const Partial& partial) {
    const VideomambaDirection& d = s.directions[k];
    const VideomambaDirectionGrad& g = s.grads[k];
    const int64_t N = s.states, tiles = b.tiles(), of_batch = b.batch * s.width * N;
    pack_states(work.rate, d.A, kLog2e, b, N);
    pack_states(work.carry, g.last_state ? g.last_state + of_batch : nullptr, 1.0f, b, N);
    std::fill(work.sum_A, work.sum_A + tiles * N, Vec{});
    std::fill(work.sum_D, work.sum_D + tiles, Vec{});
    std::fill(work.sum_bias, work.sum_bias + tiles, Vec{});
    for (int64_t index = (s.length - 1) / kSteps; index >= 0 && s.length; index--) {
        const Chunk chunk = work.chunk<E>(s, d, b, index);
        const Vec* starts = saved_states(s, d, blocks, b, index);
        read_again<E>(s, k, b, chunk, work);
        std::fill(work.sum_B, work.sum_B + kSteps * N, Vec{});
        std::fill(work.sum_C, work.sum_C + kSteps * N, Vec{});
        for (int64_t tile = 0; tile < tiles; tile++) tile_back(d, b, chunk, work, starts + tile * N, tile, N);
        write_rows<E>(s, g, b, chunk, work);
        write_shares(partial.B, work.sum_B, s, b, chunk);
        write_shares(partial.C, work.sum_C, s, b, chunk);
    }
    unpack_states(partial.A + of_batch, work.sum_A, b, N);
    if (g.initial_state) unpack_states(g.initial_state + of_batch, work.carry, b, N);
    for (int64_t tile = 0; tile < b.tiles(); tile++) {
        const int64_t at = b.batch * s.width + b.channel(tile);
        store(partial.D + at, work.sum_D[tile], b.lanes(tile));
        store(partial.bias + at, work.sum_bias[tile], b.lanes(tile));
    }
}

template <class E> bool backward_block(const VideomambaScan& s, const Blocks& blocks, int64_t item, const Partial* partials) {
    const Block b(blocks, s, item);
    Scratch work;
    if (!work.allot(s, blocks.tiles)) return false;
    for (int64_t k = 0; k < s.direction_count; k++) walk_back<E>(s, k, blocks, b, work, partials[k]);
    return true;
}

// to[i] = sum over parts of from[part][i]
template <class E> void add_parts(E* to, const float* from, int64_t parts, int64_t size, int64_t threads) {
    if (!to) return;
    constexpr int64_t kPiece = 4096;
    parallel_for((size + kPiece - 1) / kPiece, size < 4 * kPiece ? 1 : threads, [&](int64_t piece) {
        for (int64_t i = piece * kPiece; i < std::min(size, (piece + 1) * kPiece); i += kLanes) {
            const int lanes = int(std::min<int64_t>(kLanes, size - i));
            Vec sum{};
            for (int64_t part = 0; part < parts; part++) sum += load(from + part * size + i, lanes);
            store(to + i, sum, lanes);
        }
    });
}

template <class E> int32_t backward(const VideomambaScan& s) {
    const Blocks blocks(s, kTiles);
    const int64_t channels = s.batch * s.width, rows = s.batch * s.length * s.groups * s.states;
    const int64_t per_direction = channels * (s.states + 2) + 2 * blocks.splits * rows;
    std::vector<Partial> partials;
    static thread_local Workspace shares;
    if (!shares.reserve(s.direction_count * per_direction, int(5 * s.direction_count))) return VIDEOMAMBA_OUT_OF_MEMORY;
    for (int64_t k = 0; k < s.direction_count; k++)
        partials.push_back({shares.take(blocks.splits * rows), shares.take(blocks.splits * rows),
                            shares.take(channels * s.states), shares.take(channels), shares.take(channels)});
    std::atomic<bool> complete{true};
    parallel_for(blocks.count, s.threads, [&](int64_t item) {
        if (!backward_block<E>(s, blocks, item, partials.data())) complete = false;
    });
    for (int64_t k = 0; k < s.direction_count; k++) {
        const VideomambaDirectionGrad& g = s.grads[k];
        add_parts(static_cast<E*>(g.B), partials[k].B, blocks.splits, rows, s.threads);
        add_parts(static_cast<E*>(g.C), partials[k].C, blocks.splits, rows, s.threads);
        add_parts(g.A, partials[k].A, s.batch, s.width * s.states, s.threads);
        add_parts(g.D, partials[k].D, s.batch, s.width, s.threads);
        add_parts(g.delta_bias, partials[k].bias, s.batch, s.width, s.threads);
    }
    shares.trim();
    return complete ? VIDEOMAMBA_OK : VIDEOMAMBA_OUT_OF_MEMORY;
}

}  // namespace

int32_t videomamba_scan_backward(const VideomambaScan* scan) {
    if (!orders_are_permutations(*scan)) return VIDEOMAMBA_BAD_ORDER;
    return scan->bfloat16 ? backward<BFloat16>(*scan) : backward<float>(*scan);
}
