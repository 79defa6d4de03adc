// Winograd's minimal filtering (winograd_tiles.h) as 16 matrix products per block of tiles:
//   layer     y = Σ_c x ∗ w, and gradients of x: tiles × channels times channels × output channels
//   gradient  of w, where x and the result's gradient run through all positions: output channels ×
//             tiles times tiles × channels, in pieces whose sums are added in order.
// float32 only: who asks for float64 asks for the last digits.
#include "winograd.h"

#include "winograd_tiles.h"

namespace gradus::GRADUS_ISA {
namespace gemm {
namespace {

using T = float;
constexpr int lanes = Lanes<T>::count;

/// Fewer channels, or fewer tiles, leave the transforms too large a part.
constexpr int64_t kLeastChannels = 32, kLeastTiles = 48;
/// Transformed operands of a block share a 2 MB L2: of a layer the inputs with the filters, of a gradient
/// both with the sums.
constexpr int64_t kInputBytes = int64_t{400} << 10, kOperandBytes = int64_t{800} << 10;
/// Of a block: fewer leave register tiles empty, more would not fit the scratch.
constexpr int64_t kFewTiles = 64, kMostTiles = 128;
/// Channels side by side in a row of transformed inputs, so short that the rows of a register tile are
/// constant offsets from one pointer: a line, where lines can be fetched ahead.
#if defined(__wasm__)
constexpr bool kFetches = false;
#else
constexpr bool kFetches = true;
#endif
constexpr int64_t kRun = kFetches ? 16 : 64;
/// Tiles and output channels whose products stay in L1 (28 KB), and share what they read: as many as a
/// register tile of AVX-512 has, and several of those that have fewer.
constexpr int64_t kTogether = 14, kColumns = 32;
static_assert(kMaxRows <= kTogether && kColumns % (2 * lanes) == 0, "a register tile fits");
/// Room for the sums of all pieces.
constexpr int64_t kPieceBytes = int64_t{16} << 20;

int64_t tiles_that_fit(int64_t per_tile, int64_t most_bytes) {
  return most_bytes / (kProducts * int64_t{sizeof(T)} * per_tile);
}

/// A distance between the 16 planes of products that does not map them all to one set of L1.
int64_t apart(int64_t size) { return size + lanes; }

/// An image of x, from a channel on.
Plane<T> plane_of(const ConvCall& call, int64_t image, int64_t g, int64_t channel) {
  return {static_cast<const T*>(call.x) + image * call.x_n + g * call.x_g + channel * call.x_c,
          call.in[1], call.in[2], call.x_s[1], call.x_s[2], call.x_c};
}

// ── register tiles ─────────────────────────────────────────────────────────────────────────────

/// c[i · kColumns + …] = Σ_k a(i, k) · b[k]: a in runs of kRun, `run_step` apart, rows kRun apart.
struct Products {
  const T *a, *b;
  const T* next;  // the first run of a tile after this one
  T* c;
  int64_t k, run_step;
};

/// Operands come from L2. All rows start new lines of a at once, which stalls longer than instructions can
/// be reordered: they are fetched a run ahead, as b is.
template <int MR, int NV>
void rows_of_runs(const Products& t) {
  static_assert(MR <= kRun, "a line of each row is fetched in a run");
  Vec<T> acc[MR][NV] = {};
  const T *run = t.a, *b = t.b;
  for (int64_t left = t.k; left > 0; left -= kRun) {
    const T* a = run;
    run += t.run_step;
    const T* next = left > kRun ? run : t.next;
    for (int64_t k = min(left, kRun); k > 0; --k, ++a, b += NV * lanes, next += kRun) {
      if constexpr (kFetches) {
        __builtin_prefetch(next);
#pragma GCC unroll 2
        for (int v = 0; v < NV * lanes; v += kRun) __builtin_prefetch(b + kRun * NV * lanes + v);
      }
      Vec<T> row[NV];
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) row[v] = load<T>(b + v * lanes);
#pragma GCC unroll 32
      for (int i = 0; i < MR; ++i) {
        const Vec<T> x = broadcast<T>(a[i * kRun]);
#pragma GCC unroll 2
        for (int v = 0; v < NV; ++v) acc[i][v] = fma(x, row[v], acc[i][v]);
      }
    }
  }
#pragma GCC unroll 32
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) store<T>(t.c + i * kColumns + v * lanes, acc[i][v]);
  }
}

/// c[i·c_row + …] += Σ_k a[k·a_step + i] · b[k·b_step + …].
struct Sums {
  const T *a, *b;
  T* c;
  int64_t k, a_step, b_step, c_row;
};

template <int MR, int NV>
void sums_of_tiles(const Sums& t) {
  Vec<T> acc[MR][NV] = {};
  const T *a = t.a, *b = t.b;
  for (int64_t k = t.k; k > 0; --k, a += t.a_step, b += t.b_step) {
    Vec<T> row[NV];
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) row[v] = load<T>(b + v * lanes);
#pragma GCC unroll 32
    for (int i = 0; i < MR; ++i) {
      const Vec<T> x = broadcast<T>(a[i]);
#pragma GCC unroll 2
      for (int v = 0; v < NV; ++v) acc[i][v] = fma(x, row[v], acc[i][v]);
    }
  }
#pragma GCC unroll 32
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < NV; ++v) {
      T* c = t.c + i * t.c_row + v * lanes;
      store<T>(c, load<T>(c) + acc[i][v]);
    }
  }
}

/// The instances, by rows − 1 and vectors − 1. (A template, as Clang evaluates its constructor before
/// the members of a plain class are complete.)
template <class>
struct Instances {
  void (*products[kMaxRows][2])(const Products&);
  void (*sums[kMaxRows][2])(const Sums&);
  constexpr Instances() : products{}, sums{} { rows<1>(); }

 private:
  template <int MR>
  constexpr void rows() {
    products[MR - 1][0] = rows_of_runs<MR, 1>;
    products[MR - 1][1] = rows_of_runs<MR, 2>;
    sums[MR - 1][0] = sums_of_tiles<MR, 1>;
    sums[MR - 1][1] = sums_of_tiles<MR, 2>;
    if constexpr (MR < kMaxRows) rows<MR + 1>();
  }
};
constexpr Instances<T> instances{};

/// Calls f(column, vectors) for pairs of vectors of columns.
template <class F>
void each_pair(int64_t columns, const F& f) {
  for (int64_t j = 0; j < columns; j += 2 * lanes) f(j, columns - j > lanes ? 2 : 1);
}

// ── layer ──────────────────────────────────────────────────────────────────────────────────────

class Layer {
 public:
  explicit Layer(const ConvCall& call)
      : call_(call), channels_(round_up(call.channels, lanes)),
        outs_(round_up(call.out_channels, lanes)),
        blocks_(call.n, call.out[1], call.out[2],
                max(kFewTiles, min(kMostTiles, tiles_that_fit(channels_, kInputBytes)))),
        input_plane_(apart(ceil_div(channels_, kRun) * blocks_.most_tiles() * kRun)),
        strip_(blocks_.together * positions() * lanes) {}

  static bool pays(const ConvCall& call);
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
    return sizeof(T) * uint64_t(patch_rows() * patch_columns() * lanes +
                                kProducts * (input_plane_ + kProductPlane) + kColumns / lanes * strip_ +
                                positions() * lanes) + 4096;
  }

  void transform_weights(T* to, int64_t g, int64_t out, int64_t channel, int64_t end) const;
  void transform_block(const TileBlock& block, int64_t g, Patch<T>& patch, T* inputs) const;
  void multiply(const TileBlock& block, const T* inputs, const T* filters, int64_t outs, T* products,
                T* strip) const;
  void gather(const TileBlock& block, int64_t tile, int64_t end, const T* products, int64_t outs,
              T* strip) const;
  void put(int worker, const TileBlock& block, int64_t g, int64_t out, const T* strip, T* tile) const;
  void store_rows(const Tile& done, int64_t g) const;
};

bool Layer::pays(const ConvCall& call) {
  if (call.kernel[1] != 3 || call.kernel[2] != 3) return false;
  if (min(call.channels, call.out_channels) < kLeastChannels) return false;
  if (call.n * ceil_div(call.out[1], 2) * ceil_div(call.out[2], 2) < kLeastTiles) return false;
  return Layer(call).scratch_bytes() <= kScratchBytes;
}

/// Output channels out … out + lanes − 1, input channels channel … end − 1, in panels of two vectors
/// of output channels: [panel][product][channel][vector].
void Layer::transform_weights(T* to, int64_t g, int64_t out, int64_t channel, int64_t end) const {
  const int64_t panel = out / (2 * lanes) * 2 * lanes, wide = min(2 * lanes, outs_ - panel);
  const int count = int(min(lanes, call_.out_channels - out));
  const int64_t y = call_.w_k[1], x = call_.w_k[2];
  to += kProducts * panel * call_.channels + channel * wide + out - panel;
  // Nine taps in one run, forwards or backwards: packed at once.
  const bool run = (x == 1 && y == 3) || (x == -1 && y == -3);
  const T* w = static_cast<const T*>(call_.w) + g * call_.w_g + out * call_.w_o;
  alignas(64) T taps[9 * lanes];
  for (; channel < end; ++channel, to += wide) {
    const T* from = w + channel * call_.w_c;
    if (run) {
      pack_panel(taps, x < 0 ? from - 8 : from, lanes, count, call_.w_o, 9, 1);
    } else {
      for (int i = 0; i < 3; ++i)
        pack_panel(taps + 3 * i * lanes, from + i * y, lanes, count, call_.w_o, 3, x);
    }
    Vec<T> filter[3][3];
    for (int i = 0; i < 9; ++i)
      filter[i / 3][i % 3] = load<T>(taps + (run && x < 0 ? 8 - i : i) * lanes);
    transform_filter<T, 3>(filter, to, wide * call_.channels);
  }
}

/// The inputs of all tiles of a block: [product][run of channels][tile][channel].
void Layer::transform_block(const TileBlock& block, int64_t g, Patch<T>& patch, T* inputs) const {
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
void Layer::multiply(const TileBlock& block, const T* inputs, const T* filters, int64_t outs, T* products,
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
void Layer::gather(const TileBlock& block, int64_t tile, int64_t end, const T* products, int64_t outs,
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

/// Stores the results for one vector of output channels, or hands them on, a tile per image.
void Layer::put(int worker, const TileBlock& block, int64_t g, int64_t out, const T* strip, T* tile) const {
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
      call_.sink.put(call_.sink.self, worker, done);
    }
  }
}

/// Row by row, as memory wants it: planes of results are often 4 KB apart, in one set of L1.
void Layer::store_rows(const Tile& done, int64_t g) const {
  const BiasedResult& biased = call_.biased;
  const int64_t all = call_.out[1] * call_.out[2];
  const Vec<T> floor = broadcast<T>(least<T>(biased.rectified));
  const T* from = static_cast<const T*>(done.values);
  T* to = static_cast<T*>(biased.y ? biased.y : call_.y) + (done.batch * call_.out_channels + done.row) * all + done.col;
  for (int64_t row = done.row; row < done.row + done.rows; ++row, from += done.ld, to += all) {
    // −0 changes no sum.
    const T bias = biased.y ? static_cast<const T*>(biased.bias)[g * biased.bias_g + row * biased.bias_o] : -T(0);
    const auto result = [&](int64_t i) { return at_least<T>(load<T>(from + i) + broadcast<T>(bias), floor); };
    int64_t i = 0;
    for (; i + lanes <= done.cols; i += lanes) store<T>(to + i, result(i));
    if (i < done.cols) store_first<T>(to + i, result(i), int(done.cols - i));
  }
}

Status Layer::run(Parallel& pool) const {
  const int64_t group = filters_of_group();
  const Keeper::Room room = packed_room(call_.w_keeper, pool, uint64_t(call_.groups * group) * sizeof(T));
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
        put(worker, block, g, out + v * lanes, strip + v * strip_, tile);
    }
  });
  return Status::ok;
}

// ── gradient of the weights ────────────────────────────────────────────────────────────────────

/// In the words of a ConvCall: images are input channels, channels are images, the kernel is the
/// gradient of the layer's result.
class WeightGradient {
 public:
  explicit WeightGradient(const ConvCall& call)
      : call_(call), columns_(round_up(call.n, lanes)),
        rows_(round_up(call.out_channels, lanes)),
        blocks_(call.channels, call.kernel[1], call.kernel[2],
                max(kFewTiles, min(kMostTiles, tiles_that_fit(columns_ + rows_, kOperandBytes)))),
        input_plane_(apart(blocks_.most_tiles() * columns_)),
        filter_plane_(apart(blocks_.most_tiles() * rows_)),
        sum_plane_(apart(call.out_channels * columns_)) {
    const int64_t bytes = kProducts * sum_plane_ * int64_t{sizeof(T)};
    pieces_ = max(1, min(min(8, blocks_.count()), kPieceBytes / (bytes * call.groups)));
  }

  static bool pays(const ConvCall& call);
  Status run(Parallel& pool) const;

 private:
  const ConvCall& call_;
  int64_t columns_, rows_;  // input and output channels, in whole vectors
  TileBlocks blocks_;
  int64_t input_plane_, filter_plane_, sum_plane_, pieces_;

  uint64_t scratch_bytes() const {
    return sizeof(T) * uint64_t((2 * blocks_.rows + 2) * (2 * blocks_.across + 2) * 2 * lanes +
                                kProducts * (input_plane_ + filter_plane_)) + 4096;
  }
  void add_block(const TileBlock& block, int64_t g, void* room, T* sums) const;
  void put(int worker, int64_t g, int64_t column, int64_t row, int64_t rows, const T* sums,
           T* values) const;
};

bool WeightGradient::pays(const ConvCall& call) {
  if (call.out[1] != 3 || call.out[2] != 3) return false;
  if (min(call.n, call.out_channels) < kLeastChannels) return false;
  if (call.channels * ceil_div(call.kernel[1], 2) * ceil_div(call.kernel[2], 2) < 4 * kLeastTiles)
    return false;
  return WeightGradient(call).scratch_bytes() <= kScratchBytes;
}

/// Adds the products of a block of tiles: sums[product][output channel][input channel].
void WeightGradient::add_block(const TileBlock& block, int64_t g, void* room, T* sums) const {
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
      const Plane<T> plane{w + o * call_.w_o, call_.kernel[1], call_.kernel[2],
                           call_.w_k[1], call_.w_k[2], call_.w_o};
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

/// Adds the pieces, first to last, for a vector of input channels and some output channels, into
/// values[input channel][output channel][3 × 3].
void WeightGradient::put(int worker, int64_t g, int64_t column, int64_t row, int64_t rows,
                         const T* sums, T* values) const {
  for (int64_t r = 0; r < rows; ++r) {
    alignas(64) T total[kProducts * lanes], taps[9 * lanes];
    for (int i = 0; i < kProducts; ++i) {
      const T* from = sums + i * sum_plane_ + (row + r) * columns_ + column;
      Vec<T> sum = load<T>(from);
      for (int64_t p = 1; p < pieces_; ++p) sum = sum + load<T>(from + p * kProducts * sum_plane_);
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
      call_.sink.put(call_.sink.self, worker, Tile{n, row, 0, rows, 9, from, 9});
    }
  }
}

Status WeightGradient::run(Parallel& pool) const {
  const int64_t piece = kProducts * sum_plane_;
  T* sums = static_cast<T*>(pool.workspace(uint64_t(call_.groups * pieces_ * piece) * sizeof(T)));
  if (!sums) return Status::out_of_memory;
  run_tasks(pool, call_.groups * pieces_, [&](int64_t task, int worker) {
    const int64_t g = task / pieces_, p = task % pieces_;
    fill_zero(sums + task * piece, piece);
    for (int64_t b = blocks_.count() * p / pieces_; b < blocks_.count() * (p + 1) / pieces_; ++b)
      add_block(TileBlock(blocks_, b), g, pool.scratch(worker), sums + task * piece);
  });

  constexpr int64_t strip = 16;  // output channels of a task
  const int64_t across = columns_ / lanes, down = ceil_div(call_.out_channels, strip);
  run_tasks(pool, call_.groups * across * down, [&](int64_t task, int worker) {
    const int64_t g = task / (across * down), row = task % down * strip;
    put(worker, g, task / down % across * lanes, row, min(strip, call_.out_channels - row),
        sums + g * pieces_ * piece, static_cast<T*>(pool.scratch(worker)));
  });
  return Status::ok;
}

}  // namespace
}  // namespace gemm

namespace {

enum class Way { none, layer, weight_gradient };

Way way(const ConvCall& call) {
  if (call.dtype != DType::f32) return Way::none;
  for (int d = 0; d < 3; ++d)
    if (call.stride[d] != 1 || call.in_dilation[d] != 1 || call.kernel_dilation[d] != 1)
      return Way::none;
  if (call.in[0] != 1 || call.kernel[0] != 1 || call.out[0] != 1 || call.pad[0] != 0)
    return Way::none;
  if (gemm::Layer::pays(call)) return Way::layer;
  return gemm::WeightGradient::pays(call) ? Way::weight_gradient : Way::none;
}

}  // namespace

bool winograd_pays(const ConvCall& call) { return way(call) != Way::none; }

Status winograd(const ConvCall& call, Parallel& pool) {
  return way(call) == Way::layer ? gemm::Layer(call).run(pool)
                                 : gemm::WeightGradient(call).run(pool);
}

}  // namespace gradus::GRADUS_ISA
