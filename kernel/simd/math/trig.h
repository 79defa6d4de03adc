// sin and cos of F64. Those of float32 are evaluated in float64 as well, where the reduction by π/2 is short and
// accurate enough for every float32.
#pragma once
#include "vector.h"

namespace gradus::GRADUS_ISA {

/// Below this limit n = round(x·2/π) has at most 20 bits, and its products with 33-bit pieces of π/2 are exact. Larger
/// elements are reduced one by one, with as many bits of 2/π as they need.
constexpr double kReductionLimit = 0x1p20;

/// x = n·π/2 + r + r_low, |r| ≤ π/4 (+ rounding of n).
struct Quadrant {
  F64 r, r_low;
  U64 n;  // modulo 4 in the low bits
};

constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
// π/2 in pieces of 33, 33, 33 and 53 bits.
constexpr double kHalfPi[4] = {0x1.921fb544p0, 0x1.0b4611a6p-34, 0x1.3198a2e0p-69, 0x1.b839a252049c1p-104};
constexpr double kRoundShift = 0x1.8p52;

/// 2/π, 1280 bits after 64 zeros.
constexpr uint64_t kTwoOverPiBits[21] = {
    0,
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
    0xf0cfbc209af4361d,
};

struct LaneQuadrant {
  double r, r_low;
  uint64_t n;
};

/// Payne and Hanek 1983: with x = M·2ᵉ, the bits of 2/π above 2²⁻ᵉ contribute multiples of 4 to
/// x·2/π, and 192 bits from there leave the fraction 2⁻¹³⁷ exact.
__attribute__((noinline)) static inline LaneQuadrant reduce_large(double x) {
  __extension__ typedef unsigned __int128 Double;
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const int exponent = int(bits >> 52 & 0x7ff);
  if (exponent == 0x7ff) return {__builtin_nan(""), 0, 0};
  const uint64_t m = (bits & 0x000fffffffffffff) | 0x0010000000000000;
  const int start = exponent - 1075 - 2 + 64, shift = start % 64;  // e ≥ −32 here
  const uint64_t* word = kTwoOverPiBits + start / 64;
  uint64_t w[3];
  for (int k = 0; k < 3; ++k) w[k] = shift ? word[k] << shift | word[k + 1] >> (64 - shift) : word[k];

  // x·2/π modulo 4, in units of 2⁻¹⁹⁰
  const Double p2 = Double(m) * w[2], p1 = Double(m) * w[1] + uint64_t(p2 >> 64);
  uint64_t a = m * w[0] + uint64_t(p1 >> 64), b = uint64_t(p1), c = uint64_t(p2);
  uint64_t n = a >> 62;
  a = a << 2 | b >> 62, b = b << 2 | c >> 62, c <<= 2;
  const bool negative = a >> 63;  // the fraction is nearer to the next integer
  if (negative) {
    ++n;
    a = ~a, b = ~b, c = ~c;  // negation, but for the last bit
  }
  int zeros = 0;
  if (a == 0) a = b, b = c, zeros = 64;
  const int lead = a ? __builtin_clzll(a) : 0;
  if (lead) a = a << lead | b >> (64 - lead), b = b << lead | c >> (64 - lead);
  zeros += lead;

  const uint64_t unit_bits = uint64_t(1023 - 53 - zeros) << 52;
  double unit;  // 2⁻⁵³⁻ᶻᵉʳᵒˢ
  __builtin_memcpy(&unit, &unit_bits, sizeof unit);
  const double high = double(a >> 11) * unit, low = double(a << 53 | b >> 11) * (unit * 0x1p-64);
  constexpr double half_pi = 0x1.921fb54442d18p0, half_pi_low = 0x1.1a62633145c07p-54;
  const Pair<F64> product = two_product(broadcast<F64>(high), broadcast<F64>(half_pi));
  const double rest = product.low[0] + (high * half_pi_low + low * half_pi);
  const double r = product.high[0] + rest, r_low = rest - (r - product.high[0]);
  const bool flip = negative != bool(bits >> 63);
  return {flip ? -r : r, flip ? -r_low : r_low, bits >> 63 ? 0 - n : n};
}

/// Replaces the lanes that are too large for the short reduction; each lane depends on itself alone.
GRADUS_INLINE Quadrant with_large(F64 x, Quadrant q) {
  const MaskOf<F64> large = magnitude(x) > broadcast<F64>(kReductionLimit);
  if (__builtin_expect(any(large), 0)) {
    for (size_t i = 0; i < sizeof(F64) / sizeof(double); ++i) {
      if (!large[i]) continue;
      const LaneQuadrant lane = reduce_large(x[i]);
      q.r[i] = lane.r, q.r_low[i] = lane.r_low, q.n[i] = lane.n;
    }
  }
  return q;
}

GRADUS_INLINE Quadrant reduce_by_half_pi(F64 x) {
  const F64 shifted = madd(x, broadcast<F64>(kTwoOverPi), kRoundShift);
  const F64 n = shifted - kRoundShift;
  const F64 first = x - n * kHalfPi[0];  // exact (Sterbenz)
  const Pair<F64> second = two_sum(first, -(n * kHalfPi[1]));
  const Pair<F64> third = two_sum(second.high, -(n * kHalfPi[2]));
  const F64 rest = (second.low + third.low) - n * kHalfPi[3];
  const Pair<F64> r = fast_two_sum(third.high, rest);
  return with_large(x, {r.high, r.low, (U64)shifted});
}

/// sin(r + r_low) ≈ r + r³·S(r²) + r_low·(1 − r²/2)
GRADUS_INLINE F64 sin_kernel(F64 r, F64 r_low, F64 z) {
  constexpr double c[] = {-0x1.5555555555549p-3, 0x1.111111110f842p-7,   -0x1.a01a019c0a277p-13,
                          0x1.71de3570fb76p-19,  -0x1.ae5e60c2a9afap-26, 0x1.5d915d7600624p-33};
  const F64 low = r_low * (1.0 - 0.5 * z);
  return r + madd(r * z, polynomial(z, c), low);
}

/// cos(r + r_low) ≈ 1 − r²/2 + r⁴·C(r²) − r·r_low, with the rounding error of 1 − r²/2 added back.
GRADUS_INLINE F64 cos_kernel(F64 r, F64 r_low, F64 z) {
  constexpr double c[] = {0x1.555555555554cp-5,   -0x1.6c16c16c1514p-10, 0x1.a01a019cab683p-16,
                          -0x1.27e4f8052b365p-22, 0x1.1ee9e88affe3fp-29, -0x1.8facce6ade52dp-37};
  const F64 half = 0.5 * z, w = 1.0 - half;
  return w + (((1.0 - w) - half) + madd(z * z, polynomial(z, c), -(r * r_low)));
}

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
  return select(x == 0.0, x, y);  // −0: the sums above lose its sign
}

GRADUS_INLINE F64 cos(F64 x) {
  const Quadrant q = reduce_by_half_pi(x);
  const F64 z = q.r * q.r;
  return pick_quadrant(q.n + 1, sin_kernel(q.r, q.r_low, z), cos_kernel(q.r, q.r_low, z));
}

// ---- float32 ----

/// The same with one float64 for r: its error, 2⁻⁵³·n, and the polynomials' 2⁻³⁷ are far below a float32's last bit
/// even next to a multiple of π/2: no float32 is nearer to one than about 2⁻³⁰.
GRADUS_INLINE Quadrant reduce_by_half_pi_f32(F64 x) {
  const F64 shifted = madd(x, broadcast<F64>(kTwoOverPi), kRoundShift);
  const F64 n = shifted - kRoundShift;
  const F64 r = ((x - n * kHalfPi[0]) - n * kHalfPi[1]) - n * kHalfPi[2];
  return with_large(x, {r, F64{}, (U64)shifted});
}

GRADUS_INLINE F64 sin_kernel_f32(F64 r, F64 z) {
  constexpr double c[] = {-0x1.5555554ca9306p-3, 0x1.11110889f56f1p-7, -0x1.a00f9397e62d2p-13, 0x1.6cd5ebff1b102p-19};
  return madd(r * z, polynomial(z, c), r);
}
GRADUS_INLINE F64 cos_kernel_f32(F64 z) {
  constexpr double c[] = {0x1.5555554f42875p-5, -0x1.6c16b88be5237p-10, 0x1.a011178338a9ap-16, -0x1.2429072a947ep-22};
  return madd(z * z, polynomial(z, c), 1.0 - 0.5 * z);
}

GRADUS_INLINE F64 sin_f32(F64 x) {
  const Quadrant q = reduce_by_half_pi_f32(x);
  const F64 z = q.r * q.r;
  const F64 y = pick_quadrant(q.n, sin_kernel_f32(q.r, z), cos_kernel_f32(z));
  return select(x == 0.0, x, y);
}

GRADUS_INLINE F64 cos_f32(F64 x) {
  const Quadrant q = reduce_by_half_pi_f32(x);
  const F64 z = q.r * q.r;
  return pick_quadrant(q.n + 1, sin_kernel_f32(q.r, z), cos_kernel_f32(z));
}

}  // namespace gradus::GRADUS_ISA
