// Where the lines of an array start: the odometer of instructions that work line by line.
#pragma once
#include "src/plan/plan.h"

namespace gradus::GRADUS_ISA {

/// Byte offset of the `line`-th index over the axes `from` … `to`−1 of a view.
inline int64_t line_offset(const LoopView& v, const int64_t* size, int from, int to, int64_t line) {
  int64_t offset = 0;
  for (int a = to - 1; a >= from; --a) {
    offset += line % size[a] * v.stride[a];
    line /= size[a];
  }
  return offset;
}

/// Tasks that cover `count` items, the same number each; the last task may have fewer.
struct Pieces {
  int64_t count, each;
  int64_t tasks() const { return (count + each - 1) / each; }
  int64_t first(int64_t task) const { return task * each; }
  int64_t last(int64_t task) const { return (task + 1) * each < count ? (task + 1) * each : count; }
};

}  // namespace gradus::GRADUS_ISA
