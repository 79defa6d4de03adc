// Convolutions, one copy per instruction set.
#pragma once
#include "src/contract.h"

namespace gradus::GRADUS_ISA {

/// The algorithm of a convolution and its blocking, from shapes and strides alone. Called once, when a program is
/// loaded.
ConvChoice choose_conv(const ConvCall& call);

/// Runs a convolution in 1 to 3 dimensions by the chosen algorithm; see ConvCall.
Status conv(const ConvCall& call, const ConvChoice& choice, Parallel& pool);

}  // namespace gradus::GRADUS_ISA
