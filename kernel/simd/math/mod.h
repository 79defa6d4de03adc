// The remainder and the floored quotient, both exact, as in C's fmod and Python's % and //.
#pragma once
#include "exp_log.h"

namespace gradus::GRADUS_ISA {

/// 2ᵏ for −1074 ≤ k ≤ 1023.
GRADUS_INLINE double two_to_the(int k) {
  const uint64_t bits = k >= -1022 ? uint64_t(k + 1023) << 52 : uint64_t{1} << (k + 1074);
  double x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

/// a mod b for any a, b ≥ 0 by long division in integers, 11 bits of the quotient at a time: at most
/// 187 steps. NaN for an infinite a, for b = 0 and for NaNs.
GRADUS_INLINE double long_division(double a, double b) {
  if (!(a < __builtin_inf()) || !(b > 0)) return __builtin_nan("");
  if (a < b) return a;
  uint64_t m[2];
  int e[2];
  const double x[2] = {a, b};
  for (int i = 0; i < 2; ++i) {  // x = m·2^(e − 1075)
    uint64_t bits;
    __builtin_memcpy(&bits, &x[i], sizeof bits);
    const int exponent = int(bits >> 52);
    m[i] = (bits & ((uint64_t{1} << 52) - 1)) | (exponent > 0 ? uint64_t{1} << 52 : 0);
    e[i] = exponent > 0 ? exponent : 1;
  }
  uint64_t r = m[0] % m[1];
  for (int left = e[0] - e[1]; left > 0; left -= 11) r = (r << (left < 11 ? left : 11)) % m[1];
  return double(r) * two_to_the(e[1] - 1075);
}

/// a mod b for a, b ≥ 0. One division if the quotient is small enough for a − q·b to be exact, otherwise long division.
/// Rounding may make q one too large; the remainder is then below 0.
GRADUS_INLINE F64 remainder_of(F64 a, F64 b) {
  constexpr double most = kFused ? 0x1p52 : 0x1p26;
  const F64 quotient = a / b;
  const F64 q = floor(quotient);
  F64 r;
  if constexpr (kFused) {
    r = nmadd(q, b, a);
  } else {  // q·b = product + low exactly, since both halves of b make exact products with q
    const F64 upper = (F64)((U64)b & ~U64{} << 27);
    const F64 product = q * b, low = (q * upper - product) + q * (b - upper);
    r = (a - product) - low;
  }
  r = select(r < 0, r + b, r);
  r = select(a < b, a, r);
  const MaskOf<F64> easy = (a < b) | ((quotient < most) & (a < 0x1p1000));
  if (__builtin_expect(any(~easy), 0))
    for (int i = 0; i < int(sizeof(F64) / sizeof(double)); ++i)
      if (!easy[i]) r[i] = long_division(a[i], b[i]);
  return r;
}

/// The remainder with the sign of y: fmod(x, y), moved by y where it has the sign of −y. ±0 takes the
/// sign of y, x mod ±∞ is x or ±∞; NaN for y = 0.
GRADUS_INLINE F64 modulo(F64 x, F64 y) {
  const F64 r = with_sign(remainder_of(magnitude(x), magnitude(y)), x);
  const F64 moved = select(((r < 0) & (y > 0)) | ((r > 0) & (y < 0)), r + y, r);
  return select(r == 0, with_sign(F64{}, y), moved);
}

/// ⌊x/y⌋, exact up to 2⁵². x/y rounds to an integer that is one too large where the remainder is nearly
/// y. x/0 is ±∞ or NaN, ⌊±∞/y⌋ NaN.
GRADUS_INLINE F64 floor_quotient(F64 x, F64 y) {
  const F64 quotient = x / y, down = floor(quotient);
  const F64 rest = magnitude(modulo(x, y)), b = magnitude(y);
  const MaskOf<F64> large = (rest >= b - rest) | (rest == b);  // both are ∞ for −5 / ∞
  const MaskOf<F64> too_large = (down == quotient) & (magnitude(down) < 0x1p52) & large;
  const F64 exact = select(too_large, down - 1, down);
  const F64 infinity = broadcast<F64>(__builtin_inf());
  return select(y == 0, quotient, select(magnitude(x) == infinity, broadcast<F64>(__builtin_nan("")), exact));
}

}  // namespace gradus::GRADUS_ISA
