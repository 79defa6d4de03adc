// Stage 1 of a loop: its views.
#include <algorithm>

#include "loop.h"

namespace gradus {

LoopViews::LoopViews(Loop& loop, const Program& program, const Expression& expression, Accumulated accumulated,
                     const std::vector<View>& inputs, const std::vector<View>& outputs, bool empty)
    : loop(loop), program(program), expression(expression), first_index((accumulated.first ? 1 : 0) + inputs.size()) {
  if (accumulated.first) {
    LoopInput first{};
    first.access = Access::accumulated;
    first.view.element = int32_t(byte_size(accumulated.dtype));
    loop.inputs.push_back(first);
  }
  for (const View& v : inputs) loop.inputs.push_back({in_bytes(v, empty), Access::in_block, 0});
  for (const Value& v : expression.values)
    if (v.kind == ValueKind::index) loop.inputs.push_back({index_along(v.payload), Access::in_block, 0});
  for (const View& v : outputs) loop.outputs.push_back({in_bytes(v, empty), 0, false, 0});
}

void LoopViews::add_to(Space& space) {
  for (LoopInput& i : loop.inputs)
    if (i.access != Access::accumulated) space.views.push_back(&i.view);
  for (LoopOutput& o : loop.outputs) space.views.push_back(&o.view);
}

bool LoopViews::apart(const LoopOutput& output) const {
  return std::none_of(loop.inputs.begin(), loop.inputs.end(), [&](const LoopInput& in) {
    return in.access != Access::accumulated && shares(output.view, in.view);
  });
}

bool LoopViews::shares(const LoopView& output, const LoopView& input) const {
  if (input.buffer < 0) return false;
  if (output.buffer == input.buffer) return output.offset == input.offset;
  return output.buffer > 0 && input.buffer > 0 && program.slots[output.buffer - 1].may_alias == input.buffer - 1;
}

}  // namespace gradus
