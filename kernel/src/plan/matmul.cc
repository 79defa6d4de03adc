#include <algorithm>

#include "planner.h"

namespace gradus {

bool plan_matmul(const Planning& planning, const Instruction& i, Plan& plan) {
  MatmulPlan& m = plan.of.emplace<MatmulPlan>();
  const int rank = int(i.shape.size());
  const int64_t count = count_of(i.shape);
  plan.nothing = count == 0;
  MatmulCall& call = m.call = MatmulCall{};
  call.dtype = i.operands[0].dtype;
  m.batch_rank = rank - 2;
  call.batch = 1;
  for (int a = 0; a < m.batch_rank; ++a) call.batch *= m.batch_size[a] = i.shape[a];
  call.m = i.shape[rank - 2], call.n = i.shape[rank - 1], call.k = i.k;
  m.a = in_bytes(i.operands[0], plan.nothing || call.k == 0);
  m.b = in_bytes(i.operands[1], plan.nothing || call.k == 0);
  for (LoopView* v : {&m.a, &m.b})
    for (int a = 0; a < rank; ++a) v->stride[a] /= v->element;
  const Fused after = epilogue_of(i);
  LoopViews views(m.after, planning.program, after.expression, {true, call.dtype}, after.inputs, after.outputs,
                  plan.nothing);
  LoopSteps steps(views, planning.kernels);
  if (!steps.compile(planning.refusal)) return false;
  Space space(i.shape, rank);
  views.add_to(space);
  const LoopView& out = m.after.outputs[0].view;
  // A result stored by columns is the product of the transposes, stored by rows.
  if (out.stride[rank - 2] == out.element && out.stride[rank - 1] > out.element && call.m > 1) {
    for (LoopView* v : {&m.a, &m.b}) std::swap(v->stride[rank - 2], v->stride[rank - 1]);
    std::swap(m.a, m.b);
    std::swap(call.m, call.n);
    space.swap(rank - 2, rank - 1);
  }
  call.a_row = m.a.stride[rank - 2], call.a_col = m.a.stride[rank - 1];
  call.b_row = m.b.stride[rank - 2], call.b_col = m.b.stride[rank - 1];
  m.direct = is_identity(after) && (call.n == 1 || out.stride[rank - 1] == out.element) && call.k > 0 &&
             call.dtype != DType::i32;
  if (m.direct) call.c_row = out.stride[rank - 2] / out.element;
  plan.alone = 2.0 * double(count) * double(std::max<int64_t>(call.k, 1)) < 8 * kWakeCost;
  return fix_epilogue(planning, LoopBlocks(steps, false), m.after, space);
}

}  // namespace gradus
