// outputs[j][i] = expression(inputs[…][i]), block after block.
#include "kernels.h"

namespace gradus::GRADUS_ISA {
namespace {

/// Transposes the staged inputs of a tile at once, so that lines of their memory are read whole, and
/// evaluates its blocks one after another: these are long rows in the memory of the others.
void evaluate_tile(const Loop& loop, const Frame& frame, char* memory, int64_t* start, int64_t* extent) {
  void** table = reinterpret_cast<void**>(memory);
  const int across = loop.across;
  const int64_t from = start[across], rows = extent[across], row = count(loop.rank, extent) / rows;
  for (const LoopInput& in : loop.inputs)
    if (in.access == Access::staged) load(loop, in, frame, memory, offset_of(in.view, loop.rank, start), extent);
  const int64_t step = loop.extent[across];
  for (int64_t r = 0; r < rows; r += step) {
    start[across] = from + r;
    extent[across] = rows - r < step ? rows - r : step;
    for (size_t i = 0; i < loop.inputs.size(); i++) {
      const LoopInput& in = loop.inputs[i];
      if (in.access == Access::staged) table[i] = memory + in.reg + r * row * in.view.element;
    }
    evaluate(loop, frame, memory, start, extent);
  }
  start[across] = from;
  extent[across] = rows;
}

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
  BlockCursor cursor{loop.rank, loop.size, plan.tile, plan.grid, {}, start, extent};
  const int64_t first = task * plan.tiles_per_task;
  const int64_t last = first + plan.tiles_per_task < plan.tiles ? first + plan.tiles_per_task : plan.tiles;
  cursor.seek(first);
  for (int64_t tile = first; tile < last; tile++) {
    if (loop.across >= 0) evaluate_tile(loop, run.frame, memory, start, extent);
    else if (!evaluate_rows(loop, run.frame, memory, start, extent, 0)) evaluate(loop, run.frame, memory, start, extent);
    cursor.next();
  }
}

}  // namespace

Status map(const MapPlan& plan, Frame& frame) {
  MapRun run{plan, frame, {}};
  const int64_t tasks = (plan.tiles + plan.tiles_per_task - 1) / plan.tiles_per_task;
  frame.parallel->run(tasks, run_task, &run);
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA
