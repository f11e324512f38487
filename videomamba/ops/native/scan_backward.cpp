// Backward: goes through the chunks from the last to the first, computes their states again from those that the forward
// pass saved at the chunks' boundaries, and with them y, and carries gradients in registers.
// Sums over channels (B, C) and over the batch (A, D, bias) are kept per block and added in a fixed order at the end.
#include "scan_rows.h"

namespace {

constexpr int kTiles = 24;  // of a block, at most

// What the blocks leave to be summed: one of these per direction.
struct Partial {
    float *B, *C;         // (splits, batch, length, groups, states); of constant ones (batch, width, states)
    float *A, *D, *bias;  // (batch, width, states), (batch, width), (batch, width)
};

// Scratch of one block.
struct Scratch {
    Vec *carry, *sum_A, *tile_B, *tile_C;  // [tile][state]: the states' gradient, and sums over tokens
    Vec *sum_D, *sum_bias;                 // [tile]
    Vec *sum_B, *sum_C;                    // [step][state]: sums over channels

    static int64_t floats(int64_t tiles, int64_t states) {
        return ((4 * states + 2) * tiles + 2 * (kBackSteps * states + kLanes)) * kLanes;
    }
    static constexpr int kArrays = 8;
    Scratch(Workspace& work, int64_t tiles, int64_t states) {
        for (Vec** p : {&carry, &sum_A, &tile_B, &tile_C}) *p = work.take<Vec>(tiles * states * kLanes);
        for (Vec** p : {&sum_D, &sum_bias}) *p = work.take<Vec>(tiles * kLanes);
        for (Vec** p : {&sum_B, &sum_C}) *p = work.take<Vec>((kBackSteps * states + kLanes) * kLanes);
    }
};

// A tile's values over a chunk, [step] vectors.
struct TileValues {
    typedef Vec Steps[kBackSteps];
    Steps step, input, grad_y, y, to_input, to_step;  // what the recurrence reads and writes
    Steps slope, u;
    Steps gate, to_z;  // silu(z), and the gradient of z over that sum of the directions which it gates
};

// The gradient that reaches the sum of the directions.
template <class E>
void through_gate(TileValues& v, const VideomambaScan& s, const Block& b, const Chunk& chunk, int64_t channel, int lanes) {
    read_tile<E>(v.grad_y, s.grad_out, b, chunk, channel, lanes);
    if (!s.z.data) return;
    read_tile<E>(v.gate, s.z, b, chunk, channel, lanes);
    by_fours(chunk.steps, [&](auto count, int t) {
        constexpr int K = decltype(count)::value;
        const auto grad = several<K>(v.grad_y + t), z = several<K>(v.gate + t), share = sigmoid(z), open = z * share;
        const auto one = all<Several<K>>(1.0f);
        put(v.to_z + t, grad * (share * fma(z, one - share, one)));
        put(v.gate + t, open);
        put(v.grad_y + t, grad * open);
    });
}

// Adds y to those of the directions before; after the last direction writes the gradient of z, and the result where asked.
template <class E>
void write_gated(TileValues& v, const VideomambaScan& s, int64_t k, const Block& b, const Chunk& chunk, int64_t channel,
                 int lanes) {
    if (!s.z.data) return;
    const VideomambaTensor total{s.total, s.length * s.width, s.width, 0, 1};
    if (k > 0) {
        Vec before[kBackSteps];
        read_tile<float>(before, total, b, chunk, channel, lanes);
        for (int t = 0; t < chunk.steps; t++) v.y[t] += before[t];
    }
    if (k + 1 < s.direction_count) return write_tile<float>(v.y, total, b, chunk, channel, lanes);
    for (int t = 0; t < chunk.steps; t++) v.to_z[t] *= v.y[t], v.y[t] *= v.gate[t];
    write_tile<E>(v.to_z, s.grad_z, b, chunk, channel, lanes);
    if (s.out.data) write_tile<E>(v.y, s.out, b, chunk, channel, lanes);
}

template <class E>
void read_values(TileValues& v, const VideomambaScan& s, const VideomambaDirection& d, const Block& b, const Chunk& chunk,
                 int64_t channel, int lanes) {
    const Vec bias = d.delta_bias ? load(d.delta_bias + channel, lanes) : Vec{};
    const Vec skip = d.D ? load(d.D + channel, lanes) : Vec{};
    read_tile<E>(v.step, d.delta, b, chunk, channel, lanes);
    read_tile<E>(v.u, d.u, b, chunk, channel, lanes);
    through_gate<E>(v, s, b, chunk, channel, lanes);
    if (s.softplus)
        by_fours(chunk.steps, [&](auto count, int t) {
            constexpr int K = decltype(count)::value;
            Several<K> slope;
            put(v.step + t, softplus(for_each<K>([&](int i) { return v.step[t + i] + bias; }), &slope));
            put(v.slope + t, slope);
        });
    else
        for (int t = 0; t < chunk.steps; t++) v.step[t] += bias, v.slope[t] = splat(1.0f);
    for (int t = 0; t < chunk.steps; t++) {
        v.input[t] = v.step[t] * v.u[t];
        v.y[t] = skip * v.u[t];
        v.to_input[t] = v.to_step[t] = Vec{};
    }
}

// Gradients of u and of the raw step size, from those of what entered the states and of the decay.
template <class E>
void write_values(TileValues& v, const VideomambaDirection& d, const VideomambaDirectionGrad& g, const Block& b,
                  const Chunk& chunk, int64_t channel, int lanes, Vec* sum_D, Vec* sum_bias) {
    const Vec skip = d.D ? load(d.D + channel, lanes) : Vec{};
    for (int t = 0; t < chunk.steps; t++) {
        const Vec to_input = v.to_input[t], to_raw = fma(to_input, v.u[t], v.to_step[t] * splat(kLn2)) * v.slope[t];
        *sum_D = fma(v.grad_y[t], v.u[t], *sum_D);
        *sum_bias += to_raw;
        v.to_input[t] = fma(to_input, v.step[t], v.grad_y[t] * skip);
        v.to_step[t] = to_raw;
    }
    write_tile<E>(v.to_input, g.u, b, chunk, channel, lanes);
    write_tile<E>(v.to_step, g.delta, b, chunk, channel, lanes);
}

// Calls body(B, C, sums of B's gradient, of C's) for one tile.
template <class Body>
VM_INLINE void of_tile(Weights& weights, const Scratch& work, const VideomambaDirection& d, int64_t tile, int64_t states,
                       const Body& body) {
    const StepSums of_b{work.sum_B, states}, of_c{work.sum_C, states};
    const ChannelSums of_tile_b{work.tile_B + tile * states}, of_tile_c{work.tile_C + tile * states};
    weights.of_tile(d, tile, states, [&](const auto& b, const auto& c) {
        constexpr bool own_b = std::is_same_v<std::decay_t<decltype(b)>, PerChannel>;
        constexpr bool own_c = std::is_same_v<std::decay_t<decltype(c)>, PerChannel>;
        if constexpr (own_b && own_c) body(b, c, of_tile_b, of_tile_c);
        else if constexpr (own_b) body(b, c, of_tile_b, of_c);
        else if constexpr (own_c) body(b, c, of_b, of_tile_c);
        else body(b, c, of_b, of_c);
    });
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
void walk_back(const VideomambaScan& s, int64_t k, const Blocks& blocks, const Block& b, Weights& weights, Scratch& work,
               const Partial& partial) {
    const VideomambaDirection& d = s.directions[k];
    const VideomambaDirectionGrad& g = s.grads[k];
    const int64_t N = s.states, tiles = b.tiles(), of_batch = b.batch * s.width * N;
    weights.pack(d, b, N);
    pack_states(work.carry, g.last_state ? g.last_state + of_batch : nullptr, 1.0f, b, N);
    for (Vec* p : {work.sum_A, work.tile_B, work.tile_C}) std::fill(p, p + tiles * N, Vec{});
    for (Vec* p : {work.sum_D, work.sum_bias}) std::fill(p, p + tiles, Vec{});
    const int64_t last = (s.length + kBackSteps - 1) / kBackSteps - 1;
    Ahead ahead(b, kBackSteps);
    for (const VideomambaTensor* t : {&d.u, &d.delta, &s.grad_out, &s.z, &g.u}) ahead.add(*t, sizeof(E));
    if (g.delta.data != d.delta.data) ahead.add(g.delta, sizeof(E));
    if (s.z.data && s.direction_count > 1) ahead.add({s.total, s.length * s.width, s.width, 0, 1}, sizeof(float));
    if (s.z.data && k + 1 == s.direction_count) ahead.add(s.grad_z, sizeof(E)), ahead.add(s.out, sizeof(E));
    Chunk next(d, s.length, last, kBackSteps);
    for (int64_t index = last; index >= 0; index--) {
        const Chunk chunk = next;
        next = Chunk(d, s.length, index - 1, kBackSteps);
        ahead.begin(next);
        weights.pack_tokens<E>(d, b, chunk, N);
        const Vec* starts = saved_states(s, d, blocks, b, index);
        for (Vec* p : {work.sum_B, work.sum_C}) std::fill(p, p + chunk.steps * N, Vec{});
        for (int64_t tile = 0; tile < tiles; tile++) {
            const int64_t channel = b.channel(tile), at = tile * N;
            const int lanes = b.lanes(tile);
            TileValues v;
            read_values<E>(v, s, d, b, chunk, channel, lanes);
            const Return way{{chunk.steps, v.step, v.input}, v.grad_y, v.y, v.to_input, v.to_step};
            of_tile(weights, work, d, tile, N, [&](const auto& B, const auto& C, const auto& of_B, const auto& of_C) {
                recur_back_all(way, B, C, of_B, of_C, weights.rate + at, weights.reach[tile], starts + at, work.carry + at,
                               work.sum_A + at, N, [&](int part, int parts) { ahead(tile, part, parts); });
            });
            write_values<E>(v, d, g, b, chunk, channel, lanes, work.sum_D + tile, work.sum_bias + tile);
            write_gated<E>(v, s, k, b, chunk, channel, lanes);
        }
        if (!d.constant_B) write_shares(partial.B, work.sum_B, s, b, chunk);
        if (!d.constant_C) write_shares(partial.C, work.sum_C, s, b, chunk);
    }
    unpack_states(partial.A + of_batch, work.sum_A, b, N);
    if (d.constant_B) unpack_states(partial.B + of_batch, work.tile_B, b, N);
    if (d.constant_C) unpack_states(partial.C + of_batch, work.tile_C, b, N);
    if (g.initial_state) unpack_states(g.initial_state + of_batch, work.carry, b, N);
    for (int64_t tile = 0; tile < tiles; tile++) {
        const int64_t at = b.batch * s.width + b.channel(tile);
        store(partial.D + at, work.sum_D[tile], b.lanes(tile));
        store(partial.bias + at, work.sum_bias[tile], b.lanes(tile));
    }
}

template <class E> bool backward_block(const VideomambaScan& s, const Blocks& blocks, int64_t item, const Partial* partials) {
    const Block b(blocks, s, item);
    Workspace& memory = Workspace::of_this_thread();
    if (!memory.reserve(Weights::floats(blocks.tiles, s.states) + Scratch::floats(blocks.tiles, s.states),
                        Weights::kArrays + Scratch::kArrays))
        return false;
    Weights weights(memory, blocks.tiles, s.states);
    Scratch work(memory, blocks.tiles, s.states);
    for (int64_t k = 0; k < s.direction_count; k++) walk_back<E>(s, k, blocks, b, weights, work, partials[k]);
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
    const int64_t of_tokens = blocks.splits * rows, of_channels = channels * s.states;
    int64_t floats = 0;
    for (int64_t k = 0; k < s.direction_count; k++)
        floats += of_channels + 2 * channels + (s.directions[k].constant_B ? of_channels : of_tokens) +
                  (s.directions[k].constant_C ? of_channels : of_tokens);
    std::vector<Partial> partials;
    static thread_local Workspace shares;
    if (!shares.reserve(floats, int(5 * s.direction_count))) return VIDEOMAMBA_OUT_OF_MEMORY;
    for (int64_t k = 0; k < s.direction_count; k++) {
        const VideomambaDirection& d = s.directions[k];
        partials.push_back({shares.take(d.constant_B ? of_channels : of_tokens), shares.take(d.constant_C ? of_channels : of_tokens),
                            shares.take(of_channels), shares.take(channels), shares.take(channels)});
    }
    std::atomic<bool> complete{true};
    parallel_for(blocks.count, s.threads, [&](int64_t item) {
        if (!backward_block<E>(s, blocks, item, partials.data())) complete = false;
    });
    for (int64_t k = 0; k < s.direction_count; k++) {
        const VideomambaDirectionGrad& g = s.grads[k];
        const auto add_weights = [&](void* to, const float* from, bool constant) {
            if (constant) add_parts(static_cast<float*>(to), from, s.batch, s.width * s.states, s.threads);
            else add_parts(static_cast<E*>(to), from, blocks.splits, rows, s.threads);
        };
        add_weights(g.B, partials[k].B, s.directions[k].constant_B);
        add_weights(g.C, partials[k].C, s.directions[k].constant_C);
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
