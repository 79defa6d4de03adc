// Layers of 3×3 kernels by Winograd's minimal filtering: 16 products where 36 stand in the sum.
#pragma once
#include "src/contract.h"

namespace gradus::GRADUS_ISA {

/// Whether a convolution has the shape for it, and is large enough to gain. The shape alone decides.
bool winograd_pays(const ConvCall& call);

Status winograd(const ConvCall& call, Parallel& pool);

}  // namespace gradus::GRADUS_ISA
