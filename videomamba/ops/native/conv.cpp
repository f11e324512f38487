// Depthwise causal convolution over tokens, channels last, with SiLU, in one or more directions, and its gradient.
#include <algorithm>

#include "interface.h"
#include "numeric.h"
#include "parallel.h"

namespace {

constexpr int64_t kTokens = 64;     // of a task, at most
constexpr int64_t kChannels = 256;  // with which the backward pass goes through a task: their sums stay in the first-level cache
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

// Some steps of one direction on the way back, for some channels. It goes from the last step to the first, because a token's
// gradient comes from the steps that read it: its own and the next taps - 1.
template <class E, int kTaps> struct Back {
    const VideomambaConv& c;
    const Direction& d;
    int64_t batch, first, last;  // channels [first, last)
    bool add;                    // to the gradient of x that directions before have left
    Vec* later;                  // (vectors, taps - 1): gradients before SiLU of the next steps
    float *to_taps, *to_bias;    // (taps, width), (width): sums over steps

    int lanes(int64_t channel) const { return int(std::min<int64_t>(kLanes, last - channel)); }

    // Steps [step, step + kAtOnce), none of which reads before the first.
    void several_steps(int64_t step) const {
        const Window<E, kTaps> window(c, d, batch, step);
        const E* grads[kAtOnce];
        E* results[kAtOnce];
        for (int i = 0; i < kAtOnce; i++) {
            const int64_t token = visited(c, d, step + i);
            grads[i] = row<E>(d.grad_out, batch, token), results[i] = row<E>(c.grad_x, batch, token);
        }
        Vec* next = later;
        for (int64_t channel = first; channel < last; channel += kLanes, next += kTaps - 1) {
            const int n = lanes(channel);
            Vec taps[kTaps], x[kTaps - 1 + kAtOnce], y[kAtOnce], inner[kAtOnce + kTaps - 1];
            read_taps<kTaps>(taps, c, d, channel, n);
            window.read(x, channel, n);
            convolve<kTaps>(y, taps, x, d.bias ? load(d.bias + channel, n) : Vec{});
            Vec sum = load(to_bias + channel, n);
            for (int i = 0; i < kAtOnce; i++) {
                inner[i] = before_silu(c, load(grads[i] + channel, n), y[i]);
                sum += inner[i];
            }
            store(to_bias + channel, sum, n);
            for (int k = 0; k < kTaps; k++) {
                sum = load(to_taps + k * c.width + channel, n);
                for (int i = 0; i < kAtOnce; i++) sum = fma(inner[i], x[i + k], sum);
                store(to_taps + k * c.width + channel, sum, n);
            }
            for (int i = 0; i < kTaps - 1; i++) inner[kAtOnce + i] = next[i];
            for (int i = 0; i < kAtOnce; i++) {
                Vec grad = add ? load(results[i] + channel, n) : Vec{};
                for (int k = 0; k < kTaps; k++) grad = fma(taps[k], inner[i + kTaps - 1 - k], grad);
                store(results[i] + channel, grad, n);
            }
            for (int i = 0; i < kTaps - 1; i++) next[i] = inner[i];
        }
    }

    // Any step; one that is not `own` belongs to the next task and is only remembered.
    void one_step(int64_t step, bool own) const {
        const int64_t token = visited(c, d, step), next_taps = c.taps - 1;
        const E* grad_row = row<E>(d.grad_out, batch, token);
        E* result = row<E>(c.grad_x, batch, token);
        Vec* next = later;
        for (int64_t channel = first; channel < last; channel += kLanes, next += next_taps) {
            const int n = lanes(channel);
            const Vec y = c.silu ? convolved<E>(c, d, batch, step, channel, n) : Vec{};
            const Vec inner = before_silu(c, load(grad_row + channel, n), y);
            if (own) {
                store(to_bias + channel, load(to_bias + channel, n) + inner, n);
                for (int64_t k = std::max<int64_t>(0, next_taps - step); k < c.taps; k++) {
                    const E* x = row<E>(c.x, batch, visited(c, d, step - next_taps + k));
                    float* sum = to_taps + k * c.width + channel;
                    store(sum, fma(inner, load(x + channel, n), load(sum, n)), n);
                }
                Vec grad = add ? load(result + channel, n) : Vec{};
                grad = fma(load(d.weight + next_taps * c.width + channel, n), inner, grad);
                for (int64_t k = 0; k < next_taps; k++)
                    grad = fma(load(d.weight + k * c.width + channel, n), next[next_taps - 1 - k], grad);
                store(result + channel, grad, n);
            }
            for (int64_t i = next_taps - 1; i > 0; i--) next[i] = next[i - 1];
            if (next_taps > 0) next[0] = inner;
        }
    }

    void run(int64_t from, int64_t to) const {
        std::fill(later, later + (c.taps - 1) * ((last - first + kLanes - 1) / kLanes), Vec{});
        for (int64_t step = std::min(c.length, to + c.taps - 1); step-- > to;) one_step(step, false);
        for (int64_t step = to; step > from;) {
            if constexpr (kTaps > 0) {
                if (step - kAtOnce >= std::max<int64_t>(from, kTaps - 1)) {
                    several_steps(step -= kAtOnce);
                    continue;
                }
            }
            one_step(--step, true);
        }
    }
};

// Calls run<kTaps>(): a number of taps that is compiled in, or 0.
template <class Run> void by_taps(int64_t taps, const Run& run) {
    if (taps == 4) return run(std::integral_constant<int, 4>());
    if (taps == 3) return run(std::integral_constant<int, 3>());
    if (taps == 2) return run(std::integral_constant<int, 2>());
    run(std::integral_constant<int, 0>());
}

// A problem with its weights as the loops read them: (taps, width).
class Packed {
public:
    explicit Packed(const VideomambaConv& given)
        : conv(given), directions_(given.directions, given.directions + given.direction_count),
          weights_(size_t(given.direction_count * given.taps * given.width)) {
        float* to = weights_.data();
        for (Direction& d : directions_) {
            for (int64_t channel = 0; channel < conv.width; channel++)
                for (int64_t k = 0; k < conv.taps; k++) to[k * conv.width + channel] = d.weight[channel * conv.taps + k];
            d.weight = to;
            to += conv.taps * conv.width;
        }
        conv.directions = directions_.data();
    }
    VideomambaConv conv;

private:
    std::vector<Direction> directions_;
    std::vector<float> weights_;
};

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
    const int64_t parts = (c.length + kTokens - 1) / kTokens, tasks = c.batch * parts, row = (c.taps + 1) * c.width;
    const int64_t each = parts ? ((c.length + parts - 1) / parts + kAtOnce - 1) / kAtOnce * kAtOnce : 0;
    static thread_local Workspace shares;  // of the gradients of weight and bias: of each task, added in a fixed order
    if (!shares.reserve((tasks + 1) * row, 1)) return false;
    float* const sums = shares.take((tasks + 1) * row);
    std::atomic<bool> complete{true};
    for (int64_t index = 0; index < c.direction_count; index++) {
        const Direction& d = c.directions[index];
        std::fill(sums, sums + (tasks + 1) * row, 0.0f);
        by_taps(c.taps, [&](auto taps) {
            parallel_for(tasks, c.threads, [&](int64_t task) {
                Workspace& work = Workspace::of_this_thread();
                if (!work.reserve((c.taps - 1) * kChannels, 1)) return void(complete = false);
                Vec* const later = work.take<Vec>((c.taps - 1) * kChannels);
                float* const own = sums + task * row;
                const int64_t from = task % parts * each, to = std::min(c.length, from + each);
                for (int64_t first = 0; first < c.width; first += kChannels) {
                    const int64_t last = std::min(c.width, first + kChannels);
                    const Back<E, decltype(taps)::value> back{c,         d,     task / parts, first, last,
                                                              index > 0, later, own,          own + c.taps * c.width};
                    back.run(from, to);
                }
            });
        });
        for (int64_t task = 1; task < tasks; task++)
            for (int64_t i = 0; i < row; i++) sums[i] += sums[task * row + i];
        for (int64_t channel = 0; channel < c.width; channel++) {
            for (int64_t k = 0; k < c.taps; k++) d.grad_weight[channel * c.taps + k] = sums[k * c.width + channel];
            d.grad_bias[channel] = sums[c.taps * c.width + channel];
        }
    }
    shares.trim();
    return complete;
}

}  // namespace

int32_t videomamba_conv_forward(const VideomambaConv* conv) {
    if (!orders_are_permutations(*conv)) return VIDEOMAMBA_BAD_ORDER;
    const Packed packed(*conv);
    conv->bfloat16 ? forward<BFloat16>(packed.conv) : forward<float>(packed.conv);
    return VIDEOMAMBA_OK;
}

int32_t videomamba_conv_backward(const VideomambaConv* conv) {
    if (!orders_are_permutations(*conv)) return VIDEOMAMBA_BAD_ORDER;
    const Packed packed(*conv);
    const bool complete = conv->bfloat16 ? backward<BFloat16>(packed.conv) : backward<float>(packed.conv);
    return complete ? VIDEOMAMBA_OK : VIDEOMAMBA_OUT_OF_MEMORY;
}
