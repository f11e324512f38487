// Depthwise causal convolution over tokens, channels last, with SiLU, and its gradient.
#include <algorithm>

#include "interface.h"
#include "numeric.h"
#include "parallel.h"

namespace {

constexpr int64_t kTokens = 64;  // of a task of the forward pass

template <class E> VM_INLINE E* row(const VideomambaTensor& x, int64_t batch, int64_t token) {
    return static_cast<E*>(x.data) + batch * x.batch_stride + token * x.token_stride;
}

VM_INLINE int64_t visited(const VideomambaConv& c, int64_t step) {
    return c.order ? c.order[step] : c.reverse ? c.length - 1 - step : step;
}

// bias + sum over taps, for one vector of channels of the token visited at `step`
template <class E> VM_INLINE Vec convolved(const VideomambaConv& c, int64_t batch, int64_t step, int64_t channel, int lanes) {
    Vec total = c.bias ? load(c.bias + channel, lanes) : Vec{};
    for (int64_t k = std::max<int64_t>(0, c.taps - 1 - step); k < c.taps; k++) {
        const E* x = row<E>(c.x, batch, visited(c, step - c.taps + 1 + k));
        total = fma(load(c.weight + k * c.width + channel, lanes), load(x + channel, lanes), total);
    }
    return total;
}

template <class E> void forward_task(const VideomambaConv& c, int64_t parts, int64_t task) {
    const int64_t b = task / parts, from = task % parts * kTokens, to = std::min(c.length, from + kTokens);
    for (int64_t step = from; step < to; step++) {
        E* out = static_cast<E*>(c.out) + (b * c.length + visited(c, step)) * c.width;
        for (int64_t channel = 0; channel < c.width; channel += kLanes) {
            const int lanes = int(std::min<int64_t>(kLanes, c.width - channel));
            const Vec y = convolved<E>(c, b, step, channel, lanes);
            store(out + channel, c.silu ? silu(y) : y, lanes);
        }
    }
}

// One vector of channels of one batch element, over all tokens; false when there is no memory.
template <class E> bool backward_task(const VideomambaConv& c, int64_t parts, int64_t task) {
    const int64_t b = task / parts, channel = task % parts * kLanes;
    const int lanes = int(std::min<int64_t>(kLanes, c.width - channel));
    Workspace& work = Workspace::of_this_thread();
    if (!work.reserve((c.length + c.taps) * kLanes, 2)) return false;
    Vec *inner = work.take<Vec>(c.length * kLanes), *to_taps = work.take<Vec>(c.taps * kLanes), to_bias{};
    std::fill(to_taps, to_taps + c.taps, Vec{});
    for (int64_t step = 0; step < c.length; step++) {  // the gradient before SiLU, in the order of the visit
        Vec grad = load(row<E>(c.grad_out, b, visited(c, step)) + channel, lanes);
        if (c.silu) {
            const Vec y = convolved<E>(c, b, step, channel, lanes), gate = sigmoid(y);
            grad *= gate * fma(y, splat(1.0f) - gate, splat(1.0f));
        }
        inner[step] = grad;
        to_bias += grad;
        for (int64_t k = std::max<int64_t>(0, c.taps - 1 - step); k < c.taps; k++)
            to_taps[k] = fma(grad, load(row<E>(c.x, b, visited(c, step - c.taps + 1 + k)) + channel, lanes), to_taps[k]);
    }
    for (int64_t step = 0; step < c.length; step++) {
        Vec grad{};
        for (int64_t k = c.taps - 1; k >= 0 && step + c.taps - 1 - k < c.length; k--)
            grad = fma(load(c.weight + k * c.width + channel, lanes), inner[step + c.taps - 1 - k], grad);
        store(static_cast<E*>(c.grad_x) + (b * c.length + visited(c, step)) * c.width + channel, grad, lanes);
    }
    for (int64_t k = 0; k < c.taps; k++) store(c.grad_weight + (b * c.taps + k) * c.width + channel, to_taps[k], lanes);
    store(c.grad_bias + b * c.width + channel, to_bias, lanes);
    return true;
}

}  // namespace

int32_t videomamba_conv_forward(const VideomambaConv* conv) {
    const VideomambaConv& c = *conv;
    if (!is_permutation(c.order, c.length)) return VIDEOMAMBA_BAD_ORDER;
    const int64_t parts = (c.length + kTokens - 1) / kTokens;
    parallel_for(c.batch * parts, c.threads, [&](int64_t task) {
        c.bfloat16 ? forward_task<BFloat16>(c, parts, task) : forward_task<float>(c, parts, task);
    });
    return VIDEOMAMBA_OK;
}

int32_t videomamba_conv_backward(const VideomambaConv* conv) {
    const VideomambaConv& c = *conv;
    if (!is_permutation(c.order, c.length)) return VIDEOMAMBA_BAD_ORDER;
    const int64_t parts = (c.width + kLanes - 1) / kLanes;
    std::atomic<bool> complete{true};
    parallel_for(c.batch * parts, c.threads, [&](int64_t task) {
        if (!(c.bfloat16 ? backward_task<BFloat16>(c, parts, task) : backward_task<float>(c, parts, task))) complete = false;
    });
    return complete ? VIDEOMAMBA_OK : VIDEOMAMBA_OUT_OF_MEMORY;
}
