// Fused max + argmax: a max and an argmax over the same windows, as the forward and backward passes of pooling have
// them, are computed in one pass.
#pragma once
#include "plan.h"

namespace gradus {

/// Whether two consecutive planned reductions can be fused, block by block: a max and the argmax of the same windows,
/// neither of which overwrites what the other still reads.
bool fuses_max_argmax(const Program& program, const Instruction& max, const ReducePlan& max_plan,
                      const Instruction& argmax, const ReducePlan& argmax_plan);

}  // namespace gradus
