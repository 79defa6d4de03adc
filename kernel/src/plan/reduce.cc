#include <algorithm>

#include "max_argmax.h"
#include "planner.h"

namespace gradus {
namespace {

// Lines shorter than this are reduced faster when several of them are copied into one.
constexpr int64_t kShortestLine = 16;
// Elements of the largest window that is reduced in place (3 × 3 × 3, 5 × 5). Larger ones are reduced line by line, in
// several chains.
constexpr int64_t kMostWindow = 32;
// A reduction with few results is also cut along the reduced axes: into about kMaxParts parts at most, each of
// kPartWidth neighbouring results.
constexpr int64_t kMaxParts = 64, kPartWidth = 512;
// Groups of axes: kept ones are 0, reduced ones kOuter or kLine; from the cut axis on, kCut is added.
constexpr int kOuter = 1, kLine = 2, kCut = 2;

int64_t memory_of(const ReducePlan& r) { return r.before.memory + r.after.memory + r.accumulator_memory; }

/// The input with the most elements of its own: its memory order matters most.
const LoopView* leading_view(const Loop& loop, int rank) {
  const LoopView* best = nullptr;
  int most = -1;
  for (const LoopInput& in : loop.inputs) {
    if (in.view.buffer < 0) continue;
    int moving = 0;
    for (int a = 0; a < rank; ++a) moving += in.view.stride[a] != 0;
    if (moving > most) most = moving, best = &in.view;
  }
  return best;
}

/// The order in which elements are added. It follows from the shape alone, so that a sum has the same bits whatever
/// expression computes its elements and however they lie in memory. Sets the groups of the reduced axes, which prevent
/// the wrong axes from merging; returns the elements of one part along the axis `cut`, or 0 for all.
int64_t order_of_sums(ReducePlan& r, Space& s, int64_t results, int64_t reduced) {
  int64_t line = 1;
  for (int a = r.kept_rank; a < s.rank; ++a) line *= s.group[a] == kLine ? s.size[a] : 1;
  for (int a = r.kept_rank; a < s.rank; ++a) {
    if (!r.rows) s.group[a] = kOuter;
    else if (line < kShortestLine) s.group[a] = kLine;  // one line of all elements
  }
  // With few results, the reduced axes are cut into parts of this many elements.
  const int64_t width = r.rows ? 1 : std::max<int64_t>(1, std::min<int64_t>(results, kPartWidth));
  const bool few = ceil_div(results, width) < 8;
  const int64_t least = std::max(ceil_div(kTaskElements, width), ceil_div(reduced, kMaxParts));
  if (!few || reduced <= least) return 0;
  int cut = s.rank - 1;
  int64_t below = 1;  // elements per step along the axis
  while (cut > r.kept_rank && below * s.size[cut] <= least) below *= s.size[cut--];
  for (int a = cut; a < s.rank; ++a) s.group[a] += kCut;
  r.piece = s.size[cut];
  return ceil_div(least, below);
}

/// Finds the cut axis and the axes of lines after merging.
void set_cut(ReducePlan& r, const Space& s, int64_t step) {
  r.kept_rank = s.count(0);
  r.reduced_rank = s.rank - r.kept_rank;
  r.line_axes = s.count(kLine) + s.count(kLine + kCut);
  r.parts = r.pieces = 1;
  r.cut = 0;
  if (step == 0) return;
  while (s.group[r.kept_rank + r.cut] <= kCut) r.parts *= s.size[r.kept_rank + r.cut++];
  const int64_t size = s.size[r.kept_rank + r.cut];
  r.piece = size / r.piece * step;
  r.pieces = ceil_div(size, r.piece);
  r.parts *= r.pieces;
}

/// Extents of the kept axes from … to−1, at most `room` elements in all; returns how many it took.
int64_t keep(Loop& loop, int from, int to, int64_t room) {
  std::fill(loop.extent + from, loop.extent + to, 1);
  int64_t n = 1;
  for (int a = to - 1; a >= from; --a) {
    const int64_t size = loop.size[a];
    if (n * size <= room) {
      loop.extent[a] = size;
      n *= size;
      continue;
    }
    int64_t e = ceil_div(size, ceil_div(size * n, room));
    if (n == 1) e = std::min(round_up(e, 16), room);
    loop.extent[a] = std::max<int64_t>(1, std::min({e, size, room / n}));
    return n * loop.extent[a];
  }
  return n;
}

/// Whether neighbouring lines of a plain input belong to different kept elements, as in the gradient of a bias. A kept
/// block then spans all of them, so that memory is read in order and nothing is copied.
bool walks_in_order(const ReducePlan& r) {
  const Loop& loop = r.before;
  const int last = loop.rank - 1;
  if (!loop.steps.empty() || loop.inputs.size() != 1 || r.kept_rank != 1 || r.reduced_rank < 2) return false;
  if (r.line_axes != 1) return false;
  if (loop.inputs[0].access != Access::in_block || loop.inputs[0].view.buffer < 0) return false;
  const LoopView& v = loop.inputs[0].view;
  const bool ordered = v.stride[last] == v.element && v.stride[0] > 0 && v.stride[0] < v.stride[1];
  return ordered && loop.size[last] >= kShortestLine && loop.size[last] == loop.extent[last];
}

/// Extents for a reduction. A kept block passes through the epilogue as one block.
void choose_extents(ReducePlan& r) {
  if (r.rows && walks_in_order(r)) {
    keep(r.before, 0, 1, r.after.block);
    std::fill(r.before.extent + 1, r.before.extent + r.before.rank - 1, 1);
    return;
  }
  if (r.rows) {
    // Whole rows, or one piece of one row: a kept block never spans several pieces.
    int64_t row = 1, whole = 1;
    for (int a = r.kept_rank; a < r.before.rank; ++a) row *= r.before.extent[a], whole *= r.before.size[a];
    keep(r.before, 0, r.kept_rank,
         row == whole ? std::min(r.after.block, std::max<int64_t>(r.before.block / row, 1)) : 1);
    return;
  }
  // A strip of kept elements, then as many reduced ones as fit. The strip is at most a quarter of a block, so that
  // several reduced elements share a pass over the accumulators.
  const int64_t strip = std::min(r.after.block, std::max<int64_t>(r.before.block / 4, 64));
  std::fill(r.before.extent, r.before.extent + r.reduced_rank, 1);
  int64_t n = keep(r.before, r.reduced_rank, r.before.rank, strip);
  for (int a = r.reduced_rank - 1; a >= 0; --a) {
    const int64_t room = std::max<int64_t>(r.before.block / n, 1);
    r.before.extent[a] = std::min(r.before.size[a], room);
    n *= r.before.extent[a];
    if (r.before.extent[a] < r.before.size[a]) break;
  }
}

/// Where each result is reduced from a few elements of a plain input, and neighbouring results from elements 1 or 2
/// apart, as in pooling, no block needs to be copied or accumulated.
void find_window(ReducePlan& r) {
  Loop& loop = r.before;
  const size_t value = size_t(loop.outputs[0].value);
  if (r.rows || r.dtype == DType::b8 || !loop.steps.empty()) return;
  if (value >= loop.inputs.size() || loop.inputs[value].view.buffer < 0) return;
  const LoopView& view = loop.inputs[value].view;
  const int64_t step = view.stride[loop.rank - 1] / view.element;
  int64_t size = 1;
  for (int a = 0; a < r.reduced_rank; ++a) size *= loop.size[a];
  if ((step != 1 && step != 2) || size > kMostWindow) return;
  std::copy(loop.size, loop.size + r.reduced_rank, loop.extent);
  r.window.push_back(0);
  for (int a = 0; a < r.reduced_rank; ++a) {
    std::vector<int64_t> next;
    for (const int64_t first : r.window)
      for (int64_t j = 0; j < loop.size[a]; ++j) next.push_back(first + j * (view.stride[a] / view.element));
    r.window.swap(next);
  }
}

/// Counts blocks and tasks once the extents are final.
void count_blocks(ReducePlan& r, int64_t reduced) {
  const int kept_at = r.rows ? 0 : r.reduced_rank, reduced_at = r.rows ? r.kept_rank : 0;
  r.kept_blocks = r.reduced_blocks = r.kept_per_block = 1;
  for (int a = 0; a < r.kept_rank; ++a) {
    r.kept_grid[a] = ceil_div(r.before.size[kept_at + a], r.before.extent[kept_at + a]);
    r.kept_blocks *= r.kept_grid[a];
    r.kept_per_block *= r.before.extent[kept_at + a];
  }
  for (int a = 0; a < r.reduced_rank; ++a)
    r.reduced_blocks *= ceil_div(r.before.size[reduced_at + a], r.before.extent[reduced_at + a]);
  if (reduced == 0) r.reduced_blocks = 0;
  r.kept_per_task = ceil_div(kTaskElements, std::max<int64_t>(1, r.kept_per_block * reduced));
  // Accumulators: 8 bytes of value and 8 of position per kept element of a block, and the result.
  r.accumulator_memory = 3 * round_up(r.kept_per_block * 8, 64);
}

/// The result of `before` is not stored: an output without a view keeps it in a register.
void add_result(ReducePlan& r, int32_t value) {
  LoopOutput result{};
  result.view.buffer = kIndexBuffer;
  result.view.element = int32_t(byte_size(r.dtype));
  result.value = value;
  r.before.outputs.push_back(result);
}

/// The axes of both loops, [kept…, reduced…], merged in the order of sums; returns the number of reduced elements.
int64_t arrange_axes(ReducePlan& r, Space& space, const Instruction& i, int64_t results) {
  for (int a = space.rank - int(i.inner); a < space.rank; ++a) space.group[a] = kLine;
  space.drop_ones();
  // The reduced axes keep their order: it is the order in which elements are added and positions counted.
  if (const LoopView* lead = leading_view(r.before, space.rank)) space.sort(*lead, 0, space.count(0));
  r.kept_rank = space.count(0);
  int64_t reduced = 1;
  for (int a = r.kept_rank; a < space.rank; ++a) reduced *= space.size[a];
  r.rows = r.kept_rank == 0 || (i.inner > 0 && r.kept_rank < space.rank);
  const int64_t step = order_of_sums(r, space, results, reduced);
  space.merge();
  set_cut(r, space, step);
  return reduced;
}

}  // namespace

bool plan_reduce(const Planning& planning, const Instruction& i, Plan& plan) {
  ReducePlan& r = plan.of.emplace<ReducePlan>();
  const int kept = int(i.kept);
  const int64_t results = count_of({i.shape.begin(), i.shape.begin() + kept});
  plan.nothing = results == 0;
  r.reducer = i.reducer;
  r.dtype = i.before.values[i.before.results[0]].dtype;
  const bool position = r.reducer == Reducer::argmax || r.reducer == Reducer::argmin;
  LoopViews before_views(r.before, planning.program, i.before, {}, i.inputs, {}, count_of(i.shape) == 0);
  LoopViews after_views(r.after, planning.program, i.fused.expression, {true, position ? DType::i32 : r.dtype},
                        i.fused.inputs, i.fused.outputs, plan.nothing);
  // Both loops share the kept axes: the views of `after` have stride 0 along the reduced ones.
  Space space(i.shape, kept);
  before_views.add_to(space);
  after_views.add_to(space);
  const int64_t reduced = arrange_axes(r, space, i, results);
  LoopSteps before(before_views, planning.kernels), after(after_views, planning.kernels);
  if (!before.compile(planning.refusal) || !after.compile(planning.refusal)) return false;
  if (plan.nothing) return true;

  Space after_space = space;
  after_space.rank = r.kept_rank;
  LoopBlocks after_blocks(after, false);
  if (!after_blocks.fix(after_space, planning.constants, planning.refusal)) return false;
  space.views.clear();
  before_views.add_to(space);
  if (!r.rows) space.rotate(r.kept_rank);
  if (reduced == 0) {
    // Nothing to reduce: blocks of kept elements only.
    for (int a = 0; a < space.rank; ++a) space.size[a] = std::max<int64_t>(space.size[a], 1);
  }
  if (!LoopBlocks(before, false).fix(space, planning.constants, planning.refusal)) return false;
  choose_extents(r);
  add_result(r, before.value_position());
  if (reduced > 0) find_window(r);
  after_blocks.set_extents(r.before.extent + (r.rows ? 0 : r.reduced_rank));
  count_blocks(r, reduced);
  planning.need(memory_of(r));
  plan.alone = double(results) * double(reduced) * (r.before.cost + 1) + double(results) * r.after.cost < kWakeCost;
  return true;
}

void fuse_max_argmax(const Planning& planning, const Instruction& i, Plan& plan, const Instruction& next,
                     Plan& next_plan) {
  if (plan.kind != Kind::reduce || next_plan.kind != Kind::reduce || plan.nothing || next_plan.nothing) return;
  ReducePlan& r = *std::get_if<ReducePlan>(&plan.of);
  const ReducePlan& argmax = *std::get_if<ReducePlan>(&next_plan.of);
  if (!fuses_max_argmax(planning.program, i, r, next, argmax)) return;
  r.argmax = &argmax;
  next_plan.nothing = true;
  planning.need(memory_of(r) + argmax.after.memory + argmax.accumulator_memory);
}

}  // namespace gradus
