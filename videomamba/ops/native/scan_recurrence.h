// The recurrence of a tile over a chunk: the innermost loops, forward and backward.
#pragma once
#include <algorithm>
#include <type_traits>

#include "numeric.h"

namespace {

constexpr int kSteps = 16;      // of a chunk of the forward pass
constexpr int kBackSteps = 32;  // of the backward pass, which keeps 4 states' values and decays of a chunk in the first-level cache

// B or C as the recurrence reads it: of each step, shared by the channels, or of each channel, the same at every step.
struct PerStep {
    const float* values;  // (steps, states)
    int64_t states;
    struct Row {
        const float* values;
        VM_INLINE Vec operator()(int i) const { return splat(values[i]); }
    };
    VM_INLINE Row row(int t, int64_t n) const { return {values + t * states + n}; }
};
struct PerChannel {
    const Vec* values;  // (states)
    struct Row {
        const Vec* values;
        VM_INLINE Vec operator()(int i) const { return values[i]; }
    };
    VM_INLINE Row row(int, int64_t n) const { return {values + n}; }
};

// What a tile's recurrence over a chunk reads, [step] vectors.
struct Drive {
    int steps;
    const Vec *step, *input;  // the step size, and what enters the states: step size times u
};

// kStates states from state n on; adds C . h to y. Structures come by value: of a pointer in memory the compiler has to think
// that a store changes it, and would load it again at every step.
template <bool kBounded, int kStates, class B, class C>
VM_INLINE void recur(const Drive drive, const B b, const C c, const Vec* rate, const Vec* from, Vec* to, Vec* y, int64_t n) {
    constexpr int kTogether = kStates % 2 ? 1 : 2;  // decays: enough for the latencies, few enough for 16 registers
    Vec h[kStates];
    for (int i = 0; i < kStates; i++) h[i] = from[n + i];
    for (int t = 0; t < drive.steps; t++) {
        const Vec step = drive.step[t], input = drive.input[t];
        const auto b_now = b.row(t, n);
        const auto c_now = c.row(t, n);
        Vec even = y[t], odd{};
#pragma GCC unroll 16
        for (int i = 0; i < kStates; i += kTogether) {
            Vec kept[kTogether];
            decay<kBounded, kTogether>(kept, step, rate + n + i);
            for (int j = 0; j < kTogether; j++) h[i + j] = fma(kept[j], h[i + j], input * b_now(i + j));
            even = fma(h[i], c_now(i), even);
            if (kTogether == 2) odd = fma(h[i + 1], c_now(i + 1), odd);
        }
        y[t] = even + odd;
    }
    for (int i = 0; i < kStates; i++) to[n + i] = h[i];
}

// Calls visit<how many>(first state) until all states had their turn.
template <int kMost, class Visit> VM_INLINE void by_states(int64_t states, const Visit& visit) {
    int64_t n = 0;
    for (; n + kMost <= states; n += kMost) visit(std::integral_constant<int, kMost>(), n);
    for (; n + 2 <= states; n += 2) visit(std::integral_constant<int, 2>(), n);
    for (; n < states; n++) visit(std::integral_constant<int, 1>(), n);
}

// Calls body(whether bounded): no exponent of a decay leaves the range of a float's, so that none has to be bounded.
// `reach` is the largest size of a rate.
template <class Body> VM_INLINE void by_bound(const Drive& drive, Vec reach, const Body& body) {
    Vec most{};
    for (int t = 0; t < drive.steps; t++) most = larger(most, absolute(drive.step[t]));
    if (any_beyond(most * reach, splat(126.0f))) body(std::false_type());
    else body(std::true_type());
}

// All states; calls `meanwhile` (n-th part, of how many) now and then.
template <class B, class C, class Meanwhile>
__attribute__((noinline)) void recur_all(const Drive& drive, const B& b, const C& c, const Vec* rate, Vec reach, Vec* state,
                                         Vec* y, int64_t states, const Meanwhile& meanwhile) {
    int part = 0;
    by_bound(drive, reach, [&](auto bounded) {
        by_states<8>(states, [&](auto count, int64_t n) {
            meanwhile(part++, int((states + 7) / 8));
            recur<decltype(bounded)::value, decltype(count)::value>(drive, b, c, rate, state, state, y, n);
        });
    });
}

// The same for the way back: what it reads, y again, and the gradients that it adds to, [step] vectors.
struct Return {
    Drive drive;
    const Vec* grad_y;
    Vec* y;
    Vec *to_input, *to_step;  // of what entered the states; of the step size through the decay, in units of ln 2
};

// Where the gradient of B or C goes: sums over channels, (steps, states), or a channel's own, (states).
struct StepSums {
    Vec* sums;
    int64_t states;
    template <int kStates> struct Part {
        Vec* sums;
        int64_t states;
        VM_INLINE void add(int t, int i, Vec a, Vec b) { sums[t * states + i] = fma(a, b, sums[t * states + i]); }
        VM_INLINE void close() {}
    };
    template <int kStates> VM_INLINE Part<kStates> part(int64_t n) const { return {sums + n, states}; }
};
struct ChannelSums {
    Vec* sums;
    template <int kStates> struct Part {
        Vec* sums;
        Vec here[kStates];
        VM_INLINE void add(int, int i, Vec a, Vec b) { here[i] = fma(a, b, here[i]); }
        VM_INLINE void close() {
            for (int i = 0; i < kStates; i++) sums[i] += here[i];
        }
    };
    template <int kStates> VM_INLINE Part<kStates> part(int64_t n) const { return {sums + n, {}}; }
};

// kStates states from state n on: forward again from `start`, then back. `carry` is the gradient of the states. Calls
// `meanwhile` before each of the two ways.
template <bool kBounded, int kStates, class B, class C, class SumB, class SumC, class Meanwhile>
VM_INLINE void recur_back(const Return r, const B b, const C c, const SumB& sum_b, const SumC& sum_c, const Vec* rate,
                          const Vec* start, Vec* carry, Vec* sum_A, int64_t n, const Meanwhile& meanwhile) {
    constexpr int kTogether = kStates % 2 ? 1 : 2;
    const Drive drive = r.drive;
    Vec before[kBackSteps][kStates], kept[kBackSteps][kStates], h[kStates], grads[kStates], to_A[kStates];
    auto part_b = sum_b.template part<kStates>(n);
    auto part_c = sum_c.template part<kStates>(n);
    for (int i = 0; i < kStates; i++) h[i] = start[n + i];
    meanwhile();
    for (int t = 0; t < drive.steps; t++) {
        const Vec step = drive.step[t], input = drive.input[t], grad_y = r.grad_y[t];
        const auto b_now = b.row(t, n);
        const auto c_now = c.row(t, n);
        Vec even = r.y[t], odd{};
#pragma GCC unroll 8
        for (int i = 0; i < kStates; i += kTogether) {
            decay<kBounded, kTogether>(kept[t] + i, step, rate + n + i);
            for (int j = i; j < i + kTogether; j++) {
                before[t][j] = h[j];
                h[j] = fma(kept[t][j], h[j], input * b_now(j));
                part_c.add(t, j, grad_y, h[j]);
            }
            even = fma(h[i], c_now(i), even);
            if (kTogether == 2) odd = fma(h[i + 1], c_now(i + 1), odd);
        }
        r.y[t] = even + odd;
    }
    meanwhile();
    for (int i = 0; i < kStates; i++) grads[i] = carry[n + i], to_A[i] = Vec{};
    for (int t = drive.steps - 1; t >= 0; t--) {
        const Vec step = drive.step[t], input = drive.input[t], grad_y = r.grad_y[t];
        const auto b_now = b.row(t, n);
        const auto c_now = c.row(t, n);
        Vec of_input = r.to_input[t], of_step = r.to_step[t];
#pragma GCC unroll 8
        for (int i = 0; i < kStates; i++) {
            const Vec grad = fma(grad_y, c_now(i), grads[i]);
            part_b.add(t, i, grad, input);
            of_input = fma(grad, b_now(i), of_input);
            grads[i] = grad * kept[t][i];
            const Vec of_exponent = grads[i] * before[t][i];
            to_A[i] = fma(of_exponent, step, to_A[i]);
            of_step = fma(of_exponent, rate[n + i], of_step);
        }
        r.to_input[t] = of_input;
        r.to_step[t] = of_step;
    }
    for (int i = 0; i < kStates; i++) carry[n + i] = grads[i], sum_A[n + i] += to_A[i];
    part_b.close();
    part_c.close();
}

template <class B, class C, class SumB, class SumC, class Meanwhile>
__attribute__((noinline)) void recur_back_all(const Return& r, const B& b, const C& c, const SumB& sum_b, const SumC& sum_c,
                                              const Vec* rate, Vec reach, const Vec* start, Vec* carry, Vec* sum_A,
                                              int64_t states, const Meanwhile& meanwhile) {
    int part = 0;
    const int parts = int((states + 3) / 4) * 2;
    by_bound(r.drive, reach, [&](auto bounded) {
        by_states<4>(states, [&](auto count, int64_t n) {
            recur_back<decltype(bounded)::value, decltype(count)::value>(r, b, c, sum_b, sum_c, rate, start, carry, sum_A, n,
                                                                         [&] { meanwhile(part++, parts); });
        });
    });
}

}  // namespace
