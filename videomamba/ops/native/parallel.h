// Work shared among threads (PyTorch's OpenMP pool where PyTorch was loaded first), and memory that a thread keeps.
#pragma once
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace {

// Numbers below 1e-38 count as zero while it lives: a state that fades away would otherwise cost 100 times as much.
struct FlushTinyNumbers {
#if defined(__SSE2__)
    unsigned before = _mm_getcsr();
    FlushTinyNumbers() { _mm_setcsr(before | 0x8040); }
    ~FlushTinyNumbers() { _mm_setcsr(before); }
#else
    FlushTinyNumbers() {}
#endif
};

// Scratch memory of one thread, kept from call to call so that a model does not pay for fresh pages in every layer.
class Workspace {
public:
    Workspace() = default;
    Workspace(const Workspace&) = delete;
    ~Workspace() { free(memory_); }

    static Workspace& of_this_thread() {
        static thread_local Workspace workspace;
        return workspace;
    }
    // Starts anew with room for `floats` in `arrays` arrays; false when there is no memory.
    bool reserve(int64_t floats, int arrays) {
        used_ = 0;
        const size_t bytes = (size_t(floats) * 4 + size_t(arrays + 1) * kAlign) / kAlign * kAlign;
        if (bytes <= bytes_) return true;
        free(memory_);
        memory_ = static_cast<char*>(aligned_alloc(kAlign, bytes));
        bytes_ = memory_ ? bytes : 0;
        return memory_ != nullptr;
    }
    // The next `floats` floats, aligned for vectors; their content is whatever was there.
    template <class T = float> T* take(int64_t floats) {
        T* p = reinterpret_cast<T*>(memory_ + used_);
        used_ += (size_t(floats) * 4 + kAlign - 1) / kAlign * kAlign;
        return p;
    }
    // Frees memory beyond what a thread should keep.
    void trim() {
        if (bytes_ <= kKeep) return;
        free(memory_);
        memory_ = nullptr;
        bytes_ = 0;
    }

private:
    static constexpr size_t kAlign = 64, kKeep = size_t(64) << 20;
    char* memory_ = nullptr;
    size_t bytes_ = 0, used_ = 0;
};

// Whether an order visits every token once; none at all does.
inline bool is_permutation(const int64_t* order, int64_t length) {
    if (!order) return true;
    std::vector<bool> seen(size_t(length), false);
    for (int64_t i = 0; i < length; i++) {
        if (order[i] < 0 || order[i] >= length || seen[size_t(order[i])]) return false;
        seen[size_t(order[i])] = true;
    }
    return true;
}

// body(item) for every item in [0, items), by up to `threads` threads, in any order.
template <class Body> void parallel_for(int64_t items, int64_t threads, const Body& body) {
    if (threads > items) threads = items;
    if (threads <= 1) {
        const FlushTinyNumbers flush;
        for (int64_t i = 0; i < items; i++) body(i);
        Workspace::of_this_thread().trim();
        return;
    }
#if defined(_OPENMP)
#pragma omp parallel num_threads(int(threads))
    {
        const FlushTinyNumbers flush;
#pragma omp for schedule(dynamic, 1)
        for (int64_t i = 0; i < items; i++) body(i);
        Workspace::of_this_thread().trim();
    }
#else
    std::atomic<int64_t> next{0};
    const auto work = [&] {
        const FlushTinyNumbers flush;
        for (int64_t i; (i = next++) < items;) body(i);
        Workspace::of_this_thread().trim();
    };
    std::vector<std::thread> others;
    for (int64_t t = 1; t < threads; t++) others.emplace_back(work);
    work();
    for (auto& other : others) other.join();
#endif
}

}  // namespace
