// Depthwise causal convolution over tokens, channels last, with SiLU, and its gradient.
#pragma once
#include <algorithm>
#include <memory>

#include "interface.h"
#include "vector.h"

namespace {

struct Visit {  // where the j-th visited token lies
  const int64_t *order;
  int64_t reverse, length;
  int64_t operator()(int64_t step) const { return order ? order[step] : reverse ? length - 1 - step : step; }
};

constexpr int64_t kConvTokens = 64;  // of a task

// bias + sum over taps, for one vector of channels of the token visited at `step`; taps (K, D).
INLINE vf convolved(const Strided &x, int64_t batch, const float *taps, const float *bias, int64_t K, int64_t D,
                    const Visit &visit, int64_t step, int64_t channel, int width) {
  vf total = bias ? load(bias + channel, width) : vf{};
  for (int64_t k = std::max<int64_t>(0, K - 1 - step); k < K; ++k)
    total += load(taps + k * D + channel, width) *
             load(x.data + batch * x.batch + visit(step - K + 1 + k) * x.token + channel, width);
  return total;
}

}  // namespace

EXPORT void videomamba_conv_forward(const Strided *x, const float *taps, const float *bias, const int64_t *order,
                                    int64_t reverse, int64_t B, int64_t L, int64_t D, int64_t K, int64_t silu,
                                    int64_t threads, float *out) {
  const Visit visit{order, reverse, L};
  const int64_t parts = (L + kConvTokens - 1) / kConvTokens;
#pragma omp parallel for num_threads(threads)
  for (int64_t task = 0; task < B * parts; ++task) {
    const int64_t b = task / parts, from = task % parts * kConvTokens;
    for (int64_t step = from; step < std::min(L, from + kConvTokens); ++step)
      for (int64_t c = 0; c < D; c += LANES) {
        const int width = static_cast<int>(std::min<int64_t>(LANES, D - c));
        vf y = convolved(*x, b, taps, bias, K, D, visit, step, c, width);
        store(out + (b * L + visit(step)) * D + c, silu ? y * sigmoid(y) : y, width);
      }
  }
}

// Writes grad_x (B, L, D), and per batch entry grad_taps (B, K, D) and grad_bias (B, D), to be summed over B.
EXPORT void videomamba_conv_backward(const Strided *x, const float *taps, const float *bias, const int64_t *order,
                                     int64_t reverse, int64_t B, int64_t L, int64_t D, int64_t K, int64_t silu,
                                     int64_t threads, const Strided *grad_out, float *grad_x, float *grad_taps,
                                     float *grad_bias) {
  const Visit visit{order, reverse, L};
  const int64_t parts = (D + LANES - 1) / LANES;
#pragma omp parallel num_threads(threads)
  {
    std::unique_ptr<vf[]> inner(new vf[L]);  // gradient before SiLU, in the order of the visit
    std::unique_ptr<vf[]> to_taps(new vf[K]);
#pragma omp for
    for (int64_t task = 0; task < B * parts; ++task) {
      const int64_t b = task / parts, c = task % parts * LANES;
      const int width = static_cast<int>(std::min<int64_t>(LANES, D - c));
      vf to_bias{};
      std::fill(to_taps.get(), to_taps.get() + K, vf{});
      for (int64_t step = 0; step < L; ++step) {
        vf grad = load(grad_out->data + b * grad_out->batch + visit(step) * grad_out->token + c, width);
        if (silu) {
          vf y = convolved(*x, b, taps, bias, K, D, visit, step, c, width), gate = sigmoid(y);
          grad *= gate * (1.0f + y * (1.0f - gate));
        }
        inner[step] = grad;
        to_bias += grad;
        for (int64_t k = std::max<int64_t>(0, K - 1 - step); k < K; ++k)
          to_taps[k] += grad * load(x->data + b * x->batch + visit(step - K + 1 + k) * x->token + c, width);
      }
      for (int64_t step = 0; step < L; ++step) {
        vf grad{};
        for (int64_t k = K - 1; k >= 0 && step + K - 1 - k < L; --k)
          grad += load(taps + k * D + c, width) * inner[step + K - 1 - k];
        store(grad_x + (b * L + visit(step)) * D + c, grad, width);
      }
      for (int64_t k = 0; k < K; ++k) store(grad_taps + (b * K + k) * D + c, to_taps[k], width);
      store(grad_bias + b * D + c, to_bias, width);
    }
  }
}
