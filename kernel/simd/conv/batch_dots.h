// Gradients of weights in batch-innermost (CHWN) layout: the contraction over images (the call's channels) has unit
// stride in both operands. A vector holds neighbours along the contraction; rows of w are multiplied by several columns
// of x, where a column is an image and position of the result; the lanes are summed at the end. Nothing is packed,
// staged or padded: a column uses only the kernel positions that lie inside x.
#pragma once
#include "simd/gemm/micro_kernel.h"
#include "stage.h"

namespace gradus::GRADUS_ISA::gemm {

/// A vector of the contraction: its offset in every row of w and in every column of x.
struct DotStep {
  int64_t a, b;
};

/// acc[j][i·acc_row] += Σ over steps of a[i·a_row + step.a] · b[j][step.b], lane by lane; the whole vectors are
/// followed by `parts` partial ones of `lanes` lanes.
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

/// The first n lanes; out of line where that takes a loop, as one copy of the loop is enough.
template <class T>
#if !defined(__AVX2__)
__attribute__((noinline))
#endif
Vec<T> load_part(const T* p, int n) {
  return load_first<T>(p, n);
}

/// H rows of w, W columns of x: the columns stay in registers while the rows pass by.
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
  for (const DotStep* end = step + t.whole; step < end; ++step) add([](const T* p) { return load<T>(p); });
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
  /// Eight rows leave registers for three columns, but only with 32 registers.
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
class BatchDots {
 public:
  BatchDots(const ConvCall& call, const ConvBlocking& b, Parallel& pool)
      : call_(call), pool_(pool), shape_(call),
        parts_{call, Grid(call.out, b.positions), shape_.panels.height, b.images}, kernel_(call.kernel, b.kernel),
        splits_(b.splits) {}

  /// Chooses blocks; false if images are not innermost, or too few.
  static bool choose(const ConvCall& call, ConvBlocking& blocking);
  Status run();

 private:
  static constexpr int lanes = Lanes<T>::count;
  /// Neighbouring columns read almost the same elements of x. Fewer rows and more columns then need no more loads, and
  /// a longer stretch of w stays in L1.
  static constexpr int kJoinedRows = 4;
  /// What the rows of a tile read between two visits to the accumulators stays in an L1 of 48 KB.
  static constexpr int64_t kPanelBytes = int64_t{28} << 10;
  /// The most vectors of one kernel position: a list of 16 KB.
  static constexpr int64_t kMostDepth = 1024;
  /// Columns of a task: enough to amortize reading w from L2; their accumulators take 20 KB.
  static constexpr int64_t kColumns = 80;
  /// Vectors of a row of w in a task: more would leave few tasks; sums over lanes are negligible already.
  static constexpr int64_t kSplit = (int64_t{32} << 10) / kVectorBytes;
  /// All rows of w and all columns of x of one split stay in half of a 2 MB L2.
  static constexpr int64_t kSplitBytes = int64_t{1} << 20;
  /// Each split has a buffer with the layout of the result: at most this many copies of it.
  static constexpr int64_t kMostSplits = 64;
  /// With fewer vectors along the contraction, sums over lanes dominate.
  static constexpr int64_t kShortest = 4;

  /// How rows of w are read.
  struct Shape {
    int64_t channels;
    bool joined;  // neighbours in a line of kernel positions are neighbours in x and w
    RowPanels panels;
    int64_t depth;  // vectors of a row of w between two visits to the accumulators

    explicit Shape(const ConvCall& call)
        : channels(call.channels), joined(call.w_k[2] == channels && call.x_s[2] * call.kernel_dilation[2] == channels),
          panels(call.out_channels, joined ? kJoinedRows : DotTiles<T>::most_rows),
          depth(kPanelBytes / (panels.height * kVectorBytes)) {}

    int64_t vectors(int64_t positions) const {
      return joined ? ceil_div(positions * channels, lanes) : positions * ceil_div(channels, lanes);
    }
  };
  /// The kernel positions from `low` to `high` meet x.
  struct Span {
    int64_t low, high;
  };
  /// Neighbouring positions of a block that meet x with the same kernel positions.
  struct Run {
    int64_t p0, p1, q0, q1;
  };
  /// The steps of a box of kernel positions in one plane.
  struct Steps {
    DotStep* list;
    int64_t lines, positions, whole, parts;
    int lanes;
  };

  const ConvCall& call_;
  Parallel& pool_;
  Shape shape_;
  Parts parts_;
  Grid kernel_;     // boxes of kernel positions
  int64_t splits_;  // of the contraction

  Span inside(int d, int64_t p) const;
  void list(Steps& steps, int64_t lines, int64_t positions) const;
  void add(T* acc, const Part& b, const Run* r, const Steps& steps) const;
  void store_part(T* to, const Part& b, const T* acc, T* sums) const;
  void sum(T* to, const Part& b, int64_t split, void* room) const;
};

template <class T>
bool BatchDots<T>::choose(const ConvCall& c, ConvBlocking& b) {
  if (c.x_c != 1 || c.w_c != 1) return false;
  for (int d = 0; d < 3; ++d)
    if (c.in_dilation[d] != 1 || c.in[d] == 0) return false;
  const Shape shape(c);
  const int64_t line = shape.vectors(c.kernel[2]), all = line * c.kernel[0] * c.kernel[1];
  if (ceil_div(c.channels, lanes) > kMostDepth) return false;
  // At least four fifths of the lanes must be used: partial vectors cost more than whole ones.
  if (5 * c.channels * volume(c.kernel) < 4 * all * lanes || all < kShortest) return false;

  int64_t *taps = b.kernel, *box = b.positions;
  for (int d = 0; d < 3; ++d) box[d] = c.out[d];
  taps[0] = taps[1] = 1, taps[2] = c.kernel[2];
  if (line > shape.depth) {
    taps[2] = ceil_div(c.kernel[2], ceil_div(line, shape.depth));
  } else {
    taps[1] = ceil_div(c.kernel[1], ceil_div(c.kernel[1] * line, shape.depth));
  }
  while (volume(box) > kColumns) halve(box, 1);
  b.rows = shape.panels.height;
  b.images = min(c.n, kColumns / volume(box));
  // A split of x is about twice as large as one of w, because of its border.
  const int64_t bytes = all * (c.out_channels + 2 * c.n) * kVectorBytes, boxes = Grid(c.kernel, taps).boxes();
  b.splits = max(1, min(min(kMostSplits, boxes), max(all / kSplit, bytes / kSplitBytes)));
  return true;
}

template <class T>
typename BatchDots<T>::Span BatchDots<T>::inside(int d, int64_t p) const {
  const int64_t at = p * call_.stride[d] - call_.pad[d];  // of kernel position 0
  const int64_t dilation = call_.kernel_dilation[d], in = call_.in[d];
  return {at < 0 ? ceil_div(-at, dilation) : 0, at < in ? ceil_div(in - at, dilation) : 0};
}

/// Lists the steps of a box of kernel positions, unless they are those of the previous one.
template <class T>
void BatchDots<T>::list(Steps& s, int64_t lines, int64_t positions) const {
  const ConvCall& c = call_;
  if (s.lines == lines && s.positions == positions) return;
  const int64_t runs = shape_.joined ? 1 : positions, length = shape_.joined ? positions * c.channels : c.channels;
  s.lines = lines, s.positions = positions;
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

/// Adds to all columns of a box of positions their products with a box of kernel positions.
template <class T>
void BatchDots<T>::add(T* acc, const Part& b, const Run* r, const Steps& steps) const {
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

/// Sums over lanes, and stores each line of the result.
template <class T>
void BatchDots<T>::store_part(T* to, const Part& b, const T* acc, T* sums) const {
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

/// One split of the contraction for one block of results.
template <class T>
void BatchDots<T>::sum(T* to, const Part& b, int64_t split, void* room) const {
  Scratch scratch(room);
  const int64_t results = round_up(b.rows * b.columns(), lanes), boxes = kernel_.boxes();
  T* acc = scratch.take<T>(results * lanes);
  fill_zero(acc, results * lanes);
  Span* spans[3];
  for (int d = 0; d < 3; ++d) {
    spans[d] = scratch.take<Span>(b.size[d]);
    for (int64_t p = 0; p < b.size[d]; ++p) spans[d][p] = inside(d, b.p0[d] + p);
  }
  Steps steps{};
  steps.list = scratch.take<DotStep>(kernel_.box[1] * shape_.vectors(kernel_.box[2]));

  int64_t q0[3], q1[3];
  Run run[3];
  const auto each_run = [&](int d, const auto& visit) {
    const auto low = [&](int64_t p) { return max(q0[d], spans[d][p].low); };
    const auto high = [&](int64_t p) { return min(q1[d], spans[d][p].high); };
    for (int64_t p = 0, end; p < b.size[d]; p = end) {
      for (end = p + 1; end < b.size[d] && low(end) == low(p) && high(end) == high(p);) ++end;
      run[d] = {p, end, low(p), high(p)};
      if (run[d].q0 < run[d].q1) visit();
    }
  };
  for (int64_t box = boxes * split / splits_; box < boxes * (split + 1) / splits_ && !pool_.interrupted(); ++box) {
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
  store_part(to, b, acc, scratch.take<T>(results));
}

template <class T>
Status BatchDots<T>::run() {
  const ConvCall& call = call_;
  const int64_t images = call.n * call.groups, rows = call.out_channels * volume(call.out);
  // Each split has a buffer with the layout of the result; the first split uses the result itself.
  T* y = static_cast<T*>(call.y);
  const int64_t apart = splits_ - (y != nullptr);
  T* partial = nullptr;
  if (apart > 0) {
    partial = static_cast<T*>(pool_.workspace(uint64_t(apart * images * rows) * sizeof(T)));
    if (!partial) return Status::out_of_memory;
  }
  const auto at = [&](int64_t split) {
    return y && split == 0 ? y : partial + (split - (y != nullptr)) * images * rows;
  };
  const int64_t all = parts_.count();
  run_tasks(pool_, splits_ * all, [&](int64_t task, int worker) {
    sum(at(task / all), parts_.at(task % all), task / all, pool_.scratch(worker));
  });
  if (apart == 0) return Status::ok;

  run_tasks(pool_, images, [&](int64_t image, int worker) {
    T* total = at(0) + image * rows;
    for (int64_t split = 1; split < splits_; ++split) {
      const T* more = at(split) + image * rows;
      for (int64_t i = 0; i < rows; ++i) total[i] += more[i];
    }
    static constexpr int64_t zero[3] = {0, 0, 0};
    if (!y)
      run_epilogue(call, worker, image / call.groups, image % call.groups, 0, call.out_channels, zero, call.out, total);
  });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm
