// A vector of float32 as wide as the instruction set this file is compiled for, and the few operations the kernels use.
// Elementwise + - * / and comparisons are the compiler's own (GCC's and clang's vector extension).
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4), may_alias));
typedef int32_t IVec __attribute__((vector_size(kLanes * 4), may_alias));
typedef uint32_t UVec __attribute__((vector_size(kLanes * 4), may_alias));
typedef uint16_t HalfVec __attribute__((vector_size(kLanes * 2), may_alias));

#define VM_INLINE inline __attribute__((always_inline))

VM_INLINE Vec splat(float x) { return x - Vec{}; }  // x - 0 is x in every bit, and the compiler knows
VM_INLINE IVec splat(int32_t x) { return x - IVec{}; }

// a * b + c, in one rounding where the machine has it
VM_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(__AVX2__)
    return _mm256_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}

VM_INLINE Vec choose(IVec mask, Vec yes, Vec no) { return mask ? yes : no; }
VM_INLINE Vec smaller(Vec a, Vec b) {
#if defined(__AVX512F__)
    return _mm512_min_ps(a, b);
#elif defined(__AVX2__)
    return _mm256_min_ps(a, b);
#elif defined(__SSE2__)
    return _mm_min_ps(a, b);
#else
    return choose(a < b, a, b);
#endif
}
VM_INLINE Vec larger(Vec a, Vec b) {
#if defined(__AVX512F__)
    return _mm512_max_ps(a, b);
#elif defined(__AVX2__)
    return _mm256_max_ps(a, b);
#elif defined(__SSE2__)
    return _mm_max_ps(a, b);
#else
    return choose(a > b, a, b);
#endif
}
VM_INLINE Vec absolute(Vec x) { return (Vec)((IVec)x & splat(int32_t(0x7fffffff))); }

// 1 / x for x >= 1: an estimate and a Newton step where division is slow
VM_INLINE Vec reciprocal(Vec x) {
#if defined(__AVX512F__)
    const Vec guess = _mm512_rcp14_ps(x);
    return fma(guess, fma(-x, guess, splat(1.0f)), guess);
#else
    return splat(1.0f) / x;
#endif
}

// p * 2^k for whole k in [-126, 127]
VM_INLINE Vec scale(Vec p, Vec k) {
#if defined(__AVX512F__)
    return _mm512_scalef_ps(p, k);
#else
    return (Vec)((IVec)p + (__builtin_convertvector(k, IVec) << 23));
#endif
}

// ---- rows of float32 or bfloat16, the last one shorter than a vector --------------------------------------------
struct BFloat16 { uint16_t bits; };

VM_INLINE Vec widen(HalfVec x) { return (Vec)(__builtin_convertvector(x, UVec) << 16); }
VM_INLINE HalfVec narrow(Vec x) {  // to nearest, ties to even; NaN stays NaN
    const UVec bits = (UVec)x;
    const UVec rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const UVec nan = (bits >> 16) | 0x40u;
    return __builtin_convertvector((UVec)(x != x) ? nan : rounded, HalfVec);
}

// The first `lanes` elements; the other lanes are zero.
template <class E> __attribute__((noinline)) E* padded(E* whole, const E* p, int lanes) {
    memset(whole, 0, kLanes * sizeof(E));
    memcpy(whole, p, size_t(lanes) * sizeof(E));
    return whole;
}
VM_INLINE Vec load(const float* p) {
    Vec v;
    memcpy(&v, p, sizeof v);
    return v;
}
VM_INLINE Vec load(const BFloat16* p) {
    HalfVec v;
    memcpy(&v, p, sizeof v);
    return widen(v);
}
template <class E> VM_INLINE Vec load(const E* p, int lanes) {
    if (__builtin_expect(lanes == kLanes, 1)) return load(p);
    E whole[kLanes];
    return load(padded(whole, p, lanes));
}
VM_INLINE void store(float* p, Vec v) { memcpy(p, &v, sizeof v); }
VM_INLINE void store(BFloat16* p, Vec v) {
    const HalfVec half = narrow(v);
    memcpy(p, &half, sizeof half);
}
template <class E> VM_INLINE void store(E* p, Vec v, int lanes) {
    if (__builtin_expect(lanes == kLanes, 1)) return store(p, v);
    E whole[kLanes];
    store(whole, v);
    memcpy(p, whole, size_t(lanes) * sizeof(E));
}
VM_INLINE float to_float(float x) { return x; }
VM_INLINE float to_float(BFloat16 x) {
    const uint32_t bits = uint32_t(x.bits) << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

// Whether a > b in any lane, or cannot be told.
VM_INLINE bool any_beyond(Vec a, Vec b) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(a, b, _CMP_NLE_UQ) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_NLE_UQ)) != 0;
#else
    const IVec within = a <= b;
    int32_t all = -1;
    for (int i = 0; i < kLanes; i++) all &= within[i];
    return all == 0;
#endif
}

// ---- sums across lanes ------------------------------------------------------------------------------------------
template <int... I>
VM_INLINE Vec add_neighbours(Vec a, Vec b, std::integer_sequence<int, I...>) {
    return __builtin_shufflevector(a, b, 2 * I...) + __builtin_shufflevector(a, b, 2 * I + 1 ...);
}

// Lane i of the result is the sum of the lanes of v[i]; v[0 .. kLanes-1] is overwritten.
VM_INLINE Vec sum_lanes_of_each(Vec* v) {
    for (int count = kLanes / 2; count >= 1; count /= 2)
        for (int i = 0; i < count; i++)
            v[i] = add_neighbours(v[2 * i], v[2 * i + 1], std::make_integer_sequence<int, kLanes>());
    return v[0];
}

// ---- transposing ------------------------------------------------------------------------------------------------
template <int... I>
VM_INLINE void interleave(Vec a, Vec b, Vec* low, Vec* high, std::integer_sequence<int, I...>) {
    *low = __builtin_shufflevector(a, b, (I / 2 + I % 2 * kLanes)...);
    *high = __builtin_shufflevector(a, b, (kLanes / 2 + I / 2 + I % 2 * kLanes)...);
}

// Element j of v[i] becomes element i of v[j], i, j < kLanes.
VM_INLINE void transpose(Vec* v) {
    Vec w[kLanes];
    for (int pass = 1; pass < kLanes; pass *= 2) {
        for (int i = 0; i < kLanes / 2; i++)
            interleave(v[i], v[i + kLanes / 2], w + 2 * i, w + 2 * i + 1, std::make_integer_sequence<int, kLanes>());
        for (int i = 0; i < kLanes; i++) v[i] = w[i];
    }
}

}  // namespace
