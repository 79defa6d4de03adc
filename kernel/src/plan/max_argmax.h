// A max and an argmax of the same windows, as the two passes through pooling have them: one reading
// finds both.
#pragma once
#include "plan.h"

namespace gradus {

/// Whether two reductions that follow each other, so planned, can be done together, block by block: they
/// are such twins, and neither writes what the other one still reads.
bool are_twins(const Program& program, const Instruction& max, const ReducePlan& max_plan,
               const Instruction& argmax, const ReducePlan& argmax_plan);

}  // namespace gradus
