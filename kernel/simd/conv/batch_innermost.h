// Convolutions in batch-innermost (CHWN) layout, in x and in the result: a vector holds one element of as many images
// as it has lanes. Rows are output channels, columns are (position, image) pairs, images fastest. x is read in place:
// nothing is copied or padded. Kernel positions that would fall outside x are skipped; positions of a line that skip
// the same ones share register tiles.
#pragma once
#include "simd/gemm/micro_kernel.h"
#include "stage.h"

namespace gradus::GRADUS_ISA::gemm {

template <class T>
class BatchInnermost : Geometry {
 public:
  BatchInnermost(const ConvCall& call, const ConvBlocking& b, Parallel& pool)
      : Geometry(call, true), pool_(pool), panels_(call.out_channels), positions_(grid(b.positions)), rows_(b.rows),
        chunks_(chunks_of(call)), y_(static_cast<T*>(call.biased.y ? call.biased.y : call.y)), step_(call) {}

  /// Chooses blocks; false if the images do not fill a vector, or k is so long that split-K is better.
  static bool choose(const ConvCall& call, ConvBlocking& blocking);
  Status run();

 private:
  static constexpr int lanes = Lanes<T>::count;
  /// A tile of results shares a 2 MB L2 with the weights and the part of x that it reads.
  static constexpr int64_t kTile = (int64_t{256} << 10) / int64_t{sizeof(T)};
  /// A tile that the epilogue updates in place: still mostly in a 48 KB L1, and worth a task.
  static constexpr int64_t kInPlaceTile = (int64_t{64} << 10) / int64_t{sizeof(T)};
  /// The most elements of a tile that cannot be cut further: half of the scratch.
  static constexpr int64_t kTileLimit = int64_t{kScratchBytes} / 2 / int64_t{sizeof(T)};
  /// Images of a task: enough for long runs of columns, few enough for tiles of several positions.
  static constexpr int64_t kImages = 256;
  /// Kernel positions times channels: their lists take 8 B each of the scratch.
  static constexpr int64_t kMostDepth = int64_t{1} << 17;
  static constexpr int64_t kMostResidues = 64;

  /// The kernel positions along one axis, ordered by residue, and which of them fall inside x.
  struct Along {
    int32_t *q, *at;  // kernel position, and the coordinate in x that it reads at p′ = 0
    int32_t* begin;   // of each residue's kernel positions
    Range* met;       // [residue][p′]: the kernel positions of the residue that fall inside x there
    int64_t count(int64_t r) const { return begin[r + 1] - begin[r]; }
  };

  /// Strides of x, or of its dense batch-innermost copy.
  struct Steps {
    bool turned;
    int64_t g, c, s[3];

    explicit Steps(const ConvCall& call) : turned(call.x_n != 1) {
      const int64_t dense[3] = {call.in[1] * call.in[2] * call.n, call.in[2] * call.n, call.n};
      for (int d = 0; d < 3; ++d) s[d] = turned ? dense[d] : call.x_s[d];
      c = turned ? volume(call.in) * call.n : call.x_c;
      g = turned ? c * call.channels : call.x_g;
    }
  };
  /// A box of results and its destination: y, or a tile that is dense over the box.
  struct Box {
    int64_t g, row0, rows, image, images, p0[3], p1[3];
    T* to;  // the first result
    const int64_t *extent, *origin;
    int64_t position;  // from a position to the next
  };

  Parallel& pool_;
  RowPanels panels_;
  Along along_[3];
  Grid positions_;        // boxes of output positions p′
  int64_t rows_;          // output channels of a task
  int64_t chunks_;        // of images
  bool complete_ = true;  // every position uses the whole kernel
  const T* x_ = nullptr;  // batch-innermost: x or a transposed copy
  T* y_;                  // the result in memory, if an epilogue updates it in place
  Steps step_;
  int32_t* offset_ = nullptr;  // of row k of B, residue by residue

  static int64_t chunks_of(const ConvCall& call) { return max(1, call.n / kImages); }
  /// The first image of a chunk. Chunks are whole vectors, except that the last one takes the remainder as well.
  int64_t first_image(int64_t chunk) const {
    return chunk == chunks_ ? call_.n : call_.n * chunk / chunks_ / lanes * lanes;
  }
  /// Calls f(tap of each axis, channel) for the rows of k of one residue, in order. Channels are the inner part where
  /// ranges of kernel positions are skipped.
  template <class F>
  void each_row(const int64_t* r, const F& f) const {
    const int64_t inner = complete_ ? 1 : call_.channels;
    int64_t i[3];
    for (int64_t c = 0; c < call_.channels; c += inner)
      for (i[0] = along_[0].begin[r[0]]; i[0] < along_[0].begin[r[0] + 1]; ++i[0])
        for (i[1] = along_[1].begin[r[1]]; i[1] < along_[1].begin[r[1] + 1]; ++i[1])
          for (i[2] = along_[2].begin[r[2]]; i[2] < along_[2].begin[r[2] + 1]; ++i[2])
            for (int64_t j = c; j < c + inner; ++j) f(i, j);
  }

  int64_t table_bytes() const;
  void tabulate(Scratch& scratch, bool filled);
  void turn(T* to);
  void pack_weights(T* to, int64_t g, int64_t panel, Scratch scratch) const;
  int64_t ranges_of(const int64_t* r, const Range& z, const Range& y, const Range& x, Range* ranges) const;
  struct Line;
  void multiply(const Line& line, Range* ranges) const;
  void multiply_segment(const Line& line, int64_t from, int64_t to, const Range* ranges, int64_t count) const;
  void finish_box(int worker, const Box& b, const T* tile) const;
  void sum_box(const Box& b, const int64_t* b0, const int64_t* b1, const T* weights, Range* ranges) const;
  void compute(int64_t task, int worker, const T* packed) const;
};

template <class T>
bool BatchInnermost<T>::choose(const ConvCall& call, ConvBlocking& b) {
  const Geometry geometry(call, true);
  const int64_t depth = call.channels * geometry.taps_, residues = geometry.residues();
  if (call.n < lanes || depth == 0 || depth > kMostDepth || residues > kMostResidues) return false;
  if (depth >= 64 * call.n * geometry.outs_) return false;
  const Steps step(call);
  int64_t reach = (call.channels - 1) * (step.c < 0 ? -step.c : step.c), *box = b.positions;
  for (int d = 0; d < 3; ++d) {
    if (geometry.axes_[d].zeros != 1 || call.in[d] == 0) return false;
    box[d] = geometry.axes_[d].positions;
    reach += (call.pad[d] < 0 ? -call.pad[d] : call.pad[d] + call.kernel[d] * call.kernel_dilation[d]) *
             (step.s[d] < 0 ? -step.s[d] : step.s[d]);
  }
  if (reach > INT32_MAX) return false;

  const RowPanels panels(call.out_channels);
  const int64_t limit = call.in_place ? kInPlaceTile : kTile, chunks = chunks_of(call),
                images = ceil_div(call.n, chunks);
  b.rows = min(call.out_channels, panels.height * max(1, 256 / panels.height));
  const auto tile = [&] { return b.rows * volume(box) * residues; };
  const auto large = [&] { return tile() * images > limit; };
  const auto lonely = [&] {
    const int64_t tasks = chunks * call.groups * geometry.grid(box).boxes() * ceil_div(call.out_channels, b.rows);
    return tasks < kLeastTasks && b.rows * volume(box) * images * depth > kTaskWork;
  };
  shrink(box, 1, large, lonely);
  if (large()) b.rows = min(b.rows, panels.height);
  return tile() * (images + lanes) <= kTileLimit;
}

template <class T>
int64_t BatchInnermost<T>::table_bytes() const {
  int64_t bytes = 64 + round_up(call_.channels * taps_ * 4, 64);
  for (int d = 0; d < 3; ++d)
    bytes += round_up((3 * call_.kernel[d] + axes_[d].residues + 1) * 4 +
                          axes_[d].residues * axes_[d].positions * int64_t{sizeof(Range)},
                      64) +
             4 * 64;
  return bytes;
}

/// Lays out the tables, and fills them unless they are cached.
template <class T>
void BatchInnermost<T>::tabulate(Scratch& scratch, bool filled) {
  for (int d = 0; d < 3; ++d) {
    const Axis& axis = axes_[d];
    Along& a = along_[d];
    a.q = scratch.take<int32_t>(axis.kernel);
    a.at = scratch.take<int32_t>(axis.kernel);
    a.begin = scratch.take<int32_t>(axis.residues + 1);
    a.met = scratch.take<Range>(axis.residues * axis.positions);
    int32_t count = 0;
    for (int64_t r = 0; r < axis.residues; ++r) {
      a.begin[r] = count;
      for (int64_t q = 0; q < axis.kernel; ++q)
        if (axis.residue(q) == r) a.q[count] = int32_t(q), a.at[count++] = int32_t(axis.tap(q));
      const int32_t *at = a.at + a.begin[r], *end = a.at + count;
      for (int64_t p = 0; p < axis.positions; ++p) {
        Range met{0, 0};
        for (const int32_t* t = at; t < end; ++t) {
          const int64_t i = p * axis.move() + *t;
          met.k += i < 0, met.length += i >= 0 && i < axis.in;
        }
        a.met[r * axis.positions + p] = met;
        if (p < axis.clip(axis.positions, r)) complete_ = complete_ && met.length == end - at;
      }
    }
    a.begin[axis.residues] = count;
  }
  offset_ = scratch.take<int32_t>(call_.channels * taps_);
  if (filled) return;
  int32_t* to = offset_;
  each_residue(axes_, [&](const int64_t* r) {
    each_row(r, [&](const int64_t* i, int64_t c) {
      int64_t at = c * step_.c;
      for (int d = 0; d < 3; ++d) at += along_[d].at[i[d]] * step_.s[d];
      *to++ = int32_t(at);
    });
  });
}

/// A batch-innermost copy of x, [g, c, z, y, x, n].
template <class T>
void BatchInnermost<T>::turn(T* to) {
  const ConvCall& call = call_;
  run_tasks(pool_, call.groups * call.channels * call.in[0], [&](int64_t task, int) {
    const int64_t z = task % call.in[0], c = task / call.in[0] % call.channels;
    const int64_t g = task / call.in[0] / call.channels;
    const T* from = static_cast<const T*>(call.x) + g * call.x_g + c * call.x_c + z * call.x_s[0];
    T* plane = to + g * step_.g + c * step_.c + z * step_.s[0];
    const bool run = call.x_s[1] == call.in[2] * call.x_s[2];
    const int64_t lines = run ? 1 : call.in[1], length = call.in[1] * call.in[2] / lines;
    for (int64_t y = 0; y < lines; ++y)
      pack_panel(plane + y * length * call.n, from + y * call.x_s[1], int(call.n), int(call.n), call.x_n, length,
                 call.x_s[2]);
  });
}

/// The weights of a panel of rows: [residue][panel][k][row].
template <class T>
void BatchInnermost<T>::pack_weights(T* to, int64_t g, int64_t panel, Scratch scratch) const {
  const ConvCall& call = call_;
  const int height = panels_.height_of(panel);
  int64_t* offset = scratch.take<int64_t>(call.channels * taps_);
  const T* w = static_cast<const T*>(call.w) + g * call.w_g + panel * panels_.height * call.w_o;
  each_residue(axes_, [&](const int64_t* r) {
    int64_t depth = 0;
    each_row(r, [&](const int64_t* i, int64_t c) {
      int64_t at = c * call.w_c;
      for (int d = 0; d < 3; ++d) at += along_[d].q[i[d]] * call.w_k[d];
      offset[depth++] = at;
    });
    pack_gathered(to + panel * panels_.height * depth, w, height, call.w_o, depth, offset);
    to += call.out_channels * depth;
  });
}

/// The ranges of k that fall inside x for a position, those after the first relative to it; returns their number.
template <class T>
int64_t BatchInnermost<T>::ranges_of(const int64_t* r, const Range& z, const Range& y, const Range& x,
                                     Range* ranges) const {
  const int64_t channels = call_.channels, wide = along_[2].count(r[2]), high = along_[1].count(r[1]);
  if (complete_) {
    ranges[0] = {0, int32_t(channels * along_[0].count(r[0]) * high * wide)};
    return ranges[0].length > 0;
  }
  int64_t count = 0;
  if (x.length == 0) return 0;
  for (int64_t i = z.k; i < z.k + z.length; ++i)
    for (int64_t j = y.k; j < y.k + y.length; ++j) {
      const Range next{int32_t(((i * high + j) * wide + x.k) * channels), int32_t(x.length * channels)};
      if (count && ranges[count - 1].k + ranges[count - 1].length == next.k) {
        ranges[count - 1].length += next.length;
      } else {
        ranges[count++] = next;
      }
    }
  for (int64_t i = 1; i < count; ++i) ranges[i].k -= ranges[0].k;
  return count;
}

/// A line of positions of one residue.
template <class T>
struct BatchInnermost<T>::Line {
  const int64_t* r;
  const T *x, *a;  // x at position 0 for offset 0; the residue's weights
  T* to;           // destination of the first position of the line
  int64_t row0, rows, to_row, to_step, images, depth;
  int64_t x0, x1;  // positions p′
  Range z, y;      // kernel positions inside x
  const int32_t* offset;
  const T* bias;  // of the group, or null
};

/// The register tiles of positions [from, to) of a line, which use the same ranges of k.
template <class T>
void BatchInnermost<T>::multiply_segment(const Line& line, int64_t from, int64_t to, const Range* ranges,
                                         int64_t count) const {
  const int64_t per = ceil_div(line.images, lanes), all = (to - from) * per;
  const int64_t most = max_vectors(panels_.height), groups = ceil_div(all, most);
  // The last vector of a position ends with its images, and may overlap the one before.
  const int64_t last = line.images - lanes, pace = axes_[2].move() * step_.s[2];
  Block<T> t;
  for (int v = 0; v < kMaxVectors; ++v) t.count[v] = lanes;
  t.accumulate = false;
  t.c_row = line.to_row;
  t.k = ranges[0].length;
  t.b_offset = line.offset + ranges[0].k;
  t.further = ranges + 1;
  t.ranges = count - 1;
  t.bias_step = call_.biased.bias_o;
  t.rectified = call_.biased.rectified;
  for (int64_t row = line.row0; row < line.row0 + line.rows; row += panels_.height) {
    const int height = panels_.height_of(row / panels_.height);
    t.a = line.a + row * line.depth + ranges[0].k * height;
    t.bias = line.bias ? line.bias + row * t.bias_step : nullptr;
    const T* x = line.x + from * pace;
    T* c = line.to + (row - line.row0) * line.to_row + (from - line.x0) * line.to_step;
    int64_t image = 0;
    for (int64_t group = 0, j = 0; group < groups; ++group) {
      const int64_t end = all * (group + 1) / groups;
      const int nv = int(end - j);
      for (int v = 0; v < nv; ++v, ++j) {
        const int64_t at = min(image, last);
        t.b[v] = x + at, t.c[v] = c + at;
        if ((image += lanes) >= line.images) image = 0, x += pace, c += line.to_step;
      }
      Kernels<T>::all.packed[height - 1][nv - 1](t);
    }
  }
}

template <class T>
void BatchInnermost<T>::multiply(const Line& line, Range* ranges) const {
  const Range* met = along_[2].met + line.r[2] * axes_[2].positions;
  for (int64_t from = line.x0, to; from < line.x1; from = to) {
    for (to = from + 1; to < line.x1;)
      if (met[to].k != met[from].k || met[to].length != met[from].length) break;
      else ++to;
    const int64_t count = ranges_of(line.r, line.z, line.y, met[from], ranges);
    if (count > 0) {
      multiply_segment(line, from, to, ranges, count);
      continue;
    }
    for (int64_t row = 0; row < line.rows; ++row) {
      const T bias = line.bias ? T(0) + line.bias[(line.row0 + row) * call_.biased.bias_o] : T(0);
      for (int64_t x = from; x < to; ++x)
        fill(line.to + row * line.to_row + (x - line.x0) * line.to_step, line.images,
             call_.biased.rectified && bias <= 0 ? T(0) : bias);
    }
  }
}

/// Passes a box of results to the epilogue, in as few pieces as its columns form runs: a dense tile
/// [rows][box][images], or part of y.
template <class T>
void BatchInnermost<T>::finish_box(int worker, const Box& b, const T* tile) const {
  const int64_t* out = call_.out;
  const int64_t size[3] = {b.p1[0] - b.p0[0], b.p1[1] - b.p0[1], b.p1[2] - b.p0[2]}, all = volume(size);
  int64_t run = b.images == call_.n ? size[2] : 1;
  if (run == out[2]) run *= size[1];
  if (run == out[2] * out[1]) run *= size[0];
  for (int64_t i = 0; i < all; i += run) {
    const int64_t z = b.p0[0] + i / (size[1] * size[2]), y = b.p0[1] + i / size[2] % size[1];
    const int64_t at = ((z * out[1] + y) * out[2] + b.p0[2] + i % size[2]) * call_.n + b.image;
    const int64_t plane = outs_ * call_.n;
    const T* values = y_ ? y_ + (b.g * call_.out_channels + b.row0) * plane + at : tile + i * b.images;
    call_.epilogue.run(call_.epilogue.self, worker,
                       Tile{b.g, b.row0, at, b.rows, run * b.images, values, y_ ? plane : all * b.images});
  }
}

/// The sums of a box, residue by residue, line by line.
template <class T>
void BatchInnermost<T>::sum_box(const Box& b, const int64_t* b0, const int64_t* b1, const T* weights,
                                Range* ranges) const {
  const ConvCall& call = call_;
  Line line;
  line.row0 = b.row0, line.rows = b.rows, line.images = b.images;
  line.to_row = volume(b.extent) * b.position;
  line.to_step = axes_[2].residues * b.position;
  line.x0 = b0[2];
  line.a = weights;
  line.offset = offset_;
  line.bias = call.biased.y ? static_cast<const T*>(call.biased.bias) + b.g * call.biased.bias_g : nullptr;
  each_residue(axes_, [&](const int64_t* r) {
    line.r = r;
    line.depth = call.channels * along_[0].count(r[0]) * along_[1].count(r[1]) * along_[2].count(r[2]);
    line.x1 = axes_[2].clip(b1[2], r[2]);
    const int64_t ends[2] = {axes_[0].clip(b1[0], r[0]), axes_[1].clip(b1[1], r[1])};
    int64_t p[3];
    for (p[0] = b0[0]; p[0] < ends[0]; ++p[0])
      for (p[1] = b0[1]; p[1] < ends[1]; ++p[1]) {
        p[2] = b0[2];
        int64_t at = 0;
        for (int d = 0; d < 3; ++d) at = at * b.extent[d] + p[d] * axes_[d].residues + r[d] - b.origin[d];
        line.to = b.to + at * b.position;
        line.z = along_[0].met[r[0] * axes_[0].positions + p[0]];
        line.y = along_[1].met[r[1] * axes_[1].positions + p[1]];
        line.x =
            x_ + b.g * step_.g + b.image + p[0] * axes_[0].move() * step_.s[0] + p[1] * axes_[1].move() * step_.s[1];
        multiply(line, ranges);
      }
    line.a += line.depth * call.out_channels;
    line.offset += line.depth;
  });
}

/// One task: the sums of a box for some rows and a chunk of images.
template <class T>
void BatchInnermost<T>::compute(int64_t task, int worker, const T* packed) const {
  const ConvCall& call = call_;
  const int64_t down = ceil_div(call.out_channels, rows_), boxes = positions_.boxes();
  Scratch scratch(pool_.scratch(worker));
  int64_t b0[3], b1[3];  // the box in p′
  positions_.at(task % boxes, b0, b1);
  const int64_t chunk = task / boxes / down / call.groups;
  Box b;
  b.row0 = task / boxes % down * rows_, b.rows = min(rows_, call.out_channels - b.row0);
  b.g = task / boxes / down % call.groups;
  b.image = first_image(chunk), b.images = first_image(chunk + 1) - b.image;
  for (int d = 0; d < 3; ++d) {
    b.p0[d] = b0[d] * axes_[d].residues;
    b.p1[d] = min(call.out[d], b1[d] * axes_[d].residues);
  }
  const int64_t size[3] = {b.p1[0] - b.p0[0], b.p1[1] - b.p0[1], b.p1[2] - b.p0[2]};
  Range* ranges = scratch.take<Range>(call.kernel[0] * call.kernel[1] + 1);
  static constexpr int64_t zero[3] = {0, 0, 0};
  b.to = y_ ? y_ + (b.g * call.out_channels + b.row0) * outs_ * call.n + b.image
            : scratch.take<T>(b.rows * volume(size) * b.images);
  b.extent = y_ ? call.out : size;
  b.origin = y_ ? zero : b.p0;
  b.position = y_ ? call.n : b.images;
  sum_box(b, b0, b1, packed + b.g * call.out_channels * call.channels * taps_, ranges);
  if (call.epilogue.run && !call.biased.y) finish_box(worker, b, b.to);
}

template <class T>
Status BatchInnermost<T>::run() {
  const ConvCall& call = call_;
  const int64_t depth = call.channels * taps_, weights = call.out_channels * depth;  // of one group
  const int64_t packed_size = round_up((call.groups * weights + lanes) * int64_t{sizeof(T)}, 64);
  const int64_t bytes = packed_size + table_bytes();
  const int64_t turned = call.x_n == 1 ? 0 : call.groups * step_.g * int64_t{sizeof(T)};
  const PackedCache::Room kept = call.w_cache ? call.w_cache->room(uint64_t(bytes)) : PackedCache::Room{nullptr, false};
  const int64_t needed = round_up(turned, 64) + (kept.memory ? 0 : bytes);
  char* area = needed ? static_cast<char*>(pool_.workspace(uint64_t(needed))) : nullptr;
  if (needed && !area) return Status::out_of_memory;
  x_ = turned ? reinterpret_cast<const T*>(area) : static_cast<const T*>(call.x);
  if (turned) turn(reinterpret_cast<T*>(area));
  Scratch room(kept.memory ? kept.memory : area + round_up(turned, 64));
  T* packed = room.take<T>(call.groups * weights + lanes);
  tabulate(room, kept.filled);
  run_tasks(pool_, kept.filled ? 0 : call.groups * panels_.count, [&](int64_t task, int worker) {
    const int64_t g = task / panels_.count;
    pack_weights(packed + g * weights, g, task % panels_.count, Scratch(pool_.scratch(worker)));
  });

  const int64_t tasks = chunks_ * call.groups * ceil_div(call.out_channels, rows_) * positions_.boxes();
  run_tasks(pool_, tasks, [&](int64_t task, int worker) { compute(task, worker, packed); });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm
