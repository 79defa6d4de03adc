// Split-K: the sums over k are cut into splits, whose results are added in order. Columns are (position, image) pairs,
// images fastest. For weight gradients, where the "kernel" is the whole output and the "output" a few kernel positions,
// and other convolutions with few positions. How one split is summed: split_k_gemm.h, split_k_dots.h and
// split_k_rows.h.
#pragma once
#include "implicit_gemm.h"

namespace gradus::GRADUS_ISA::gemm {

template <class T>
class SplitK : protected Geometry {
 public:
  SplitK(const ConvCall& call, const ConvBlocking& b, Parallel& pool)
      : Geometry(call, false), pool_(pool), x_(static_cast<const T*>(call.x)), w_(static_cast<const T*>(call.w)),
        y_(static_cast<T*>(call.y)), parts_{call, Grid(call.out, b.positions), b.rows, b.images},
        kernel_(call.kernel, b.kernel), channels_(b.channels), splits_(b.splits),
        ld_(vectors_of<T>(parts_.positions.box, b.images) * lanes) {}

 protected:
  static constexpr int lanes = Lanes<T>::count;
  static constexpr int64_t stage_size = kStageBytes / int64_t{sizeof(T)};
  static constexpr int64_t stage_limit = kStageLimit / int64_t{sizeof(T)};
  static constexpr int64_t tile_size = kTileBytes / int64_t{sizeof(T)};

  static void choose_splits(const ConvCall& call, ConvBlocking& b);
  static void choose_whole(const ConvCall& call, const int64_t* taps, ConvBlocking& b);

  /// Runs sum(c, part, split, scratch) for all parts and splits, then adds the splits and stores.
  template <class Sum>
  Status run_splits(const Sum& sum);

  /// Calls f(first channel, channels, q0, q1) for the pieces of k of one split, until interrupted.
  template <class F>
  void each_unit(int64_t split, const F& f) const {
    const int64_t boxes = kernel_.boxes(), units = ceil_div(call_.channels, channels_) * boxes;
    for (int64_t unit = units * split / splits_; unit < units * (split + 1) / splits_ && !pool_.interrupted(); ++unit) {
      const int64_t from = unit / boxes * channels_;
      int64_t q0[3], q1[3];
      kernel_.at(unit % boxes, q0, q1);
      f(from, min(channels_, call_.channels - from), q0, q1);
    }
  }

  /// (position, image) pairs of a row of positions, in whole vectors.
  static int64_t run_of(const Part& b) { return round_up(b.size[2] * b.images, lanes); }
  /// Where column j of a part that is the whole result is summed, from the start of a row.
  int64_t at_column(const Part& b, int64_t j) const {
    const int64_t wide = call_.out[2] * call_.n;
    return j / wide * run_of(b) + j % wide;
  }

  Parallel& pool_;
  const T* x_;
  const T* w_;
  T* y_;
  Parts parts_;
  Grid kernel_;       // boxes of kernel positions
  int64_t channels_;  // staged at once
  int64_t splits_;    // of k
  int64_t ld_;        // of partial sums: [row][position rows][run of positions × images in whole vectors]

 private:
  void store_last(const Part& b, int64_t row, int64_t rows, int worker, const T* total) const;
  void store_images(const Part& b, int64_t row, int64_t rows, int worker, const T* total) const;
};

/// Cuts k into splits, enough for many workers, each with some 2²⁰ multiplications.
template <class T>
void SplitK<T>::choose_splits(const ConvCall& call, ConvBlocking& b) {
  const Parts parts{call, Grid(call.out, b.positions), b.rows, b.images};
  const int64_t boxes = Grid(call.kernel, b.kernel).boxes();
  const int64_t work =
      min(b.rows, call.out_channels) * volume(b.positions) * b.images * call.channels * volume(call.kernel);
  const int64_t wanted = max(1, min(ceil_div(64, parts.count()), work >> 20));
  // Fewer channels at once where regions alone would give too few splits.
  b.channels = max(1, min(b.channels, call.channels * boxes / wanted));
  b.splits = max(1, min(wanted, ceil_div(call.channels, b.channels) * boxes));
}

/// All results in one block, and k in boxes of kernel positions of one channel.
template <class T>
void SplitK<T>::choose_whole(const ConvCall& call, const int64_t* taps, ConvBlocking& b) {
  b.rows = call.out_channels;
  b.images = call.n;
  for (int d = 0; d < 3; ++d) b.positions[d] = call.out[d], b.kernel[d] = taps[d];
  b.channels = 1;
  choose_splits(call, b);
}

template <class T>
template <class Sum>
Status SplitK<T>::run_splits(const Sum& sum) {
  const int64_t blocks = parts_.count(), rows_of_block = min(parts_.rows, call_.out_channels);
  const int64_t block_size = rows_of_block * ld_;
  T* partial = static_cast<T*>(pool_.workspace(uint64_t(blocks * splits_ * block_size) * sizeof(T)));
  if (!partial) return Status::out_of_memory;
  run_tasks(pool_, blocks * splits_, [&](int64_t task, int worker) {
    sum(partial + task * block_size, parts_.at(task / splits_), task % splits_, pool_.scratch(worker));
  });

  // Adds the splits, first to last, then reorders [row][position][image] to images.
  constexpr int64_t strip = 16;  // rows of a task
  const int64_t strips = ceil_div(rows_of_block, strip);
  run_tasks(pool_, blocks * strips, [&](int64_t task, int worker) {
    const Part b = parts_.at(task / strips);
    const int64_t row = task % strips * strip, rows = min(strip, b.rows - row);
    if (rows <= 0) return;
    T* total = partial + task / strips * splits_ * block_size + row * ld_;
    for (int64_t split = 1; split < splits_; ++split)
      for (int64_t i = 0; i < rows * ld_; ++i) total[i] += total[split * block_size + i];
    if (call_.batch_innermost) store_last(b, row, rows, worker, total);
    else store_images(b, row, rows, worker, total);
  });
  return Status::ok;
}

/// Stores columns as they are: a row of positions is one run for all images, or one run per position.
template <class T>
void SplitK<T>::store_last(const Part& b, int64_t row, int64_t rows, int worker, const T* total) const {
  const ConvCall& call = call_;
  const int64_t together = b.images == call.n ? b.size[2] : 1, cols = together * b.images;
  for (int64_t z = 0; z < b.size[0]; ++z)
    for (int64_t y = 0; y < b.size[1]; ++y)
      for (int64_t x = 0; x < b.size[2]; x += together) {
        const T* from = total + (z * b.size[1] + y) * run_of(b) + x * b.images;
        const int64_t at = ((z + b.p0[0]) * call.out[1] + y + b.p0[1]) * call.out[2] + b.p0[2] + x;
        Tile tile{b.g, b.row + row, at * call.n + b.image, rows, cols, from, ld_};
        if (y_) {
          const int64_t plane = outs_ * call.n;
          T* to = y_ + (b.g * call.out_channels + tile.row) * plane + tile.col;
          for (int64_t r = 0; r < rows; ++r) __builtin_memcpy(to + r * plane, from + r * ld_, size_t(cols) * sizeof(T));
          tile.values = to, tile.ld = plane;
        }
        if (call.epilogue.run) call.epilogue.run(call.epilogue.self, worker, tile);
      }
}

/// Stores columns image by image.
template <class T>
void SplitK<T>::store_images(const Part& b, int64_t row, int64_t rows, int worker, const T* total) const {
  const ConvCall& call = call_;
  T* tile = static_cast<T*>(pool_.scratch(worker));
  const int64_t spots = volume(b.size);
  for (int64_t image = 0; image < b.images; ++image) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t z = 0; z < b.size[0]; ++z)
        for (int64_t y = 0; y < b.size[1]; ++y) {
          const T* from = total + r * ld_ + (z * b.size[1] + y) * run_of(b) + image;
          const int64_t at = ((z + b.p0[0]) * call.out[1] + y + b.p0[1]) * call.out[2] + b.p0[2];
          const int64_t plane = ((b.image + image) * call.groups + b.g) * call.out_channels + b.row + row + r;
          T* to = y_ ? y_ + plane * outs_ + at : tile + r * spots + (z * b.size[1] + y) * b.size[2];
          for (int64_t i = 0; i < b.size[2]; ++i) to[i] = from[i * b.images];
        }
    if (!y_) run_epilogue(call, worker, b.image + image, b.g, b.row + row, rows, b.p0, b.p1, tile);
  }
}

}  // namespace gradus::GRADUS_ISA::gemm
