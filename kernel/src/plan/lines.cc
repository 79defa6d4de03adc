// Instructions that move data along an axis or line by line: fold, gather, scatterAdd, cumsum, argsort.
#include <algorithm>

#include "planner.h"

namespace gradus {

bool plan_fold(const Planning&, const Instruction& i, Plan& plan) {
  FoldPlan& f = plan.of.emplace<FoldPlan>();
  f.dtype = i.outputs[0].dtype;
  f.axes = int(i.window_size.size());
  f.lead_rank = int(i.shape.size()) - f.axes;
  f.lines = 1;
  for (int a = 0; a < f.lead_rank; ++a) f.lines *= f.lead_size[a] = i.shape[a];
  for (int s = 0; s < f.axes; ++s) {
    f.size[s] = i.shape[f.lead_rank + s];
    f.positions[s] = i.positions[s];
    f.window[s] = i.window_size[s];
    f.step[s] = i.stride[s];
    f.dilation[s] = i.dilation[s];
    if (s + 1 < f.axes) f.lines *= f.size[s];
  }
  plan.nothing = count_of(i.shape) == 0;
  f.input = in_bytes(i.operands[0], plan.nothing || count_of(i.positions) * count_of(i.window_size) == 0);
  f.output = in_bytes(i.outputs[0], plan.nothing);
  const int64_t last = f.size[f.axes - 1];
  f.lines_per_task = ceil_div(kTaskElements / 4, std::max<int64_t>(last, 1));
  plan.alone = double(count_of(i.shape)) * 4 < kWakeCost;
  return true;
}

bool plan_index(const Planning&, const Instruction& i, Plan& plan) {
  IndexPlan& g = plan.of.emplace<IndexPlan>();
  const bool gather = i.kind == Kind::gather;
  g.dtype = i.outputs[0].dtype;
  g.rank = int(i.shape.size());
  g.axis = int(i.axis);
  g.axis_size = i.axis_size;
  g.outer = g.inner = 1;
  for (int a = 0; a < g.rank; ++a) {
    g.size[a] = i.shape[a];
    if (a < g.axis) g.outer *= i.shape[a];
    if (a > g.axis) g.inner *= i.shape[a];
  }
  const int64_t read = count_of(i.shape), moved = g.outer * g.inner * g.axis_size;
  // A scatter without indices still clears its output; an index into an axis of size 0 is still out of range.
  plan.nothing = gather ? read == 0 : read == 0 && moved == 0;
  g.x = in_bytes(i.operands[gather ? 0 : 1], (gather ? moved : read) == 0);
  g.indices = in_bytes(i.operands[gather ? 1 : 0], read == 0);
  g.output = in_bytes(i.outputs[0], (gather ? read : moved) == 0);
  plan.alone = double(read) * 4 + double(moved) < kWakeCost;
  return true;
}

bool plan_lines(const Planning&, const Instruction& i, Plan& plan) {
  LinePlan& l = plan.of.emplace<LinePlan>();
  l.dtype = i.operands[0].dtype;
  l.rank = int(i.shape.size()) - 1;
  l.lines = 1;
  for (int a = 0; a < l.rank; ++a) l.lines *= l.size[a] = i.shape[a];
  l.length = i.shape[l.rank];
  l.flag = i.reverse || i.descending;
  plan.nothing = count_of(i.shape) == 0;
  l.input = in_bytes(i.operands[0], plan.nothing);
  l.output = in_bytes(i.outputs[0], plan.nothing);
  plan.alone = double(count_of(i.shape)) * (i.kind == Kind::argsort ? 50 : 3) < kWakeCost;
  return true;
}

}  // namespace gradus
