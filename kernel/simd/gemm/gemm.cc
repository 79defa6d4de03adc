// Matrix products. Three algorithms, chosen by shape alone:
//   vector  one row or one column: dot products, or a direct product of the transpose;
//   direct  nothing is packed: small products, and B with unit column stride;
//   blocks  everything else, see blocks.h.
#include "gemm.h"

#include "blocks.h"
#include "tiles.h"

namespace gradus::GRADUS_ISA {
namespace gemm {
namespace {

template <class T>
class Product {
 public:
  Product(const MatmulCall& call, Parallel& pool)
      : call_(call), pool_(pool), a_(static_cast<const T*>(call.a)), b_(static_cast<const T*>(call.b)) {}

  Status run() {
    if (vector_pays()) return vector();
    if (call_.b_col == 1 && small()) return direct();
#if defined(GRADUS_TILES)
    if constexpr (sizeof(T) == 4)
      if (TilePanels::pay(call_, exchange_pays<T>(call_))) return BlockedProduct<T, TilePanels>(call_, pool_).run();
#endif
    return BlockedProduct<T, VectorPanels<T>>(call_, pool_).run();
  }

 private:
  static constexpr int lanes = Lanes<T>::count;

  const MatmulCall& call_;
  Parallel& pool_;
  const T* a_;
  const T* b_;

  /// Too little work, or too few rows, for packing to pay.
  bool small() const { return call_.m <= kMaxRows || call_.m * call_.n * call_.k <= int64_t{1} << 16; }

  /// The block's address in the result when it is stored directly, else the worker's tile.
  Target<T> target(int64_t batch, int64_t row, int64_t col, T* tile, int64_t cols) const {
    if (!call_.c) return {tile, cols};
    return {static_cast<T*>(call_.c) + call_.c_offset[batch] + row * call_.c_row + col, call_.c_row};
  }
  void run_epilogue(int worker, int64_t batch, int64_t row, int64_t col, int64_t rows, int64_t cols, const T* tile,
                    int64_t ld) const {
    if (call_.c) return;
    call_.epilogue.run(call_.epilogue.self, worker, Tile{batch, row, col, rows, cols, tile, ld});
  }

  // ── vector ──
  bool vector_pays() const;
  Status vector();
  // ── direct ──
  Status direct();
  void direct_rows(const T* a, int64_t rows, int64_t a_row, int64_t a_col, const T* b, int64_t b_row, int64_t cols,
                   Target<T> c) const;
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
  // Results of a task: 2¹⁶ multiplications; at most 4096 results, whose sums by lane take 256 KB.
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
      const Tile tile{batch,  column ? from : 0, column ? 0 : from, column ? count : 1, column ? 1 : count,
                      result, column ? 1 : count};
      call.epilogue.run(call.epilogue.self, worker, tile);
    } else {
      T* c = static_cast<T*>(call.c) + call.c_offset[batch];
      for (int64_t i = 0; i < count; ++i) c[(from + i) * (column ? call.c_row : 1)] = result[i];
    }
  });
  return Status::ok;
}

/// c = rows of a × columns of b, both read in place; columns side by side.
template <class T>
void Product<T>::direct_rows(const T* a, int64_t rows, int64_t a_row, int64_t a_col, const T* b, int64_t b_row,
                             int64_t cols, Target<T> c) const {
  const RowPanels panels(rows, Kernels<T>::direct_rows);
  const int widest = max_vectors(panels.height) * lanes;
  Block<T> t;
  t.a_row = a_row;
  t.a_col = a_col;
  t.b_row = b_row;
  t.c_row = c.row;
  for (int64_t j = 0; j < cols; j += widest) {
    const int width = int(min(widest, cols - j)), vectors = int(ceil_div(width, lanes));
    for (int v = 0; v < vectors; ++v) t.count[v] = int(min(lanes, width - v * lanes));
    const auto& row_kernels = Kernels<T>::all.direct[width % lanes != 0];
    for (int64_t p = 0; p < panels.count; ++p) {
      for (int v = 0; v < vectors; ++v) t.c[v] = c.c + p * panels.height * c.row + j + v * lanes;
      for (int64_t from = 0; from == 0 || (from < call_.k && !pool_.interrupted()); from += kChain) {
        t.k = min(kChain, call_.k - from);
        t.a = a + p * panels.height * a_row + from * a_col;
        t.b[0] = b + j + from * b_row;
        t.accumulate = from > 0;
        row_kernels[panels.height_of(p) - 1][vectors - 1](t);
      }
    }
  }
}

template <class T>
Status Product<T>::direct() {
  // A task: whole products of a batch up to 2¹⁷ multiplications, or a block of one product.
  const int64_t work = max(1, call_.m * call_.n * max(1, call_.k));
  const int64_t group = max(1, (int64_t{1} << 17) / work);
  const int64_t cols = call_.n <= 2048 ? call_.n : 1024;
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
                  b_ + call_.b_offset[batch] + col, call_.b_row, c, target(batch, row, col, tile, c));
      run_epilogue(worker, batch, row, col, r, c, tile, c);
    }
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
  return call.dtype == DType::f64 ? gemm::product<double>(call, pool) : gemm::product<float>(call, pool);
}

}  // namespace gradus::GRADUS_ISA
