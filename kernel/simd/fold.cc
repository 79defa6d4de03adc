// Overlap-add: output[l…, s…] = Σ over (p, q) with p·step + q·dilation = s of input[l…, p…, q…]. Each output line along
// the last axis is summed by one task, window by window: no two tasks write the same element, and the order of every
// sum is fixed.
#include "kernels.h"
#include "simd/loop/lines.h"

namespace gradus::GRADUS_ISA {
namespace {

template <class T>
T plus(T a, T b) {
  return a + b;
}
template <>
int32_t plus(int32_t a, int32_t b) {
  return int32_t(uint32_t(a) + uint32_t(b));
}

struct FoldRun {
  const FoldPlan& plan;
  const Parallel& pool;
  const char* input;
  char* output;
  Pieces pieces;
};

/// Adds the windows' elements along the last axis, at s = p·step + q·dilation, clipped to the line.
template <class T>
void add_line(const FoldPlan& f, const char* input, char* output) {
  const int last = f.axes - 1, at = f.lead_rank + last;
  const int64_t step = f.step[last], size = f.size[last];
  const int64_t in_p = f.input.stride[at], in_q = f.input.stride[at + f.axes], out_s = f.output.stride[at];
  for (int64_t q = 0; q < f.window[last]; ++q) {
    const int64_t shift = q * f.dilation[last];
    if (shift >= size) break;
    const int64_t fit = (size - 1 - shift) / step + 1;
    const int64_t n = fit < f.positions[last] ? fit : f.positions[last];
    const char* from = input + q * in_q;
    char* to = output + shift * out_s;
    if (in_p == int64_t(sizeof(T)) && out_s * step == int64_t(sizeof(T))) {
      for (int64_t p = 0; p < n; ++p)
        reinterpret_cast<T*>(to)[p] = plus(reinterpret_cast<T*>(to)[p], reinterpret_cast<const T*>(from)[p]);
    } else {
      for (int64_t p = 0; p < n; ++p) {
        T& sum = *reinterpret_cast<T*>(to + p * step * out_s);
        sum = plus(sum, *reinterpret_cast<const T*>(from + p * in_p));
      }
    }
  }
}

/// Visits the (p, q) pairs of the spatial axes before the last that contribute to this output line.
template <class T>
void add_axis(const FoldRun& run, int axis, const int64_t* s, const char* input, char* output) {
  const FoldPlan& f = run.plan;
  if (axis == f.axes - 1) return add_line<T>(f, input, output);
  const int at = f.lead_rank + axis;
  for (int64_t q = 0; q < f.window[axis]; ++q) {
    const int64_t reach = s[axis] - q * f.dilation[axis];
    if (reach < 0 || run.pool.interrupted()) break;
    if (reach % f.step[axis] != 0 || reach / f.step[axis] >= f.positions[axis]) continue;
    const int64_t p = reach / f.step[axis];
    add_axis<T>(run, axis + 1, s, input + p * f.input.stride[at] + q * f.input.stride[at + f.axes], output);
  }
}

template <class T>
void fold_task(void* context, int64_t task, int) {
  const FoldRun& run = *static_cast<FoldRun*>(context);
  const FoldPlan& f = run.plan;
  const int last = f.axes - 1;
  for (int64_t line = run.pieces.first(task); line < run.pieces.last(task); ++line) {
    int64_t s[kMaxRank], rest = line;
    char* output = run.output;
    for (int a = last - 1; a >= 0; --a) {
      s[a] = rest % f.size[a];
      rest /= f.size[a];
      output += s[a] * f.output.stride[f.lead_rank + a];
    }
    output += line_offset(f.output, f.lead_size, 0, f.lead_rank, rest);
    const char* input = run.input + line_offset(f.input, f.lead_size, 0, f.lead_rank, rest);
    const T zero = 0;
    copy_line<T>(output, f.output.stride[f.lead_rank + last], reinterpret_cast<const char*>(&zero), 0, f.size[last]);
    add_axis<T>(run, 0, s, input, output);
  }
}

}  // namespace

Status fold(const FoldPlan& f, Frame& frame) {
  FoldRun run{f,
              *frame.parallel,
              frame.buffers[f.input.buffer] + f.input.offset,
              frame.buffers[f.output.buffer] + f.output.offset,
              {f.lines, f.lines_per_task}};
  const auto task = f.dtype == DType::f32   ? fold_task<float>
                    : f.dtype == DType::f64 ? fold_task<double>
                                            : fold_task<int32_t>;
  frame.parallel->run(run.pieces.tasks(), task, &run);
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA
