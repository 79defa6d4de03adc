// Stable argsort along the last axis: a merge sort of (key, position) pairs whose integer keys sort in the order of the
// values.
#include <cstring>

#include "plan/plan.h"

namespace gradus {
namespace {

// Runs this short are sorted by insertion before merging.
constexpr int64_t kInsertion = 16;

struct Item {
  uint64_t key;
  int64_t position;
};

struct SortRun {
  const LinePlan& plan;
  const char* input;
  char* output;
  Item* items;  // two rows of `length` per worker
};

/// An integer key with the order of the values; NaN is the largest in either direction, and −0 equals 0.
uint64_t key_of(double x, bool descending) {
  if (x != x) return UINT64_MAX;
  x += 0.0;  // −0 → 0
  uint64_t bits;
  std::memcpy(&bits, &x, 8);
  const uint64_t sign = uint64_t{1} << 63;
  const uint64_t ascending = bits & sign ? ~bits : bits | sign;
  return descending ? ~ascending : ascending;
}

double value_at(const char* p, DType dtype) {
  switch (dtype) {
    case DType::f32: {
      float x;
      std::memcpy(&x, p, 4);
      return x;
    }
    case DType::f64: {
      double x;
      std::memcpy(&x, p, 8);
      return x;
    }
    case DType::i32: {
      int32_t x;
      std::memcpy(&x, p, 4);
      return x;
    }
    case DType::b8: return *p != 0;
  }
  return 0;
}

void insertion_sort(Item* items, int64_t n) {
  for (int64_t i = 1; i < n; ++i) {
    const Item item = items[i];
    int64_t j = i;
    for (; j > 0 && items[j - 1].key > item.key; --j) items[j] = items[j - 1];
    items[j] = item;
  }
}

/// Sorts items[0 … n−1] using a second row as scratch; returns the row that holds the result.
Item* merge_sort(Item* items, Item* other, int64_t n) {
  for (int64_t i = 0; i < n; i += kInsertion) insertion_sort(items + i, n - i < kInsertion ? n - i : kInsertion);
  for (int64_t width = kInsertion; width < n; width *= 2) {
    for (int64_t low = 0; low < n; low += 2 * width) {
      const int64_t middle = low + width < n ? low + width : n, high = low + 2 * width < n ? low + 2 * width : n;
      int64_t a = low, b = middle;
      for (int64_t to = low; to < high; ++to) {
        const bool left = a < middle && (b >= high || items[a].key <= items[b].key);
        other[to] = left ? items[a++] : items[b++];
      }
    }
    Item* swap = items;
    items = other;
    other = swap;
  }
  return items;
}

void sort_line(const SortRun& run, int64_t line, Item* items) {
  const LinePlan& p = run.plan;
  const char* x = run.input;
  char* y = run.output;
  for (int a = p.rank - 1; a >= 0; --a) {
    x += line % p.size[a] * p.input.stride[a];
    y += line % p.size[a] * p.output.stride[a];
    line /= p.size[a];
  }
  for (int64_t i = 0; i < p.length; ++i)
    items[i] = {key_of(value_at(x + i * p.input.stride[p.rank], p.dtype), p.flag), i};
  const Item* sorted = merge_sort(items, items + p.length, p.length);
  for (int64_t i = 0; i < p.length; ++i) {
    const int32_t position = int32_t(sorted[i].position);
    std::memcpy(y + i * p.output.stride[p.rank], &position, 4);
  }
}

}  // namespace

Status argsort(const LinePlan& p, Frame& frame) {
  SortRun run{p, frame.buffers[p.input.buffer] + p.input.offset, frame.buffers[p.output.buffer] + p.output.offset,
              nullptr};
  const int workers = frame.parallel->workers();
  run.items = static_cast<Item*>(frame.parallel->workspace(uint64_t(workers) * 2 * uint64_t(p.length) * sizeof(Item)));
  if (!run.items) return Status::out_of_memory;
  frame.parallel->run(
      p.lines,
      [](void* context, int64_t line, int worker) {
        const SortRun& r = *static_cast<SortRun*>(context);
        sort_line(r, line, r.items + worker * 2 * r.plan.length);
      },
      &run);
  return Status::ok;
}

}  // namespace gradus
