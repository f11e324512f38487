// Forward: out = silu(z) * sum over directions of (C . h + D u).
#include "scan_tile.h"

namespace {

constexpr int kTiles = 48;  // of a block, at most: its part of the output stays in the second-level cache

// Adds the directions before to y of a chunk; after the last direction applies the gate and writes.
template <class E>
void write_rows(const VideomambaScan& s, int64_t k, const Block& b, const Chunk& chunk, const Vec* y, float* sum,
                int64_t sum_stride) {
    const bool first = k == 0, last = k + 1 == s.direction_count;
    for (int t = 0; t < chunk.steps; t++) {
        const int64_t token = chunk.tokens[t];
        float* before = sum + token * sum_stride - b.first;
        const E* z = s.z.data ? row<E>(s.z, b.batch, token) : nullptr;
        const int64_t here = (b.batch * s.length + token) * s.width;
        E* out = static_cast<E*>(s.out) + here;
        for (int64_t tile = 0; tile < b.tiles(); tile++) {
            const int64_t channel = b.channel(tile);
            const int lanes = b.lanes(tile);
            Vec total = y[tile * kSteps + t];
            if (!first) total += load(before + channel, lanes);
            if (!last) {
                store(before + channel, total, lanes);
                continue;
            }
            if (s.saved_total) store(s.saved_total + here + channel, total, lanes);
            if (z) total *= silu(load(z + channel, lanes));
            store(out + channel, total, lanes);
        }
    }
}

// Asks for one tile of the next chunk's rows: they lie too far apart for the hardware to foresee.
template <class E>
VM_INLINE void prefetch(const VideomambaScan& s, int64_t k, const Block& b, int64_t start, int64_t channel,
                        const float* sum, int64_t sum_stride) {
    const VideomambaDirection& d = s.directions[k];
    const int64_t end = std::min<int64_t>(s.length, start + kSteps);
    for (int64_t step = start; step < end; step++) {
        const int64_t token = visited(d, s.length, step);
        __builtin_prefetch(row<E>(d.u, b.batch, token) + channel, 0, 2);
        __builtin_prefetch(row<E>(d.delta, b.batch, token) + channel, 0, 2);
        if (k > 0) __builtin_prefetch(sum + token * sum_stride + channel - b.first, 0, 2);
        if (s.z.data && k + 1 == s.direction_count) __builtin_prefetch(row<E>(s.z, b.batch, token) + channel, 0, 2);
    }
}

template <class E> bool forward_block(const VideomambaScan& s, const Blocks& blocks, int64_t item) {
    const Block b(blocks, s, item);
    if (b.width() == 0) return true;
    const int64_t N = s.states, packed = blocks.tiles * N * kLanes;
    // float32 output takes the sum of the directions before the last; bfloat16 needs room beside
    const bool beside = sizeof(E) != 4 && s.direction_count > 1;
    const int64_t sum_size = beside ? s.length * blocks.tiles * kLanes : 0;
    Workspace& work = Workspace::of_this_thread();
    if (!work.reserve(sum_size + 2 * packed + 3 * kSteps * blocks.tiles * kLanes + 2 * kSteps * N, 8)) return false;
    float* sum = beside ? work.take(sum_size) : static_cast<float*>(s.out) + b.batch * s.length * s.width + b.first;
    const int64_t sum_stride = beside ? blocks.tiles * kLanes : s.width;
    Vec *rate = work.take<Vec>(packed), *state = work.take<Vec>(packed);
    float *B = work.take(kSteps * N), *C = work.take(kSteps * N);
    const int64_t vectors = kSteps * blocks.tiles * kLanes;
    Vec *step = work.take<Vec>(vectors), *input = work.take<Vec>(vectors), *y = work.take<Vec>(vectors);
    int64_t tokens[kSteps];

    for (int64_t k = 0; k < s.direction_count; k++) {
        const VideomambaDirection& d = s.directions[k];
        const int64_t of_batch = b.batch * s.width * N;
        pack_states(rate, d.A, kLog2e, b, N);
        pack_states(state, d.initial_state ? d.initial_state + of_batch : nullptr, 1.0f, b, N);
        for (int64_t start = 0; start < s.length; start += kSteps) {
            const Chunk chunk{int(std::min<int64_t>(kSteps, s.length - start)), tokens, B, C};
            for (int t = 0; t < chunk.steps; t++) tokens[t] = visited(d, s.length, start + t);
            pack_rows<E>(B, d.B, b, tokens, chunk.steps, N);
            pack_rows<E>(C, d.C, b, tokens, chunk.steps, N);
            if (d.saved_states)
                std::copy(state, state + b.tiles() * N, saved_states(s, d, blocks, b, start / kSteps));
            read_rows<E>(step, input, y, s, d, b, chunk);
            for (int64_t tile = 0; tile < b.tiles(); tile++) {
                const int64_t at = tile * kSteps;
                Vec* h = state + tile * N;
                prefetch<E>(s, k, b, start + kSteps, b.channel(tile), sum, sum_stride);
                recur_all(chunk, step + at, input + at, rate + tile * N, h, h, y + at, N);
            }
            write_rows<E>(s, k, b, chunk, y, sum, sum_stride);
        }
        if (d.last_state) unpack_states(d.last_state + of_batch, state, b, N);
    }
    return true;
}

}  // namespace

void videomamba_scan_layout(int64_t* steps, int64_t* lanes) { *steps = kSteps, *lanes = kLanes; }

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
