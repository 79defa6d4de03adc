// Sums over a long k for few columns and enough rows to fill vectors, as in the gradient of a first
// layer's weights: lanes are output channels, and every element of x is broadcast to all of them. So x
// needs no lanes, but only its border, and strides cost nothing.
#pragma once
#include "geometry.h"

namespace gradus::GRADUS_ISA::gemm {

/// Columns summed at once: chains enough to hide the latency of an addition, and addresses that still
/// fit the registers.
constexpr int kMostSums = 10;

/// acc[i] += Σ over rows and x < length of a[row·a_row + x·a_step + offset[i]] · b[row·length + x], where
/// the b are vectors.
template <class T>
struct LaneSums {
  int64_t rows, length, a_row, a_step;
  const T* a;
  const T* b;
  const int32_t* offset;
  T* acc;
  int64_t acc_step;
};

template <class T, int N>
void sum_kernel(const LaneSums<T>& t) {
  Vec<T> acc[N];
  int64_t offset[N];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) acc[i] = load<T>(t.acc + i * t.acc_step), offset[i] = t.offset[i];
  const T* b = t.b;
  for (int64_t row = 0; row < t.rows; ++row) {
    const T* a = t.a + row * t.a_row;
    for (int64_t x = 0; x < t.length; ++x, a += t.a_step, b += Lanes<T>::count) {
      const Vec<T> v = load<T>(b);
#pragma GCC unroll 16
      for (int i = 0; i < N; ++i) acc[i] = fma(broadcast<T>(a[offset[i]]), v, acc[i]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) store<T>(t.acc + i * t.acc_step, acc[i]);
}

template <class T>
struct SumKernels {
  void (*at[kMostSums])(const LaneSums<T>&);
  constexpr SumKernels() : at{} { fill<1>(); }

 private:
  template <int N>
  constexpr void fill() {
    at[N - 1] = sum_kernel<T, N>;
    if constexpr (N < kMostSums) fill<N + 1>();
  }
};
template <class T>
constexpr SumKernels<T> sum_kernels{};

/// Groups of columns of nearly equal size.
template <class T>
void sum_columns(LaneSums<T> t, int64_t columns, const int32_t* offset, T* acc) {
  const int64_t groups = ceil_div(columns, kMostSums);
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = columns * g / groups;
    t.offset = offset + first;
    t.acc = acc + first * t.acc_step;
    sum_kernels<T>.at[columns * (g + 1) / groups - first - 1](t);
  }
}

/// A box of x̃ from `low` on, with the zeros around x.
template <class T>
void copy_bordered(T* to, const T* x, const ConvCall& call, const int64_t* low, const int64_t* size) {
  fill_zero(to, volume(size));
  int64_t first[3], last[3];  // the part inside x
  for (int d = 0; d < 3; ++d) {
    first[d] = max(0, low[d]);
    last[d] = min(call.in[d], low[d] + size[d]);
    if (first[d] >= last[d]) return;
  }
  const int64_t* s = call.x_s;
  for (int64_t z = first[0]; z < last[0]; ++z)
    for (int64_t y = first[1]; y < last[1]; ++y)
      copy_strided(to + ((z - low[0]) * size[1] + y - low[1]) * size[2] + first[2] - low[2],
                   x + z * s[0] + y * s[1] + first[2] * s[2], last[2] - first[2], s[2]);
}

}  // namespace gradus::GRADUS_ISA::gemm
