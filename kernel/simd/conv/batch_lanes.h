// Convolutions of many images with one image per lane: a vector holds one element of as many images as it has lanes.
// Rows are output channels, every output position is one vector, and no lane is wasted however narrow the planes are;
// strides and residues (geometry.h) only change where a vector is read. Images are transposed into lanes and back in
// registers.
#pragma once
#include "batch_lanes_choice.h"

namespace gradus::GRADUS_ISA::gemm {

template <class T>
class BatchLanes : BatchLanesGeometry<T> {
  using Base = BatchLanesGeometry<T>;

 public:
  BatchLanes(const ConvCall& call, const ConvBlocking& b, Parallel& pool)
      : Base(call), pool_(pool), x_(static_cast<const T*>(call.x)), w_(static_cast<const T*>(call.w)),
        positions_(Base::grid(b.positions)), rows_(b.rows), channels_(b.channels), skips_(b.skips_padding) {}

  static bool choose(const ConvCall& call, ConvBlocking& blocking) { return Base(call).choose(blocking); }
  Status run();

 private:
  using Base::lanes, Base::call_, Base::axes_, Base::taps_, Base::panels_, Base::extent, Base::inside;
  /// What is transposed back at a time, for all images of a vector, stays (nearly) in L1.
  static constexpr int64_t kStrip = (int64_t{64} << 10) / int64_t{sizeof(T)};

  Parallel& pool_;
  const T* x_;
  const T* w_;
  Grid positions_;    // boxes of output positions p′
  int64_t rows_;      // output channels of a task
  int64_t channels_;  // of one step
  bool skips_;        // kernel positions outside x: then they are the outer part of k

  /// Calls f(q) for the kernel positions of one residue, in order.
  template <class F>
  void each_tap(const int64_t* r, const F& f) const {
    int64_t q[3];
    for (q[0] = 0; q[0] < call_.kernel[0]; ++q[0]) {
      if (axes_[0].residue(q[0]) != r[0]) continue;
      for (q[1] = 0; q[1] < call_.kernel[1]; ++q[1]) {
        if (axes_[1].residue(q[1]) != r[1]) continue;
        for (q[2] = 0; q[2] < call_.kernel[2]; ++q[2])
          if (axes_[2].residue(q[2]) == r[2]) f(q);
      }
    }
  }

  /// Columns of one register tile, neighbours in a line where ranges of k are skipped.
  struct Group {
    int32_t first, count, range, ranges;
  };
  /// The columns of one residue, one vector each.
  struct ImageColumns : Columnar {
    int32_t *source, *target;  // of every column, in the staged x and in the tile
    Group* group;
    Range* range;  // rows of B used by a group
    int64_t groups;
  };
  void group_columns(Scratch& scratch, ImageColumns& columns) const;
  void group_lines(Scratch& scratch, ImageColumns& columns, const int64_t* b0, const int64_t* size) const;
  ImageColumns columns_of(Scratch& scratch, const int64_t* r, const int64_t* b0, const int64_t* b1, const int64_t* p0,
                          const int64_t* size) const;
  void pack_weights(T* to, Scratch scratch, int64_t g, int64_t c, int64_t channels) const;
  void clear(T* to, const int64_t* low, const int64_t* size, int64_t channels) const;
  void stage(T* to, T* lines, const T* x, const int64_t* low, const int64_t* size, int images, int64_t channels) const;
  void multiply(T* tile, int64_t tile_row, const T* a, int64_t k, int64_t row0, int64_t rows, const T* b,
                const ImageColumns& columns, bool accumulate) const;
  void store_images(int worker, int64_t image, int images, int64_t g, int64_t row0, int64_t rows, const int64_t* p0,
                    const int64_t* p1, const T* tile, T* strip) const;
  void store_tile(int64_t n, int64_t g, int64_t row, int64_t rows, const int64_t* p0, const int64_t* p1,
                  const T* tile) const;
};

/// The weights of one group for channels c … c + channels − 1: [residue][row panel][k][row], where k runs over channels
/// and then kernel positions, or the other way round.
template <class T>
void BatchLanes<T>::pack_weights(T* to, Scratch scratch, int64_t g, int64_t c, int64_t channels) const {
  int64_t* offset = scratch.take<int64_t>(channels * taps_);
  const T* w = w_ + g * call_.w_g + c * call_.w_c;
  each_residue(axes_, [&](const int64_t* r) {
    int64_t depth = 0;
    const auto row = [&](int64_t i, const int64_t* q) {
      offset[depth++] = i * call_.w_c + q[0] * call_.w_k[0] + q[1] * call_.w_k[1] + q[2] * call_.w_k[2];
    };
    if (skips_) {
      each_tap(r, [&](const int64_t* q) {
        for (int64_t i = 0; i < channels; ++i) row(i, q);
      });
    } else {
      for (int64_t i = 0; i < channels; ++i) each_tap(r, [&](const int64_t* q) { row(i, q); });
    }
    for (int64_t p = 0; p < panels_.count; ++p) {
      const int height = panels_.height_of(p);
      pack_gathered(to, w + p * panels_.height * call_.w_o, height, call_.w_o, depth, offset);
      to += height * depth;
    }
  });
}

template <class T>
typename BatchLanes<T>::ImageColumns BatchLanes<T>::columns_of(Scratch& scratch, const int64_t* r, const int64_t* b0,
                                                               const int64_t* b1, const int64_t* p0,
                                                               const int64_t* size) const {
  const int64_t ex[3] = {extent(0, b1[0] - b0[0]), extent(1, b1[1] - b0[1]), extent(2, b1[2] - b0[2])};
  const int64_t step[3] = {ex[1] * ex[2] * lanes, ex[2] * lanes, lanes};
  ImageColumns result;
  result.count = 0;
  int64_t count[3], first[3];
  for (int d = 0; d < 3; ++d) {
    count[d] = max(0, axes_[d].clip(b1[d], r[d]) - b0[d]);
    first[d] = b0[d] * axes_[d].residues + r[d] - p0[d];
  }
  result.source = scratch.take<int32_t>(volume(count));
  result.target = scratch.take<int32_t>(volume(count));
  for (int64_t z = 0; z < count[0]; ++z)
    for (int64_t y = 0; y < count[1]; ++y)
      for (int64_t x = 0; x < count[2]; ++x, ++result.count) {
        result.source[result.count] =
            int32_t(z * axes_[0].move() * step[0] + y * axes_[1].move() * step[1] + x * axes_[2].move() * step[2]);
        result.target[result.count] =
            int32_t((((first[0] + z * axes_[0].residues) * size[1] + first[1] + y * axes_[1].residues) * size[2] +
                     first[2] + x * axes_[2].residues) *
                    lanes);
      }
  result.taps = 0;
  each_tap(r, [&](const int64_t*) { ++result.taps; });
  result.offset = scratch.take<int32_t>(channels_ * result.taps);
  int64_t t = 0;
  each_tap(r, [&](const int64_t* q) {
    int64_t at = 0;
    for (int d = 0; d < 3; ++d) at += (axes_[d].tap(q[d]) - axes_[d].tap(0)) * step[d];
    for (int64_t c = 0; c < channels_; ++c)
      result.offset[skips_ ? t * channels_ + c : c * result.taps + t] = int32_t(at + c * ex[0] * step[0]);
    ++t;
  });
  if (skips_) {
    group_lines(scratch, result, b0, count);
  } else {
    group_columns(scratch, result);
  }
  return result;
}

/// Register tiles of all columns in order, over all of k.
template <class T>
void BatchLanes<T>::group_columns(Scratch& scratch, ImageColumns& columns) const {
  const int64_t most = max_vectors(panels_.height);
  columns.groups = ceil_div(columns.count, most);
  columns.group = scratch.take<Group>(columns.groups);
  columns.range = scratch.take<Range>(1);
  columns.range[0] = {0, int32_t(channels_ * columns.taps)};
  for (int64_t i = 0; i < columns.groups; ++i)
    columns.group[i] = {int32_t(i * most), int32_t(min(most, columns.count - i * most)), 0, 1};
}

/// Register tiles that stay in a line of positions, over the kernel positions that fall inside x for any of their
/// columns. A group without any has one empty run, which stores zeros.
template <class T>
void BatchLanes<T>::group_lines(Scratch& scratch, ImageColumns& columns, const int64_t* b0, const int64_t* size) const {
  const int64_t pieces = ceil_div(size[2], max_vectors(panels_.height));
  const int64_t* kernel = call_.kernel;
  columns.groups = size[0] * size[1] * pieces;
  columns.group = scratch.take<Group>(columns.groups);
  columns.range = scratch.take<Range>(columns.groups * max(1, kernel[0] * kernel[1]));
  int64_t i = 0, runs = 0, q[3];
  for (int64_t line = 0; line < size[0] * size[1]; ++line) {
    const int64_t planes = inside(0, b0[0] + line / size[1], &q[0]);
    const int64_t lines = inside(1, b0[1] + line % size[1], &q[1]);
    for (int64_t piece = 0; piece < pieces; ++piece) {
      const int64_t x = size[2] * piece / pieces, end = size[2] * (piece + 1) / pieces;
      int64_t last;
      const int64_t meets = inside(2, b0[2] + x, &q[2]) + q[2];  // the first column uses the last taps
      inside(2, b0[2] + end - 1, &last);
      q[2] = min(q[2], last);
      const int32_t length = int32_t((meets - q[2]) * channels_);
      const int64_t first = runs;
      for (int64_t z = q[0]; z < q[0] + planes; ++z)
        for (int64_t y = q[1]; y < q[1] + lines; ++y) {
          const int32_t k = int32_t(((z * kernel[1] + y) * kernel[2] + q[2]) * channels_);
          if (runs > first && columns.range[runs - 1].k + columns.range[runs - 1].length == k) {
            columns.range[runs - 1].length += length;
          } else {
            columns.range[runs++] = {k, length};
          }
        }
      if (runs == first) columns.range[runs++] = {0, 0};
      columns.group[i++] = {int32_t(line * size[2] + x), int32_t(end - x), int32_t(first), int32_t(runs - first)};
    }
  }
}

/// Zeros the elements outside x.
template <class T>
void BatchLanes<T>::clear(T* to, const int64_t* low, const int64_t* size, int64_t channels) const {
  const auto outside = [&](int d, int64_t i) { return low[d] + i < 0 || low[d] + i >= call_.in[d]; };
  const int64_t left = min(size[2], max(0, -low[2])) * lanes;
  const int64_t right = max(0, min(size[2], call_.in[2] - low[2])) * lanes, row = size[2] * lanes;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t z = 0; z < size[0]; ++z)
      for (int64_t y = 0; y < size[1]; ++y, to += row) {
        if (outside(0, z) || outside(1, y) || left >= right) {
          fill_zero(to, row);
        } else {
          fill_zero(to, left);
          fill_zero(to + right, row - right);
        }
      }
}

/// Transposes channels of x into lanes, from coordinate `low` of x̃ on; elements outside x keep their value.
template <class T>
void BatchLanes<T>::stage(T* to, T* lines, const T* x, const int64_t* low, const int64_t* size, int images,
                          int64_t channels) const {
  int64_t from[3], count[3];  // the part inside x
  for (int d = 0; d < 3; ++d) {
    from[d] = max(0, low[d]);
    count[d] = min(call_.in[d], low[d] + size[d]) - from[d];
    if (count[d] <= 0) return;
  }
  const int64_t* s = call_.x_s;
  const int64_t row = size[2] * lanes;
  // Short rows would leave most of a transposition empty, so rows that are contiguous in x are transposed together.
  const bool run = s[1] == count[2] * s[2] && count[2] % lanes != 0;
  const int64_t together = run ? max(1, min(count[1], 512 / count[2])) : 1;
  const bool straight = run && count[2] == size[2];
  for (int64_t c = 0; c < channels; ++c, x += call_.x_c, to += size[0] * size[1] * row)
    for (int64_t z = 0; z < count[0]; ++z)
      for (int64_t y = 0; y < count[1]; y += together) {
        const int64_t n = min(together, count[1] - y);
        T* at = to + ((z + from[0] - low[0]) * size[1] + y + from[1] - low[1]) * row + (from[2] - low[2]) * lanes;
        const T* source = x + (from[0] + z) * s[0] + (from[1] + y) * s[1] + from[2] * s[2];
        T* panel = !run || straight ? at : lines;
        pack_panel(panel, source, lanes, images, call_.x_n, n * count[2], s[2]);
        if (panel == at) continue;
        for (int64_t i = 0; i < n; ++i)
          for (int64_t j = 0; j < count[2]; ++j)
            store<T>(at + i * row + j * lanes, load<T>(lines + (i * count[2] + j) * lanes));
      }
}

/// tile (+)= packed weights × the columns of one residue.
template <class T>
void BatchLanes<T>::multiply(T* tile, int64_t tile_row, const T* a, int64_t k, int64_t row0, int64_t rows, const T* b,
                             const ImageColumns& columns, bool accumulate) const {
  Block<T> t;
  t.c_row = tile_row;
  for (int v = 0; v < kMaxVectors; ++v) t.count[v] = lanes;
  for (int64_t row = row0; row < row0 + rows; row += panels_.height) {
    const int height = panels_.height_of(row / panels_.height);
    T* to = tile + (row - row0) * tile_row;
    for (const Group* g = columns.group; g < columns.group + columns.groups; ++g) {
      for (int v = 0; v < g->count; ++v) {
        t.b[v] = b + columns.source[g->first + v];
        t.c[v] = to + columns.target[g->first + v];
      }
      t.accumulate = accumulate;
      for (const Range* r = columns.range + g->range; r < columns.range + g->range + g->ranges; ++r) {
        t.k = min(r->length, k - r->k);
        t.a = a + row * k + r->k * height;
        t.b_offset = columns.offset + r->k;
        Kernels<T>::all.packed[height - 1][g->count - 1](t);
        t.accumulate = true;
      }
    }
  }
}

/// Stores a dense tile of one image in y.
template <class T>
void BatchLanes<T>::store_tile(int64_t n, int64_t g, int64_t row, int64_t rows, const int64_t* p0, const int64_t* p1,
                               const T* tile) const {
  const int64_t* out = call_.out;
  T* y = static_cast<T*>(call_.y) + ((n * call_.groups + g) * call_.out_channels + row) * volume(out);
  const int64_t width = p1[2] - p0[2];
  for (int64_t r = 0; r < rows; ++r, y += volume(out))
    for (int64_t z = p0[0]; z < p1[0]; ++z)
      for (int64_t line = p0[1]; line < p1[1]; ++line, tile += width)
        copy_strided(y + (z * out[1] + line) * out[2] + p0[2], tile, width, 1);
}

/// Transposes a tile back, a strip of rows at a time, and stores each image's part or passes it to the epilogue.
template <class T>
void BatchLanes<T>::store_images(int worker, int64_t image, int images, int64_t g, int64_t row0, int64_t rows,
                                 const int64_t* p0, const int64_t* p1, const T* tile, T* strip) const {
  const int64_t outs = (p1[0] - p0[0]) * (p1[1] - p0[1]) * (p1[2] - p0[2]);
  const int64_t some = max(1, kStrip / (outs * lanes));
  for (int64_t row = 0; row < rows; row += some) {
    const int64_t r = min(some, rows - row), count = r * outs, apart = round_up(count, lanes);
    const T* from = tile + row * outs * lanes;
    for (int64_t i = 0; i < count; i += lanes) {
      Vec<T> v[lanes];
#pragma GCC unroll 16
      for (int j = 0; j < lanes; ++j) v[j] = load<T>(from + (i + j) * lanes);
      transpose<T>(v);
#pragma GCC unroll 16
      for (int j = 0; j < lanes; ++j) store<T>(strip + j * apart + i, v[j]);
    }
    for (int n = 0; n < images; ++n) {
      if (call_.y) {
        store_tile(image + n, g, row0 + row, r, p0, p1, strip + n * apart);
      } else {
        run_epilogue(call_, worker, image + n, g, row0 + row, r, p0, p1, strip + n * apart);
      }
    }
  }
}

template <class T>
Status BatchLanes<T>::run() {
  const ConvCall& call = call_;
  const int64_t steps = ceil_div(call.channels, channels_), depth = call.channels * taps_;
  const int64_t weights = call.out_channels * depth;  // of one group
  const PackedCache::Room room = packed_room(call.w_cache, pool_, uint64_t(call.groups * weights + lanes) * sizeof(T));
  if (!room.memory) return Status::out_of_memory;
  T* packed = static_cast<T*>(room.memory);
  run_tasks(pool_, room.filled ? 0 : call.groups * steps, [&](int64_t task, int worker) {
    const int64_t g = task / steps, c = task % steps * channels_;
    pack_weights(packed + g * weights + c * taps_ * call.out_channels, Scratch(pool_.scratch(worker)), g, c,
                 min(channels_, call.channels - c));
  });

  const int64_t down = ceil_div(call.out_channels, rows_), boxes = positions_.boxes();
  const int64_t batches = ceil_div(call.n, lanes);
  run_tasks(pool_, batches * call.groups * down * boxes, [&](int64_t task, int worker) {
    Scratch scratch(pool_.scratch(worker));
    int64_t b0[3], b1[3], p0[3], p1[3], size[3], low[3], ex[3];
    positions_.at(task % boxes, b0, b1);
    const int64_t row0 = task / boxes % down * rows_, rows = min(rows_, call.out_channels - row0);
    const int64_t g = task / boxes / down % call.groups;
    const int64_t image = task / boxes / down / call.groups * lanes;
    const int images = int(min(lanes, call.n - image));
    for (int d = 0; d < 3; ++d) {
      p0[d] = b0[d] * axes_[d].residues;
      p1[d] = min(call.out[d], b1[d] * axes_[d].residues);
      size[d] = p1[d] - p0[d];
      low[d] = b0[d] * axes_[d].move() + axes_[d].tap(0);
      ex[d] = extent(d, b1[d] - b0[d]);
    }
    T* staged = scratch.take<T>(channels_ * volume(ex) * lanes);
    clear(staged, low, ex, channels_);
    T* lines = scratch.take<T>(max(512, call.in[2]) * lanes);
    const int64_t tile_row = volume(size) * lanes;
    T* tile = scratch.take<T>(rows * tile_row + lanes * lanes);
    T* strip = scratch.take<T>(max(kStrip, tile_row) + 2 * lanes * lanes);
    ImageColumns* columnar = scratch.take<ImageColumns>(Base::residues());
    int64_t residues = 0;
    each_residue(axes_, [&](const int64_t* r) { columnar[residues++] = columns_of(scratch, r, b0, b1, p0, size); });

    for (int64_t from = 0; from < call.channels && !pool_.interrupted(); from += channels_) {
      const int64_t channels = min(channels_, call.channels - from);
      stage(staged, lines, x_ + image * call.x_n + g * call.x_g + from * call.x_c, low, ex, images, channels);
      const T* a = packed + g * weights + from * taps_ * call.out_channels;
      for (int64_t j = 0; j < residues; ++j) {
        const int64_t k = channels * columnar[j].taps;
        multiply(tile, tile_row, a, k, row0, rows, staged, columnar[j], from > 0);
        a += k * call.out_channels;
      }
    }
    store_images(worker, image, images, g, row0, rows, p0, p1, tile, strip);
  });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm
