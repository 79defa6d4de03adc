// Fused max + argmax: a max and an argmax of the same windows, as the two passes through pooling have them, are
// found in one reading.
#pragma once
#include "plan.h"

namespace gradus {

/// Whether two reductions that follow each other, so planned, can be fused, block by block: a max and the argmax
/// of the same windows, neither of which writes what the other one still reads.
bool fuses_max_argmax(const Program& program, const Instruction& max, const ReducePlan& max_plan,
                      const Instruction& argmax, const ReducePlan& argmax_plan);

}  // namespace gradus
