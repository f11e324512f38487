// Calls every kernel on arrays of exactly the right size, at odd sizes, for a sanitizer to watch. Built by
// test_sanitizers.py with the kernels' sources.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <vector>

#include "interface.h"

static float noise() { return float(std::rand()) / float(RAND_MAX) - 0.5f; }
static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Numbers as a kernel reads them: rows wider than needed, as a view of a joint projection is, or each channel's tokens side
// by side.
struct Rows {
    std::vector<float> wide;
    std::vector<uint16_t> half;
    VideomambaTensor view{};
    Rows(int64_t batch, int64_t length, int64_t row, int64_t group, int64_t margin, bool bfloat16, bool tokens_last = false) {
        if (tokens_last) margin = 0;
        const int64_t stride = row + margin, size = batch * length * stride - (batch * length ? margin : 0);
        wide.resize(size_t(size));
        half.resize(size_t(size));
        for (size_t i = 0; i < wide.size(); i++) {
            wide[i] = noise();
            uint32_t bits;
            std::memcpy(&bits, &wide[i], 4);
            half[i] = uint16_t(bits >> 16);
        }
        void* const first = bfloat16 ? static_cast<void*>(half.data()) : wide.data();
        if (tokens_last) view = {first, length * row, 1, group * length, length};
        else view = {first, length * stride, stride, group, 1};
    }
    void* data() { return view.data; }
};

static std::vector<float> filled(int64_t size, float value = NAN) { return std::vector<float>(size_t(size), value); }

static bool all_finite(const std::vector<float>& values) {
    for (float v : values)
        if (!std::isfinite(v)) return false;
    return true;
}

struct Case {
    int64_t batch, length, per_group, groups, states, threads, visit;  // visit: 0 forwards, 1 backwards, 2 by an order
    bool bfloat16, gate, optional, tokens_last = false, constant_B = false, constant_C = false;
};

static bool scan(const Case& c) {
    const int64_t width = c.per_group * c.groups, B = c.batch, L = c.length, N = c.states;
    std::vector<int64_t> order(static_cast<size_t>(L));
    std::iota(order.rbegin(), order.rend(), 0);
    int64_t steps, lanes;
    videomamba_scan_layout(&steps, &lanes);
    const int64_t saved_size = B * c.groups * ceil_div(L, steps) * ceil_div(c.per_group, lanes) * N * lanes;

    std::vector<Rows> rows;
    rows.reserve(32);
    auto make = [&](int64_t row, int64_t group, int64_t margin) -> Rows& {
        rows.emplace_back(B, L, row, group, margin, c.bfloat16, c.tokens_last);
        return rows.back();
    };
    std::vector<std::vector<float>> vectors;
    vectors.reserve(64);
    auto vector = [&](int64_t size, float value) -> float* {
        vectors.push_back(filled(size, value));
        return vectors.back().data();
    };
    VideomambaDirection directions[2] = {};
    VideomambaDirectionGrad grads[2] = {};
    for (int k = 0; k < 2; k++) {
        directions[k].u = make(width, 0, 3).view;
        directions[k].delta = make(width, 0, 0).view;
        if (c.constant_B) directions[k].constant_B = vector(width * N, 0.4f);
        else directions[k].B = make(c.groups * N, N, 5).view;
        if (c.constant_C) directions[k].constant_C = vector(width * N, 0.5f);
        else directions[k].C = make(c.groups * N, N, 5).view;
        directions[k].A = vector(width * N, -0.7f);
        directions[k].last_state = vector(B * width * N, NAN);
        // aligned as PyTorch's tensors are
        void* saved = nullptr;
        if (posix_memalign(&saved, 64, size_t(saved_size) * 4 + !saved_size)) return false;
        directions[k].saved_states = static_cast<float*>(saved);
        if (c.optional) {
            directions[k].D = vector(width, 0.3f);
            directions[k].delta_bias = vector(width, 0.1f);
            directions[k].initial_state = vector(B * width * N, 0.2f);
            grads[k].D = vector(width, NAN);
            grads[k].delta_bias = vector(width, NAN);
            grads[k].initial_state = vector(B * width * N, NAN);
            grads[k].last_state = vector(B * width * N, 0.1f);
        }
        grads[k].u = make(width, 0, 0).view;
        grads[k].delta = make(width, 0, 0).view;
        grads[k].B = c.constant_B ? vector(width * N, NAN) : make(c.groups * N, 0, 0).data();
        grads[k].C = c.constant_C ? vector(width * N, NAN) : make(c.groups * N, 0, 0).data();
        grads[k].A = vector(width * N, NAN);
    }
    directions[1].reverse = c.visit == 1;
    directions[1].order = c.visit == 2 ? order.data() : nullptr;
    VideomambaScan s{};
    s.batch = B, s.length = L, s.width = width, s.states = N, s.groups = c.groups;
    s.bfloat16 = c.bfloat16, s.softplus = 1, s.threads = c.threads, s.direction_count = 2;
    s.directions = directions, s.grads = grads;
    s.out = make(width, 0, 0).view;
    s.grad_out = make(width, 0, 1).view;
    if (c.gate) {
        s.z = make(width, 0, width).view;
        s.grad_z = make(width, 0, 0).view;
        s.total = vector(c.gate ? B * L * width : 0, NAN);
    }
    if (videomamba_scan_forward(&s) || videomamba_scan_backward(&s)) return false;
    for (const auto& values : vectors)
        if (!all_finite(values)) return false;  // something was left unwritten
    for (auto& d : directions) std::free(d.saved_states);
    if (c.visit == 2 && L > 1) {
        order[0] = order[1];
        if (videomamba_scan_forward(&s) != VIDEOMAMBA_BAD_ORDER) return false;
    }
    return true;
}

static bool convolution(const Case& c) {
    const int64_t width = c.per_group * c.groups, taps = 4;
    std::vector<int64_t> order(static_cast<size_t>(c.length));
    std::iota(order.rbegin(), order.rend(), 0);
    Rows x(c.batch, c.length, width, 0, 7, c.bfloat16), grad(c.batch, c.length, width, 0, 0, c.bfloat16),
        out(c.batch, c.length, width, 0, 0, c.bfloat16), grad_x(c.batch, c.length, width, 0, 0, c.bfloat16);
    auto weight = filled(taps * width, 0.2f), bias = filled(width, 0.1f), grad_weight = filled(taps * width), grad_bias = filled(width);
    VideomambaConvDirection d{};
    d.weight = weight.data(), d.bias = c.optional ? bias.data() : nullptr;
    d.order = c.visit == 2 ? order.data() : nullptr, d.reverse = c.visit == 1;
    d.out = out.view, d.grad_out = grad.view;
    d.grad_weight = grad_weight.data(), d.grad_bias = grad_bias.data();
    const VideomambaConvDirection both[] = {d, d};
    VideomambaConv v{};
    v.batch = c.batch, v.length = c.length, v.width = width, v.taps = taps;
    v.bfloat16 = c.bfloat16, v.silu = c.gate, v.threads = c.threads;
    v.direction_count = 2, v.directions = both;
    v.x = x.view, v.grad_x = grad_x.view;
    return !videomamba_conv_forward(&v) && !videomamba_conv_backward(&v) && all_finite(grad_weight) && all_finite(grad_bias);
}

int main() {
    const Case cases[] = {
        {1, 1, 1, 1, 1, 1, 0, false, false, false}, {2, 17, 5, 3, 3, 2, 1, false, true, true},
        {1, 33, 40, 1, 16, 3, 2, false, true, true}, {3, 16, 16, 2, 17, 2, 2, true, true, true},
        {2, 2, 33, 1, 16, 1, 1, true, false, true},  {1, 63, 300, 1, 9, 2, 0, false, true, false},
        {0, 5, 8, 1, 4, 2, 0, false, true, true},    {1, 100, 7, 1, 64, 2, 1, true, true, false},
        {2, 45, 37, 1, 16, 2, 1, false, true, true, true},           {1, 33, 20, 2, 5, 2, 2, true, true, true, true},
        {2, 40, 19, 2, 16, 2, 0, false, true, true, true, true},     {1, 50, 33, 1, 9, 2, 1, true, false, true, false, false, true},
        {2, 18, 24, 1, 16, 1, 2, false, true, true, false, true, true},
    };
    for (const Case& c : cases)
        if (!scan(c) || !convolution(c)) {
            std::fprintf(stderr, "wrong: batch %d length %d\n", int(c.batch), int(c.length));
            return 1;
        }
    std::puts("clean");
    return 0;
}
