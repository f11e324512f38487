// The scan's parts that forward and backward share. Channels are cut into tiles of one vector; tiles of one group of
// B and C into blocks, the unit of work of a thread. A block walks the tokens in chunks, and in each chunk its tiles one by
// one: a tile's values over a chunk stay in the first-level cache from reading them to writing the result.
#pragma once
#include <algorithm>

#include "interface.h"
#include "parallel.h"
#include "scan_recurrence.h"

namespace {

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

// The states of a block's tiles before a chunk of the backward pass, as the forward pass saves them for it.
inline Vec* saved_states(const VideomambaScan& s, const VideomambaDirection& d, const Blocks& blocks, const Block& b,
                         int64_t chunk) {
    const int64_t tiles = (blocks.per_group + kLanes - 1) / kLanes, chunks = (s.length + kBackSteps - 1) / kBackSteps;
    const int64_t row = (b.batch * s.groups + b.group) * chunks + chunk;
    return reinterpret_cast<Vec*>(d.saved_states) + (row * tiles + b.split * blocks.tiles) * s.states;
}

// A chunk of one direction's visit, of up to `most` steps.
struct Chunk {
    int steps = 0;
    int stride = 0;  // 1 or -1 where the tokens follow each other so, else 0
    int64_t tokens[kBackSteps];

    Chunk(const VideomambaDirection& d, int64_t length, int64_t index, int most) {
        const int64_t start = index * most;
        if (start < 0 || start >= length) return;
        steps = int(std::min<int64_t>(most, length - start));
        for (int t = 0; t < steps; t++) tokens[t] = visited(d, length, start + t);
        for (int s : {1, -1}) {
            bool follows = true;
            for (int t = 1; t < steps; t++) follows = follows && tokens[t] == tokens[t - 1] + s;
            if (follows) stride = s;
        }
    }
};

// B or C of a chunk's tokens as (steps, states) float32.
template <class E>
void pack_rows(float* packed, const VideomambaTensor& t, const Block& b, const Chunk& chunk, int64_t states) {
    for (int step = 0; step < chunk.steps; step++) {
        const E* source = static_cast<E*>(t.data) + b.batch * t.batch_stride + chunk.tokens[step] * t.token_stride +
                          b.group * t.group_stride;
        if (t.last_stride == 1)
            for (int64_t n = 0; n < states; n++) packed[step * states + n] = to_float(source[n]);
        else
            for (int64_t n = 0; n < states; n++) packed[step * states + n] = to_float(source[n * t.last_stride]);
    }
}

// What a block's tiles need of one direction at every step: packed once per block, B and C of tokens once per chunk.
struct Weights {
    Vec *rate, *reach;       // [tile][state], [tile]: A in units of ln 2, and its largest size
    Vec *tile_B, *tile_C;    // [tile][state] where constant
    float *step_B, *step_C;  // [step][state] where not

    static int64_t floats(int64_t tiles, int64_t states) { return (3 * states + 1) * tiles * kLanes + 2 * kBackSteps * states; }
    static constexpr int kArrays = 6;
    Weights(Workspace& work, int64_t tiles, int64_t states) {
        for (Vec** p : {&rate, &tile_B, &tile_C}) *p = work.take<Vec>(tiles * states * kLanes);
        reach = work.take<Vec>(tiles * kLanes);
        for (float** p : {&step_B, &step_C}) *p = work.take(kBackSteps * states);
    }
    void pack(const VideomambaDirection& d, const Block& b, int64_t states) {
        pack_states(rate, d.A, kLog2e, b, states);
        if (d.constant_B) pack_states(tile_B, d.constant_B, 1.0f, b, states);
        if (d.constant_C) pack_states(tile_C, d.constant_C, 1.0f, b, states);
        for (int64_t tile = 0; tile < b.tiles(); tile++) {
            reach[tile] = Vec{};
            for (int64_t n = 0; n < states; n++) reach[tile] = larger(reach[tile], absolute(rate[tile * states + n]));
        }
    }
    template <class E> void pack_tokens(const VideomambaDirection& d, const Block& b, const Chunk& chunk, int64_t states) {
        if (!d.constant_B) pack_rows<E>(step_B, d.B, b, chunk, states);
        if (!d.constant_C) pack_rows<E>(step_C, d.C, b, chunk, states);
    }
    // Calls body(B, C) with what a tile's recurrence reads.
    template <class Body> VM_INLINE void of_tile(const VideomambaDirection& d, int64_t tile, int64_t states, const Body& body) {
        const PerStep b{step_B, states}, c{step_C, states};
        const PerChannel tile_b{tile_B + tile * states}, tile_c{tile_C + tile * states};
        if (d.constant_B && d.constant_C) body(tile_b, tile_c);
        else if (d.constant_B) body(tile_b, c);
        else if (d.constant_C) body(b, tile_c);
        else body(b, c);
    }
};

inline bool orders_are_permutations(const VideomambaScan& s) {
    for (int64_t k = 0; k < s.direction_count; k++)
        if (!is_permutation(s.directions[k].order, s.length)) return false;
    return true;
}

}  // namespace
