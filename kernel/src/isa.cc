// Chooses the instruction set once. Only tables are named here: no code of an instruction set runs
// before the machine is known to have it.
#include <cstdlib>
#include <cstring>

#include "plan.h"

namespace gradus {

#if defined(__x86_64__)
namespace baseline { extern const KernelTable table; }
namespace avx2 { extern const KernelTable table; }
namespace avx512 { extern const KernelTable table; }
#elif defined(__aarch64__)
namespace neon { extern const KernelTable table; }
#else
namespace baseline { extern const KernelTable table; }
#endif

const KernelTable& kernels_for_this_machine() {
#if defined(__x86_64__)
  const char* wish = std::getenv("GRADUS_ISA");
  const auto allowed = [wish](const char* name) { return !wish || !*wish || std::strcmp(wish, name) == 0; };
  if (allowed("avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
    return avx512::table;
  if (!(wish && std::strcmp(wish, "baseline") == 0) && __builtin_cpu_supports("avx2") &&
      __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    return avx2::table;
  return baseline::table;
#elif defined(__aarch64__)
  return neon::table;
#else
  return baseline::table;
#endif
}

}  // namespace gradus
