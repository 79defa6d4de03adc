// A module holds one instruction set, because a browser compiles all of it before it could choose.
#include "src/plan/plan.h"

namespace gradus {

namespace GRADUS_ISA {
extern const KernelTable table;
}

const KernelTable& kernels_for_this_machine() { return GRADUS_ISA::table; }

}  // namespace gradus
