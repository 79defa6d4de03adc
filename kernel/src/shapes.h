// Shapes computed from shapes, in the notation of the instruction grammar: slices, and negative indices that count from
// the end.
#pragma once
#include <initializer_list>
#include <vector>

#include "expression.h"

namespace gradus {

constexpr int kAnyDType = 15;

inline std::vector<int64_t> slice(const std::vector<int64_t>& list, int64_t from, int64_t to) {
  const int64_t n = int64_t(list.size());
  return {list.begin() + (from < 0 ? from + n : from), list.begin() + (to < 0 ? to + n : to)};
}

inline int64_t element(const std::vector<int64_t>& list, int64_t at) {
  return list[size_t(at < 0 ? at + int64_t(list.size()) : at)];
}

inline std::vector<int64_t> with(std::vector<int64_t> list, int64_t axis, int64_t size) {
  list[size_t(axis)] = size;
  return list;
}

inline std::vector<int64_t> join(std::initializer_list<std::vector<int64_t>> pieces) {
  std::vector<int64_t> all;
  for (const std::vector<int64_t>& piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

/// When decoding, makes room for the views of an instruction; when encoding, they exist already.
inline void resize(std::vector<View>& views, size_t count) { views.resize(count); }
inline void resize(const std::vector<View>&, size_t) {}

}  // namespace gradus
