// The iteration space of an instruction: its axes and all views over them, while they are reordered and merged.
#pragma once
#include <vector>

#include "plan.h"

namespace gradus {

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t n, int64_t unit) { return ceil_div(n, unit) * unit; }

/// A view with its strides in bytes. An `empty` one has no elements: its offset and strides may be anything.
LoopView in_bytes(const View& v, bool empty);
/// A view whose values are the indices along an axis.
LoopView index_along(int32_t axis);

struct Space {
  int rank = 0;
  int64_t size[kMaxRank];
  int group[kMaxRank];  // axes of different groups stay apart and in order
  std::vector<LoopView*> views;

  /// The first `first_group` axes are group 0, the others group 1.
  Space(const std::vector<int64_t>& shape, int first_group);

  int count(int g) const;
  void swap(int i, int j);
  void drop_ones();
  /// Sorts the axes of each group by decreasing |stride| of `by`, so that its memory is walked in order.
  void sort(const LoopView& by) { sort(by, 0, rank); }
  void sort(const LoopView& by, int first, int last);
  /// Merges neighbouring axes of a group wherever every view steps through both as through one.
  void merge();
  /// Moves the first `first` axes behind the others.
  void rotate(int first);
  /// Whether a view's elements lie one after another in row-major order of these axes.
  bool dense(const LoopView& v) const;

 private:
  void move(int to, int from);
};

}  // namespace gradus
