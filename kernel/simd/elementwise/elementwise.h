// Scalar operations on contiguous blocks.
#pragma once
#include <cstdint>

#include "src/contract.h"

namespace gradus::GRADUS_ISA {

/// dst[i] = f(a[i], b[i], c[i]) for 0 ≤ i < n. Pointers need only the alignment of their elements; nothing beyond n is
/// read or written; equal arguments give equal bits at any position in a block. dst may be a, b or c where the element
/// sizes agree; other overlaps are not allowed. Unused arguments may be null. For `where`, a is the condition (bytes),
/// b and c are the values.
using BlockOp = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);

/// nullptr if the opcode does not take arguments of this dtype, and for cast.
BlockOp block_op(int opcode, DType arguments);

BlockOp block_cast(DType from, DType to);

/// A faster form for when all elements of the second argument equal `second`, with the same results; nullptr if there
/// is none. It reads one element of b.
BlockOp block_op_by(int opcode, DType arguments, double second);

/// dst[i] = f(g(a[i], b[i]), h(c[i], d[i])) under the same conditions, float32 only; arguments that the operations do
/// not use may alias any of the others, but not be null.
using FusedOp = void (*)(void* dst, const void* a, const void* b, const void* c, const void* d, int64_t n);

/// f = add, sub, mul or div of g and h = add, sub, mul or kNoOpcode (the argument a, or c, itself); or `where` whose
/// condition is g = eq, lt, le or kEqualInts and whose values are c and d. nullptr for everything else.
FusedOp fused_op(int f, int g, int h);

/// The parts written with explicit vectors: of block_op (nullptr for other opcodes), and the cast of floats to int32.
BlockOp block_math(int opcode, DType arguments);
BlockOp block_random(int opcode, DType arguments);
BlockOp block_truncate(DType from);

}  // namespace gradus::GRADUS_ISA
