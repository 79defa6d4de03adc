// The vector register of the instruction set this file is compiled for, as far as matrix products need it: GCC/Clang
// vector extensions, and intrinsics only for what those cannot express (fused multiply-add without -ffp-contract,
// masked loads and stores).
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#elif defined(__wasm_relaxed_simd__)
#include <wasm_simd128.h>
#endif

namespace gradus::GRADUS_ISA::gemm {

// GRADUS_PORTABLE leaves out everything beyond the common baseline, for the same bits on all processors.
#if defined(__AVX512F__)
constexpr int kVectorBytes = 64, kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32, kRegisters = 16;
#elif defined(__ARM_NEON) && !defined(GRADUS_PORTABLE)
constexpr int kVectorBytes = 16, kRegisters = 32;
#else
constexpr int kVectorBytes = 16, kRegisters = 16;
#endif

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }
inline int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

template <class T>
struct Lanes {
  typedef T vector __attribute__((vector_size(kVectorBytes)));
  static constexpr int count = kVectorBytes / int{sizeof(T)};
};
template <class T>
using Vec = typename Lanes<T>::vector;

template <class T>
inline Vec<T> load(const T* p) {
  Vec<T> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
inline void store(T* p, Vec<T> v) {
  __builtin_memcpy(p, &v, sizeof v);
}

/// A value that is used more than once; keeps the compiler from loading it again for every use.
template <class T>
inline Vec<T> in_register(Vec<T> v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__x86_64__)
  asm("" : "+x"(v));
#endif
  return v;
}

/// x in every lane. x − 0 is x for every x, −0 and NaN included, so the compiler drops the subtraction.
template <class T>
inline Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}

#if defined(__AVX2__) && !defined(__AVX512F__)
/// n lanes of ones, then zeros.
template <class T>
inline __m256i first_lanes(int n) {
  static const int32_t ones4[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
  static const int64_t ones8[8] = {-1, -1, -1, -1};
  const void* p = sizeof(T) == 4 ? static_cast<const void*>(ones4 + 8 - n) : ones8 + 4 - n;
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
#endif

/// The first n lanes from memory, 0 in the others; never touches memory beyond them.
template <class T>
inline Vec<T> load_first(const T* p, int n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    return (Vec<T>)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
  } else {
    return (Vec<T>)_mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    return (Vec<T>)_mm256_maskload_ps(p, first_lanes<T>(n));
  } else {
    return (Vec<T>)_mm256_maskload_pd(p, first_lanes<T>(n));
  }
#else
  Vec<T> v{};
  T* lanes = reinterpret_cast<T*>(&v);
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return v;
#endif
}

template <class T>
inline void store_first(T* p, Vec<T> v, int n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
  } else {
    _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), (__m512d)v);
  }
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) {
    _mm256_maskstore_ps(p, first_lanes<T>(n), (__m256)v);
  } else {
    _mm256_maskstore_pd(p, first_lanes<T>(n), (__m256d)v);
  }
#else
  const T* lanes = reinterpret_cast<const T*>(&v);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
#endif
}

/// `least` in place of everything that is not above it; NaN stays.
template <class T>
inline Vec<T> at_least(Vec<T> v, Vec<T> least) {
  return v <= least ? least : v;
}

/// to[index[l]] (+)= v[l] for the lanes with index ≥ 0.
template <class T>
inline void scatter(T* to, const int32_t* index, Vec<T> v, bool accumulate) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    const __m512i at = _mm512_loadu_si512(index);
    const __mmask16 there = _mm512_cmpge_epi32_mask(at, _mm512_setzero_si512());
    if (accumulate) v = v + (Vec<T>)_mm512_mask_i32gather_ps(_mm512_setzero_ps(), there, at, to, 4);
    _mm512_mask_i32scatter_ps(to, there, at, v, 4);
  } else {
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
    const __mmask8 there = _mm256_cmpge_epi32_mask(at, _mm256_setzero_si256());
    if (accumulate) v = v + (Vec<T>)_mm512_mask_i32gather_pd(_mm512_setzero_pd(), there, at, to, 8);
    _mm512_mask_i32scatter_pd(to, there, at, v, 8);
  }
#else
  const T* lanes = reinterpret_cast<const T*>(&v);
  for (int l = 0; l < Lanes<T>::count; ++l)
    if (index[l] >= 0) to[index[l]] = accumulate ? to[index[l]] + lanes[l] : lanes[l];
#endif
}

/// a·b + c, rounded once where the hardware can.
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_ps(a, b, c);
#elif defined(__ARM_NEON) && !defined(GRADUS_PORTABLE)
  return vfmaq_f32(c, a, b);
#elif defined(__wasm_relaxed_simd__)  // rounded once or twice, whichever the processor does faster
  return (Vec<float>)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#else
  return a * b + c;
#endif
}

inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
#if defined(__AVX512F__)
  return _mm512_fmadd_pd(a, b, c);
#elif defined(__FMA__)
  return _mm256_fmadd_pd(a, b, c);
#elif defined(__aarch64__) && !defined(GRADUS_PORTABLE)
  return vfmaq_f64(c, a, b);
#elif defined(__wasm_relaxed_simd__)
  return (Vec<double>)wasm_f64x2_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#else
  return a * b + c;
#endif
}

// ── lanes exchanged ────────────────────────────────────────────────────────────────────────────

/// These work on registers: if not inlined, their arguments would go through memory.
#define GRADUS_INLINE __attribute__((always_inline)) inline

/// A lane permutation of (a, b) as an index vector: lane(j) < count selects from a, else from b.
template <class T, class Lane>
GRADUS_INLINE Vec<T> permute(Vec<T> a, Vec<T> b, Lane lane) {
  constexpr int n = Lanes<T>::count;
  (void)lane;
#if defined(__clang__)
  if constexpr (n == 2) {
    return __builtin_shufflevector(a, b, Lane::at(0), Lane::at(1));
  } else if constexpr (n == 4) {
    return __builtin_shufflevector(a, b, Lane::at(0), Lane::at(1), Lane::at(2), Lane::at(3));
  } else if constexpr (n == 8) {
    return __builtin_shufflevector(a, b, Lane::at(0), Lane::at(1), Lane::at(2), Lane::at(3), Lane::at(4), Lane::at(5),
                                   Lane::at(6), Lane::at(7));
  } else {
    return __builtin_shufflevector(a, b, Lane::at(0), Lane::at(1), Lane::at(2), Lane::at(3), Lane::at(4), Lane::at(5),
                                   Lane::at(6), Lane::at(7), Lane::at(8), Lane::at(9), Lane::at(10), Lane::at(11),
                                   Lane::at(12), Lane::at(13), Lane::at(14), Lane::at(15));
  }
#else
  using Index = Vec<std::conditional_t<sizeof(T) == 4, int32_t, int64_t> >;
  Index index;
#pragma GCC unroll 16
  for (int j = 0; j < n; ++j) index[j] = Lane::at(j);
  return __builtin_shuffle(a, b, index);
#endif
}

/// Lanes `By` further, cyclically.
template <class T, int By>
struct Rotate {
  static constexpr int at(int j) { return (j + By) % Lanes<T>::count; }
};

/// The sum of all lanes, halves first: a fixed order.
template <class T, int Width = Lanes<T>::count / 2>
GRADUS_INLINE T sum(Vec<T> v) {
  v = v + permute<T>(v, v, Rotate<T, Width>{});
  if constexpr (Width > 1) return sum<T, Width / 2>(v);
  return v[0];
}

/// Interleaves blocks of `Size` lanes of a and b inside every 16 bytes; Half 0 the low ones, 1 the high ones.
template <class T, int Size, int Half>
struct Interleave {
  static constexpr int per = 16 / int{sizeof(T)};  // lanes in 16 bytes
  static constexpr int at(int j) {
    const int base = j / per * per, within = j % per, block = within / Size;
    return base + Half * (per / 2) + block / 2 * Size + within % Size + (block % 2 ? Lanes<T>::count : 0);
  }
};

/// One half of exchanging blocks of `Size` lanes across the diagonal.
template <class T, int Size, int Half>
struct Exchange {
  static constexpr int at(int j) {
    const int block = j / Size % 2;
    if (Half == 0) return block ? Lanes<T>::count + j - Size : j;
    return block ? Lanes<T>::count + j : j + Size;
  }
};

template <class T, int Size>
GRADUS_INLINE void exchange_blocks(Vec<T>* r) {
  constexpr int n = Lanes<T>::count;
  if constexpr (Size < n) {
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) {
      if (i / Size % 2) continue;
      const Vec<T> a = r[i], b = r[i + Size];
      r[i] = permute<T>(a, b, Exchange<T, Size, 0>{});
      r[i + Size] = permute<T>(a, b, Exchange<T, Size, 1>{});
    }
    exchange_blocks<T, Size * 2>(r);
  }
}

/// Transposes four (two f64) vectors inside every 16 bytes: cheap unpacks on every instruction set.
template <class T>
GRADUS_INLINE void transpose_groups(Vec<T>* r) {
  if constexpr (sizeof(T) == 4) {
    const Vec<T> a = permute<T>(r[0], r[1], Interleave<T, 1, 0>{});
    const Vec<T> b = permute<T>(r[0], r[1], Interleave<T, 1, 1>{});
    const Vec<T> c = permute<T>(r[2], r[3], Interleave<T, 1, 0>{});
    const Vec<T> d = permute<T>(r[2], r[3], Interleave<T, 1, 1>{});
    r[0] = permute<T>(a, c, Interleave<T, 2, 0>{});
    r[1] = permute<T>(a, c, Interleave<T, 2, 1>{});
    r[2] = permute<T>(b, d, Interleave<T, 2, 0>{});
    r[3] = permute<T>(b, d, Interleave<T, 2, 1>{});
  } else {
    const Vec<T> a = r[0], b = r[1];
    r[0] = permute<T>(a, b, Interleave<T, 1, 0>{});
    r[1] = permute<T>(a, b, Interleave<T, 1, 1>{});
  }
}

/// Transposes count × count lanes in place: first inside 16-byte groups, then whole groups across
/// the diagonal.
template <class T>
GRADUS_INLINE void transpose(Vec<T>* r) {
  constexpr int n = Lanes<T>::count, per = 16 / int{sizeof(T)};
#pragma GCC unroll 8
  for (int i = 0; i < n; i += per) transpose_groups<T>(r + i);
  exchange_blocks<T, per>(r);
}

/// The sums of the lanes of `count` vectors: the sum of v[j] in lane j.
template <class T, int Size = Lanes<T>::count / 2>
GRADUS_INLINE Vec<T> lane_sums(Vec<T>* v) {
#pragma GCC unroll 8
  for (int i = 0; i < Size; ++i)
    v[i] =
        permute<T>(v[i], v[i + Size], Exchange<T, Size, 0>{}) + permute<T>(v[i], v[i + Size], Exchange<T, Size, 1>{});
  if constexpr (Size > 1) return lane_sums<T, Size / 2>(v);
  return v[0];
}
#undef GRADUS_INLINE

}  // namespace gradus::GRADUS_ISA::gemm
