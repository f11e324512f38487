// Depthwise causal convolution over tokens, channels last, with SiLU, in one or more directions, and its gradient.
#include <algorithm>

#include "interface.h"
#include "numeric.h"
#include "parallel.h"

namespace {

constexpr int64_t kTokens = 64;     // of a task of the forward pass, and of the backward pass's scratch
constexpr int64_t kChannels = 128;  // of a task of the backward pass, at most
constexpr int kAtOnce = 4;          // steps for which a vector of channels is computed together

typedef VideomambaConvDirection Direction;

template <class E> VM_INLINE E* row(const VideomambaTensor& x, int64_t batch, int64_t token) {
    return static_cast<E*>(x.data) + batch * x.batch_stride + token * x.token_stride;
}

VM_INLINE int64_t visited(const VideomambaConv& c, const Direction& d, int64_t step) {
    return d.order ? d.order[step] : d.reverse ? c.length - 1 - step : step;
}

// bias + sum over taps, for one vector of channels of the token visited at `step`
template <class E>
VM_INLINE Vec convolved(const VideomambaConv& c, const Direction& d, int64_t batch, int64_t step, int64_t channel, int lanes) {
    Vec total = d.bias ? load(d.bias + channel, lanes) : Vec{};
    for (int64_t k = std::max<int64_t>(0, c.taps - 1 - step); k < c.taps; k++) {
        const E* x = row<E>(c.x, batch, visited(c, d, step - c.taps + 1 + k));
        total = fma(load(d.weight + k * c.width + channel, lanes), load(x + channel, lanes), total);
    }
    return total;
}

// The rows of x that the steps from `step` on read with kTaps taps.
template <class E, int kTaps> struct Window {
    const E* x[kTaps - 1 + kAtOnce];

    Window(const VideomambaConv& c, const Direction& d, int64_t batch, int64_t step) {
        for (int i = 0; i < kTaps - 1 + kAtOnce; i++) x[i] = row<E>(c.x, batch, visited(c, d, step - kTaps + 1 + i));
    }
    VM_INLINE void read(Vec* values, int64_t channel, int lanes) const {
        for (int i = 0; i < kTaps - 1 + kAtOnce; i++) values[i] = load(x[i] + channel, lanes);
    }
};

template <int kTaps> VM_INLINE void read_taps(Vec* taps, const VideomambaConv& c, const Direction& d, int64_t channel, int lanes) {
    for (int k = 0; k < kTaps; k++) taps[k] = load(d.weight + k * c.width + channel, lanes);
}

// y of kAtOnce steps from their window
template <int kTaps> VM_INLINE void convolve(Vec* y, const Vec* taps, const Vec* x, Vec bias) {
    for (int i = 0; i < kAtOnce; i++) {
        y[i] = bias;
        for (int k = 0; k < kTaps; k++) y[i] = fma(taps[k], x[i + k], y[i]);
    }
}

// Steps [from, to) of one direction; kTaps 0: any number, one step after the other.
template <class E, int kTaps>
void forward_steps(const VideomambaConv& c, const Direction& d, int64_t batch, int64_t from, int64_t to) {
    for (int64_t step = from; step < to;) {
        if constexpr (kTaps > 0) {
            if (step >= kTaps - 1 && step + kAtOnce <= to) {
                const Window<E, kTaps> window(c, d, batch, step);
                E* out[kAtOnce];
                for (int i = 0; i < kAtOnce; i++) out[i] = row<E>(d.out, batch, visited(c, d, step + i));
                for (int64_t channel = 0; channel < c.width; channel += kLanes) {
                    const int lanes = int(std::min<int64_t>(kLanes, c.width - channel));
                    Vec taps[kTaps], x[kTaps - 1 + kAtOnce], y[kAtOnce];
                    read_taps<kTaps>(taps, c, d, channel, lanes);
                    window.read(x, channel, lanes);
                    convolve<kTaps>(y, taps, x, d.bias ? load(d.bias + channel, lanes) : Vec{});
                    for (int i = 0; i < kAtOnce; i++) store(out[i] + channel, c.silu ? silu(y[i]) : y[i], lanes);
                }
                step += kAtOnce;
                continue;
            }
        }
        E* out = row<E>(d.out, batch, visited(c, d, step));
        for (int64_t channel = 0; channel < c.width; channel += kLanes) {
            const int lanes = int(std::min<int64_t>(kLanes, c.width - channel));
            const Vec y = convolved<E>(c, d, batch, step, channel, lanes);
            store(out + channel, c.silu ? silu(y) : y, lanes);
        }
        step++;
    }
}

// Some steps of every direction; a direction that goes backwards takes the same tokens as one that goes forwards.
template <class E, int kTaps> void forward_task(const VideomambaConv& c, int64_t parts, int64_t task) {
    const int64_t b = task / parts, from = task % parts * kTokens, to = std::min(c.length, from + kTokens);
    for (int64_t k = 0; k < c.direction_count; k++) {
        const Direction& d = c.directions[k];
        const bool backwards = d.reverse && !d.order;
        forward_steps<E, kTaps>(c, d, b, backwards ? c.length - to : from, backwards ? c.length - from : to);
    }
}

VM_INLINE Vec before_silu(const VideomambaConv& c, Vec grad, Vec y) {
    if (!c.silu) return grad;
    const Vec gate = sigmoid(y);
    return grad * (gate * fma(y, splat(1.0f) - gate, splat(1.0f)));
}

// Channels [first, last) of one batch element, over all tokens of all directions.
struct Channels {
    int64_t batch, first, last;
    int64_t width() const { return last - first; }
    int lanes(int64_t channel) const { return int(std::min<int64_t>(kLanes, last - channel)); }
};

// What the backward pass of some channels keeps: rows of as many vectors as there are channels.
struct Scratch {
    Vec *inner, *to_taps, *to_bias;  // (kTokens + taps - 1) rows, taps rows, one row
    int64_t vectors;

    bool allot(const VideomambaConv& c, const Channels& own) {
        vectors = (own.width() + kLanes - 1) / kLanes;
        const int64_t row = vectors * kLanes;
        Workspace& work = Workspace::of_this_thread();
        if (!work.reserve(row * (kTokens + 2 * c.taps), 3)) return false;
        inner = work.take<Vec>(row * (kTokens + c.taps - 1));
        to_taps = work.take<Vec>(row * c.taps);
        to_bias = work.take<Vec>(row);
        return true;
    }
};

// Gradients before SiLU of the steps [from, to) and of those after them that read the same tokens; sums for the weights.
template <class E, int kTaps>
void to_inner(const VideomambaConv& c, const Direction& d, const Channels& own, Scratch& work, int64_t from, int64_t to) {
    const int64_t end = std::min(c.length, to + c.taps - 1);
    for (int64_t step = from; step < end;) {
        Vec* inner = work.inner + (step - from) * work.vectors;
        if constexpr (kTaps > 0) {
            if (step >= kTaps - 1 && step + kAtOnce <= to) {
                const Window<E, kTaps> window(c, d, own.batch, step);
                const E* grads[kAtOnce];
                for (int i = 0; i < kAtOnce; i++) grads[i] = row<E>(d.grad_out, own.batch, visited(c, d, step + i));
                for (int64_t at = 0, channel = own.first; channel < own.last; at++, channel += kLanes) {
                    const int lanes = own.lanes(channel);
                    Vec taps[kTaps], x[kTaps - 1 + kAtOnce], y[kAtOnce];
                    read_taps<kTaps>(taps, c, d, channel, lanes);
                    window.read(x, channel, lanes);
                    convolve<kTaps>(y, taps, x, d.bias ? load(d.bias + channel, lanes) : Vec{});
                    Vec to_bias = work.to_bias[at];
                    for (int i = 0; i < kAtOnce; i++) {
                        y[i] = before_silu(c, load(grads[i] + channel, lanes), y[i]);
                        inner[i * work.vectors + at] = y[i];
                        to_bias += y[i];
                    }
                    work.to_bias[at] = to_bias;
                    for (int k = 0; k < kTaps; k++) {
                        Vec sum = work.to_taps[k * work.vectors + at];
                        for (int i = 0; i < kAtOnce; i++) sum = fma(y[i], x[i + k], sum);
                        work.to_taps[k * work.vectors + at] = sum;
                    }
                }
                step += kAtOnce;
                continue;
            }
        }
        const E* grad_row = row<E>(d.grad_out, own.batch, visited(c, d, step));
        for (int64_t at = 0, channel = own.first; channel < own.last; at++, channel += kLanes) {
            const int lanes = own.lanes(channel);
            const Vec y = c.silu ? convolved<E>(c, d, own.batch, step, channel, lanes) : Vec{};
            const Vec grad = before_silu(c, load(grad_row + channel, lanes), y);
            inner[at] = grad;
            if (step >= to) continue;  // its sums belong to the next steps
            work.to_bias[at] += grad;
            for (int64_t k = std::max<int64_t>(0, c.taps - 1 - step); k < c.taps; k++) {
                const E* x = row<E>(c.x, own.batch, visited(c, d, step - c.taps + 1 + k));
                Vec& sum = work.to_taps[k * work.vectors + at];
                sum = fma(grad, load(x + channel, lanes), sum);
            }
        }
        step++;
    }
}

// The gradient of x from the gradients before SiLU; added to that of the directions before.
template <class E, int kTaps>
void to_input(const VideomambaConv& c, const Direction& d, const Channels& own, const Scratch& work, int64_t from,
              int64_t to, bool add) {
    const int64_t taps = kTaps ? kTaps : c.taps;
    for (int64_t step = from; step < to; step++) {
        E* grad_x = row<E>(c.grad_x, own.batch, visited(c, d, step));
        const int64_t least = std::max<int64_t>(0, step + taps - c.length);  // steps behind the end read nothing
        const Vec* inner = work.inner + (step - from) * work.vectors;
        for (int64_t at = 0, channel = own.first; channel < own.last; at++, channel += kLanes) {
            const int lanes = own.lanes(channel);
            Vec grad{};
            for (int64_t k = taps - 1; k >= least; k--)
                grad = fma(load(d.weight + k * c.width + channel, lanes), inner[(taps - 1 - k) * work.vectors + at], grad);
            if (add) grad += load(grad_x + channel, lanes);
            store(grad_x + channel, grad, lanes);
        }
    }
}

// False when there is no memory.
template <class E, int kTaps> bool backward_task(const VideomambaConv& c, const Channels& own) {
    Scratch work;
    if (!work.allot(c, own)) return false;
    for (int64_t index = 0; index < c.direction_count; index++) {
        const Direction& d = c.directions[index];
        std::fill(work.to_taps, work.to_taps + c.taps * work.vectors, Vec{});
        std::fill(work.to_bias, work.to_bias + work.vectors, Vec{});
        for (int64_t from = 0; from < c.length; from += kTokens) {
            const int64_t to = std::min(c.length, from + kTokens);
            to_inner<E, kTaps>(c, d, own, work, from, to);
            to_input<E, kTaps>(c, d, own, work, from, to, index > 0);
        }
        for (int64_t at = 0, channel = own.first; channel < own.last; at++, channel += kLanes) {
            for (int64_t k = 0; k < c.taps; k++)
                store(d.grad_weight + (own.batch * c.taps + k) * c.width + channel, work.to_taps[k * work.vectors + at],
                      own.lanes(channel));
            store(d.grad_bias + own.batch * c.width + channel, work.to_bias[at], own.lanes(channel));
        }
    }
    return true;
}

// Calls run<kTaps>(): a number of taps that is compiled in, or 0.
template <class Run> void by_taps(int64_t taps, const Run& run) {
    if (taps == 4) return run(std::integral_constant<int, 4>());
    if (taps == 3) return run(std::integral_constant<int, 3>());
    if (taps == 2) return run(std::integral_constant<int, 2>());
    run(std::integral_constant<int, 0>());
}

bool orders_are_permutations(const VideomambaConv& c) {
    for (int64_t k = 0; k < c.direction_count; k++)
        if (!is_permutation(c.directions[k].order, c.length)) return false;
    return true;
}

template <class E> void forward(const VideomambaConv& c) {
    const int64_t parts = (c.length + kTokens - 1) / kTokens;
    by_taps(c.taps, [&](auto taps) {
        parallel_for(c.batch * parts, c.threads, [&](int64_t task) { forward_task<E, decltype(taps)::value>(c, parts, task); });
    });
}

template <class E> bool backward(const VideomambaConv& c) {
    int64_t each = kChannels;  // fewer where threads would have nothing to do
    while (each > 2 * kLanes && c.batch * ((c.width + each - 1) / each) < 2 * c.threads) each /= 2;
    const int64_t parts = (c.width + each - 1) / each;
    std::atomic<bool> complete{true};
    by_taps(c.taps, [&](auto taps) {
        parallel_for(c.batch * parts, c.threads, [&](int64_t task) {
            const int64_t first = task % parts * each;
            const Channels own{task / parts, first, std::min(c.width, first + each)};
            if (!backward_task<E, decltype(taps)::value>(c, own)) complete = false;
        });
    });
    return complete;
}

}  // namespace

int32_t videomamba_conv_forward(const VideomambaConv* conv) {
    if (!orders_are_permutations(*conv)) return VIDEOMAMBA_BAD_ORDER;
    conv->bfloat16 ? forward<BFloat16>(*conv) : forward<float>(*conv);
    return VIDEOMAMBA_OK;
}

int32_t videomamba_conv_backward(const VideomambaConv* conv) {
    if (!orders_are_permutations(*conv)) return VIDEOMAMBA_BAD_ORDER;
    const bool complete = conv->bfloat16 ? backward<BFloat16>(*conv) : backward<float>(*conv);
    return complete ? VIDEOMAMBA_OK : VIDEOMAMBA_OUT_OF_MEMORY;
}
