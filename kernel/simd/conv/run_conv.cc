// Runs the convolution instructions of a program: binds their memory and their epilogue.
#include "conv.h"
#include "simd/epilogue.h"

namespace gradus::GRADUS_ISA {

Status run_conv(const ConvPlan& p, Frame& frame) {
  const bool last = p.call.batch_innermost;
  Epilogue epilogue{p.after, frame, last ? 1 : 2, 0, {}};
  if (p.empty) {
    const int64_t n = p.call.n;
    run_on_zeros(epilogue, p.call.groups * (last ? 1 : n), p.call.out_channels, p.result * (last ? n : 1));
    return Status::ok;
  }
  ConvCall call = p.call;
  call.x = frame.buffers[p.x.buffer] + p.x.offset;
  call.w = frame.buffers[p.w.buffer] + p.w.offset;
  call.w_cache = cache_of(p.w_cache, p.w, frame);
  if (p.sums_output >= 0) {
    const LoopView& out = p.after.outputs[size_t(p.sums_output)].view;
    call.y = frame.buffers[out.buffer] + out.offset;
  }
  if (!p.direct) call.epilogue = {Epilogue::run, &epilogue};
  if (p.biased) {
    const LoopView &out = p.after.outputs[0].view, &bias = p.after.inputs[1].view;
    call.biased.y = frame.buffers[out.buffer] + out.offset;
    call.biased.bias = frame.buffers[bias.buffer] + bias.offset;
  }
  return conv(call, p.choice, *frame.parallel);
}

}  // namespace gradus::GRADUS_ISA
