// Exponentials and what is made of them. Coefficients are minimax fits of our own, constant term exact.
#pragma once
#include "vector.h"

namespace {

constexpr float kLog2e = 1.44269504f, kLn2 = 0.693147181f;
// Adding it to a float below 2^22 in size leaves the nearest whole number in the sum's low bits.
constexpr float kRounder = 12582912.0f;

// 2^f for f in [-1/2, 1/2], relative error 9e-8. It is exactly 1 at 0: an error there would act at every step of a
// long memory.
VM_INLINE Vec exp2_fraction(Vec f) {
    Vec p = fma(splat(0.001326472753120678f), f, splat(0.009671512872765044f));
    p = fma(p, f, splat(0.05550733744579586f));
    p = fma(p, f, splat(0.24022242081817943f));
    p = fma(p, f, splat(0.6931469775971029f));
    return fma(p, f, splat(1.0f));
}

// 2^(step * rate): how much of a state is left after a step
VM_INLINE Vec decay(Vec step, Vec rate) {
#if defined(__AVX512F__)
    const Vec k = fma(step, rate, splat(kRounder)) - splat(kRounder);
    return scale(exp2_fraction(fma(step, rate, -k)), k);
#else
    const Vec x = smaller(larger(step * rate, splat(-126.0f)), splat(127.0f));
    const Vec shifted = x + splat(kRounder);
    const Vec p = exp2_fraction(x - (shifted - splat(kRounder)));
    return (Vec)((IVec)p + ((IVec)shifted << 23));
#endif
}

// e^x for x <= 0, in the two-part reduction that keeps its relative error at 1e-7 for all x
VM_INLINE Vec exp_nonpositive(Vec x) {
    x = larger(x, splat(-87.0f));
    const Vec k = fma(x, splat(kLog2e), splat(kRounder)) - splat(kRounder);
    const Vec r = fma(k, splat(2.12194440e-4f), fma(k, splat(-0.693359375f), x));
    Vec p = fma(splat(0.0013814598792048884f), r, splat(0.008368717011920683f));
    p = fma(p, r, splat(0.041668388053359075f));
    p = fma(p, r, splat(0.1666652063062239f));
    p = fma(p, r, splat(0.49999993447731117f));
    p = fma(p, r, splat(1.0f));
    return scale(fma(p, r, splat(1.0f)), k);
}

// log(1 + e) for e in [0, 1]; relative error 5e-9 before rounding, so that small steps keep their digits
VM_INLINE Vec log1p_unit(Vec e) {
    Vec p = fma(splat(-0.0033184699980287574f), e, splat(0.020204574812053427f));
    p = fma(p, e, splat(-0.057664427839824936f));
    p = fma(p, e, splat(0.10680554129590833f));
    p = fma(p, e, splat(-0.1535539566243268f));
    p = fma(p, e, splat(0.19695400387705664f));
    p = fma(p, e, splat(-0.24958587408514712f));
    p = fma(p, e, splat(0.33330511320787354f));
    p = fma(p, e, splat(-0.49999932763693855f));
    return fma(p * e, e, e);
}

VM_INLINE Vec softplus(Vec x) { return larger(x, splat(0.0f)) + log1p_unit(exp_nonpositive(-absolute(x))); }

// 1 / (1 + e^-x) where e is e^-|x|
VM_INLINE Vec sigmoid_from(Vec x, Vec e) {
    const Vec s = reciprocal(splat(1.0f) + e);
    return choose(x < splat(0.0f), e * s, s);
}
VM_INLINE Vec sigmoid(Vec x) { return sigmoid_from(x, exp_nonpositive(-absolute(x))); }

// softplus and its derivative, from one exponential
VM_INLINE Vec softplus(Vec x, Vec* slope) {
    const Vec e = exp_nonpositive(-absolute(x));
    *slope = sigmoid_from(x, e);
    return larger(x, splat(0.0f)) + log1p_unit(e);
}

VM_INLINE Vec silu(Vec x) { return x * sigmoid(x); }

}  // namespace
