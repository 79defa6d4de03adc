// Stage 2 of a loop: its operations, and the registers that hold their results.
#include <algorithm>

#include "loop.h"
#include "opcodes.h"

namespace gradus {
namespace {

/// In units of one simple operation.
double step_cost(int32_t opcode) {
  switch (opcode) {
    case op_exp:
    case op_expm1:
    case op_log:
    case op_log1p:
    case op_sin:
    case op_cos:
    case op_tanh:
    case op_sigmoid:
    case op_erf:
    case op_pow:
    case op_randomBits: return 8;
    case op_sqrt:
    case op_rsqrt:
    case op_div:
    case op_floorDiv:
    case op_mod: return 2;
    default: return 1;
  }
}

/// The dtype that selects an operation's kernel: that of its first argument.
DType argument_dtype(const Expression& e, const Value& v) {
  return e.values[v.args[v.payload == op_where ? 1 : 0]].dtype;
}

}  // namespace

bool LoopSteps::compile(std::string& refusal) {
  const Expression& e = views_.expression;
  const size_t count = e.values.size();
  position_.assign(count, -1);
  find_aliases();
  find_needed();
  const Trees trees(e, alias_, needed_, kernels_.fused_op);
  find_last_uses(trees);
  place_inputs();
  loop_.table_size = int32_t(loop_.inputs.size());
  for (size_t n = 0; n < count; ++n) {
    const Value& v = e.values[n];
    if (!needed_[n]) continue;
    if (v.kind == ValueKind::constant) {
      position_[n] = loop_.table_size++;
      constants_.push_back({position_[n], v.dtype, v.constant});
    } else if (v.kind == ValueKind::op && alias_[n] == int32_t(n)) {
      loop_.cost += step_cost(v.payload);
      divides_ = divides_ || v.payload == op_div || v.payload == op_sqrt;
      if (!trees[n].absorbed && !add_step(int32_t(n), trees, refusal)) return false;
    }
  }
  for (size_t j = 0; j < loop_.outputs.size(); ++j) loop_.outputs[j].value = position_[alias_[e.results[j]]];
  place_results();
  return true;
}

/// A cast to the same dtype is the argument itself.
void LoopSteps::find_aliases() {
  const Expression& e = views_.expression;
  alias_.resize(e.values.size());
  for (size_t n = 0; n < e.values.size(); ++n) {
    const Value& v = e.values[n];
    const bool copy = v.kind == ValueKind::op && v.payload == op_cast && v.dtype == e.values[v.args[0]].dtype;
    alias_[n] = copy ? alias_[v.args[0]] : int32_t(n);
  }
}

/// Only values that a result needs are computed.
void LoopSteps::find_needed() {
  const Expression& e = views_.expression;
  needed_.assign(e.values.size(), false);
  for (int32_t r : e.results) needed_[alias_[r]] = true;
  for (size_t n = e.values.size(); n-- > 0;)
    if (needed_[n] && e.values[n].kind == ValueKind::op)
      for (int i = 0; i < e.values[n].arity; ++i) needed_[alias_[e.values[n].args[i]]] = true;
}

void LoopSteps::find_last_uses(const Trees& trees) {
  const Expression& e = views_.expression;
  last_use_.assign(e.values.size(), -1);
  for (size_t n = 0; n < e.values.size(); ++n) {
    if (!needed_[n] || e.values[n].kind != ValueKind::op || trees[n].absorbed) continue;
    for (int32_t arg : trees.leaves(int32_t(n))) last_use_[arg] = int64_t(n);
  }
  for (int32_t r : e.results) last_use_[alias_[r]] = int64_t(e.values.size());
}

/// Inputs come first in the pointer table.
void LoopSteps::place_inputs() {
  const Expression& e = views_.expression;
  size_t next_index = views_.first_index;
  used_.assign(loop_.inputs.size(), false);
  for (size_t n = 0; n < e.values.size(); ++n) {
    const Value& v = e.values[n];
    if (v.kind == ValueKind::index) position_[n] = int32_t(next_index++);
    if (v.kind == ValueKind::input) position_[n] = v.payload;
    if (needed_[n] && position_[n] >= 0) used_[position_[n]] = true;
  }
}

/// The operation of one value; null if it is not implemented.
BlockOp LoopSteps::block_op(const Value& v) const {
  const Expression& e = views_.expression;
  const DType from = argument_dtype(e, v);
  if (v.payload == op_cast) return kernels_.block_cast(from, v.dtype);
  if (v.arity == 2 && e.values[v.args[1]].kind == ValueKind::constant)
    if (const BlockOp by = kernels_.block_op_by(v.payload, from, e.values[v.args[1]].constant)) return by;
  return kernels_.block_op(v.payload, from);
}

bool LoopSteps::add_step(int32_t n, const Trees& trees, std::string& refusal) {
  const Expression& e = views_.expression;
  const Value& v = e.values[n];
  Step step{};
  step.fused = kernels_.fused_op(v.payload, trees[n].left, trees[n].right);
  if (!step.fused) step.op = block_op(v);
  if (!step.fused && !step.op) {
    refusal =
        std::string(kOpcodeInfo[v.payload].name) + " of " + dtype_name(argument_dtype(e, v)) + " is not implemented";
    return false;
  }
  std::vector<int> dying;  // registers whose last use is here
  const std::vector<int32_t> leaves = trees.leaves(n);
  int16_t* const args[] = {&step.a, &step.b, &step.c, &step.d};
  for (size_t i = 0; i < 4; ++i) {
    const int32_t arg = leaves[i < leaves.size() ? i : 0];  // unused arguments repeat the first
    *args[i] = int16_t(position_[arg]);
    if (last_use_[arg] != n || e.values[arg].kind != ValueKind::op) continue;
    const int r = register_at_[position_[arg]];
    if (std::find(dying.begin(), dying.end(), r) == dying.end()) dying.push_back(r);
  }
  const int reg = take_register(int64_t(byte_size(v.dtype)), dying);
  position_[n] = loop_.table_size++;
  register_at_.resize(loop_.table_size, -1);
  register_at_[position_[n]] = reg;
  register_of_.push_back({position_[n], reg});
  step.dst = int16_t(position_[n]);
  loop_.steps.push_back(step);
  return true;
}

/// A register of the same element size whose value is last used here (the operation then runs in place), else a free
/// one, else a new one.
int LoopSteps::take_register(int64_t element, const std::vector<int>& dying) {
  int reg = -1;
  for (int r : dying)
    if (registers_[r].element == element) reg = r;
  for (size_t r = 0; r < registers_.size() && reg < 0; ++r)
    if (registers_[r].free && registers_[r].element == element) reg = int(r);
  if (reg < 0) {
    reg = int(registers_.size());
    registers_.push_back({element, false});
  }
  for (int r : dying) registers_[r].free = true;
  registers_[reg].free = false;
  return reg;
}

/// Which results are written straight to their output, and which inputs need a copy first.
void LoopSteps::place_results() {
  const size_t inputs = loop_.inputs.size();
  std::vector<int64_t> last_read(inputs, -1);
  std::vector<int> stores(inputs, 0);
  for (size_t s = 0; s < loop_.steps.size(); ++s)
    for (int16_t p : {loop_.steps[s].a, loop_.steps[s].b, loop_.steps[s].c, loop_.steps[s].d})
      if (size_t(p) < inputs) last_read[p] = int64_t(s);
  for (LoopOutput& o : loop_.outputs)
    if (size_t(o.value) < inputs) ++stores[o.value];
  for (size_t i = 0; i < inputs; ++i) {
    LoopInput& in = loop_.inputs[i];
    if (in.access == Access::accumulated || stores[i] == 0) continue;
    bool endangered = false;
    for (const LoopOutput& o : loop_.outputs)
      endangered = endangered || (size_t(o.value) != i && views_.shares(o.view, in.view));
    if (endangered) in.access = Access::copied;
    else if (last_read[i] < 0 && in.view.buffer >= 0) in.access = Access::store_only;
  }
  std::vector<bool> taken(loop_.table_size, false);
  for (LoopOutput& o : loop_.outputs) {
    if (size_t(o.value) < inputs || taken[o.value]) continue;
    int64_t written = -1;
    for (size_t s = 0; s < loop_.steps.size(); ++s)
      if (loop_.steps[s].dst == o.value) written = int64_t(s);
    if (written < 0) continue;  // a constant
    o.direct = true;
    for (size_t i = 0; i < inputs; ++i)
      if (last_read[i] > written && loop_.inputs[i].access == Access::in_block &&
          views_.shares(o.view, loop_.inputs[i].view))
        o.direct = false;
    taken[o.value] = o.direct;
  }
}

bool LoopSteps::give_in(size_t output) {
  LoopOutput& place = loop_.outputs[output];
  if (!views_.apart(place)) return false;
  if (place.value == 0) return true;
  for (const LoopOutput& o : loop_.outputs)
    if (o.value == 0) return false;
  bool written = false;
  for (const Step& s : loop_.steps) {
    if (written && (s.a == 0 || s.b == 0 || s.c == 0 || s.d == 0)) place.direct = false;
    written = written || s.dst == place.value;
  }
  return true;
}

}  // namespace gradus
