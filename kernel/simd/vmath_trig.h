// sin and cos of F64; those of float32 are evaluated in float64 too, where the reduction by π/2 is
// short and exact enough for the whole float32 polynomial.
#pragma once
#include "vmath_vector.h"

namespace gradus::GRADUS_ISA {

/// Below it n = round(x·2/π) has at most 20 bits, and its products with 33-bit pieces of π/2 are
/// exact. Elements beyond it are left to the C library, each for itself.
constexpr double kReductionLimit = 0x1p20;

/// x = n·π/2 + r + r_low, |r| ≤ π/4 (+ rounding of n).
struct Quadrant {
  F64 r, r_low;
  U64 n;  // modulo 4 in the low bits
};

constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
// π/2 in pieces of 33, 33, 33 and 53 bits.
constexpr double kHalfPi[4] = {0x1.921fb544p0, 0x1.0b4611a6p-34, 0x1.3198a2e0p-69,
                               0x1.b839a252049c1p-104};
constexpr double kRoundShift = 0x1.8p52;

GRADUS_INLINE Quadrant reduce_by_half_pi(F64 x) {
  const F64 shifted = madd(x, broadcast<F64>(kTwoOverPi), kRoundShift);
  const F64 n = shifted - kRoundShift;
  const F64 first = x - n * kHalfPi[0];  // exact (Sterbenz)
  const Pair<F64> second = two_sum(first, -(n * kHalfPi[1]));
  const Pair<F64> third = two_sum(second.high, -(n * kHalfPi[2]));
  const F64 rest = (second.low + third.low) - n * kHalfPi[3];
  const Pair<F64> r = fast_two_sum(third.high, rest);
  return {r.high, r.low, (U64)shifted};
}

/// sin(r + r_low) ≈ r + r³·S(r²) + r_low·(1 − r²/2)
GRADUS_INLINE F64 sin_kernel(F64 r, F64 r_low, F64 z) {
  constexpr double c[] = {-0x1.5555555555549p-3, 0x1.111111110f842p-7,  -0x1.a01a019c0a283p-13,
                          0x1.71de3570fcc9ep-19, -0x1.ae5e60c41e17dp-26, 0x1.5d915df7f2319p-33};
  const F64 low = r_low * (1.0 - 0.5 * z);
  return r + madd(r * z, polynomial(z, c), low);
}

/// cos(r + r_low) ≈ 1 − r²/2 + r⁴·C(r²) − r·r_low, the rounding of 1 − r²/2 being put back.
GRADUS_INLINE F64 cos_kernel(F64 r, F64 r_low, F64 z) {
  constexpr double c[] = {0x1.555555555554cp-5,   -0x1.6c16c16c1514p-10, 0x1.a01a019cab748p-16,
                          -0x1.27e4f80533f3ep-22, 0x1.1ee9e890dd27ap-29, -0x1.8facd16b17224p-37};
  const F64 half = 0.5 * z, w = 1.0 - half;
  return w + (((1.0 - w) - half) + madd(z * z, polynomial(z, c), -(r * r_low)));
}

/// Puts the C library's value where |x| is too large for the reduction. A lane's value depends on
/// that lane alone.
template <double (*exact)(double)>
GRADUS_INLINE F64 beyond_reduction(F64 x, F64 y) {
  const MaskOf<F64> large = magnitude(x) > broadcast<F64>(kReductionLimit);
  if (__builtin_expect(any(large), 0)) {
    for (size_t i = 0; i < sizeof(F64) / sizeof(double); i++)
      if (large[i]) y[i] = exact(x[i]);
  }
  return y;
}

inline double library_sin(double x) { return __builtin_sin(x); }
inline double library_cos(double x) { return __builtin_cos(x); }

/// Quadrants 0 … 3 of a + n·π/2: sin is s, c, −s, −c; cos is one quadrant ahead.
GRADUS_INLINE F64 pick_quadrant(U64 n, F64 s, F64 c) {
  const MaskOf<F64> odd = (MaskOf<F64>)((n & 1) != 0);
  const F64 value = odd ? c : s;
  return (F64)((U64)value ^ ((n & 2) << 62));
}

GRADUS_INLINE F64 sin(F64 x) {
  const Quadrant q = reduce_by_half_pi(x);
  const F64 z = q.r * q.r;
  const F64 y = pick_quadrant(q.n, sin_kernel(q.r, q.r_low, z), cos_kernel(q.r, q.r_low, z));
  // −0: the sums above lose its sign
  return beyond_reduction<library_sin>(x, select(x == 0.0, x, y));
}

GRADUS_INLINE F64 cos(F64 x) {
  const Quadrant q = reduce_by_half_pi(x);
  const F64 z = q.r * q.r;
  const F64 y = pick_quadrant(q.n + 1, sin_kernel(q.r, q.r_low, z), cos_kernel(q.r, q.r_low, z));
  return beyond_reduction<library_cos>(x, y);
}

// ---- float32 ----

/// The same with one float64 for r: its error, 2⁻⁵³·n, and the polynomials' 2⁻³⁷ are far below a
/// float32's last bit even beside a multiple of π/2, which no float32 is nearer to than 2⁻³⁰ or so.
GRADUS_INLINE Quadrant reduce_by_half_pi_f32(F64 x) {
  const F64 shifted = madd(x, broadcast<F64>(kTwoOverPi), kRoundShift);
  const F64 n = shifted - kRoundShift;
  const F64 r = ((x - n * kHalfPi[0]) - n * kHalfPi[1]) - n * kHalfPi[2];
  return {r, F64{}, (U64)shifted};
}

GRADUS_INLINE F64 sin_kernel_f32(F64 r, F64 z) {
  constexpr double c[] = {-0x1.5555554ca92acp-3, 0x1.11110889f3eb8p-7, -0x1.a00f9397cba0ep-13,
                          0x1.6cd5ec17bda54p-19};
  return madd(r * z, polynomial(z, c), r);
}
GRADUS_INLINE F64 cos_kernel_f32(F64 z) {
  constexpr double c[] = {0x1.5555554f4380fp-5, -0x1.6c16b88cfc2d9p-10, 0x1.a0111833f8266p-16,
                          -0x1.242929190de3fp-22};
  return madd(z * z, polynomial(z, c), 1.0 - 0.5 * z);
}

GRADUS_INLINE F64 sin_f32(F64 x) {
  const Quadrant q = reduce_by_half_pi_f32(x);
  const F64 z = q.r * q.r;
  const F64 y = pick_quadrant(q.n, sin_kernel_f32(q.r, z), cos_kernel_f32(z));
  return beyond_reduction<library_sin>(x, select(x == 0.0, x, y));
}

GRADUS_INLINE F64 cos_f32(F64 x) {
  const Quadrant q = reduce_by_half_pi_f32(x);
  const F64 z = q.r * q.r;
  const F64 y = pick_quadrant(q.n + 1, sin_kernel_f32(q.r, z), cos_kernel_f32(z));
  return beyond_reduction<library_cos>(x, y);
}

}  // namespace gradus::GRADUS_ISA
