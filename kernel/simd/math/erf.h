// erf x = x·P(x²) below |x| = 1, and 1 − erfc|x| above, whose error shrinks with erfc.
#pragma once
#include "exp_log.h"

namespace gradus::GRADUS_ISA {

/// Above 1: 1 − e^−g(|x|), g = −log erfc being nearly a parabola.
GRADUS_INLINE F32 erf(F32 x) {
  constexpr float small[] = {0x1.06eba8p-3f, -0x1.81273ep-2f,  0x1.ce2cf8p-4f, -0x1.b7f90cp-6f,
                             0x1.5405b2p-8f, -0x1.a3f6fep-11f, 0x1.496a2ep-14f};
  constexpr float large[] = {-0x1.8b3e8p-13f, 0x1.212c2cp0f, 0x1.4434fp-1f,    0x1.bc18cep-4f,
                             -0x1.9d0bcep-6f, 0x1.1398fp-8f, -0x1.ceeacep-12f, 0x1.6c0668p-16f};
  const F32 a = magnitude(x);
  const F32 near = madd(x, polynomial(a * a, small), x);  // P − 1: its rounding weighs less
  const F32 t = at_most(a, 4);
  const F32 far = 1 - exp_moderate(-polynomial(t, large));
  return select(a > 1, with_sign(far, x), near);
}

/// Above 1: erfc a = e^−a²·p(t), t = (a − 3)/(a + 3). The rounding of a² is harmless, as
/// a²·erfc a / erf a < 0.2.
GRADUS_INLINE F64 erf(F64 x) {
  constexpr double small[] = {0x1.06eba8214db69p-3,   -0x1.812746b0379e6p-2,  0x1.ce2f21a042b2p-4,
                              -0x1.b82ce3128499dp-6,  0x1.565bcd0db0301p-8,   -0x1.c02db3d8ed66cp-11,
                              0x1.f9a321a123a0ap-14,  -0x1.f4d1df399c2b3p-17, 0x1.b9def1a0a1cfcp-20,
                              -0x1.5f1d36ceef1a2p-23, 0x1.f7a41259914e1p-27,  -0x1.386ac056129dbp-30,
                              0x1.0579a759503dap-34};
  constexpr double large[] = {0x1.6e9827d229639p-3,  -0x1.4e102b9d076d6p-2, 0x1.f6ff203f4df36p-3,
                              -0x1.336ffbe336bf9p-3, 0x1.258b18220e942p-4,  -0x1.8fa4b3adc8505p-6,
                              0x1.17df8afa16c66p-8,  0x1.7636a678d88eep-11, -0x1.30006c0f9a929p-11,
                              0x1.4787e53834b36p-14, 0x1.b54791d6b5323p-14, 0x1.0663093c267d7p-16};
  const F64 a = magnitude(x);
  const F64 near = madd(x, polynomial(a * a, small), x);
  const F64 t = at_most(a, 6);
  const F64 far = 1 - exp_moderate(-(t * t)) * polynomial((t - 3) / (t + 3), large);
  return select(a > 1, with_sign(far, x), near);
}

}  // namespace gradus::GRADUS_ISA
