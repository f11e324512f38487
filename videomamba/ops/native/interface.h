// The plain C interface of the kernels: raw pointers, strides in floats, the last axis contiguous.
// Mirrored by library.py; all tensors are float32 and lie in the tokens' natural order.
#pragma once
#include <cstdint>

#define EXPORT extern "C" __attribute__((visibility("default")))

// (B, L, D) or (B, L, G, N) with these strides.
struct Strided {
  const float *data;
  int64_t batch, token, group;
};

struct Direction {
  Strided u, delta, B, C;  // u, delta (B, L, D); B, C (B, L, G, N)
  const float *A;          // (D, N)
  const float *D;          // (D) or null
  const float *bias;       // (D) or null
  const float *state;      // (B, D, N) before the first visited token, or null for zeros
  float *last_state;       // (B, D, N), written unless null
  const int64_t *order;    // (L) tokens in the order of the visit, or null
  int64_t reverse;         // without an order: visit the last token first
};

struct Gradients {             // all contiguous, all written
  float *u, *delta;            // (B, L, D)
  float *A;                    // (D, N)
  float *B, *C;                // (B, L, G, N)
  float *D, *bias;             // (D)
  float *state;                // (B, D, N)
  const float *last_state;     // (B, D, N): the gradient that comes in, or null
};

struct Shape {
  int64_t batch, length, width, states, groups;
  int64_t softplus, threads;
};
