#include <algorithm>

#include "planner.h"

namespace gradus {
namespace {

/// Shapes and strides of a call, padded to three spatial axes at the front.
ConvCall shaped(const Instruction& i) {
  const View &x = i.operands[0], &w = i.operands[1];
  const int axes = int(i.shape.size()) - 3;
  ConvCall call{};
  call.dtype = x.dtype;
  call.n = i.shape[0];
  call.groups = i.shape[1];
  call.out_channels = i.shape[2];
  call.channels = i.channels;
  call.x_n = x.strides[0], call.x_g = x.strides[1], call.x_c = x.strides[2];
  call.w_g = w.strides[0], call.w_o = w.strides[1], call.w_c = w.strides[2];
  for (int s = 0; s < 3; ++s) {
    const int from = s - (3 - axes);
    const bool used = from >= 0;
    call.in[s] = used ? i.input_size[from] : 1;
    call.kernel[s] = used ? i.kernel_size[from] : 1;
    call.out[s] = used ? i.shape[3 + from] : 1;
    // A stride along an axis of size 1 is never used and may be anything.
    call.stride[s] = call.out[s] > 1 ? i.stride[from] : 1;
    call.pad[s] = used ? i.pad_low[from] : 0;
    call.in_dilation[s] = call.in[s] > 1 ? i.input_dilation[from] : 1;
    call.kernel_dilation[s] = call.kernel[s] > 1 ? i.kernel_dilation[from] : 1;
    call.x_s[s] = call.in[s] > 1 ? x.strides[3 + from] : 0;
    call.w_k[s] = used ? w.strides[3 + from] : 0;
  }
  return call;
}

/// Whether the images of all results are neighbours in memory. In the gradient of 1×1 weights that happens by chance:
/// its "images" are not neighbours in x.
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
  const Fused after = epilogue_of(i);
  LoopViews views(c.after, planning.program, after.expression, {true, call.dtype}, after.inputs, after.outputs,
                  plan.nothing);
  LoopSteps steps(views, planning.kernels);
  if (!steps.compile(planning.refusal)) return false;
  call.batch_innermost = batch_innermost(i, c.result);
  // n, g and o stay separate, with the batch first or innermost; the columns after o become one axis where every view
  // allows.
  Space space(i.shape, rank);
  for (int a = 0; a < rank; ++a) space.group[a] = std::min(a, 3);
  views.add_to(space);
  if (call.batch_innermost) {
    space.group[0] = 3;
    space.rotate(1);
  }
  const std::vector<LoopOutput>& outputs = c.after.outputs;
  c.direct = is_identity(after) && !c.empty && space.dense(outputs[0].view);
  c.sums_output = c.direct ? 0 : -1;
  c.biased = space.dense(outputs[0].view) && views.apart(outputs[0]) && !i.bias.empty() && is_identity(i.fused);
  if (c.biased) call.biased = {nullptr, nullptr, i.bias[0].strides[1], i.bias[0].strides[2], i.relu};
  for (size_t j = 0; c.sums_output < 0 && call.batch_innermost && j < outputs.size(); ++j)
    if (after.outputs[j].dtype == call.dtype && space.dense(outputs[j].view) && steps.give_in(j))
      c.sums_output = int(j);
  call.in_place = c.sums_output >= 0 && !c.direct && !c.biased;
  if (!plan.nothing && !c.empty) c.choice = planning.kernels.choose_conv(call);
  space.merge();
  plan.alone = 2.0 * double(count) * products < 8 * kWakeCost;
  return fix_epilogue(planning, LoopBlocks(steps, false), c.after, space);
}

}  // namespace gradus
