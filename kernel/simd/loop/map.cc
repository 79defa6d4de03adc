// outputs[j][i] = expression(inputs[…][i]), block after block.
#include "simd/kernels.h"

namespace gradus::GRADUS_ISA {
namespace {

/// Transposes the staged inputs of a tile at once, so that lines of their memory are read whole, and evaluates its
/// blocks one after another: these are long rows in the memory of the other operands.
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
    for (size_t i = 0; i < loop.inputs.size(); ++i) {
      const LoopInput& in = loop.inputs[i];
      if (in.access == Access::staged) table[i] = memory + in.reg + r * row * in.view.element;
    }
    evaluate(loop, frame, memory, start, extent);
  }
  start[across] = from;
  extent[across] = rows;
}

/// Rows first … last − 1 of a loop of one step. From row to row, only addresses that change are advanced.
void walk_rows(const Loop& loop, const Frame& frame, char* memory, int64_t first, int64_t last) {
  constexpr int most = 5;  // arguments of a step
  void** table = reinterpret_cast<void**>(memory);
  const int outer = loop.rank - 1;
  const Step& s = loop.steps[0];
  const int16_t values[most] = {s.dst, s.a, s.b, s.c, s.d};
  int64_t at[kMaxRank] = {}, rest = first;
  for (int a = outer; a-- > 0; rest /= loop.size[a]) at[a] = rest % loop.size[a];
  char* moving[most];        // their addresses in memory
  char* room[most];          // where the single element of a row is repeated, or null
  const char* held[most]{};  // which one it is
  int64_t by[kMaxRank][most];
  for (int i = 0; i < most; ++i) {
    const size_t v = size_t(values[i]);
    const bool input = i > 0 && v < loop.inputs.size() && loop.inputs[v].access == Access::in_block;
    const LoopView* view = input ? &loop.inputs[v].view : i == 0 ? &loop.outputs[0].view : nullptr;
    for (int a = 0; a < outer; ++a) by[a][i] = view ? view->stride[a] : 0;
    moving[i] = view ? frame.buffers[view->buffer] + offset_of(*view, outer, at) : static_cast<char*>(table[v]);
    room[i] = input && view->stride[outer] == 0 ? memory + loop.inputs[v].reg : nullptr;
  }
  const int64_t n = loop.size[outer];
  for (int64_t row = first; row < last; ++row) {
    char* value[most];
    for (int i = 0; i < most; ++i) {
      value[i] = room[i] ? room[i] : moving[i];
      if (!room[i] || held[i] == moving[i]) continue;
      repeat(room[i], moving[i], loop.inputs[values[i]].view.element, n);
      held[i] = moving[i];
    }
    if (s.fused) s.fused(value[0], value[1], value[2], value[3], value[4], n);
    else s.op(value[0], value[1], value[2], value[3], n);
    for (int a = outer; a-- > 0; at[a] = 0) {
      const bool carry = ++at[a] == loop.size[a];
      const int64_t steps = carry ? 1 - loop.size[a] : 1;
      for (int i = 0; i < most; ++i) moving[i] += steps * by[a][i];
      if (!carry) break;
    }
  }
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
  if (plan.by_rows) return walk_rows(loop, run.frame, memory, first, last);
  cursor.seek(first);
  for (int64_t tile = first; tile < last; ++tile) {
    if (loop.across >= 0) evaluate_tile(loop, run.frame, memory, start, extent);
    else if (!evaluate_rows(loop, run.frame, memory, start, extent, 0))
      evaluate(loop, run.frame, memory, start, extent);
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
