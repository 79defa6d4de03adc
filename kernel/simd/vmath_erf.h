// erf x = x·P(x²) below |x| = 1, and 1 − erfc|x| above, whose error shrinks with erfc.
#pragma once
#include "vmath_exp_log.h"

namespace gradus::GRADUS_ISA {

/// Above 1: 1 − e^−g(|x|), g = −log erfc being nearly a parabola.
GRADUS_INLINE F32 erf(F32 x) {
  constexpr float small[] = {0x1.06eba8p-3f, -0x1.81273ep-2f, 0x1.ce2cf8p-4f, -0x1.b7f90ep-6f,
                             0x1.5405b2p-8f, -0x1.a3f7p-11f,  0x1.496a3p-14f};
  constexpr float large[] = {-0x1.8b3f06p-13f, 0x1.212c2cp0f,  0x1.4434fp-1f,    0x1.bc18dp-4f,
                             -0x1.9d0bd4p-6f,  0x1.1398f8p-8f, -0x1.ceeae8p-12f, 0x1.6c0688p-16f};
  const F32 a = magnitude(x);
  const F32 near = madd(x, polynomial(a * a, small), x);  // P − 1: its rounding weighs less
  const F32 t = at_most(a, 4);
  const F32 far = 1 - exp_moderate(-polynomial(t, large));
  return select(a > 1, with_sign(far, x), near);
}

/// Above 1: erfc a = e^−a²·p(t), t = (a − 3)/(a + 3). The rounding of a² is harmless, as
/// a²·erfc a / erf a < 0.2.
GRADUS_INLINE F64 erf(F64 x) {
  constexpr double small[] = {
      0x1.06eba8214db69p-3,  -0x1.812746b0379e6p-2, 0x1.ce2f21a042b2p-4,   -0x1.b82ce3128499dp-6,
      0x1.565bcd0db02f9p-8,  -0x1.c02db3d8ed616p-11, 0x1.f9a321a124beap-14, -0x1.f4d1df39cfd47p-17,
      0x1.b9def1a489fd7p-20, -0x1.5f1d36f97d7c9p-23, 0x1.f7a41476f2bf1p-27, -0x1.386ac7afbd1e2p-30,
      0x1.0579bcf8b06d2p-34};
  constexpr double large[] = {
      0x1.6e9827d22963ep-3,  -0x1.4e102b9d076a4p-2, 0x1.f6ff203f4d5f3p-3,  -0x1.336ffbe34e2e1p-3,
      0x1.258b181f968a9p-4,  -0x1.8fa4b3f6c0ccfp-6, 0x1.17df85bf60045p-8,  0x1.763629f5043ebp-11,
      -0x1.30015d7eaa063p-11, 0x1.477eae8b4eea9p-14, 0x1.b5412085980fcp-14, 0x1.065b295d82c9bp-16};
  const F64 a = magnitude(x);
  const F64 near = madd(x, polynomial(a * a, small), x);
  const F64 t = at_most(a, 6);
  const F64 far = 1 - exp_moderate(-(t * t)) * polynomial((t - 3) / (t + 3), large);
  return select(a > 1, with_sign(far, x), near);
}

}  // namespace gradus::GRADUS_ISA
