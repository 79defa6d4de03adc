// A convolution as a matrix product whose columns are the output positions of one image, read from a staged copy of x:
// forward passes and input gradients.
#pragma once
#include "simd/gemm/micro_kernel.h"
#include "stage.h"

namespace gradus::GRADUS_ISA::gemm {

/// Staged x of one step: a quarter of a 2 MB L2 is enough to amortize everything around it.
constexpr int64_t kStageBytes = int64_t{512} << 10;
/// The most that is staged at once when it cannot be cut further.
constexpr int64_t kStageLimit = int64_t{1} << 20;
/// A task's tile of results stays in L2 beside the staged x.
constexpr int64_t kTileBytes = int64_t{1} << 20;
/// Depth of one step: a panel of w (14 rows of f32: 35 KB) stays in a 48 KB L1.
constexpr int64_t kStepDepth = 640;
/// The most vectors of columns of a task: their lists take some 80 B each.
constexpr int64_t kMostVectors = 8192;
/// The most kernel positions times channels that one staged region covers.
constexpr int64_t kRegionDepth = int64_t{1} << 16;

/// Output channels of a task: whole panels, some 256.
inline int64_t rows_of_task(int64_t out_channels) {
  const int64_t height = RowPanels(min(out_channels, 256)).height;
  return max(height, 256 / height * height);
}

template <class T>
class ImplicitGemm : Geometry {
 public:
  ImplicitGemm(const ConvCall& call, const ConvBlocking& blocking, Parallel& pool)
      : Geometry(call, true), pool_(pool), x_(static_cast<const T*>(call.x)), w_(static_cast<const T*>(call.w)),
        y_(static_cast<T*>(call.y)), positions_(grid(blocking.positions)), rows_(blocking.rows),
        channels_(blocking.channels), depth_(call.channels * taps_), group_weights_(call.out_channels * depth_) {}

  /// Chooses blocks; false if there are few positions per image, or k is long and everything else small.
  static bool choose(const ConvCall& call, ConvBlocking& blocking);
  Status run();

 private:
  static constexpr int lanes = Lanes<T>::count;

  /// A vector of columns: where it is staged, its destination, how many of its lanes count.
  struct Vector {
    int32_t source, target, count;
  };
  /// A list of vectors, with an offset for each lane where the lanes are not neighbours in the result.
  struct PositionColumns : Columnar {
    Vector* vectors;
    int32_t* lane_offsets;  // [vector][lane], −1 for none; nullptr where lanes are neighbours
  };

  static bool flat(const int64_t* size, const Region& region);
  PositionColumns columns_of(Scratch& scratch, const Region& region, const int64_t* r, const int64_t* p0,
                             const int64_t* stride) const;
  void list_lane_offsets(PositionColumns& columns, int64_t i, int64_t x, int64_t to, bool flat, const Region& region,
                         const int64_t* size, const int64_t* step) const;
  void pack_weights(T* to, Scratch scratch, int64_t g, int64_t c, int64_t channels) const;
  void multiply(T* c, int64_t c_row, const T* a, int64_t k, int64_t row0, int64_t rows, const T* staged,
                const PositionColumns& columns, T* corner, bool accumulate, const T* bias) const;
  void sum_box(const T* packed, int64_t first, int64_t last, int64_t row0, int64_t box, int worker) const;

  Parallel& pool_;
  const T* x_;
  const T* w_;
  T* y_;
  Grid positions_;         // boxes of output positions
  int64_t rows_;           // output channels of a task
  int64_t channels_;       // channels staged at once
  int64_t depth_;          // of k
  int64_t group_weights_;  // weights of one group
};

template <class T>
bool ImplicitGemm<T>::choose(const ConvCall& call, ConvBlocking& b) {
  constexpr int64_t stage_size = kStageBytes / int64_t{sizeof(T)}, stage_limit = kStageLimit / int64_t{sizeof(T)};
  constexpr int64_t tile_size = kTileBytes / int64_t{sizeof(T)};
  const Geometry geometry(call, true);
  const Axis* axes = geometry.axes_;
  const int64_t taps = geometry.taps_, outs = geometry.outs_, residues = geometry.residues();
  if (residues > kMostVectors / 4) return false;
  int64_t whole[3], *box = b.positions;
  for (int d = 0; d < 3; ++d) whole[d] = box[d] = axes[d].positions;
  const int64_t images = call.n * call.groups;
  const int64_t work = outs * call.out_channels * call.channels * taps / residues;

  // Few positions per image, or a long k and little else, rule it out; each image is considered by itself.
  const Region all = geometry.region_of(whole, call.kernel, 1);
  const int64_t plane = whole[0] * ceil_div((whole[1] - 1) * all.w[1].step + whole[2], lanes);
  const int64_t here = call.n * min(plane, vectors_of<T>(whole, 1));
  const int64_t there = whole[0] * whole[1] * ceil_div(whole[2] * call.n, lanes);
  if (residues == 1 && (here >= 2 * there || call.channels * taps >= 64 * call.n * outs)) return false;

  b.rows = rows_of_task(call.out_channels);
  const auto staged = [&] { return geometry.region_of(box, call.kernel, 1).channel; };
  const auto tile = [&] { return min(b.rows, call.out_channels) * volume(box) * residues; };
  const auto large = [&] {
    return staged() > stage_size || tile() > tile_size || vectors_of<T>(box, 1) * residues > kMostVectors;
  };
  const auto lonely = [&] {  // and has columns for a full tile
    const int64_t tasks = images * Grid(whole, box).boxes() * ceil_div(call.out_channels, b.rows);
    return tasks < kLeastTasks && work * images / max(1, tasks) > kTaskWork &&
           vectors_of<T>(box, 1) >= 2 * max_vectors(RowPanels(b.rows).height);
  };
  shrink(box, lanes, large, lonely);
  if (staged() > stage_limit || taps > kRegionDepth || tile() > tile_size) return false;
  // Where windows reach far beyond a box, as with large dilations, every box would stage mostly elements that it skips.
  if (Grid(whole, box).boxes() > 1 && staged() > 4 * volume(box) * taps) return false;
  const int64_t channels = max(1, call.channels);
  const int64_t most = max(1, min(call.channels, min(stage_size / max(1, staged()), kStepDepth / taps)));
  b.channels = ceil_div(channels, ceil_div(channels, most));
  return true;
}

/// The weights of one group for channels c … c + channels − 1, in the order of the micro-kernels: [residue][row
/// panel][k][row].
template <class T>
void ImplicitGemm<T>::pack_weights(T* to, Scratch scratch, int64_t g, int64_t c, int64_t channels) const {
  const RowPanels panels(call_.out_channels);
  int64_t* offset = scratch.take<int64_t>(channels * taps_);
  Region region = region_of(positions_.box, call_.kernel, 1);
  region.tabulate(scratch);
  const T* w = w_ + g * call_.w_g + c * call_.w_c;
  each_residue(axes_, [&](const int64_t* r) {
    int64_t depth = 0;
    for (int64_t i = 0; i < channels; ++i)
      region.each_tap(r, [&](int64_t, const int64_t* q) {
        offset[depth++] = i * call_.w_c + q[0] * call_.w_k[0] + q[1] * call_.w_k[1] + q[2] * call_.w_k[2];
      });
    for (int64_t p = 0; p < panels.count; ++p) {
      const int height = panels.height_of(p);
      pack_gathered(to, w + p * panels.height * call_.w_o, height, call_.w_o, depth, offset);
      to += height * depth;
    }
  });
}

/// Whether rows are so narrow that a plane is better treated as one run, wasting the columns between its rows.
template <class T>
bool ImplicitGemm<T>::flat(const int64_t* size, const Region& region) {
  const int64_t plane = size[1] > 0 ? (size[1] - 1) * region.w[1].step + size[2] : 0;
  return size[2] > 0 && 4 * ceil_div(size[2], lanes) * size[1] >= 5 * ceil_div(plane, lanes);
}

/// The columns of one residue of a box that starts at p0, in a result of the given strides.
template <class T>
typename ImplicitGemm<T>::PositionColumns ImplicitGemm<T>::columns_of(Scratch& scratch, const Region& region,
                                                                      const int64_t* r, const int64_t* p0,
                                                                      const int64_t* stride) const {
  const Window* w = region.w;
  PositionColumns result;
  int64_t size[3], step[3];  // positions of this residue, and their distance in the result
  int64_t start = 0;
  for (int d = 0; d < 3; ++d) {
    size[d] = max(0, axes_[d].clip(w[d].p1, r[d]) - w[d].p0);
    step[d] = axes_[d].residues * stride[d];
    start += (w[d].p0 * axes_[d].residues + r[d] - p0[d]) * stride[d];
  }
  const int64_t plane = size[1] > 0 ? (size[1] - 1) * w[1].step + size[2] : 0;
  const bool flat = ImplicitGemm::flat(size, region);
  const int64_t runs = volume(size) == 0 ? 0 : flat ? size[0] : size[0] * size[1];
  const int64_t length = flat ? plane : size[2];

  result.count = runs * ceil_div(length, lanes);
  result.vectors = scratch.take<Vector>(result.count);
  result.lane_offsets = flat || step[2] != 1 ? scratch.take<int32_t>(result.count * lanes) : nullptr;
  int64_t i = 0;
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t z = flat ? run : run / size[1], y = flat ? 0 : run % size[1];
    for (int64_t x = 0; x < length; x += lanes, ++i) {
      const int64_t to = start + z * step[0] + y * step[1];
      result.vectors[i] = {int32_t(z * w[0].step + y * w[1].step + x), int32_t(to + x),
                           int32_t(min(lanes, length - x))};
      if (result.lane_offsets) list_lane_offsets(result, i, x, to, flat, region, size, step);
    }
  }

  result.taps = axes_[0].taps(r[0]) * axes_[1].taps(r[1]) * axes_[2].taps(r[2]);
  result.offset = scratch.take<int32_t>(channels_ * result.taps);
  int64_t k = 0;
  for (int64_t c = 0; c < channels_; ++c)
    region.each_tap(r, [&](int64_t at, const int64_t*) { result.offset[k++] = int32_t(c * region.channel + at); });
  return result;
}

/// The offsets of the lanes of vector i, which starts at x of its run.
template <class T>
void ImplicitGemm<T>::list_lane_offsets(PositionColumns& columns, int64_t i, int64_t x, int64_t to, bool flat,
                                        const Region& region, const int64_t* size, const int64_t* step) const {
  for (int64_t l = 0; l < lanes; ++l) {
    const int64_t row = flat ? (x + l) / region.w[1].step : 0, col = x + l - row * region.w[1].step;
    columns.lane_offsets[i * lanes + l] =
        col < size[2] && row < size[1] ? int32_t(to + row * step[1] + col * step[2]) : -1;
  }
}

/// c (+)= packed weights × the columns of one residue, which lie in rows if there is a bias.
template <class T>
void ImplicitGemm<T>::multiply(T* c, int64_t c_row, const T* a, int64_t k, int64_t row0, int64_t rows, const T* staged,
                               const PositionColumns& columns, T* corner, bool accumulate, const T* bias) const {
  const RowPanels panels(call_.out_channels);
  const int most = max_vectors(panels.height);
  const int32_t* lane_offsets = columns.lane_offsets;
  Block<T> t;
  t.k = k;
  t.b_offset = columns.offset;
  t.accumulate = accumulate && !lane_offsets;
  t.bias_step = call_.biased.bias_o;
  t.rectified = call_.biased.rectified;
  for (int64_t row = row0; row < row0 + rows; row += panels.height) {
    const int height = panels.height_of(row / panels.height);
    T* to = c + (row - row0) * c_row;
    t.a = a + row * k;
    t.bias = bias ? bias + row * t.bias_step : nullptr;
    for (int64_t j = 0; j < columns.count; j += most) {
      const int nv = int(min(most, columns.count - j));
      t.c_row = lane_offsets ? nv * lanes : c_row;
      for (int v = 0; v < nv; ++v) {
        const Vector& column = columns.vectors[j + v];
        t.b[v] = staged + column.source;
        t.c[v] = lane_offsets ? corner + v * lanes : to + column.target;
        t.count[v] = lane_offsets ? lanes : column.count;
      }
      Kernels<T>::all.packed[height - 1][nv - 1](t);
      if (!lane_offsets) continue;
      for (int i = 0; i < height; ++i)
        for (int v = 0; v < nv; ++v)
          scatter<T>(to + i * c_row, lane_offsets + (j + v) * lanes, load<T>(corner + (i * nv + v) * lanes),
                     accumulate);
    }
  }
}

/// The results of images first … last − 1, rows from row0 on, and a box of positions.
template <class T>
void ImplicitGemm<T>::sum_box(const T* packed, int64_t first, int64_t last, int64_t row0, int64_t box,
                              int worker) const {
  const ConvCall& call = call_;
  Scratch scratch(pool_.scratch(worker));
  const int64_t rows = min(rows_, call.out_channels - row0);
  const int64_t residues[3] = {axes_[0].residues, axes_[1].residues, axes_[2].residues};
  int64_t b0[3], b1[3], p0[3], p1[3], size[3];  // the box in p′ and in p
  positions_.at(box, b0, b1);
  for (int d = 0; d < 3; ++d) {
    p0[d] = b0[d] * residues[d];
    p1[d] = min(call.out[d], b1[d] * residues[d]);
    size[d] = p1[d] - p0[d];
  }
  static constexpr int64_t zero[3] = {0, 0, 0};
  Region region(axes_, b0, b1, zero, call.kernel, 1);
  region.tabulate(scratch);
  T* staged = scratch.take<T>(channels_ * region.channel + lanes);
  // Results go to y, or to a tile that is dense over the box.
  const bool biased = call.biased.y && volume(residues) == 1 && !flat(size, region);
  T* y = biased ? static_cast<T*>(call.biased.y) : y_;
  T* tile = scratch.take<T>(y ? 0 : rows * volume(size));
  T* corner = scratch.take<T>(kMaxRows * kMaxVectors * lanes);
  const int64_t* extent = y ? call.out : size;
  const int64_t stride[3] = {extent[1] * extent[2], extent[2], 1};
  const int64_t c_row = volume(extent);
  PositionColumns* columnar = scratch.take<PositionColumns>(volume(residues));
  int64_t i = 0;
  each_residue(axes_, [&](const int64_t* r) { columnar[i++] = columns_of(scratch, region, r, p0, stride); });

  for (int64_t image = first; image < last; ++image) {
    const int64_t n = image / call.groups, g = image % call.groups;
    T* c = y ? y + (image * call.out_channels + row0) * outs_ + p0[0] * stride[0] + p0[1] * stride[1] + p0[2] : tile;
    for (int64_t from = 0; from < max(1, call.channels) && !pool_.interrupted(); from += channels_) {
      const int64_t channels = min(channels_, call.channels - from);
      stage(staged, x_ + n * call.x_n + g * call.x_g + from * call.x_c, call, region, channels, call.x_c,
            image == first && from == 0);
      const T* a = packed + g * group_weights_ + from * taps_ * call.out_channels;
      const T* bias = biased && from + channels >= call.channels
                          ? static_cast<const T*>(call.biased.bias) + g * call.biased.bias_g
                          : nullptr;
      for (int64_t j = 0; j < volume(residues); ++j) {
        const int64_t k = channels * columnar[j].taps;
        multiply(c, c_row, a, k, row0, rows, staged, columnar[j], corner, from > 0, bias);
        a += k * call.out_channels;
      }
    }
    if (!y) run_epilogue(call, worker, n, g, row0, rows, p0, p1, tile);
  }
}

template <class T>
Status ImplicitGemm<T>::run() {
  const ConvCall& call = call_;
  const int64_t steps = ceil_div(call.channels, channels_);
  const PackedCache::Room room =
      packed_room(call.w_cache, pool_, uint64_t(max(1, call.groups * group_weights_)) * sizeof(T));
  if (!room.memory) return Status::out_of_memory;
  T* packed = static_cast<T*>(room.memory);
  run_tasks(pool_, room.filled ? 0 : call.groups * steps, [&](int64_t task, int worker) {
    const int64_t g = task / steps, c = task % steps * channels_;
    pack_weights(packed + g * group_weights_ + c * taps_ * call.out_channels, Scratch(pool_.scratch(worker)), g, c,
                 min(channels_, call.channels - c));
  });

  const int64_t down = ceil_div(call.out_channels, rows_), boxes = positions_.boxes();
  const int64_t images = call.n * call.groups;
  // Images of a task: some 2²⁰ multiplications, which amortize its tables.
  const int64_t work = max(1, volume(positions_.box) * rows_ * depth_);
  const int64_t together = max(1, min(images / 32, (int64_t{1} << 20) / work));
  run_tasks(pool_, ceil_div(images, together) * down * boxes, [&](int64_t task, int worker) {
    const int64_t first = task / (down * boxes) * together;
    sum_box(packed, first, min(images, first + together), task / boxes % down * rows_, task % boxes, worker);
  });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm
