// Chooses the instruction set once, of those that were built (GRADUS_AVX2, GRADUS_AVX512). This file only refers to
// tables: no code of an instruction set runs before the machine is known to support it.
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "plan/plan.h"

namespace gradus {

bool matrix_unit = false;

#if defined(__x86_64__)
namespace baseline {
extern const KernelTable table;
}
#if defined(GRADUS_AVX2)
namespace avx2 {
extern const KernelTable table;
}
#endif
#if defined(GRADUS_AVX512)
namespace avx512 {
extern const KernelTable table;
}
#endif
#elif defined(__aarch64__)
namespace neon {
extern const KernelTable table;
}
namespace portable {
extern const KernelTable table;
}
#else
namespace baseline {
extern const KernelTable table;
}
#endif

bool machine_has_matrix_unit() {
#if defined(__x86_64__) && defined(__linux__)
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned bfloat16 = 1u << 22, tiles = 1u << 24;
  if ((d & bfloat16) == 0 || (d & tiles) == 0) return false;
  constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
  return false;
#endif
}

namespace {

#if defined(__x86_64__) && defined(GRADUS_AVX512)
/// The AVX-512 kernels with products on the matrix unit.
const KernelTable& amx_table() {
  static const KernelTable table = [] {
    KernelTable named = avx512::table;
    named.name = "amx";
    return named;
  }();
  matrix_unit = true;
  return table;
}
#endif

#if !defined(__aarch64__)
/// 128-bit vectors without fused multiply-add: what every processor and WebAssembly support.
const KernelTable& portable_table() {
  static const KernelTable table = [] {
    KernelTable named = baseline::table;
    named.name = "portable";
    return named;
  }();
  return table;
}
#endif

}  // namespace

const KernelTable& kernels_for_this_machine() {
  const char* wish = std::getenv("GRADUS_ISA");
  const auto wants = [wish](const char* name) { return wish && std::strcmp(wish, name) == 0; };
#if defined(__aarch64__)
  return wants("portable") ? portable::table : neon::table;
#else
  if (wants("portable")) return portable_table();
#if defined(GRADUS_AVX512)
  const bool any = !wish || !*wish;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("fma");
  if (wide && (any || wants("amx")) && machine_has_matrix_unit()) return amx_table();
  if (wide && (any || wants("avx512") || wants("amx"))) return avx512::table;
#endif
#if defined(GRADUS_AVX2)
  if (!wants("baseline") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c"))
    return avx2::table;
#endif
  return baseline::table;
#endif
}

}  // namespace gradus
