// Convolutions, one copy per instruction set.
#pragma once
#include "src/contract.h"

namespace gradus::GRADUS_ISA {

/// The algorithm of a convolution, and the blocks that its work is cut into: from shapes and strides alone.
/// Asked once, when a program is loaded.
ConvChoice choose_conv(const ConvCall& call);

/// Convolution in 1 to 3 dimensions by the algorithm that was chosen for it; see ConvCall.
Status conv(const ConvCall& call, const ConvChoice& choice, Parallel& pool);

}  // namespace gradus::GRADUS_ISA
