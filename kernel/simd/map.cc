// outputs[j][i] = expression(inputs[…][i]), block after block.
#include "kernels.h"

namespace gradus::GRADUS_ISA {
namespace {

struct MapRun {
  const MapPlan& plan;
  const Frame& frame;
  bool ready[kMaxWorkers];
};

void run_task(void* context, int64_t task, int worker) {
  MapRun& run = *static_cast<MapRun*>(context);
  const MapPlan& plan = run.plan;
  const Loop& loop = plan.loop;
  char* memory = run.frame.worker_memory[worker];
  if (!run.ready[worker]) {
    begin(loop, run.frame, memory);
    run.ready[worker] = true;
  }
  int64_t start[kMaxRank], extent[kMaxRank];
  BlockCursor cursor{loop.rank, loop.size, loop.extent, plan.grid, {}, start, extent};
  const int64_t first = task * plan.blocks_per_task;
  const int64_t last = first + plan.blocks_per_task < plan.blocks ? first + plan.blocks_per_task : plan.blocks;
  cursor.seek(first);
  for (int64_t block = first; block < last; block++) {
    evaluate(loop, run.frame, memory, start, extent);
    cursor.next();
  }
}

}  // namespace

Status map(const MapPlan& plan, Frame& frame) {
  MapRun run{plan, frame, {}};
  const int64_t tasks = (plan.blocks + plan.blocks_per_task - 1) / plan.blocks_per_task;
  frame.parallel->run(tasks, run_task, &run);
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA
