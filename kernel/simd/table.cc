// The kernels of one instruction set behind one table.
#include "conv/conv.h"
#include "kernels.h"
#include "simd/elementwise/elementwise.h"

#define GRADUS_TEXT_OF(x) #x
#define GRADUS_TEXT(x) GRADUS_TEXT_OF(x)  // stringizes a command-line macro: no template can

namespace gradus::GRADUS_ISA {

extern const KernelTable table;
// clang-format off
const KernelTable table = {
    GRADUS_TEXT(GRADUS_ISA), block_op, block_cast, block_op_by, fused_op, choose_conv, map, reduce, run_matmul, run_conv,
    fold, gather, scatter_add, cumsum,
};
// clang-format on

}  // namespace gradus::GRADUS_ISA
