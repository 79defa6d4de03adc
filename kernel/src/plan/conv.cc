#include <algorithm>
#include <cmath>

#include "opcodes.h"
#include "planner.h"

namespace gradus {
namespace {

/// Shapes and strides of a call, with three spatial axes; the missing ones come first.
ConvCall shaped(const Instruction& i) {
  const View &x = i.operands[0], &w = i.operands[1];
  const int axes = int(i.shape.size()) - 3;
  ConvCall call{};
  call.dtype = x.dtype;
  call.n = i.shape[0];
  call.groups = i.shape[1];
  call.out_channels = i.shape[2];
  call.channels = i.conv.channels;
  call.x_n = x.strides[0], call.x_g = x.strides[1], call.x_c = x.strides[2];
  call.w_g = w.strides[0], call.w_o = w.strides[1], call.w_c = w.strides[2];
  for (int s = 0; s < 3; ++s) {
    const int from = s - (3 - axes);
    const bool used = from >= 0;
    call.in[s] = used ? i.conv.input_size[from] : 1;
    call.kernel[s] = used ? i.conv.kernel_size[from] : 1;
    call.out[s] = used ? i.shape[3 + from] : 1;
    // A step that is never taken may be anything.
    call.stride[s] = call.out[s] > 1 ? i.conv.stride[from] : 1;
    call.pad[s] = used ? i.conv.pad_low[from] : 0;
    call.in_dilation[s] = call.in[s] > 1 ? i.conv.input_dilation[from] : 1;
    call.kernel_dilation[s] = call.kernel[s] > 1 ? i.conv.kernel_dilation[from] : 1;
    call.x_s[s] = call.in[s] > 1 ? x.strides[3 + from] : 0;
    call.w_k[s] = used ? w.strides[3 + from] : 0;
  }
  return call;
}

/// Whether all that an epilogue does is to add a bias to channels, r + b, and perhaps to rectify the sum s:
/// where(s ≤ 0, 0, s).
bool find_bias(const Fused& f, ConvCall& call) {
  const std::vector<Value>& values = f.expression.values;
  const auto op = [&](int32_t n, int32_t opcode) {
    return values[n].kind == ValueKind::op && values[n].payload == opcode;
  };
  const auto input = [&](int32_t n, int32_t i) { return values[n].kind == ValueKind::input && values[n].payload == i; };
  const auto zero = [&](int32_t n) {
    return values[n].kind == ValueKind::constant && values[n].constant == 0 && !std::signbit(values[n].constant);
  };
  if (f.inputs.size() != 1 || f.outputs.size() != 1 || f.outputs[0].dtype != call.dtype) return false;
  int32_t sum = f.expression.results[0];
  const bool rectified = op(sum, op_where);
  if (rectified) {
    const int32_t* choice = values[sum].args;
    if (!op(choice[0], op_le) || !zero(choice[1])) return false;
    const int32_t* sides = values[choice[0]].args;
    if (sides[0] != choice[2] || !zero(sides[1])) return false;
    sum = choice[2];
  }
  if (!op(sum, op_add)) return false;
  const int32_t *terms = values[sum].args, first = input(terms[0], 0) ? 0 : 1;
  if (!input(terms[first], 0) || !input(terms[1 - first], 1)) return false;
  const std::vector<int64_t>& stride = f.inputs[0].strides;
  for (size_t a = 0; a < stride.size(); ++a)
    if (a != 1 && a != 2 && stride[a] != 0) return false;
  call.biased.bias_g = stride[1], call.biased.bias_o = stride[2];
  call.biased.rectified = rectified;
  return true;
}

/// Whether the images of all results are neighbours in memory. In the gradient of 1×1 weights they are so by
/// chance: its "images" lie apart in x.
bool batch_innermost(const Instruction& i, int64_t positions) {
  if (i.shape[0] == 1 || (positions == 1 && i.operands[0].strides[0] != 1)) return false;
  return std::all_of(i.fused.outputs.begin(), i.fused.outputs.end(), [](const View& v) { return v.strides[0] == 1; });
}

}  // namespace

bool plan_conv(const Planning& planning, const Instruction& i, Plan& plan) {
  ConvPlan& c = plan.of.emplace<ConvPlan>();
  const int rank = int(i.shape.size());
  const int64_t count = count_of(i.shape);
  plan.nothing = count == 0;
  c.x = in_bytes(i.operands[0], plan.nothing);
  c.w = in_bytes(i.operands[1], plan.nothing);
  ConvCall& call = c.call = shaped(i);
  c.empty = call.channels == 0;
  c.result = 1;
  double products = double(call.channels);  // of a result
  for (int s = 0; s < 3; ++s) {
    c.empty = c.empty || call.in[s] == 0;
    c.result *= call.out[s];
    products *= double(call.kernel[s]);
  }
  LoopViews views(c.after, planning.program, i.fused.expression, {true, call.dtype}, i.fused.inputs, i.fused.outputs,
                  plan.nothing);
  LoopSteps steps(views, planning.kernels);
  if (!steps.compile(planning.refusal)) return false;
  call.batch_innermost = batch_innermost(i, c.result);
  // n, g and o stay apart, with the batch first or innermost; the columns behind o become one axis where every
  // view allows.
  Space space(i.shape, rank);
  for (int a = 0; a < rank; ++a) space.group[a] = std::min(a, 3);
  views.add_to(space);
  if (call.batch_innermost) {
    space.group[0] = 3;
    space.rotate(1);
  }
  const std::vector<LoopOutput>& outputs = c.after.outputs;
  c.direct = is_identity(i.fused) && !c.empty && space.dense(outputs[0].view);
  c.place = c.direct ? 0 : -1;
  c.biased = space.dense(outputs[0].view) && views.apart(outputs[0]) && find_bias(i.fused, call);
  for (size_t j = 0; c.place < 0 && call.batch_innermost && j < outputs.size(); ++j)
    if (i.fused.outputs[j].dtype == call.dtype && space.dense(outputs[j].view) && steps.give_in(j)) c.place = int(j);
  call.in_place = c.place >= 0 && !c.direct && !c.biased;
  if (!plan.nothing && !c.empty) c.choice = planning.kernels.choose_conv(call);
  space.merge();
  plan.alone = 2.0 * double(count) * products < 8 * kWakeCost;
  return fix_epilogue(planning, LoopBlocks(steps, false), c.after, space);
}

}  // namespace gradus
