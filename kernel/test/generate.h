// Random valid programs of one instruction, over exactly sized slots.
#pragma once
#include <algorithm>

#include "check.h"
#include "src/opcodes.h"
#include "src/program.h"

namespace gradus {

class Generator {
 public:
  explicit Generator(uint64_t seed) : random(Random{seed}) {}

  Random random;

  Program program(Kind kind) {
    p_ = Program{};
    Instruction i;
    i.kind = kind;
    switch (kind) {
      case Kind::map: map(i); break;
      case Kind::reduce: reduce(i); break;
      case Kind::matmul: matmul(i); break;
      case Kind::conv: conv(i); break;
      case Kind::fold: fold(i); break;
      case Kind::gather:
      case Kind::scatter_add: index(i); break;
      case Kind::cumsum:
      case Kind::argsort: lines(i); break;
    }
    p_.instructions.push_back(i);
    return p_;
  }

 private:
  using Shape = std::vector<int64_t>;

  int64_t size() {
    switch (random.below(20)) {
      case 0: return 0;
      case 1:
      case 2:
      case 3: return 1;
      case 4: return random.between(30, 100);
      default: return random.between(2, 9);
    }
  }

  Shape shape(int64_t least, int64_t most) {
    Shape s(size_t(random.between(least, most)));
    for (int64_t& d : s) d = size();
    // Occasionally large enough for several tasks.
    if (!s.empty() && random.one_in(12)) s[random.below(int64_t(s.size()))] = random.between(1000, 6000);
    while (count_of(s) > 200000) s[random.below(int64_t(s.size()))] = 2;
    return s;
  }

  DType any() { return DType(random.below(4)); }
  DType number() { return DType(random.below(3)); }
  DType real() { return DType(random.below(2)); }

  /// A view over `shape` on a slot of its own: axes permuted, gaps, flips and (for inputs) repeats.
  View view(const Shape& shape, DType dtype, bool output, bool dense = false) {
    View v;
    v.dtype = dtype;
    v.strides.assign(shape.size(), 0);
    std::vector<size_t> order(shape.size());
    for (size_t i = 0; i < order.size(); i++) order[i] = i;
    if (!dense && random.one_in(2))
      for (size_t i = order.size(); i > 1; i--) std::swap(order[i - 1], order[random.below(int64_t(i))]);
    if (first_innermost_)
      dense = false, std::rotate(order.begin(), std::find(order.begin(), order.end(), 0u) + 1, order.end());
    int64_t step = !dense && !first_innermost_ && random.one_in(5) ? random.between(2, 3) : 1, low = 0, high = 0;
    for (size_t a = order.size(); a-- > 0;) {
      const size_t axis = order[a];
      if (!dense && !output && random.one_in(6)) continue;  // stride 0
      const bool flip = !dense && random.one_in(8);
      v.strides[axis] = flip ? -step : step;
      const int64_t reach = std::max<int64_t>(shape[axis] - 1, 0) * step;
      (flip ? low : high) += reach;
      step *= std::max<int64_t>(shape[axis], 1);
      if (!dense && random.one_in(8)) step += random.between(1, 3);
    }
    v.offset = low + (dense ? 0 : random.below(3));
    p_.slots.push_back({output, dtype, count_of(shape) == 0 ? v.offset : v.offset + high + 1, -1});
    v.buffer = int32_t(p_.slots.size());
    return v;
  }

  static Value input(int32_t n, DType t) { return {ValueKind::input, t, n, 0, 0, {}}; }

  /// Appends a random operation whose result is exact; false when no value fits.
  bool operation(Expression& e) {
    static const int candidates[] = {op_cast, op_neg, op_abs, op_sign,     op_floor, op_sqrt,    op_not_, op_add,
                                     op_sub,  op_mul, op_div, op_floorDiv, op_mod,   op_mulZero, op_max,  op_min,
                                     op_eq,   op_lt,  op_le,  op_and_,     op_or_,   op_where};
    const int op = candidates[random.below(int64_t(sizeof candidates / sizeof *candidates))];
    const OpcodeInfo& info = kOpcodeInfo[op];
    Value v{ValueKind::op, DType::f32, op, 0, info.arity, {}};
    const int64_t n = int64_t(e.values.size());
    const int first = op == op_where ? 1 : 0;
    v.args[first] = int32_t(random.below(n));
    const DType t = e.values[v.args[first]].dtype;
    if (!(info.args >> int(t) & 1)) return false;
    const auto find = [&](DType wanted) {
      for (int tries = 0; tries < 20; tries++) {
        const int32_t at = int32_t(random.below(n));
        if (e.values[at].dtype == wanted) return at;
      }
      return int32_t(-1);
    };
    if (op == op_where && (v.args[0] = find(DType::b8)) < 0) return false;
    for (int a = first + 1; a < info.arity; a++)
      if ((v.args[a] = find(t)) < 0) return false;
    v.dtype = info.result == k_same ? t : info.result == k_any ? any() : DType(info.result);
    e.values.push_back(v);
    return true;
  }

  Expression expression(const std::vector<DType>& inputs, size_t rank, int64_t operations, size_t results) {
    Expression e;
    for (size_t n = 0; n < inputs.size(); n++) e.values.push_back(input(int32_t(n), inputs[n]));
    if (e.values.empty() || random.one_in(3))
      e.values.push_back({ValueKind::constant, any(), 0, double(random.between(-3, 12)) / 2, 0, {}});
    if (rank > 0 && random.one_in(3))
      e.values.push_back({ValueKind::index, DType::i32, int32_t(random.below(int64_t(rank))), 0, 0, {}});
    for (int64_t n = 0; n < operations; n++) operation(e);
    for (size_t n = 0; n < results; n++) {
      // Mostly the value computed last, sometimes a plain input.
      const int64_t last = int64_t(e.values.size()) - 1;
      e.results.push_back(
          int32_t(random.one_in(4) ? random.below(last + 1) : std::max<int64_t>(0, last - random.below(3))));
    }
    return e;
  }

  void fused(Fused& f, const Shape& shape, std::vector<DType> first, bool simple) {
    const int64_t inputs = random.below(4), outputs = random.between(1, 2);
    for (int64_t n = 0; n < inputs && !simple; n++) {
      f.inputs.push_back(view(shape, any(), false));
      first.push_back(f.inputs.back().dtype);
    }
    f.expression = expression(first, shape.size(), simple ? 0 : random.below(9), simple ? 1 : size_t(outputs));
    if (simple && !first.empty()) f.expression.results = {0};
    for (int32_t r : f.expression.results)
      f.outputs.push_back(view(shape, f.expression.values[r].dtype, true, simple && random.one_in(2)));
    // An output of equal layout may reuse an input's memory.
    for (View& out : f.outputs)
      for (const View& in : f.inputs)
        if (random.one_in(3) && in.dtype == out.dtype && unique(in, shape) && !donated(in.buffer - 1)) {
          p_.slots[out.buffer - 1].size = p_.slots[in.buffer - 1].size;
          p_.slots[out.buffer - 1].may_alias = in.buffer - 1;
          out.offset = in.offset;
          out.strides = in.strides;
          break;
        }
  }

  bool donated(int32_t slot) const {
    for (const Slot& s : p_.slots)
      if (s.may_alias == slot) return true;
    return false;
  }

  static bool unique(const View& v, const Shape& shape) {
    for (size_t a = 0; a < shape.size(); a++)
      if (shape[a] > 1 && v.strides[a] == 0) return false;
    return true;
  }

  /// Two axes swapped, occasionally with rows far apart.
  void transposition(Instruction& i) {
    i.shape = {random.between(1, 3), random.between(1, 150), random.between(1, 150)};
    const DType t = any();
    const int64_t n = i.shape[1], m = i.shape[2], row = random.one_in(2) ? 256 : n, to = random.one_in(2) ? 256 : m;
    p_.slots.push_back({false, t, i.shape[0] * m * row, -1});
    p_.slots.push_back({true, t, i.shape[0] * n * to, -1});
    i.fused.inputs = {{1, t, 0, {m * row, 1, row}}};
    i.fused.outputs = {{2, t, 0, {n * to, to, 1}}};
    i.fused.expression = {{input(0, t)}, {0}};
    if (t != DType::b8 && random.one_in(2)) {  // with another input, and once more as a second output
      i.fused.inputs.push_back(view(i.shape, t, false));
      i.fused.expression.values.push_back(input(1, t));
      i.fused.expression.values.push_back({ValueKind::op, t, op_sub, 0, 2, {0, 1, 0}});
      i.fused.expression.results = {2};
      if (random.one_in(2)) {
        i.fused.outputs.push_back(view(i.shape, t, true));
        i.fused.expression.results.push_back(random.one_in(2) ? 0 : 1);
      }
    }
  }

  /// Each element of some planes repeated over a window of its own, as the gradient of pooling reads them: [planes,
  /// positions, window, positions, window], occasionally with images innermost; compared with numbers of any layout, or
  /// with one number for each position of a window.
  void repetition(Instruction& i) {
    const bool images = random.one_in(2);
    const int64_t n = images ? random.between(60, 100) : 1;
    const int64_t planes = random.between(1, images ? 4 : 9), h = random.between(1, images ? 4 : 9),
                  w = random.between(1, images ? 9 : 40);
    i.shape = {planes, h, random.between(1, 3), w, random.between(1, 3)};
    if (images) i.shape.push_back(n);
    const DType t = any();
    const int64_t row = w + (random.one_in(4) ? 1 : 0), plane = h * row + (random.one_in(4) ? 2 : 0);
    p_.slots.push_back({false, t, ((planes - 1) * plane + (h - 1) * row + w) * n, -1});
    Shape strides = {plane * n, row * n, 0, n, 0}, places = {0, 0, i.shape[4], 0, 1};
    if (images) strides.push_back(1), places.push_back(0);
    i.fused.inputs = {{1, t, 0, strides}};
    if (random.one_in(2)) {
      i.fused.inputs.push_back(view(i.shape, t, false, random.one_in(2)));
    } else {
      p_.slots.push_back({false, t, i.shape[2] * i.shape[4], -1});
      i.fused.inputs.push_back({2, t, 0, places});
    }
    i.fused.expression = {{input(0, t), input(1, t), {ValueKind::op, DType::b8, op_eq, 0, 2, {0, 1, 0}}}, {2}};
    if (random.one_in(2)) i.fused.expression.results = {0};
    i.fused.outputs = {
        view(i.shape, i.fused.expression.values[size_t(i.fused.expression.results[0])].dtype, true, random.one_in(2))};
  }

  /// Float32 arithmetic over long rows of larger matrices, as in an optimizer's update: with factors shared by all
  /// elements, a row or a column, and results in place.
  void rows(Instruction& i, std::vector<DType> first) {
    const bool longer = random.one_in(3);  // more than fit a block
    i.shape = {random.between(1, longer ? 8 : 40), longer ? random.between(700, 3000) : random.between(100, 420)};
    const int64_t row = i.shape[1] + (random.one_in(3) ? 0 : random.between(1, 40)), size = i.shape[0] * row;
    const auto slot = [&](bool output, int64_t n, int32_t alias) {
      p_.slots.push_back({output, DType::f32, n, alias});
      return int32_t(p_.slots.size());
    };
    const Shape strides[] = {{row, 1}, {row, 1}, {0, 1}, {1, 0}, {0, 0}};
    std::vector<int32_t> matrices;
    for (int64_t n = random.between(1, 6); n > 0; n--) {
      const int64_t form = random.below(5);
      i.fused.inputs.push_back({slot(false, form < 2 ? size : row * i.shape[0], -1), DType::f32, 0, strides[form]});
      if (form < 2) matrices.push_back(i.fused.inputs.back().buffer);
      first.push_back(DType::f32);
    }
    Expression& e = i.fused.expression;
    for (size_t n = 0; n < first.size(); n++) e.values.push_back(input(int32_t(n), DType::f32));
    e.values.push_back({ValueKind::constant, DType::f32, 0, double(random.between(-3, 12)) / 2, 0, {}});
    std::vector<int32_t> floats;
    for (size_t n = 0; n < e.values.size(); n++) floats.push_back(int32_t(n));
    const auto pick = [&] {
      return random.one_in(2) ? floats.back() : floats[size_t(random.below(int64_t(floats.size())))];
    };
    for (int64_t n = random.between(1, 12); n > 0; n--) {
      static const int choices[] = {op_add, op_sub, op_mul, op_add, op_sub, op_mul, op_div, op_sqrt, op_le};
      const int op = choices[random.below(9)];
      e.values.push_back(
          {ValueKind::op, op == op_le ? DType::b8 : DType::f32, op, 0, op == op_sqrt ? 1 : 2, {pick(), pick(), 0}});
      if (op == op_le)
        e.values.push_back({ValueKind::op, DType::f32, op_where, 0, 3, {int32_t(e.values.size()) - 1, pick(), pick()}});
      floats.push_back(int32_t(e.values.size()) - 1);
    }
    for (int64_t n = random.between(1, 3); n > 0; n--) {
      e.results.push_back(n == 1 ? floats.back() : pick());
      const int32_t alias = matrices.empty() ? -1 : matrices.back() - 1;
      if (alias >= 0) matrices.pop_back();
      i.fused.outputs.push_back({slot(true, size, alias), DType::f32, 0, {row, 1}});
    }
  }

  void map(Instruction& i) {
    if (random.one_in(8)) return transposition(i);
    if (random.one_in(8)) return repetition(i);
    if (random.one_in(4)) return rows(i, {});
    i.shape = shape(0, 5);
    fused(i.fused, i.shape, {}, false);
  }

  /// A reduction over the windows of an image, as in pooling: [n, c, positions…, window…].
  void windows(Instruction& i) {
    const int64_t kh = random.between(1, 3), kw = random.between(1, 3), step = random.between(1, 3);
    i.shape = {random.between(1, 3), random.between(1, 9), random.between(1, 20), random.between(1, 40), kh, kw};
    i.kept = 4;
    i.inner = random.one_in(4) ? random.between(1, 2) : 0;
    i.reducer = Reducer(random.below(kReducers));
    const int64_t h = (i.shape[2] - 1) * step + kh, w = (i.shape[3] - 1) * step + kw;
    const DType t = i.reducer == Reducer::sum ? number() : any();
    View v{0, t, random.below(3), {i.shape[1] * h * w, h * w, step * w, step, w, 1}};
    p_.slots.push_back({false, t, v.offset + i.shape[0] * i.shape[1] * h * w, -1});
    v.buffer = int32_t(p_.slots.size());
    i.inputs = {v};
    i.before = expression({t}, 6, 0, 1);
    i.before.results = {0};
    const bool position = i.reducer == Reducer::argmax || i.reducer == Reducer::argmin;
    fused(i.fused, Shape(i.shape.begin(), i.shape.begin() + 4), {position ? DType::i32 : t}, random.one_in(3));
  }

  void reduce(Instruction& i) {
    if (random.one_in(3)) return windows(i);
    const bool channels = random.one_in(5);
    i.shape = shape(0, 5);
    i.kept = random.between(0, int64_t(i.shape.size()));
    i.inner = random.between(0, int64_t(i.shape.size()) - i.kept);
    i.reducer = Reducer(random.below(kReducers));
    std::vector<DType> dtypes;
    if (channels) {  // lines of one kept element after another, as in the gradient of a bias
      i.shape = {random.between(1, 40), random.between(1, 20), random.between(10, 70)};
      i.kept = 1;
      i.inner = random.one_in(4) ? random.between(0, 2) : 1;
      const int64_t line = i.shape[2] + random.below(2);
      const View v{1, any(), 0, {line, line * i.shape[0], 1}};
      p_.slots.push_back({false, v.dtype, line * i.shape[0] * i.shape[1], -1});
      i.inputs = {v};
      dtypes = {v.dtype};
    }
    for (int64_t n = random.below(3); n >= 0 && !channels; n--) {
      i.inputs.push_back(view(i.shape, any(), false));
      dtypes.push_back(i.inputs.back().dtype);
    }
    i.before = expression(dtypes, i.shape.size(), random.one_in(2) ? 0 : random.below(5), 1);
    DType t = i.before.values[i.before.results[0]].dtype;
    if (i.reducer == Reducer::sum && t == DType::b8) {
      i.before.values.push_back({ValueKind::op, DType::f32, op_cast, 0, 1, {i.before.results[0], 0, 0}});
      i.before.results[0] = int32_t(i.before.values.size() - 1);
      t = DType::f32;
    }
    const bool position = i.reducer == Reducer::argmax || i.reducer == Reducer::argmin;
    if (position)
      for (size_t a = size_t(i.kept); a < i.shape.size(); a++) i.shape[a] = std::max<int64_t>(i.shape[a], 1);
    if (position && !channels) {
      // Sizes may have grown: the views are built again.
      for (View& v : i.inputs) v = view(i.shape, v.dtype, false);
    }
    fused(i.fused, Shape(i.shape.begin(), i.shape.begin() + i.kept), {position ? DType::i32 : t}, random.one_in(2));
  }

  void matmul(Instruction& i) {
    if (random.one_in(4)) {
      rows(i, {DType::f32});
      i.k = random.between(1, 12);
      i.operands = {view({i.shape[0], i.k}, DType::f32, false), view({i.k, i.shape[1]}, DType::f32, false)};
      return;
    }
    i.shape = shape(2, 4);
    i.k = size();
    while (count_of(i.shape) * i.k > 300000) i.shape[random.below(int64_t(i.shape.size()))] = 3;
    Shape a = i.shape, b = i.shape;
    a[a.size() - 1] = i.k;
    b[b.size() - 2] = i.k;
    const DType t = number();
    i.operands = {view(a, t, false), view(b, t, false)};
    if (random.one_in(3)) return bias(i, t);
    fused(i.fused, i.shape, {t}, random.one_in(2));
  }

  void conv(Instruction& i) {
    const int64_t axes = random.between(1, 3);
    const auto few = [&] { return random.one_in(10) ? 0 : random.between(1, 3); };
    i.shape = {few(), random.between(1, 2), few()};
    const bool images_last = random.one_in(3);
    if (images_last && random.one_in(2)) i.shape[0] = random.between(2, 40);
    Instruction& c = i;
    c.channels = few();
    for (int64_t s = 0; s < axes; s++) {
      i.shape.push_back(random.between(1, axes == 1 ? 30 : 7));
      c.input_size.push_back(random.between(1, axes == 1 ? 30 : 7));
      c.kernel_size.push_back(random.between(1, 3));
      c.stride.push_back(random.between(1, 2));
      c.pad_low.push_back(random.between(-1, 2));
      c.input_dilation.push_back(random.between(1, 2));
      c.kernel_dilation.push_back(random.between(1, 2));
    }
    Shape x = {i.shape[0], i.shape[1], c.channels}, w = {i.shape[1], i.shape[2], c.channels};
    x.insert(x.end(), c.input_size.begin(), c.input_size.end());
    w.insert(w.end(), c.kernel_size.begin(), c.kernel_size.end());
    const DType t = real();
    first_innermost_ = images_last && random.one_in(2);
    const View images = view(x, t, false);
    first_innermost_ = false;
    i.operands = {images, view(w, t, false)};
    first_innermost_ = images_last;
    if (random.one_in(2)) bias(i, t);
    else fused(i.fused, i.shape, {t}, random.one_in(2));
    first_innermost_ = false;
  }

  /// Occasionally a bias per channel, a ReLU or both after a product or convolution.
  void bias(Instruction& i, DType t) {
    const size_t rank = i.shape.size(), first = i.kind == Kind::conv ? 1 : rank - 1,
                 last = i.kind == Kind::conv ? 2 : rank - 1;
    if (!random.one_in(6)) {
      View b = view(i.shape, t, false);
      for (size_t a = 0; a < rank; a++)
        if (a < first || a > last) b.strides[a] = 0;
      i.bias = {b};
    }
    i.relu = random.one_in(2);
    if (random.one_in(4)) return fused(i.fused, i.shape, {t}, false);
    i.fused.expression = {{input(0, t)}, {0}};
    i.fused.outputs = {view(i.shape, t, true, !random.one_in(8))};
  }

  void fold(Instruction& i) {
    const int64_t axes = random.between(1, 2);
    i.shape = shape(0, 2);
    for (int64_t& d : i.shape) d = std::min<int64_t>(d, 6);
    Shape in = i.shape;
    for (int64_t s = 0; s < axes; s++) {
      i.positions.push_back(random.between(0, 6));
      i.window_size.push_back(random.between(0, 3));
      i.stride.push_back(random.between(1, 3));
      i.dilation.push_back(random.between(1, 2));
      i.shape.push_back(random.between(0, 14));
    }
    in.insert(in.end(), i.positions.begin(), i.positions.end());
    in.insert(in.end(), i.window_size.begin(), i.window_size.end());
    const DType t = number();
    i.operands = {view(in, t, false)};
    i.outputs = {view(i.shape, t, true)};
  }

  void index(Instruction& i) {
    i.shape = shape(1, 4);
    i.axis = random.below(int64_t(i.shape.size()));
    i.axis_size = random.between(1, 40);
    Shape moved = i.shape;
    moved[i.axis] = i.axis_size;
    while (count_of(moved) > 300000) {
      const size_t a = size_t(random.below(int64_t(moved.size())));
      if (a != size_t(i.axis)) moved[a] = i.shape[a] = 2;
      else break;
    }
    View indices = view(i.shape, DType::i32, false);
    if (random.one_in(2)) {  // one index per line
      for (size_t a = size_t(i.axis) + 1; a < i.shape.size(); a++) indices.strides[a] = 0;
      for (int64_t& s : indices.strides) s = std::max<int64_t>(s, 0);
      indices.offset = 0;
    }
    if (i.kind == Kind::gather) {
      const DType t = any();
      i.operands = {view(moved, t, false), indices};
      i.outputs = {view(i.shape, t, true)};
    } else {
      const DType t = number();
      i.operands = {indices, view(i.shape, t, false)};
      i.outputs = {view(moved, t, true, true)};
    }
  }

  void lines(Instruction& i) {
    i.shape = shape(1, 4);
    const bool cumsum = i.kind == Kind::cumsum;
    (cumsum ? i.reverse : i.descending) = random.one_in(2);
    const DType t = cumsum ? number() : any();
    i.operands = {view(i.shape, t, false)};
    i.outputs = {view(i.shape, cumsum ? t : DType::i32, true)};
  }

  Program p_;
  bool first_innermost_ = false;  // of generated views
};

}  // namespace gradus
