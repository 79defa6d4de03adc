// Gradients of weights where images lie innermost: the contraction over images (the call's channels)
// has unit stride in both operands. A vector holds neighbours of the contraction; rows of w are
// multiplied by several columns of x, a column being a result's image and position; the lanes are
// summed at the end. Nothing is packed, staged or padded: a column meets only the kernel positions
// that lie inside x.
#pragma once
#include "geometry.h"
#include "simd/gemm/micro_kernel.h"

namespace gradus::GRADUS_ISA::gemm {

/// A vector of the contraction: where it lies in every row of w and in every column of x.
struct DotStep {
  int64_t a, b;
};

/// acc[j][i·acc_row] += Σ over steps of a[i·a_row + step.a] · b[j][step.b], lane by lane; after the whole
/// vectors come `parts` of `lanes` lanes.
template <class T>
struct DotTile {
  const DotStep* steps;
  int64_t whole, parts;
  int lanes;
  const T* a;
  int64_t a_row;
  const T* b[kMaxVectors];
  T* acc[kMaxVectors];
  int64_t acc_row;
};

/// The first n lanes; out of line where that takes a loop, of which one is enough.
template <class T>
#if !defined(__AVX2__)
__attribute__((noinline))
#endif
Vec<T> load_part(const T* p, int n) {
  return load_first<T>(p, n);
}

/// H rows of w, W columns of x: the columns are held in registers while the rows pass by.
template <class T, int H, int W>
void dot_tile(const DotTile<T>& t) {
  Vec<T> acc[H][W];
  const T* b[W];
#pragma GCC unroll 8
  for (int j = 0; j < W; ++j) {
    const T* from = t.acc[j];
    b[j] = t.b[j];
#pragma GCC unroll 8
    for (int i = 0; i < H; ++i, from += t.acc_row) acc[i][j] = load<T>(from);
  }
  const int64_t a_row = t.a_row, acc_row = t.acc_row;
  const DotStep* step = t.steps;
  const auto add = [&](auto&& get) __attribute__((always_inline)) {
    const T* a = t.a + step->a;
    Vec<T> column[W];
#pragma GCC unroll 8
    for (int j = 0; j < W; ++j) column[j] = get(b[j] + step->b);
#pragma GCC unroll 8
    for (int i = 0; i < H; ++i) {
      const Vec<T> row = in_register<T>(get(a + i * a_row));
#pragma GCC unroll 8
      for (int j = 0; j < W; ++j) acc[i][j] = fma(row, column[j], acc[i][j]);
    }
  };
#pragma GCC unroll 2
  for (const DotStep* end = step + t.whole; step < end; ++step)
    add([](const T* p) { return load<T>(p); });
  for (const DotStep* end = step + t.parts; step < end; ++step)
    add([n = t.lanes](const T* p) { return load_part<T>(p, n); });
#pragma GCC unroll 8
  for (int j = 0; j < W; ++j) {
    T* to = t.acc[j];
#pragma GCC unroll 8
    for (int i = 0; i < H; ++i, to += acc_row) store<T>(to, acc[i][j]);
  }
}

/// The instances, by rows − 1 and columns − 1.
template <class T>
struct DotTiles {
  /// Eight leave three columns beside them, but only of 32 registers.
  static constexpr int most_rows = kRegisters > 16 ? 8 : 4;
  static constexpr int most_columns(int rows) {
    int n = 1;
    while (n < kMaxVectors && fits(rows, n + 1)) ++n;
    return n;
  }
  void (*at[most_rows][kMaxVectors])(const DotTile<T>&);
  constexpr DotTiles() : at{} { fill<1, 1>(); }

 private:
  template <int H, int W>
  constexpr void fill() {
    at[H - 1][W - 1] = dot_tile<T, H, W>;
    if constexpr (W < most_columns(H)) {
      fill<H, W + 1>();
    } else if constexpr (H < most_rows) {
      fill<H + 1, 1>();
    }
  }
};
template <class T>
constexpr DotTiles<T> dot_tiles{};

template <class T>
class ImageDots {
 public:
  ImageDots(const ConvCall& call, Parallel& pool)
      : call_(call), pool_(pool),
        joined_(call.w_k[2] == call.channels && call.x_s[2] * call.kernel_dilation[2] == call.channels),
        panels_(call.out_channels, joined_ ? kJoinedRows : DotTiles<T>::most_rows),
        depth_(kPanelBytes / (panels_.height * kVectorBytes)) {}

  /// Chooses boxes; false where images are not innermost, or too few.
  bool pays();
  Status run();

 private:
  static constexpr int lanes = Lanes<T>::count;
  /// Where neighbouring columns read almost the same of x, fewer rows and more columns take no more
  /// loads, and a longer stretch of w stays in L1.
  static constexpr int kJoinedRows = 4;
  /// What the rows of a tile meet between two visits to the accumulators: stays in an L1 of 48 KB.
  static constexpr int64_t kPanelBytes = int64_t{28} << 10;
  /// The most vectors of one kernel position: a list of 16 KB.
  static constexpr int64_t kMostDepth = 1024;
  /// Columns of a task: w comes from L2 once for so many, and their accumulators take 20 KB.
  static constexpr int64_t kColumns = 80;
  /// Vectors of a row of w in a task: more would leave few tasks; sums over lanes do not show.
  static constexpr int64_t kPiece = (int64_t{32} << 10) / kVectorBytes;
  /// What all rows of w and all columns of x have of a piece stays in half of a 2 MB L2.
  static constexpr int64_t kPieceBytes = int64_t{1} << 20;
  /// Pieces are laid out like the result: so many copies of it at most.
  static constexpr int64_t kMostPieces = 64;
  /// With fewer vectors of the contraction, sums over lanes take most of the time.
  static constexpr int64_t kShortest = 4;

  const ConvCall& call_;
  Parallel& pool_;
  bool joined_;               // neighbours in a line of kernel positions are neighbours in x and w
  RowPanels panels_;
  int64_t depth_;             // vectors of a row of w between two visits to the accumulators
  int64_t images_ = 1;        // images of a task
  Grid positions_, kernel_;   // boxes of output and of kernel positions
  int64_t pieces_ = 1;        // of the contraction

  /// A block of results.
  struct Part {
    int64_t g, row, rows, image, images, p0[3], p1[3], size[3];
    int64_t columns() const { return images * volume(size); }
  };
  /// The kernel positions from `low` to `high` meet x.
  struct Range {
    int64_t low, high;
  };
  /// Neighbouring positions of a block that meet x with the same kernel positions.
  struct Run {
    int64_t p0, p1, q0, q1;
  };
  /// The steps of a box of kernel positions in one plane.
  struct Steps {
    DotStep* list;
    int64_t lines, places, whole, parts;
    int lanes;
  };

  int64_t vectors(int64_t places) const {
    return joined_ ? ceil_div(places * call_.channels, lanes) : places * ceil_div(call_.channels, lanes);
  }
  int64_t blocks() const {
    return call_.groups * panels_.count * ceil_div(call_.n, images_) * positions_.boxes();
  }
  Part part_of(int64_t block) const;
  Range inside(int d, int64_t p) const;
  void list(Steps& steps, int64_t lines, int64_t places) const;
  void add(T* acc, const Part& b, const Run* r, const Steps& steps) const;
  void place(T* to, const Part& b, const T* acc, T* sums) const;
  void sum(T* to, const Part& b, int64_t piece, void* room) const;
};

template <class T>
bool ImageDots<T>::pays() {
  const ConvCall& c = call_;
  if (c.x_c != 1 || c.w_c != 1) return false;
  for (int d = 0; d < 3; ++d)
    if (c.in_dilation[d] != 1 || c.in[d] == 0) return false;
  const int64_t line = vectors(c.kernel[2]), all = line * c.kernel[0] * c.kernel[1];
  if (ceil_div(c.channels, lanes) > kMostDepth) return false;
  // Four fifths of the lanes count: partial vectors cost more than whole ones.
  if (5 * c.channels * volume(c.kernel) < 4 * all * lanes || all < kShortest) return false;

  int64_t taps[3] = {1, 1, c.kernel[2]}, box[3] = {c.out[0], c.out[1], c.out[2]};
  if (line > depth_) {
    taps[2] = ceil_div(c.kernel[2], ceil_div(line, depth_));
  } else {
    taps[1] = ceil_div(c.kernel[1], ceil_div(c.kernel[1] * line, depth_));
  }
  while (volume(box) > kColumns) halve(box, 1);
  kernel_ = Grid(c.kernel, taps);
  positions_ = Grid(c.out, box);
  images_ = min(c.n, kColumns / volume(box));
  // A piece of x is some twice as large as one of w: its border.
  const int64_t bytes = all * (c.out_channels + 2 * c.n) * kVectorBytes;
  pieces_ = max(1, min(min(kMostPieces, kernel_.boxes()), max(all / kPiece, bytes / kPieceBytes)));
  return true;
}

template <class T>
typename ImageDots<T>::Part ImageDots<T>::part_of(int64_t block) const {
  const int64_t across = ceil_div(call_.n, images_);
  Part b;
  positions_.at(block % positions_.boxes(), b.p0, b.p1);
  block /= positions_.boxes();
  b.image = block % across * images_;
  b.images = min(images_, call_.n - b.image);
  block /= across;
  b.row = block % panels_.count * panels_.height;
  b.rows = panels_.height_of(block % panels_.count);
  b.g = block / panels_.count;
  for (int d = 0; d < 3; ++d) b.size[d] = b.p1[d] - b.p0[d];
  return b;
}

template <class T>
typename ImageDots<T>::Range ImageDots<T>::inside(int d, int64_t p) const {
  const int64_t at = p * call_.stride[d] - call_.pad[d];  // of kernel position 0
  const int64_t dilation = call_.kernel_dilation[d], in = call_.in[d];
  return {at < 0 ? ceil_div(-at, dilation) : 0, at < in ? ceil_div(in - at, dilation) : 0};
}

/// Lists the steps of a box of kernel positions, unless they are those of the last one.
template <class T>
void ImageDots<T>::list(Steps& s, int64_t lines, int64_t places) const {
  const ConvCall& c = call_;
  if (s.lines == lines && s.places == places) return;
  const int64_t runs = joined_ ? 1 : places, length = joined_ ? places * c.channels : c.channels;
  s.lines = lines, s.places = places;
  s.lanes = int(length % lanes);
  s.whole = lines * runs * (length / lanes);
  s.parts = s.lanes ? lines * runs : 0;
  DotStep *whole = s.list, *part = s.list + s.whole;
  for (int64_t y = 0; y < lines; ++y)
    for (int64_t x = 0; x < runs; ++x) {
      DotStep at = {y * c.w_k[1] + x * c.w_k[2],
                    y * c.kernel_dilation[1] * c.x_s[1] + x * c.kernel_dilation[2] * c.x_s[2]};
      for (int64_t i = length / lanes; i-- > 0; at.a += lanes, at.b += lanes) *whole++ = at;
      if (s.lanes) *part++ = at;
    }
}

/// Adds to all columns of a box of positions what they have of a box of kernel positions.
template <class T>
void ImageDots<T>::add(T* acc, const Part& b, const Run* r, const Steps& steps) const {
  const ConvCall& c = call_;
  DotTile<T> t;
  t.steps = steps.list;
  t.whole = steps.whole, t.parts = steps.parts, t.lanes = steps.lanes;
  t.a = static_cast<const T*>(c.w) + b.g * c.w_g + b.row * c.w_o;
  t.a_row = c.w_o;
  t.acc_row = b.columns() * lanes;
  const T* x = static_cast<const T*>(c.x) + b.g * c.x_g + b.image * c.x_n;
  int64_t step[3], size[3], p[3] = {0, 0, 0}, image = 0;
  for (int d = 0; d < 3; ++d) {
    const int64_t at = (b.p0[d] + r[d].p0) * c.stride[d] + r[d].q0 * c.kernel_dilation[d] - c.pad[d];
    t.a += r[d].q0 * c.w_k[d];
    x += at * c.x_s[d];
    step[d] = c.stride[d] * c.x_s[d];
    size[d] = r[d].p1 - r[d].p0;
  }
  acc += ((r[0].p0 * b.size[1] + r[1].p0) * b.size[2] + r[2].p0) * lanes;

  const int64_t columns = b.images * volume(size);
  const int64_t tiles = ceil_div(columns, DotTiles<T>::most_columns(int(b.rows)));
  const int64_t width = columns / tiles, wider = columns % tiles;
  for (int64_t i = 0; i < tiles; ++i) {
    const int count = int(width + (i < wider));
    for (int j = 0; j < count; ++j) {
      t.b[j] = x + image * c.x_n + p[0] * step[0] + p[1] * step[1] + p[2] * step[2];
      t.acc[j] = acc + (((image * b.size[0] + p[0]) * b.size[1] + p[1]) * b.size[2] + p[2]) * lanes;
      int d = 2;
      while (d >= 0 && ++p[d] == size[d]) p[d--] = 0;
      image += d < 0;
    }
    dot_tiles<T>.at[b.rows - 1][count - 1](t);
  }
}

/// Sums over lanes, and stores what belongs to each line of the result.
template <class T>
void ImageDots<T>::place(T* to, const Part& b, const T* acc, T* sums) const {
  const int64_t count = b.rows * b.columns(), *out = call_.out;
  for (int64_t i = 0; i < count; i += lanes) {
    Vec<T> v[lanes];
#pragma GCC unroll 16
    for (int j = 0; j < lanes; ++j) v[j] = load<T>(acc + (i + j) * lanes);
    store<T>(sums + i, lane_sums<T>(v));
  }
  for (int64_t row = b.row; row < b.row + b.rows; ++row)
    for (int64_t image = b.image; image < b.image + b.images; ++image)
      for (int64_t z = b.p0[0]; z < b.p1[0]; ++z)
        for (int64_t y = b.p0[1]; y < b.p1[1]; ++y, sums += b.size[2]) {
          const int64_t plane = (image * call_.groups + b.g) * call_.out_channels + row;
          copy_strided(to + ((plane * out[0] + z) * out[1] + y) * out[2] + b.p0[2], sums, b.size[2], 1);
        }
}

/// One piece of the contraction for one block of results.
template <class T>
void ImageDots<T>::sum(T* to, const Part& b, int64_t piece, void* room) const {
  Scratch scratch(room);
  const int64_t results = round_up(b.rows * b.columns(), lanes), boxes = kernel_.boxes();
  T* acc = scratch.take<T>(results * lanes);
  fill_zero(acc, results * lanes);
  Range* ranges[3];
  for (int d = 0; d < 3; ++d) {
    ranges[d] = scratch.take<Range>(b.size[d]);
    for (int64_t p = 0; p < b.size[d]; ++p) ranges[d][p] = inside(d, b.p0[d] + p);
  }
  Steps steps{};
  steps.list = scratch.take<DotStep>(kernel_.box[1] * vectors(kernel_.box[2]));

  int64_t q0[3], q1[3];
  Run run[3];
  const auto each_run = [&](int d, const auto& visit) {
    const auto low = [&](int64_t p) { return max(q0[d], ranges[d][p].low); };
    const auto high = [&](int64_t p) { return min(q1[d], ranges[d][p].high); };
    for (int64_t p = 0, end; p < b.size[d]; p = end) {
      for (end = p + 1; end < b.size[d] && low(end) == low(p) && high(end) == high(p);) ++end;
      run[d] = {p, end, low(p), high(p)};
      if (run[d].q0 < run[d].q1) visit();
    }
  };
  for (int64_t box = boxes * piece / pieces_; box < boxes * (piece + 1) / pieces_ && !pool_.interrupted(); ++box) {
    kernel_.at(box, q0, q1);
    each_run(0, [&] {
      each_run(1, [&] {
        each_run(2, [&] {
          list(steps, run[1].q1 - run[1].q0, run[2].q1 - run[2].q0);
          add(acc, b, run, steps);
        });
      });
    });
  }
  place(to, b, acc, scratch.take<T>(results));
}

template <class T>
Status ImageDots<T>::run() {
  const ConvCall& call = call_;
  const int64_t images = call.n * call.groups, rows = call.out_channels * volume(call.out);
  // Each piece is laid out like the result, whose place takes the first.
  T* y = static_cast<T*>(call.y);
  const int64_t apart = pieces_ - (y != nullptr);
  T* partial = nullptr;
  if (apart > 0) {
    partial = static_cast<T*>(pool_.workspace(uint64_t(apart * images * rows) * sizeof(T)));
    if (!partial) return Status::out_of_memory;
  }
  const auto at = [&](int64_t piece) {
    return y && piece == 0 ? y : partial + (piece - (y != nullptr)) * images * rows;
  };
  const int64_t all = blocks();
  run_tasks(pool_, pieces_ * all, [&](int64_t task, int worker) {
    sum(at(task / all), part_of(task % all), task / all, pool_.scratch(worker));
  });
  if (apart == 0) return Status::ok;

  run_tasks(pool_, images, [&](int64_t image, int worker) {
    T* total = at(0) + image * rows;
    for (int64_t piece = 1; piece < pieces_; ++piece) {
      const T* more = at(piece) + image * rows;
      for (int64_t i = 0; i < rows; ++i) total[i] += more[i];
    }
    static constexpr int64_t zero[3] = {0, 0, 0};
    if (!y)
      deliver(call, worker, image / call.groups, image % call.groups, 0, call.out_channels, zero,
              call.out, total);
  });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm
