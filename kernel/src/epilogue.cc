// Builds the epilogue of an instruction: everything between its result and the store, as one expression.
#include "opcodes.h"
#include "program.h"

namespace gradus {

bool is_identity(const Fused& f) {
  const Expression& e = f.expression;
  return e.results.size() == 1 && e.values[e.results[0]].kind == ValueKind::input &&
         e.values[e.results[0]].payload == 0;
}

Fused epilogue_of(const Instruction& i) {
  if (i.bias.empty() && !i.relu) return i.fused;
  const DType t = i.operands[0].dtype;
  Fused all = i.fused;
  std::vector<Value>& values = all.expression.values;
  const auto add = [&values](Value v) { return values.push_back(v), int32_t(values.size()) - 1; };
  values.clear();
  int32_t result = add({ValueKind::input, t, 0, 0, 0, {}});
  if (!i.bias.empty()) {
    all.inputs.insert(all.inputs.begin(), i.bias[0]);
    const int32_t bias = add({ValueKind::input, t, 1, 0, 0, {}});
    result = add({ValueKind::op, t, op_add, 0, 2, {result, bias, 0}});
  }
  if (i.relu) {
    const int32_t zero = add({ValueKind::constant, t, 0, 0, 0, {}});
    const int32_t negative = add({ValueKind::op, DType::b8, op_le, 0, 2, {result, zero, 0}});
    result = add({ValueKind::op, t, op_where, 0, 3, {negative, zero, result}});
  }
  std::vector<int32_t> now;  // for each value of the instruction, its number here
  for (Value v : i.fused.expression.values) {
    for (int a = 0; a < v.arity; a++) v.args[a] = now[size_t(v.args[a])];
    const bool is_input = v.kind == ValueKind::input;
    if (is_input && v.payload > 0) v.payload += int32_t(i.bias.size());
    now.push_back(is_input && v.payload == 0 ? result : add(v));
  }
  for (int32_t& r : all.expression.results) r = now[size_t(r)];
  return all;
}

}  // namespace gradus
