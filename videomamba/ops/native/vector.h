// A vector of LANES floats in GCC/Clang's portable extension, and the functions the kernels need on it.
// The same source serves AVX-512 (16 lanes), AVX2 (8) and whatever has 128-bit registers (4: SSE2, NEON).
#pragma once
#include <cstdint>
#include <cstring>

typedef float vf __attribute__((vector_size(LANES * 4)));
typedef int32_t vi __attribute__((vector_size(LANES * 4)));

#define INLINE static inline __attribute__((always_inline))

INLINE vf splat(float x) { return x - vf{}; }

// Loads and stores of the first `width` lanes; the others are zero, or left alone.
INLINE vf load(const float *p, int width) {
  vf v{};
  if (width == LANES)
    std::memcpy(&v, p, sizeof v);
  else
    for (int i = 0; i < width; ++i) v[i] = p[i];
  return v;
}

INLINE void store(float *p, vf v, int width) {
  if (width == LANES)
    std::memcpy(p, &v, sizeof v);
  else
    for (int i = 0; i < width; ++i) p[i] = v[i];
}

INLINE vf maximum(vf a, vf b) { return a > b ? a : b; }
INLINE vf minimum(vf a, vf b) { return a < b ? a : b; }
INLINE vf magnitude(vf a) { return maximum(a, -a); }

INLINE float sum(vf v) {
  float s = 0;
  for (int i = 0; i < LANES; ++i) s += v[i];
  return s;
}

// 2^f for |f| <= 1/2, relative error 2e-9 before rounding; exactly 1 at 0, so that a decay near 1 has no bias.
INLINE vf exp2_fraction(vf f) {
  vf p = 1.535335677e-4f * f + 1.33988744e-3f;
  p = p * f + 9.618437378e-3f;
  p = p * f + 5.550332471e-2f;
  p = p * f + 2.402264791e-1f;
  p = p * f + 6.931472029e-1f;
  return p * f + 1.0f;
}

// Adding this rounds to a whole number and leaves it in the low bits; needs -fno-fast-math.
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23

INLINE vf scale_by_power(vf p, vf shifted) { return (vf)((vi)p + ((vi)shifted << 23)); }

// 2^x, clamped to the normal numbers: the smallest result is 2^-126, the largest 2^127.
INLINE vf exp2(vf x) {
  x = minimum(maximum(x, splat(-126.0f)), splat(127.0f));
  vf shifted = x + kRound;
  return scale_by_power(exp2_fraction(x - (shifted - kRound)), shifted);
}

// e^x for x in [-87, 88] (clamped): the argument is reduced in two steps, so that the error stays relative.
INLINE vf exp(vf x) {
  x = minimum(maximum(x, splat(-87.0f)), splat(88.0f));
  vf shifted = x * 1.44269504f + kRound;
  vf whole = shifted - kRound;
  vf rest = x - whole * 0.693359375f + whole * 2.12194440e-4f;
  return scale_by_power(exp2_fraction(rest * 1.44269504f), shifted);
}

// log(1 + e) for e in [0, 1], relative: 2 atanh(e / (2 + e)) as a series.
INLINE vf log1p_unit(vf e) {
  vf s = e / (2.0f + e), q = s * s;
  vf p = q * (1.0f / 15) + 1.0f / 13;
  p = p * q + 1.0f / 11;
  p = p * q + 1.0f / 9;
  p = p * q + 1.0f / 7;
  p = p * q + 1.0f / 5;
  p = p * q + 1.0f / 3;
  return 2.0f * s * (p * q + 1.0f);
}

INLINE vf softplus(vf x) { return maximum(x, vf{}) + log1p_unit(exp(-magnitude(x))); }

INLINE vf sigmoid(vf x) {
  vf e = exp(-magnitude(x));
  return (x > 0.0f ? splat(1.0f) : e) / (1.0f + e);
}
