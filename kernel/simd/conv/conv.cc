// Convolutions as implicit matrix products over a staged copy of x (geometry.h). Rows are output
// channels, k runs over channels and kernel positions, and the columns are one of
//   by position  the output positions of one image: forward passes and input gradients;
//   by image     (position, image) pairs, images fastest, with k cut into pieces whose sums are
//                added in order: weight gradients, where the "kernel" is the whole output and the
//                "output" a few kernel positions, and other convolutions with few positions.
// Other ways come first where they pay: exchanged roles (exchange.h), vectors of the contraction
// (batch_dots.h), one image per lane (batch_lanes.h). Geometry too wide for any of them is summed as the
// definition says (direct.h).
#include "simd/gemm/gemm.h"

#include "direct.h"
#include "batch_dots.h"
#include "exchange.h"
#include "batch_innermost.h"
#include "batch_lanes.h"
#include "geometry.h"
#include "lane_sums.h"
#include "simd/gemm/micro_kernel.h"
#include "winograd.h"

namespace gradus::GRADUS_ISA {
namespace gemm {
namespace {

/// Staged x of one step: a quarter of a 2 MB L2 is enough to amortise everything around it.
constexpr int64_t kStageBytes = int64_t{512} << 10;
/// The most that is staged at once when it cannot be cut further.
constexpr int64_t kStageLimit = int64_t{1} << 20;
/// A task's tile of results stays in L2 beside it.
constexpr int64_t kTileBytes = int64_t{1} << 20;
/// Depth of one step: a panel of w (14 rows of f32: 35 KB) stays in a 48 KB L1.
constexpr int64_t kStepDepth = 640;
/// The most vectors of columns of a task: their lists take some 80 B each.
constexpr int64_t kMostVectors = 8192;
/// The most kernel positions times channels that one staged region covers.
constexpr int64_t kRegionDepth = int64_t{1} << 16;

/// Up to so many vectors of columns, rows of w at least so long are cheaper read where they are
/// than packed first.
constexpr int64_t kFewVectors = 20, kLongRun = 48;

/// A vector of columns: where it is staged, where it goes, how many of its lanes count.
struct Columns {
  int32_t source, target, count;
};

/// The columns of one residue: a list of vectors, with a place for each lane where the lanes do not
/// lie side by side in the result; and where the rows of B begin.
struct Columnar {
  Columns* vectors;
  int32_t* places;  // [vector][lane], −1 for none; nullptr where lanes are neighbours
  int32_t* offset;  // of row k of B
  int64_t count, taps;
};

template <class T>
class Convolution {
 public:
  Convolution(const ConvCall& call, Parallel& pool)
      : call_(call), pool_(pool), x_(static_cast<const T*>(call.x)),
        w_(static_cast<const T*>(call.w)), y_(static_cast<T*>(call.y)),
        outs_(volume(call.out)), taps_(volume(call.kernel)) {}

  Status run() {
    for (int d = 0; d < 3; ++d) axes_[d] = Axis(call_, d, true);
    // By image, columns come as a result with its images last wants them.
    if (!call_.images_last && plan_by_position()) return by_position();
    for (int d = 0; d < 3; ++d) axes_[d] = Axis(call_, d, false);
    if (!plan_sums() && !plan_dots()) plan_by_image();
    return by_image();
  }

 private:
  static constexpr int lanes = Lanes<T>::count;
  static constexpr int64_t stage_size = kStageBytes / int64_t{sizeof(T)};
  static constexpr int64_t stage_limit = kStageLimit / int64_t{sizeof(T)};
  static constexpr int64_t tile_size = kTileBytes / int64_t{sizeof(T)};

  const ConvCall& call_;
  Parallel& pool_;
  const T* x_;
  const T* w_;
  T* y_;
  int64_t outs_, taps_;
  Axis axes_[3];
  Grid positions_, kernel_;         // boxes of output and of kernel positions
  int64_t rows_ = 0;                // output channels of a task
  int64_t inner_ = 1;               // images of a task (by image)
  int64_t channels_ = 0;            // channels staged at once
  int64_t pieces_ = 1;              // of k (by image)
  enum class Along { columns, depth, rows } lanes_ = Along::columns;  // (by image)

  bool plan_by_position();
  Status by_position();
  Columnar columns_of(Scratch& scratch, const Region& region, const int64_t* r, const int64_t* p0,
                      const int64_t* stride) const;
  bool flat(const int64_t* size, const Region& region) const;
  void multiply(T* c, int64_t c_row, const T* a, int64_t k, int64_t row0, int64_t rows, const T* staged,
                const Columnar& columns, T* corner, bool accumulate, const T* bias) const;
  void pack_weights(T* to, Scratch scratch, int64_t g, int64_t c, int64_t channels) const;
  void plan_by_image();
  bool plan_dots();
  bool plan_sums();
  void plan_whole(Along along, const int64_t* taps);
  void plan_pieces(int64_t rows, int64_t columns);
  Status by_image();
  struct Part;
  Part part_of(int64_t block) const;
  void deliver_columns(const Part& b, int64_t row, int64_t rows, int worker, const T* total,
                       int64_t ld) const;
  void multiply_row(Block<T>& t, const Part& b, const Region& region, const T* staged, T* c,
                    int most, const Kernel<T>* instances) const;
  void sum_products(T* c, const Part& b, int64_t piece, void* room) const;
  void sum_dots(T* c, const Part& b, int64_t piece, void* room) const;
  void sum_lanes(T* c, const Part& b, int64_t piece, void* room) const;

  Region region_of(const int64_t* p_box, const int64_t* q_box, int64_t inner) const {
    static constexpr int64_t zero[3] = {0, 0, 0};
    return Region(axes_, zero, p_box, zero, q_box, inner);
  }
  /// Columns of rows of `run` elements of a region.
  int64_t vectors(const int64_t* p, int64_t inner) const {
    return p[0] * p[1] * ceil_div(p[2] * inner, lanes);
  }
};

// ── by position ────────────────────────────────────────────────────────────────────────────────

/// Chooses boxes; false where columns by image suit better.
template <class T>
bool Convolution<T>::plan_by_position() {
  int64_t whole[3], box[3];
  for (int d = 0; d < 3; ++d) whole[d] = box[d] = axes_[d].positions;
  const int64_t residues = axes_[0].residues * axes_[1].residues * axes_[2].residues;
  if (residues > kMostVectors / 4) return false;
  const int64_t images = call_.n * call_.groups;
  const int64_t work = outs_ * call_.out_channels * call_.channels * taps_ / residues;

  // Few positions per image, or a long k and little else: by image.
  const Region all = region_of(whole, call_.kernel, 1);
  const int64_t flat = whole[0] * ceil_div((whole[1] - 1) * all.w[1].step + whole[2], lanes);
  const int64_t here = call_.n * min(flat, vectors(whole, 1));
  const int64_t there = whole[0] * whole[1] * ceil_div(whole[2] * call_.n, lanes);
  if (residues == 1) {
    if (here >= 2 * there) return false;
    if (call_.channels * taps_ >= 64 * call_.n * outs_) return false;
  }

  rows_ = RowPanels(min(call_.out_channels, 256)).height;
  rows_ = max(rows_, 256 / rows_ * rows_);
  for (;;) {
    const int64_t staged = region_of(box, call_.kernel, 1).channel;
    const int64_t tile = min(rows_, call_.out_channels) * volume(box) * residues;
    const int64_t tasks = images * Grid(whole, box).boxes() * ceil_div(call_.out_channels, rows_);
    const bool large = staged > stage_size || tile > tile_size ||
                       vectors(box, 1) * residues > kMostVectors;
    // A task of its own has 2²² multiplications or more, and columns for a full tile.
    const bool lonely = tasks < 16 && work * images / max(1, tasks) > int64_t{1} << 22 &&
                        vectors(box, 1) >= 2 * max_vectors(RowPanels(rows_).height);
    if (!large && !lonely) break;
    if (!halve(box, large ? 1 : lanes)) break;
  }
  const int64_t staged = region_of(box, call_.kernel, 1).channel;
  if (staged > stage_limit || taps_ > kRegionDepth ||
      min(rows_, call_.out_channels) * volume(box) * residues > tile_size)
    return false;
  positions_ = Grid(whole, box);
  // Where windows reach far beyond a box, as with large dilations, every box stages mostly what it leaves out.
  if (positions_.boxes() > 1 && staged > 4 * volume(box) * taps_) return false;
  channels_ = max(1, min(call_.channels, min(stage_size / max(1, staged), kStepDepth / taps_)));
  channels_ = ceil_div(max(1, call_.channels), ceil_div(max(1, call_.channels), channels_));
  return true;
}

/// The weights of one group for channels c … c + channels − 1, as the kernels want them:
/// [residue][row panel][k][row].
template <class T>
void Convolution<T>::pack_weights(T* to, Scratch scratch, int64_t g, int64_t c,
                                  int64_t channels) const {
  const RowPanels panels(call_.out_channels);
  int64_t* offset = scratch.take<int64_t>(channels * taps_);
  Region region = region_of(positions_.box, call_.kernel, 1);
  region.tabulate(scratch);
  const T* w = w_ + g * call_.w_g + c * call_.w_c;
  each_residue(axes_, [&](const int64_t* r) {
    int64_t depth = 0;
    for (int64_t i = 0; i < channels; ++i)
      region.each_tap(r, [&](int64_t, const int64_t* q) {
        offset[depth++] = i * call_.w_c + q[0] * call_.w_k[0] + q[1] * call_.w_k[1] +
                          q[2] * call_.w_k[2];
      });
    for (int64_t p = 0; p < panels.count; ++p) {
      const int height = panels.height_of(p);
      pack_gathered(to, w + p * panels.height * call_.w_o, height, call_.w_o, depth, offset);
      to += height * depth;
    }
  });
}

/// Narrow rows fill vectors badly: then a plane is one run, the columns between rows in vain.
template <class T>
bool Convolution<T>::flat(const int64_t* size, const Region& region) const {
  const int64_t plane = size[1] > 0 ? (size[1] - 1) * region.w[1].step + size[2] : 0;
  return size[2] > 0 && 4 * ceil_div(size[2], lanes) * size[1] >= 5 * ceil_div(plane, lanes);
}

/// The columns of one residue of a box that starts at p0, in a result of the given strides.
template <class T>
Columnar Convolution<T>::columns_of(Scratch& scratch, const Region& region, const int64_t* r,
                                    const int64_t* p0, const int64_t* stride) const {
  const Window* w = region.w;
  Columnar result;
  int64_t size[3], step[3];  // positions of this residue, and their distance in the result
  int64_t start = 0;
  for (int d = 0; d < 3; ++d) {
    size[d] = max(0, axes_[d].clip(w[d].p1, r[d]) - w[d].p0);
    step[d] = axes_[d].residues * stride[d];
    start += (w[d].p0 * axes_[d].residues + r[d] - p0[d]) * stride[d];
  }
  const int64_t plane = size[1] > 0 ? (size[1] - 1) * w[1].step + size[2] : 0;
  const bool flat = this->flat(size, region);
  const int64_t runs = volume(size) == 0 ? 0 : flat ? size[0] : size[0] * size[1];
  const int64_t length = flat ? plane : size[2];

  result.count = runs * ceil_div(length, lanes);
  result.vectors = scratch.take<Columns>(result.count);
  result.places = flat || step[2] != 1 ? scratch.take<int32_t>(result.count * lanes) : nullptr;
  int64_t i = 0;
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t z = flat ? run : run / size[1], y = flat ? 0 : run % size[1];
    for (int64_t x = 0; x < length; x += lanes, ++i) {
      const int64_t to = start + z * step[0] + y * step[1];
      result.vectors[i] = {int32_t(z * w[0].step + y * w[1].step + x), int32_t(to + x),
                           int32_t(min(lanes, length - x))};
      if (!result.places) continue;
      for (int64_t l = 0; l < lanes; ++l) {
        const int64_t row = flat ? (x + l) / w[1].step : 0, col = x + l - row * w[1].step;
        result.places[i * lanes + l] =
            col < size[2] && row < size[1] ? int32_t(to + row * step[1] + col * step[2]) : -1;
      }
    }
  }

  result.taps = axes_[0].taps(r[0]) * axes_[1].taps(r[1]) * axes_[2].taps(r[2]);
  result.offset = scratch.take<int32_t>(channels_ * result.taps);
  int64_t k = 0;
  for (int64_t c = 0; c < channels_; ++c)
    region.each_tap(r, [&](int64_t at, const int64_t*) {
      result.offset[k++] = int32_t(c * region.channel + at);
    });
  return result;
}

/// c (+)= packed weights × the columns of one residue, which lie in rows where there is a bias.
template <class T>
void Convolution<T>::multiply(T* c, int64_t c_row, const T* a, int64_t k, int64_t row0, int64_t rows,
                              const T* staged, const Columnar& columns, T* corner, bool accumulate,
                              const T* bias) const {
  const RowPanels panels(call_.out_channels);
  const int most = max_vectors(panels.height);
  const int32_t* places = columns.places;
  Block<T> t;
  t.k = k;
  t.b_offset = columns.offset;
  t.accumulate = accumulate && !places;
  t.bias_step = call_.biased.bias_o;
  t.rectified = call_.biased.rectified;
  for (int64_t row = row0; row < row0 + rows; row += panels.height) {
    const int height = panels.height_of(row / panels.height);
    T* to = c + (row - row0) * c_row;
    t.a = a + row * k;
    t.bias = bias ? bias + row * t.bias_step : nullptr;
    for (int64_t j = 0; j < columns.count; j += most) {
      const int nv = int(min(most, columns.count - j));
      t.c_row = places ? nv * lanes : c_row;
      for (int v = 0; v < nv; ++v) {
        const Columns& column = columns.vectors[j + v];
        t.b[v] = staged + column.source;
        t.c[v] = places ? corner + v * lanes : to + column.target;
        t.count[v] = places ? lanes : column.count;
      }
      Kernels<T>::all.packed[height - 1][nv - 1](t);
      if (!places) continue;
      for (int i = 0; i < height; ++i)
        for (int v = 0; v < nv; ++v)
          scatter<T>(to + i * c_row, places + (j + v) * lanes,
                     load<T>(corner + (i * nv + v) * lanes), accumulate);
    }
  }
}

template <class T>
Status Convolution<T>::by_position() {
  const ConvCall& call = call_;
  const int64_t steps = ceil_div(call.channels, channels_), depth = call.channels * taps_;
  const int64_t weights = call.out_channels * depth;  // of one group
  const Keeper::Room room =
      packed_room(call.w_keeper, pool_, uint64_t(max(1, call.groups * weights)) * sizeof(T));
  if (!room.memory) return Status::out_of_memory;
  T* packed = static_cast<T*>(room.memory);
  run_tasks(pool_, room.filled ? 0 : call.groups * steps, [&](int64_t task, int worker) {
    const int64_t g = task / steps, c = task % steps * channels_;
    pack_weights(packed + g * weights + c * taps_ * call.out_channels,
                 Scratch(pool_.scratch(worker)), g, c, min(channels_, call.channels - c));
  });

  const RowPanels panels(call.out_channels);
  const int64_t down = ceil_div(call.out_channels, rows_), boxes = positions_.boxes();
  const int64_t images = call.n * call.groups;
  // Images of a task: some 2²⁰ multiplications, beside which its tables do not show.
  const int64_t work = max(1, volume(positions_.box) * rows_ * depth);
  const int64_t together = max(1, min(images / 32, (int64_t{1} << 20) / work));
  const int64_t batches = ceil_div(images, together);
  const int64_t residues[3] = {axes_[0].residues, axes_[1].residues, axes_[2].residues};

  run_tasks(pool_, batches * down * boxes, [&](int64_t task, int worker) {
    Scratch scratch(pool_.scratch(worker));
    const int64_t first = task / (down * boxes) * together, last = min(images, first + together);
    const int64_t row0 = task / boxes % down * rows_;
    const int64_t rows = min(rows_, call.out_channels - row0);
    int64_t b0[3], b1[3], p0[3], p1[3], size[3];  // the box in p′ and in p
    positions_.at(task % boxes, b0, b1);
    for (int d = 0; d < 3; ++d) {
      p0[d] = b0[d] * residues[d];
      p1[d] = min(call.out[d], b1[d] * residues[d]);
      size[d] = p1[d] - p0[d];
    }
    static constexpr int64_t zero[3] = {0, 0, 0};
    Region region(axes_, b0, b1, zero, call.kernel, 1);
    region.tabulate(scratch);
    T* staged = scratch.take<T>(channels_ * region.channel + lanes);
    // The result's place: y, or a tile, dense over the box.
    const bool biased = call.biased.y && volume(residues) == 1 && !flat(size, region);
    T* y = biased ? static_cast<T*>(call.biased.y) : y_;
    T* tile = scratch.take<T>(y ? 0 : rows * volume(size));
    T* corner = scratch.take<T>(kMaxRows * kMaxVectors * lanes);
    const int64_t* extent = y ? call.out : size;
    const int64_t stride[3] = {extent[1] * extent[2], extent[2], 1};
    const int64_t c_row = volume(extent);
    Columnar* columnar = scratch.take<Columnar>(volume(residues));
    int64_t i = 0;
    each_residue(axes_, [&](const int64_t* r) {
      columnar[i++] = columns_of(scratch, region, r, p0, stride);
    });

    for (int64_t image = first; image < last; ++image) {
      const int64_t n = image / call.groups, g = image % call.groups;
      T* c = y ? y + (image * call.out_channels + row0) * outs_ + p0[0] * stride[0] +
                     p0[1] * stride[1] + p0[2]
               : tile;
      for (int64_t from = 0; from < max(1, call.channels) && !pool_.interrupted(); from += channels_) {
        const int64_t channels = min(channels_, call.channels - from);
        stage(staged, x_ + n * call.x_n + g * call.x_g + from * call.x_c, call, region, channels,
              call.x_c, image == first && from == 0);
        const T* a = packed + g * weights + from * taps_ * call.out_channels;
        const T* bias = biased && from + channels >= call.channels
                            ? static_cast<const T*>(call.biased.bias) + g * call.biased.bias_g
                            : nullptr;
        for (int64_t j = 0; j < volume(residues); ++j) {
          const int64_t k = channels * columnar[j].taps;
          multiply(c, c_row, a, k, row0, rows, staged, columnar[j], corner, from > 0, bias);
          a += k * call.out_channels;
        }
      }
      if (!y) deliver(call, worker, n, g, row0, rows, p0, p1, tile);
    }
  });
  return Status::ok;
}

// ── by image ───────────────────────────────────────────────────────────────────────────────────

template <class T>
void Convolution<T>::plan_by_image() {
  rows_ = RowPanels(min(call_.out_channels, 256)).height;
  rows_ = max(rows_, 256 / rows_ * rows_);
  int64_t whole[3], box[3], taps[3];
  for (int d = 0; d < 3; ++d) {
    whole[d] = box[d] = call_.out[d];
    taps[d] = call_.kernel[d];
  }
  inner_ = min(call_.n, 64);
  const int64_t rows = min(rows_, call_.out_channels);
  while (rows * vectors(box, inner_) * lanes > tile_size / 2 && (halve(box, 4) || inner_ > 1))
    if (volume(box) <= 4 && inner_ > 1) inner_ = (inner_ + 1) / 2;
  while (region_of(box, taps, inner_).channel > stage_size && halve(taps, 1)) {}
  while (region_of(box, taps, inner_).channel > stage_limit && (halve(box, 1) || inner_ > 1))
    if (volume(box) == 1) inner_ = (inner_ + 1) / 2;
  while (volume(taps) > kRegionDepth) halve(taps, 1);
  positions_ = Grid(whole, box);
  kernel_ = Grid(call_.kernel, taps);
  const int64_t staged = region_of(box, taps, inner_).channel;
  channels_ = max(1, min(call_.channels, min(stage_size / staged, kRegionDepth / volume(taps))));

  plan_pieces(rows, volume(box) * inner_);
}

/// Cuts k into pieces, enough for many workers, each with some 2²⁰ multiplications of its own.
template <class T>
void Convolution<T>::plan_pieces(int64_t rows, int64_t columns) {
  const int64_t blocks = call_.groups * ceil_div(call_.out_channels, rows_) *
                         ceil_div(call_.n, inner_) * positions_.boxes();
  const int64_t work = rows * columns * call_.channels * taps_;
  const int64_t wanted = max(1, min(ceil_div(64, blocks), work >> 20));
  // Fewer channels at once where regions alone would give too few pieces.
  channels_ = max(1, min(channels_, call_.channels * kernel_.boxes() / wanted));
  pieces_ = max(1, min(wanted, ceil_div(call_.channels, channels_) * kernel_.boxes()));
}

/// All results in one block, and k in boxes of kernel positions of one channel.
template <class T>
void Convolution<T>::plan_whole(Along along, const int64_t* taps) {
  lanes_ = along;
  rows_ = call_.out_channels;
  inner_ = call_.n;
  positions_ = Grid(call_.out, call_.out);
  kernel_ = Grid(call_.kernel, taps);
  channels_ = 1;
  plan_pieces(rows_, call_.n * outs_);
}

/// Few columns (one input channel, depthwise) leave most lanes empty: then rows of w and of staged
/// x are multiplied along k, the roles of output and kernel positions exchanged. False where
/// columns fill vectors better, or w does not lie in rows.
template <class T>
bool Convolution<T>::plan_dots() {
  const int64_t columns = call_.n * outs_, length = call_.kernel[2];
  if (call_.w_k[2] != 1 || columns > 256 || call_.out_channels * columns * lanes > tile_size / 2)
    return false;
  const int64_t products = vectors(call_.out, call_.n) * lanes;
  // 5/2: dots load more per multiplication, and most of it across cache lines.
  if (columns * ceil_div(length, lanes) * lanes * 5 > products * length * 2) return false;
  int64_t taps[3];
  for (int d = 0; d < 3; ++d) {
    taps[d] = call_.kernel[d];
    axes_[d] = axes_[d].exchanged();
  }
  const auto staged = [&] { return call_.n * region_of(taps, call_.out, 1).channel; };
  while (staged() > stage_size && halve(taps, 4 * lanes)) {}
  if (staged() > stage_limit) {
    for (int d = 0; d < 3; ++d) axes_[d] = axes_[d].exchanged();
    return false;
  }
  plan_whole(Along::depth, taps);
  return true;
}

/// Few columns again, where rows fill vectors and other ways take more cycles for an element of k: here
/// some 0.6 for a column and 5 to transpose w; by columns half a one for a row and a vector; dots
/// some 1.3 for a row, a column and a vector of k.
template <class T>
bool Convolution<T>::plan_sums() {
  const int64_t columns = call_.n * outs_, across = ceil_div(call_.out_channels, lanes);
  if (call_.w_k[2] != 1 || columns < 8 || columns > 256 || columns * across * lanes > tile_size / 2) return false;
  if (4 * call_.out_channels < 3 * across * lanes) return false;
  if (axes_[0].zeros * axes_[1].zeros * axes_[2].zeros != 1) return false;
  const double rows = double(call_.out_channels), length = double(call_.kernel[2]);
  const double here = double(across) * (0.6 * double(columns) + 5);
  const double by_columns = 0.5 * rows * double(vectors(call_.out, call_.n));
  const double by_dots = 1.3 * rows * double(columns * ceil_div(call_.kernel[2], lanes)) / length;
  if (here >= by_columns || here >= by_dots) return false;
  int64_t taps[3];
  for (int d = 0; d < 3; ++d) taps[d] = call_.kernel[d];
  const auto large = [&] {
    int64_t size[3];
    for (int d = 0; d < 3; ++d)
      size[d] = (call_.out[d] - 1) * axes_[d].stride + (taps[d] - 1) * axes_[d].dilation + 1;
    return max(call_.n * volume(size), volume(taps) * across * lanes) > stage_size;
  };
  while (large())
    if (!halve(taps, 1)) return false;
  plan_whole(Along::rows, taps);
  return true;
}

/// A block of the result: rows of a group, images, a box of positions.
template <class T>
struct Convolution<T>::Part {
  int64_t g, row, rows, image, images, p0[3], p1[3], size[3];
  int64_t run;  // (position, image) pairs of a row of positions, in whole vectors
};

template <class T>
typename Convolution<T>::Part Convolution<T>::part_of(int64_t block) const {
  const int64_t down = ceil_div(call_.out_channels, rows_), across = ceil_div(call_.n, inner_);
  Part b;
  positions_.at(block % positions_.boxes(), b.p0, b.p1);
  block /= positions_.boxes();
  b.image = block % across * inner_;
  b.images = min(inner_, call_.n - b.image);
  block /= across;
  b.row = block % down * rows_;
  b.rows = min(rows_, call_.out_channels - b.row);
  b.g = block / down;
  for (int d = 0; d < 3; ++d) b.size[d] = b.p1[d] - b.p0[d];
  b.run = round_up(b.size[2] * b.images, lanes);
  return b;
}

/// A panel of rows by all columns: vectors in order, whatever rows of positions they belong to.
template <class T>
void Convolution<T>::multiply_row(Block<T>& t, const Part& b, const Region& region, const T* staged,
                                  T* c, int most, const Kernel<T>* instances) const {
  const int64_t per_row = b.run / lanes, all = b.size[0] * b.size[1] * per_row;
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

/// One piece of k by register tiles of (position, image) columns.
template <class T>
void Convolution<T>::sum_products(T* c, const Part& b, int64_t piece, void* room) const {
  const ConvCall& call = call_;
  const int64_t q_boxes = kernel_.boxes(), units = ceil_div(call.channels, channels_) * q_boxes;
  const int64_t ld = vectors(positions_.box, inner_) * lanes;
  bool begun = false;
  for (int64_t unit = units * piece / pieces_; unit < units * (piece + 1) / pieces_ && !pool_.interrupted(); ++unit) {
    Scratch scratch(room);
    const int64_t from = unit / q_boxes * channels_;
    const int64_t channels = min(channels_, call.channels - from);
    int64_t q0[3], q1[3];
    kernel_.at(unit % q_boxes, q0, q1);
    Region region(axes_, b.p0, b.p1, q0, q1, b.images);
    region.tabulate(scratch);
    const int64_t taps = (q1[0] - q0[0]) * (q1[1] - q0[1]) * (q1[2] - q0[2]);
    const int64_t depth = channels * taps;
    T* staged = scratch.take<T>(channels * region.channel + lanes);
    // Where few columns meet w and w lies in rows, it is not packed: steps are runs of its rows.
    const int64_t q_size[3] = {q1[0] - q0[0], q1[1] - q0[1], q1[2] - q0[2]};
    const bool rows = b.size[0] * b.size[1] * (b.run / lanes) <= kFewVectors && taps >= kLongRun &&
                      call.w_k[2] == 1 && (q_size[1] == 1 || call.w_k[1] == q_size[2]) &&
                      (q_size[0] == 1 || call.w_k[0] == q_size[1] * q_size[2]);
    const int64_t listed = rows ? 1 : channels;  // rows of all channels look alike
    int32_t* b_offset = scratch.take<int32_t>(listed * taps);
    int64_t* w_offset = scratch.take<int64_t>(listed * taps);
    T* a = scratch.take<T>(kMaxRows * kStepDepth + lanes);
    stage(staged, x_ + b.image * call.x_n + b.g * call.x_g + from * call.x_c, call, region,
          channels, call.x_c, true);
    int64_t k = 0;
    static constexpr int64_t only[3] = {0, 0, 0};
    for (int64_t i = 0; i < listed; ++i)
      region.each_tap(only, [&](int64_t at, const int64_t* q) {
        b_offset[k] = int32_t(i * region.channel + at);
        w_offset[k++] = (from + i) * call.w_c + q[0] * call.w_k[0] + q[1] * call.w_k[1] +
                        q[2] * call.w_k[2];
      });

    const RowPanels panels = rows ? RowPanels(call.out_channels, Kernels<T>::direct_rows)
                                  : RowPanels(call.out_channels);
    const int64_t cuts = ceil_div(taps, kStepDepth);  // of a channel's rows
    const T* w = w_ + b.g * call.w_g + b.row * call.w_o;
    for (int64_t k0 = 0, step = 0; k0 < depth; ++step) {
      const int64_t channel = rows ? step / cuts : 0, first = k0 - channel * taps;
      const int64_t end = rows ? channel * taps + taps * (step % cuts + 1) / cuts
                               : min(depth, k0 + kStepDepth);
      for (int64_t row = 0; row < b.rows; row += panels.height) {
        const int height = panels.height_of((b.row + row) / panels.height);
        const T* from_w = w + row * call.w_o + channel * call.w_c;
        if (!rows) pack_gathered(a, from_w, height, call.w_o, end - k0, w_offset + k0);
        Block<T> t;
        t.k = end - k0;
        t.a = rows ? from_w + w_offset[first] : a;
        t.a_row = call.w_o;
        t.b_offset = b_offset + first;
        t.c_row = ld;
        t.accumulate = begun;
        multiply_row(t, b, region, staged + channel * region.channel, c + row * ld,
                     max_vectors(panels.height),
                     rows ? Kernels<T>::all.unpacked[height - 1] : Kernels<T>::all.packed[height - 1]);
      }
      k0 = end, begun = true;
    }
  }
  if (!begun) fill_zero(c, b.rows * ld);
}

/// One piece of k along the lanes.
template <class T>
void Convolution<T>::sum_dots(T* c, const Part& b, int64_t piece, void* room) const {
  const ConvCall& call = call_;
  const int64_t q_boxes = kernel_.boxes(), units = call.channels * q_boxes;
  const int64_t ld = vectors(positions_.box, inner_) * lanes, columns = call.n * outs_;
  Scratch outer(room);
  T* acc = outer.take<T>(b.rows * columns * lanes);
  fill_zero(acc, b.rows * columns * lanes);
  int64_t* offset = outer.take<int64_t>(columns);
  for (int64_t unit = units * piece / pieces_; unit < units * (piece + 1) / pieces_ && !pool_.interrupted(); ++unit) {
    Scratch scratch = outer;
    const int64_t channel = unit / q_boxes;
    int64_t q0[3], q1[3];
    kernel_.at(unit % q_boxes, q0, q1);
    static constexpr int64_t zero[3] = {0, 0, 0};
    Region region(axes_, q0, q1, zero, call.out, 1);
    region.tabulate(scratch);
    T* staged = scratch.take<T>(call.n * region.channel + lanes);
    stage(staged, x_ + b.g * call.x_g + channel * call.x_c, call, region, call.n, call.x_n, true);
    for (int64_t z = q0[0]; z < q1[0]; ++z) {
      int64_t j = 0;
      region.each_tap(zero, [&](int64_t at, const int64_t*) {
        for (int64_t n = 0; n < call.n; ++n)
          offset[j++] = n * region.channel + at + (z - q0[0]) * region.w[0].step;
      });
      const T* w = w_ + b.g * call.w_g + channel * call.w_c + z * call.w_k[0] +
                   q0[1] * call.w_k[1] + q0[2];
      all_dots(acc, b.rows, columns, w, call.w_o, call.w_k[1], staged, offset, region.w[1].step,
               q1[1] - q0[1], q1[2] - q0[2]);
    }
  }
  for (int64_t row = 0; row < b.rows; ++row)
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t wide = call.out[2] * call.n;
      c[row * ld + j / wide * b.run + j % wide] =
          sum<T>(load<T>(acc + (row * columns + j) * lanes));
    }
}

/// One piece of k with rows along the lanes.
template <class T>
void Convolution<T>::sum_lanes(T* c, const Part& b, int64_t piece, void* room) const {
  const ConvCall& call = call_;
  const int64_t q_boxes = kernel_.boxes(), units = call.channels * q_boxes;
  const int64_t across = ceil_div(b.rows, lanes), columns = call.n * outs_;
  Scratch outer(room);
  T* acc = outer.take<T>(columns * across * lanes);  // [vector of rows][column]
  fill_zero(acc, columns * across * lanes);
  int32_t* offset = outer.take<int32_t>(columns);
  for (int64_t unit = units * piece / pieces_; unit < units * (piece + 1) / pieces_ && !pool_.interrupted(); ++unit) {
    Scratch scratch = outer;
    const int64_t channel = unit / q_boxes;
    int64_t q0[3], q1[3], taps[3], low[3], size[3];
    kernel_.at(unit % q_boxes, q0, q1);
    for (int d = 0; d < 3; ++d) {
      taps[d] = q1[d] - q0[d];
      low[d] = q0[d] * axes_[d].dilation - axes_[d].pad;
      size[d] = (call.out[d] - 1) * axes_[d].stride + (taps[d] - 1) * axes_[d].dilation + 1;
    }
    T* planes = scratch.take<T>(call.n * volume(size));
    const T* x = x_ + b.g * call.x_g + channel * call.x_c;
    for (int64_t n = 0; n < call.n; ++n)
      copy_bordered(planes + n * volume(size), x + n * call.x_n, call, low, size);
    int64_t j = 0, p[3];
    for (p[0] = 0; p[0] < call.out[0]; ++p[0])
      for (p[1] = 0; p[1] < call.out[1]; ++p[1])
        for (p[2] = 0; p[2] < call.out[2]; ++p[2]) {
          int64_t at = 0;
          for (int d = 0; d < 3; ++d) at = at * size[d] + p[d] * axes_[d].stride;
          for (int64_t n = 0; n < call.n; ++n) offset[j++] = int32_t(n * volume(size) + at);
        }

    T* turned = scratch.take<T>(volume(taps) * lanes + lanes);
    const bool run = taps[1] == 1 || call.w_k[1] == taps[2];  // lines of w that follow each other
    const int64_t together = run ? taps[1] : 1;
    for (int64_t v = 0; v < across; ++v) {
      const int count = int(min(lanes, b.rows - v * lanes));
      const T* w = w_ + b.g * call.w_g + v * lanes * call.w_o + channel * call.w_c;
      T* to = turned;
      for (int64_t z = q0[0]; z < q1[0]; ++z)
        for (int64_t y = q0[1]; y < q1[1]; y += together, to += together * taps[2] * lanes)
          pack_panel(to, w + z * call.w_k[0] + y * call.w_k[1] + q0[2], lanes, count, call.w_o,
                     together * taps[2], 1);
      LaneSums<T> t{};
      t.rows = taps[1], t.length = taps[2];
      t.a_row = axes_[1].dilation * size[2], t.a_step = axes_[2].dilation;
      t.acc_step = lanes;
      for (int64_t z = 0; z < taps[0]; ++z) {
        t.a = planes + z * axes_[0].dilation * size[1] * size[2];
        t.b = turned + z * taps[1] * taps[2] * lanes;
        sum_columns(t, columns, offset, acc + v * columns * lanes);
      }
    }
  }
  const int64_t ld = vectors(positions_.box, inner_) * lanes, wide = call.out[2] * call.n;
  for (int64_t row = 0; row < b.rows; ++row)
    for (int64_t j = 0; j < columns; ++j)
      c[row * ld + j / wide * b.run + j % wide] = acc[(row / lanes * columns + j) * lanes + row % lanes];
}

/// Hands on columns as they are: a row of positions of all images is one run, of some one for each.
template <class T>
void Convolution<T>::deliver_columns(const Part& b, int64_t row, int64_t rows, int worker,
                                     const T* total, int64_t ld) const {
  const ConvCall& call = call_;
  const int64_t together = b.images == call.n ? b.size[2] : 1, cols = together * b.images;
  for (int64_t z = 0; z < b.size[0]; ++z)
    for (int64_t y = 0; y < b.size[1]; ++y)
      for (int64_t x = 0; x < b.size[2]; x += together) {
        const T* from = total + (z * b.size[1] + y) * b.run + x * b.images;
        const int64_t at = ((z + b.p0[0]) * call.out[1] + y + b.p0[1]) * call.out[2] + b.p0[2] + x;
        Tile tile{b.g, b.row + row, at * call.n + b.image, rows, cols, from, ld};
        if (y_) {
          const int64_t plane = outs_ * call.n;
          T* to = y_ + (b.g * call.out_channels + tile.row) * plane + tile.col;
          for (int64_t r = 0; r < rows; ++r)
            __builtin_memcpy(to + r * plane, from + r * ld, size_t(cols) * sizeof(T));
          tile.values = to, tile.ld = plane;
        }
        if (call.sink.put) call.sink.put(call.sink.self, worker, tile);
      }
}

template <class T>
Status Convolution<T>::by_image() {
  const ConvCall& call = call_;
  const int64_t blocks = call.groups * ceil_div(call.out_channels, rows_) *
                         ceil_div(call.n, inner_) * positions_.boxes();
  // A block of partial sums: [row][position rows][run of positions × images in whole vectors].
  const int64_t ld = vectors(positions_.box, inner_) * lanes;
  const int64_t block_size = min(rows_, call.out_channels) * ld;
  T* partial = static_cast<T*>(pool_.workspace(uint64_t(blocks * pieces_ * block_size) * sizeof(T)));
  if (!partial) return Status::out_of_memory;

  run_tasks(pool_, blocks * pieces_, [&](int64_t task, int worker) {
    T* c = partial + task * block_size;
    const Part b = part_of(task / pieces_);
    switch (lanes_) {
      case Along::columns: return sum_products(c, b, task % pieces_, pool_.scratch(worker));
      case Along::depth: return sum_dots(c, b, task % pieces_, pool_.scratch(worker));
      case Along::rows: return sum_lanes(c, b, task % pieces_, pool_.scratch(worker));
    }
  });

  // The sums of the pieces, first to last, then from [row][position][image] to images.
  constexpr int64_t strip = 16;  // rows of a task
  const int64_t strips = ceil_div(min(rows_, call.out_channels), strip);
  run_tasks(pool_, blocks * strips, [&](int64_t task, int worker) {
    const Part b = part_of(task / strips);
    const int64_t row = task % strips * strip, rows = min(strip, b.rows - row);
    if (rows <= 0) return;
    T* total = partial + task / strips * pieces_ * block_size + row * ld;
    for (int64_t piece = 1; piece < pieces_; ++piece)
      for (int64_t i = 0; i < rows * ld; ++i) total[i] += total[piece * block_size + i];
    if (call.images_last) return deliver_columns(b, row, rows, worker, total, ld);
    T* tile = static_cast<T*>(pool_.scratch(worker));
    const int64_t spots = volume(b.size);
    for (int64_t image = 0; image < b.images; ++image) {
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t z = 0; z < b.size[0]; ++z)
          for (int64_t y = 0; y < b.size[1]; ++y) {
            const T* from = total + r * ld + (z * b.size[1] + y) * b.run + image;
            const int64_t at = ((z + b.p0[0]) * call.out[1] + y + b.p0[1]) * call.out[2] + b.p0[2];
            T* to = y_ ? y_ + (((b.image + image) * call.groups + b.g) * call.out_channels + b.row +
                               row + r) * outs_ + at
                       : tile + r * spots + (z * b.size[1] + y) * b.size[2];
            for (int64_t i = 0; i < b.size[2]; ++i) to[i] = from[i * b.images];
          }
      if (!y_) deliver(call, worker, b.image + image, b.g, b.row + row, rows, b.p0, b.p1, tile);
    }
  });
  return Status::ok;
}

template <class T>
Status convolution(const ConvCall& call, Parallel& pool) {
  if (!has_usual_extent(call)) return DirectSums<T>(call, pool).run();
  if (call.images_last) {
    InnermostImages<T> images(call, pool);
    return images.plan() ? images.run() : Convolution<T>(call, pool).run();
  }
  if (Exchanged<T>::pays(call)) {
    Exchanged<T> other(call);
    return convolution<T>(other.call(), pool);
  }
  ImageDots<T> dots(call, pool);
  if (dots.pays()) return dots.run();
  ImageLanes<T> lanes(call, pool);
  if (lanes.pays()) return lanes.run();
  return Convolution<T>(call, pool).run();
}

}  // namespace
}  // namespace gemm

Status conv(const ConvCall& call, Parallel& pool) {
  if (call.n == 0 || call.groups == 0 || call.out_channels == 0) return Status::ok;
  for (int d = 0; d < 3; ++d)
    if (call.out[d] == 0) return Status::ok;
  if (!call.images_last && winograd_pays(call)) return winograd(call, pool);
  return call.dtype == DType::f64 ? gemm::convolution<double>(call, pool)
                                  : gemm::convolution<float>(call, pool);
}

}  // namespace gradus::GRADUS_ISA
