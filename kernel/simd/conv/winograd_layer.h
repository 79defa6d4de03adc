// y = Σ_c x ∗ w by minimal filtering, and gradients of x: 16 products of [tiles × channels] by [channels × output
// channels] for every block of tiles.
#pragma once
#include "winograd_products.h"

namespace gradus::GRADUS_ISA::gemm::winograd {

class Layer {
 public:
  explicit Layer(const ConvCall& call)
      : call_(call), channels_(round_up(call.channels, lanes)), outs_(round_up(call.out_channels, lanes)),
        blocks_(call.n, call.out[1], call.out[2],
                max(kFewTiles, min(kMostTiles, tiles_that_fit(channels_, kInputBytes)))),
        input_plane_(apart(ceil_div(channels_, kRun) * blocks_.most_tiles() * kRun)),
        strip_(blocks_.together * positions() * lanes) {}

  static bool fits(const ConvCall& call);
  Status run(Parallel& pool) const;

 private:
  const ConvCall& call_;
  int64_t channels_, outs_;  // in whole vectors
  TileBlocks blocks_;
  int64_t input_plane_;
  int64_t strip_;  // the results of a block for a vector of output channels

  static constexpr int64_t kProductPlane = kTogether * kColumns + lanes;

  int64_t patch_rows() const { return 2 * blocks_.rows + 2; }
  int64_t patch_columns() const { return 2 * blocks_.across + 2; }
  int64_t positions() const { return round_up(2 * blocks_.rows * call_.out[2], lanes); }
  int64_t filters_of_group() const { return kProducts * outs_ * call_.channels; }
  uint64_t scratch_bytes() const {
    return sizeof(T) * uint64_t(patch_rows() * patch_columns() * lanes + kProducts * (input_plane_ + kProductPlane) +
                                kColumns / lanes * strip_ + positions() * lanes) +
           4096;
  }

  void transform_weights(T* to, int64_t g, int64_t out, int64_t channel, int64_t end) const;
  void transform_block(const TileBlock& block, int64_t g, Patch<T>& patch, T* inputs) const;
  void multiply(const TileBlock& block, const T* inputs, const T* filters, int64_t outs, T* products, T* strip) const;
  void gather(const TileBlock& block, int64_t tile, int64_t end, const T* products, int64_t outs, T* strip) const;
  void store_or_finish(int worker, const TileBlock& block, int64_t g, int64_t out, const T* strip, T* tile) const;
  void store_rows(const Tile& done, int64_t g) const;
};

inline bool Layer::fits(const ConvCall& call) {
  if (call.kernel[1] != kWinogradKernel || call.kernel[2] != kWinogradKernel) return false;
  if (min(call.channels, call.out_channels) < kWinogradChannels) return false;
  if (call.n * ceil_div(call.out[1], 2) * ceil_div(call.out[2], 2) < kLeastTiles) return false;
  return Layer(call).scratch_bytes() <= kScratchBytes;
}

/// Output channels out … out + lanes − 1, input channels channel … end − 1, in panels of two vectors
/// of output channels: [panel][product][channel][vector].
inline void Layer::transform_weights(T* to, int64_t g, int64_t out, int64_t channel, int64_t end) const {
  const int64_t panel = out / (2 * lanes) * 2 * lanes, wide = min(2 * lanes, outs_ - panel);
  const int count = int(min(lanes, call_.out_channels - out));
  const int64_t y = call_.w_k[1], x = call_.w_k[2];
  to += kProducts * panel * call_.channels + channel * wide + out - panel;
  // Nine contiguous taps, forwards or backwards: packed at once.
  const bool run = (x == 1 && y == 3) || (x == -1 && y == -3);
  const T* w = static_cast<const T*>(call_.w) + g * call_.w_g + out * call_.w_o;
  alignas(64) T taps[9 * lanes];
  for (; channel < end; ++channel, to += wide) {
    const T* from = w + channel * call_.w_c;
    if (run) {
      pack_panel(taps, x < 0 ? from - 8 : from, lanes, count, call_.w_o, 9, 1);
    } else {
      for (int i = 0; i < 3; ++i) pack_panel(taps + 3 * i * lanes, from + i * y, lanes, count, call_.w_o, 3, x);
    }
    Vec<T> filter[3][3];
    for (int i = 0; i < 9; ++i) filter[i / 3][i % 3] = load<T>(taps + (run && x < 0 ? 8 - i : i) * lanes);
    transform_filter<T, 3>(filter, to, wide * call_.channels);
  }
}

/// The inputs of all tiles of a block: [product][run of channels][tile][channel].
inline void Layer::transform_block(const TileBlock& block, int64_t g, Patch<T>& patch, T* inputs) const {
  patch.clear();
  for (int64_t c = 0; c < channels_; c += lanes) {
    T* to = inputs + c / kRun * blocks_.most_tiles() * kRun + c % kRun;
    for (int64_t image = block.first; image < block.last; ++image, to += block.of_image() * kRun) {
      patch.stage(plane_of(call_, image, g, c), 2 * block.top - call_.pad[1], -call_.pad[2],
                  int(min(lanes, call_.channels - c)));
      transform_inputs(patch, block.bottom - block.top, block.across, to, input_plane_, kRun);
    }
  }
}

/// The results of a block for some output channels, a few tiles at a time:
/// strip[vector][image][position][channel].
inline void Layer::multiply(const TileBlock& block, const T* inputs, const T* filters, int64_t outs, T* products,
                            T* strip) const {
  const RowPanels panels(block.tiles());
  const int64_t together = kTogether / panels.height;
  Products t;
  t.k = call_.channels;
  t.run_step = blocks_.most_tiles() * kRun;
  for (int64_t first = 0; first < panels.count; first += together) {
    const int64_t last = min(panels.count, first + together), tile = first * panels.height;
    for (int i = 0; i < kProducts; ++i)
      each_pair(outs, [&](int64_t j, int vectors) {
        t.b = filters + (kProducts * j + i * vectors * lanes) * call_.channels;
        for (int64_t p = first; p < last; ++p) {
          t.a = inputs + i * input_plane_ + p * panels.height * kRun;
          t.next = t.a + input_plane_;
          t.c = products + i * kProductPlane + (p - first) * panels.height * kColumns + j;
          instances.products[panels.height_of(p) - 1][vectors - 1](t);
        }
      });
    gather(block, tile, min(panels.rows, last * panels.height), products, outs, strip);
  }
}

/// Sums the products of tiles tile … end − 1 into their positions.
inline void Layer::gather(const TileBlock& block, int64_t tile, int64_t end, const T* products, int64_t outs,
                          T* strip) const {
  const int64_t height = call_.out[1], width = call_.out[2];
  int64_t x = tile % block.across, y = tile / block.across % (block.bottom - block.top);
  strip += tile / block.of_image() * positions() * lanes;
  for (; tile < end; ++tile, products += kColumns) {
    const bool right = 2 * x + 1 < width, below = 2 * (block.top + y) + 1 < height;
    T* to = strip + (2 * y * width + 2 * x) * lanes;
    for (int64_t o = 0; o < outs; o += lanes, to += strip_) {
      Vec<T> sums[2][2];
      transform_output<T, 2>(products + o, kProductPlane, sums);
      store<T>(to, sums[0][0]);
      if (right) store<T>(to + lanes, sums[0][1]);
      if (below) store<T>(to + width * lanes, sums[1][0]);
      if (below && right) store<T>(to + (width + 1) * lanes, sums[1][1]);
    }
    if (++x < block.across) continue;
    x = 0;
    if (++y < block.bottom - block.top) continue;
    y = 0;
    strip += positions() * lanes;
  }
}

/// Stores the results for one vector of output channels, or passes them on, one tile per image.
inline void Layer::store_or_finish(int worker, const TileBlock& block, int64_t g, int64_t out, const T* strip,
                                   T* tile) const {
  const int64_t height = call_.out[1], width = call_.out[2], y0 = 2 * block.top;
  const int64_t count = (min(height, 2 * block.bottom) - y0) * width, ld = round_up(count, lanes);
  Tile done{0, out, y0 * width, min(lanes, call_.out_channels - out), count, tile, ld};
  for (int64_t image = block.first; image < block.last; ++image, strip += positions() * lanes) {
    for (int64_t i = 0; i < count; i += lanes) {
      Vec<T> v[lanes];
#pragma GCC unroll 16
      for (int j = 0; j < lanes; ++j) v[j] = load<T>(strip + (i + j) * lanes);
      transpose<T>(v);
#pragma GCC unroll 16
      for (int j = 0; j < lanes; ++j) store<T>(tile + j * ld + i, v[j]);
    }
    done.batch = image * call_.groups + g;
    if (call_.y || call_.biased.y) {
      store_rows(done, g);
    } else {
      call_.epilogue.run(call_.epilogue.self, worker, done);
    }
  }
}

/// Row by row: planes of results are often 4 KB apart, which maps all of them to one set of L1.
inline void Layer::store_rows(const Tile& done, int64_t g) const {
  const BiasedResult& biased = call_.biased;
  const int64_t all = call_.out[1] * call_.out[2];
  const Vec<T> floor = broadcast<T>(least<T>(biased.rectified));
  const T* from = static_cast<const T*>(done.values);
  T* to =
      static_cast<T*>(biased.y ? biased.y : call_.y) + (done.batch * call_.out_channels + done.row) * all + done.col;
  for (int64_t row = done.row; row < done.row + done.rows; ++row, from += done.ld, to += all) {
    // Adding −0 changes no sum.
    const T bias = biased.y ? static_cast<const T*>(biased.bias)[g * biased.bias_g + row * biased.bias_o] : -T(0);
    const auto result = [&](int64_t i) { return at_least<T>(load<T>(from + i) + broadcast<T>(bias), floor); };
    int64_t i = 0;
    for (; i + lanes <= done.cols; i += lanes) store<T>(to + i, result(i));
    if (i < done.cols) store_first<T>(to + i, result(i), int(done.cols - i));
  }
}

inline Status Layer::run(Parallel& pool) const {
  const int64_t group = filters_of_group();
  const PackedCache::Room room = packed_room(call_.w_cache, pool, uint64_t(call_.groups * group) * sizeof(T));
  if (!room.memory) return Status::out_of_memory;
  T* filters = static_cast<T*>(room.memory);
  constexpr int64_t piece = 64;  // channels of a task
  const int64_t vectors = outs_ / lanes, pieces = ceil_div(call_.channels, piece);
  run_tasks(pool, room.filled ? 0 : call_.groups * vectors * pieces, [&](int64_t task, int) {
    const int64_t g = task / (vectors * pieces), channel = task % pieces * piece;
    transform_weights(filters + g * group, g, task / pieces % vectors * lanes, channel,
                      min(call_.channels, channel + piece));
  });

  run_tasks(pool, call_.groups * blocks_.count(), [&](int64_t task, int worker) {
    const int64_t g = task / blocks_.count();
    const TileBlock block(blocks_, task % blocks_.count());
    Scratch scratch(pool.scratch(worker));
    Patch<T> patch(scratch, patch_rows(), patch_columns());
    T* inputs = scratch.take<T>(kProducts * input_plane_);
    T* products = scratch.take<T>(kProducts * kProductPlane);
    T* strip = scratch.take<T>(kColumns / lanes * strip_);
    T* tile = scratch.take<T>(positions() * lanes);
    transform_block(block, g, patch, inputs);
    for (int64_t out = 0; out < outs_; out += kColumns) {
      const int64_t outs = min(kColumns, outs_ - out);
      multiply(block, inputs, filters + g * group + kProducts * out * call_.channels, outs, products, strip);
      for (int64_t v = 0; v < outs / lanes; ++v)
        store_or_finish(worker, block, g, out + v * lanes, strip + v * strip_, tile);
    }
  });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm::winograd
