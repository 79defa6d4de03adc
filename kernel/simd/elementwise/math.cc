// The operations written with explicit vectors: elementary functions, random bits, integer division and truncation,
// which compilers leave scalar, and the two where a compiler's choice of operand order could be visible (see `plus`).
#include "elementwise.h"
#include "loops.h"
#include "simd/math/vmath.h"
#include "src/opcodes.h"

namespace gradus::GRADUS_ISA {
namespace {

/// With two NaNs the sum's payload depends on the order of the operands, which a compiler may choose differently in a
/// loop's body and its tail: one body serves both here.
template <class V>
GRADUS_INLINE V plus(V a, V b) {
  return a + b;
}
template <class V>
GRADUS_INLINE V times(V a, V b) {
  return a * b;
}

/// a·b with 0·∞ = 0·NaN = 0.
template <class V>
GRADUS_INLINE V times_zero(V a, V b) {
  return select((a == 0) | (b == 0), V{}, a * b);
}

/// Philox-4×32-10, one block per 64-bit lane; only the low 32 bits of c0 … k1 count.
GRADUS_INLINE U64 philox(U64 k0, U64 k1, U64 counter) {
  const U64 m0 = U64{} + 0xd2511f53u, m1 = U64{} + 0xcd9e8d57u;
  U64 c0 = counter, c1{}, c2{}, c3{};
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const U64 p0 = multiply_low_words(m0, c0), p1 = multiply_low_words(m1, c2);
    c0 = (p1 >> 32) ^ c1 ^ k0;
    c1 = p1;
    c2 = (p0 >> 32) ^ c3 ^ k1;
    c3 = p0;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return c0;
}

/// The even and the odd 32-bit lanes go through two interleaved chains.
GRADUS_INLINE U32 random_words(U32 key0, U32 key1, U32 counter) {
  const U64 k0 = (U64)key0, k1 = (U64)key1, c = (U64)counter;
  const U64 even = philox(k0, k1, c), odd = philox(k0 >> 32, k1 >> 32, c >> 32);
  return (U32)((even & 0xffffffffu) | odd << 32);
}

void random_bits(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  for (int64_t i = 0; i < n; i += lanes<U32>) {
    const U32 key0 = load_up_to<U32>(at<U32>(a, i), n - i);
    const U32 key1 = load_up_to<U32>(at<U32>(b, i), n - i);
    const U32 counter = load_up_to<U32>(at<U32>(c, i), n - i);
    store_up_to(at<U32>(dst, i), random_words(key0, key1, counter), n - i);
  }
}

/// ⌊x/y⌋ in float64, for lack of a vector integer division: |x/y| < 2³² is off by less than 2⁻²¹/|y|, and no fraction
/// with denominator y is nearer to the next integer than 1/|y|, so truncation is exact.
GRADUS_INLINE HalfI32 floor_divide(HalfI32 x, HalfI32 y) {
  const HalfI32 by_zero = y == 0, by_minus_one = y == -1;
  const HalfI32 d = (by_zero | by_minus_one) ? HalfI32{} + 1 : y;
  const HalfI32 q = __builtin_convertvector(__builtin_convertvector(x, F64) / __builtin_convertvector(d, F64), HalfI32);
  const HalfI32 r = x - q * d;
  const HalfI32 floor = q + ((r != 0) & ((r ^ d) < 0));  // a true lane is −1
  const HalfI32 negative = (HalfI32)(HalfU32{} - (HalfU32)x);
  return ~by_zero & (by_minus_one ? negative : floor);
}

/// ⌊x/y⌋ for y = 2^k: the shift of a negative number rounds down.
void floor_divide_by_power(void* dst, const void* a, const void* b, const void*, int64_t n) {
  const I32 shift = I32{} + __builtin_ctz(uint32_t(*static_cast<const int32_t*>(b)));
  for (int64_t i = 0; i < n; i += lanes<I32>)
    store_up_to(at<I32>(dst, i), load_up_to<I32>(at<I32>(a, i), n - i) >> shift, n - i);
}

/// ⌊x/y⌋ for one y > 0. x·(1/y) is off by less than 2⁻²⁰/y: too little to carry a fraction past an integer, so its
/// truncation is right except for multiples of y, where it may be one nearer to zero. The remainder, between −y and y,
/// shows that.
void floor_divide_by(void* dst, const void* a, const void* b, const void*, int64_t n) {
  const int32_t divisor = *static_cast<const int32_t*>(b);
  const HalfI32 y = HalfI32{} + divisor;
  const F64 reciprocal = F64{} + 1.0 / divisor;
  for (int64_t i = 0; i < n; i += lanes<HalfI32>) {
    const HalfI32 x = load_up_to<HalfI32>(at<HalfI32>(a, i), n - i);
    const HalfI32 q = __builtin_convertvector(__builtin_convertvector(x, F64) * reciprocal, HalfI32);
    const HalfI32 r = x - q * y;
    store_up_to(at<HalfI32>(dst, i), q + (r < 0) - (r >= y), n - i);  // a true lane is −1
  }
}

/// Toward zero, saturated, NaN → 0; the conversion itself only sees values that int32 can hold.
GRADUS_INLINE I32 truncated(F32 x) {
  const F32 number = at_least(select(x == x, x, F32{}), -0x1p31f);
  const I32 over = number >= 0x1p31f;
  const I32 value = __builtin_convertvector(select(over, F32{}, number), I32);
  return over ? I32{} + INT32_MAX : value;
}
GRADUS_INLINE HalfI32 truncated(F64 x) {
  const F64 number = select(x == x, x, F64{});
  return __builtin_convertvector(at_most(at_least(number, -0x1p31), 0x1p31 - 1), HalfI32);
}

template <class R, class V>
void truncate(void* dst, const void* a, const void*, const void*, int64_t n) {
  for (int64_t i = 0; i < n; i += lanes<V>)
    store_up_to<R>(at<R>(dst, i), truncated(load_up_to<V>(at<V>(a, i), n - i)), n - i);
}

/// The functions that are written once for both precisions.
template <class V>
BlockOp common(int opcode) {
  switch (opcode) {
    case op_floor: return unary<V, floor<V>>;
    case op_rsqrt: return unary<V, rsqrt<V>>;
    case op_exp: return unary<V, exp<V>>;
    case op_expm1: return unary<V, expm1<V>>;
    case op_log: return unary<V, log<V>>;
    case op_tanh: return unary<V, tanh<V>>;
    case op_sigmoid: return unary<V, sigmoid<V>>;
    case op_erf: return unary<V, erf>;
    case op_add: return binary<V, plus<V>>;
    case op_mul: return binary<V, times<V>>;
    case op_mulZero: return binary<V, times_zero<V>>;
    default: return nullptr;
  }
}

}  // namespace

BlockOp block_math(int opcode, DType arguments) {
  if (arguments == DType::f32) {
    switch (opcode) {
      case op_sin: return unary<HalfF32, narrowed<sin_f32>>;
      case op_pow: return binary<HalfF32, narrowed<pow_f32>>;
      case op_mod: return binary<HalfF32, narrowed<modulo>>;
      case op_floorDiv: return binary<HalfF32, narrowed<floor_quotient>>;
      default: return common<F32>(opcode);
    }
  }
  if (arguments == DType::f64) {
    switch (opcode) {
      case op_sin: return unary<F64, sin>;
      case op_pow: return binary<F64, pow>;
      case op_mod: return binary<F64, modulo>;
      case op_floorDiv: return binary<F64, floor_quotient>;
      default: return common<F64>(opcode);
    }
  }
  if (arguments == DType::i32) {
    if (opcode == op_floorDiv) return binary<HalfI32, floor_divide>;
    if (opcode == op_randomBits) return random_bits;
  }
  return nullptr;
}

BlockOp block_op_by(int opcode, DType arguments, double second) {
  if (opcode != op_floorDiv || arguments != DType::i32 || !(second >= 1 && second <= INT32_MAX)) return nullptr;
  const uint32_t divisor = uint32_t(second);
  return (divisor & (divisor - 1)) == 0 ? floor_divide_by_power : floor_divide_by;
}

BlockOp block_truncate(DType from) { return from == DType::f32 ? truncate<I32, F32> : truncate<HalfI32, F64>; }

}  // namespace gradus::GRADUS_ISA
