// Verified program → plans: merges axes, allocates registers, cuts work into tasks of fixed size.
#include "plan.h"

#include <algorithm>

#include "planner.h"

namespace gradus {
namespace {

bool plan_instruction(const Planning& planning, const Instruction& i, Plan& plan) {
  plan.kind = i.kind;
  switch (i.kind) {
    case Kind::map: return plan_map(planning, i, plan);
    case Kind::reduce: return plan_reduce(planning, i, plan);
    case Kind::matmul: return plan_matmul(planning, i, plan);
    case Kind::conv: return plan_conv(planning, i, plan);
    case Kind::fold: return plan_fold(planning, i, plan);
    case Kind::gather:
    case Kind::scatter_add: return plan_index(planning, i, plan);
    case Kind::cumsum:
    case Kind::argsort: return plan_lines(planning, i, plan);
  }
  return false;
}

}  // namespace

bool fix_epilogue(const Planning& planning, LoopBlocks blocks, Loop& loop, const Space& space) {
  if (!blocks.fix(space, planning.constants, planning.refusal)) return false;
  std::fill(loop.extent, loop.extent + kMaxRank, 1);
  planning.need(loop.memory);
  return true;
}

Status plan_program(const Program& program, const KernelTable& kernels, ConstantPool& constants,
                    std::vector<Plan>& plans, int64_t& worker_memory, std::string& refusal) {
  plans.resize(program.instructions.size());
  const Planning planning{program, kernels, constants, worker_memory, refusal};
  for (size_t n = 0; n < plans.size(); ++n) {
    const Instruction& i = program.instructions[n];
    if (!plan_instruction(planning, i, plans[n])) {
      if (refusal == kNoMemory) return Status::out_of_memory;
      refusal = "instruction " + std::to_string(n) + " (" + kind_name(i.kind) + "): " + refusal;
      return Status::refused;
    }
    if (n > 0) fuse_max_argmax(planning, program.instructions[n - 1], plans[n - 1], i, plans[n]);
  }
  return Status::ok;
}

}  // namespace gradus
