// Vectors of the widest registers that this instruction set has.
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

}  // namespace gradus::GRADUS_ISA
