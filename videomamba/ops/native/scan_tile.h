// The scan's parts that forward and backward share. Channels are cut into tiles of one vector; tiles of one group of
// B and C into blocks, the unit of work of a thread. A block walks the tokens in chunks: per chunk B and C are packed once,
// then each tile runs three short loops (step sizes; the recurrence, states in registers; what becomes of y).
#pragma once
#include <algorithm>

#include "interface.h"
#include "numeric.h"
#include "parallel.h"

namespace {

constexpr int kSteps = 16;  // of a chunk: in the backward pass its states and decays stay in the first-level cache

// How the channels are cut: groups x splits blocks per batch element, each of up to `tiles` tiles.
struct Blocks {
    int64_t per_group;  // channels of a group
    int64_t tiles;      // tiles of a block
    int64_t splits;     // blocks of a group
    int64_t count;      // batch * groups * splits

    Blocks(const VideomambaScan& s, int64_t most_tiles) {
        per_group = s.width / s.groups;
        const int64_t all = (per_group + kLanes - 1) / kLanes, rows = s.batch * s.groups;
        int64_t least = -1;
        // the coarsest cut whose busiest thread has the least to do
        for (int64_t n = std::max<int64_t>(1, (all + most_tiles - 1) / most_tiles); n <= std::max<int64_t>(1, all); n++) {
            const int64_t each = (all + n - 1) / n, cost = (rows * n + s.threads - 1) / s.threads * each;
            if (least < 0 || cost < least) least = cost, tiles = each, splits = n;
        }
        count = rows * splits;
    }
};

// One block: channels [first, last) of a group of one batch element.
struct Block {
    int64_t batch, group, split, first, last;

    Block(const Blocks& blocks, const VideomambaScan& s, int64_t item) {
        split = item % blocks.splits;
        group = item / blocks.splits % s.groups;
        batch = item / blocks.splits / s.groups;
        const int64_t start = group * blocks.per_group, end = start + blocks.per_group;
        first = std::min(end, start + split * blocks.tiles * kLanes);
        last = std::min(end, first + blocks.tiles * kLanes);
    }
    int64_t width() const { return last - first; }
    int64_t tiles() const { return (width() + kLanes - 1) / kLanes; }
    int64_t channel(int64_t tile) const { return first + tile * kLanes; }
    int lanes(int64_t tile) const { return int(std::min<int64_t>(kLanes, last - channel(tile))); }
};

template <class E> VM_INLINE E* row(const VideomambaTensor& t, int64_t batch, int64_t token) {
    return static_cast<E*>(t.data) + batch * t.batch_stride + token * t.token_stride;
}

VM_INLINE int64_t visited(const VideomambaDirection& d, int64_t length, int64_t step) {
    return d.order ? d.order[step] : d.reverse ? length - 1 - step : step;
}

// A (width, states) -> per tile and state a vector; `factor` turns e^ into 2^.
inline void pack_states(Vec* packed, const float* values, float factor, const Block& b, int64_t states) {
    for (int64_t tile = 0; tile < b.tiles(); tile++)
        for (int64_t n = 0; n < states; n++) {
            Vec v{};
            for (int i = 0; values && i < b.lanes(tile); i++)
                v[i] = values[(b.channel(tile) + i) * states + n] * factor;
            packed[tile * states + n] = v;
        }
}

inline void unpack_states(float* values, const Vec* packed, const Block& b, int64_t states) {
    for (int64_t tile = 0; tile < b.tiles(); tile++)
        for (int i = 0; i < b.lanes(tile); i++)
            for (int64_t n = 0; n < states; n++)
                values[(b.channel(tile) + i) * states + n] = packed[tile * states + n][i];
}

// B or C of the visited tokens as (steps, states) float32.
template <class E>
void pack_rows(float* packed, const VideomambaTensor& t, const Block& b, const int64_t* tokens, int steps, int64_t states) {
    for (int step = 0; step < steps; step++) {
        const E* source = row<E>(t, b.batch, tokens[step]) + b.group * t.group_stride;
        for (int64_t n = 0; n < states; n++) packed[step * states + n] = to_float(source[n]);
    }
}

// The states of a block's tiles before a chunk, as the forward pass saves them for the backward pass.
inline Vec* saved_states(const VideomambaScan& s, const VideomambaDirection& d, const Blocks& blocks, const Block& b,
                         int64_t chunk) {
    const int64_t tiles = (blocks.per_group + kLanes - 1) / kLanes, chunks = (s.length + kSteps - 1) / kSteps;
    const int64_t row = (b.batch * s.groups + b.group) * chunks + chunk;
    return reinterpret_cast<Vec*>(d.saved_states) + (row * tiles + b.split * blocks.tiles) * s.states;
}

// A chunk of one direction as a tile sees it.
struct Chunk {
    int steps;
    const int64_t* tokens;
    const float *B, *C;  // (steps, states)
};

// Per tile and step of a chunk: the step size, what enters the states, and y, which begins as D u. Goes row by row: the
// rows of a chunk lie pages apart, and only within a row does the hardware read ahead.
template <class E>
void read_rows(Vec* step, Vec* input, Vec* y, const VideomambaScan& s, const VideomambaDirection& d, const Block& b,
               const Chunk& chunk) {
    for (int t = 0; t < chunk.steps; t++) {
        const E* delta = row<E>(d.delta, b.batch, chunk.tokens[t]);
        const E* u = row<E>(d.u, b.batch, chunk.tokens[t]);
        for (int64_t tile = 0; tile < b.tiles(); tile++) {
            const int64_t channel = b.channel(tile), at = tile * kSteps + t;
            const int lanes = b.lanes(tile);
            Vec raw = load(delta + channel, lanes);
            const Vec value = load(u + channel, lanes);
            if (d.delta_bias) raw += load(d.delta_bias + channel, lanes);
            step[at] = s.softplus ? softplus(raw) : raw;
            input[at] = step[at] * value;
            y[at] = d.D ? value * load(d.D + channel, lanes) : Vec{};
        }
    }
}

// The recurrence of kStates states of a tile over a chunk, from state n on; adds C . h to y.
template <int kStates>
VM_INLINE void recur(const Chunk& chunk, const Vec* step, const Vec* input, const Vec* rate, const Vec* from, Vec* to,
                     Vec* y, int64_t n, int64_t states) {
    Vec h[kStates];
    for (int i = 0; i < kStates; i++) h[i] = from[n + i];
    const float *B = chunk.B + n, *C = chunk.C + n;
    for (int t = 0; t < chunk.steps; t++, B += states, C += states) {
        Vec even = y[t], odd{};
#pragma GCC unroll 8
        for (int i = 0; i < kStates; i++) {
            h[i] = fma(decay(step[t], rate[n + i]), h[i], input[t] * splat(B[i]));
            (i % 2 ? odd : even) = fma(h[i], splat(C[i]), i % 2 ? odd : even);
        }
        y[t] = even + odd;
    }
    for (int i = 0; i < kStates; i++) to[n + i] = h[i];
}

#if defined(__AVX512F__)
constexpr int kStatesAtOnce = 8;  // as many as fit in registers beside the polynomial
#else
constexpr int kStatesAtOnce = 4;
#endif

// Calls visit<how many>(first state) until all states had their turn.
template <class Visit> VM_INLINE void by_states(int64_t states, const Visit& visit) {
    int64_t n = 0;
    for (; n + kStatesAtOnce <= states; n += kStatesAtOnce) visit(std::integral_constant<int, kStatesAtOnce>(), n);
    for (; n + 2 <= states; n += 2) visit(std::integral_constant<int, 2>(), n);
    for (; n < states; n++) visit(std::integral_constant<int, 1>(), n);
}

inline void recur_all(const Chunk& chunk, const Vec* step, const Vec* input, const Vec* rate, const Vec* from, Vec* to,
                      Vec* y, int64_t states) {
    by_states(states, [&](auto count, int64_t n) {
        recur<decltype(count)::value>(chunk, step, input, rate, from, to, y, n, states);
    });
}

inline bool orders_are_permutations(const VideomambaScan& s) {
    for (int64_t k = 0; k < s.direction_count; k++)
        if (!is_permutation(s.directions[k].order, s.length)) return false;
    return true;
}

}  // namespace
