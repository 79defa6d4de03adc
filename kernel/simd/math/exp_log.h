// exp, log and the functions built on them, for F32 and F64 alike: the algorithm is written once, with the constants of
// each precision in its Constants.
//
// Polynomials are minimax fits by Remez exchange, weighted by the relative error of the result; docs/accuracy.md
// describes the method and lists the measured errors.
#pragma once
#include "vector.h"

namespace gradus::GRADUS_ISA {

template <class V>
struct Constants;

template <>
struct Constants<F32> {
  static constexpr int mantissa = 23, bias = 127;
  static constexpr uint32_t one_bits = 0x3f800000, mantissa_mask = 0x007fffff;
  static constexpr uint32_t sqrt_half_bits = 0x3f3504f3;
  static constexpr float round = 0x1.8p23f;             // x + round − round is the nearest integer
  static constexpr uint32_t integer_bits = 0x4b000000;  // 2²³, whose last bit is worth 1
  static constexpr float integer_base = 0x1p23f + 127;
  static constexpr float infinity = __builtin_inff(), nan = __builtin_nanf("");
  static constexpr float smallest_normal = 0x1p-126f;
  static constexpr float log2e = 0x1.715476p0f;
  static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;  // 16 bits + the rest
  static constexpr float exp_min = -105, exp_max = 89;                        // beyond: 0 and ∞
  static constexpr float expm1_min = -18, tanh_max = 10;                      // beyond: −1 and 1
  static constexpr float root_small = 0x1p-60f, root_up = 0x1p64f, root_sqrt_up = 0x1p32f;
  static constexpr float expm1_tiny = 0x1p-25f;  // below: x itself

  /// (eʳ − 1 − r) / r² on |r| ≤ ½ ln 2, to 2⁻²⁶ of r
  static constexpr float exp_tail[] = {0x1.0p-1f, 0x1.5554bp-3f, 0x1.555486p-5f, 0x1.12283ap-7f, 0x1.6d9974p-10f};

  /// log(1 + f) = f − f²/2 + log_tail, with a polynomial to 2⁻²⁷
  GRADUS_INLINE F32 log_tail(F32 f, F32) {
    constexpr float c[] = {0x1.55554ap-2f, -0x1.00022p-2f,  0x1.99a598p-3f, -0x1.54786ep-3f,
                           0x1.226e0cp-3f, -0x1.0ce16ep-3f, 0x1.07d312p-3f, -0x1.41edfcp-4f};
    return f * f * f * polynomial(f, c);
  }
};

template <>
struct Constants<F64> {
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr uint64_t one_bits = 0x3ff0000000000000, mantissa_mask = 0x000fffffffffffff;
  static constexpr uint64_t sqrt_half_bits = 0x3fe6a09e667f3bcd;
  static constexpr double round = 0x1.8p52;
  static constexpr uint64_t integer_bits = 0x4330000000000000;
  static constexpr double integer_base = 0x1p52 + 1023;
  static constexpr double infinity = __builtin_inf(), nan = __builtin_nan("");
  static constexpr double smallest_normal = 0x1p-1022;
  static constexpr double log2e = 0x1.71547652b82fep0;
  static constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;  // 42 bits
  static constexpr double exp_min = -746, exp_max = 710;
  static constexpr double expm1_min = -38, tanh_max = 20;
  static constexpr double root_small = 0x1p-500, root_up = 0x1p512, root_sqrt_up = 0x1p256;
  static constexpr double expm1_tiny = 0x1p-54;

  /// To 2⁻⁶¹ of r.
  static constexpr double exp_tail[] = {0x1.0p-1,
                                        0x1.5555555555559p-3,
                                        0x1.555555555555ap-5,
                                        0x1.111111110f699p-7,
                                        0x1.6c16c16c14402p-10,
                                        0x1.a01a01afef03p-13,
                                        0x1.a01a01b0cedfep-16,
                                        0x1.71ddf8381271bp-19,
                                        0x1.27e4c56e58bcep-22,
                                        0x1.af5ef33d5ec9bp-26,
                                        0x1.1f95b0f9b4ebcp-29};

  /// With s = f/(2 + f), log(1 + f) = log((1 + s)/(1 − s)) = 2s + s·R(s²) = f − f²/2 + s·(f²/2 + R),
  /// which keeps the error of the quotient out of the leading term (fdlibm's form). R to 2⁻⁵⁸.
  GRADUS_INLINE F64 log_tail(F64 f, F64 half_square) {
    constexpr double c[] = {0x1.5555555555593p-1, 0x1.999999997fc79p-2, 0x1.2492494204471p-2, 0x1.c71c51f8ac7b7p-3,
                            0x1.7466428cffb38p-3, 0x1.39a15765a64bfp-3, 0x1.2f097f4f53059p-3};
    const F64 s = f / (2.0 + f), z = s * s;
    return s * madd(z, polynomial(z, c), half_square);
  }
};

// ---- exp ----

/// x = n·ln 2 + r + r_low with |r| ≤ ½ ln 2: Cody and Waite, n·ln2_high being exact.
template <class V>
struct Reduced {
  V r, r_low, n;
  BitsOf<V> n_bits;  // n in the low bits, below a multiple of 2¹⁰
};

template <class V>
GRADUS_INLINE Reduced<V> reduce_by_ln2(V x) {
  using C = Constants<V>;
  const V shifted = madd(x, broadcast<V>(C::log2e), C::round);
  const V n = shifted - C::round;
  const V high = nmadd(n, broadcast<V>(C::ln2_high), x);
  const V low = n * C::ln2_low;
  const V r = high - low;
  return {r, (high - r) - low, n, (BitsOf<V>)shifted};
}

/// 2ⁿ for −bias < n ≤ bias.
template <class V>
GRADUS_INLINE V power_of_two(BitsOf<V> n_bits) {
  using C = Constants<V>;
  return (V)((n_bits << C::mantissa) + C::one_bits);
}

/// p·2ⁿ, rounded once where it is subnormal.
GRADUS_INLINE F32 scale(F32 p, F32 n, U32 n_bits) {
#if defined(__AVX512F__)
  (void)n_bits;
  return (F32)_mm512_maskz_scalef_ps(0xffff, (__m512)p, (__m512)n);
#else
  (void)n;
  const U32 half = n_bits >> 1;
  return p * power_of_two<F32>(half) * power_of_two<F32>(n_bits - half);
#endif
}
GRADUS_INLINE F64 scale(F64 p, F64 n, U64 n_bits) {
#if defined(__AVX512F__)
  (void)n_bits;
  return (F64)_mm512_maskz_scalef_pd(0xff, (__m512d)p, (__m512d)n);
#else
  (void)n;
  const U64 half = n_bits >> 1;
  return p * power_of_two<F64>(half) * power_of_two<F64>(n_bits - half);
#endif
}

/// eˣ = 2ⁿ·(1 + (r + r²·q(r)))
template <class V>
GRADUS_INLINE V exp(V x) {
  using C = Constants<V>;
  const Reduced<V> a = reduce_by_ln2(at_least(at_most(x, C::exp_max), C::exp_min));
  const V p = 1 + madd(a.r * a.r, polynomial(a.r, C::exp_tail), a.r);
  return scale(p, a.n, a.n_bits);
}

/// eˣ where neither the result nor 2ⁿ leaves the normal range.
template <class V>
GRADUS_INLINE V exp_moderate(V x) {
  using C = Constants<V>;
  const Reduced<V> a = reduce_by_ln2(x);
  const V p = 1 + madd(a.r * a.r, polynomial(a.r, C::exp_tail), a.r);
  return p * power_of_two<V>(a.n_bits);
}

/// eˣ − 1 = 2·((s − ½) + s·r + s·r²·q(r)) with s = 2ⁿ⁻¹. The first sum is kept in two floats: near n = ±1 its terms
/// cancel. Half the scale, because 2¹²⁸ (2¹⁰²⁴) is not representable.
template <class V>
GRADUS_INLINE V expm1(V x) {
  using C = Constants<V>;
  const Reduced<V> a = reduce_by_ln2(at_least(at_most(x, C::exp_max), C::expm1_min));
  const V s = power_of_two<V>(a.n_bits - 1);
  const V tail = madd(a.r * a.r, polynomial(a.r, C::exp_tail), a.r_low);
  const Pair<V> shift = two_sum(s, broadcast<V>(ScalarOf<V>(-0.5)));
  const Pair<V> sum = two_sum(shift.high, s * a.r);
  const V y = sum.high + madd(s, tail, sum.low + shift.low);
  return select(magnitude(x) < C::expm1_tiny, x, y + y);
}

/// tanh|x| = E/(E + 2) with E = e²ˣ − 1 ≥ 0: relative accuracy at 0, and 1 where e²ˣ dwarfs 2.
template <class V>
GRADUS_INLINE V tanh(V x) {
  using C = Constants<V>;
  const V t = at_most(magnitude(x), C::tanh_max);
  const Reduced<V> a = reduce_by_ln2(t + t);
  const V s = power_of_two<V>(a.n_bits);
  const V tail = madd(a.r * a.r, polynomial(a.r, C::exp_tail), a.r_low);
  const V e = madd(s, tail, madd(s, a.r, s - 1));
  return with_sign(e / (e + 2), x);
}

/// σ(x) = 1/(1 + e⁻ˣ) for x ≥ 0 and eˣ/(1 + eˣ) below: e^−|x| never overflows, and both tails keep
/// their relative accuracy.
template <class V>
GRADUS_INLINE V sigmoid(V x) {
  const V e = exp(-magnitude(x));
  return select(x < 0, e, broadcast<V>(1)) / (1 + e);
}

// ---- log ----

/// x = m·2ᵉ with ½√2 ≤ m < √2, for normal x > 0.
template <class V>
struct Split {
  V m, e;
  BitsOf<V> e_bits;  // e + bias, shifted to the exponent's place
};

template <class V>
GRADUS_INLINE Split<V> split_exponent(V x) {
  using C = Constants<V>;
  const BitsOf<V> t = (BitsOf<V>)x + (C::one_bits - C::sqrt_half_bits);
  const V e = (V)((t >> C::mantissa) | C::integer_bits) - C::integer_base;
  return {(V)((t & C::mantissa_mask) + C::sqrt_half_bits), e, t & ~(BitsOf<V>{} + C::mantissa_mask)};
}

/// e·ln 2 + log(1 + f)
template <class V>
GRADUS_INLINE V log_sum(V f, V e) {
  using C = Constants<V>;
  const V half_square = ScalarOf<V>(0.5) * f * f;
  const V tail = madd(e, broadcast<V>(C::ln2_low), C::log_tail(f, half_square));
  return madd(e, broadcast<V>(C::ln2_high), f - (half_square - tail));
}

/// The values that the formula does not cover: log 0 = −∞, log ∞ = ∞, NaN for negative numbers and NaN.
template <class V>
GRADUS_INLINE V log_limits(V x, V y) {
  using C = Constants<V>;
  y = select(x < C::infinity, y, x);
  y = select(x == 0, -C::infinity, y);
  return select(x < 0, C::nan, y);
}

template <class V>
GRADUS_INLINE V log(V x) {
  using C = Constants<V>;
  constexpr ScalarOf<V> up = ScalarOf<V>(uint64_t{1} << C::mantissa);
  const MaskOf<V> subnormal = x < C::smallest_normal;
  const Split<V> a = split_exponent(select(subnormal, x * up, x));
  const V e = select(subnormal, a.e - C::mantissa, a.e);
  return log_limits(x, log_sum(a.m - 1, e));
}

/// log(1 + x) with u = fl(1 + x) = m·2ᵉ: the bits of x that u lost, c = 1 + x − u, are added to f = m − 1 (scaled by
/// 2⁻ᵉ), so that f is x itself near 0.
template <class V>
GRADUS_INLINE V log1p(V x) {
  using C = Constants<V>;
  const Pair<V> u = two_sum(broadcast<V>(1), x);
  const Split<V> a = split_exponent(u.high);
  const V down = (V)(2 * C::one_bits - a.e_bits);
  const V c = select(u.high < ScalarOf<V>(uint64_t{1} << (C::mantissa + 2)), u.low * down, V{});
  const V y = log_sum(c + (a.m - 1), a.e);
  return select(magnitude(x) < C::expm1_tiny, x, log_limits(1 + x, y));
}

// ---- roots and rounding ----

/// 1/√x: y = 1/fl(√x) may be off by 1.5 ulp, and one Newton step on x·y² = 1, with the residuals of
/// the root and of the quotient taken exactly, leaves little more than half an ulp. Small x are
/// scaled, as the residuals would underflow.
template <class V>
GRADUS_INLINE V rsqrt(V x) {
  using C = Constants<V>;
  const MaskOf<V> small = x < C::root_small;
  const V t = select(small, x * C::root_up, x);
  const V root = square_root(t), y = 1 / root;
  const Pair<V> square = two_product(root, root), unit = two_product(y, root);
  const V root_error = ((t - square.high) - square.low) * y * y * ScalarOf<V>(0.5);
  const V better = madd(y, ((1 - unit.high) - unit.low) - root_error, y);
  const V scaled = select(small, better * C::root_sqrt_up, better);
  return select((y > 0) & (y < C::infinity), scaled, y);  // but not for x = 0, ∞, x < 0, NaN
}

/// ⌊x⌋ by adding and subtracting the power of two whose last bit is worth 1; every float beyond it is an integer.
template <class V>
GRADUS_INLINE V floor(V x) {
  constexpr ScalarOf<V> unit = ScalarOf<V>(uint64_t{1} << Constants<V>::mantissa);
  const V a = magnitude(x);
  const V whole = with_sign(select(a < unit, (a + unit) - unit, a), x);
  return whole - select(whole > x, ScalarOf<V>(1), V{});
}

}  // namespace gradus::GRADUS_ISA
