// One split of k with the contraction along the lanes. Few columns (one input channel, depthwise) would leave most
// lanes empty: instead, rows of w and of staged x are multiplied along k, with the roles of output and kernel positions
// exchanged.
#pragma once
#include "split_k.h"

namespace gradus::GRADUS_ISA::gemm {

template <class T>
class SplitKDots : SplitK<T> {
  using Base = SplitK<T>;

 public:
  SplitKDots(const ConvCall& call, const ConvBlocking& blocking, Parallel& pool) : Base(call, blocking, pool) {
    for (Axis& axis : Base::axes_) axis = axis.exchanged();
  }
  /// Chooses blocks; false if columns fill vectors better, or w does not lie in rows.
  static bool choose(const ConvCall& call, ConvBlocking& blocking);
  Status run() {
    return Base::run_splits([&](T* c, const Part& b, int64_t split, void* room) { sum(c, b, split, room); });
  }

 private:
  using Base::lanes, Base::call_, Base::axes_, Base::ld_;
  void sum(T* c, const Part& b, int64_t split, void* room) const;
};

template <class T>
bool SplitKDots<T>::choose(const ConvCall& call, ConvBlocking& b) {
  const int64_t columns = call.n * volume(call.out), length = call.kernel[2];
  if (call.w_k[2] != 1 || columns > 256 || call.out_channels * columns * lanes > Base::tile_size / 2) return false;
  const int64_t products = vectors_of<T>(call.out, call.n) * lanes;
  // 5/2: dot products load more per multiplication, mostly across cache lines.
  if (columns * ceil_div(length, lanes) * lanes * 5 > products * length * 2) return false;
  Geometry geometry(call, false);
  int64_t taps[3];
  for (int d = 0; d < 3; ++d) {
    taps[d] = call.kernel[d];
    geometry.axes_[d] = geometry.axes_[d].exchanged();
  }
  const auto staged = [&] { return call.n * geometry.region_of(taps, call.out, 1).channel; };
  while (staged() > Base::stage_size && halve(taps, 4 * lanes)) {}
  if (staged() > Base::stage_limit) return false;
  Base::choose_whole(call, taps, b);
  return true;
}

template <class T>
void SplitKDots<T>::sum(T* c, const Part& b, int64_t split, void* room) const {
  const ConvCall& call = call_;
  const int64_t columns = b.columns();
  Scratch outer(room);
  T* acc = outer.take<T>(b.rows * columns * lanes);
  fill_zero(acc, b.rows * columns * lanes);
  int64_t* offset = outer.take<int64_t>(columns);
  Base::each_unit(split, [&](int64_t channel, int64_t, const int64_t* q0, const int64_t* q1) {
    Scratch scratch = outer;
    static constexpr int64_t zero[3] = {0, 0, 0};
    Region region(axes_, q0, q1, zero, call.out, 1);
    region.tabulate(scratch);
    T* staged = scratch.take<T>(call.n * region.channel + lanes);
    stage(staged, Base::x_ + b.g * call.x_g + channel * call.x_c, call, region, call.n, call.x_n, true);
    for (int64_t z = q0[0]; z < q1[0]; ++z) {
      int64_t j = 0;
      region.each_tap(zero, [&](int64_t at, const int64_t*) {
        for (int64_t n = 0; n < call.n; ++n) offset[j++] = n * region.channel + at + (z - q0[0]) * region.w[0].step;
      });
      const T* w = Base::w_ + b.g * call.w_g + channel * call.w_c + z * call.w_k[0] + q0[1] * call.w_k[1] + q0[2];
      all_dots(acc, b.rows, columns, w, call.w_o, call.w_k[1], staged, offset, region.w[1].step, q1[1] - q0[1],
               q1[2] - q0[2]);
    }
  });
  for (int64_t row = 0; row < b.rows; ++row)
    for (int64_t j = 0; j < columns; ++j)
      c[row * ld_ + Base::at_column(b, j)] =
          ::gradus::GRADUS_ISA::gemm::sum<T>(load<T>(acc + (row * columns + j) * lanes));
}

}  // namespace gradus::GRADUS_ISA::gemm
