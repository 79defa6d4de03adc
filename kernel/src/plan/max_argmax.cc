#include "max_argmax.h"

#include <algorithm>

namespace gradus {
namespace {

using Shape = std::vector<int64_t>;

/// The bytes from the first to the last element of a view, in memory that may be shared with another slot.
struct Span {
  int32_t buffer;
  int64_t low, high;

  Span(const Program& program, const View& v, const Shape& shape) {
    const int32_t shared = v.buffer > 0 ? program.slots[size_t(v.buffer - 1)].may_alias : -1;
    const int64_t element = int64_t(byte_size(v.dtype));
    buffer = shared >= 0 ? shared + 1 : v.buffer;
    low = v.offset * element, high = low + element;
    for (size_t a = 0; a < shape.size(); ++a) {
      const int64_t reach = (shape[a] - 1) * v.strides[a] * element;
      (reach < 0 ? low : high) += reach;
    }
  }
};

/// Whether elements of some views may share memory with those of others.
bool meet(const Program& program, const std::vector<View>& some, const std::vector<View>& others, const Shape& shape) {
  for (const View& v : some)
    for (const View& w : others) {
      const Span a(program, v, shape), b(program, w, shape);
      if (a.buffer == b.buffer && a.low < b.high && b.low < a.high) return true;
    }
  return false;
}

/// Whether both reductions cut the same elements into the same windows and blocks.
bool same_windows(const ReducePlan& a, const ReducePlan& b) {
  const Loop &x = a.before, &y = b.before;
  if (a.window.empty() || a.window != b.window || x.rank != y.rank || a.kept_rank != b.kept_rank) return false;
  const LoopView& v = x.inputs[size_t(x.outputs[0].value)].view;
  const LoopView& w = y.inputs[size_t(y.outputs[0].value)].view;
  return v.buffer == w.buffer && v.offset == w.offset && std::equal(v.stride, v.stride + x.rank, w.stride) &&
         std::equal(x.size, x.size + x.rank, y.size) && std::equal(x.extent, x.extent + x.rank, y.extent);
}

}  // namespace

bool fuses_max_argmax(const Program& program, const Instruction& max, const ReducePlan& max_plan,
                      const Instruction& argmax, const ReducePlan& argmax_plan) {
  if (max.reducer != Reducer::max || argmax.reducer != Reducer::argmax) return false;
  const bool real = max_plan.dtype == DType::f32 || max_plan.dtype == DType::f64;
  if (!real || max_plan.dtype != argmax_plan.dtype || !same_windows(max_plan, argmax_plan)) return false;
  const Shape kept(max.shape.begin(), max.shape.begin() + max.kept);
  return Shape(argmax.shape.begin(), argmax.shape.begin() + argmax.kept) == kept &&
         !meet(program, max.fused.outputs, argmax.fused.inputs, kept) &&
         !meet(program, argmax.fused.outputs, max.fused.inputs, kept) &&
         !meet(program, argmax.fused.outputs, max.fused.outputs, kept);
}

}  // namespace gradus
