// gather and scatterAdd. Indices are data: each is read once into a local block and checked there, so that nothing
// outside x is touched even if the caller's memory changes meanwhile.
#include <atomic>

#include "kernels.h"
#include "simd/loop/lines.h"

namespace gradus::GRADUS_ISA {
namespace {

// Elements per task: some 10 µs of work.
constexpr int64_t kTaskElements = 1 << 13;
// Indices checked at a time: 2 KiB of stack.
constexpr int64_t kIndexBlock = 512;
// Columns owned by one task of a line-wise scatter: whole cache lines.
constexpr int64_t kScatterColumns = 64;

struct IndexRun {
  const IndexPlan& plan;
  const Frame& frame;
  char *x, *indices, *output;
  Pieces pieces;
  bool lines;  // one index per line of `inner` elements
  std::atomic<int64_t> bad_position{INT64_MAX};
  int64_t bad_index = 0;  // at this position; written one after another
  std::atomic_flag reporting = ATOMIC_FLAG_INIT;

  IndexRun(const IndexPlan& p, const Frame& f)
      : plan(p), frame(f), x(f.buffers[p.x.buffer] + p.x.offset),
        indices(f.buffers[p.indices.buffer] + p.indices.offset), output(f.buffers[p.output.buffer] + p.output.offset),
        pieces{0, 1}, lines(p.inner > 1) {
    for (int a = p.axis + 1; a < p.rank; ++a) lines = lines && (p.size[a] == 1 || p.indices.stride[a] == 0);
  }

  /// Reads m ≤ kIndexBlock indices, each once; returns whether all are in range. (The first one out of range is
  /// reported.)
  bool read(int32_t* block, const char* from, int64_t stride, int64_t m, int64_t position);

  int64_t checked(int32_t index, int64_t position) {
    if (uint64_t(index) < uint64_t(plan.axis_size)) return index;
    report(index, position);
    return -1;
  }

  /// The smallest position is reported with its index, whichever thread finds it.
  void report(int32_t index, int64_t position) {
    if (position >= bad_position.load()) return;
    while (reporting.test_and_set()) {}
    if (position < bad_position.load()) {
      bad_position.store(position);
      bad_index = index;
    }
    reporting.clear();
  }

  Status status(Frame& f) const {
    if (bad_position.load() == INT64_MAX) return Status::ok;
    f.bad_position = bad_position.load();
    f.bad_index = bad_index;
    return Status::index_out_of_range;
  }
};

int32_t read_index(const char* p) {
  // Through volatile: exactly one read.
  return *reinterpret_cast<const volatile int32_t*>(p);
}

bool IndexRun::read(int32_t* block, const char* from, int64_t stride, int64_t m, int64_t position) {
  if (stride == int64_t(sizeof(int32_t))) {
    std::memcpy(block, from, size_t(m) * sizeof(int32_t));
    asm volatile("" : : "r"(block) : "memory");  // from here on only the copy is used
  } else {
    for (int64_t j = 0; j < m; ++j) block[j] = read_index(from + j * stride);
  }
  const uint32_t size = plan.axis_size < INT32_MAX ? uint32_t(plan.axis_size) : uint32_t(INT32_MAX) + 1;
  uint32_t outside = 0;
  for (int64_t j = 0; j < m; ++j) outside |= uint32_t(block[j]) >= size;
  if (!outside) return true;
  for (int64_t j = 0; j < m; ++j) checked(block[j], position + j);
  return false;
}

/// Whole lines output[outer, i, :] = x[outer, index, :].
template <class T>
void gather_lines(void* context, int64_t task, int) {
  IndexRun& run = *static_cast<IndexRun*>(context);
  const IndexPlan& p = run.plan;
  const int64_t n = p.size[p.axis];
  const int rest = p.rank - p.axis - 1;
  for (int64_t line = run.pieces.first(task); line < run.pieces.last(task); ++line) {
    const int64_t o = line / n, i = line % n;
    const char* from = run.indices + line_offset(p.indices, p.size, 0, p.axis, o) + i * p.indices.stride[p.axis];
    const int64_t index = run.checked(read_index(from), line * p.inner);
    if (index < 0) continue;
    copy_box(run.output + line_offset(p.output, p.size, 0, p.axis, o) + i * p.output.stride[p.axis],
             p.output.stride + p.axis + 1, run.x + line_offset(p.x, p.size, 0, p.axis, o) + index * p.x.stride[p.axis],
             p.x.stride + p.axis + 1, rest, p.size + p.axis + 1, sizeof(T));
  }
}

/// Element by element, in pieces of lines along the last axis.
template <class T>
void gather_elements(void* context, int64_t task, int) {
  IndexRun& run = *static_cast<IndexRun*>(context);
  const IndexPlan& p = run.plan;
  const int last = p.rank - 1;
  const int64_t n = p.size[last];
  int32_t block[kIndexBlock];
  for (int64_t line = run.pieces.first(task); line < run.pieces.last(task); ++line) {
    const char* indices = run.indices + line_offset(p.indices, p.size, 0, last, line);
    char* output = run.output + line_offset(p.output, p.size, 0, last, line);
    // x has strides along every axis but the gathered one.
    const char* x = run.x;
    int64_t rest = line;
    for (int a = last - 1; a >= 0; --a) {
      if (a != p.axis) x += rest % p.size[a] * p.x.stride[a];
      rest /= p.size[a];
    }
    const int64_t along = p.axis == last ? 0 : p.x.stride[last], step = p.x.stride[p.axis];
    const bool plain = along == 0 && step == int64_t(sizeof(T)) && p.output.stride[last] == int64_t(sizeof(T));
    for (int64_t c = 0; c < n; c += kIndexBlock) {
      const int64_t m = n - c < kIndexBlock ? n - c : kIndexBlock;
      if (!run.read(block, indices + c * p.indices.stride[last], p.indices.stride[last], m, line * n + c)) continue;
      if (plain) {
        T* to = reinterpret_cast<T*>(output) + c;
        const T* from = reinterpret_cast<const T*>(x);
        for (int64_t j = 0; j < m; ++j) to[j] = from[block[j]];
        continue;
      }
      for (int64_t j = 0; j < m; ++j)
        std::memcpy(output + (c + j) * p.output.stride[last], x + (c + j) * along + block[j] * step, sizeof(T));
    }
  }
}

template <class T>
Status gather_of(const IndexPlan& p, Frame& frame) {
  IndexRun run(p, frame);
  if (run.lines) {
    run.pieces = {p.outer * p.size[p.axis], (kTaskElements + p.inner - 1) / p.inner};
    frame.parallel->run(run.pieces.tasks(), gather_lines<T>, &run);
  } else {
    const int64_t n = p.size[p.rank - 1];
    run.pieces = {p.outer * p.size[p.axis] * p.inner / n, (kTaskElements + n - 1) / n};
    frame.parallel->run(run.pieces.tasks(), gather_elements<T>, &run);
  }
  return run.status(frame);
}

/// int32 sums wrap around.
inline float plus(float a, float b) { return a + b; }
inline double plus(double a, double b) { return a + b; }
inline int32_t plus(int32_t a, int32_t b) { return int32_t(uint32_t(a) + uint32_t(b)); }

/// The output is [outer, axis, inner], dense. A task owns some columns of one outer slice, or several whole slices, and
/// adds their updates in order.
template <class T>
void scatter_task(void* context, int64_t task, int) {
  IndexRun& run = *static_cast<IndexRun*>(context);
  const IndexPlan& p = run.plan;
  const int64_t strips = (p.inner + kScatterColumns - 1) / kScatterColumns;
  const int64_t n = p.size[p.axis];
  for (int64_t unit = run.pieces.first(task); unit < run.pieces.last(task); ++unit) {
    const int64_t o = unit / strips, first = unit % strips * kScatterColumns;
    const int64_t last = first + kScatterColumns < p.inner ? first + kScatterColumns : p.inner;
    T* out = reinterpret_cast<T*>(run.output) + o * p.axis_size * p.inner;
    if (strips == 1) std::memset(out, 0, size_t(p.axis_size * p.inner) * sizeof(T));
    else
      for (int64_t row = 0; row < p.axis_size; ++row)
        std::memset(out + row * p.inner + first, 0, size_t(last - first) * sizeof(T));
    const char* indices = run.indices + line_offset(p.indices, p.size, 0, p.axis, o);
    const char* updates = run.x + line_offset(p.x, p.size, 0, p.axis, o);
    // The common layouts: updates dense along the inner axes, or no inner axes at all.
    bool dense = true;
    int64_t step = sizeof(T);
    for (int a = p.rank - 1; a > p.axis; step *= p.size[a--])
      dense = dense && (p.size[a] == 1 || p.x.stride[a] == step);
    if (p.inner == 1) {  // positions within a plane, as in the gradient of max-pooling
      const int64_t index_step = p.indices.stride[p.axis], update_step = p.x.stride[p.axis];
      int32_t block[kIndexBlock];
      for (int64_t c = 0; c < n; c += kIndexBlock) {
        const int64_t m = n - c < kIndexBlock ? n - c : kIndexBlock;
        if (!run.read(block, indices + c * index_step, index_step, m, o * n + c)) continue;
        const char* from = updates + c * update_step;
        for (int64_t i = 0; i < m; ++i, from += update_step)
          out[block[i]] = plus(out[block[i]], *reinterpret_cast<const T*>(from));
      }
      continue;
    }
    if (run.lines && dense) {
      for (int64_t i = 0; i < n; ++i) {
        const int64_t position = (o * n + i) * p.inner + first;
        const int64_t index = run.checked(read_index(indices + i * p.indices.stride[p.axis]), position);
        if (index < 0) continue;
        T* to = out + index * p.inner;
        const T* from = reinterpret_cast<const T*>(updates + i * p.x.stride[p.axis]);
        for (int64_t c = first; c < last; ++c) to[c] = plus(to[c], from[c]);
      }
      continue;
    }
    for (int64_t i = 0; i < n; ++i)
      for (int64_t c = first; c < last; ++c) {
        const char* at = indices + i * p.indices.stride[p.axis] + line_offset(p.indices, p.size, p.axis + 1, p.rank, c);
        const int64_t index = run.checked(read_index(at), (o * n + i) * p.inner + c);
        if (index < 0) continue;
        T update;
        std::memcpy(&update, updates + i * p.x.stride[p.axis] + line_offset(p.x, p.size, p.axis + 1, p.rank, c),
                    sizeof(T));
        T& to = out[index * p.inner + c];
        to = plus(to, update);
      }
  }
}

template <class T>
Status scatter_of(const IndexPlan& p, Frame& frame) {
  IndexRun run(p, frame);
  const int64_t strips = (p.inner + kScatterColumns - 1) / kScatterColumns;
  const int64_t columns = p.inner < kScatterColumns ? p.inner : kScatterColumns;
  const int64_t work = (p.size[p.axis] + p.axis_size) * columns;
  run.pieces = {p.outer * strips, work > 0 ? (kTaskElements + work - 1) / work : 1};
  frame.parallel->run(run.pieces.tasks(), scatter_task<T>, &run);
  return run.status(frame);
}

}  // namespace

Status gather(const IndexPlan& p, Frame& frame) {
  switch (p.x.element) {
    case 1: return gather_of<uint8_t>(p, frame);
    case 4: return gather_of<uint32_t>(p, frame);
    default: return gather_of<uint64_t>(p, frame);
  }
}

Status scatter_add(const IndexPlan& p, Frame& frame) {
  if (p.dtype == DType::f32) return scatter_of<float>(p, frame);
  if (p.dtype == DType::f64) return scatter_of<double>(p, frame);
  return scatter_of<int32_t>(p, frame);
}

}  // namespace gradus::GRADUS_ISA
