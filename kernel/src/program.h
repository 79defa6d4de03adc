// The program format in memory: the output of src/runtime/encode.ts, decoded and verified.
#pragma once
#include <string>
#include <vector>

#include "instructions.h"

namespace gradus {

constexpr int kMaxRank = 16;
/// The limits that src/base/shape.ts enforces when a graph is built, and a limit on the steps of one instruction
/// (elements times operations, or multiplications). Products of smaller numbers with a kernel's blocking factors fit 64
/// bits.
constexpr int64_t kMostSteps = int64_t{1} << 46;
/// Positions along one axis of a convolution or fold, from the first one used to the last, with strides, dilations and
/// padding. Sums and differences of smaller numbers fit 32 bits.
constexpr int64_t kMostExtent = int64_t{1} << 30;

struct Slot {
  bool output;
  DType dtype;
  int64_t size;
  int32_t may_alias;  // slot, or −1
};

inline const char* kind_name(Kind kind) { return kKindNames[int(kind)]; }
const char* dtype_name(DType dtype);

struct Program {
  std::vector<Slot> slots;
  int64_t arena_bytes = 0;
  std::vector<Instruction> instructions;
};

struct Encoded {
  const int32_t* words;
  size_t word_count;
  const double* constants;
  size_t constant_count;
};

/// Decodes the words into `program`. False, with the reason in `refusal`, when they do not parse.
bool decode(const Encoded& encoded, Program& program, std::string& refusal);

/// Checks every bound and relation that the kernels rely on. A verified program never touches memory outside its
/// buffers, provided that each buffer has the size of its slot.
bool verify(const Program& program, std::string& refusal);

/// Whether an epilogue stores the result unchanged.
bool is_identity(const Fused& epilogue);

/// The epilogue of a product or convolution, whose own expression has been verified, with bias and ReLU as explicit
/// operations: r + bias, where(r ≤ 0, 0, r).
Fused epilogue_of(const Instruction& i);

/// Elements of a shape; verified shapes do not overflow.
inline int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

}  // namespace gradus
