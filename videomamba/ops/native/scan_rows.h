// A tile's values over a chunk of steps, read and written through a tensor's strides: one vector of channels per step.
#pragma once
#include "scan_tile.h"

namespace {

// Value (token, channel) of a batch element is at data[token * token_stride + channel * last_stride].
template <class E> VM_INLINE E* base(const VideomambaTensor& t, int64_t batch) {
    return static_cast<E*>(t.data) + batch * t.batch_stride;
}

// Whether a step's channels are not contiguous but a channel's tokens are, and the chunk walks them one by one.
VM_INLINE bool runs_along_tokens(const VideomambaTensor& t, const Chunk& chunk) {
    return t.last_stride != 1 && t.token_stride == 1 && chunk.stride != 0;
}

template <class E>
void read_tile(Vec* values, const VideomambaTensor& t, const Block& b, const Chunk& chunk, int64_t channel, int lanes) {
    const E* from = base<E>(t, b.batch) + channel * t.last_stride;
    if (t.last_stride == 1) {
        if (lanes == kLanes)
            for (int s = 0; s < chunk.steps; s++) values[s] = load(from + chunk.tokens[s] * t.token_stride);
        else
            for (int s = 0; s < chunk.steps; s++) values[s] = load(from + chunk.tokens[s] * t.token_stride, lanes);
        return;
    }
    int s = 0;
    if (lanes == kLanes && runs_along_tokens(t, chunk))
        for (; s + kLanes <= chunk.steps; s += kLanes) {
            Vec square[kLanes];
            const int64_t token = chunk.stride > 0 ? chunk.tokens[s] : chunk.tokens[s + kLanes - 1];
            for (int i = 0; i < kLanes; i++) square[i] = load(from + token + i * t.last_stride);
            transpose(square);
            for (int i = 0; i < kLanes; i++) values[s + i] = square[chunk.stride > 0 ? i : kLanes - 1 - i];
        }
    for (; s < chunk.steps; s++) {
        float row[kLanes] = {};
        const E* at = from + chunk.tokens[s] * t.token_stride;
        for (int i = 0; i < lanes; i++) row[i] = to_float(at[i * t.last_stride]);
        values[s] = load(row);
    }
}

// Calls body(row) with row(t) the tile's vector of step t: read in place of a whole tile with contiguous channels, else copied
// to `room` first. It may write to room[t] once it has read row(t).
template <class E, class Body>
VM_INLINE void reading_tile(Vec* room, const VideomambaTensor& t, const Block& b, const Chunk& chunk, int64_t channel, int lanes,
                            const Body& body) {
    if (t.last_stride == 1 && lanes == kLanes) {
        const E* from = base<E>(t, b.batch) + channel;
        return body([from, stride = t.token_stride, &chunk](int s) { return load(from + chunk.tokens[s] * stride); });
    }
    read_tile<E>(room, t, b, chunk, channel, lanes);
    body([=](int s) { return room[s]; });
}

template <class E>
void write_tile(const Vec* values, const VideomambaTensor& t, const Block& b, const Chunk& chunk, int64_t channel, int lanes) {
    E* to = base<E>(t, b.batch) + channel * t.last_stride;
    if (t.last_stride == 1) {
        if (lanes == kLanes)
            for (int s = 0; s < chunk.steps; s++) store(to + chunk.tokens[s] * t.token_stride, values[s]);
        else
            for (int s = 0; s < chunk.steps; s++) store(to + chunk.tokens[s] * t.token_stride, values[s], lanes);
        return;
    }
    int s = 0;
    if (lanes == kLanes && runs_along_tokens(t, chunk))
        for (; s + kLanes <= chunk.steps; s += kLanes) {
            Vec square[kLanes];
            const int64_t token = chunk.stride > 0 ? chunk.tokens[s] : chunk.tokens[s + kLanes - 1];
            for (int i = 0; i < kLanes; i++) square[i] = values[s + (chunk.stride > 0 ? i : kLanes - 1 - i)];
            transpose(square);
            for (int i = 0; i < kLanes; i++) store(to + token + i * t.last_stride, square[i]);
        }
    for (; s < chunk.steps; s++) {
        E row[kLanes];
        store(row, values[s]);
        E* at = to + chunk.tokens[s] * t.token_stride;
        for (int i = 0; i < lanes; i++) at[i * t.last_stride] = row[i];
    }
}

// Asks for the tensors of the chunk that comes next while a block's tiles are computed, a share per tile. Lines are asked for
// in the order in which they lie in memory, row by row, which a tile's own lines do not: these lie too far apart for the
// hardware to foresee. Few at a time, `steps` (of a chunk) and moments permitting: more than the core can wait for would stop it.
class Ahead {
public:
    Ahead(const Block& b, int steps) : b_(b), steps_(steps) {}
    void add(const VideomambaTensor& t, int64_t element) {
        if (!t.data) return;
        Stream& s = streams_[count_++];
        s.from = static_cast<const char*>(t.data) + (b_.batch * t.batch_stride + b_.first * t.last_stride) * element;
        s.token = t.token_stride * element, s.channel = t.last_stride * element;
        s.rows = t.last_stride == 1, s.runs = t.last_stride != 1 && t.token_stride == 1;
        s.per_row = (b_.width() * element + 63) / 64;
        s.each = (s.per_row * steps_ + b_.tiles() - 1) / b_.tiles();
    }
    void begin(const Chunk& next) {
        next_ = &next;
        for (Stream& s : streams_) s.step = s.line = s.due = 0;
    }
    // One of `parts` moments during a tile's computation. Not inlined: the loops around it would lose their registers.
    __attribute__((noinline)) void operator()(int64_t tile, int part, int parts) {
        for (int i = 0; i < count_; i++) {
            Stream& s = streams_[i];
            if (s.rows) ask(s, parts);
            else if (part == i % parts && s.runs && next_->stride)
                for (int last = next_->steps - 1; last >= 0; last -= kSteps) {
                    const char* at = s.from + next_->tokens[last] * s.token + tile * kLanes * s.channel;
                    for (int n = 0; n < b_.lanes(tile); n++) __builtin_prefetch(at + n * s.channel, 0, 2);
                }
        }
    }

private:
    struct Stream {
        const char* from;
        int64_t token, channel, per_row, each, step, line, due;  // due: lines, times the moments of a tile
        bool rows, runs;
    };
    // The lines that are due, row by row.
    VM_INLINE void ask(Stream& s, int parts) {
        s.due += s.each;
        int64_t lines = s.due / parts;
        s.due -= lines * parts;
        while (lines > 0 && s.step < next_->steps) {
            const int64_t here = std::min(lines, s.per_row - s.line);
            const char* at = s.from + next_->tokens[s.step] * s.token + s.line * 64;
            for (int64_t i = 0; i < here; i++) __builtin_prefetch(at + i * 64, 0, 2);
            lines -= here, s.line += here;
            if (s.line == s.per_row) s.line = 0, s.step++;
        }
    }
    const Block& b_;
    const Chunk* next_ = nullptr;
    Stream streams_[9] = {};
    int count_ = 0, steps_;
};

}  // namespace
