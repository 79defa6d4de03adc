// One split of k with the rows, the output channels, along the lanes: for few columns and enough rows to fill vectors,
// as in the gradient of a first layer's weights. Every element of x is broadcast to all rows, so x needs no lanes, only
// its border, and strides cost nothing.
#pragma once
#include "split_k.h"

namespace gradus::GRADUS_ISA::gemm {

/// Columns summed at once: enough chains to hide the latency of an addition, few enough addresses for the registers.
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

template <class T>
class SplitKRows : SplitK<T> {
  using Base = SplitK<T>;

 public:
  using Base::Base;
  /// Chooses blocks; false if rows do not fill vectors, or other algorithms take fewer cycles.
  static bool choose(const ConvCall& call, ConvBlocking& blocking);
  Status run() {
    return Base::run_splits([&](T* c, const Part& b, int64_t split, void* room) { sum(c, b, split, room); });
  }

 private:
  using Base::lanes, Base::call_, Base::axes_, Base::ld_;
  void list_columns(const int64_t* size, int32_t* offset) const;
  void sum_vector(T* acc, const Part& b, int64_t v, const T* w, const T* planes, const int64_t* size, const int64_t* q0,
                  const int64_t* taps, const int32_t* offset, T* turned) const;
  void sum(T* c, const Part& b, int64_t split, void* room) const;
};

/// Cycles per element of k: here some 0.6 per column and 5 to transpose w; by columns 0.5 per row and vector; by dot
/// products some 1.3 per row, column and vector of k.
template <class T>
bool SplitKRows<T>::choose(const ConvCall& call, ConvBlocking& b) {
  const Geometry geometry(call, false);
  const Axis* axes = geometry.axes_;
  const int64_t columns = call.n * geometry.outs_, across = ceil_div(call.out_channels, lanes);
  if (call.w_k[2] != 1 || columns < 8 || columns > 256 || columns * across * lanes > Base::tile_size / 2) return false;
  if (4 * call.out_channels < 3 * across * lanes) return false;
  if (axes[0].zeros * axes[1].zeros * axes[2].zeros != 1) return false;
  const double rows = double(call.out_channels), length = double(call.kernel[2]);
  const double here = double(across) * (0.6 * double(columns) + 5);
  const double by_columns = 0.5 * rows * double(vectors_of<T>(call.out, call.n));
  const double by_dots = 1.3 * rows * double(columns * ceil_div(call.kernel[2], lanes)) / length;
  if (here >= by_columns || here >= by_dots) return false;
  int64_t taps[3];
  for (int d = 0; d < 3; ++d) taps[d] = call.kernel[d];
  const auto large = [&] {
    int64_t size[3];
    for (int d = 0; d < 3; ++d) size[d] = (call.out[d] - 1) * axes[d].stride + (taps[d] - 1) * axes[d].dilation + 1;
    return max(call.n * volume(size), volume(taps) * across * lanes) > Base::stage_size;
  };
  while (large())
    if (!halve(taps, 1)) return false;
  Base::choose_whole(call, taps, b);
  return true;
}

/// Where each column reads x for kernel position 0, in planes of the given size.
template <class T>
void SplitKRows<T>::list_columns(const int64_t* size, int32_t* offset) const {
  int64_t j = 0, p[3];
  for (p[0] = 0; p[0] < call_.out[0]; ++p[0])
    for (p[1] = 0; p[1] < call_.out[1]; ++p[1])
      for (p[2] = 0; p[2] < call_.out[2]; ++p[2]) {
        int64_t at = 0;
        for (int d = 0; d < 3; ++d) at = at * size[d] + p[d] * axes_[d].stride;
        for (int64_t n = 0; n < call_.n; ++n) offset[j++] = int32_t(n * volume(size) + at);
      }
}

/// Adds the contribution of a box of kernel positions to the v-th vector of rows. w is transposed first.
template <class T>
void SplitKRows<T>::sum_vector(T* acc, const Part& b, int64_t v, const T* w, const T* planes, const int64_t* size,
                               const int64_t* q0, const int64_t* taps, const int32_t* offset, T* turned) const {
  const ConvCall& call = call_;
  const bool run = taps[1] == 1 || call.w_k[1] == taps[2];  // lines of w that follow each other
  const int64_t together = run ? taps[1] : 1;
  const int count = int(min(lanes, b.rows - v * lanes));
  T* to = turned;
  for (int64_t z = q0[0]; z < q0[0] + taps[0]; ++z)
    for (int64_t y = q0[1]; y < q0[1] + taps[1]; y += together, to += together * taps[2] * lanes)
      pack_panel(to, w + z * call.w_k[0] + y * call.w_k[1] + q0[2], lanes, count, call.w_o, together * taps[2], 1);
  LaneSums<T> t{};
  t.rows = taps[1], t.length = taps[2];
  t.a_row = axes_[1].dilation * size[2], t.a_step = axes_[2].dilation;
  t.acc_step = lanes;
  for (int64_t z = 0; z < taps[0]; ++z) {
    t.a = planes + z * axes_[0].dilation * size[1] * size[2];
    t.b = turned + z * taps[1] * taps[2] * lanes;
    sum_columns(t, b.columns(), offset, acc);
  }
}

template <class T>
void SplitKRows<T>::sum(T* c, const Part& b, int64_t split, void* room) const {
  const ConvCall& call = call_;
  const int64_t across = ceil_div(b.rows, lanes), columns = b.columns();
  Scratch outer(room);
  T* acc = outer.take<T>(columns * across * lanes);  // [vector of rows][column]
  fill_zero(acc, columns * across * lanes);
  int32_t* offset = outer.take<int32_t>(columns);
  Base::each_unit(split, [&](int64_t channel, int64_t, const int64_t* q0, const int64_t* q1) {
    Scratch scratch = outer;
    int64_t taps[3], low[3], size[3];
    for (int d = 0; d < 3; ++d) {
      taps[d] = q1[d] - q0[d];
      low[d] = q0[d] * axes_[d].dilation - axes_[d].pad;
      size[d] = (call.out[d] - 1) * axes_[d].stride + (taps[d] - 1) * axes_[d].dilation + 1;
    }
    T* planes = scratch.take<T>(call.n * volume(size));
    const T* x = Base::x_ + b.g * call.x_g + channel * call.x_c;
    for (int64_t n = 0; n < call.n; ++n) copy_bordered(planes + n * volume(size), x + n * call.x_n, call, low, size);
    list_columns(size, offset);
    T* turned = scratch.take<T>(volume(taps) * lanes + lanes);
    for (int64_t v = 0; v < across; ++v) {
      const T* w = Base::w_ + b.g * call.w_g + v * lanes * call.w_o + channel * call.w_c;
      sum_vector(acc + v * columns * lanes, b, v, w, planes, size, q0, taps, offset, turned);
    }
  });
  for (int64_t row = 0; row < b.rows; ++row)
    for (int64_t j = 0; j < columns; ++j)
      c[row * ld_ + Base::at_column(b, j)] = acc[(row / lanes * columns + j) * lanes + row % lanes];
}

}  // namespace gradus::GRADUS_ISA::gemm
