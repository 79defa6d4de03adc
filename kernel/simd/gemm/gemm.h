// Matrix products, one copy per instruction set.
#pragma once
#include "src/contract.h"

namespace gradus::GRADUS_ISA {

/// r[b, m, n] = Σ_k A[b, m, k] · B[b, k, n], float32 or float64. The order of every sum depends on the shape alone.
/// Fails only when the workspace cannot be allocated.
Status matmul(const MatmulCall& call, Parallel& pool);

}  // namespace gradus::GRADUS_ISA
