// Forward: out = silu(z) * sum over directions of (C . h + D u).
#include "scan_rows.h"

namespace {

constexpr int kTiles = 48;  // of a block, at most: its part of the output stays in the second-level cache
constexpr int kPair = kLanes < 16 ? 2 : 1;  // tiles that are read and written together: float32 of a whole cache line
constexpr int kEach = kBackSteps / kSteps;  // chunks between two saved states

// What the directions before have left, float32: in the output itself, or in a workspace where that is bfloat16.
struct Sum {
    VideomambaTensor rows;
    bool first, last;  // direction
};

// The step sizes, what enters the states, and y, which begins as D u.
template <class E>
void enter(Vec* step, Vec* input, Vec* y, const VideomambaScan& s, const VideomambaDirection& d, const Block& b,
           const Chunk& chunk, int64_t channel, int lanes) {
    const Vec bias = d.delta_bias ? load(d.delta_bias + channel, lanes) : Vec{};
    const Vec skip = d.D ? load(d.D + channel, lanes) : Vec{};
    reading_tile<E>(step, d.delta, b, chunk, channel, lanes, [&](const auto& row) {
        by_fours(chunk.steps, [&](auto count, int t) {
            constexpr int K = decltype(count)::value;
            const auto raw = for_each<K>([&](int i) { return row(t + i) + bias; });
            put(step + t, s.softplus ? softplus(raw) : raw);
        });
    });
    reading_tile<E>(input, d.u, b, chunk, channel, lanes, [&](const auto& row) {
        for (int t = 0; t < chunk.steps; t++) {
            const Vec u = row(t);
            y[t] = skip * u;
            input[t] = u * step[t];
        }
    });
}

// Adds the directions before to y; after the last direction applies the gate and writes.
template <class E>
void leave(Vec* y, const VideomambaScan& s, const Sum& sum, const Block& b, const Chunk& chunk, int64_t channel, int lanes) {
    Vec other[kSteps];
    if (!sum.first)
        reading_tile<float>(other, sum.rows, b, chunk, channel, lanes, [&](const auto& row) {
            for (int t = 0; t < chunk.steps; t++) y[t] += row(t);
        });
    if (!sum.last) return write_tile<float>(y, sum.rows, b, chunk, channel, lanes);
    if (s.z.data)
        reading_tile<E>(other, s.z, b, chunk, channel, lanes, [&](const auto& row) {
            by_fours(chunk.steps, [&](auto count, int t) {
                constexpr int K = decltype(count)::value;
                put(y + t, several<K>(y + t) * silu(for_each<K>([&](int i) { return row(t + i); })));
            });
        });
    write_tile<E>(y, s.out, b, chunk, channel, lanes);
}

template <class E> bool forward_block(const VideomambaScan& s, const Blocks& blocks, int64_t item) {
    const Block b(blocks, s, item);
    if (b.width() == 0) return true;
    const int64_t N = s.states, packed = blocks.tiles * N * kLanes;
    const bool beside = sizeof(E) != 4 && s.direction_count > 1;
    const int64_t row = blocks.tiles * kLanes, sum_size = beside ? s.length * row : 0;
    Workspace& work = Workspace::of_this_thread();
    if (!work.reserve(sum_size + packed + Weights::floats(blocks.tiles, N), 2 + Weights::kArrays)) return false;
    Sum sum{s.out, false, false};
    if (beside) sum.rows = {work.take(sum_size) - b.first, 0, row, 0, 1};
    Vec* state = work.take<Vec>(packed);
    Weights weights(work, blocks.tiles, N);

    for (int64_t k = 0; k < s.direction_count; k++) {
        const VideomambaDirection& d = s.directions[k];
        const int64_t of_batch = b.batch * s.width * N;
        sum.first = k == 0, sum.last = k + 1 == s.direction_count;
        weights.pack(d, b, N);
        pack_states(state, d.initial_state ? d.initial_state + of_batch : nullptr, 1.0f, b, N);
        Ahead ahead(b, kSteps);
        for (const VideomambaTensor* t : {&d.u, &d.delta}) ahead.add(*t, sizeof(E));
        if (!sum.first || !sum.last) ahead.add(sum.rows, sizeof(float));
        if (sum.last) ahead.add(s.z, sizeof(E)), ahead.add(s.out, sizeof(E));
        Chunk next(d, s.length, 0, kSteps);
        for (int64_t index = 0; next.steps > 0; index++) {
            const Chunk chunk = next;
            next = Chunk(d, s.length, index + 1, kSteps);
            ahead.begin(next);
            weights.pack_tokens<E>(d, b, chunk, N);
            if (d.saved_states && index % kEach == 0)
                std::copy(state, state + b.tiles() * N, saved_states(s, d, blocks, b, index / kEach));
            for (int64_t pair = 0; pair < b.tiles(); pair += kPair) {
                const int64_t end = std::min(b.tiles(), pair + kPair);
                Vec step[kPair][kSteps], input[kPair][kSteps], y[kPair][kSteps];
                for (int64_t tile = pair; tile < end; tile++)
                    enter<E>(step[tile - pair], input[tile - pair], y[tile - pair], s, d, b, chunk, b.channel(tile), b.lanes(tile));
                for (int64_t tile = pair; tile < end; tile++)
                    weights.of_tile(d, tile, N, [&](const auto& B, const auto& C) {
                        recur_all({chunk.steps, step[tile - pair], input[tile - pair]}, B, C, weights.rate + tile * N,
                                  weights.reach[tile], state + tile * N, y[tile - pair], N,
                                  [&](int part, int parts) { ahead(tile, part, parts); });
                    });
                for (int64_t tile = pair; tile < end; tile++)
                    leave<E>(y[tile - pair], s, sum, b, chunk, b.channel(tile), b.lanes(tile));
            }
        }
        if (d.last_state) unpack_states(d.last_state + of_batch, state, b, N);
    }
    return true;
}

}  // namespace

void videomamba_scan_layout(int64_t* steps, int64_t* lanes) { *steps = kBackSteps, *lanes = kLanes; }

int32_t videomamba_scan_forward(const VideomambaScan* scan) {
    const VideomambaScan& s = *scan;
    if (!orders_are_permutations(s)) return VIDEOMAMBA_BAD_ORDER;
    if (s.batch * s.width == 0) return VIDEOMAMBA_OK;
    const Blocks blocks(s, kTiles);
    std::atomic<bool> complete{true};
    parallel_for(blocks.count, s.threads, [&](int64_t item) {
        if (!(s.bfloat16 ? forward_block<BFloat16>(s, blocks, item) : forward_block<float>(s, blocks, item)))
            complete = false;
    });
    return complete ? VIDEOMAMBA_OK : VIDEOMAMBA_OUT_OF_MEMORY;
}
