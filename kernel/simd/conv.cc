// Convolutions as implicit matrix products over a staged copy of x (conv_stage.h). Rows are output
// channels, k runs over channels and kernel positions, and the columns are one of
//   by position  the output positions of one image: forward passes and input gradients;
//   by image     (position, image) pairs, images fastest, with k cut into pieces whose sums are
//                added in order: weight gradients, where the "kernel" is the whole output and the
//                "output" a few kernel positions, and other convolutions with few positions.
#include "gemm.h"

#include "conv_stage.h"
#include "gemm_kernel.h"

namespace gradus::GRADUS_ISA {
namespace gemm {
namespace {

/// Staged x of one step: a quarter of a 2 MB L2 is enough to amortise everything around it.
constexpr int64_t kStageBytes = int64_t{512} << 10;
/// The most that is staged at once when it cannot be cut further.
constexpr int64_t kStageLimit = int64_t{1} << 20;
/// A task's tile of results stays in L2 beside it.
constexpr int64_t kTileBytes = int64_t{1} << 20;
/// Depth of one step: panels of w (14 rows) stay in a 48 KB L1.
constexpr int64_t kStepDepth = 384;
/// The most kernel positions times channels that one staged region covers.
constexpr int64_t kRegionDepth = int64_t{1} << 16;

/// A vector of columns: where it is staged, where it goes, how many of its lanes count.
struct Columns {
  int32_t source, target, count;
};

int64_t volume(const int64_t* v) { return v[0] * v[1] * v[2]; }

/// Halves the outermost axis of a box that is longer than `least`; false if none is.
bool halve(int64_t* size, int64_t least_last) {
  for (int d = 0; d < 3; ++d) {
    const int64_t least = d == 2 ? least_last : 1;
    if (size[d] > least) {
      size[d] = max(least, (size[d] + 1) / 2);
      return true;
    }
  }
  return false;
}

/// Boxes of a grid, in row-major order.
struct Grid {
  int64_t whole[3], box[3], count[3];
  Grid() = default;
  Grid(const int64_t* w, const int64_t* b) {
    for (int d = 0; d < 3; ++d) {
      whole[d] = w[d];
      box[d] = max(1, b[d]);
      count[d] = ceil_div(w[d], box[d]);
    }
  }
  int64_t boxes() const { return volume(count); }
  void at(int64_t i, int64_t* low, int64_t* high) const {
    for (int d = 2; d >= 0; --d) {
      low[d] = i % count[d] * box[d];
      high[d] = min(whole[d], low[d] + box[d]);
      i /= count[d];
    }
  }
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
    if (plan_by_position()) return by_position();
    for (int d = 0; d < 3; ++d) axes_[d] = Axis(call_, d, false);
    plan_by_image();
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

  bool plan_by_position();
  Status by_position();
  void pack_weights(T* to, Scratch scratch, int64_t g, int64_t c, int64_t channels) const;
  void plan_by_image();
  Status by_image();
  void deliver(int worker, int64_t n, int64_t g, int64_t row, int64_t rows, const int64_t* p0,
               const int64_t* p1, const T* tile) const;

  Region region_of(const int64_t* p_box, const int64_t* q_box, int64_t inner) const {
    static constexpr int64_t zero[3] = {0, 0, 0};
    return Region(axes_, zero, p_box, zero, q_box, inner);
  }
  /// Columns of rows of `run` elements of a region.
  int64_t vectors(const int64_t* p, int64_t inner) const {
    return p[0] * p[1] * ceil_div(p[2] * inner, lanes);
  }
};

/// Hands a dense tile [rows][box] to the sink, in as few pieces as flattened positions allow.
template <class T>
void Convolution<T>::deliver(int worker, int64_t n, int64_t g, int64_t row, int64_t rows,
                             const int64_t* p0, const int64_t* p1, const T* tile) const {
  const int64_t* out = call_.out;
  const int64_t size[3] = {p1[0] - p0[0], p1[1] - p0[1], p1[2] - p0[2]}, ld = volume(size);
  int64_t run = size[2];  // positions that are neighbours in the result, too
  if (size[2] == out[2]) run *= size[1];
  if (size[2] == out[2] && size[1] == out[1]) run *= size[0];
  for (int64_t i = 0; i < ld; i += run) {
    const int64_t z = p0[0] + i / (size[1] * size[2]), y = p0[1] + i / size[2] % size[1];
    const int64_t at = (z * out[1] + y) * out[2] + p0[2];
    call_.sink.put(call_.sink.self, worker,
                   Tile{n * call_.groups + g, row, at, rows, run, tile + i, ld});
  }
}

// ── by position ────────────────────────────────────────────────────────────────────────────────

/// Chooses boxes; false where columns by image suit better.
template <class T>
bool Convolution<T>::plan_by_position() {
  int64_t whole[3], box[3];
  for (int d = 0; d < 3; ++d) whole[d] = box[d] = axes_[d].positions;
  const int64_t residues = axes_[0].residues * axes_[1].residues * axes_[2].residues;
  const int64_t images = call_.n * call_.groups;
  const int64_t work = outs_ * call_.out_channels * call_.channels * taps_ / residues;

  // Few positions per image, or a long k and little else: by image.
  const int64_t here = call_.n * vectors(whole, 1);
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
                       volume(box) > int64_t{1} << 14;
    const bool lonely = tasks < 16 && work * images / max(1, tasks) > int64_t{1} << 21;
    if (!large && !lonely) break;
    if (!halve(box, large ? 1 : lanes)) break;
  }
  const int64_t staged = region_of(box, call_.kernel, 1).channel;
  if (staged > stage_limit || taps_ > kRegionDepth ||
      min(rows_, call_.out_channels) * volume(box) * residues > tile_size)
    return false;
  positions_ = Grid(whole, box);
  channels_ = max(1, min(call_.channels, min(stage_size / max(1, staged), kStepDepth / taps_)));
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
  int64_t r[3];
  for (r[0] = 0; r[0] < axes_[0].residues; ++r[0])
    for (r[1] = 0; r[1] < axes_[1].residues; ++r[1])
      for (r[2] = 0; r[2] < axes_[2].residues; ++r[2]) {
        int64_t depth = 0;
        for (int64_t i = 0; i < channels; ++i)
          region.each_tap(r, [&](int64_t, const int64_t* q) {
            offset[depth++] = i * call_.w_c + q[0] * call_.w_k[0] + q[1] * call_.w_k[1] +
                              q[2] * call_.w_k[2];
          });
        for (int64_t p = 0; p < panels.count; ++p) {
          const int height = panels.height_of(p);
          const T* from = w + p * panels.height * call_.w_o;
          for (int64_t k = 0; k < depth; ++k, to += height)
            for (int i = 0; i < height; ++i) to[i] = from[i * call_.w_o + offset[k]];
        }
      }
}

template <class T>
Status Convolution<T>::by_position() {
  const ConvCall& call = call_;
  const int64_t steps = ceil_div(call.channels, channels_), depth = call.channels * taps_;
  const int64_t weights = call.out_channels * depth;  // of one group
  T* packed = static_cast<T*>(
      pool_.workspace(size_t(max(1, call.groups * weights)) * sizeof(T)));
  if (!packed) return Status::out_of_memory;
  run_tasks(pool_, call.groups * steps, [&](int64_t task, int worker) {
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
    int32_t* offset = scratch.take<int32_t>(channels_ * taps_);
    Columns* columns = scratch.take<Columns>(vectors(positions_.box, 1));
    T* tile = scratch.take<T>(y_ ? 0 : rows * volume(size));
    T* corner = scratch.take<T>(kMaxRows * kMaxVectors * lanes);

    // The result's place: the tile, dense over the box, or y.
    const int64_t* extent = y_ ? call.out : size;
    const int64_t stride[3] = {extent[1] * extent[2], extent[2], 1};
    const int64_t c_row = volume(extent);

    for (int64_t image = first; image < last; ++image) {
      const int64_t n = image / call.groups, g = image % call.groups;
      T* c = y_ ? y_ + (image * call.out_channels + row0) * outs_ + p0[0] * stride[0] +
                      p0[1] * stride[1] + p0[2]
                : tile;
      for (int64_t from = 0; from < max(1, call.channels); from += channels_) {
        const int64_t channels = min(channels_, call.channels - from);
        stage(staged, x_ + n * call.x_n + g * call.x_g + from * call.x_c, call, region, channels);
        const T* a = packed + g * weights + from * taps_ * call.out_channels;
        int64_t r[3];
        for (r[0] = 0; r[0] < residues[0]; ++r[0])
          for (r[1] = 0; r[1] < residues[1]; ++r[1])
            for (r[2] = 0; r[2] < residues[2]; ++r[2]) {
              // Row k of B.
              int64_t k = 0;
              for (int64_t i = 0; i < channels; ++i)
                region.each_tap(r, [&](int64_t at, const int64_t*) {
                  offset[k++] = int32_t(i * region.channel + at);
                });
              // The columns: every row of positions in whole vectors.
              int64_t n_columns = 0;
              const int64_t wide = axes_[2].clip(b1[2], r[2]) - b0[2];
              for (int64_t z = b0[0]; z < axes_[0].clip(b1[0], r[0]); ++z)
                for (int64_t y = b0[1]; y < axes_[1].clip(b1[1], r[1]); ++y)
                  for (int64_t x = 0; x < wide; x += lanes)
                    columns[n_columns++] = {
                        int32_t((z - b0[0]) * region.w[0].step + (y - b0[1]) * region.w[1].step + x),
                        int32_t((z * residues[0] + r[0] - p0[0]) * stride[0] +
                                (y * residues[1] + r[1] - p0[1]) * stride[1] + x * residues[2] +
                                r[2]),
                        int32_t(min(lanes, wide - x))};
              Block<T> t;
              t.k = k;
              t.b_offset = offset;
              for (int64_t row = row0; row < row0 + rows; row += panels.height) {
                const int64_t p = row / panels.height;
                const int height = panels.height_of(p), most = max_vectors(panels.height);
                t.a = a + row * k;
                for (int64_t j = 0; j < n_columns; j += most) {
                  const int nv = int(min(most, n_columns - j));
                  T* to = c + (row - row0) * c_row;
                  const bool scatter = residues[2] > 1;
                  t.c_row = scatter ? nv * lanes : c_row;
                  t.accumulate = from > 0 && !scatter;
                  for (int v = 0; v < nv; ++v) {
                    t.b[v] = staged + columns[j + v].source;
                    t.c[v] = scatter ? corner + v * lanes : to + columns[j + v].target;
                    t.count[v] = scatter ? lanes : columns[j + v].count;
                  }
                  kernels<T>.packed[height - 1][nv - 1](t);
                  if (!scatter) continue;
                  for (int i = 0; i < height; ++i)
                    for (int v = 0; v < nv; ++v) {
                      const T* values = corner + (i * nv + v) * lanes;
                      T* out = to + i * c_row + columns[j + v].target;
                      for (int l = 0; l < columns[j + v].count; ++l)
                        out[l * residues[2]] = from ? out[l * residues[2]] + values[l] : values[l];
                    }
                }
              }
              a += k * call.out_channels;
            }
      }
      if (!y_) deliver(worker, n, g, row0, rows, p0, p1, tile);
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

  const int64_t blocks = call_.groups * ceil_div(call_.out_channels, rows_) *
                         ceil_div(call_.n, inner_) * positions_.boxes();
  // Enough pieces for many workers, each with some 2²⁰ multiplications of its own.
  const int64_t work = rows * volume(box) * inner_ * call_.channels * taps_;
  const int64_t wanted = max(1, min(ceil_div(64, blocks), work >> 20));
  // Fewer channels at once where regions alone would give too few pieces.
  channels_ = max(1, min(channels_, call_.channels * kernel_.boxes() / wanted));
  pieces_ = max(1, min(wanted, ceil_div(call_.channels, channels_) * kernel_.boxes()));
}

template <class T>
Status Convolution<T>::by_image() {
  const ConvCall& call = call_;
  const RowPanels panels(call.out_channels);
  const int64_t down = ceil_div(call.out_channels, rows_), across = ceil_div(call.n, inner_);
  const int64_t boxes = positions_.boxes(), q_boxes = kernel_.boxes();
  const int64_t blocks = call.groups * down * across * boxes;
  const int64_t units = ceil_div(call.channels, channels_) * q_boxes;
  // A block of partial sums: [row][position rows][run of positions × images in whole vectors].
  const int64_t ld = vectors(positions_.box, inner_) * lanes;
  const int64_t block_size = min(rows_, call.out_channels) * ld;
  T* partial = static_cast<T*>(pool_.workspace(size_t(blocks * pieces_ * block_size) * sizeof(T)));
  if (!partial) return Status::out_of_memory;

  struct Part {
    int64_t g, row, rows, image, images, p0[3], p1[3], size[3], run;
  };
  const auto part_of = [&](int64_t block) {
    Part b;
    positions_.at(block % boxes, b.p0, b.p1);
    block /= boxes;
    b.image = block % across * inner_;
    b.images = min(inner_, call.n - b.image);
    block /= across;
    b.row = block % down * rows_;
    b.rows = min(rows_, call.out_channels - b.row);
    b.g = block / down;
    for (int d = 0; d < 3; ++d) b.size[d] = b.p1[d] - b.p0[d];
    b.run = round_up(b.size[2] * b.images, lanes);
    return b;
  };

  run_tasks(pool_, blocks * pieces_, [&](int64_t task, int worker) {
    const Part b = part_of(task / pieces_);
    const int64_t piece = task % pieces_;
    T* c = partial + task * block_size;
    bool begun = false;
    for (int64_t unit = units * piece / pieces_; unit < units * (piece + 1) / pieces_; ++unit) {
      Scratch scratch(pool_.scratch(worker));
      const int64_t from = unit / q_boxes * channels_;
      const int64_t channels = min(channels_, call.channels - from);
      int64_t q0[3], q1[3];
      kernel_.at(unit % q_boxes, q0, q1);
      Region region(axes_, b.p0, b.p1, q0, q1, b.images);
      region.tabulate(scratch);
      const int64_t taps = (q1[0] - q0[0]) * (q1[1] - q0[1]) * (q1[2] - q0[2]);
      const int64_t depth = channels * taps;
      T* staged = scratch.take<T>(channels * region.channel + lanes);
      int32_t* b_offset = scratch.take<int32_t>(depth);
      int64_t* w_offset = scratch.take<int64_t>(depth);
      T* a = scratch.take<T>(rows_ * kStepDepth + 2 * lanes);
      stage(staged, x_ + b.image * call.x_n + b.g * call.x_g + from * call.x_c, call, region,
            channels);
      int64_t k = 0;
      static constexpr int64_t only[3] = {0, 0, 0};
      for (int64_t i = 0; i < channels; ++i)
        region.each_tap(only, [&](int64_t at, const int64_t* q) {
          b_offset[k] = int32_t(i * region.channel + at);
          w_offset[k++] = (from + i) * call.w_c + q[0] * call.w_k[0] + q[1] * call.w_k[1] +
                          q[2] * call.w_k[2];
        });

      const T* w = w_ + b.g * call.w_g + b.row * call.w_o;
      Block<T> t;
      t.c_row = ld;
      for (int64_t k0 = 0; k0 < depth; k0 += kStepDepth) {
        const int64_t steps = min(kStepDepth, depth - k0);
        t.k = steps;
        t.b_offset = b_offset + k0;
        t.accumulate = begun;
        begun = true;
        for (int64_t row = 0; row < b.rows; row += panels.height) {
          const int height = panels.height_of((b.row + row) / panels.height);
          const int most = max_vectors(panels.height);
          pack_gathered(a, w + row * call.w_o, height, call.w_o, steps, w_offset + k0);
          t.a = a;
          // Vectors of columns in order, whatever rows of positions they belong to.
          const int64_t per_row = b.run / lanes, all = b.size[0] * b.size[1] * per_row;
          int64_t j = 0, z = 0, y = 0, x = 0;
          while (j < all) {
            const int nv = int(min(most, all - j));
            for (int v = 0; v < nv; ++v, ++j) {
              t.b[v] = staged + z * region.w[0].step + y * region.w[1].step + x * lanes;
              t.c[v] = c + row * ld + j * lanes;
              t.count[v] = lanes;
              if (++x == per_row) {
                x = 0;
                if (++y == b.size[1]) y = 0, ++z;
              }
            }
            kernels<T>.packed[height - 1][nv - 1](t);
          }
        }
      }
    }
    if (!begun) fill_zero(c, b.rows * ld);
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
      if (!y_) deliver(worker, b.image + image, b.g, b.row + row, rows, b.p0, b.p1, tile);
    }
  });
  return Status::ok;
}

template <class T>
Status convolution(const ConvCall& call, Parallel& pool) {
  return Convolution<T>(call, pool).run();
}

}  // namespace
}  // namespace gemm

Status conv(const ConvCall& call, Parallel& pool) {
  if (call.n == 0 || call.groups == 0 || call.out_channels == 0) return Status::ok;
  for (int d = 0; d < 3; ++d)
    if (call.out[d] == 0) return Status::ok;
  return call.dtype == DType::f64 ? gemm::convolution<double>(call, pool)
                                  : gemm::convolution<float>(call, pool);
}

}  // namespace gradus::GRADUS_ISA
