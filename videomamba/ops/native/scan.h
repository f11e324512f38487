// The selective scan and its gradient. One task is one (batch entry, block of channels): it walks the tokens of every
// direction in chunks, and within a chunk takes one vector of channels at a time, its N states in registers.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <memory>

#include "interface.h"
#include "vector.h"

namespace {

constexpr int kBlock = 128 > LANES ? 128 : LANES;  // channels of a task: long enough rows for the prefetcher
constexpr int kVectors = kBlock / LANES;
constexpr int kForwardSteps = 32, kBackwardSteps = 16;
constexpr float kLog2e = 1.44269504088896341f;

// Memory that a thread keeps between calls: fresh pages cost more than the arithmetic done on them.
struct Workspace {
  vf *data = nullptr;
  size_t size = 0;
  vf *get(size_t count) {
    if (count > size) {
      std::free(data);
      size_t bytes = count * sizeof(vf);
      data = static_cast<vf *>(std::aligned_alloc(64, (bytes + 63) / 64 * 64));
      if (!data) std::abort();
      size = count;
    }
    return data;
  }
  ~Workspace() { std::free(data); }
};
thread_local Workspace workspace;

struct Block {  // which channels a task owns
  int64_t batch, group, first, index, blocks_per_group;
  int width;
};

int64_t blocks_per_group(const Shape &s) { return (s.width / s.groups + kBlock - 1) / kBlock; }
int64_t tasks(const Shape &s) { return s.batch * s.groups * blocks_per_group(s); }

Block block_of(const Shape &s, int64_t task) {
  int64_t per_group = s.width / s.groups, blocks = blocks_per_group(s);
  int64_t index = task % blocks, group = task / blocks % s.groups, batch = task / blocks / s.groups;
  int64_t start = index * kBlock;
  return {batch, group, group * per_group + start, index, blocks,
          static_cast<int>(std::min<int64_t>(kBlock, per_group - start))};
}

INLINE int64_t token(const Direction &d, int64_t length, int64_t step) {
  return d.order ? d.order[step] : d.reverse ? length - 1 - step : step;
}

INLINE const float *at(const Strided &x, const Block &k, int64_t token) {
  return x.data + k.batch * x.batch + token * x.token;
}

INLINE const float *weights_at(const Strided &x, const Block &k, int64_t token) {
  return at(x, k, token) + k.group * x.group;
}

INLINE vf optional(const float *p, int64_t channel, int width) { return p ? load(p + channel, width) : vf{}; }

// (D, N) or (B, D, N) rows of a vector of channels, transposed to one vector a state; zeros for null.
void load_states(const float *p, int64_t row, int states, int width, vf *to, float factor = 1.0f) {
  for (int n = 0; n < states; ++n) {
    vf v{};
    if (p)
      for (int i = 0; i < width; ++i) v[i] = p[(row + i) * states + n] * factor;
    to[n] = v;
  }
}

void store_states(float *p, int64_t row, int states, int width, const vf *from) {
  for (int i = 0; i < width; ++i)
    for (int n = 0; n < states; ++n) p[(row + i) * states + n] = from[n][i];
}

INLINE int lanes(const Block &k, int v) { return std::min(LANES, k.width - v * LANES); }

// Step sizes of a chunk: dt, and dt * u, for one vector of channels.
INLINE void step_sizes(const Direction &d, const Shape &s, const Block &k, int64_t from, int steps, int64_t channel,
                       int width, vf *dt, vf *input) {
  vf bias = optional(d.bias, channel, width);
  for (int t = 0; t < steps; ++t) {
    int64_t l = token(d, s.length, from + t);
    vf raw = load(at(d.delta, k, l) + channel, width) + bias;
    dt[t] = s.softplus ? softplus(raw) : raw;
    input[t] = dt[t] * load(at(d.u, k, l) + channel, width);
  }
}

template <int FIXED>
void forward_direction(const Direction &d, const Shape &s, const Block &k, bool first, bool gate, const Strided &z,
                       float *out) {
  const int N = FIXED ? FIXED : static_cast<int>(s.states);
  const int vectors = (k.width + LANES - 1) / LANES;
  vf *A = workspace.get(2 * static_cast<size_t>(kVectors) * N), *state = A + kVectors * N;
  for (int v = 0; v < vectors; ++v) {
    int64_t channel = k.first + v * LANES;
    load_states(d.A, channel, N, lanes(k, v), A + v * N, kLog2e);
    load_states(d.state, k.batch * s.width + channel, N, lanes(k, v), state + v * N);
  }
  vf dt[kForwardSteps], input[kForwardSteps], y[kForwardSteps];
  for (int64_t from = 0; from < s.length; from += kForwardSteps) {
    const int steps = static_cast<int>(std::min<int64_t>(kForwardSteps, s.length - from));
    for (int v = 0; v < vectors; ++v) {
      const int width = lanes(k, v);
      const int64_t channel = k.first + v * LANES;
      step_sizes(d, s, k, from, steps, channel, width, dt, input);
      vf *held = state + v * N, *h = held, *a = A + v * N;
      vf registers[FIXED ? FIXED : 1];
      if (FIXED) {
        for (int n = 0; n < N; ++n) registers[n] = held[n];
        h = registers;
      }
      for (int t = 0; t < steps; ++t) {
        int64_t l = token(d, s.length, from + t);
        const float *B = weights_at(d.B, k, l), *C = weights_at(d.C, k, l);
        vf even{}, odd{};
        int n = 0;
#pragma GCC unroll 16
        for (; n + 1 < N; n += 2) {
          h[n] = exp2(dt[t] * a[n]) * h[n] + input[t] * B[n];
          even += h[n] * C[n];
          h[n + 1] = exp2(dt[t] * a[n + 1]) * h[n + 1] + input[t] * B[n + 1];
          odd += h[n + 1] * C[n + 1];
        }
        if (n < N) {
          h[n] = exp2(dt[t] * a[n]) * h[n] + input[t] * B[n];
          even += h[n] * C[n];
        }
        y[t] = even + odd;
      }
      if (FIXED)
        for (int n = 0; n < N; ++n) held[n] = registers[n];
      vf skip = optional(d.D, channel, width);
      for (int t = 0; t < steps; ++t) {
        int64_t l = token(d, s.length, from + t);
        float *to = out + (k.batch * s.length + l) * s.width + channel;
        vf total = y[t] + skip * load(at(d.u, k, l) + channel, width);
        if (!first) total += load(to, width);
        if (gate) {
          vf gate_value = load(at(z, k, l) + channel, width);
          total *= gate_value * sigmoid(gate_value);
        }
        store(to, total, width);
      }
    }
  }
  if (d.last_state)
    for (int v = 0; v < vectors; ++v)
      store_states(d.last_state, k.batch * s.width + k.first + v * LANES, N, lanes(k, v), state + v * N);
}

struct Incoming {  // what the backward pass reads and writes beside a direction's own
  Strided z, grad_out;
  float *grad_z;  // (B, L, D) or null
  float *partial_A, *partial_D, *partial_bias;  // (B, D, N), (B, D), (B, D)
  float *partial_B, *partial_C;                 // (blocks, B, L, G, N)
};

// The states before each chunk, by running the recurrence alone.
template <int FIXED>
void chunk_states(const Direction &d, const Shape &s, const Block &k, const vf *A, vf *starts, int64_t chunks) {
  const int N = FIXED ? FIXED : static_cast<int>(s.states);
  const int vectors = (k.width + LANES - 1) / LANES;
  vf dt[kBackwardSteps], input[kBackwardSteps];
  for (int v = 0; v < vectors; ++v)
    load_states(d.state, k.batch * s.width + k.first + v * LANES, N, lanes(k, v), starts + v * N);
  for (int64_t c = 0; c + 1 < chunks; ++c)
    for (int v = 0; v < vectors; ++v) {
      step_sizes(d, s, k, c * kBackwardSteps, kBackwardSteps, k.first + v * LANES, lanes(k, v), dt, input);
      const vf *a = A + v * N, *now = starts + (c * kVectors + v) * N;
      vf *next = starts + ((c + 1) * kVectors + v) * N;
      vf registers[FIXED ? FIXED : 1], *h = FIXED ? registers : next;
      for (int n = 0; n < N; ++n) h[n] = now[n];
      for (int t = 0; t < kBackwardSteps; ++t) {
        const float *B = weights_at(d.B, k, token(d, s.length, c * kBackwardSteps + t));
#pragma GCC unroll 16
        for (int n = 0; n < N; ++n) h[n] = exp2(dt[t] * a[n]) * h[n] + input[t] * B[n];
      }
      if (FIXED)
        for (int n = 0; n < N; ++n) next[n] = registers[n];
    }
}

template <int FIXED>
void backward_direction(const Direction &d, const Gradients &g, const Shape &s, const Block &k, bool first,
                        const Incoming &in) {
  const int N = FIXED ? FIXED : static_cast<int>(s.states);
  const int vectors = (k.width + LANES - 1) / LANES;
  const int64_t chunks = (s.length + kBackwardSteps - 1) / kBackwardSteps;
  const size_t per_block = static_cast<size_t>(kVectors) * N, per_chunk = static_cast<size_t>(kBackwardSteps) * N;
  vf *A = workspace.get(3 * per_block + 4 * per_chunk + chunks * per_block);
  vf *carry = A + per_block, *grad_A = carry + per_block, *decay = grad_A + per_block, *states = decay + per_chunk;
  vf *sum_B = states + per_chunk, *sum_C = sum_B + per_chunk, *starts = sum_C + per_chunk;
  vf grad_D[kVectors]{}, grad_bias[kVectors]{};
  for (int v = 0; v < vectors; ++v) {
    int64_t channel = k.first + v * LANES;
    load_states(d.A, channel, N, lanes(k, v), A + v * N, kLog2e);
    load_states(g.last_state, k.batch * s.width + channel, N, lanes(k, v), carry + v * N);
    for (int n = 0; n < N; ++n) grad_A[v * N + n] = vf{};
  }
  chunk_states<FIXED>(d, s, k, A, starts, chunks);

  vf dt[kBackwardSteps], input[kBackwardSteps], grad_y[kBackwardSteps];
  for (int64_t c = chunks - 1; c >= 0; --c) {
    const int64_t from = c * kBackwardSteps;
    const int steps = static_cast<int>(std::min<int64_t>(kBackwardSteps, s.length - from));
    for (size_t i = 0; i < per_chunk; ++i) sum_B[i] = sum_C[i] = vf{};
    for (int v = 0; v < vectors; ++v) {
      const int width = lanes(k, v);
      const int64_t channel = k.first + v * LANES;
      step_sizes(d, s, k, from, steps, channel, width, dt, input);
      const vf *a = A + v * N, *start = starts + (c * kVectors + v) * N;
      const vf skip = optional(d.D, channel, width), bias = optional(d.bias, channel, width);
      for (int t = 0; t < steps; ++t) {  // the chunk's states again, and the gradient that reaches y
        int64_t l = token(d, s.length, from + t);
        const float *B = weights_at(d.B, k, l), *C = weights_at(d.C, k, l);
        const vf *before = t ? states + (t - 1) * N : start;
        vf y{};
#pragma GCC unroll 16
        for (int n = 0; n < N; ++n) {
          vf e = exp2(dt[t] * a[n]), h = e * before[n] + input[t] * B[n];
          decay[t * N + n] = e;
          states[t * N + n] = h;
          y += h * C[n];
        }
        vf grad = load(at(in.grad_out, k, l) + channel, width);
        if (in.grad_z) {
          vf z = load(at(in.z, k, l) + channel, width), gate = sigmoid(z);
          vf total = y + skip * load(at(d.u, k, l) + channel, width);
          float *to = in.grad_z + (k.batch * s.length + l) * s.width + channel;
          vf grad_z = grad * total * gate * (1.0f + z * (1.0f - gate));
          store(to, first ? grad_z : grad_z + load(to, width), width);
          grad *= z * gate;
        }
        grad_y[t] = grad;
      }
      vf *back = carry + v * N, *to_A = grad_A + v * N;
      for (int t = steps - 1; t >= 0; --t) {
        int64_t l = token(d, s.length, from + t);
        const float *B = weights_at(d.B, k, l), *C = weights_at(d.C, k, l);
        const vf *before = t ? states + (t - 1) * N : start;
        vf of_input{}, of_exponent{};
#pragma GCC unroll 16
        for (int n = 0; n < N; ++n) {
          const int i = t * N + n;
          vf grad = back[n] + grad_y[t] * C[n];
          sum_C[i] += grad_y[t] * states[i];
          sum_B[i] += grad * input[t];
          of_input += grad * B[n];
          grad *= decay[i];
          back[n] = grad;
          vf exponent = grad * before[n];
          of_exponent += exponent * a[n];
          to_A[n] += exponent * dt[t];
        }
        vf u = load(at(d.u, k, l) + channel, width);
        vf grad_delta = of_exponent * (1.0f / kLog2e) + of_input * u;
        if (s.softplus) grad_delta *= sigmoid(load(at(d.delta, k, l) + channel, width) + bias);
        grad_bias[v] += grad_delta;
        grad_D[v] += grad_y[t] * u;
        int64_t to = (k.batch * s.length + l) * s.width + channel;
        store(g.delta + to, grad_delta, width);
        store(g.u + to, of_input * dt[t] + skip * grad_y[t], width);
      }
    }
    for (int t = 0; t < steps; ++t) {
      int64_t l = token(d, s.length, from + t);
      int64_t to = (((k.index * s.batch + k.batch) * s.length + l) * s.groups + k.group) * N;
      for (int n = 0; n < N; ++n) {
        in.partial_B[to + n] = sum(sum_B[t * N + n]);
        in.partial_C[to + n] = sum(sum_C[t * N + n]);
      }
    }
  }
  for (int v = 0; v < vectors; ++v) {
    int64_t row = k.batch * s.width + k.first + v * LANES;
    store_states(g.state, row, N, lanes(k, v), carry + v * N);
    store_states(in.partial_A, row, N, lanes(k, v), grad_A + v * N);
    store(in.partial_D + row, grad_D[v], lanes(k, v));
    store(in.partial_bias + row, grad_bias[v], lanes(k, v));
  }
}

// to[i] = sum over parts of from[part][i], always in the same order: two runs give the same bits.
void add_parts(const float *from, float *to, int64_t parts, int64_t size, int threads) {
#pragma omp parallel for num_threads(threads) if (size > 4096)
  for (int64_t i = 0; i < size; ++i) {
    float total = 0;
    for (int64_t p = 0; p < parts; ++p) total += from[p * size + i];
    to[i] = total;
  }
}

}  // namespace

// out (B, L, D) contiguous = silu(z) * sum of the directions; z.data may be null.
EXPORT void videomamba_scan_forward(const Direction *directions, int64_t count, const Shape *shape, const Strided *z,
                                    float *out) {
  const Shape s = *shape;
#pragma omp parallel for schedule(dynamic) num_threads(s.threads)
  for (int64_t task = 0; task < tasks(s); ++task) {
    Block k = block_of(s, task);
    for (int64_t i = 0; i < count; ++i) {
      bool gate = i + 1 == count && z->data;
      if (s.states == 16)
        forward_direction<16>(directions[i], s, k, i == 0, gate, *z, out);
      else
        forward_direction<0>(directions[i], s, k, i == 0, gate, *z, out);
    }
  }
}

EXPORT void videomamba_scan_backward(const Direction *directions, const Gradients *grads, int64_t count,
                                     const Shape *shape, const Strided *z, const Strided *grad_out, float *grad_z) {
  const Shape s = *shape;
  const int64_t parts = blocks_per_group(s), rows = s.batch * s.width, weights = s.batch * s.length * s.groups * s.states;
  std::unique_ptr<float[]> partial(new float[rows * (s.states + 2) + 2 * parts * weights + 1]);
  float *A = partial.get(), *D = A + rows * s.states, *bias = D + rows, *B = bias + rows, *C = B + parts * weights;
  const Incoming in{*z, *grad_out, grad_z, A, D, bias, B, C};
  for (int64_t i = 0; i < count; ++i) {
    const Gradients &g = grads[i];
#pragma omp parallel for schedule(dynamic) num_threads(s.threads)
    for (int64_t task = 0; task < tasks(s); ++task) {
      if (s.states == 16)
        backward_direction<16>(directions[i], g, s, block_of(s, task), i == 0, in);
      else
        backward_direction<0>(directions[i], g, s, block_of(s, task), i == 0, in);
    }
    add_parts(in.partial_A, g.A, s.batch, s.width * s.states, s.threads);
    add_parts(in.partial_D, g.D, s.batch, s.width, s.threads);
    add_parts(in.partial_bias, g.bias, s.batch, s.width, s.threads);
    add_parts(in.partial_B, g.B, parts, weights, s.threads);
    add_parts(in.partial_C, g.C, parts, weights, s.threads);
  }
}
