// The compiled instruction sets that this machine can run, for the tests and benches of elementwise.
#pragma once
#include <vector>

#include "src/contract.h"

#define GRADUS_DECLARE(isa)                                                                                   \
  namespace gradus::isa {                                                                                     \
  using BlockOp = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);                \
  BlockOp block_op(int opcode, DType arguments);                                                              \
  BlockOp block_cast(DType from, DType to);                                                                   \
  BlockOp block_op_by(int opcode, DType arguments, double second);                                            \
  using FusedOp = void (*)(void* dst, const void* a, const void* b, const void* c, const void* d, int64_t n); \
  FusedOp fused_op(int f, int g, int h);                                                                      \
  }

#if defined(__x86_64__)
GRADUS_DECLARE(baseline)
#if defined(GRADUS_AVX2)
GRADUS_DECLARE(avx2)
#endif
#if defined(GRADUS_AVX512)
GRADUS_DECLARE(avx512)
#endif
#elif defined(__aarch64__)
GRADUS_DECLARE(neon)
#else
GRADUS_DECLARE(baseline)
#endif

namespace gradus {

using BlockOp = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);
using FusedOp = void (*)(void* dst, const void* a, const void* b, const void* c, const void* d, int64_t n);

struct Isa {
  const char* name;
  bool fused;  // has a fused multiply-add
  BlockOp (*block_op)(int opcode, DType arguments);
  BlockOp (*block_cast)(DType from, DType to);
  BlockOp (*block_op_by)(int opcode, DType arguments, double second);
  FusedOp (*fused_op)(int f, int g, int h);
};

inline std::vector<Isa> instruction_sets() {
  std::vector<Isa> sets;
#if defined(__x86_64__)
  sets.push_back(
      {"baseline", false, baseline::block_op, baseline::block_cast, baseline::block_op_by, baseline::fused_op});
#if defined(GRADUS_AVX2)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    sets.push_back({"avx2", true, avx2::block_op, avx2::block_cast, avx2::block_op_by, avx2::fused_op});
#endif
#if defined(GRADUS_AVX512)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    sets.push_back({"avx512", true, avx512::block_op, avx512::block_cast, avx512::block_op_by, avx512::fused_op});
#endif
#elif defined(__aarch64__)
  sets.push_back({"neon", true, neon::block_op, neon::block_cast, neon::block_op_by, neon::fused_op});
#else
  sets.push_back(
      {"baseline", false, baseline::block_op, baseline::block_cast, baseline::block_op_by, baseline::fused_op});
#endif
  return sets;
}

}  // namespace gradus
