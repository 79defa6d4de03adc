// Arithmetic, comparison, logic, selection, conversion: plain loops, which compilers vectorise.
#include "elementwise.h"

#include "simd/math/vector.h"
#include "src/opcodes.h"

// No iteration depends on another, even when dst is one of the arguments.
#if defined(__clang__)
#define GRADUS_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define GRADUS_INDEPENDENT _Pragma("GCC ivdep")
#endif

namespace gradus::GRADUS_ISA {
namespace {

template <class R, class T, R (*f)(T)>
void map1(void* dst, const void* a, const void*, const void*, int64_t n) {
  R* d = static_cast<R*>(dst);
  const T* x = static_cast<const T*>(a);
  GRADUS_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) d[i] = f(x[i]);
}

template <class R, class T, R (*f)(T, T)>
void map2(void* dst, const void* a, const void* b, const void*, int64_t n) {
  R* d = static_cast<R*>(dst);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  GRADUS_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) d[i] = f(x[i], y[i]);
}

template <class T>
void map_where(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  T* d = static_cast<T*>(dst);
  const uint8_t* condition = static_cast<const uint8_t*>(a);
  const T* x = static_cast<const T*>(b);
  const T* y = static_cast<const T*>(c);
  GRADUS_INDEPENDENT
  for (int64_t i = 0; i < n; ++i) {
    const T yes = x[i], no = y[i];
    d[i] = condition[i] ? yes : no;
  }
}

GRADUS_INLINE float root_of(float x) { return __builtin_sqrtf(x); }
GRADUS_INLINE double root_of(double x) { return __builtin_sqrt(x); }

/// Scalar definitions for T = float, double (add, mul and floor: elementwise/math.cc); int32 follows.
template <class T>
struct Scalar {
  GRADUS_INLINE T neg(T x) { return -x; }
  GRADUS_INLINE T abs(T x) { return sizeof(T) == 4 ? T(__builtin_fabsf(float(x))) : T(__builtin_fabs(double(x))); }
  /// ±0 and NaN are returned unchanged.
  GRADUS_INLINE T sign(T x) { return x > 0 ? T(1) : (x < 0 ? T(-1) : x); }
  GRADUS_INLINE T sqrt(T x) { return root_of(x); }
  GRADUS_INLINE T sub(T x, T y) { return x - y; }
  GRADUS_INLINE T div(T x, T y) { return x / y; }
  GRADUS_INLINE T max(T x, T y) { return ((x >= y) | (x != x)) ? x : y; }  // a NaN in y fails ≥
  GRADUS_INLINE T min(T x, T y) { return ((x <= y) | (x != x)) ? x : y; }
};

template <>
struct Scalar<int32_t> {
  using U = uint32_t;  // whose overflow is defined
  GRADUS_INLINE int32_t neg(int32_t x) { return int32_t(0 - U(x)); }
  GRADUS_INLINE int32_t abs(int32_t x) { return int32_t(x < 0 ? 0 - U(x) : U(x)); }
  GRADUS_INLINE int32_t sign(int32_t x) { return (x > 0) - (x < 0); }
  GRADUS_INLINE int32_t add(int32_t x, int32_t y) { return int32_t(U(x) + U(y)); }
  GRADUS_INLINE int32_t sub(int32_t x, int32_t y) { return int32_t(U(x) - U(y)); }
  GRADUS_INLINE int32_t mul(int32_t x, int32_t y) { return int32_t(U(x) * U(y)); }
  GRADUS_INLINE int32_t max(int32_t x, int32_t y) { return x > y ? x : y; }
  GRADUS_INLINE int32_t min(int32_t x, int32_t y) { return x < y ? x : y; }
  GRADUS_INLINE int32_t shiftRight(int32_t x, int32_t y) { return int32_t(U(x) >> (y & 31)); }
};

template <class T>
GRADUS_INLINE uint8_t equal(T x, T y) {
  return x == y;
}
template <class T>
GRADUS_INLINE uint8_t less(T x, T y) {
  return x < y;
}
template <class T>
GRADUS_INLINE uint8_t less_or_equal(T x, T y) {
  return x <= y;
}
GRADUS_INLINE uint8_t logical_not(uint8_t x) { return x == 0; }
GRADUS_INLINE uint8_t logical_and(uint8_t x, uint8_t y) { return x & y; }
GRADUS_INLINE uint8_t logical_or(uint8_t x, uint8_t y) { return x | y; }

// ---- casts ----

template <class R, class T>
GRADUS_INLINE R convert(T x) {
  if constexpr (sizeof(R) == 1) return x != 0;
  else return R(x);
}

template <class T>
void copy(void* dst, const void* a, const void*, const void*, int64_t n) {
  if (n > 0) __builtin_memmove(dst, a, size_t(n) * sizeof(T));
}

template <class T>
BlockOp cast_from(DType to) {
  switch (to) {
    case DType::f32: return map1<float, T, convert<float, T>>;
    case DType::f64: return map1<double, T, convert<double, T>>;
    case DType::i32:
      if constexpr (T(0.5) != T(0)) return block_truncate(sizeof(T) == 4 ? DType::f32 : DType::f64);
      else return map1<int32_t, T, convert<int32_t, T>>;
    case DType::b8: return map1<uint8_t, T, convert<uint8_t, T>>;
  }
  return nullptr;
}

// ---- tables ----

template <class T>
BlockOp comparison(int opcode) {
  switch (opcode) {
    case op_eq: return map2<uint8_t, T, equal<T>>;
    case op_lt: return map2<uint8_t, T, less<T>>;
    case op_le: return map2<uint8_t, T, less_or_equal<T>>;
    case op_where: return map_where<T>;
    default: return nullptr;
  }
}

template <class T>
BlockOp numeric(int opcode) {
  using S = Scalar<T>;
  switch (opcode) {
    case op_neg: return map1<T, T, S::neg>;
    case op_abs: return map1<T, T, S::abs>;
    case op_sign: return map1<T, T, S::sign>;
    case op_sub: return map2<T, T, S::sub>;
    case op_max: return map2<T, T, S::max>;
    case op_min: return map2<T, T, S::min>;
    default: return comparison<T>(opcode);
  }
}

template <class T>
BlockOp floating(int opcode) {
  using S = Scalar<T>;
  switch (opcode) {
    case op_sqrt: return map1<T, T, S::sqrt>;
    case op_div: return map2<T, T, S::div>;
    default: return numeric<T>(opcode);
  }
}

BlockOp integral(int opcode) {
  using S = Scalar<int32_t>;
  switch (opcode) {
    case op_add: return map2<int32_t, int32_t, S::add>;
    case op_mul: return map2<int32_t, int32_t, S::mul>;
    case op_shiftRight: return map2<int32_t, int32_t, S::shiftRight>;
    default: return numeric<int32_t>(opcode);
  }
}

BlockOp boolean(int opcode) {
  switch (opcode) {
    case op_not_: return map1<uint8_t, uint8_t, logical_not>;
    case op_and_: return map2<uint8_t, uint8_t, logical_and>;
    case op_or_: return map2<uint8_t, uint8_t, logical_or>;
    default: return comparison<uint8_t>(opcode);
  }
}

}  // namespace

BlockOp block_op(int opcode, DType arguments) {
  if (const BlockOp math = block_math(opcode, arguments)) return math;
  if (const BlockOp random = block_random(opcode, arguments)) return random;
  switch (arguments) {
    case DType::f32: return floating<float>(opcode);
    case DType::f64: return floating<double>(opcode);
    case DType::i32: return integral(opcode);
    case DType::b8: return boolean(opcode);
  }
  return nullptr;
}

BlockOp block_cast(DType from, DType to) {
  switch (from) {
    case DType::f32: return to == from ? copy<float> : cast_from<float>(to);
    case DType::f64: return to == from ? copy<double> : cast_from<double>(to);
    case DType::i32: return to == from ? copy<int32_t> : cast_from<int32_t>(to);
    case DType::b8: return to == from ? copy<uint8_t> : cast_from<uint8_t>(to);
  }
  return nullptr;
}

}  // namespace gradus::GRADUS_ISA
