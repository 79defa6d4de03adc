// Winograd's minimal filtering (winograd_tiles.h) of 3×3 kernels. float32 only: float64 is chosen for its last digits,
// and minimal filtering loses some.
#include "winograd.h"

#include "winograd_layer.h"
#include "winograd_weights.h"

namespace gradus::GRADUS_ISA {
namespace {

/// Two dimensions, float32, all strides and dilations 1.
bool is_plain(const ConvCall& call) {
  if (call.dtype != DType::f32) return false;
  for (int d = 0; d < 3; ++d)
    if (call.stride[d] != 1 || call.in_dilation[d] != 1 || call.kernel_dilation[d] != 1) return false;
  return call.in[0] == 1 && call.kernel[0] == 1 && call.out[0] == 1 && call.pad[0] == 0;
}

}  // namespace

bool winograd_layer_fits(const ConvCall& call) { return is_plain(call) && gemm::winograd::Layer::fits(call); }
bool winograd_weights_fits(const ConvCall& call) {
  return is_plain(call) && gemm::winograd::WeightGradient::fits(call);
}

Status winograd_layer(const ConvCall& call, Parallel& pool) { return gemm::winograd::Layer(call).run(pool); }
Status winograd_weights(const ConvCall& call, Parallel& pool) { return gemm::winograd::WeightGradient(call).run(pool); }

}  // namespace gradus::GRADUS_ISA
