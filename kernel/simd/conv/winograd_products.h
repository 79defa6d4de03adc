// Shared by both directions of minimal filtering: how blocks of tiles are cut, and the register tiles of the 16
// products.
#pragma once
#include "winograd_tiles.h"

namespace gradus::GRADUS_ISA::gemm::winograd {

using T = float;
constexpr int lanes = Lanes<T>::count;

/// With fewer tiles the transforms dominate, as they do with fewer channels than kWinogradChannels.
constexpr int64_t kLeastTiles = 48;
/// Transformed operands of a block share a 2 MB L2: in a layer the inputs with the filters, in a gradient both with the
/// sums.
constexpr int64_t kInputBytes = int64_t{400} << 10, kOperandBytes = int64_t{800} << 10;
/// Of a block: fewer leave register tiles empty, more would not fit the scratch.
constexpr int64_t kFewTiles = 64, kMostTiles = 128;
/// Channels side by side in a row of transformed inputs. Short enough that the rows of a register tile are constant
/// offsets from one pointer; one cache line, where lines can be prefetched.
#if defined(__wasm__)
constexpr bool kFetches = false;
#else
constexpr bool kFetches = true;
#endif
constexpr int64_t kRun = kFetches ? 16 : 64;
/// Tiles and output channels whose products stay in L1 (28 KB) and share the operands they read: as many as one
/// register tile of AVX-512 has, and several tiles of narrower instruction sets.
constexpr int64_t kTogether = 14, kColumns = 32;
static_assert(kMaxRows <= kTogether && kColumns % (2 * lanes) == 0, "a register tile fits");
/// Room for the sums of all pieces.
constexpr int64_t kPieceBytes = int64_t{16} << 20;

inline int64_t tiles_that_fit(int64_t per_tile, int64_t most_bytes) {
  return most_bytes / (kProducts * int64_t{sizeof(T)} * per_tile);
}

/// A distance between the 16 planes of products that does not map all of them to one set of L1.
inline int64_t apart(int64_t size) { return size + lanes; }

/// An image of x, from a channel on.
inline Plane<T> plane_of(const ConvCall& call, int64_t image, int64_t g, int64_t channel) {
  return {static_cast<const T*>(call.x) + image * call.x_n + g * call.x_g + channel * call.x_c,
          call.in[1],
          call.in[2],
          call.x_s[1],
          call.x_s[2],
          call.x_c};
}

/// c[i · kColumns + …] = Σ_k a(i, k) · b[k]: a in runs of kRun, `run_step` apart, rows kRun apart.
struct Products {
  const T *a, *b;
  const T* next;  // the first run of the tile after this one
  T* c;
  int64_t k, run_step;
};

/// Operands come from L2. All rows start new lines of a at the same time, and the stall is longer than out-of-order
/// execution can hide, so they are prefetched a run ahead, as b is.
template <int MR, int NV>
void rows_of_runs(const Products& t) {
  static_assert(MR <= kRun, "a line of each row is fetched in a run");
  Vec<T> acc[MR][NV] = {};
  const T *run = t.a, *b = t.b;
  for (int64_t left = t.k; left > 0; left -= kRun) {
    const T* a = run;
    run += t.run_step;
    const T* next = left > kRun ? run : t.next;
    for (int64_t k = min(left, kRun); k > 0; --k, ++a, b += NV * lanes, next += kRun) {
      if constexpr (kFetches) {
        __builtin_prefetch(next);
#pragma GCC unroll 2
        for (int v = 0; v < NV * lanes; v += kRun) __builtin_prefetch(b + kRun * NV * lanes + v);
      }
      Vec<T> row[NV];
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) row[v] = load<T>(b + v * lanes);
#pragma GCC unroll 32
      for (int i = 0; i < MR; ++i) {
        const Vec<T> x = broadcast<T>(a[i * kRun]);
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) acc[i][v] = fma(x, row[v], acc[i][v]);
      }
    }
  }
#pragma GCC unroll 32
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) store<T>(t.c + i * kColumns + v * lanes, acc[i][v]);
  }
}

/// c[i·c_row + …] += Σ_k a[k·a_step + i] · b[k·b_step + …].
struct Sums {
  const T *a, *b;
  T* c;
  int64_t k, a_step, b_step, c_row;
};

template <int MR, int NV>
void sums_of_tiles(const Sums& t) {
  Vec<T> acc[MR][NV] = {};
  const T *a = t.a, *b = t.b;
  for (int64_t k = t.k; k > 0; --k, a += t.a_step, b += t.b_step) {
    Vec<T> row[NV];
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) row[v] = load<T>(b + v * lanes);
#pragma GCC unroll 32
    for (int i = 0; i < MR; ++i) {
      const Vec<T> x = broadcast<T>(a[i]);
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) acc[i][v] = fma(x, row[v], acc[i][v]);
    }
  }
#pragma GCC unroll 32
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) {
      T* c = t.c + i * t.c_row + v * lanes;
      store<T>(c, load<T>(c) + acc[i][v]);
    }
  }
}

/// The instances, by rows − 1 and vectors − 1. (A template, because Clang evaluates its constructor before the members
/// of a plain class are complete.)
template <class>
struct Instances {
  void (*products[kMaxRows][2])(const Products&);
  void (*sums[kMaxRows][2])(const Sums&);
  constexpr Instances() : products{}, sums{} { rows<1>(); }

 private:
  template <int MR>
  constexpr void rows() {
    products[MR - 1][0] = rows_of_runs<MR, 1>;
    products[MR - 1][1] = rows_of_runs<MR, 2>;
    sums[MR - 1][0] = sums_of_tiles<MR, 1>;
    sums[MR - 1][1] = sums_of_tiles<MR, 2>;
    if constexpr (MR < kMaxRows) rows<MR + 1>();
  }
};
inline constexpr Instances<T> instances{};

/// Calls f(column, vectors) for pairs of vectors of columns.
template <class F>
void each_pair(int64_t columns, const F& f) {
  for (int64_t j = 0; j < columns; j += 2 * lanes) f(j, columns - j > lanes ? 2 : 1);
}

}  // namespace gradus::GRADUS_ISA::gemm::winograd
