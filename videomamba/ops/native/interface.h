// The C interface of the compiled kernels: raw pointers and strides, no framework. Mirrored in library.py.
//
// All per-token tensors have axes (batch, length, ...), in the tokens' natural order whatever order they are visited in;
// their strides are given in elements. The scan takes any strides (fast: a contiguous last axis, or contiguous tokens);
// for the convolution the last axis is contiguous. They hold float32, or bfloat16 where `bfloat16` is set; everything
// else (A, D, biases, states, constant B and C) is contiguous float32. Null: not given.
#pragma once
#include <cstdint>

#if defined(_WIN32)
#define VIDEOMAMBA_EXPORT extern "C" __declspec(dllexport)
#else
#define VIDEOMAMBA_EXPORT extern "C" __attribute__((visibility("default")))
#endif

extern "C" {

enum VideomambaStatus : int32_t {
    VIDEOMAMBA_OK = 0,
    VIDEOMAMBA_BAD_ORDER = 1,      // an order is not a permutation of the tokens
    VIDEOMAMBA_OUT_OF_MEMORY = 2,  // a workspace could not be allocated; outputs are incomplete
};

struct VideomambaTensor {
    void* data;
    int64_t batch_stride, token_stride, group_stride, last_stride;
};

struct VideomambaDirection {
    VideomambaTensor u, delta;  // (batch, length, width)
    VideomambaTensor B, C;      // (batch, length, groups, states); null where constant
    const float *constant_B, *constant_C;  // (width, states): the same for every token
    const float* A;             // (width, states)
    const float* D;             // (width)
    const float* delta_bias;    // (width)
    const float* initial_state; // (batch, width, states)
    const int64_t* order;       // (length) token visited at each step
    int64_t reverse;            // visit length-1, ..., 0 (without order)
    float* last_state;          // (batch, width, states), written
    float* saved_states;        // states before each piece of the visit, in the kernels' own layout: videomamba_scan_layout
};

// Gradients of one direction in the dtype of the input; all but last_state, D, delta_bias and initial_state are needed.
struct VideomambaDirectionGrad {
    const float* last_state;     // (batch, width, states), read
    VideomambaTensor u, delta;   // (batch, length, width); delta: may be the direction's own, which it then overwrites
    float* A;
    void *B, *C;                 // contiguous; of constant ones (width, states) float32
    float *D, *delta_bias, *initial_state;
};

struct VideomambaScan {
    int64_t batch, length, width, states, groups;
    int64_t bfloat16, softplus, threads, direction_count;
    const VideomambaDirection* directions;
    VideomambaTensor z;         // (batch, length, width) gate
    VideomambaTensor out;       // (batch, length, width), written: silu(z) * sum of the directions; backward: optional, with z
    // backward only
    float* total;               // (batch, length, width) contiguous workspace, with z; may be out's own memory
    VideomambaTensor grad_out;  // (batch, length, width)
    const VideomambaDirectionGrad* grads;
    VideomambaTensor grad_z;    // (batch, length, width), written
};

struct VideomambaConvDirection {
    const float* weight;     // (width, taps); the last tap is the token itself
    const float* bias;       // (width)
    const int64_t* order;    // (length) token visited at each step
    int64_t reverse;         // visit length-1, ..., 0 (without order)
    VideomambaTensor out;    // (batch, length, width), written
    // backward only
    VideomambaTensor grad_out;
    float *grad_weight, *grad_bias;  // (width, taps), (width)
};

struct VideomambaConv {
    int64_t batch, length, width, taps;
    int64_t bfloat16, silu, threads, direction_count;
    const VideomambaConvDirection* directions;
    VideomambaTensor x;       // (batch, length, width)
    VideomambaTensor grad_x;  // backward only; written: the sum over directions
};

// saved_states holds (batch, groups, pieces of `steps`, vectors of `lanes` channels of a group, states, lanes) floats.
VIDEOMAMBA_EXPORT void videomamba_scan_layout(int64_t* steps, int64_t* lanes);
VIDEOMAMBA_EXPORT int32_t videomamba_scan_forward(const VideomambaScan* scan);
VIDEOMAMBA_EXPORT int32_t videomamba_scan_backward(const VideomambaScan* scan);
// The recurrence alone, on data that stays in the first-level cache: `vectors` times one step of `states` states of a
// vector of channels, divided among the threads.
VIDEOMAMBA_EXPORT void videomamba_scan_forward_floor(int64_t vectors, int64_t states, int64_t threads);
VIDEOMAMBA_EXPORT void videomamba_scan_backward_floor(int64_t vectors, int64_t states, int64_t threads);
VIDEOMAMBA_EXPORT int32_t videomamba_conv_forward(const VideomambaConv* conv);
VIDEOMAMBA_EXPORT int32_t videomamba_conv_backward(const VideomambaConv* conv);
}
