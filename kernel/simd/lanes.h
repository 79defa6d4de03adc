// The widest vectors of this instruction set.
#pragma once
#include <cstdint>
#include <cstring>

namespace gradus::GRADUS_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <class T, int bytes = kVectorBytes>
struct Lanes {
  typedef T type __attribute__((vector_size(bytes)));
  static constexpr int count = bytes / int(sizeof(T));
};

template <class V, class T>
inline V load_lanes(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof(V));
  return v;
}

template <class V, class T>
inline void store_lanes(T* p, V v) {
  std::memcpy(p, &v, sizeof(V));
}

/// Combines all lanes of a vector, halves with halves: a fixed order in few steps.
template <class T, int bytes = kVectorBytes, class V, class F>
inline T fold_lanes(V v, F combine) {
  constexpr int n = bytes / int(sizeof(T));
  T lanes[n];
  store_lanes(lanes, v);
  if constexpr (bytes > 16) {
    using Half = typename Lanes<T, bytes / 2>::type;
    return fold_lanes<T, bytes / 2>(combine(load_lanes<Half>(lanes), load_lanes<Half>(lanes + n / 2)), combine);
  } else {
    T result = lanes[0];
    for (int l = 1; l < n; ++l) result = combine(result, lanes[l]);
    return result;
  }
}

}  // namespace gradus::GRADUS_ISA
