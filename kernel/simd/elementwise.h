// The scalar instructions on contiguous blocks.
#pragma once
#include <cstdint>

#include "../src/contract.h"

namespace gradus::GRADUS_ISA {

/// dst[i] = f(a[i], b[i], c[i]) for 0 ≤ i < n. Any alignment; nothing beyond n is read or written;
/// equal arguments give equal bits wherever in a block they stand. dst may be a, b or c where the
/// element sizes agree; other overlaps are not allowed. Unused arguments may be null.
/// For `where`, a is the condition (bytes), b and c are the values.
using BlockOp = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);

/// nullptr if the opcode does not take arguments of this dtype, and for cast.
BlockOp block_op(int opcode, DType arguments);

BlockOp block_cast(DType from, DType to);

/// The part of block_op that needs vmath.h; nullptr for other opcodes.
BlockOp block_math(int opcode, DType arguments);

}  // namespace gradus::GRADUS_ISA
