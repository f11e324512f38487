// A few vectors under one operation: written so, the operations of independent chains alternate, and hide each other's
// latency where a machine's window is too short to find the next chain by itself.
#pragma once
#include <type_traits>

#include "vector.h"

namespace {

template <int K> struct Several { Vec v[K]; };

template <int K, class F> VM_INLINE Several<K> for_each(const F& f) {
    Several<K> result;
#pragma GCC unroll 8
    for (int i = 0; i < K; i++) result.v[i] = f(i);
    return result;
}

#define VM_TWO(name, expression) \
    template <int K> VM_INLINE Several<K> name(const Several<K>& a, const Several<K>& b) { \
        return for_each<K>([&](int i) { return expression; }); \
    }
VM_TWO(operator+, a.v[i] + b.v[i])
VM_TWO(operator-, a.v[i] - b.v[i])
VM_TWO(operator*, a.v[i] * b.v[i])
VM_TWO(larger, larger(a.v[i], b.v[i]))
VM_TWO(smaller, smaller(a.v[i], b.v[i]))
VM_TWO(scale, scale(a.v[i], b.v[i]))
#undef VM_TWO

template <int K> VM_INLINE Several<K> operator-(const Several<K>& a) {
    return for_each<K>([&](int i) { return -a.v[i]; });
}
template <int K> VM_INLINE Several<K> absolute(const Several<K>& a) {
    return for_each<K>([&](int i) { return absolute(a.v[i]); });
}
template <int K> VM_INLINE Several<K> reciprocal(const Several<K>& a) {
    return for_each<K>([&](int i) { return reciprocal(a.v[i]); });
}
template <int K> VM_INLINE Several<K> fma(const Several<K>& a, const Several<K>& b, const Several<K>& c) {
    return for_each<K>([&](int i) { return fma(a.v[i], b.v[i], c.v[i]); });
}
// x < 0 ? yes : no
VM_INLINE Vec if_negative(Vec x, Vec yes, Vec no) { return choose(x < Vec{}, yes, no); }
template <int K> VM_INLINE Several<K> if_negative(const Several<K>& x, const Several<K>& yes, const Several<K>& no) {
    return for_each<K>([&](int i) { return if_negative(x.v[i], yes.v[i], no.v[i]); });
}

// The same number in all lanes.
template <class V> VM_INLINE V all(float x) {
    V result;
    auto* v = reinterpret_cast<Vec*>(&result);
    for (size_t i = 0; i < sizeof(V) / sizeof(Vec); i++) v[i] = splat(x);
    return result;
}

// Calls body(how many, index of the first) until all of [0, count) had their turn, four at a time.
template <class Body> VM_INLINE void by_fours(int count, const Body& body) {
    int i = 0;
    for (; i + 4 <= count; i += 4) body(std::integral_constant<int, 4>(), i);
    for (; i < count; i++) body(std::integral_constant<int, 1>(), i);
}
template <int K> VM_INLINE Several<K> several(const Vec* from) {
    return for_each<K>([&](int i) { return from[i]; });
}
template <int K> VM_INLINE void put(Vec* to, const Several<K>& x) {
#pragma GCC unroll 8
    for (int i = 0; i < K; i++) to[i] = x.v[i];
}

}  // namespace
