// Every scalar operation and cast, on every dtype, against a scalar definition; the same result for every length,
// offset and position; in place; and nothing written beyond the block. (The values of the elementary functions are
// checked by vmath_test.)
#include "elementwise_isa.h"
#include "elementwise_values.h"
#include "src/opcodes.h"

using namespace gradus;

namespace {

template <class T, class R, class F>
void check_unary(const Isa& isa, const std::string& name, BlockOp op, F definition) {
  if (!op) return report(false, name + " is missing on " + isa.name);
  const std::vector<T> x = values<T>();
  std::vector<R> r(x.size());
  op(r.data(), x.data(), nullptr, nullptr, int64_t(x.size()));
  for (size_t i = 0; i < x.size(); ++i)
    report(same(r[i], R(definition(x[i]))),
           std::string(isa.name) + " " + name + " of " + show(x[i]) + ": " + show(r[i]));
}

template <class T, class R, class F>
void check_binary(const Isa& isa, int opcode, F definition) {
  const std::string name = std::string(kOpcodeInfo[opcode].name) + " " + dtype_names[int(dtype_of<T>)];
  const BlockOp op = isa.block_op(opcode, dtype_of<T>);
  if (!op) return report(false, name + " is missing on " + isa.name);
  const std::vector<T> v = values<T>();
  std::vector<T> x, y;
  for (T a : v)
    for (T b : v) x.push_back(a), y.push_back(b);
  std::vector<R> r(x.size());
  op(r.data(), x.data(), y.data(), nullptr, int64_t(x.size()));
  for (size_t i = 0; i < x.size(); ++i)
    report(same(r[i], R(definition(x[i], y[i]))),
           std::string(isa.name) + " " + name + " of " + show(x[i]) + ", " + show(y[i]) + ": " + show(r[i]));
}

template <class T>
void check_opcode_unary(const Isa& isa, int opcode, T (*definition)(T)) {
  check_unary<T, T>(isa, std::string(kOpcodeInfo[opcode].name) + " " + dtype_names[int(dtype_of<T>)],
                    isa.block_op(opcode, dtype_of<T>), definition);
}

template <class T>
void check_floats(const Isa& isa) {
  check_opcode_unary<T>(isa, op_neg, [](T x) { return -x; });
  check_opcode_unary<T>(isa, op_abs, [](T x) { return std::fabs(x); });
  check_opcode_unary<T>(isa, op_sign, [](T x) { return x > 0 ? T(1) : x < 0 ? T(-1) : x; });
  check_opcode_unary<T>(isa, op_floor, [](T x) { return std::floor(x); });
  check_opcode_unary<T>(isa, op_sqrt, [](T x) { return std::sqrt(x); });
  check_binary<T, T>(isa, op_add, [](T x, T y) { return x + y; });
  check_binary<T, T>(isa, op_sub, [](T x, T y) { return x - y; });
  check_binary<T, T>(isa, op_mul, [](T x, T y) { return x * y; });
  check_binary<T, T>(isa, op_mulZero, [](T x, T y) { return x == 0 || y == 0 ? T(0) : x * y; });
  check_binary<T, T>(isa, op_div, [](T x, T y) { return x / y; });
  // with zeros of both signs either is right; ours is the second… unless the first is not smaller
  check_binary<T, T>(isa, op_max, [](T x, T y) { return std::isnan(x) || x >= y ? x : y; });
  check_binary<T, T>(isa, op_min, [](T x, T y) { return std::isnan(x) || x <= y ? x : y; });
}

/// C's fmod is exact; the sign rule is that of Python and NumPy.
template <class T>
T modulo(T x, T y) {
  const T r = std::fmod(x, y);
  if (r == 0) return std::copysign(T(0), y);
  return (r < 0) != (y < 0) ? r + y : r;
}

/// ⌊x/y⌋ in a wider type that can represent it.
template <class T>
T floored(T x, T y) {
  if (y == 0) return x / y;
  if (std::isinf(x)) return std::numeric_limits<T>::quiet_NaN();
  if (std::isnan(x)) return x;
  if (std::isinf(y)) return x != 0 && (x < 0) != (y < 0) ? T(-1) : x / y;
  const T m = modulo(x, y), q = x / y, down = std::floor(q);
  if (!(std::fabs(q) < 0x1p52)) return down;
  // (x − m)/y is an integer but for rounding
  return m == 0 ? down : T(std::nearbyint((long double)(x) / y - (long double)(m) / y));
}

template <class T>
void check_remainders(const Isa& isa) {
  check_binary<T, T>(isa, op_mod, [](T x, T y) { return modulo(x, y); });
  check_binary<T, T>(isa, op_floorDiv, [](T x, T y) { return floored(x, y); });
}

/// Division by a constant against division, over multiples of the divisor and their neighbours.
void check_division_by_constants(const Isa& isa) {
  const BlockOp divide = isa.block_op(op_floorDiv, DType::i32);
  for (int32_t y : values<int32_t>()) {
    const BlockOp by = isa.block_op_by(op_floorDiv, DType::i32, y);
    if (y <= 0) {
      report(!by, std::string(isa.name) + " floorDiv by " + show(y) + " has no faster form");
      continue;
    }
    std::vector<int32_t> x = values<int32_t>();
    for (int64_t near : {-1, 0, 1})
      for (int64_t k :
           {int64_t(INT32_MIN) / y, int64_t{-5}, int64_t{-1}, int64_t{1}, int64_t{7}, int64_t(INT32_MAX) / y})
        if (k * y + near >= INT32_MIN && k * y + near <= INT32_MAX) x.push_back(int32_t(k * y + near));
    std::vector<int32_t> many(x.size(), y), want(x.size()), got(x.size());
    divide(want.data(), x.data(), many.data(), nullptr, int64_t(x.size()));
    by(got.data(), x.data(), &y, nullptr, int64_t(x.size()));
    for (size_t i = 0; i < x.size(); ++i)
      report(got[i] == want[i],
             std::string(isa.name) + " " + show(x[i]) + " floorDiv constant " + show(y) + ": " + show(got[i]));
  }
}

void check_integers(const Isa& isa) {
  check_division_by_constants(isa);
  using I = int32_t;
  using W = int64_t;
  check_opcode_unary<I>(isa, op_neg, [](I x) { return I(-W(x)); });
  check_opcode_unary<I>(isa, op_abs, [](I x) { return I(x < 0 ? -W(x) : W(x)); });
  check_opcode_unary<I>(isa, op_sign, [](I x) { return I((x > 0) - (x < 0)); });
  check_binary<I, I>(isa, op_add, [](W x, W y) { return I(x + y); });
  check_binary<I, I>(isa, op_sub, [](W x, W y) { return I(x - y); });
  check_binary<I, I>(isa, op_mul, [](W x, W y) { return I(x * y); });
  check_binary<I, I>(isa, op_max, [](I x, I y) { return x > y ? x : y; });
  check_binary<I, I>(isa, op_min, [](I x, I y) { return x < y ? x : y; });
  check_binary<I, I>(isa, op_floorDiv, [](W x, W y) {
    if (y == 0) return I(0);
    const W q = x / y;
    return I(q - (x % y != 0 && (x < 0) != (y < 0)));
  });
  check_binary<I, I>(isa, op_shiftRight, [](I x, I y) { return I(uint32_t(x) >> (uint32_t(y) % 32)); });
}

void check_booleans(const Isa& isa) {
  using B = uint8_t;
  check_opcode_unary<B>(isa, op_not_, [](B x) { return B(!x); });
  check_binary<B, B>(isa, op_and_, [](B x, B y) { return B(x && y); });
  check_binary<B, B>(isa, op_or_, [](B x, B y) { return B(x || y); });
}

template <class T>
void check_comparisons(const Isa& isa) {
  check_binary<T, uint8_t>(isa, op_eq, [](T x, T y) { return uint8_t(x == y); });
  check_binary<T, uint8_t>(isa, op_lt, [](T x, T y) { return uint8_t(x < y); });
  check_binary<T, uint8_t>(isa, op_le, [](T x, T y) { return uint8_t(x <= y); });

  const std::vector<T> x = values<T>();
  const std::vector<uint8_t> condition = values<uint8_t>();
  const std::vector<T> y(x.rbegin(), x.rend());
  const size_t n = std::min(x.size(), condition.size());
  std::vector<T> r(n);
  isa.block_op(op_where, dtype_of<T>)(r.data(), condition.data(), x.data(), y.data(), int64_t(n));
  for (size_t i = 0; i < n; ++i)
    report(equal_bits(r[i], condition[i] ? x[i] : y[i]), std::string(isa.name) + " where at " + show(i));
}

template <class R, class T>
R cast(T x) {
  if constexpr (sizeof(R) == 1) return x != 0;
  else if constexpr (std::numeric_limits<R>::is_integer && !std::numeric_limits<T>::is_integer)
    return std::isnan(x) ? 0 : x >= T(2147483648.0) ? INT32_MAX : x <= T(-2147483648.0) ? INT32_MIN : R(x);
  else return R(x);
}

template <class T, class R>
void check_cast(const Isa& isa) {
  check_unary<T, R>(isa, std::string("cast ") + dtype_names[int(dtype_of<T>)] + " to " + dtype_names[int(dtype_of<R>)],
                    isa.block_cast(dtype_of<T>, dtype_of<R>), [](T x) {
#if defined(__clang__) || defined(__GNUC__)
                      if constexpr (sizeof(R) == 4 && sizeof(T) == 8)  // overflow to ∞ is what we want
                        if (std::fabs(double(x)) > 3.4028235677973366e38 && !std::numeric_limits<R>::is_integer)
                          return R(std::copysign(std::numeric_limits<double>::infinity(), double(x)));
#endif
                      return cast<R, T>(x);
                    });
}

template <class T>
void check_casts(const Isa& isa) {
  check_cast<T, float>(isa);
  check_cast<T, double>(isa);
  check_cast<T, int32_t>(isa);
  check_cast<T, uint8_t>(isa);
}

// ---- random bits ----

uint32_t philox_word(uint32_t k0, uint32_t k1, uint32_t counter) {
  uint32_t c[4] = {counter, 0, 0, 0};
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = 0xd2511f53ull * c[0], p1 = 0xcd9e8d57ull * c[2];
    const uint32_t next[4] = {uint32_t(p1 >> 32) ^ c[1] ^ k0, uint32_t(p1), uint32_t(p0 >> 32) ^ c[3] ^ k1,
                              uint32_t(p0)};
    std::memcpy(c, next, sizeof c);
    k0 += 0x9e3779b9, k1 += 0xbb67ae85;
  }
  return c[0];
}

void check_random(const Isa& isa) {
  report(philox_word(0, 0, 0) == 0x6627e8d5, "Philox's published vector for 0");  // Random123, kat_vectors
  Random random{6};
  std::vector<int32_t> k0, k1, c, r(1000);
  for (size_t i = 0; i < r.size(); ++i) {
    k0.push_back(i < 500 ? 42 : int32_t(random.bits()));
    k1.push_back(i < 500 ? -7 : int32_t(random.bits()));
    c.push_back(i < 500 ? int32_t(i) : int32_t(random.bits()));
  }
  isa.block_op(op_randomBits, DType::i32)(r.data(), k0.data(), k1.data(), c.data(), int64_t(r.size()));
  for (size_t i = 0; i < r.size(); ++i)
    report(uint32_t(r[i]) == philox_word(uint32_t(k0[i]), uint32_t(k1[i]), uint32_t(c[i])),
           std::string(isa.name) + " randomBits at " + show(i));
}

// ---- position, length, alignment, in place: bytes only ----

std::vector<char> bytes_of(DType dtype) {
  auto copy = [](const auto& v) {
    const char* p = reinterpret_cast<const char*>(v.data());
    return std::vector<char>(p, p + v.size() * sizeof(v[0]));
  };
  switch (dtype) {
    case DType::f32: return copy(values<float>());
    case DType::f64: return copy(values<double>());
    case DType::i32: return copy(values<int32_t>());
    default: return copy(values<uint8_t>());
  }
}

/// Rotates by whole elements, so that the arguments differ from each other.
std::vector<char> rotated(std::vector<char> v, size_t by) {
  std::vector<char> r(v.begin() + long(by), v.end());
  r.insert(r.end(), v.begin(), v.begin() + long(by));
  return r;
}

struct Block {
  std::string name;
  BlockOp op;
  DType in[3];
  DType out;
  int arity;
};

constexpr int kLongest = 70;

void check_block(const Block& block) {
  const size_t out = byte_size(block.out);
  std::vector<char> in[3];
  size_t size[3];
  for (int k = 0; k < 3; ++k) {
    size[k] = byte_size(block.in[k]);
    in[k] = rotated(bytes_of(block.in[k]), size_t(k) * 17 * size[k]);
  }
  // each element alone: the value that every other call must reproduce
  std::vector<char> alone(2 * kLongest * out);
  for (int i = 0; i < 2 * kLongest; ++i)
    block.op(&alone[size_t(i) * out], &in[0][size_t(i) * size[0]], &in[1][size_t(i) * size[1]],
             &in[2][size_t(i) * size[2]], 1);

  for (int n = 0; n <= kLongest; ++n) {
    const int first = n * 7 % kLongest;  // also shifts the alignment
    // heap copies of the exact size, so that the address sanitizer sees any read beyond the end
    std::vector<char> exact[3];
    for (int k = 0; k < 3; ++k) {
      const char* p = &in[k][size_t(first) * size[k]];
      exact[k].assign(p, p + size_t(n) * size[k]);
      exact[k].shrink_to_fit();
    }
    const size_t shift = size_t(n % 5) * out;
    std::vector<char> result(shift + size_t(n) * out + 64, char(0x5a));
    block.op(&result[shift], exact[0].data(), exact[1].data(), exact[2].data(), n);
    report(n == 0 || std::memcmp(&result[shift], &alone[size_t(first) * out], size_t(n) * out) == 0,
           block.name + " depends on position, n = " + show(n));
    bool clean = true;
    for (size_t i = 0; i < result.size(); ++i)
      clean &= (i >= shift && i < shift + size_t(n) * out) || result[i] == char(0x5a);
    report(clean, block.name + " writes beyond its block, n = " + show(n));
    for (int k = 0; k < block.arity; ++k) {
      if (size[k] != out) continue;
      std::vector<char> place = exact[k];
      const void* a[3] = {exact[0].data(), exact[1].data(), exact[2].data()};
      a[k] = place.data();
      block.op(place.data(), a[0], a[1], a[2], n);
      report(n == 0 || std::memcmp(place.data(), &alone[size_t(first) * out], size_t(n) * out) == 0,
             block.name + " in place, n = " + show(n));
    }
  }
}

void check_blocks(const Isa& isa) {
  for (int opcode = 0; opcode < kOpcodes; ++opcode)
    for (int t = 0; t < 4; ++t) {
      const OpcodeInfo& info = kOpcodeInfo[opcode];
      const DType dtype = DType(t);
      const BlockOp op = isa.block_op(opcode, dtype);
      const bool expected = opcode != op_cast && (info.args >> t & 1);
      const std::string name = std::string(isa.name) + " " + info.name + " " + dtype_names[t];
      report((op != nullptr) == expected, name + (expected ? " is missing" : " should not exist"));
      if (!op) continue;
      const DType out = info.result >= 0 ? DType(info.result) : dtype;
      check_block({name, op, {opcode == op_where ? DType::b8 : dtype, dtype, dtype}, out, info.arity});
    }
  for (int from = 0; from < 4; ++from)
    for (int to = 0; to < 4; ++to)
      check_block({std::string(isa.name) + " cast " + dtype_names[from] + " to " + dtype_names[to],
                   isa.block_cast(DType(from), DType(to)),
                   {DType(from), DType(from), DType(from)},
                   DType(to),
                   1});
}

// ---- several operations as one ----

std::string name_of(int opcode) {
  return opcode == kNoOpcode ? "itself" : opcode == kEqualInts ? "eq of int32" : kOpcodeInfo[opcode].name;
}

/// f(g(a, b), h(c, d)) by the single operations, one after another.
std::vector<float> by_steps(const Isa& isa, int f, int g, int h, const std::vector<float> (&in)[4]) {
  const int64_t n = int64_t(in[0].size());
  if (f == op_where) {
    std::vector<uint8_t> condition(in[0].size());
    std::vector<float> result(in[0].size());
    const bool ints = g == kEqualInts;
    isa.block_op(ints ? op_eq : g, ints ? DType::i32 : DType::f32)(condition.data(), in[0].data(), in[1].data(),
                                                                   nullptr, n);
    isa.block_op(f, DType::f32)(result.data(), condition.data(), in[2].data(), in[3].data(), n);
    return result;
  }
  std::vector<float> left = in[0], right = in[2], result(in[0].size());
  if (g != kNoOpcode) isa.block_op(g, DType::f32)(left.data(), in[0].data(), in[1].data(), nullptr, n);
  if (h != kNoOpcode) isa.block_op(h, DType::f32)(right.data(), in[2].data(), in[3].data(), nullptr, n);
  isa.block_op(f, DType::f32)(result.data(), left.data(), right.data(), nullptr, n);
  return result;
}

bool all_same(const float* got, const float* want, int64_t n) {
  bool ok = true;
  for (int64_t i = 0; i < n; ++i) ok = ok && same(got[i], want[i]);
  return ok;
}

/// The values, for every length and position, overwriting each argument, and nothing beyond the block.
void check_tree(const Isa& isa, FusedOp op, int f, int g, int h) {
  const std::string name = std::string(isa.name) + " " + name_of(f) + "(" + name_of(g) + ", " + name_of(h) + ")";
  std::vector<float> many[4];
  for (int k = 0; k < 4; ++k) {
    const std::vector<float> v = values<float>();
    for (size_t i = 0; i < 2000; ++i)
      many[k].push_back(v[(i * size_t(2 * k + 1) + i / v.size() * size_t(3 * k + 5)) % v.size()]);
  }
  const std::vector<float> want = by_steps(isa, f, g, h, many);
  for (int n : {1, 2, 3, 5, 15, 16, 17, 31, 40, 128, 131, 1900})
    for (int place = -1; place < 4; ++place) {
      const int first = n % 97;
      std::vector<float> in[4];
      for (int k = 0; k < 4; ++k) {
        in[k].assign(many[k].begin() + first, many[k].begin() + first + n);
        in[k].shrink_to_fit();
      }
      std::vector<float> apart(size_t(n) + 2, 77.0f);
      float* dst = place < 0 ? apart.data() + 1 : in[place].data();
      op(dst, in[0].data(), in[1].data(), in[2].data(), in[3].data(), n);
      report(all_same(dst, want.data() + first, n),
             name + ", n = " + show(n) + ", in place of argument " + show(place));
      if (place < 0) report(apart[0] == 77.0f && apart[size_t(n) + 1] == 77.0f, name + " writes beyond its block");
    }
}

void check_trees(const Isa& isa) {
  for (int f = 0; f < kOpcodes; ++f)
    for (int g = kEqualInts; g < kOpcodes; ++g)
      for (int h = kNoOpcode; h < kOpcodes; ++h) {
        const auto simple = [](int opcode) {
          return opcode == kNoOpcode || opcode == op_add || opcode == op_sub || opcode == op_mul;
        };
        const bool tree = (f == op_add || f == op_sub || f == op_mul || f == op_div) && simple(g) && simple(h) &&
                          (g != h || g != kNoOpcode);
        const bool choice =
            f == op_where && (g == op_eq || g == op_lt || g == op_le || g == kEqualInts) && h == kNoOpcode;
        const FusedOp op = isa.fused_op(f, g, h);
        report((op != nullptr) == (tree || choice),
               std::string(isa.name) + " has " + name_of(f) + "(" + name_of(g) + ", " + name_of(h) + ")");
        if (op) check_tree(isa, op, f, g, h);
      }
}

/// The operations behind normal random numbers give the same bits on every instruction set.
template <class T>
void check_same_everywhere(int opcode) {
  Random random{8};
  std::vector<T> x = values<T>();
  for (int i = 0; i < 200000; ++i)
    x.push_back(T((double(random.bits() >> 11) * 0x1p-53 - 0.125) * (opcode == op_cos ? 6.283185307179586 : -1)));
  std::vector<T> first;
  for (const Isa& isa : instruction_sets()) {
    std::vector<T> y(x.size());
    isa.block_op(opcode, dtype_of<T>)(y.data(), x.data(), nullptr, nullptr, int64_t(x.size()));
    if (first.empty()) first = y;
    int64_t other = 0;
    for (size_t i = 0; i < x.size(); ++i) other += !same(y[i], first[i]);
    report(other == 0, std::string(isa.name) + " " + kOpcodeInfo[opcode].name + " " + dtype_names[int(dtype_of<T>)] +
                           ": " + std::to_string(other) + " values differ");
  }
}

}  // namespace

int main() {
  for (int opcode : {op_log1p, op_cos, op_sqrt})
    check_same_everywhere<float>(opcode), check_same_everywhere<double>(opcode);
  for (const Isa& isa : instruction_sets()) {
    check_floats<float>(isa);
    check_floats<double>(isa);
    check_remainders<float>(isa);
    check_remainders<double>(isa);
    check_integers(isa);
    check_booleans(isa);
    check_comparisons<float>(isa);
    check_comparisons<double>(isa);
    check_comparisons<int32_t>(isa);
    check_comparisons<uint8_t>(isa);
    check_casts<float>(isa);
    check_casts<double>(isa);
    check_casts<int32_t>(isa);
    check_casts<uint8_t>(isa);
    check_random(isa);
    check_blocks(isa);
    check_trees(isa);
  }
  if (failures)
    return std::printf("elementwise: %lld of %lld checks failed\n", (long long)failures, (long long)checks), 1;
  std::printf("elementwise: %lld checks passed\n", (long long)checks);
}
