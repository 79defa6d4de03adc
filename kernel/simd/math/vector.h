// Vectors of the instruction set this file is compiled for, and the few operations on them that GCC's and Clang's
// vector extensions cannot express: fused multiply-add, square root, partial loads.
#pragma once
#include <cstdint>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define GRADUS_INLINE static inline __attribute__((always_inline))

namespace gradus::GRADUS_ISA {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

typedef float F32 __attribute__((vector_size(kVectorBytes)));
typedef double F64 __attribute__((vector_size(kVectorBytes)));
typedef uint32_t U32 __attribute__((vector_size(kVectorBytes)));
typedef uint64_t U64 __attribute__((vector_size(kVectorBytes)));
// As many 32-bit lanes as F64 has, for functions that are evaluated in float64.
typedef int32_t I32 __attribute__((vector_size(kVectorBytes)));
typedef float HalfF32 __attribute__((vector_size(kVectorBytes / 2)));
typedef uint32_t HalfU32 __attribute__((vector_size(kVectorBytes / 2)));
typedef int32_t HalfI32 __attribute__((vector_size(kVectorBytes / 2)));

// GRADUS_PORTABLE leaves it out, for the same bits on all processors.
#if !defined(GRADUS_PORTABLE) && (defined(__FMA__) || (defined(__aarch64__) && defined(__ARM_NEON)))
#define GRADUS_FUSED
constexpr bool kFused = true;  // madd rounds once
#else
constexpr bool kFused = false;
#endif

template <class V>
struct Bits;
template <>
struct Bits<F32> {
  using type = U32;
};
template <>
struct Bits<F64> {
  using type = U64;
};
template <class V>
using BitsOf = typename Bits<V>::type;
template <class V>
using ScalarOf = decltype(V{}[0] + V{}[0]);
template <class V>
using MaskOf = decltype(V{} < V{});

template <class V>
GRADUS_INLINE V broadcast(ScalarOf<V> x) {
  return x - V{};  // not 0 + x, which loses the sign of −0
}

template <class V>
GRADUS_INLINE V select(MaskOf<V> mask, V yes, V no) {
  return mask ? yes : no;
}
template <class V>
GRADUS_INLINE V select(MaskOf<V> mask, ScalarOf<V> yes, V no) {
  return mask ? broadcast<V>(yes) : no;
}

/// min(x, bound) and max(x, bound) that pass a NaN in x through.
template <class V>
GRADUS_INLINE V at_most(V x, ScalarOf<V> bound) {
  const V b = broadcast<V>(bound);
  return b < x ? b : x;
}
template <class V>
GRADUS_INLINE V at_least(V x, ScalarOf<V> bound) {
  const V b = broadcast<V>(bound);
  return b > x ? b : x;
}

template <class V>
GRADUS_INLINE BitsOf<V> sign_bit() {
  using Word = ScalarOf<BitsOf<V>>;
  return BitsOf<V>{} + (Word{1} << (sizeof(Word) * 8 - 1));
}
template <class V>
GRADUS_INLINE V magnitude(V x) {
  return (V)((BitsOf<V>)x & ~sign_bit<V>());
}
template <class V>
GRADUS_INLINE V with_sign(V nonnegative, V sign) {
  return (V)((BitsOf<V>)nonnegative | ((BitsOf<V>)sign & sign_bit<V>()));
}

// ---- fused multiply-add where the machine has it: a·b + c and c − a·b ----

#if !defined(GRADUS_FUSED)
template <class V>
GRADUS_INLINE V madd(V a, V b, V c) {
  return a * b + c;
}
template <class V>
GRADUS_INLINE V nmadd(V a, V b, V c) {
  return c - a * b;
}
#elif defined(__AVX512F__)
GRADUS_INLINE F32 madd(F32 a, F32 b, F32 c) { return (F32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
GRADUS_INLINE F64 madd(F64 a, F64 b, F64 c) { return (F64)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
GRADUS_INLINE F32 nmadd(F32 a, F32 b, F32 c) { return (F32)_mm512_fnmadd_ps((__m512)a, (__m512)b, (__m512)c); }
GRADUS_INLINE F64 nmadd(F64 a, F64 b, F64 c) { return (F64)_mm512_fnmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
#elif defined(__AVX2__)
GRADUS_INLINE F32 madd(F32 a, F32 b, F32 c) { return (F32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
GRADUS_INLINE F64 madd(F64 a, F64 b, F64 c) { return (F64)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
GRADUS_INLINE F32 nmadd(F32 a, F32 b, F32 c) { return (F32)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c); }
GRADUS_INLINE F64 nmadd(F64 a, F64 b, F64 c) { return (F64)_mm256_fnmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
#else
GRADUS_INLINE F32 madd(F32 a, F32 b, F32 c) { return (F32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
GRADUS_INLINE F64 madd(F64 a, F64 b, F64 c) { return (F64)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
GRADUS_INLINE F32 nmadd(F32 a, F32 b, F32 c) { return (F32)vfmsq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
GRADUS_INLINE F64 nmadd(F64 a, F64 b, F64 c) { return (F64)vfmsq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
#endif

// The maskz_ forms with all lanes set are the plain instructions; GCC 12 warns of the plain names.
#if defined(__AVX512F__)
GRADUS_INLINE F32 square_root(F32 x) { return (F32)_mm512_maskz_sqrt_ps(0xffff, (__m512)x); }
GRADUS_INLINE F64 square_root(F64 x) { return (F64)_mm512_maskz_sqrt_pd(0xff, (__m512d)x); }
#elif defined(__AVX2__)
GRADUS_INLINE F32 square_root(F32 x) { return (F32)_mm256_sqrt_ps((__m256)x); }
GRADUS_INLINE F64 square_root(F64 x) { return (F64)_mm256_sqrt_pd((__m256d)x); }
#elif defined(__SSE2__)
GRADUS_INLINE F32 square_root(F32 x) { return (F32)_mm_sqrt_ps((__m128)x); }
GRADUS_INLINE F64 square_root(F64 x) { return (F64)_mm_sqrt_pd((__m128d)x); }
#elif defined(__aarch64__) && defined(__ARM_NEON)
GRADUS_INLINE F32 square_root(F32 x) { return (F32)vsqrtq_f32((float32x4_t)x); }
GRADUS_INLINE F64 square_root(F64 x) { return (F64)vsqrtq_f64((float64x2_t)x); }
#else
GRADUS_INLINE F32 square_root(F32 x) {
  return F32{__builtin_sqrtf(x[0]), __builtin_sqrtf(x[1]), __builtin_sqrtf(x[2]), __builtin_sqrtf(x[3])};
}
GRADUS_INLINE F64 square_root(F64 x) { return F64{__builtin_sqrt(x[0]), __builtin_sqrt(x[1])}; }
#endif

template <class V>
GRADUS_INLINE V madd(V a, V b, ScalarOf<V> c) {
  return madd(a, b, broadcast<V>(c));
}

/// True if any lane of the mask is set.
template <class M>
GRADUS_INLINE bool any(M mask) {
#if defined(__AVX512F__)
  return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_epi8((__m256i)mask) != 0;
#elif defined(__SSE2__)
  return _mm_movemask_epi8((__m128i)mask) != 0;
#else
  const U64 words = (U64)mask;
  return (words[0] | words[1]) != 0;
#endif
}

/// Products of the low 32 bits of each 64-bit lane; the high ones are ignored.
GRADUS_INLINE U64 multiply_low_words(U64 a, U64 b) {
#if defined(__AVX512F__)
  return (U64)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (U64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
  return (U64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);  // one instruction in Clang
#endif
}

// ---- memory: any alignment; the partial forms touch `count` lanes only, the others read as 0 ----

template <class V>
GRADUS_INLINE V load(const void* p) {
  V x;
  __builtin_memcpy(&x, p, sizeof(V));
  return x;
}
template <class V>
GRADUS_INLINE void store(void* p, V x) {
  __builtin_memcpy(p, &x, sizeof(V));
}
template <class V>
GRADUS_INLINE V load_part(const void* p, int64_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(V{}[0]) == 4)
    return (V)_mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), p);
  if constexpr (sizeof(V) == 64 && sizeof(V{}[0]) == 8)
    return (V)_mm512_maskz_loadu_epi64((__mmask8)((1u << count) - 1), p);
#endif
  V x{};
  __builtin_memcpy(&x, p, (size_t)count * sizeof(x[0]));
  return x;
}
template <class V>
GRADUS_INLINE void store_part(void* p, V x, int64_t count) {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(V{}[0]) == 4)
    return _mm512_mask_storeu_epi32(p, (__mmask16)((1u << count) - 1), (__m512i)x);
  if constexpr (sizeof(V) == 64 && sizeof(V{}[0]) == 8)
    return _mm512_mask_storeu_epi64(p, (__mmask8)((1u << count) - 1), (__m512i)x);
#endif
  __builtin_memcpy(p, &x, (size_t)count * sizeof(x[0]));
}

/// Σ c[k]·x^k by Horner's rule: the loops over blocks keep several chains in flight at once.
template <class V, int N>
GRADUS_INLINE V polynomial(V x, const ScalarOf<V> (&c)[N]) {
  V sum = broadcast<V>(c[N - 1]);
#pragma GCC unroll 16
  for (int k = N - 2; k >= 0; --k) sum = madd(sum, x, broadcast<V>(c[k]));
  return sum;
}

// ---- unevaluated sums of two floats ----

template <class V>
struct Pair {
  V high, low;
};

/// a + b = high + low exactly, where |a| ≥ |b| or a = 0 (Dekker 1971).
template <class V>
GRADUS_INLINE Pair<V> fast_two_sum(V a, V b) {
  const V sum = a + b;
  return {sum, b - (sum - a)};
}
/// a + b = high + low exactly (Knuth).
template <class V>
GRADUS_INLINE Pair<V> two_sum(V a, V b) {
  const V sum = a + b;
  const V from_b = sum - a;
  return {sum, (a - (sum - from_b)) + (b - from_b)};
}
/// a·b = high + low, to about 2⁻¹⁰⁵ relative (float64; exactly with a fused multiply-add).
template <class V>
GRADUS_INLINE Pair<V> two_product(V a, V b) {
  const V product = a * b;
  if constexpr (kFused) return {product, -nmadd(a, b, product)};
  using B = BitsOf<V>;
  const B upper = sizeof(V{}[0]) == 8 ? ~B{} << 27 : ~B{} << 12;  // cut, not rounded: never overflows
  const V a1 = (V)((B)a & upper), a2 = a - a1;
  const V b1 = (V)((B)b & upper), b2 = b - b1;
  return {product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2};
}

}  // namespace gradus::GRADUS_ISA
