#include <algorithm>

#include "planner.h"

namespace gradus {
namespace {

// Rows at least this long are evaluated in place; with fewer rows per block, per-block overhead dominates.
constexpr int64_t kShortestRow = 64, kFewRows = 8;
// The longest row that a loop of one step evaluates in place rather than as part of a block: setting up a block costs
// as much as a step on some 200 elements (the gradient of pooling, 320 blocks of 5 rows of 64: 42 µs in blocks, 27 row
// by row).
constexpr int64_t kLongestRow = 1024;

/// Whether a loop is one step over many short rows, each cheaper than setting up a block.
bool takes_rows(const Loop& loop) {
  if (!loop.rowwise || !loop.passed.empty() || loop.steps.size() != 1) return false;
  const int64_t row = loop.size[loop.rank - 1];
  return row >= kShortestRow && row <= kLongestRow && row <= loop.block;
}

/// Where an axis holds only a few short rows, as in the gradient of pooling, it is swapped with the longer axis around
/// it: fewer blocks of more rows, still inside L1.
void lengthen_columns(Space& s, const LoopView& out) {
  const int row = s.rank - 2;
  if (row < 1 || s.size[row] >= kFewRows || s.size[row - 1] <= s.size[row]) return;
  const int64_t span = s.size[row - 1] * out.stride[row - 1];
  if (s.size[row + 1] >= kShortestRow && span > 0 && span <= kBlockBytes / 2) s.swap(row, row - 1);
}

}  // namespace

bool plan_map(const Planning& planning, const Instruction& i, Plan& plan) {
  const int64_t count = count_of(i.shape);
  plan.nothing = count == 0;
  MapPlan& m = plan.of.emplace<MapPlan>();
  LoopViews views(m.loop, planning.program, i.fused.expression, {}, i.fused.inputs, i.fused.outputs, plan.nothing);
  Space space(i.shape, 0);
  views.add_to(space);
  space.drop_ones();
  space.sort(m.loop.outputs[0].view);
  space.merge();
  lengthen_columns(space, m.loop.outputs[0].view);
  LoopSteps steps(views, planning.kernels);
  if (!steps.compile(planning.refusal)) return false;
  if (plan.nothing) return true;
  if (!LoopBlocks(steps, true).fix(space, planning.constants, planning.refusal)) return false;
  m.by_rows = takes_rows(m.loop);
  int64_t per_tile = 1;
  m.tiles = 1;
  for (int a = 0; a < m.loop.rank; ++a) {
    m.tile[a] = a == m.loop.across ? m.loop.tile_rows : m.loop.extent[a];
    if (m.by_rows) m.tile[a] = a == m.loop.rank - 1 ? m.loop.size[a] : 1;
    m.grid[a] = ceil_div(m.loop.size[a], m.tile[a]);
    m.tiles *= m.grid[a];
    per_tile *= m.tile[a];
  }
  m.tiles_per_task = ceil_div(kTaskElements, per_tile);
  plan.alone = double(count) * m.loop.cost < kWakeCost;
  planning.need(m.loop.memory);
  return true;
}

}  // namespace gradus
