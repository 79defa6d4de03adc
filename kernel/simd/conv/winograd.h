// Layers of 3×3 kernels by Winograd's minimal filtering: 16 products instead of 36.
#pragma once
#include "src/contract.h"

namespace gradus::GRADUS_ISA {

/// Whether a convolution has the right shape and is large enough to gain: a layer or the gradient of its inputs, and
/// the gradient of its weights. Depends on the shape alone.
bool winograd_layer_fits(const ConvCall& call);
bool winograd_weights_fits(const ConvCall& call);

Status winograd_layer(const ConvCall& call, Parallel& pool);
Status winograd_weights(const ConvCall& call, Parallel& pool);

}  // namespace gradus::GRADUS_ISA
