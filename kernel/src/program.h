// The program format in memory: what src/runtime/program.ts encodes, decoded and verified.
#pragma once
#include <string>
#include <vector>

#include "contract.h"

namespace gradus {

constexpr int kMaxRank = 16;
/// The bounds that src/base/shape.ts enforces when a graph is built. Steps of one instruction: elements
/// times operations, or multiplications. Products of less and a kernel's blocking factors fit 64 bits.
constexpr int64_t kMostSteps = int64_t{1} << 46;
/// Positions along one axis of a convolution or fold, from the first that is met to the last: strides,
/// dilations and padding included. Sums and differences of less fit 32 bits.
constexpr int64_t kMostExtent = int64_t{1} << 30;

struct Slot {
  bool output;
  DType dtype;
  int64_t size;
  int32_t may_alias;  // slot, or −1
};

/// Where operand elements lie. Offset and strides count elements of `dtype`.
struct View {
  int32_t buffer;  // 0 is the arena, i > 0 is slot i − 1
  DType dtype;
  int64_t offset;
  std::vector<int64_t> strides;
};

enum class ValueKind : int32_t { input = 0, constant = 1, index = 2, op = 3 };

struct Value {
  ValueKind kind;
  DType dtype;
  int32_t payload;  // input, axis or opcode
  double constant;
  int32_t arity;
  int32_t args[3];
};

struct Expression {
  std::vector<Value> values;
  std::vector<int32_t> results;
};

/// An expression with the views it reads and writes. In an epilogue input 0 of the expression is
/// the accumulated result and input i ≥ 1 is inputs[i − 1].
struct Fused {
  std::vector<View> inputs;
  std::vector<View> outputs;
  Expression expression;
};

enum class Kind : int32_t {
  map = 0, reduce, matmul, conv, fold, gather, scatter_add, cumsum, argsort
};
constexpr int32_t kKinds = 9;
const char* kind_name(Kind kind);
const char* dtype_name(DType dtype);

enum class Reducer : int32_t { sum = 0, max, min, argmax, argmin };
constexpr int32_t kReducers = 5;

struct Conv {
  int64_t channels;
  std::vector<int64_t> input_size, kernel_size, stride, pad_low, input_dilation, kernel_dilation;
};

struct Fold {
  std::vector<int64_t> positions, window, stride, dilation;
};

/// One instruction; which fields mean something depends on `kind`.
struct Instruction {
  Kind kind;
  std::vector<int64_t> shape;
  Fused fused;                 // map: all of it; reduce, matmul, conv: the epilogue
  int64_t kept = 0;            // reduce
  int64_t inner = 0;           // reduce: how many of the last axes make a line
  Reducer reducer{};           // reduce
  std::vector<View> inputs;    // reduce
  Expression before;           // reduce
  int64_t k = 0;               // matmul
  Conv conv;                   // conv
  Fold fold;                   // fold
  int64_t axis = 0, axis_size = 0;  // gather, scatter_add
  bool flag = false;           // cumsum: reverse; argsort: descending
  // matmul: a, b. conv: x, w. gather: x, indices. scatter_add: indices, updates. Others: input.
  std::vector<View> operands;
  std::vector<View> outputs;   // fold, gather, scatter_add, cumsum, argsort: one
};

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

/// Reads the words into `program`. False with the reason in `refusal` when they do not parse.
bool decode(const Encoded& encoded, Program& program, std::string& refusal);

/// Checks every bound and relation that the kernels rely on. A program that passes can be run with
/// any buffers of its slots' sizes without touching memory outside them.
bool verify(const Program& program, std::string& refusal);

/// Elements of a shape; verified shapes do not overflow.
inline int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

}  // namespace gradus
