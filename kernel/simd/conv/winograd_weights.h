// Gradients of weights by minimal filtering, where x and the result's gradient range over all positions: 16 products of
// [output channels × tiles] by [tiles × channels], in splits whose sums are added in order.
#pragma once
#include "winograd_products.h"

namespace gradus::GRADUS_ISA::gemm::winograd {

/// In the terms of a ConvCall: images are input channels, channels are images, the kernel is the gradient of the
/// layer's result.
class WeightGradient {
 public:
  explicit WeightGradient(const ConvCall& call)
      : call_(call), columns_(round_up(call.n, lanes)), rows_(round_up(call.out_channels, lanes)),
        blocks_(call.channels, call.kernel[1], call.kernel[2],
                max(kFewTiles, min(kMostTiles, tiles_that_fit(columns_ + rows_, kOperandBytes)))),
        input_plane_(apart(blocks_.most_tiles() * columns_)), filter_plane_(apart(blocks_.most_tiles() * rows_)),
        sum_plane_(apart(call.out_channels * columns_)) {
    const int64_t bytes = kProducts * sum_plane_ * int64_t{sizeof(T)};
    splits_ = max(1, min(min(8, blocks_.count()), kPieceBytes / (bytes * call.groups)));
  }

  static bool fits(const ConvCall& call);
  Status run(Parallel& pool) const;

 private:
  const ConvCall& call_;
  int64_t columns_, rows_;  // input and output channels, in whole vectors
  TileBlocks blocks_;
  int64_t input_plane_, filter_plane_, sum_plane_, splits_;

  uint64_t scratch_bytes() const {
    return sizeof(T) * uint64_t((2 * blocks_.rows + 2) * (2 * blocks_.across + 2) * 2 * lanes +
                                kProducts * (input_plane_ + filter_plane_)) +
           4096;
  }
  void add_block(const TileBlock& block, int64_t g, void* room, T* sums) const;
  void add_splits(int worker, int64_t g, int64_t column, int64_t row, int64_t rows, const T* sums, T* values) const;
};

inline bool WeightGradient::fits(const ConvCall& call) {
  if (call.out[1] != kWinogradKernel || call.out[2] != kWinogradKernel) return false;
  if (min(call.n, call.out_channels) < kWinogradChannels) return false;
  if (call.channels * ceil_div(call.kernel[1], 2) * ceil_div(call.kernel[2], 2) < 4 * kLeastTiles) return false;
  return WeightGradient(call).scratch_bytes() <= kScratchBytes;
}

/// Adds the products of a block of tiles: sums[product][output channel][input channel].
inline void WeightGradient::add_block(const TileBlock& block, int64_t g, void* room, T* sums) const {
  const int64_t down = block.bottom - block.top, across = block.across;
  Scratch scratch(room);
  Patch<T> patch(scratch, 2 * down + 2, 2 * across + 2), small(scratch, 2 * down, 2 * across);
  T* inputs = scratch.take<T>(kProducts * input_plane_);
  T* filters = scratch.take<T>(kProducts * filter_plane_);
  patch.clear();
  small.clear();
  for (int64_t image = block.first; image < block.last; ++image) {
    const int64_t tile = (image - block.first) * block.of_image();
    for (int64_t c = 0; c < columns_; c += lanes) {
      Plane<T> plane = plane_of(call_, c, g, image);
      plane.channel = call_.x_n;
      patch.stage(plane, 2 * block.top - call_.pad[1], -call_.pad[2], int(min(lanes, call_.n - c)));
      transform_inputs(patch, down, across, inputs + tile * columns_ + c, input_plane_, columns_);
    }
    const T* w = static_cast<const T*>(call_.w) + g * call_.w_g + image * call_.w_c;
    for (int64_t o = 0; o < rows_; o += lanes) {
      const Plane<T> plane{w + o * call_.w_o, call_.kernel[1], call_.kernel[2], call_.w_k[1], call_.w_k[2], call_.w_o};
      small.stage(plane, 2 * block.top, 0, int(min(lanes, call_.out_channels - o)));
      transform_filters(small, down, across, filters + tile * rows_ + o, filter_plane_, rows_);
    }
  }
  const RowPanels panels(call_.out_channels);
  Sums t;
  t.k = block.tiles();
  t.a_step = rows_, t.b_step = t.c_row = columns_;
  for (int i = 0; i < kProducts; ++i)
    each_pair(columns_, [&](int64_t j, int vectors) {
      for (int64_t p = 0; p < panels.count; ++p) {
        t.a = filters + i * filter_plane_ + p * panels.height;
        t.b = inputs + i * input_plane_ + j;
        t.c = sums + i * sum_plane_ + p * panels.height * columns_ + j;
        instances.sums[panels.height_of(p) - 1][vectors - 1](t);
      }
    });
}

/// Adds the splits, first to last, for a vector of input channels and some output channels, into
/// values[input channel][output channel][3 × 3].
inline void WeightGradient::add_splits(int worker, int64_t g, int64_t column, int64_t row, int64_t rows, const T* sums,
                                       T* values) const {
  for (int64_t r = 0; r < rows; ++r) {
    alignas(64) T total[kProducts * lanes], taps[9 * lanes];
    for (int i = 0; i < kProducts; ++i) {
      const T* from = sums + i * sum_plane_ + (row + r) * columns_ + column;
      Vec<T> sum = load<T>(from);
      for (int64_t p = 1; p < splits_; ++p) sum = sum + load<T>(from + p * kProducts * sum_plane_);
      store<T>(total + i * lanes, sum);
    }
    Vec<T> y[3][3];
    transform_output<T, 3>(total, lanes, y);
    for (int i = 0; i < 9; ++i) store<T>(taps + i * lanes, y[i / 3][i % 3]);
    for (int l = 0; l < lanes; ++l)
      for (int i = 0; i < 9; ++i) values[(l * rows + r) * 9 + i] = taps[i * lanes + l];
  }
  for (int64_t l = 0; l < min(lanes, call_.n - column); ++l) {
    const int64_t n = (column + l) * call_.groups + g;
    const T* from = values + l * rows * 9;
    if (call_.y) {
      __builtin_memcpy(static_cast<T*>(call_.y) + (n * call_.out_channels + row) * 9, from,
                       size_t(rows * 9) * sizeof(T));
    } else {
      call_.epilogue.run(call_.epilogue.self, worker, Tile{n, row, 0, rows, 9, from, 9});
    }
  }
}

inline Status WeightGradient::run(Parallel& pool) const {
  const int64_t split = kProducts * sum_plane_;
  T* sums = static_cast<T*>(pool.workspace(uint64_t(call_.groups * splits_ * split) * sizeof(T)));
  if (!sums) return Status::out_of_memory;
  run_tasks(pool, call_.groups * splits_, [&](int64_t task, int worker) {
    const int64_t g = task / splits_, p = task % splits_;
    fill_zero(sums + task * split, split);
    for (int64_t b = blocks_.count() * p / splits_; b < blocks_.count() * (p + 1) / splits_; ++b)
      add_block(TileBlock(blocks_, b), g, pool.scratch(worker), sums + task * split);
  });

  constexpr int64_t strip = 16;  // output channels of a task
  const int64_t across = columns_ / lanes, down = ceil_div(call_.out_channels, strip);
  run_tasks(pool, call_.groups * across * down, [&](int64_t task, int worker) {
    const int64_t g = task / (across * down), row = task % down * strip;
    add_splits(worker, g, task / down % across * lanes, row, min(strip, call_.out_channels - row),
               sums + g * splits_ * split, static_cast<T*>(pool.scratch(worker)));
  });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm::winograd
