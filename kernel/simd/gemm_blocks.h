// Products in blocks: the right operand in packed panels of whole vectors of columns, the left one in
// rows, read where they lie if k runs along them, else packed too.
#pragma once
#include "gemm_kernel.h"
#include "pack_panels.h"

namespace gradus::GRADUS_ISA::gemm {

/// Columns of a block of the result.
constexpr int64_t kBlockColumns = 512;
/// Rows of a block: enough that a task's cost does not show.
constexpr int64_t kBlockRows = 168;

/// Depth of a piece of k at 512 columns: 384 · 512 · 4 B = 768 KB of packed columns (1 MB in f64), half
/// of a 2 MB L2. Fewer columns leave room for longer pieces, up to kLongest, where the left operand is
/// read where it lies: in long runs, which the hardware fetches ahead.
template <class T>
constexpr int64_t kDepth = sizeof(T) == 4 ? 384 : 256;
template <class T>
constexpr int64_t kLongest = 8192 / int64_t{sizeof(T)};

/// Most rows of a packed panel, of which a register tile takes a few at a time. Wide enough to read long
/// runs where rows lie side by side, and three lines of f32: an odd number, which uses all sets of L1.
constexpr int64_t kPanelRows = 48;

static_assert((kBlockRows + kBlockColumns) * 256 * 8 + 2 * kBlockRows * kBlockColumns * 8 + 2 * 4096 <=
                  kScratchBytes,
              "a block's panels, its tile and the tile's transpose fit the scratch");

/// The register tile for `cols` columns: vectors beside each other, and rows.
struct TileShape {
  int vectors, rows;

  TileShape(int64_t cols, int lanes) {
    const int64_t all = ceil_div(cols, lanes), panels = max(1, ceil_div(all, widest()));
    vectors = int(max(1, ceil_div(all, panels)));
    rows = most_rows(vectors);
  }

 private:
  /// As many rows as registers allow, and pointers to rows of the left operand.
  static constexpr int most_rows(int vectors) {
    int rows = 1;
    while (rows < kDirectRows && fits(rows + 1, vectors)) ++rows;
    return rows;
  }
  /// The fewest loads, rows + vectors, for rows · vectors multiply-adds.
  static constexpr int widest() {
    int best = 1;
    for (int v = 2; v <= 4; ++v) {
      const int r = most_rows(v), b = most_rows(best);
      if ((r + v) * b * best < (b + best) * r * v) best = v;
    }
    return best;
  }
};

/// Where a block of the result goes: rows of `row` elements.
template <class T>
struct Target {
  T* c;
  int64_t row;
};

/// A matrix as a product sees it: rows (of the left one) or columns (of the right one) lie `along`
/// apart, and k runs in steps of `deep`.
template <class T>
struct Operand {
  const T* at;
  const int64_t* offset;
  int64_t along, deep;
  const T* of(int64_t batch, int64_t index, int64_t k) const {
    return at + offset[batch] + index * along + k * deep;
  }
};

/// c = left · right, or its transpose: where only B has rows along k, or is the larger operand, Cᵀ =
/// Bᵀ · Aᵀ spares packing it, and only the result's blocks are transposed on their way out.
template <class T>
class BlockedProduct {
 public:
  BlockedProduct(const MatmulCall& call, Parallel& pool);
  Status run();

 private:
  static constexpr int lanes = Lanes<T>::count;

  const MatmulCall& call_;
  Parallel& pool_;
  bool exchanged_, in_place_;  // whether left and right are B and A; whether left is not packed
  Operand<T> left_, right_;
  int64_t m_, n_, k_;  // rows of left, columns of right
  TileShape shape_;
  int64_t height_, width_;  // of packed panels
  int64_t rows_, cols_;     // of a block
  int64_t down_, across_;   // number of blocks
  int64_t depth_;           // of a piece of k

  void cut();

  /// A worker's scratch: packed panels, and two blocks of the result.
  struct Room {
    T *left, *right, *tile, *turned;
    explicit Room(void* scratch)
        : left(static_cast<T*>(scratch)), right(left + kBlockRows * kDepth<T> + 64),
          tile(right + kBlockColumns * kDepth<T> + 64), turned(tile + kBlockRows * kBlockColumns) {}
  };

  Status shared();
  Status alone();
  Status split();
  void pack_left(T* to, int64_t batch, int64_t row, int64_t rows, int64_t k, int64_t depth) const;
  void pack_right(T* to, int64_t batch, int64_t col, int64_t cols, int64_t k, int64_t depth) const;
  void multiply(const T* left, int64_t batch, int64_t row, int64_t rows, int64_t k, const T* right,
                int64_t cols, int64_t depth, Target<T> c, bool accumulate) const;

  int64_t rows_of(int64_t block) const { return min(rows_, m_ - block * rows_); }
  int64_t cols_of(int64_t block) const { return min(cols_, n_ - block * cols_); }

  T* result(int64_t batch, int64_t row, int64_t col) const {
    return static_cast<T*>(call_.c) + call_.c_offset[batch] + row * call_.c_row + col;
  }
  /// Where the sums of a block form: in the result when it is stored as it is, else in the tile.
  Target<T> target(int64_t batch, int64_t row, int64_t col, T* tile, int64_t cols) const {
    if (!call_.c || exchanged_) return {tile, cols};
    return {result(batch, row, col), call_.c_row};
  }
  void deliver(int worker, int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols,
               Target<T> c, T* turned) const;
};

template <class T>
BlockedProduct<T>::BlockedProduct(const MatmulCall& call, Parallel& pool)
    : call_(call), pool_(pool), exchanged_(call.b_row == 1 && (call.a_col != 1 || call.m < call.n)),
      left_{static_cast<const T*>(call.a), call.a_offset, call.a_row, call.a_col},
      right_{static_cast<const T*>(call.b), call.b_offset, call.b_col, call.b_row},
      m_(exchanged_ ? call.n : call.m), n_(exchanged_ ? call.m : call.n), k_(call.k),
      shape_(n_, lanes), height_(kPanelRows / shape_.rows * shape_.rows),
      width_(int64_t{shape_.vectors} * lanes) {
  if (exchanged_) {
    const Operand<T> left = left_;
    left_ = right_, right_ = left;
  }
  in_place_ = left_.deep == 1 && !kConstantDistances;
  cut();
}

/// Blocks of rows × columns, each a task.
template <class T>
void BlockedProduct<T>::cut() {
  const int64_t height = shape_.rows;
  rows_ = min(max(height, kBlockRows / height * height), round_up(m_, height));
  cols_ = min(max(width_, kBlockColumns / width_ * width_), round_up(n_, width_));
  const int64_t longest = in_place_ ? kLongest<T> : kDepth<T>;
  depth_ = min(k_, max(kDepth<T>, min(longest, kBlockColumns * kDepth<T> / cols_)));
  const auto count = [&] { down_ = ceil_div(m_, rows_), across_ = ceil_div(n_, cols_); };
  count();
  // Halve blocks until there is work for many workers, but leave a task ≥ 2²⁰ multiplications
  // (some 10 µs), beside which a task's cost does not show. Columns last: left is read once per block.
  while (call_.batch * down_ * across_ < 32 && rows_ * cols_ * depth_ >= int64_t{1} << 21) {
    if (rows_ >= 8 * height) {
      rows_ = round_up(rows_ / 2, height);
    } else if (cols_ > width_) {
      cols_ = round_up(cols_ / 2, width_);
    } else {
      break;
    }
    count();
  }
}

template <class T>
Status BlockedProduct<T>::run() {
  // Few blocks and a long k: without cutting it there would be little to share out.
  const int64_t tasks = call_.batch * down_ * across_;
  if (tasks <= 4 && k_ >= 4 * max(1, depth_) && m_ * n_ <= int64_t{1} << 16) return split();
  return down_ > 1 || across_ > 1 ? shared() : alone();
}

/// Panels of rows, one behind the other.
template <class T>
void BlockedProduct<T>::pack_left(T* to, int64_t batch, int64_t row, int64_t rows, int64_t k,
                                  int64_t depth) const {
  for (int64_t i = 0; i < rows; i += height_) {
    const int height = int(min(height_, rows - i));
    pack_panel(to + i * depth, left_.of(batch, row + i, k), height, height, left_.along, depth, left_.deep);
  }
}

/// Panels of columns, the last one of as many vectors as it needs.
template <class T>
void BlockedProduct<T>::pack_right(T* to, int64_t batch, int64_t col, int64_t cols, int64_t k,
                                   int64_t depth) const {
  for (int64_t j = 0; j < cols; j += width_) {
    const int count = int(min(width_, cols - j)), width = int(round_up(count, lanes));
    pack_panel(to + j * depth, right_.of(batch, col + j, k), width, count, right_.along, depth,
               right_.deep);
  }
}

/// c (+)= rows × the packed columns, for a piece of k.
template <class T>
void BlockedProduct<T>::multiply(const T* left, int64_t batch, int64_t row, int64_t rows, int64_t k,
                                 const T* right, int64_t cols, int64_t depth, Target<T> c,
                                 bool accumulate) const {
  const bool stored = call_.c && !exchanged_;
  Block<T> t;
  t.k = depth;
  t.c_row = c.row;
  t.accumulate = accumulate;
  for (int64_t i = 0; i < rows; i += shape_.rows) {
    const int height = int(min(shape_.rows, rows - i));
    const int64_t within = i % height_, panel = i - within;
    t.a = in_place_ ? left_.of(batch, row + i, k) : left + panel * depth + within;
    t.a_row = in_place_ ? left_.along : 1;
    t.a_col = in_place_ ? 1 : min(height_, rows - panel);
    for (int64_t j = 0; j < cols; j += width_) {
      const int count = int(min(width_, cols - j)), vectors = int(ceil_div(count, lanes));
      t.b[0] = right + j * depth;
      t.b_row = vectors * lanes;
      for (int v = 0; v < vectors; ++v) {
        t.c[v] = c.c + i * c.row + j + v * lanes;
        t.count[v] = int(min(lanes, count - v * lanes));
      }
      // The result may lie in memory long unused: its lines come while the sums form.
      for (int r = 0; stored && r < height; ++r)
        for (int v = 0; v < vectors; ++v) __builtin_prefetch(t.c[v] + r * c.row, 1);
      const auto& instances = kConstantDistances ? kernels<T>.panels : kernels<T>.direct[0];
      instances[height - 1][vectors - 1](t);
    }
  }
}

/// A finished block to where it belongs.
template <class T>
void BlockedProduct<T>::deliver(int worker, int64_t batch, int64_t row, int64_t col, int64_t rows,
                                int64_t cols, Target<T> c, T* turned) const {
  if (exchanged_) {
    pack_panel(turned, c.c, int(rows), int(rows), c.row, cols, 1);
    c = {turned, rows};
    const int64_t first = row, count = rows;
    row = col, rows = cols;
    col = first, cols = count;
  }
  if (!call_.c) return call_.sink.put(call_.sink.self, worker, Tile{batch, row, col, rows, cols, c.c, c.row});
  T* to = result(batch, row, col);
  if (to == c.c) return;
  for (int64_t i = 0; i < rows; ++i)
    __builtin_memcpy(to + i * call_.c_row, c.c + i * c.row, size_t(cols) * sizeof(T));
}

/// One product after the other, where several blocks read the same panels. All blocks take a piece of k
/// before any takes the next: columns stay in L2 while rows stream past, which come from L3 in
/// order. The other way round, the columns would come anew for every block and stall it.
template <class T>
Status BlockedProduct<T>::shared() {
  // An operand that several blocks read is packed once, for all; else each task packs its own.
  const bool pack_a = !in_place_ && across_ > 1, pack_b = down_ > 1;
  // Sums that wait for the next piece of k need a place, unless it is the result's.
  const bool waiting = k_ > depth_ && (!call_.c || exchanged_);
  const int64_t left_size = pack_a ? round_up(m_ * depth_, 16) : 0;
  const int64_t right_size = pack_b ? round_up(n_, lanes) * depth_ : 0;
  T* left = static_cast<T*>(
      pool_.workspace(uint64_t(left_size + right_size + (waiting ? m_ * n_ : 0) + 1) * sizeof(T)));
  if (!left) return Status::out_of_memory;
  T *right = left + left_size, *sums = right + right_size;
  const int64_t left_tasks = pack_a ? down_ : 0, right_tasks = pack_b ? across_ : 0;
  for (int64_t batch = 0; batch < call_.batch; ++batch)
    for (int64_t from = 0; from < max(1, k_); from += max(1, depth_)) {
      const int64_t d = min(depth_, k_ - from);
      run_tasks(pool_, left_tasks + right_tasks, [&](int64_t task, int) {
        const int64_t part = task < left_tasks ? task : task - left_tasks;
        if (task < left_tasks)
          pack_left(left + part * rows_ * d, batch, part * rows_, rows_of(part), from, d);
        else
          pack_right(right + part * cols_ * d, batch, part * cols_, cols_of(part), from, d);
      });
      run_tasks(pool_, down_ * across_, [&](int64_t task, int worker) {
        const Room room(pool_.scratch(worker));
        const int64_t down = task % down_, across = task / down_;
        const int64_t row = down * rows_, col = across * cols_;
        const int64_t rows = rows_of(down), cols = cols_of(across);
        const T *a = pack_a ? left + row * d : room.left, *b = pack_b ? right + col * d : room.right;
        if (!pack_a && !in_place_) pack_left(room.left, batch, row, rows, from, d);
        if (!pack_b) pack_right(room.right, batch, col, cols, from, d);
        const Target<T> c = waiting ? Target<T>{sums + row * n_ + col, n_}
                                    : target(batch, row, col, room.tile, cols);
        multiply(a, batch, row, rows, from, b, cols, d, c, from > 0);
        if (from + d == k_) deliver(worker, batch, row, col, rows, cols, c, room.turned);
      });
    }
  return Status::ok;
}

/// Products of a single block, one task each.
template <class T>
Status BlockedProduct<T>::alone() {
  run_tasks(pool_, call_.batch, [&](int64_t batch, int worker) {
    const Room room(pool_.scratch(worker));
    const Target<T> c = target(batch, 0, 0, room.tile, n_);
    for (int64_t from = 0; from < max(1, k_); from += max(1, depth_)) {
      const int64_t d = min(depth_, k_ - from);
      if (!in_place_) pack_left(room.left, batch, 0, m_, from, d);
      pack_right(room.right, batch, 0, n_, from, d);
      multiply(room.left, batch, 0, m_, from, room.right, n_, d, c, from > 0);
    }
    deliver(worker, batch, 0, 0, m_, n_, c, room.turned);
  });
  return Status::ok;
}

/// Few blocks and a long k: every (batch, block, piece of k) is a task that leaves its sum in the
/// workspace; then the pieces are added, first to last.
template <class T>
Status BlockedProduct<T>::split() {
  const int64_t size = m_ * n_, chunks = ceil_div(k_, depth_);
  const int64_t per = max(1, max(ceil_div(chunks, 32), (int64_t{1} << 19) / (size * depth_)));
  const int64_t pieces = ceil_div(chunks, per), blocks = down_ * across_;
  T* partial = static_cast<T*>(pool_.workspace(uint64_t(call_.batch * pieces * size) * sizeof(T)));
  if (!partial) return Status::out_of_memory;
  run_tasks(pool_, call_.batch * pieces * blocks, [&](int64_t task, int worker) {
    const Room room(pool_.scratch(worker));
    const int64_t block = task % blocks, piece = task / blocks;
    const int64_t batch = piece / pieces, first = piece % pieces * per * depth_;
    const int64_t row = block % down_ * rows_, col = block / down_ * cols_;
    const int64_t rows = rows_of(block % down_), cols = cols_of(block / down_);
    const Target<T> c{partial + piece * size + row * n_ + col, n_};
    for (int64_t from = first; from < min(k_, first + per * depth_); from += depth_) {
      const int64_t d = min(depth_, k_ - from);
      if (!in_place_) pack_left(room.left, batch, row, rows, from, d);
      pack_right(room.right, batch, col, cols, from, d);
      multiply(room.left, batch, row, rows, from, room.right, cols, d, c, from > first);
    }
  });
  const int64_t rows = max(1, min(rows_, 4096 / n_)), down = ceil_div(m_, rows);
  run_tasks(pool_, call_.batch * down, [&](int64_t task, int worker) {
    const Room room(pool_.scratch(worker));
    const int64_t batch = task / down, row = task % down * rows, r = min(rows, m_ - row);
    T* total = partial + batch * pieces * size + row * n_;
    for (int64_t piece = 1; piece < pieces; ++piece)
      for (int64_t i = 0; i < r * n_; ++i) total[i] += total[piece * size + i];
    deliver(worker, batch, row, 0, r, n_, {total, n_}, room.tile);
  });
  return Status::ok;
}

}  // namespace gradus::GRADUS_ISA::gemm
