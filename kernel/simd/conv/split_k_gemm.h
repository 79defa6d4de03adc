// One split of k by register tiles of (position, image) columns, read from a staged copy of x.
#pragma once
#include "split_k.h"

namespace gradus::GRADUS_ISA::gemm {

/// With at most this many vectors of columns, rows of w at least this long are cheaper to read in place than to pack
/// first.
constexpr int64_t kFewVectors = 20, kLongRun = 48;

template <class T>
class SplitKGemm : SplitK<T> {
  using Base = SplitK<T>;

 public:
  using Base::Base;
  /// Chooses blocks; every shape has some.
  static void choose(const ConvCall& call, ConvBlocking& blocking);
  Status run() {
    return Base::run_splits([&](T* c, const Part& b, int64_t split, void* room) { sum(c, b, split, room); });
  }

 private:
  using Base::lanes, Base::call_, Base::axes_, Base::pool_, Base::ld_;

  /// A piece of k: channels from … and a box of kernel positions.
  struct Unit {
    int64_t from, channels, taps;
    bool rows;  // w lies in rows and few columns use it: it is not packed, steps are runs of its rows
    int32_t* b_offset;
    int64_t* w_offset;
    T *staged, *panel;
  };

  bool in_rows(const Part& b, const int64_t* q_size) const;
  Unit stage_unit(const Part& b, Region& region, Scratch scratch, int64_t from, int64_t channels, const int64_t* q0,
                  const int64_t* q1) const;
  void multiply_unit(T* c, const Part& b, const Region& region, const Unit& unit, bool accumulate) const;
  void multiply_row(Block<T>& t, const Part& b, const Region& region, const T* staged, T* c, int most,
                    const Kernel<T>* instances) const;
  void sum(T* c, const Part& b, int64_t split, void* room) const;
};

template <class T>
void SplitKGemm<T>::choose(const ConvCall& call, ConvBlocking& b) {
  const Geometry geometry(call, false);
  int64_t *box = b.positions, *taps = b.kernel, &inner = b.images;
  for (int d = 0; d < 3; ++d) box[d] = call.out[d], taps[d] = call.kernel[d];
  b.rows = rows_of_task(call.out_channels);
  inner = min(call.n, 64);
  const int64_t rows = min(b.rows, call.out_channels);
  const auto staged = [&] { return geometry.region_of(box, taps, inner).channel; };
  while (rows * vectors_of<T>(box, inner) * lanes > Base::tile_size / 2 && (halve(box, 4) || inner > 1))
    if (volume(box) <= 4 && inner > 1) inner = (inner + 1) / 2;
  while (staged() > Base::stage_size && halve(taps, 1)) {}
  while (staged() > Base::stage_limit && (halve(box, 1) || inner > 1))
    if (volume(box) == 1) inner = (inner + 1) / 2;
  while (volume(taps) > kRegionDepth) halve(taps, 1);
  // As in a grid: boxes are at least 1 along each axis.
  for (int d = 0; d < 3; ++d) box[d] = max(1, box[d]), taps[d] = max(1, taps[d]);
  b.channels = max(1, min(call.channels, min(Base::stage_size / staged(), kRegionDepth / volume(taps))));
  Base::choose_splits(call, b);
}

/// A panel of rows times all columns: vectors in order, across rows of positions.
template <class T>
void SplitKGemm<T>::multiply_row(Block<T>& t, const Part& b, const Region& region, const T* staged, T* c, int most,
                                 const Kernel<T>* instances) const {
  const int64_t per_row = Base::run_of(b) / lanes, all = b.size[0] * b.size[1] * per_row;
  int64_t j = 0, z = 0, y = 0, x = 0;
  while (j < all) {
    const int nv = int(min(most, all - j));
    for (int v = 0; v < nv; ++v, ++j) {
      t.b[v] = staged + z * region.w[0].step + y * region.w[1].step + x * lanes;
      t.c[v] = c + j * lanes;
      t.count[v] = lanes;
      if (++x == per_row) {
        x = 0;
        if (++y == b.size[1]) y = 0, ++z;
      }
    }
    instances[nv - 1](t);
  }
}

/// Whether few columns use w, and a box of its kernel positions lies in one row.
template <class T>
bool SplitKGemm<T>::in_rows(const Part& b, const int64_t* size) const {
  const ConvCall& call = call_;
  return b.size[0] * b.size[1] * (Base::run_of(b) / lanes) <= kFewVectors && volume(size) >= kLongRun &&
         call.w_k[2] == 1 && (size[1] == 1 || call.w_k[1] == size[2]) &&
         (size[0] == 1 || call.w_k[0] == size[1] * size[2]);
}

/// Stages x and lists where rows of B and elements of w lie.
template <class T>
typename SplitKGemm<T>::Unit SplitKGemm<T>::stage_unit(const Part& b, Region& region, Scratch scratch, int64_t from,
                                                       int64_t channels, const int64_t* q0, const int64_t* q1) const {
  const ConvCall& call = call_;
  region.tabulate(scratch);
  const int64_t q_size[3] = {q1[0] - q0[0], q1[1] - q0[1], q1[2] - q0[2]};
  Unit unit{from, channels, volume(q_size), in_rows(b, q_size), nullptr, nullptr, nullptr, nullptr};
  unit.staged = scratch.take<T>(channels * region.channel + lanes);
  const int64_t listed = unit.rows ? 1 : channels;  // rows of all channels have the same layout
  unit.b_offset = scratch.take<int32_t>(listed * unit.taps);
  unit.w_offset = scratch.take<int64_t>(listed * unit.taps);
  unit.panel = scratch.take<T>(kMaxRows * kStepDepth + lanes);
  stage(unit.staged, Base::x_ + b.image * call.x_n + b.g * call.x_g + from * call.x_c, call, region, channels, call.x_c,
        true);
  int64_t k = 0;
  static constexpr int64_t only[3] = {0, 0, 0};
  for (int64_t i = 0; i < listed; ++i)
    region.each_tap(only, [&](int64_t at, const int64_t* q) {
      unit.b_offset[k] = int32_t(i * region.channel + at);
      unit.w_offset[k++] = (from + i) * call.w_c + q[0] * call.w_k[0] + q[1] * call.w_k[1] + q[2] * call.w_k[2];
    });
  return unit;
}

/// Adds the products of a unit, in steps of k.
template <class T>
void SplitKGemm<T>::multiply_unit(T* c, const Part& b, const Region& region, const Unit& u, bool accumulate) const {
  const ConvCall& call = call_;
  const RowPanels panels =
      u.rows ? RowPanels(call.out_channels, Kernels<T>::direct_rows) : RowPanels(call.out_channels);
  const int64_t depth = u.channels * u.taps, cuts = ceil_div(u.taps, kStepDepth);  // of a channel's rows
  const T* w = Base::w_ + b.g * call.w_g + b.row * call.w_o;
  for (int64_t k0 = 0, step = 0; k0 < depth; ++step) {
    const int64_t channel = u.rows ? step / cuts : 0, first = k0 - channel * u.taps;
    const int64_t end = u.rows ? channel * u.taps + u.taps * (step % cuts + 1) / cuts : min(depth, k0 + kStepDepth);
    for (int64_t row = 0; row < b.rows; row += panels.height) {
      const int height = panels.height_of((b.row + row) / panels.height);
      const T* from_w = w + row * call.w_o + channel * call.w_c;
      if (!u.rows) pack_gathered(u.panel, from_w, height, call.w_o, end - k0, u.w_offset + k0);
      Block<T> t;
      t.k = end - k0;
      t.a = u.rows ? from_w + u.w_offset[first] : u.panel;
      t.a_row = call.w_o;
      t.b_offset = u.b_offset + first;
      t.c_row = ld_;
      t.accumulate = accumulate;
      multiply_row(t, b, region, u.staged + channel * region.channel, c + row * ld_, max_vectors(panels.height),
                   u.rows ? Kernels<T>::all.unpacked[height - 1] : Kernels<T>::all.packed[height - 1]);
    }
    k0 = end, accumulate = true;
  }
}

template <class T>
void SplitKGemm<T>::sum(T* c, const Part& b, int64_t split, void* room) const {
  bool begun = false;
  Base::each_unit(split, [&](int64_t from, int64_t channels, const int64_t* q0, const int64_t* q1) {
    Region region(axes_, b.p0, b.p1, q0, q1, b.images);
    const Unit unit = stage_unit(b, region, Scratch(room), from, channels, q0, q1);
    multiply_unit(c, b, region, unit, begun);
    begun = begun || channels * unit.taps > 0;
  });
  if (!begun) fill_zero(c, b.rows * ld_);
}

}  // namespace gradus::GRADUS_ISA::gemm
