// Exponentials and what is made of them. Coefficients are minimax fits of our own, constant term exact.
#pragma once
#include "several.h"

namespace {

constexpr float kLog2e = 1.44269504f, kLn2 = 0.693147181f;
// Adding it to a float below 2^22 in size leaves the nearest whole number in the sum's low bits.
constexpr float kRounder = 12582912.0f;

// 2^f for f in [-1/2, 1/2], relative error 9e-8, highest power first. It is exactly 1 at 0: an error there would act at
// every step of a long memory.
constexpr float kExp2[] = {0.001326472753120678f, 0.009671512872765044f, 0.05550733744579586f,
                           0.24022242081817943f,  0.6931469775971029f,   1.0f};
VM_INLINE Vec exp2_fraction(Vec f) {
    Vec p = fma(splat(kExp2[0]), f, splat(kExp2[1]));
    for (int c = 2; c < 6; c++) p = fma(p, f, splat(kExp2[c]));
    return p;
}

// 2^(step * rate), how much of each of `kCount` states is left after a step; exponents beyond [-126, 127] count as these,
// or do not occur if `kBounded`. Goes stage by stage: chains of operations that depend on each other hide each other's
// latency where the machine's own window (or its scheduler) is too short for it.
template <bool kBounded, int kCount> VM_INLINE void decay(Vec* result, Vec step, const Vec* rate) {
#if defined(__AVX512F__)
    for (int i = 0; i < kCount; i++) {
        const Vec k = fma(step, rate[i], splat(kRounder)) - splat(kRounder);
        result[i] = scale(exp2_fraction(fma(step, rate[i], -k)), k);
    }
#else
    Vec x[kCount], shifted[kCount], p[kCount];
    for (int i = 0; i < kCount; i++) x[i] = step * rate[i];
    if (!kBounded)
        for (int i = 0; i < kCount; i++) x[i] = smaller(larger(x[i], splat(-126.0f)), splat(127.0f));
    for (int i = 0; i < kCount; i++) shifted[i] = x[i] + splat(kRounder);
    for (int i = 0; i < kCount; i++) x[i] = x[i] - (shifted[i] - splat(kRounder));
    for (int i = 0; i < kCount; i++) p[i] = fma(splat(kExp2[0]), x[i], splat(kExp2[1]));
    for (int c = 2; c < 6; c++)
        for (int i = 0; i < kCount; i++) p[i] = fma(p[i], x[i], splat(kExp2[c]));
    for (int i = 0; i < kCount; i++) result[i] = (Vec)((IVec)p[i] + ((IVec)shifted[i] << 23));
#endif
}

// From here on V is a Vec, or Several.

// e^x for x in [-87, 88], below as for -87, in the two-part reduction that keeps its relative error at 1e-7 for all x
template <class V> VM_INLINE V exp_bounded(V x) {
    x = larger(x, all<V>(-87.0f));
    const V k = fma(x, all<V>(kLog2e), all<V>(kRounder)) - all<V>(kRounder);
    const V r = fma(k, all<V>(2.12194440e-4f), fma(k, all<V>(-0.693359375f), x));
    V p = fma(all<V>(0.0013814598792048884f), r, all<V>(0.008368717011920683f));
    p = fma(p, r, all<V>(0.041668388053359075f));
    p = fma(p, r, all<V>(0.1666652063062239f));
    p = fma(p, r, all<V>(0.49999993447731117f));
    p = fma(p, r, all<V>(1.0f));
    return scale(fma(p, r, all<V>(1.0f)), k);
}

// log(1 + e) for e in [0, 1]; relative error 5e-9 before rounding, so that small steps keep their digits
template <class V> VM_INLINE V log1p_unit(V e) {
    V p = fma(all<V>(-0.0033184699980287574f), e, all<V>(0.020204574812053427f));
    p = fma(p, e, all<V>(-0.057664427839824936f));
    p = fma(p, e, all<V>(0.10680554129590833f));
    p = fma(p, e, all<V>(-0.1535539566243268f));
    p = fma(p, e, all<V>(0.19695400387705664f));
    p = fma(p, e, all<V>(-0.24958587408514712f));
    p = fma(p, e, all<V>(0.33330511320787354f));
    p = fma(p, e, all<V>(-0.49999932763693855f));
    return fma(p * e, e, e);
}

template <class V> VM_INLINE V softplus(V x) { return larger(x, all<V>(0.0f)) + log1p_unit(exp_bounded(-absolute(x))); }

// softplus and its derivative, from one exponential
template <class V> VM_INLINE V softplus(V x, V* slope) {
    const V e = exp_bounded(-absolute(x)), s = reciprocal(all<V>(1.0f) + e);
    *slope = if_negative(x, e * s, s);
    return larger(x, all<V>(0.0f)) + log1p_unit(e);
}

template <class V> VM_INLINE V sigmoid(V x) { return reciprocal(all<V>(1.0f) + exp_bounded(smaller(-x, all<V>(87.0f)))); }
template <class V> VM_INLINE V silu(V x) { return x * sigmoid(x); }

}  // namespace
