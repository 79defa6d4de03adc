#include "axes.h"

#include <algorithm>
#include <cstdlib>

namespace gradus {

LoopView in_bytes(const View& v, bool empty) {
  LoopView w{};
  w.buffer = v.buffer;
  w.element = int32_t(byte_size(v.dtype));
  if (empty) return w;
  w.offset = v.offset * w.element;
  for (size_t i = 0; i < v.strides.size(); ++i) w.stride[i] = v.strides[i] * w.element;
  return w;
}

LoopView index_along(int32_t axis) {
  LoopView w{};
  w.buffer = kIndexBuffer;
  w.element = 4;
  w.stride[axis] = 1;
  return w;
}

Space::Space(const std::vector<int64_t>& shape, int first_group) {
  rank = int(shape.size());
  for (int i = 0; i < rank; ++i) {
    size[i] = shape[i];
    group[i] = i < first_group ? 0 : 1;
  }
}

int Space::count(int g) const { return int(std::count(group, group + rank, g)); }

void Space::move(int to, int from) {
  size[to] = size[from];
  group[to] = group[from];
  for (LoopView* v : views) v->stride[to] = v->stride[from];
}

void Space::swap(int i, int j) {
  std::swap(size[i], size[j]);
  std::swap(group[i], group[j]);
  for (LoopView* v : views) std::swap(v->stride[i], v->stride[j]);
}

void Space::drop_ones() {
  int kept = 0;
  for (int i = 0; i < rank; ++i)
    if (size[i] != 1) move(kept++, i);
  rank = kept;
}

void Space::sort(const LoopView& by, int first, int last) {
  for (int i = first + 1; i < last; ++i)
    for (int j = i; j > first && group[j - 1] == group[j] && std::abs(by.stride[j - 1]) < std::abs(by.stride[j]); --j)
      swap(j - 1, j);
}

void Space::merge() {
  int kept = 0;
  for (int i = 1; i < rank; ++i) {
    bool mergeable = group[kept] == group[i];
    if (size[kept] != 1 && size[i] != 1)
      for (LoopView* v : views) mergeable = mergeable && v->stride[kept] == v->stride[i] * size[i];
    if (mergeable) {
      const int64_t outer = size[kept];
      if (size[i] != 1) move(kept, i);
      if (size[i] != 1) size[kept] *= outer;
    } else {
      move(++kept, i);
    }
  }
  if (rank > 0) rank = kept + 1;
}

void Space::rotate(int first) {
  for (int step = 0; step < first; ++step)
    for (int i = 0; i + 1 < rank; ++i) swap(i, i + 1);
}

bool Space::dense(const LoopView& v) const {
  int64_t step = v.element;
  for (int a = rank; a-- > 0; step *= size[a])
    if (size[a] != 1 && v.stride[a] != step) return false;
  return true;
}

}  // namespace gradus
