// The floor of the scan's time on this machine's execution units: the recurrence over and over on one tile.
#include "scan_tile.h"

namespace {

constexpr int kStates = kStatesAtOnce;

struct Tile {
    Vec step[kSteps], input[kSteps], y[kSteps]{}, rate[kStates], h[kStates]{};
    float B[kSteps * kStates], C[kSteps * kStates];
    int64_t tokens[kSteps]{};

    Tile() {
        for (int t = 0; t < kSteps; t++) step[t] = splat(0.01f * float(t + 1)), input[t] = splat(0.1f);
        for (int i = 0; i < kStates; i++) rate[i] = splat(-0.1f * float(i + 1));
        std::fill(B, B + kSteps * kStates, 0.5f);
        std::fill(C, C + kSteps * kStates, 0.5f);
    }
};

void forward(Tile& tile) {
    const Chunk chunk{kSteps, tile.tokens, tile.B, tile.C};
    recur<kStates>(chunk, tile.step, tile.input, tile.rate, tile.h, tile.h, tile.y, 0, kStates);
}

// Every decay and state once more, then gradients of the states, inputs, rates, B and C: the arithmetic of a step back.
void backward(Tile& tile) {
    Vec before[kSteps][kStates], kept[kSteps][kStates], carry[kStates]{}, sum_A[kStates]{};
    for (int t = 0; t < kSteps; t++)
        for (int i = 0; i < kStates; i++) {
            before[t][i] = tile.h[i];
            kept[t][i] = decay(tile.step[t], tile.rate[i]);
            tile.h[i] = fma(kept[t][i], tile.h[i], tile.input[t] * splat(tile.B[i]));
        }
    for (int t = kSteps - 1; t >= 0; t--) {
        Vec of_input{}, of_step{};
        for (int i = 0; i < kStates; i++) {
            const Vec grad = fma(tile.input[t], splat(tile.C[i]), carry[i]);
            of_input = fma(grad, splat(tile.B[i]), of_input);
            carry[i] = grad * kept[t][i];
            const Vec of_exponent = carry[i] * before[t][i];
            sum_A[i] = fma(of_exponent, tile.step[t], sum_A[i]);
            of_step = fma(of_exponent, tile.rate[i], of_step);
        }
        tile.y[t] = of_input + of_step;
    }
    for (int i = 0; i < kStates; i++) tile.h[i] = carry[i] * splat(1e-3f) + sum_A[i] * splat(1e-6f);
}

void repeat(int64_t vectors, int64_t states, int64_t threads, void (*once)(Tile&)) {
    const int64_t parts = std::max<int64_t>(1, threads), rounds = vectors * states / (kSteps * kStates * parts);
    parallel_for(parts, threads, [&](int64_t) {
        Tile tile;
        for (int64_t i = 0; i < rounds; i++) once(tile);
        volatile float keep = tile.y[0][0] + tile.h[0][0];
        (void)keep;
    });
}

}  // namespace

void videomamba_scan_forward_floor(int64_t vectors, int64_t states, int64_t threads) {
    repeat(vectors, states, threads, forward);
}

void videomamba_scan_backward_floor(int64_t vectors, int64_t states, int64_t threads) {
    repeat(vectors, states, threads, backward);
}
