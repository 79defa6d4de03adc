// The planners, one per kind of instruction. plan.cc calls them.
#pragma once
#include <string>

#include "loop.h"

namespace gradus {

// Elements per task: some 10 µs of work, against about 1 µs to hand out a task.
constexpr int64_t kTaskElements = 1 << 15;
// Below this many simple operations, waking another thread costs more than it saves.
constexpr double kWakeCost = 1 << 17;

/// The state that all planners share.
struct Planning {
  const Program& program;
  const KernelTable& kernels;
  ConstantPool& constants;
  int64_t& worker_memory;
  std::string& refusal;

  /// Raises the memory per worker to at least `bytes`.
  void need(int64_t bytes) const {
    if (bytes > worker_memory) worker_memory = bytes;
  }
};

// Each fills a plan; false, with the reason in `refusal`, when an operation is not implemented or memory is out.
bool plan_map(const Planning& planning, const Instruction& i, Plan& plan);
bool plan_reduce(const Planning& planning, const Instruction& i, Plan& plan);
bool plan_matmul(const Planning& planning, const Instruction& i, Plan& plan);
bool plan_conv(const Planning& planning, const Instruction& i, Plan& plan);
bool plan_fold(const Planning& planning, const Instruction& i, Plan& plan);
/// gather and scatterAdd
bool plan_index(const Planning& planning, const Instruction& i, Plan& plan);
/// cumsum and argsort
bool plan_lines(const Planning& planning, const Instruction& i, Plan& plan);

/// Lets a max compute the argmax of the same windows as well, if that is the next instruction.
void fuse_max_argmax(const Planning& planning, const Instruction& i, Plan& plan, const Instruction& next,
                     Plan& next_plan);

/// Fixes the blocks of an epilogue, whose tiles come from a product or a convolution.
bool fix_epilogue(const Planning& planning, LoopBlocks blocks, Loop& loop, const Space& space);

}  // namespace gradus
