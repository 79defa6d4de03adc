// Which convolutions compute one image per lane (batch_lanes.h), and in which blocks: a cost model, evaluated once when
// a program is loaded.
#pragma once
#include "simd/gemm/micro_kernel.h"
#include "stage.h"

namespace gradus::GRADUS_ISA::gemm {

template <class T>
class BatchLanesGeometry : protected Geometry {
 public:
  explicit BatchLanesGeometry(const ConvCall& call) : Geometry(call, true), panels_(call.out_channels) {}

  /// Chooses blocks; false if the images do not fill the lanes, or positions fill them as well.
  bool choose(ConvBlocking& blocking) const;

 protected:
  static constexpr int lanes = Lanes<T>::count;
  /// The staged x of one step and the tile of results share a 2 MB L2 with the weights.
  static constexpr int64_t kStage = (int64_t{512} << 10) / int64_t{sizeof(T)};
  static constexpr int64_t kTile = (int64_t{512} << 10) / int64_t{sizeof(T)};
  /// Depth of one step: a panel of w stays in L1.
  static constexpr int64_t kDepth = 640;
  /// A line of x is transposed into lanes at a time: a quarter of the scratch; tables and tiles take most of the rest.
  static constexpr int64_t kLine = (int64_t{1} << 20) / int64_t{sizeof(T)};

  RowPanels panels_;

  /// Elements of x̃ that `count` positions read.
  int64_t extent(int d, int64_t count) const {
    return (count - 1) * axes_[d].move() + axes_[d].tap(call_.kernel[d] - 1) - axes_[d].tap(0) + 1;
  }
  int64_t staged(const int64_t* box) const { return extent(0, box[0]) * extent(1, box[1]) * extent(2, box[2]); }
  int64_t inside(int d, int64_t p, int64_t* from) const;

 private:
  double cycles(int lines) const;
  double cost(const ConvBlocking& b) const;
  double cost_by_position() const;
  bool skipping_pays(const ConvBlocking& b) const;
};

template <class T>
bool BatchLanesGeometry<T>::choose(ConvBlocking& b) const {
  const int64_t batches = ceil_div(call_.n, lanes), residues = this->residues();
  if (4 * call_.n < 3 * batches * lanes || call_.channels * taps_ == 0) return false;
  int64_t* box = b.positions;
  for (int d = 0; d < 3; ++d) {
    if (axes_[d].zeros != 1 || call_.in[d] == 0) return false;
    box[d] = axes_[d].positions;
  }
  // With a long k and few results, k is cut instead (split-K).
  if (residues == 1 && outs_ <= taps_) return false;
  if (taps_ > kDepth || residues > 64 || call_.in[2] * lanes > kLine) return false;

  b.rows = min(call_.out_channels, panels_.height * max(1, 256 / panels_.height));
  const auto tile = [&] { return b.rows * volume(box) * residues * lanes; };
  const auto large = [&] { return staged(box) * lanes > kStage || tile() > kTile; };
  const auto lonely = [&] {
    const int64_t tasks = batches * call_.groups * grid(box).boxes() * ceil_div(call_.out_channels, b.rows);
    return tasks < kLeastTasks && b.rows * volume(box) * lanes * call_.channels * taps_ > kTaskWork;
  };
  shrink(box, 1, large, lonely);
  if (large()) return false;
  b.channels = max(1, min(call_.channels, min(kStage / (staged(box) * lanes), kDepth / taps_)));
  b.channels = ceil_div(call_.channels, ceil_div(call_.channels, b.channels));
  b.skips_padding = skipping_pays(b);
  return cost(b) < cost_by_position();
}

/// Cycles per step of k and vector of results: two products or two loads each, where a vector of B takes `lines` cache
/// lines.
template <class T>
double BatchLanesGeometry<T>::cycles(int lines) const {
  const int mr = panels_.height, nv = max_vectors(mr);
  const int products = mr * nv, loads = mr + nv * lines;
  return double(products > loads ? products : loads) / double(2 * products);
}

/// Cycles per vector of results: its products, some 8 for its way through the tile and back, and some 8 for every
/// vector of x that is transposed.
template <class T>
double BatchLanesGeometry<T>::cost(const ConvBlocking& b) const {
  const double results = double(call_.out_channels * volume(call_.out));
  const double vectors = double(ceil_div(call_.n, lanes) * lanes) / double(call_.n);
  const double staged_once = double(call_.channels * grid(b.positions).boxes() * staged(b.positions));
  const double products = double(call_.channels * taps_) / double(residues());
  return vectors *
         (products * cycles(1) + 8 + 8 * staged_once * double(ceil_div(call_.out_channels, b.rows)) / results);
}

/// The same with neighbouring positions in the lanes: rows that do not fill vectors waste lanes or need a scatter of
/// some 16 cycles; x is copied, with strides element by element.
template <class T>
double BatchLanesGeometry<T>::cost_by_position() const {
  const int64_t residues = this->residues(), rows = axes_[1].positions, width = axes_[2].positions;
  const int64_t staged_row = width + (axes_[2].tap(call_.kernel[2] - 1) - axes_[2].tap(0)) / axes_[2].move();
  const int64_t apart = rows * ceil_div(width, lanes);
  const int64_t plane = ceil_div((rows - 1) * staged_row + width, lanes);
  const bool flat = 4 * apart >= 5 * plane, scattered = flat || axes_[2].residues > 1;
  const double vectors =
      double(axes_[0].positions * (flat ? plane : apart) * residues * lanes) / double(volume(call_.out));
  const bool strided = axes_[2].stride > 1 || call_.x_s[2] != 1;
  const double copied = double(call_.channels * volume(call_.in)) / double(call_.out_channels * volume(call_.out));
  return vectors * ((panels_.height > 8 ? 1.0 : 1.15) * cycles(2) * double(call_.channels * taps_) / double(residues) +
                    (scattered ? 16 : 1)) +
         (strided ? 12 : 2) * copied;
}

/// The kernel positions that fall inside x at output position p along an axis: their number, and the first.
template <class T>
int64_t BatchLanesGeometry<T>::inside(int d, int64_t p, int64_t* from) const {
  const Axis& axis = axes_[d];
  const int64_t at = p * axis.stride - axis.pad;  // of kernel position 0
  *from = min(axis.kernel, at < 0 ? ceil_div(-at, axis.dilation) : 0);
  const int64_t end = axis.in > at ? min(axis.kernel, ceil_div(axis.in - at, axis.dilation)) : 0;
  return max(0, end - *from);
}

/// Skipping pays if a fifth or more of all products would be with the zeros around x, and the rest of a line of the
/// kernel is long enough for a register tile.
template <class T>
bool BatchLanesGeometry<T>::skipping_pays(const ConvBlocking& b) const {
  double part = 1;
  for (int d = 0; d < 3; ++d) {
    if (axes_[d].residues != 1) return false;
    int64_t met = 0, from;
    for (int64_t p = 0; p < axes_[d].positions; ++p) met += inside(d, p, &from);
    part *= double(met) / double(axes_[d].positions * axes_[d].kernel);
  }
  constexpr int64_t least = 48, most_runs = int64_t{1} << 15;  // 256 KB of the scratch
  return part <= 0.8 && b.channels == call_.channels && call_.channels * call_.kernel[2] >= least &&
         volume(b.positions) * call_.kernel[0] * call_.kernel[1] <= most_runs;
}

}  // namespace gradus::GRADUS_ISA::gemm
