// The meaning of every instruction, one element at a time in double: the oracle for the kernels.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "src/opcodes.h"
#include "src/program.h"

namespace gradus {

using Shape = std::vector<int64_t>;
using Index = std::vector<int64_t>;

template <class F>
void for_each(const Shape& shape, F&& visit) {
  if (count_of(shape) == 0) return;
  Index i(shape.size(), 0);
  for (;;) {
    visit(i);
    size_t a = shape.size();
    while (a-- > 0) {
      if (++i[a] < shape[a]) break;
      i[a] = 0;
    }
    if (a == size_t(-1)) return;
  }
}

inline double rounded(DType t, double x) {
  switch (t) {
    case DType::f32: return double(float(x));
    case DType::f64: return x;
    case DType::i32: return std::isnan(x) ? 0 : std::trunc(std::min(2147483647.0, std::max(-2147483648.0, x)));
    case DType::b8: return x != 0;
  }
  return 0;
}

/// int32 arithmetic wraps around.
inline double wrapped(DType t, double x) {
  return t == DType::i32 ? double(int32_t(uint32_t(int64_t(x)))) : rounded(t, x);
}

class Naive {
 public:
  explicit Naive(std::vector<char*> buffers) : buffers_(std::move(buffers)) {}

  double get(const View& v, const Index& i) const {
    const char* p = address(v, i);
    switch (v.dtype) {
      case DType::f32: {
        float x;
        std::memcpy(&x, p, 4);
        return x;
      }
      case DType::f64: {
        double x;
        std::memcpy(&x, p, 8);
        return x;
      }
      case DType::i32: {
        int32_t x;
        std::memcpy(&x, p, 4);
        return x;
      }
      case DType::b8: return *reinterpret_cast<const uint8_t*>(p);
    }
    return 0;
  }

  void set(const View& v, const Index& i, double value) const {
    char* p = address(v, i);
    switch (v.dtype) {
      case DType::f32: {
        const float x = float(value);
        std::memcpy(p, &x, 4);
        break;
      }
      case DType::f64: std::memcpy(p, &value, 8); break;
      case DType::i32: {
        const int32_t x = int32_t(value);
        std::memcpy(p, &x, 4);
        break;
      }
      case DType::b8: *p = char(value != 0); break;
    }
  }

  void run(const Instruction& i) const {
    switch (i.kind) {
      case Kind::map: for_each(i.shape, [&](const Index& at) { finish(i.fused, at, false, 0); }); return;
      case Kind::reduce: return reduce(i);
      case Kind::matmul: return matmul(i);
      case Kind::conv: return conv(i);
      case Kind::fold: return fold(i);
      case Kind::gather:
        for_each(i.shape, [&](const Index& at) {
          Index from = at;
          from[i.axis] = int64_t(get(i.operands[1], at));
          set(i.outputs[0], at, get(i.operands[0], from));
        });
        return;
      case Kind::scatter_add: return scatter_add(i);
      case Kind::cumsum:
      case Kind::argsort: return lines(i);
    }
  }

 private:
  char* address(const View& v, const Index& i) const {
    int64_t at = v.offset;
    for (size_t a = 0; a < i.size(); a++) at += i[a] * v.strides[a];
    return buffers_[v.buffer] + at * int64_t(byte_size(v.dtype));
  }

  /// Like NumPy's remainder and floor_divide.
  static double modulo(double a, double b) {
    const double r = std::fmod(a, b);
    if (r == 0) return std::copysign(0.0, b);
    return (r < 0) != (b < 0) ? r + b : r;
  }
  static double floored(double a, double b) {
    if (b == 0) return a / b;
    if (std::isinf(a)) return std::numeric_limits<double>::quiet_NaN();
    const double q = a / b, down = std::floor(q), rest = std::fabs(modulo(a, b));
    return down == q && (rest >= std::fabs(b) - rest || rest == std::fabs(b)) ? down - 1 : down;
  }

  static double apply(int op, DType t, const double* x) {
    const double a = x[0], b = x[1], nan = std::numeric_limits<double>::quiet_NaN();
    switch (op) {
      case op_neg: return wrapped(t, -a);
      case op_abs: return wrapped(t, std::fabs(a));
      case op_sign: return std::isnan(a) ? a : (a > 0) - (a < 0);
      case op_floor: return std::floor(a);
      case op_sqrt: return rounded(t, std::sqrt(a));
      case op_not_: return a == 0;
      case op_add: return wrapped(t, a + b);
      case op_sub: return wrapped(t, a - b);
      case op_mul:
        return t == DType::i32 ? double(int32_t(uint32_t(int32_t(a)) * uint32_t(int32_t(b)))) : rounded(t, a * b);
      case op_mulZero: return a == 0 || b == 0 ? 0 : rounded(t, a * b);
      case op_div: return rounded(t, a / b);
      case op_floorDiv:
        if (t != DType::i32) return rounded(t, floored(a, b));
        return b == 0 ? 0 : wrapped(t, std::floor(a / b));
      case op_mod: return rounded(t, modulo(a, b));
      case op_max: return std::isnan(a) || std::isnan(b) ? nan : std::max(a, b);
      case op_min: return std::isnan(a) || std::isnan(b) ? nan : std::min(a, b);
      case op_eq: return a == b;
      case op_lt: return a < b;
      case op_le: return a <= b;
      case op_and_: return a != 0 && b != 0;
      case op_or_: return a != 0 || b != 0;
      case op_where: return a != 0 ? b : x[2];
      default: std::abort();
    }
  }

  /// The values of an expression at one index.
  std::vector<double> values(const Expression& e, const std::vector<View>& inputs, const Index& at, bool epilogue,
                             double result) const {
    std::vector<double> v;
    for (const Value& value : e.values) {
      double x[3] = {0, 0, 0};
      switch (value.kind) {
        case ValueKind::input:
          v.push_back(epilogue ? value.payload == 0 ? result : get(inputs[value.payload - 1], at)
                               : get(inputs[value.payload], at));
          break;
        case ValueKind::constant: v.push_back(rounded(value.dtype, value.constant)); break;
        case ValueKind::index: v.push_back(double(at[value.payload])); break;
        case ValueKind::op:
          for (int a = 0; a < value.arity; a++) x[a] = v[value.args[a]];
          v.push_back(value.payload == op_cast ? rounded(value.dtype, x[0])
                                               : apply(value.payload, e.values[value.args[0]].dtype, x));
      }
    }
    return v;
  }

  void finish(const Fused& f, const Index& at, bool epilogue, double result) const {
    const std::vector<double> v = values(f.expression, f.inputs, at, epilogue, result);
    for (size_t j = 0; j < f.outputs.size(); j++) set(f.outputs[j], at, v[f.expression.results[j]]);
  }

  void reduce(const Instruction& i) const {
    const Shape kept(i.shape.begin(), i.shape.begin() + i.kept), rest(i.shape.begin() + i.kept, i.shape.end());
    const DType t = i.before.values[i.before.results[0]].dtype;
    const bool max = i.reducer == Reducer::max || i.reducer == Reducer::argmax;
    const double infinity = std::numeric_limits<double>::infinity();
    for_each(kept, [&](const Index& k) {
      long double sum = 0;
      double best = t == DType::i32  ? (max ? -2147483648.0 : 2147483647.0)
                    : t == DType::b8 ? !max
                    : max            ? -infinity
                                     : infinity;
      int64_t position = 0, where = -1;
      for_each(rest, [&](const Index& r) {
        Index at = k;
        at.insert(at.end(), r.begin(), r.end());
        const double x = values(i.before, i.inputs, at, false, 0)[i.before.results[0]];
        sum += x;
        if (where < 0 || (std::isnan(x) && !std::isnan(best)) || (max ? x > best : x < best))
          best = x, where = position;
        position++;
      });
      double r = 0;
      switch (i.reducer) {
        case Reducer::sum:
          r = t == DType::i32 ? double(int32_t(uint32_t(int64_t(sum)))) : rounded(t, double(sum));
          break;
        case Reducer::max:
        case Reducer::min: r = best; break;
        case Reducer::argmax:
        case Reducer::argmin: r = double(where); break;
      }
      finish(i.fused, k, true, r);
    });
  }

  /// The result with its bias and ReLU.
  double activated(const Instruction& i, const Index& at, double r) const {
    if (!i.bias.empty())
      r = apply(op_add, i.operands[0].dtype,
                std::array<double, 3>{rounded(i.operands[0].dtype, r), get(i.bias[0], at), 0}.data());
    return i.relu && r <= 0 ? 0 : r;
  }

  void matmul(const Instruction& i) const {
    const size_t m = i.shape.size() - 2, n = m + 1;
    for_each(i.shape, [&](const Index& at) {
      Index a = at, b = at;
      long double sum = 0;
      uint32_t whole = 0;
      for (int64_t k = 0; k < i.k; k++) {
        a[n] = k;
        b[m] = k;
        const double x = get(i.operands[0], a), y = get(i.operands[1], b);
        if (i.operands[0].dtype == DType::i32) whole += uint32_t(int32_t(x)) * uint32_t(int32_t(y));
        else sum += (long double)x * y;
      }
      finish(i.fused, at, true,
             activated(i, at,
                       i.operands[0].dtype == DType::i32 ? double(int32_t(whole))
                                                         : rounded(i.operands[0].dtype, double(sum))));
    });
  }

  void conv(const Instruction& i) const {
    const Instruction& c = i;
    const size_t axes = c.stride.size();
    Shape window = {c.channels};
    window.insert(window.end(), c.kernel_size.begin(), c.kernel_size.end());
    for_each(i.shape, [&](const Index& at) {
      long double sum = 0;
      for_each(window, [&](const Index& q) {
        Index x = {at[0], at[1], q[0]}, w = {at[1], at[2], q[0]};
        for (size_t s = 0; s < axes; s++) {
          const int64_t place = at[3 + s] * c.stride[s] + q[1 + s] * c.kernel_dilation[s] - c.pad_low[s];
          if (place < 0 || place % c.input_dilation[s] != 0 || place / c.input_dilation[s] >= c.input_size[s]) return;
          x.push_back(place / c.input_dilation[s]);
          w.push_back(q[1 + s]);
        }
        sum += (long double)get(i.operands[0], x) * get(i.operands[1], w);
      });
      finish(i.fused, at, true, activated(i, at, rounded(i.operands[0].dtype, double(sum))));
    });
  }

  void fold(const Instruction& i) const {
    const size_t axes = i.window_size.size(), lead = i.shape.size() - axes;
    Shape pairs = i.positions;
    pairs.insert(pairs.end(), i.window_size.begin(), i.window_size.end());
    for_each(i.shape, [&](const Index& at) {
      long double sum = 0;
      for_each(pairs, [&](const Index& pq) {
        for (size_t s = 0; s < axes; s++)
          if (pq[s] * i.stride[s] + pq[axes + s] * i.dilation[s] != at[lead + s]) return;
        Index from(at.begin(), at.begin() + int64_t(lead));
        from.insert(from.end(), pq.begin(), pq.end());
        sum += get(i.operands[0], from);
      });
      set(i.outputs[0], at, wrapped(i.outputs[0].dtype, double(sum)));
    });
  }

  void scatter_add(const Instruction& i) const {
    Shape out = i.shape;
    out[i.axis] = i.axis_size;
    for_each(out, [&](const Index& at) { set(i.outputs[0], at, 0); });
    for_each(i.shape, [&](const Index& at) {
      Index to = at;
      to[i.axis] = int64_t(get(i.operands[0], at));
      set(i.outputs[0], to, wrapped(i.outputs[0].dtype, get(i.outputs[0], to) + get(i.operands[1], at)));
    });
  }

  void lines(const Instruction& i) const {
    const Shape lead(i.shape.begin(), i.shape.end() - 1);
    const int64_t n = i.shape.back();
    for_each(lead, [&](const Index& l) {
      Index at = l;
      at.push_back(0);
      std::vector<double> x(n);
      for (int64_t j = 0; j < n; j++) at.back() = j, x[j] = get(i.operands[0], at);
      if (i.kind == Kind::cumsum) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++) {
          at.back() = i.reverse ? n - 1 - j : j;
          sum += x[at.back()];
          set(i.outputs[0], at, wrapped(i.outputs[0].dtype, sum));
        }
        return;
      }
      std::vector<int64_t> order(n);
      for (int64_t j = 0; j < n; j++) order[j] = j;
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        if (std::isnan(x[a]) || std::isnan(x[b])) return !std::isnan(x[a]) && std::isnan(x[b]);
        return i.descending ? x[a] > x[b] : x[a] < x[b];
      });
      for (int64_t j = 0; j < n; j++) at.back() = j, set(i.outputs[0], at, double(order[j]));
    });
  }

  std::vector<char*> buffers_;
};

}  // namespace gradus
