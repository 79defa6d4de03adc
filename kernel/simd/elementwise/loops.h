// Loops over blocks in whole vectors, with a partial one at the end.
#pragma once
#include "simd/math/vector.h"

namespace gradus::GRADUS_ISA {
namespace {

template <class V>
constexpr int64_t lanes = sizeof(V) / sizeof(V{}[0]);

template <class V>
GRADUS_INLINE V load_up_to(const void* p, int64_t count) {
  return count >= lanes<V> ? load<V>(p) : load_part<V>(p, count);
}
template <class V>
GRADUS_INLINE void store_up_to(void* p, V x, int64_t count) {
  if (count >= lanes<V>) store(p, x);
  else store_part(p, x, count);
}
template <class V>
GRADUS_INLINE const void* at(const void* p, int64_t i) {
  return static_cast<const char*>(p) + i * int64_t(sizeof(V{}[0]));
}
template <class V>
GRADUS_INLINE void* at(void* p, int64_t i) {
  return static_cast<char*>(p) + i * int64_t(sizeof(V{}[0]));
}

/// The tail runs through the same instructions as the body, so position cannot matter.
template <class V, V (*f)(V)>
void unary(void* dst, const void* a, const void*, const void*, int64_t n) {
  for (int64_t i = 0; i < n; i += lanes<V>) store_up_to(at<V>(dst, i), f(load_up_to<V>(at<V>(a, i), n - i)), n - i);
}

template <class V, V (*f)(V, V)>
void binary(void* dst, const void* a, const void* b, const void*, int64_t n) {
  for (int64_t i = 0; i < n; i += lanes<V>) {
    const V x = load_up_to<V>(at<V>(a, i), n - i), y = load_up_to<V>(at<V>(b, i), n - i);
    store_up_to(at<V>(dst, i), f(x, y), n - i);
  }
}

/// float32 functions that are evaluated in float64 and rounded at the end.
template <F64 (*f)(F64)>
GRADUS_INLINE HalfF32 narrowed(HalfF32 x) {
  return __builtin_convertvector(f(__builtin_convertvector(x, F64)), HalfF32);
}
template <F64 (*f)(F64, F64)>
GRADUS_INLINE HalfF32 narrowed(HalfF32 x, HalfF32 y) {
  return __builtin_convertvector(f(__builtin_convertvector(x, F64), __builtin_convertvector(y, F64)), HalfF32);
}

}  // namespace
}  // namespace gradus::GRADUS_ISA
