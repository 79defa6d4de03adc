// Matrix products. Four ways, chosen by shape alone:
//   vector  one row or one column: dot products, or a direct product of the transpose;
//   direct  nothing is packed: small products, and B with unit column stride;
//   packed  A and B in panels; every block of C is a task, or one for each piece of a long k;
//   split   few blocks but a long k: k is cut too, partial sums are added in order.
#include "gemm.h"

#include "gemm_kernel.h"
#include "pack_panels.h"

namespace gradus::GRADUS_ISA {
namespace gemm {
namespace {

/// Depth of a packed panel. A panel of A (14 rows, AVX-512) takes 384 · 14 · 4 B = 21 KB or
/// 256 · 14 · 8 B = 28 KB of a 48 KB L1 and stays there while B streams past from L2.
template <class T>
constexpr int64_t kDepth = sizeof(T) == 4 ? 384 : 256;

/// Columns of a block: kDepth · 512 · 4 B = 768 KB of B (1 MB in f64), half of a 2 MB L2.
constexpr int64_t kBlockColumns = 512;
/// Rows of a block: enough that a task's cost does not show.
constexpr int64_t kBlockRows = 168;

static_assert((kBlockRows + kBlockColumns) * 256 * 8 + kBlockRows * kBlockColumns * 8 +
                      2 * 4096 <= kScratchBytes,
              "a block's panels and its tile fit the scratch");

/// Cuts a product into tasks of rows × columns blocks.
struct Blocks {
  int64_t rows, columns;  // of a block
  int64_t down, across;   // number of blocks
  Blocks(int64_t m, int64_t n, int64_t depth, int64_t batch, int height, int width) {
    rows = max(height, kBlockRows / height * height);
    columns = max(width, kBlockColumns / width * width);
    rows = min(rows, round_up(m, height));
    columns = min(columns, round_up(n, width));
    count(m, n);
    // Halve blocks until there is work for many workers, but leave a task ≥ 2²⁰ multiplications
    // (some 10 µs), beside which a task's cost does not show.
    while (batch * down * across < 32 && rows * columns * depth >= int64_t{1} << 21) {
      if (columns > width && columns >= rows) {
        columns = round_up(columns / 2, width);
      } else if (rows > height) {
        rows = round_up(rows / 2, height);
      } else {
        break;
      }
      count(m, n);
    }
  }

 private:
  void count(int64_t m, int64_t n) {
    down = ceil_div(m, rows);
    across = ceil_div(n, columns);
  }
};

/// Where a block of the result goes: rows of `row` elements.
template <class T>
struct Target {
  T* c;
  int64_t row;
};

/// Row k of a packed panel of v vectors of columns lies at at[v − 1][k] = k · v · lanes.
template <class T>
struct OffsetTables {
  int32_t at[kMaxVectors][kDepth<T>];
  OffsetTables(int widest, int64_t depth) {
    for (int v = 1; v <= widest; ++v)
      for (int64_t k = 0; k < depth; ++k) at[v - 1][k] = int32_t(k * v * Lanes<T>::count);
  }
};

template <class T>
class Product {
 public:
  Product(const MatmulCall& call, Parallel& pool)
      : call_(call), pool_(pool), a_(static_cast<const T*>(call.a)),
        b_(static_cast<const T*>(call.b)), panels_(call.m),
        vectors_(max_vectors(panels_.height)), width_(vectors_ * lanes),
        blocks_(call.m, call.n, min(call.k, kDepth<T>), call.batch, panels_.height, width_),
        padded_(round_up(call.n, lanes)) {}

  Status run() {
    if (vector_pays()) return vector();
    if (call_.b_col == 1 && small()) return direct();
    const int64_t tasks = call_.batch * blocks_.down * blocks_.across;
    if (tasks <= 8 && call_.k >= 4 * kDepth<T> && call_.m * call_.n <= int64_t{1} << 16) return split();
    return packed();
  }

 private:
  static constexpr int lanes = Lanes<T>::count;

  const MatmulCall& call_;
  Parallel& pool_;
  const T* a_;
  const T* b_;
  RowPanels panels_;
  int vectors_, width_;  // of a packed panel of B
  Blocks blocks_;
  int64_t padded_;  // n in whole vectors

  /// Too little work, or too few rows, for packing to pay.
  bool small() const {
    return call_.m <= kMaxRows || call_.m * call_.n * call_.k <= int64_t{1} << 16;
  }

  /// The result's place for a block when it is stored directly, else the worker's tile.
  Target<T> target(int64_t batch, int64_t row, int64_t col, T* tile, int64_t cols) const {
    if (!call_.c) return {tile, cols};
    return {static_cast<T*>(call_.c) + call_.c_offset[batch] + row * call_.c_row + col, call_.c_row};
  }
  void deliver(int worker, int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols,
               const T* tile, int64_t ld) const {
    if (call_.c) return;
    call_.sink.put(call_.sink.self, worker, Tile{batch, row, col, rows, cols, tile, ld});
  }

  // ── vector ──
  bool vector_pays() const;
  Status vector();
  // ── direct ──
  Status direct();
  void direct_rows(const T* a, int64_t rows, int64_t a_row, int64_t a_col, const T* b,
                   int64_t b_row, int64_t cols, Target<T> c) const;
  // ── packed ──
  Status packed();
  Status alone();
  Status split();
  void pack_a(T* to, int64_t batch, int64_t row, int64_t rows, int64_t k, int64_t depth) const;
  void pack_b(T* to, int64_t batch, int64_t col, int64_t cols, int64_t k, int64_t depth) const;
  void multiply(const T* a, const T* b, int64_t row, int64_t rows, int64_t cols, int64_t depth,
                const OffsetTables<T>& tables, Target<T> c, bool accumulate) const;
};

/// A single column, or a single row of a transposed B, where the matrix has a unit stride.
template <class T>
bool Product<T>::vector_pays() const {
  constexpr int64_t longest = int64_t{1} << 17;  // of a vector copied into the scratch
  if (call_.n == 1 && call_.a_col == 1) return call_.b_row == 1 || call_.k <= longest;
  if (call_.m == 1 && call_.b_row == 1) return call_.a_col == 1 || call_.k <= longest;
  return call_.n == 1 && call_.a_row == 1;
}

template <class T>
Status Product<T>::vector() {
  // r[j] = Σ_k matrix[j, k] · x[k].
  const MatmulCall& call = call_;
  const bool column = call.n == 1 && (call.a_col == 1 || call.a_row == 1);
  const int64_t size = column ? call.m : call.n, k = call.k;
  const int64_t step = column ? call.a_row : call.b_col, deep = column ? call.a_col : call.b_row;
  const int64_t x_step = column ? call.b_row : call.a_col;
  // Results of a task: 2¹⁶ multiplications; at most 4096, whose sums by lane take 256 KB.
  const int64_t length = min(size, max(4 * lanes, min(4096, (int64_t{1} << 16) / max(1, k))));
  const int64_t blocks = ceil_div(size, length);
  run_tasks(pool_, call.batch * blocks, [&](int64_t task, int worker) {
    const int64_t batch = task / blocks, from = task % blocks * length;
    const int64_t count = min(length, size - from);
    const T* matrix = (column ? a_ + call.a_offset[batch] : b_ + call.b_offset[batch]) + from * step;
    const T* x = column ? b_ + call.b_offset[batch] : a_ + call.a_offset[batch];
    T* result = static_cast<T*>(pool_.scratch(worker));
    T* acc = result + 4096;
    if (deep == 1) {
      T* copy = acc + length * lanes;
      if (x_step != 1) {
        for (int64_t i = 0; i < k; ++i) copy[i] = x[i * x_step];
        x = copy;
      }
      for (int64_t i = 0; i < count * lanes; ++i) acc[i] = T(0);
      const int64_t none = 0;
      all_dots(acc, count, 1, matrix, step, 0, x, &none, 0, 1, k);
      for (int64_t i = 0; i < count; ++i) result[i] = sum<T>(load<T>(acc + i * lanes));
    } else {
      direct_rows(x, 1, 0, x_step, matrix, deep, count, {result, count});
    }
    if (!call.c) {
      const Tile tile{batch, column ? from : 0, column ? 0 : from, column ? count : 1,
                      column ? 1 : count, result, column ? 1 : count};
      call.sink.put(call.sink.self, worker, tile);
    } else {
      T* c = static_cast<T*>(call.c) + call.c_offset[batch];
      for (int64_t i = 0; i < count; ++i) c[(from + i) * (column ? call.c_row : 1)] = result[i];
    }
  });
  return Status::ok;
}

/// c = rows of a × columns of b, both where they are; columns side by side.
template <class T>
void Product<T>::direct_rows(const T* a, int64_t rows, int64_t a_row, int64_t a_col, const T* b,
                             int64_t b_row, int64_t cols, Target<T> c) const {
  const RowPanels panels(rows, Kernels<T>::direct_rows);
  const int widest = max_vectors(panels.height) * lanes;
  Block<T> t;
  t.k = call_.k;
  t.a_row = a_row;
  t.a_col = a_col;
  t.b_row = b_row;
  t.c_row = c.row;
  t.accumulate = false;
  for (int64_t j = 0; j < cols; j += widest) {
    const int width = int(min(widest, cols - j)), vectors = int(ceil_div(width, lanes));
    for (int v = 0; v < vectors; ++v) t.count[v] = int(min(lanes, width - v * lanes));
    t.b[0] = b + j;
    const auto& row_kernels = kernels<T>.direct[width % lanes != 0];
    for (int64_t p = 0; p < panels.count; ++p) {
      t.a = a + p * panels.height * a_row;
      for (int v = 0; v < vectors; ++v) t.c[v] = c.c + p * panels.height * c.row + j + v * lanes;
      row_kernels[panels.height_of(p) - 1][vectors - 1](t);
    }
  }
}

template <class T>
Status Product<T>::direct() {
  // A task: whole products of a batch up to 2¹⁷ multiplications, or a block of one product.
  const int64_t work = max(1, call_.m * call_.n * max(1, call_.k));
  const int64_t group = max(1, (int64_t{1} << 17) / work);
  const int64_t cols = call_.n <= 4 * kBlockColumns ? call_.n : 2 * kBlockColumns;
  const int64_t rows = max(kMaxRows, min(call_.m, (int64_t{1} << 17) / cols));
  const int64_t across = ceil_div(call_.n, cols), down = ceil_div(call_.m, rows);
  const int64_t blocks = across * down;
  run_tasks(pool_, ceil_div(call_.batch, group) * blocks, [&](int64_t task, int worker) {
    const int64_t first = task / blocks * group, block = task % blocks;
    const int64_t row = block / across * rows, col = block % across * cols;
    const int64_t r = min(rows, call_.m - row), c = min(cols, call_.n - col);
    T* tile = call_.c ? nullptr : static_cast<T*>(pool_.scratch(worker));
    for (int64_t batch = first; batch < min(first + group, call_.batch); ++batch) {
      direct_rows(a_ + call_.a_offset[batch] + row * call_.a_row, r, call_.a_row, call_.a_col,
                  b_ + call_.b_offset[batch] + col, call_.b_row, c,
                  target(batch, row, col, tile, c));
      deliver(worker, batch, row, col, r, c, tile, c);
    }
  });
  return Status::ok;
}

/// The panels of `rows` rows from `row` on, columns k … k + depth − 1, one behind the other.
template <class T>
void Product<T>::pack_a(T* to, int64_t batch, int64_t row, int64_t rows, int64_t k,
                        int64_t depth) const {
  const T* from = a_ + call_.a_offset[batch] + k * call_.a_col;
  const int64_t end = ceil_div(row + rows, panels_.height);
  for (int64_t panel = row / panels_.height; panel < end; ++panel) {
    const int height = panels_.height_of(panel);
    pack_panel(to, from + panel * panels_.height * call_.a_row, height, height, call_.a_row, depth,
               call_.a_col);
    to += height * depth;
  }
}

/// `cols` columns from `col` on in panels of width_, the last of as many vectors as it needs.
template <class T>
void Product<T>::pack_b(T* to, int64_t batch, int64_t col, int64_t cols, int64_t k,
                        int64_t depth) const {
  const T* from = b_ + call_.b_offset[batch] + col * call_.b_col + k * call_.b_row;
  for (int64_t j = 0; j < cols; j += width_) {
    const int count = int(min(width_, cols - j)), width = int(round_up(count, lanes));
    pack_panel(to, from + j * call_.b_col, width, count, call_.b_col, depth, call_.b_row);
    to += width * depth;
  }
}

/// c (+)= the packed rows × the packed columns.
template <class T>
void Product<T>::multiply(const T* a, const T* b, int64_t row, int64_t rows, int64_t cols,
                          int64_t depth, const OffsetTables<T>& tables, Target<T> c,
                          bool accumulate) const {
  Block<T> t;
  t.k = depth;
  t.c_row = c.row;
  t.accumulate = accumulate;
  for (int64_t i = 0; i < rows; i += panels_.height) {
    const int height = panels_.height_of((row + i) / panels_.height);
    t.a = a + i * depth;
    for (int64_t j = 0; j < cols; j += width_) {
      const int count = int(min(width_, cols - j)), vectors = int(ceil_div(count, lanes));
      t.b_offset = tables.at[vectors - 1];
      for (int v = 0; v < vectors; ++v) {
        t.b[v] = b + j * depth + v * lanes;
        t.c[v] = c.c + i * c.row + j + v * lanes;
        t.count[v] = int(min(lanes, count - v * lanes));
      }
      // The result may lie in memory long unused: its lines come while the sums form.
      for (int r = 0; r < height; ++r)
        for (int v = 0; v < vectors; ++v) __builtin_prefetch(t.c[v] + r * t.c_row, 1);
      kernels<T>.packed[height - 1][vectors - 1](t);
    }
  }
}

/// A worker's scratch, cut up.
template <class T>
struct Room {
  T *a, *b, *tile;
  explicit Room(void* scratch)
      : a(static_cast<T*>(scratch)), b(a + kBlockRows * kDepth<T> + 64),
        tile(b + kBlockColumns * kDepth<T> + 64) {}
};

/// One product after the other, where several blocks read the same panels. All blocks take a piece of k
/// before any takes the next: columns of B stay in L2 while rows of A stream past, which come from
/// L3 in order. The other way round, B's columns would come anew for every block and stall it.
template <class T>
Status Product<T>::packed() {
  const MatmulCall& call = call_;
  const int64_t m = call.m, n = call.n, k = call.k, depth = min(k, kDepth<T>);
  // An operand that several blocks read is packed once, for all; else each task packs its own.
  const bool share_a = blocks_.across > 1, share_b = blocks_.down > 1;
  if (!share_a && !share_b) return alone();
  // Sums that wait for the next piece of k need a place until a sink can have them.
  const bool waiting = !call.c && k > depth;
  const int64_t a_size = share_a ? round_up(m * depth, 16) : 0;
  const int64_t b_size = share_b ? padded_ * depth : 0;
  T* shared_a = static_cast<T*>(
      pool_.workspace(uint64_t(a_size + b_size + (waiting ? m * n : 0)) * sizeof(T)));
  if (!shared_a) return Status::out_of_memory;
  T *shared_b = shared_a + a_size, *sums = shared_b + b_size;
  const OffsetTables<T> tables(vectors_, depth);
  const int64_t a_tasks = share_a ? blocks_.down : 0, b_tasks = share_b ? blocks_.across : 0;
  const auto rows_of = [&](int64_t part) { return min(blocks_.rows, m - part * blocks_.rows); };
  const auto cols_of = [&](int64_t part) { return min(blocks_.columns, n - part * blocks_.columns); };
  for (int64_t batch = 0; batch < call.batch; ++batch)
    for (int64_t from = 0; from < max(1, k); from += max(1, depth)) {
      const int64_t d = min(depth, k - from);
      run_tasks(pool_, a_tasks + b_tasks, [&](int64_t task, int) {
        if (task < a_tasks) {
          const int64_t row = task * blocks_.rows;
          pack_a(shared_a + row * d, batch, row, rows_of(task), from, d);
        } else {
          const int64_t part = task - a_tasks, col = part * blocks_.columns;
          pack_b(shared_b + col * d, batch, col, cols_of(part), from, d);
        }
      });
      run_tasks(pool_, blocks_.down * blocks_.across, [&](int64_t task, int worker) {
        const Room<T> room(pool_.scratch(worker));
        const int64_t down = task % blocks_.down, across = task / blocks_.down;
        const int64_t row = down * blocks_.rows, col = across * blocks_.columns;
        const int64_t rows = rows_of(down), cols = cols_of(across);
        const T *a = shared_a + row * d, *b = shared_b + col * d;
        if (!share_a) pack_a(room.a, batch, row, rows, from, d), a = room.a;
        if (!share_b) pack_b(room.b, batch, col, cols, from, d), b = room.b;
        const Target<T> c = waiting ? Target<T>{sums + row * n + col, n}
                                    : target(batch, row, col, room.tile, cols);
        multiply(a, b, row, rows, cols, d, tables, c, from > 0);
        if (from + d == k) deliver(worker, batch, row, col, rows, cols, c.c, c.row);
      });
    }
  return Status::ok;
}

/// Products of a single block, one task each.
template <class T>
Status Product<T>::alone() {
  const int64_t m = call_.m, n = call_.n, k = call_.k, depth = kDepth<T>;
  const OffsetTables<T> tables(vectors_, min(k, depth));
  run_tasks(pool_, call_.batch, [&](int64_t batch, int worker) {
    const Room<T> room(pool_.scratch(worker));
    const Target<T> c = target(batch, 0, 0, room.tile, n);
    for (int64_t from = 0; from < max(1, k); from += depth) {
      const int64_t d = min(depth, k - from);
      pack_a(room.a, batch, 0, m, from, d);
      pack_b(room.b, batch, 0, n, from, d);
      multiply(room.a, room.b, 0, m, n, d, tables, c, from > 0);
    }
    deliver(worker, batch, 0, 0, m, n, c.c, c.row);
  });
  return Status::ok;
}

/// Few blocks and a long k: every (batch, block, piece of k) is a task that leaves its sum in the
/// workspace; then the pieces are added, first to last.
template <class T>
Status Product<T>::split() {
  const MatmulCall& call = call_;
  const int64_t m = call.m, n = call.n, k = call.k, depth = kDepth<T>;
  const int64_t chunks = ceil_div(k, depth);
  const int64_t per = max(1, max(ceil_div(chunks, 32), (int64_t{1} << 19) / (m * n * depth)));
  const int64_t pieces = ceil_div(chunks, per), blocks = blocks_.down * blocks_.across;
  T* partial = static_cast<T*>(
      pool_.workspace(uint64_t(call.batch * pieces * m * n) * sizeof(T)));
  if (!partial) return Status::out_of_memory;
  const OffsetTables<T> tables(vectors_, depth);
  run_tasks(pool_, call.batch * pieces * blocks, [&](int64_t task, int worker) {
    const Room<T> room(pool_.scratch(worker));
    const int64_t block = task % blocks, piece = task / blocks;
    const int64_t batch = piece / pieces, first = piece % pieces * per * depth;
    const int64_t row = block / blocks_.across * blocks_.rows;
    const int64_t col = block % blocks_.across * blocks_.columns;
    const int64_t rows = min(blocks_.rows, m - row), cols = min(blocks_.columns, n - col);
    const Target<T> c{partial + piece * m * n + row * n + col, n};
    for (int64_t from = first; from < min(k, first + per * depth); from += depth) {
      const int64_t d = min(depth, k - from);
      pack_a(room.a, batch, row, rows, from, d);
      pack_b(room.b, batch, col, cols, from, d);
      multiply(room.a, room.b, row, rows, cols, d, tables, c, from > first);
    }
  });
  const int64_t rows = max(1, 4096 / n), down = ceil_div(m, rows);
  run_tasks(pool_, call.batch * down, [&](int64_t task, int worker) {
    const int64_t batch = task / down, row = task % down * rows, r = min(rows, m - row);
    T* total = partial + batch * pieces * m * n + row * n;
    for (int64_t piece = 1; piece < pieces; ++piece)
      for (int64_t i = 0; i < r * n; ++i) total[i] += total[piece * m * n + i];
    deliver(worker, batch, row, 0, r, n, total, n);
    if (!call.c) return;
    const Target<T> c = target(batch, row, 0, nullptr, n);
    for (int64_t i = 0; i < r; ++i)
      __builtin_memcpy(c.c + i * c.row, total + i * n, size_t(n) * sizeof(T));
  });
  return Status::ok;
}

template <class T>
Status product(const MatmulCall& call, Parallel& pool) {
  return Product<T>(call, pool).run();
}

}  // namespace
}  // namespace gemm

Status matmul(const MatmulCall& call, Parallel& pool) {
  if (call.batch == 0 || call.m == 0 || call.n == 0) return Status::ok;
  return call.dtype == DType::f64 ? gemm::product<double>(call, pool)
                                  : gemm::product<float>(call, pool);
}

}  // namespace gradus::GRADUS_ISA
