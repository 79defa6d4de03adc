// Checks a decoded program once, at load, so that kernels only have to check the values of indices. All arithmetic on
// sizes and addresses is checked for overflow.
#include <algorithm>
#include <cstdlib>
#include <initializer_list>

#include "opcodes.h"
#include "overlap.h"
#include "program.h"

namespace gradus {
namespace {

using Shape = std::vector<int64_t>;

/// Limits of one instruction, so that positions in its tables fit 16 bits.
constexpr size_t kMaxValues = 4096, kMaxViews = 1024;

std::string str(int64_t n) { return std::to_string(n); }

std::string str(const Shape& shape) {
  std::string s = "[";
  for (size_t i = 0; i < shape.size(); i++) s += (i ? ", " : "") + str(shape[i]);
  return s + "]";
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
      if (donated[s.may_alias]) return refuse(name + " aliases slot " + str(s.may_alias) + ", as another output does");
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

  /// The work of an instruction: the product of sizes and operations, with 0 counted as 1.
  bool steps(Shape factors, const Shape& more) {
    factors.insert(factors.end(), more.begin(), more.end());
    int64_t n = 1;
    for (int64_t x : factors)
      if (__builtin_mul_overflow(n, std::max<int64_t>(x, 1), &n) || n > kMostSteps)
        return refuse("it takes more than " + str(kMostSteps) + " steps");
    return true;
  }

  /// The distance from the first to the last of `count` positions, `step` apart.
  static int64_t reach(int64_t count, int64_t step) { return std::max<int64_t>(count - 1, 0) * step; }

  /// Positions along a spatial axis; these extents add up to them.
  bool extent(size_t axis, std::initializer_list<int64_t> reaches) {
    int64_t sum = 1;
    for (int64_t r : reaches) sum = std::min(sum + std::min(r, kMostExtent), kMostExtent + 1);
    return sum <= kMostExtent ||
           refuse("spatial axis " + str(int64_t(axis)) + " has more than " + str(kMostExtent) + " positions");
  }

  /// A view that is read or written over `shape`.
  bool view(const View& v, const Shape& shape, const std::string& name, bool written) {
    if (v.strides.size() != shape.size())
      return refuse("view " + name + " has " + str(int64_t(v.strides.size())) + " strides for rank " +
                    str(int64_t(shape.size())));
    if (v.buffer < 0 || size_t(v.buffer) > p_.slots.size())
      return refuse("view " + name + " names buffer " + str(v.buffer) + " of " + str(int64_t(p_.slots.size()) + 1));
    int64_t size = p_.arena_bytes / int64_t(byte_size(v.dtype));
    if (v.buffer > 0) {
      const Slot& s = p_.slots[v.buffer - 1];
      if (written && !s.output) return refuse("view " + name + " writes input slot " + str(v.buffer - 1));
      if (!written && s.output && !filled_[v.buffer - 1])
        return refuse("view " + name + " reads output slot " + str(v.buffer - 1) + " before anything is written there");
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
      return refuse("view " + name + " reaches element " + str(low < 0 ? low : high) + " of buffer " + str(v.buffer) +
                    ", which has " + str(size));
    if (written && !one_to_one(v, shape)) return refuse("view " + name + " writes elements more than once");
    return true;
  }

  /// Whether an output may share memory with another view of the same instruction.
  bool overlap(const View& output, const Shape& output_shape, const View& other, const Shape& other_shape) {
    if (count_of(output_shape) == 0 || count_of(other_shape) == 0) return false;
    if (output.buffer != other.buffer)
      return output.buffer > 0 && other.buffer > 0 && p_.slots[output.buffer - 1].may_alias == other.buffer - 1;
    return may_meet(output, output_shape, other, other_shape);
  }

  /// Outputs must not overlap inputs that are still read; an elementwise input may be overwritten in place, element by
  /// element.
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
        case ValueKind::constant: break;
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
    // The condition of `where` has another dtype than its two choices.
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
      return refuse(subject + " (" + info.name + ") gives " + dtype_name(DType(result)) + ", not " +
                    dtype_name(v.dtype));
    return true;
  }

  /// Views and expression of a map or an epilogue. `first` are the dtypes of the values before the inputs.
  bool fused(const Fused& f, const Shape& shape, std::vector<DType> first, const char* what) {
    if (f.inputs.size() + f.outputs.size() > kMaxViews) return refuse("more than " + str(kMaxViews) + " views");
    for (size_t i = 0; i < f.inputs.size(); i++) {
      if (!view(f.inputs[i], shape, "input " + std::to_string(i), false)) return false;
      first.push_back(f.inputs[i].dtype);
    }
    if (!expression(f.expression, first, shape.size(), what) || !steps(shape, {int64_t(f.expression.values.size())}))
      return false;
    if (f.outputs.empty()) return refuse("there is no output");
    if (f.expression.results.size() != f.outputs.size())
      return refuse(str(int64_t(f.expression.results.size())) + " results for " + str(int64_t(f.outputs.size())) +
                    " outputs");
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

  bool dtype(const Operand& o) {
    const std::string name = o.name;
    const DType t = o.view->dtype;
    if (!(o.dtypes >> int(t) & 1))
      return refuse(name + " is " + dtype_name(t) + ", which this instruction does not take");
    return !o.like || t == o.like->dtype ||
           refuse(std::string(o.like_name) + " and " + name + " are " + dtype_name(o.like->dtype) + " and " +
                  dtype_name(t));
  }

  static bool is_dense(const View& v, const Shape& shape) {
    int64_t step = 1;
    for (size_t a = shape.size(); a-- > 0; step *= shape[a])
      if (shape[a] > 1 && v.strides[a] != step && count_of(shape) > 0) return false;
    return true;
  }

  bool instruction(const Instruction& i) {
    if (!sizes(i.shape, "shape") || !relations(i)) return false;
    std::vector<Operand> views = operands_of(i);
    for (const Operand& o : views)
      if (!sizes(o.shape, o.name) || !dtype(o)) return false;
    const Shape result = result_shape(i);
    if (has_expression(i.kind)) {
      std::vector<DType> first;
      if (i.kind != Kind::map) first.push_back(result_dtype(i));
      if (!fused(i.fused, result, first, first.empty() ? "expression" : "epilogue") || !bias(i)) return false;
    }
    for (const Operand& o : views) {
      if (!view(*o.view, o.shape, o.name, o.written)) return false;
      if (o.dense && !is_dense(*o.view, o.shape))
        return refuse(std::string("view ") + o.name + " is not dense over " + str(o.shape));
    }
    return apart(i, views, result) && written(i);
  }

  /// A bias has one element per channel. The epilogue is verified with bias and ReLU as part of its expression.
  bool bias(const Instruction& i) {
    if (i.bias.empty() && !i.relu) return true;
    if (i.kind != Kind::matmul && i.kind != Kind::conv) return true;  // other kinds do not use these fields
    if (i.bias.size() > 1) return refuse("there are " + str(int64_t(i.bias.size())) + " biases");
    for (const View& b : i.bias) {
      if (b.dtype != result_dtype(i))
        return refuse(std::string("the bias is ") + dtype_name(b.dtype) + ", not " + dtype_name(result_dtype(i)));
      const size_t rank = i.shape.size(), first = i.kind == Kind::conv ? 1 : rank - 1,
                   last = i.kind == Kind::conv ? 2 : rank - 1;
      for (size_t a = 0; a < b.strides.size(); a++)
        if (b.strides[a] != 0 && (a < first || a > last))
          return refuse("the bias varies along axis " + str(int64_t(a)));
    }
    return fused(epilogue_of(i), i.shape, {result_dtype(i)}, "epilogue");
  }

  /// No output overlaps an input that is read in another order than the output is written.
  bool apart(const Instruction& i, const std::vector<Operand>& views, const Shape& result) {
    std::vector<Operand> reads, writes;
    for (const Operand& o : views) (o.written ? writes : reads).push_back(o);
    const auto add = [](std::vector<Operand>& list, const char* name, const View& v, const Shape& shape) {
      list.push_back({name, &v, shape, kAnyDType, nullptr, nullptr, false, false});
    };
    if (has_expression(i.kind))
      for (const View& v : i.fused.outputs) add(writes, "output", v, result);
    if (i.kind == Kind::reduce)
      for (const View& v : i.inputs) add(reads, "input", v, i.shape);
    for (const Operand& w : writes)
      for (const Operand& r : reads)
        if (!no_overlap(*w.view, w.name, w.shape, *r.view, r.name, r.shape, false)) return false;
    return true;
  }

  /// Records the slots that the instruction writes, for later instructions.
  bool written(const Instruction& i) {
    for (const std::vector<View>* outputs : {&i.fused.outputs, &i.outputs})
      for (const View& v : *outputs) {
        if (v.buffer == 0) continue;
        filled_[v.buffer - 1] = true;
        if (p_.slots[v.buffer - 1].may_alias >= 0) overwritten_[p_.slots[v.buffer - 1].may_alias] = true;
      }
    return true;
  }

  /// The dtype of the accumulated result, input 0 of the epilogue.
  static DType result_dtype(const Instruction& i) {
    if (i.kind != Kind::reduce) return i.operands[0].dtype;
    const bool position = i.reducer == Reducer::argmax || i.reducer == Reducer::argmin;
    return position ? DType::i32 : i.before.values[i.before.results[0]].dtype;
  }

  /// Relations between the numbers of an instruction that its views rely on.
  bool relations(const Instruction& i) {
    switch (i.kind) {
      case Kind::map: return true;
      case Kind::reduce: return reduce(i);
      case Kind::matmul:
        if (i.shape.size() < 2) return refuse("shape " + str(i.shape) + " is not a matrix");
        return steps(i.shape, {i.k});
      case Kind::conv: return conv(i);
      case Kind::fold: return fold(i);
      case Kind::gather:
      case Kind::scatter_add:
        return i.axis < int64_t(i.shape.size()) || refuse("axis " + str(i.axis) + " of shape " + str(i.shape));
      case Kind::cumsum:
      case Kind::argsort: return !i.shape.empty() || refuse("a scalar has no last axis");
    }
    return false;
  }

  bool reduce(const Instruction& i) {
    if (i.kept > int64_t(i.shape.size())) return refuse("keeps " + str(i.kept) + " axes of " + str(i.shape));
    if (i.inner > int64_t(i.shape.size()) - i.kept)
      return refuse("makes lines of " + str(i.inner) + " axes and reduces " + str(int64_t(i.shape.size()) - i.kept));
    const int64_t kept = count_of(slice(i.shape, 0, i.kept));
    const int64_t reduced = count_of(slice(i.shape, i.kept, int64_t(i.shape.size())));
    if (i.inputs.size() > kMaxViews) return refuse("more than " + str(kMaxViews) + " views");
    std::vector<DType> dtypes;
    for (size_t n = 0; n < i.inputs.size(); n++) {
      if (!view(i.inputs[n], i.shape, "input " + std::to_string(n), false)) return false;
      dtypes.push_back(i.inputs[n].dtype);
    }
    if (!expression(i.before, dtypes, i.shape.size(), "before") || !steps(i.shape, {int64_t(i.before.values.size())}))
      return false;
    if (i.before.results.size() != 1) return refuse("before has " + str(int64_t(i.before.results.size())) + " results");
    if (i.reducer == Reducer::sum && i.before.values[i.before.results[0]].dtype == DType::b8)
      return refuse("the summand is bool, which this instruction does not take");
    const bool position = i.reducer == Reducer::argmax || i.reducer == Reducer::argmin;
    if (position && reduced == 0 && kept > 0) return refuse("argmax or argmin of no elements");
    if (position && reduced > INT32_MAX) return refuse("positions in " + str(reduced) + " elements exceed int32");
    return true;
  }

  /// Whether every list has one number per spatial axis.
  bool per_axis(size_t axes, std::initializer_list<const Shape*> lists) {
    for (const Shape* list : lists)
      if (list->size() != axes)
        return refuse(str(int64_t(list->size())) + " numbers for " + str(int64_t(axes)) + " spatial axes");
    return true;
  }

  bool conv(const Instruction& i) {
    const size_t axes = i.shape.size() < 3 ? 0 : i.shape.size() - 3;
    if (axes < 1 || axes > 3)
      return refuse("shape " + str(i.shape) + " is not that of a convolution in 1, 2 or 3 dimensions");
    if (!per_axis(axes, {&i.input_size, &i.kernel_size, &i.stride, &i.pad_low, &i.input_dilation, &i.kernel_dilation}))
      return false;
    for (size_t s = 0; s < axes; s++) {
      if (i.input_size[s] < 0 || i.kernel_size[s] < 1)
        return refuse("input size " + str(i.input_size) + " or kernel size " + str(i.kernel_size) + " is not positive");
      if (i.stride[s] < 1 || i.input_dilation[s] < 1 || i.kernel_dilation[s] < 1)
        return refuse("a stride or dilation is not positive");
      // Products of two 31-bit numbers do not overflow.
      if (!extent(s, {reach(i.shape[3 + s], i.stride[s]), reach(i.kernel_size[s], i.kernel_dilation[s]),
                      std::abs(i.pad_low[s]), reach(i.input_size[s], i.input_dilation[s])}))
        return false;
    }
    return steps(i.shape, join({i.kernel_size, {i.channels}}));
  }

  bool fold(const Instruction& i) {
    const size_t axes = i.window_size.size();
    if (axes < 1 || axes > i.shape.size())
      return refuse("windows of rank " + str(int64_t(axes)) + " in " + str(i.shape));
    if (!per_axis(axes, {&i.positions, &i.stride, &i.dilation})) return false;
    if (i.shape.size() + axes > size_t(kMaxRank)) return refuse("the input's rank exceeds 16");
    for (size_t s = 0; s < axes; s++) {
      if (i.positions[s] < 0 || i.window_size[s] < 0) return refuse("a number of positions or window size is negative");
      if (i.stride[s] < 1 || i.dilation[s] < 1) return refuse("a stride or dilation is not positive");
      if (!extent(s, {reach(i.positions[s], i.stride[s]), reach(i.window_size[s], i.dilation[s])})) return false;
    }
    const Shape input = join({slice(i.shape, 0, -int64_t(axes)), i.positions, i.window_size});
    return steps(i.shape, i.window_size) && steps(input, {});
  }

  const Program& p_;
  std::string& refusal_;
  std::vector<bool> filled_;       // output slots written by an earlier instruction
  std::vector<bool> overwritten_;  // input slots whose memory an output may reuse
};

}  // namespace

bool verify(const Program& program, std::string& refusal) { return Verifier(program, refusal).run(); }

}  // namespace gradus
