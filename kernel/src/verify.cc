// Checks a decoded program once, at load, so that no kernel has to check anything but the values of
// indices. All arithmetic on sizes and addresses is checked for overflow.
#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <numeric>

#include "opcodes.h"
#include "program.h"

namespace gradus {
namespace {

using Shape = std::vector<int64_t>;

/// Bounds of one instruction, so that positions in its tables fit 16 bits.
constexpr size_t kMaxValues = 4096, kMaxViews = 1024;
/// Of the search for an address that two views share; for slices of one array it takes a few.
constexpr int kMostTries = 1 << 12;

std::string str(int64_t n) { return std::to_string(n); }

std::string str(const Shape& shape) {
  std::string s = "[";
  for (size_t i = 0; i < shape.size(); i++) s += (i ? ", " : "") + str(shape[i]);
  return s + "]";
}

/// First and last element that a view touches; false on overflow. The shape has no size 0.
bool address_range(const View& v, const Shape& shape, int64_t& low, int64_t& high) {
  low = high = v.offset;
  for (size_t i = 0; i < shape.size(); i++) {
    int64_t reach;
    if (__builtin_mul_overflow(shape[i] - 1, v.strides[i], &reach)) return false;
    if (__builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high)) return false;
  }
  return true;
}

struct Axis {
  int64_t stride, size;
};

/// The axes longer than 1 by falling |stride|.
std::vector<Axis> sorted_axes(const View& v, const Shape& shape) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); i++)
    if (shape[i] > 1) axes.push_back({std::abs(v.strides[i]), shape[i]});
  std::sort(axes.begin(), axes.end(), [](Axis a, Axis b) { return a.stride > b.stride; });
  return axes;
}

/// Whether every element has an address of its own: each step is longer than all smaller axes
/// together. Sufficient, and true of every slice or permutation of a dense array.
bool one_to_one(const View& v, const Shape& shape) {
  const std::vector<Axis> axes = sorted_axes(v, shape);
  int64_t span = 0;
  for (size_t i = axes.size(); i-- > 0;) {
    if (axes[i].stride <= span) return false;
    span += (axes[i].size - 1) * axes[i].stride;
  }
  return true;
}

/// Whole numbers x with first ≤ x ≤ last, times a stride: what one axis adds to an address.
struct Term {
  int64_t stride, first, last;
  int64_t low, high, unit;  // of the sum with all later terms: its bounds, and what divides it
};

/// How far apart addresses of two views can be, as one sum of terms by falling stride: axes that step
/// alike in both views are one term, so that slices of one array cancel.
std::vector<Term> difference(const View& a, const Shape& a_shape, const View& b, const Shape& b_shape) {
  std::vector<Term> terms;
  for (Axis axis : sorted_axes(a, a_shape)) terms.push_back({axis.stride, 0, axis.size - 1, 0, 0, 0});
  for (Axis axis : sorted_axes(b, b_shape)) terms.push_back({axis.stride, 1 - axis.size, 0, 0, 0, 0});
  std::sort(terms.begin(), terms.end(), [](const Term& x, const Term& y) { return x.stride > y.stride; });
  std::vector<Term> merged;
  for (const Term& t : terms) {
    if (t.stride == 0) continue;
    if (merged.empty() || merged.back().stride != t.stride) merged.push_back(t);
    else merged.back().first += t.first, merged.back().last += t.last;
  }
  merged.push_back({1, 0, 0, 0, 0, 0});  // the end
  for (size_t i = merged.size() - 1; i-- > 0;) {
    Term& t = merged[i];
    t.low = merged[i + 1].low + t.first * t.stride;
    t.high = merged[i + 1].high + t.last * t.stride;
    t.unit = std::gcd(merged[i + 1].unit, t.stride);
  }
  return merged;
}

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/// Whether the terms from `at` on can add up to `distance`. True as well where the search is too long.
bool reachable(const std::vector<Term>& terms, size_t at, int64_t distance, int& steps) {
  const Term& term = terms[at];
  if (at + 1 == terms.size()) return distance == 0;
  if (distance < term.low || distance > term.high || distance % term.unit != 0) return false;
  if (--steps < 0) return true;
  const Term& rest = terms[at + 1];
  const int64_t first = std::max(term.first, -floor_div(rest.high - distance, term.stride));
  const int64_t last = std::min(term.last, floor_div(distance - rest.low, term.stride));
  for (int64_t x = first; x <= last; x++)
    if (reachable(terms, at + 1, distance - x * term.stride, steps)) return true;
  return false;
}

class Verifier {
 public:
  Verifier(const Program& program, std::string& refusal) : p_(program), refusal_(refusal) {}

  bool run() {
    if (!slots()) return false;
    for (size_t n = 0; n < p_.instructions.size(); n++) {
      const Instruction& i = p_.instructions[n];
      const bool fine = instruction(i);
      if (!fine) {
        refusal_ = "instruction " + std::to_string(n) + " (" + kind_name(i.kind) + "): " + refusal_;
        return false;
      }
    }
    return true;
  }

 private:
  bool refuse(const std::string& why) {
    refusal_ = why;
    return false;
  }

  bool slots() {
    std::vector<bool> donated(p_.slots.size());
    for (size_t i = 0; i < p_.slots.size(); i++) {
      const Slot& s = p_.slots[i];
      const std::string name = "slot " + std::to_string(i);
      if (s.may_alias == -1) continue;
      if (!s.output) return refuse(name + " is an input and cannot alias");
      if (s.may_alias < 0 || size_t(s.may_alias) >= p_.slots.size() || p_.slots[s.may_alias].output)
        return refuse(name + " aliases slot " + str(s.may_alias) + ", which is not an input");
      if (donated[s.may_alias])
        return refuse(name + " aliases slot " + str(s.may_alias) + ", as another output does");
      donated[s.may_alias] = true;
    }
    overwritten_.assign(p_.slots.size(), false);
    filled_.assign(p_.slots.size(), false);
    return true;
  }

  bool sizes(const Shape& shape, const char* what) {
    int64_t n = 1;
    for (int64_t d : shape) {
      if (d < 0) return refuse(std::string(what) + " " + str(shape) + " has a negative size");
      if (d > 0 && (__builtin_mul_overflow(n, d, &n) || n > kMostSteps))
        return refuse(std::string(what) + " " + str(shape) + " is too large");
    }
    return true;
  }

  /// The work of an instruction: the product of sizes and of operations, those of 0 counted as 1.
  bool steps(Shape factors, const Shape& more) {
    factors.insert(factors.end(), more.begin(), more.end());
    int64_t n = 1;
    for (int64_t x : factors)
      if (__builtin_mul_overflow(n, std::max<int64_t>(x, 1), &n) || n > kMostSteps)
        return refuse("it takes more than " + str(kMostSteps) + " steps");
    return true;
  }

  /// The distance from the first to the last of `count` places, `step` apart.
  static int64_t reach(int64_t count, int64_t step) { return std::max<int64_t>(count - 1, 0) * step; }

  /// Positions along a spatial axis that these reaches add up to.
  bool extent(size_t axis, std::initializer_list<int64_t> reaches) {
    int64_t sum = 1;
    for (int64_t r : reaches) sum = std::min(sum + std::min(r, kMostExtent), kMostExtent + 1);
    return sum <= kMostExtent || refuse("spatial axis " + str(int64_t(axis)) + " has more than " + str(kMostExtent) + " positions");
  }

  /// A view that is read or written over `shape`.
  bool view(const View& v, const Shape& shape, const std::string& name, bool written) {
    if (v.strides.size() != shape.size())
      return refuse("view " + name + " has " + str(int64_t(v.strides.size())) + " strides for rank " +
                    str(int64_t(shape.size())));
    if (v.buffer < 0 || size_t(v.buffer) > p_.slots.size())
      return refuse("view " + name + " names buffer " + str(v.buffer) + " of " +
                    str(int64_t(p_.slots.size()) + 1));
    int64_t size = p_.arena_bytes / int64_t(byte_size(v.dtype));
    if (v.buffer > 0) {
      const Slot& s = p_.slots[v.buffer - 1];
      if (written && !s.output)
        return refuse("view " + name + " writes input slot " + str(v.buffer - 1));
      if (!written && s.output && !filled_[v.buffer - 1])
        return refuse("view " + name + " reads output slot " + str(v.buffer - 1) +
                      " before anything is written there");
      if (s.dtype != v.dtype)
        return refuse("view " + name + " is " + dtype_name(v.dtype) + ", its slot is " + dtype_name(s.dtype));
      if (!written && overwritten_[v.buffer - 1])
        return refuse("view " + name + " reads slot " + str(v.buffer - 1) +
                      " after an output that may share its memory");
      size = s.size;
    }
    if (v.offset < 0) return refuse("view " + name + " starts at " + str(v.offset));
    if (count_of(shape) == 0) return true;
    int64_t low, high;
    if (!address_range(v, shape, low, high)) return refuse("view " + name + " overflows");
    if (low < 0 || high >= size)
      return refuse("view " + name + " reaches element " + str(low < 0 ? low : high) + " of buffer " +
                    str(v.buffer) + ", which has " + str(size));
    if (written && !one_to_one(v, shape))
      return refuse("view " + name + " writes elements more than once");
    return true;
  }

  /// Whether an output may touch memory of another view of the same instruction.
  bool overlap(const View& output, const Shape& output_shape, const View& other, const Shape& other_shape) {
    if (count_of(output_shape) == 0 || count_of(other_shape) == 0) return false;
    if (output.buffer != other.buffer)
      return output.buffer > 0 && other.buffer > 0 && p_.slots[output.buffer - 1].may_alias == other.buffer - 1;
    int64_t low[2], high[2];
    address_range(output, output_shape, low[0], high[0]);
    address_range(other, other_shape, low[1], high[1]);
    const int64_t size[2] = {int64_t(byte_size(output.dtype)), int64_t(byte_size(other.dtype))};
    if ((high[0] + 1) * size[0] <= low[1] * size[1] || (high[1] + 1) * size[1] <= low[0] * size[0]) return false;
    if (size[0] != size[1]) return true;
    int steps = kMostTries;
    return reachable(difference(output, output_shape, other, other_shape), 0, low[1] - low[0], steps);
  }

  /// Outputs must not touch what the instruction still reads; an elementwise input may be replaced
  /// in place, element by element.
  bool no_overlap(const View& output, const std::string& name, const Shape& shape, const View& input,
                  const std::string& input_name, const Shape& input_shape, bool elementwise) {
    if (!overlap(output, shape, input, input_shape)) return true;
    const bool in_place = elementwise && shape == input_shape && output.offset == input.offset &&
                          output.strides == input.strides && byte_size(output.dtype) == byte_size(input.dtype);
    return in_place || refuse("view " + name + " overwrites view " + input_name + " while it is read");
  }

  bool expression(const Expression& e, const std::vector<DType>& inputs, size_t rank, const char* what) {
    const std::string name = what;
    if (e.values.size() > kMaxValues) return refuse(name + " has more than " + str(kMaxValues) + " values");
    for (size_t n = 0; n < e.values.size(); n++) {
      const Value& v = e.values[n];
      const std::string subject = name + " value " + std::to_string(n);
      switch (v.kind) {
        case ValueKind::constant:
          break;
        case ValueKind::input:
          if (v.payload < 0 || size_t(v.payload) >= inputs.size())
            return refuse(subject + " is input " + str(v.payload) + " of " + str(int64_t(inputs.size())));
          if (inputs[v.payload] != v.dtype)
            return refuse(subject + " is " + dtype_name(v.dtype) + ", its input is " + dtype_name(inputs[v.payload]));
          break;
        case ValueKind::index:
          if (v.payload < 0 || size_t(v.payload) >= rank)
            return refuse(subject + " is the index of axis " + str(v.payload) + " of " + str(int64_t(rank)));
          if (v.dtype != DType::i32) return refuse(subject + " is an index and not int32");
          break;
        case ValueKind::op:
          if (!operation(e, n, subject)) return false;
      }
    }
    for (int32_t r : e.results)
      if (r < 0 || size_t(r) >= e.values.size())
        return refuse(name + " stores value " + str(r) + " of " + str(int64_t(e.values.size())));
    return true;
  }

  bool operation(const Expression& e, size_t n, const std::string& subject) {
    const Value& v = e.values[n];
    const OpcodeInfo& info = kOpcodeInfo[v.payload];
    for (int i = 0; i < v.arity; i++)
      if (v.args[i] < 0 || size_t(v.args[i]) >= n)
        return refuse(subject + " (" + info.name + ") uses value " + str(v.args[i]) + ", which is not earlier");
    // The condition of `where` is apart from its two choices.
    const int first = v.payload == op_where ? 1 : 0;
    const DType args = e.values[v.args[first]].dtype;
    if (first == 1 && e.values[v.args[0]].dtype != DType::b8)
      return refuse(subject + " (where) has a condition that is " + dtype_name(e.values[v.args[0]].dtype));
    for (int i = first; i < v.arity; i++)
      if (e.values[v.args[i]].dtype != args)
        return refuse(subject + " (" + info.name + ") mixes " + dtype_name(args) + " and " +
                      dtype_name(e.values[v.args[i]].dtype));
    if (!(info.args >> int(args) & 1))
      return refuse(subject + " (" + info.name + ") does not take " + dtype_name(args));
    const int result = info.result == k_same ? int(args) : info.result == k_any ? int(v.dtype) : info.result;
    if (int(v.dtype) != result)
      return refuse(subject + " (" + info.name + ") gives " + dtype_name(DType(result)) + ", not " + dtype_name(v.dtype));
    return true;
  }

  /// Views and expression of a map or an epilogue. `first` are the dtypes before the inputs.
  bool fused(const Fused& f, const Shape& shape, std::vector<DType> first, const char* what) {
    if (f.inputs.size() + f.outputs.size() > kMaxViews)
      return refuse("more than " + str(kMaxViews) + " views");
    for (size_t i = 0; i < f.inputs.size(); i++) {
      if (!view(f.inputs[i], shape, "input " + std::to_string(i), false)) return false;
      first.push_back(f.inputs[i].dtype);
    }
    if (!expression(f.expression, first, shape.size(), what) || !steps(shape, {int64_t(f.expression.values.size())})) return false;
    if (f.outputs.empty()) return refuse("there is no output");
    if (f.expression.results.size() != f.outputs.size())
      return refuse(str(int64_t(f.expression.results.size())) + " results for " + str(int64_t(f.outputs.size())) + " outputs");
    for (size_t i = 0; i < f.outputs.size(); i++) {
      const std::string name = "output " + std::to_string(i);
      const View& out = f.outputs[i];
      if (!view(out, shape, name, true)) return false;
      const DType result = f.expression.values[f.expression.results[i]].dtype;
      if (out.dtype != result)
        return refuse("view " + name + " is " + dtype_name(out.dtype) + ", its value is " + dtype_name(result));
      for (size_t j = 0; j < i; j++)
        if (overlap(out, shape, f.outputs[j], shape))
          return refuse("view " + name + " overlaps output " + std::to_string(j));
      for (size_t j = 0; j < f.inputs.size(); j++)
        if (!no_overlap(out, name, shape, f.inputs[j], "input " + std::to_string(j), shape, true)) return false;
    }
    return true;
  }

  bool operands(const Instruction& i, const std::vector<View>& outputs, const Shape& output_shape,
                std::initializer_list<const char*> names, std::initializer_list<Shape> shapes) {
    for (size_t n = 0; n < names.size(); n++) {
      const char* name = names.begin()[n];
      const Shape& shape = shapes.begin()[n];
      if (!sizes(shape, name) || !view(i.operands[n], shape, name, false)) return false;
      for (size_t j = 0; j < outputs.size(); j++)
        if (outputs[j].strides.size() == output_shape.size() &&
            !no_overlap(outputs[j], "output " + std::to_string(j), output_shape, i.operands[n], name, shape, false))
          return false;
    }
    return true;
  }

  bool takes(DType dtype, std::initializer_list<DType> allowed, const char* what) {
    if (std::find(allowed.begin(), allowed.end(), dtype) != allowed.end()) return true;
    return refuse(std::string(what) + " is " + dtype_name(dtype) + ", which this instruction does not take");
  }

  bool same(DType a, DType b, const char* what) {
    return a == b || refuse(std::string(what) + " are " + dtype_name(a) + " and " + dtype_name(b));
  }

  bool instruction(const Instruction& i) {
    if (!sizes(i.shape, "shape")) return false;
    bool fine = false;
    switch (i.kind) {
      case Kind::map: fine = fused(i.fused, i.shape, {}, "expression"); break;
      case Kind::reduce: fine = reduce(i); break;
      case Kind::matmul: fine = matmul(i); break;
      case Kind::conv: fine = conv(i); break;
      case Kind::fold: fine = fold(i); break;
      case Kind::gather: fine = gather(i); break;
      case Kind::scatter_add: fine = scatter_add(i); break;
      case Kind::cumsum: fine = along_last_axis(i, {DType::f32, DType::f64, DType::i32}, i.operands[0].dtype); break;
      case Kind::argsort:
        fine = along_last_axis(i, {DType::f32, DType::f64, DType::i32, DType::b8}, DType::i32);
        break;
    }
    if (!fine) return false;
    for (const std::vector<View>* outputs : {&i.fused.outputs, &i.outputs})
      for (const View& v : *outputs) {
        if (v.buffer == 0) continue;
        filled_[v.buffer - 1] = true;
        if (p_.slots[v.buffer - 1].may_alias >= 0) overwritten_[p_.slots[v.buffer - 1].may_alias] = true;
      }
    return true;
  }

  bool reduce(const Instruction& i) {
    if (i.kept > int64_t(i.shape.size())) return refuse("keeps " + str(i.kept) + " axes of " + str(i.shape));
    if (i.inner > int64_t(i.shape.size()) - i.kept)
      return refuse("makes lines of " + str(i.inner) + " axes and reduces " + str(int64_t(i.shape.size()) - i.kept));
    const Shape kept(i.shape.begin(), i.shape.begin() + i.kept);
    const int64_t reduced = count_of(Shape(i.shape.begin() + i.kept, i.shape.end()));
    if (i.inputs.size() > kMaxViews) return refuse("more than " + str(kMaxViews) + " views");
    std::vector<DType> dtypes;
    for (size_t n = 0; n < i.inputs.size(); n++) {
      if (!view(i.inputs[n], i.shape, "input " + std::to_string(n), false)) return false;
      dtypes.push_back(i.inputs[n].dtype);
    }
    if (!expression(i.before, dtypes, i.shape.size(), "before") || !steps(i.shape, {int64_t(i.before.values.size())})) return false;
    if (i.before.results.size() != 1) return refuse("before has " + str(int64_t(i.before.results.size())) + " results");
    const DType dtype = i.before.values[i.before.results[0]].dtype;
    if (i.reducer == Reducer::sum && !takes(dtype, {DType::f32, DType::f64, DType::i32}, "the summand")) return false;
    const bool position = i.reducer == Reducer::argmax || i.reducer == Reducer::argmin;
    if (position && reduced == 0 && count_of(kept) > 0) return refuse("argmax or argmin of no elements");
    if (position && reduced > INT32_MAX) return refuse("positions in " + str(reduced) + " elements exceed int32");
    if (!fused(i.fused, kept, {position ? DType::i32 : dtype}, "epilogue")) return false;
    for (size_t j = 0; j < i.fused.outputs.size(); j++)
      for (size_t n = 0; n < i.inputs.size(); n++)
        if (!no_overlap(i.fused.outputs[j], "output " + std::to_string(j), kept, i.inputs[n],
                        "input " + std::to_string(n), i.shape, false))
          return false;
    return true;
  }

  bool matmul(const Instruction& i) {
    if (i.shape.size() < 2) return refuse("shape " + str(i.shape) + " is not a matrix");
    Shape a = i.shape, b = i.shape;
    a[a.size() - 1] = i.k;
    b[b.size() - 2] = i.k;
    const DType dtype = i.operands[0].dtype;
    return steps(i.shape, {i.k}) && takes(dtype, {DType::f32, DType::f64, DType::i32}, "a") && same(dtype, i.operands[1].dtype, "a and b") &&
           fused(i.fused, i.shape, {dtype}, "epilogue") &&
           operands(i, i.fused.outputs, i.shape, {"a", "b"}, {a, b});
  }

  bool conv(const Instruction& i) {
    const Conv& c = i.conv;
    const size_t axes = i.shape.size() < 3 ? 0 : i.shape.size() - 3;
    if (axes < 1 || axes > 3) return refuse("shape " + str(i.shape) + " is not that of a convolution in 1, 2 or 3 dimensions");
    for (const Shape* list : {&c.input_size, &c.kernel_size, &c.stride, &c.pad_low, &c.input_dilation, &c.kernel_dilation})
      if (list->size() != axes) return refuse(str(int64_t(list->size())) + " numbers for " + str(int64_t(axes)) + " spatial axes");
    for (size_t s = 0; s < axes; s++) {
      if (c.input_size[s] < 0 || c.kernel_size[s] < 1)
        return refuse("input size " + str(c.input_size) + " or kernel size " + str(c.kernel_size) + " is not positive");
      if (c.stride[s] < 1 || c.input_dilation[s] < 1 || c.kernel_dilation[s] < 1)
        return refuse("a stride or dilation is not positive");
      // Products of two 31-bit numbers do not overflow.
      if (!extent(s, {reach(i.shape[3 + s], c.stride[s]), reach(c.kernel_size[s], c.kernel_dilation[s]), std::abs(c.pad_low[s]),
                      reach(c.input_size[s], c.input_dilation[s])}))
        return false;
    }
    Shape x = {i.shape[0], i.shape[1], c.channels};
    x.insert(x.end(), c.input_size.begin(), c.input_size.end());
    Shape w = {i.shape[1], i.shape[2], c.channels};
    w.insert(w.end(), c.kernel_size.begin(), c.kernel_size.end());
    const DType dtype = i.operands[0].dtype;
    Shape sums = c.kernel_size;
    sums.push_back(c.channels);
    return steps(i.shape, sums) && takes(dtype, {DType::f32, DType::f64}, "x") && same(dtype, i.operands[1].dtype, "x and w") &&
           fused(i.fused, i.shape, {dtype}, "epilogue") &&
           operands(i, i.fused.outputs, i.shape, {"x", "w"}, {x, w});
  }

  /// The single output of an instruction without an epilogue.
  bool plain_output(const Instruction& i, const Shape& shape) {
    return sizes(shape, "output") && view(i.outputs[0], shape, "output", true);
  }

  bool fold(const Instruction& i) {
    const Fold& f = i.fold;
    const size_t axes = f.window.size();
    if (axes < 1 || axes > i.shape.size()) return refuse("windows of rank " + str(int64_t(axes)) + " in " + str(i.shape));
    for (const Shape* list : {&f.positions, &f.stride, &f.dilation})
      if (list->size() != axes) return refuse(str(int64_t(list->size())) + " numbers for " + str(int64_t(axes)) + " spatial axes");
    if (i.shape.size() + axes > size_t(kMaxRank)) return refuse("the input's rank exceeds 16");
    for (size_t s = 0; s < axes; s++) {
      if (f.positions[s] < 0 || f.window[s] < 0) return refuse("a number of positions or window size is negative");
      if (f.stride[s] < 1 || f.dilation[s] < 1) return refuse("a stride or dilation is not positive");
      if (!extent(s, {reach(f.positions[s], f.stride[s]), reach(f.window[s], f.dilation[s])})) return false;
    }
    Shape input(i.shape.begin(), i.shape.end() - axes);
    input.insert(input.end(), f.positions.begin(), f.positions.end());
    input.insert(input.end(), f.window.begin(), f.window.end());
    return steps(i.shape, f.window) && steps(input, {}) && takes(i.operands[0].dtype, {DType::f32, DType::f64, DType::i32}, "input") &&
           same(i.operands[0].dtype, i.outputs[0].dtype, "input and output") && plain_output(i, i.shape) &&
           operands(i, i.outputs, i.shape, {"input"}, {input});
  }

  bool gather(const Instruction& i) {
    if (i.axis >= int64_t(i.shape.size())) return refuse("axis " + str(i.axis) + " of shape " + str(i.shape));
    Shape x = i.shape;
    x[i.axis] = i.axis_size;
    return takes(i.operands[1].dtype, {DType::i32}, "indices") &&
           same(i.operands[0].dtype, i.outputs[0].dtype, "x and output") && plain_output(i, i.shape) &&
           operands(i, i.outputs, i.shape, {"x", "indices"}, {x, i.shape});
  }

  bool scatter_add(const Instruction& i) {
    if (i.axis >= int64_t(i.shape.size())) return refuse("axis " + str(i.axis) + " of shape " + str(i.shape));
    Shape out = i.shape;
    out[i.axis] = i.axis_size;
    if (!takes(i.operands[0].dtype, {DType::i32}, "indices") ||
        !takes(i.operands[1].dtype, {DType::f32, DType::f64, DType::i32}, "updates") ||
        !same(i.operands[1].dtype, i.outputs[0].dtype, "updates and output") || !plain_output(i, out))
      return false;
    int64_t step = 1;
    for (size_t a = out.size(); a-- > 0; step *= out[a])
      if (out[a] > 1 && i.outputs[0].strides[a] != step && count_of(out) > 0)
        return refuse("view output is not dense over " + str(out));
    return operands(i, i.outputs, out, {"indices", "updates"}, {i.shape, i.shape});
  }

  bool along_last_axis(const Instruction& i, std::initializer_list<DType> allowed, DType result) {
    if (i.shape.empty()) return refuse("a scalar has no last axis");
    if (i.outputs[0].dtype != result) return refuse(std::string("output is ") + dtype_name(i.outputs[0].dtype) + ", not " + dtype_name(result));
    return takes(i.operands[0].dtype, allowed, "input") && plain_output(i, i.shape) &&
           operands(i, i.outputs, i.shape, {"input"}, {i.shape});
  }

  const Program& p_;
  std::string& refusal_;
  std::vector<bool> filled_;       // output slots that an earlier instruction has written
  std::vector<bool> overwritten_;  // input slots whose memory an output may have taken
};

}  // namespace

bool verify(const Program& program, std::string& refusal) { return Verifier(program, refusal).run(); }

}  // namespace gradus
