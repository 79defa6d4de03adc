// xʸ = e^(y·log|x|), signed. In float64 log|x| is a sum of two floats, exact to about 2⁻⁶⁵, because its error is
// multiplied by up to 745; for float32 a float64 suffices.
#pragma once
#include "exp_log.h"

namespace gradus::GRADUS_ISA {

/// log x of normal or subnormal x > 0, with m = (1 + s)/(1 − s):
/// log x = e·ln 2 + 2s + s·z·(2/3 + z·Q(z)), z = s².
GRADUS_INLINE Pair<F64> log_pair(F64 x) {
  using C = Constants<F64>;
  constexpr double c[] = {0x1.9999999999996p-2, 0x1.249249249303ep-2, 0x1.c71c71c57f452p-3, 0x1.745d1832de707p-3,
                          0x1.3b136290cd76p-3,  0x1.1120bb3a92d7p-3,  0x1.de328d586fd7p-4,  0x1.eb188775f801fp-4};
  constexpr double two_thirds = 0x1.5555555555555p-1, two_thirds_low = 0x1.5555555555555p-55;
  const MaskOf<F64> subnormal = x < C::smallest_normal;
  const Split<F64> a = split_exponent(select(subnormal, x * 0x1p52, x));
  const F64 e = select(subnormal, a.e - 52, a.e);

  // s = (m − 1)/(m + 1), numerator exact
  const F64 top = a.m - 1, bottom = a.m + 1, bottom_low = a.m - (bottom - 1);
  const F64 inverse = 1 / bottom;
  const F64 s = top * inverse;
  const Pair<F64> back = two_product(s, bottom);
  const F64 s_low = (((top - back.high) - back.low) - s * bottom_low) * inverse;

  Pair<F64> z = two_product(s, s);
  z.low = madd(s + s, s_low, z.low);
  Pair<F64> u = fast_two_sum(broadcast<F64>(two_thirds), z.high * polynomial(z.high, c));
  u.low = u.low + two_thirds_low;
  Pair<F64> v = two_product(z.high, u.high);
  v.low = madd(z.high, u.low, madd(z.low, u.high, v.low));
  Pair<F64> w = two_product(s, v.high);
  w.low = madd(s, v.low, madd(s_low, v.high, w.low));

  const Pair<F64> first = fast_two_sum(e * C::ln2_high, s + s);
  const Pair<F64> second = fast_two_sum(first.high, w.high);
  const F64 rest = ((s_low + s_low) + w.low) + e * C::ln2_low;
  return fast_two_sum(second.high, second.low + (first.low + rest));
}

/// Sign and special values of C's pow, given |x|ʸ for finite nonzero x; nothing to do for finite
/// x > 0 and finite y.
GRADUS_INLINE F64 pow_limits(F64 x, F64 y, F64 value) {
  using C = Constants<F64>;
  const MaskOf<F64> plain = (x > 0) & (x < C::infinity) & (magnitude(y) < C::infinity);
  if (__builtin_expect(!any(~plain), 1)) return value;
  const F64 a = magnitude(x), b = magnitude(y), h = 0.5 * b;
  // + 2⁵² drops the fraction; numbers from 2⁵² on have none
  const MaskOf<F64> whole = (b + 0x1p52) - 0x1p52 == b, half_whole = (h + 0x1p52) - 0x1p52 == h;
  const MaskOf<F64> integer = whole | (b >= 0x1p52), even = half_whole | (h >= 0x1p52);
  const F64 at_zero = select(y > 0, 0.0, broadcast<F64>(C::infinity));
  const F64 at_infinity = select(y > 0, C::infinity, F64{});
  value = select(a == 0, at_zero, value);
  value = select(a == C::infinity, at_infinity, value);
  const F64 sign = select(integer & ~even, x, F64{});
  value = with_sign(value, sign);
  value = select((x < 0) & (a < C::infinity) & ~integer, C::nan, value);
  value = select(y == y, value, y);
  value = select(x == x, value, x);
  return select((x == 1) | (y == 0), 1.0, value);
}

/// |log x| ≥ 2⁻⁵³ unless |x| = 1, so a larger |y| changes nothing but could give ∞ − ∞ or 0·∞.
GRADUS_INLINE F64 bounded_exponent(F64 y) { return at_least(at_most(y, 0x1p80), -0x1p80); }

GRADUS_INLINE F64 pow(F64 x, F64 y) {
  using C = Constants<F64>;
  const Pair<F64> l = log_pair(magnitude(x));
  const F64 t = bounded_exponent(y);
  const Pair<F64> product = two_product(t, l.high);
  const F64 low = madd(t, l.low, product.low);
  const F64 high = at_least(at_most(product.high, 800), -800);

  const F64 shifted = madd(high, broadcast<F64>(C::log2e), C::round);
  const F64 n = shifted - C::round;
  const F64 r0 = nmadd(n, broadcast<F64>(C::ln2_high), high);
  const F64 r1 = select(high == product.high, low, F64{}) - n * C::ln2_low;
  const Pair<F64> r = fast_two_sum(r0, r1);
  const F64 tail = madd(r.high * r.high, polynomial(r.high, C::exp_tail), r.low);
  return pow_limits(x, y, scale(1 + (r.high + tail), n, (U64)shifted));
}

/// For float32 arguments; the caller rounds the result. Errors of 2⁻⁴³ in log x and 2⁻³⁴ in the exponential keep it
/// correctly rounded in all but one case in a thousand.
GRADUS_INLINE F64 pow_f32(F64 x, F64 y) {
  using C = Constants<F64>;
  constexpr double log_c[] = {0x1.555555561eafcp-1, 0x1.999996a804c54p-2, 0x1.24941282b5cd9p-2, 0x1.c62ae011aa87dp-3,
                              0x1.9118ba4517a65p-3};
  constexpr double exp_c[] = {0x1.00000043144d6p-1, 0x1.5555559822c0ep-3,  0x1.555480008926ep-5,
                              0x1.11107cbdc23dbp-7, 0x1.6d96d242fe81fp-10, 0x1.a1b84a4a2f149p-13};
  const Split<F64> a = split_exponent(magnitude(x));  // no float32 is a subnormal float64
  const F64 s = (a.m - 1) / (a.m + 1), z = s * s;
  const F64 log = madd(a.e, broadcast<F64>(0x1.62e42fefa39efp-1), madd(s * z, polynomial(z, log_c), s + s));
  const F64 t = at_least(at_most(bounded_exponent(y) * log, 200), -200);
  const F64 shifted = madd(t, broadcast<F64>(C::log2e), C::round);
  const F64 n = shifted - C::round;
  const F64 r = nmadd(n, broadcast<F64>(C::ln2_low), nmadd(n, broadcast<F64>(C::ln2_high), t));
  const F64 p = 1 + madd(r * r, polynomial(r, exp_c), r);
  return pow_limits(x, y, p * power_of_two<F64>((U64)shifted));
}

}  // namespace gradus::GRADUS_ISA
