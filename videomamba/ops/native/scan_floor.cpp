// The floor of the scan's time on this machine's execution units: the recurrence of the kernels, over and over on one tile.
#include "interface.h"
#include "parallel.h"
#include "scan_recurrence.h"

namespace {

struct Tile {
    Vec step[kSteps], input[kSteps], y[kSteps], grad_y[kSteps], to_input[kSteps], to_step[kSteps];
};

// Calls chunk(tile's values, rate, state, B, C) as often as makes `vectors` steps of each state, by all threads.
template <class Run> void repeat(int64_t vectors, int64_t states, int64_t threads, const Run& run) {
    const int64_t each = (vectors + kSteps * threads - 1) / (kSteps * threads);
    parallel_for(threads, threads, [&](int64_t) {
        std::vector<float> memory(size_t((5 * kLanes + 2 * kSteps * (1 + kLanes)) * states + 2 * kLanes));
        const size_t unaligned = reinterpret_cast<uintptr_t>(memory.data()) % sizeof(Vec) / sizeof(float);
        float* next = memory.data() + (unaligned ? kLanes - unaligned : 0);
        const auto take = [&](int64_t count, float value) {
            float* p = next;
            std::fill(p, p + count, value);
            next += count;
            return p;
        };
        const auto vector = [&](int64_t count, float value) { return reinterpret_cast<Vec*>(take(count * kLanes, value)); };
        Vec *rate = vector(states, -0.5f), *state = vector(states, 0.0f), *carry = vector(states, 0.0f);
        Vec *start = vector(states, 0.1f), *sum_A = vector(states, 0.0f);
        Vec *sum_B = vector(kSteps * states, 0.0f), *sum_C = vector(kSteps * states, 0.0f);
        const PerStep B{take(kSteps * states, 0.5f), states}, C{take(kSteps * states, 0.5f), states};
        Tile tile;
        for (int t = 0; t < kSteps; t++) tile.step[t] = tile.input[t] = tile.grad_y[t] = splat(0.1f);
        for (int64_t i = 0; i < each; i++) {
            for (int t = 0; t < kSteps; t++) tile.y[t] = tile.to_input[t] = tile.to_step[t] = Vec{};
            run(tile, B, C, StepSums{sum_B, states}, StepSums{sum_C, states}, rate, state, start, carry, sum_A);
        }
    });
}

}  // namespace

void videomamba_scan_forward_floor(int64_t vectors, int64_t states, int64_t threads) {
    repeat(vectors, states, threads,
           [&](Tile& v, const auto& B, const auto& C, auto, auto, const Vec* rate, Vec* state, const Vec*, Vec*, Vec*) {
               recur_all({kSteps, v.step, v.input}, B, C, rate, splat(0.5f), state, v.y, states, [](int, int) {});
           });
}

void videomamba_scan_backward_floor(int64_t vectors, int64_t states, int64_t threads) {
    repeat(vectors, states, threads,
           [&](Tile& v, const auto& B, const auto& C, auto sum_B, auto sum_C, const Vec* rate, Vec*, const Vec* start, Vec* carry,
               Vec* sum_A) {
               const Return way{{kSteps, v.step, v.input}, v.grad_y, v.y, v.to_input, v.to_step};
               recur_back_all(way, B, C, sum_B, sum_C, rate, splat(0.5f), start, carry, sum_A, states,
                              [](int, int) {});
           });
}
