// Views and elementwise expressions, the building blocks of instructions; the counterpart of src/runtime/expression.ts.
#pragma once
#include <vector>

#include "contract.h"

namespace gradus {

/// Where the elements of an operand lie. Offset and strides count elements of `dtype`.
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

/// An expression with the views it reads and writes. In an epilogue, input 0 of the expression is the accumulated
/// result, and input i ≥ 1 is inputs[i − 1].
struct Fused {
  std::vector<View> inputs;
  std::vector<View> outputs;
  Expression expression;
};

}  // namespace gradus
