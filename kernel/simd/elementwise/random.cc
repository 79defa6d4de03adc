// log1p and cos as used for normal random numbers (src/tensor/random.ts): without fused multiply-add even where a
// processor has it, so that a seed gives the same numbers everywhere. Random bits and uniform numbers are exact anyway.
#if !defined(GRADUS_PORTABLE)
#define GRADUS_PORTABLE
#endif
#include "elementwise.h"
#include "loops.h"
#include "simd/math/vmath.h"
#include "src/opcodes.h"

namespace gradus::GRADUS_ISA {

BlockOp block_random(int opcode, DType arguments) {
  const bool f32 = arguments == DType::f32;
  if (!f32 && arguments != DType::f64) return nullptr;
  if (opcode == op_log1p) return f32 ? unary<F32, log1p<F32>> : unary<F64, log1p<F64>>;
  if (opcode == op_cos) return f32 ? unary<HalfF32, narrowed<cos_f32>> : unary<F64, cos>;
  return nullptr;
}

}  // namespace gradus::GRADUS_ISA
