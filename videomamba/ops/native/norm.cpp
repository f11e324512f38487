// RMS normalisation of contiguous float32 rows, x / rms(x) * weight, and its gradient.
#include <algorithm>
#include <cmath>

#include "interface.h"
#include "numeric.h"
#include "parallel.h"

namespace {

constexpr int64_t kRows = 32;  // of a task

// The sum over a row of term(index of the first, lanes), four sums side by side.
template <class Term> VM_INLINE float sum_over(int64_t width, const Term& term) {
    Vec sums[4] = {};
    int64_t i = 0;
    for (; i + 4 * kLanes <= width; i += 4 * kLanes)
        for (int k = 0; k < 4; k++) sums[k] = term(sums[k], i + k * kLanes, kLanes);
    for (; i < width; i += kLanes) sums[0] = term(sums[0], i, int(std::min<int64_t>(kLanes, width - i)));
    const Vec all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float sum = 0;
    for (int lane = 0; lane < kLanes; lane++) sum += all[lane];
    return sum;
}

VM_INLINE float scale_of(const VideomambaNorm& n, const float* x) {
    const float squares = sum_over(n.width, [&](Vec sum, int64_t i, int lanes) {
        const Vec v = load(x + i, lanes);
        return fma(v, v, sum);
    });
    return 1.0f / std::sqrt(squares / float(n.width) + n.eps);
}

// Calls body(index of the first, lanes) for a row.
template <class Body> VM_INLINE void along(int64_t width, const Body& body) {
    for (int64_t i = 0; i < width; i += kLanes) body(i, int(std::min<int64_t>(kLanes, width - i)));
}

void forward_row(const VideomambaNorm& n, int64_t row) {
    const float* x = n.x + row * n.width;
    float* out = n.out + row * n.width;
    const Vec scale = splat(scale_of(n, x));
    along(n.width, [&](int64_t i, int lanes) { store(out + i, load(x + i, lanes) * scale * load(n.weight + i, lanes), lanes); });
}

// Adds to sums (width), the gradient of the weight.
void backward_row(const VideomambaNorm& n, int64_t row, float* sums) {
    const float *x = n.x + row * n.width, *grad = n.grad_out + row * n.width;
    float* grad_x = n.grad_x + row * n.width;
    const float scale = scale_of(n, x);
    const float product = sum_over(n.width, [&](Vec sum, int64_t i, int lanes) {
        return fma(load(grad + i, lanes) * load(n.weight + i, lanes), load(x + i, lanes), sum);
    });
    const Vec by = splat(scale), back = splat(product * scale * scale / float(n.width));
    along(n.width, [&](int64_t i, int lanes) {
        const Vec v = load(x + i, lanes), g = load(grad + i, lanes);
        store(sums + i, fma(g, v * by, load(sums + i, lanes)), lanes);
        store(grad_x + i, by * fma(-v, back, g * load(n.weight + i, lanes)), lanes);
    });
}

}  // namespace

int32_t videomamba_norm_forward(const VideomambaNorm* norm) {
    const VideomambaNorm& n = *norm;
    const int64_t tasks = (n.rows + kRows - 1) / kRows;
    parallel_for(tasks, n.threads, [&](int64_t task) {
        for (int64_t row = task * kRows; row < std::min(n.rows, (task + 1) * kRows); row++) forward_row(n, row);
    });
    return VIDEOMAMBA_OK;
}

int32_t videomamba_norm_backward(const VideomambaNorm* norm) {
    const VideomambaNorm& n = *norm;
    const int64_t tasks = (n.rows + kRows - 1) / kRows;
    static thread_local Workspace shares;  // of the weight's gradient: of each task, added in a fixed order
    if (!shares.reserve(tasks * n.width, 1)) return VIDEOMAMBA_OUT_OF_MEMORY;
    float* const sums = shares.take(tasks * n.width);
    parallel_for(tasks, n.threads, [&](int64_t task) {
        float* const own = sums + task * n.width;
        std::fill(own, own + n.width, 0.0f);
        for (int64_t row = task * kRows; row < std::min(n.rows, (task + 1) * kRows); row++) backward_row(n, row, own);
    });
    std::fill(n.grad_weight, n.grad_weight + n.width, 0.0f);
    for (int64_t task = 0; task < tasks; task++)
        for (int64_t i = 0; i < n.width; i++) n.grad_weight[i] += sums[task * n.width + i];
    shares.trim();
    return VIDEOMAMBA_OK;
}
