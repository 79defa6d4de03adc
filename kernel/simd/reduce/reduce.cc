// r[k] = reducer over the reduced axes of before(inputs), then the epilogue. Two forms: by rows, where the reduced axes
// are contiguous, and by columns, where the kept ones are.
#include "reducers.h"

#include "simd/kernels.h"
#include "simd/loop/lines.h"

namespace gradus::GRADUS_ISA {
namespace {

/// A reducer for one dtype.
struct Reducing {
  void (*start)(Accumulators, int64_t n);
  /// A line consists of `line` of the n elements of a row; it divides n.
  void (*rows)(Accumulators, const void* x, int64_t ld, int64_t rows, int64_t n, int64_t line, int64_t base);
  void (*columns)(Accumulators, const void* x, int64_t ld, int64_t rows, int64_t n, int64_t base);
  void (*combine)(Accumulators, Accumulators, int64_t n);
  void (*finish)(Accumulators, void* result, int64_t n);
  // A line that arrives piece by piece: the partial sums so far, initially zeros. Null where order does not matter.
  void (*extend)(void* line, const void* x, int64_t n);
  void (*end)(Accumulators, const void* line);
  void (*windows)(void* result, const void* x, const Windows&);  // null for bool
  // Extremes and their positions; null except for the maximum of real numbers.
  void (*max_argmax)(void* values, void* positions, const void* x, const Windows&);
};

template <class R, class T>
void any_windows(void* result, const void* x, const Windows& w) {
  (w.step == 1 ? windows<R, T, 1> : windows<R, T, 2>)(static_cast<typename R::Out>(result), static_cast<const T*>(x),
                                                      w);
}

template <class R, class T>
constexpr auto windows_of() {
  if constexpr (sizeof(T) == 1) return nullptr;
  else return any_windows<R, T>;
}

template <class R, class T>
void max_argmax_windows(void* values, void* positions, const void* x, const Windows& w) {
  const typename R::Out result{static_cast<T*>(values), static_cast<int32_t*>(positions)};
  (w.step == 1 ? windows<R, T, 1> : windows<R, T, 2>)(result, static_cast<const T*>(x), w);
}

template <class R, class T>
void extend_line(void* line, const void* x, int64_t n) {
  static_cast<typename R::Line*>(line)->extend(static_cast<const T*>(x), n);
}

template <class R>
void end_line(Accumulators acc, const void* line) {
  *static_cast<typename R::Total*>(acc.values) += static_cast<const typename R::Line*>(line)->total();
}

/// Room for any line.
constexpr int64_t kLineBytes = 640;

template <class R, class T>
constexpr auto extend_of() {
  if constexpr (R::minds_order) {
    static_assert(sizeof(typename R::Line) <= kLineBytes);
    return extend_line<R, T>;
  } else {
    return nullptr;
  }
}

template <class R>
constexpr auto end_of() {
  if constexpr (R::minds_order) return end_line<R>;
  else return nullptr;
}

template <class R>
constexpr auto max_argmax_of() {
  if constexpr (std::is_same_v<R, Extreme<float, true>>)
    return max_argmax_windows<ExtremeAndPosition<float, int32_t, true>, float>;
  else if constexpr (std::is_same_v<R, Extreme<double, true>>)
    return max_argmax_windows<ExtremeAndPosition<double, int64_t, true>, double>;
  else return nullptr;
}

template <class R, class T>
constexpr Reducing reducing = {
    R::start,
    [](Accumulators acc, const void* x, int64_t ld, int64_t rows, int64_t n, int64_t line, int64_t base) {
      if constexpr (R::minds_order) R::rows(acc, static_cast<const T*>(x), ld, rows, n, line);
      else R::rows(acc, static_cast<const T*>(x), ld, rows, n, base);
    },
    [](Accumulators acc, const void* x, int64_t ld, int64_t rows, int64_t n, int64_t base) {
      R::columns(acc, static_cast<const T*>(x), ld, rows, n, base);
    },
    R::combine,
    R::finish,
    extend_of<R, T>(),
    end_of<R>(),
    windows_of<R, T>(),
    max_argmax_of<R>(),
};

template <class T, class A, class P>
const Reducing* reducing_of(Reducer reducer) {
  switch (reducer) {
    case Reducer::sum:
      if constexpr (sizeof(T) == 1) return nullptr;  // refused at load
      else return &reducing<Sum<T, A>, T>;
    case Reducer::max: return &reducing<Extreme<T, true>, T>;
    case Reducer::min: return &reducing<Extreme<T, false>, T>;
    case Reducer::argmax: return &reducing<ExtremePosition<T, P, true>, T>;
    case Reducer::argmin: return &reducing<ExtremePosition<T, P, false>, T>;
  }
  return nullptr;
}

const Reducing* reducing_of(Reducer reducer, DType dtype) {
  switch (dtype) {
    case DType::f32: return reducing_of<float, double, int32_t>(reducer);
    case DType::f64: return reducing_of<double, double, int64_t>(reducer);
    case DType::i32: return reducing_of<int32_t, uint32_t, int32_t>(reducer);
    case DType::b8: return reducing_of<uint8_t, uint32_t, int32_t>(reducer);
  }
  return nullptr;
}

/// The distance in elements between the lines of a block; `regular` when each line (the axes from `outer` on) is
/// contiguous and all have that distance.
int64_t line_distance(const LoopView& v, int outer, int rank, const int64_t* extent, bool& regular) {
  regular = is_dense(v.stride + outer, rank - outer, extent + outer, v.element);
  int64_t distance = 0, next = 0;  // next: the required stride of the next outer axis
  for (int a = outer - 1; a >= 0; --a) {
    if (extent[a] == 1) continue;
    if (next == 0) distance = next = v.stride[a];
    regular = regular && next != 0 && v.stride[a] == next;
    next *= extent[a];
  }
  return distance / v.element;
}

/// Where the results of a kept block go, before the epilogue.
struct Results {
  char* at;
  bool direct;  // this is the output itself
};

/// The reduced elements of a part, cut into blocks.
struct Box {
  int64_t origin[kMaxRank], size[kMaxRank], grid[kMaxRank];
  int64_t blocks;
};

struct ReduceRun {
  const ReducePlan& plan;
  const Frame& frame;
  const Reducing& reducer;
  char* partials = nullptr;  // [part][kept block] accumulators, when the reduced axes are cut
  bool ready[kMaxWorkers] = {};

  int kept_at() const { return plan.rows ? 0 : plan.reduced_rank; }
  int reduced_at() const { return plan.rows ? plan.kept_rank : 0; }
  int64_t accumulator_bytes() const { return (plan.kept_per_block * 8 + 63) / 64 * 64; }

  char* after_memory(int worker) const { return frame.worker_memory[worker] + plan.before.memory; }
  char* accumulator_memory(int worker) const { return after_memory(worker) + plan.after.memory; }
  char* argmax_memory(int worker) const { return accumulator_memory(worker) + plan.accumulator_memory; }
  Accumulators at(char* memory) const { return {memory, memory + accumulator_bytes()}; }
  Accumulators partial(int64_t part, int64_t block) const {
    return at(partials + (part * plan.kept_blocks + block) * 2 * accumulator_bytes());
  }

  void prepare(int worker) {
    if (ready[worker]) return;
    if (plan.reduced_blocks > 0) begin(plan.before, frame, frame.worker_memory[worker]);
    begin(plan.after, frame, after_memory(worker));
    if (plan.argmax) begin(plan.argmax->after, frame, argmax_memory(worker));
    ready[worker] = true;
  }

  Box box_of(int64_t part) const {
    const Loop& loop = plan.before;
    const int r = reduced_at();
    Box box;
    box.blocks = plan.reduced_blocks > 0 ? 1 : 0;
    int64_t outer = part / plan.pieces;
    for (int a = plan.reduced_rank - 1; a >= 0; --a) {
      box.origin[a] = 0;
      box.size[a] = loop.size[r + a];
      if (plan.parts > 1 && a == plan.cut) {
        box.origin[a] = part % plan.pieces * plan.piece;
        const int64_t rest = box.size[a] - box.origin[a];
        box.size[a] = plan.piece < rest ? plan.piece : rest;
      } else if (plan.parts > 1 && a < plan.cut) {
        box.origin[a] = outer % box.size[a];
        outer /= box.size[a];
        box.size[a] = 1;
      }
      box.grid[a] = (box.size[a] + loop.extent[r + a] - 1) / loop.extent[r + a];
      box.blocks *= box.grid[a];
    }
    return box;
  }

  /// Folds the reduced elements of a part into the accumulators of a kept block.
  void accumulate(int worker, Accumulators acc, const Box& box, int64_t* start, int64_t* extent) {
    const Loop& loop = plan.before;
    char* memory = frame.worker_memory[worker];
    const int k = kept_at(), r = reduced_at(), outer = plan.reduced_rank - plan.line_axes;
    const int64_t kept = count(plan.kept_rank, extent + k), whole = count(plan.line_axes, box.size + outer);
    alignas(64) char line[kLineBytes];  // of which only some have been read
    int64_t known = 0;
    reducer.start(acc, kept);
    int64_t at[kMaxRank];
    BlockCursor cursor{plan.reduced_rank, box.size, loop.extent + r, box.grid, {}, at, extent + r};
    cursor.seek(0);
    for (int64_t block = 0; block < box.blocks && !frame.parallel->interrupted(); ++block, cursor.next()) {
      for (int a = 0; a < plan.reduced_rank; ++a) start[r + a] = box.origin[a] + at[a];
      const int64_t reduced = count(plan.reduced_rank, extent + r);
      int64_t base = 0;
      for (int a = 0; a < plan.reduced_rank; ++a) base = base * loop.size[r + a] + start[r + a];
      int64_t ld = plan.rows ? reduced : kept;
      const void* x = values(memory, start, extent, ld);
      if (!plan.rows) {
        reducer.columns(acc, x, ld, reduced, kept, base);
        continue;
      }
      const int64_t piece = count(plan.line_axes, extent + r + outer);
      if (piece == whole || !reducer.extend) {
        reducer.rows(acc, x, ld, kept, reduced, piece, base);
        continue;
      }
      if (known == 0) std::memset(line, 0, sizeof line);
      reducer.extend(line, x, piece);
      known += piece;
      if (known < whole) continue;
      reducer.end(acc, line);
      known = 0;
    }
  }

  /// The values of `before` on a block. A plain input of regular lines is not copied.
  const void* values(char* memory, const int64_t* start, const int64_t* extent, int64_t& ld) const {
    const Loop& loop = plan.before;
    const int32_t value = loop.outputs[0].value;
    if (loop.steps.empty() && size_t(value) < loop.inputs.size()) {
      const LoopInput& in = loop.inputs[value];
      const int outer = plan.rows ? plan.kept_rank : plan.reduced_rank;
      bool regular = false;
      const int64_t distance = line_distance(in.view, outer, loop.rank, extent, regular);
      if (in.view.buffer >= 0 && regular) {
        ld = distance;
        return frame.buffers[in.view.buffer] + offset_of(in.view, loop.rank, start);
      }
    }
    evaluate(loop, frame, memory, start, extent);
    return reinterpret_cast<void**>(memory)[value];
  }

  void store(int worker, Accumulators acc, const int64_t* start, const int64_t* extent) const {
    char* memory = after_memory(worker);
    char* result = accumulator_memory(worker) + 2 * accumulator_bytes();
    const int k = kept_at();
    reducer.finish(acc, result, count(plan.kept_rank, extent + k));
    reinterpret_cast<void**>(memory)[0] = result;
    evaluate(plan.after, frame, memory, start + k, extent + k);
  }

  /// For a reduction of windows: the output, if it is dense and takes them unchanged, or a buffer behind the epilogue's
  /// memory.
  Results results_of(const ReducePlan& p, char* memory, const int64_t* start, const int64_t* extent) const {
    const LoopOutput& out = p.after.outputs[0];
    const int k = kept_at();
    const bool direct = p.after.steps.empty() && p.after.outputs.size() == 1 && out.value == 0 &&
                        is_dense(out.view.stride, p.kept_rank, extent + k, out.view.element);
    if (!direct) return {memory + p.after.memory, false};
    return {frame.buffers[out.view.buffer] + offset_of(out.view, p.kept_rank, start + k), true};
  }

  void finish(const ReducePlan& p, char* memory, Results results, const int64_t* start, const int64_t* extent) const {
    if (results.direct) return;
    reinterpret_cast<void**>(memory)[0] = results.at;
    evaluate(p.after, frame, memory, start + kept_at(), extent + kept_at());
  }

  /// Reduces a kept block, all its equidistant lines at once, and passes it through the epilogue, together with that of
  /// a fused argmax.
  void reduce_windows(int worker, const int64_t* start, const int64_t* extent) const {
    const Loop& loop = plan.before;
    const LoopView& view = loop.inputs[loop.outputs[0].value].view;
    const int k = kept_at(), last = loop.rank - 1, rows = last > k ? last - 1 : last;
    const Results mine = results_of(plan, after_memory(worker), start, extent);
    const Results others = plan.argmax ? results_of(*plan.argmax, argmax_memory(worker), start, extent) : Results{};
    const char* x = frame.buffers[view.buffer] + offset_of(view, loop.rank, start);
    const Windows w{plan.window.data(), int64_t(plan.window.size()),    view.stride[last] / view.element,
                    extent[last],       rows < last ? extent[rows] : 1, view.stride[rows] / view.element};
    const int64_t planes = count(rows - k, extent + k), size = w.rows * w.n;
    for (int64_t plane = 0; plane < planes; ++plane) {
      const char* from = x + line_offset(view, extent, k, rows, plane);
      char* to = mine.at + plane * size * plan.after.inputs[0].view.element;
      if (plan.argmax) reducer.max_argmax(to, others.at + plane * size * int64_t{sizeof(int32_t)}, from, w);
      else reducer.windows(to, from, w);
    }
    finish(plan, after_memory(worker), mine, start, extent);
    if (plan.argmax) finish(*plan.argmax, argmax_memory(worker), others, start, extent);
  }

  BlockCursor kept_cursor(int64_t* start, int64_t* extent) const {
    const int k = kept_at();
    return {plan.kept_rank, plan.before.size + k, plan.before.extent + k, plan.kept_grid, {}, start + k, extent + k};
  }

  static void whole(void* context, int64_t task, int worker) {
    ReduceRun& run = *static_cast<ReduceRun*>(context);
    run.prepare(worker);
    const ReducePlan& plan = run.plan;
    int64_t start[kMaxRank] = {}, extent[kMaxRank];
    BlockCursor cursor = run.kept_cursor(start, extent);
    const int64_t first = task * plan.kept_per_task;
    const int64_t last = first + plan.kept_per_task < plan.kept_blocks ? first + plan.kept_per_task : plan.kept_blocks;
    cursor.seek(first);
    const Accumulators acc = run.at(run.accumulator_memory(worker));
    const Box box = run.box_of(0);
    for (int64_t block = first; block < last; ++block, cursor.next()) {
      if (!plan.window.empty()) {
        run.reduce_windows(worker, start, extent);
        continue;
      }
      run.accumulate(worker, acc, box, start, extent);
      run.store(worker, acc, start, extent);
    }
  }

  static void part(void* context, int64_t task, int worker) {
    ReduceRun& run = *static_cast<ReduceRun*>(context);
    run.prepare(worker);
    const ReducePlan& plan = run.plan;
    const int64_t block = task / plan.parts, part = task % plan.parts;
    int64_t start[kMaxRank], extent[kMaxRank];
    run.kept_cursor(start, extent).seek(block);
    run.accumulate(worker, run.partial(part, block), run.box_of(part), start, extent);
  }

  /// Adds the parts in their order.
  static void join(void* context, int64_t block, int worker) {
    ReduceRun& run = *static_cast<ReduceRun*>(context);
    run.prepare(worker);
    int64_t start[kMaxRank], extent[kMaxRank];
    run.kept_cursor(start, extent).seek(block);
    const Accumulators acc = run.partial(0, block);
    const int64_t kept = count(run.plan.kept_rank, extent + run.kept_at());
    for (int64_t part = 1; part < run.plan.parts; ++part) run.reducer.combine(acc, run.partial(part, block), kept);
    run.store(worker, acc, start, extent);
  }
};

}  // namespace

Status reduce(const ReducePlan& plan, Frame& frame) {
  ReduceRun run{plan, frame, *reducing_of(plan.reducer, plan.dtype)};
  if (plan.parts == 1) {
    frame.parallel->run((plan.kept_blocks + plan.kept_per_task - 1) / plan.kept_per_task, ReduceRun::whole, &run);
    return Status::ok;
  }
  run.partials = static_cast<char*>(
      frame.parallel->workspace(uint64_t(plan.parts * plan.kept_blocks * 2 * run.accumulator_bytes())));
  if (!run.partials) return Status::out_of_memory;
  frame.parallel->run(plan.kept_blocks * plan.parts, ReduceRun::part, &run);
  frame.parallel->run(plan.kept_blocks, ReduceRun::join, &run);
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA
