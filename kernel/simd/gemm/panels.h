// The parts of a blocked product (blocks.h): operands, pieces of them packed in panels, and the panels' products in
// vector registers.
#pragma once
#include "micro_kernel.h"
#include "pack.h"

namespace gradus::GRADUS_ISA::gemm {

/// The destination of a block of the result: rows `row` elements apart.
template <class T>
struct Target {
  T* c;
  int64_t row;
};

/// A matrix as an operand: rows (of the left one) or columns (of the right one) lie `along` apart, and k has stride
/// `deep`.
template <class T>
struct Operand {
  const T* at;
  const int64_t* offset;
  int64_t along, deep;
  const T* of(int64_t batch, int64_t index, int64_t k) const { return at + offset[batch] + index * along + k * deep; }
};

/// A block of a product, for a piece of k.
struct Piece {
  int64_t batch, row, rows, col, cols, k, depth;
};

/// The register tile for `cols` columns: vectors side by side, and rows.
struct TileShape {
  int vectors, rows;

  TileShape(int64_t cols, int lanes) {
    const int64_t all = ceil_div(cols, lanes), panels = max(1, ceil_div(all, widest()));
    vectors = int(max(1, ceil_div(all, panels)));
    rows = most_rows(vectors);
  }

 private:
  /// As many rows as registers and pointers to rows of the left operand allow.
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

/// The right operand in packed panels of whole vectors of columns; the left one in rows, read in place if k runs along
/// them, else packed as well.
template <class T>
class VectorPanels {
 public:
  /// Of a block of the result. Rows: enough to amortize the cost of a task.
  static constexpr int64_t kRows = 168, kColumns = 512;
  /// Exchanged operands give the same bits: a sum is one chain along k, and products commute.
  static constexpr bool kCommutes = true;
  /// Multiplications that a task must have for its block to be halved: some 10 µs.
  static constexpr int64_t kLeastWork = int64_t{1} << 21;

  VectorPanels(const Operand<T>& left, const Operand<T>& right, int64_t columns)
      : left_(left), right_(right), shape_(columns, lanes), packed_height_(kPackedRows / shape_.rows * shape_.rows),
        in_place_(left.deep == 1 && !kConstantDistances) {}

  /// Blocks are cut in multiples of these.
  int64_t height() const { return shape_.rows; }
  int64_t width() const { return int64_t{shape_.vectors} * lanes; }
  int64_t depth(int64_t k, int64_t cols) const {
    // Cutting k rounds the partial sums, so the cut is part of the result's bits: 128-bit vectors cut k alike in place
    // and packed, natively and in WebAssembly.
    const int64_t longest = in_place_ && kVectorBytes > 16 ? kLongest : kDepth;
    return min(k, max(kDepth, min(longest, kColumns * kDepth / cols)));
  }

  /// Whether the left operand is packed at all.
  bool packs_left() const { return !in_place_; }
  /// Packed panels of this many rows or columns.
  static int64_t left_bytes(int64_t rows, int64_t depth) { return rows * depth * int64_t{sizeof(T)}; }
  static int64_t right_bytes(int64_t cols, int64_t depth) { return round_up(cols, lanes) * depth * int64_t{sizeof(T)}; }
  /// Depth of a piece of k at 512 columns: 384 · 512 · 4 B = 768 KB of packed columns (1 MB in f64), half of
  /// a 2 MB L2.
  static constexpr int64_t kDepth = sizeof(T) == 4 ? 384 : 256;
  /// Of a worker's scratch; packing may write a vector more.
  static constexpr int64_t kLeftRoom = (kRows * kDepth + 64) * int64_t{sizeof(T)};
  static constexpr int64_t kRightRoom = (kColumns * kDepth + 64) * int64_t{sizeof(T)};
  static constexpr int64_t kSpareRoom = 0;

  void pack_left(void* to, const Piece& piece) const;
  void pack_right(void* to, const Piece& piece) const;
  /// c (+)= left · right; `fetch` prefetches c, which may have left the caches.
  void multiply(const void* left, const void* right, const Piece& piece, Target<T> c, bool accumulate, bool fetch,
                void* spare) const;

 private:
  static constexpr int lanes = Lanes<T>::count;

  /// Fewer columns leave room for longer pieces, up to this, where the left operand is read in place: in long runs,
  /// which the hardware prefetches.
  static constexpr int64_t kLongest = 8192 / int64_t{sizeof(T)};
  /// Most rows of a packed panel; a register tile takes a few at a time. Wide enough to read long runs where rows lie
  /// side by side, and three lines of f32: an odd number, which uses all sets of L1.
  static constexpr int64_t kPackedRows = 48;

  Operand<T> left_, right_;
  TileShape shape_;
  int64_t packed_height_;
  bool in_place_;  // whether left is not packed
};

/// Panels of rows, one after the other.
template <class T>
void VectorPanels<T>::pack_left(void* to, const Piece& p) const {
  for (int64_t i = 0; i < p.rows; i += packed_height_) {
    const int height = int(min(packed_height_, p.rows - i));
    pack_panel(static_cast<T*>(to) + i * p.depth, left_.of(p.batch, p.row + i, p.k), height, height, left_.along,
               p.depth, left_.deep);
  }
}

/// Panels of columns, the last one with as many vectors as it needs.
template <class T>
void VectorPanels<T>::pack_right(void* to, const Piece& p) const {
  for (int64_t j = 0; j < p.cols; j += width()) {
    const int count = int(min(width(), p.cols - j)), width = int(round_up(count, lanes));
    pack_panel(static_cast<T*>(to) + j * p.depth, right_.of(p.batch, p.col + j, p.k), width, count, right_.along,
               p.depth, right_.deep);
  }
}

template <class T>
void VectorPanels<T>::multiply(const void* left, const void* right, const Piece& p, Target<T> c, bool accumulate,
                               bool fetch, void*) const {
  const int64_t wide = width();
  Block<T> t;
  t.k = p.depth;
  t.c_row = c.row;
  t.accumulate = accumulate;
  for (int64_t i = 0; i < p.rows; i += shape_.rows) {
    const int height = int(min(shape_.rows, p.rows - i));
    const int64_t within = i % packed_height_, panel = i - within;
    t.a = in_place_ ? left_.of(p.batch, p.row + i, p.k) : static_cast<const T*>(left) + panel * p.depth + within;
    t.a_row = in_place_ ? left_.along : 1;
    t.a_col = in_place_ ? 1 : min(packed_height_, p.rows - panel);
    for (int64_t j = 0; j < p.cols; j += wide) {
      const int count = int(min(wide, p.cols - j)), vectors = int(ceil_div(count, lanes));
      t.b[0] = static_cast<const T*>(right) + j * p.depth;
      t.b_row = vectors * lanes;
      for (int v = 0; v < vectors; ++v) {
        t.c[v] = c.c + i * c.row + j + v * lanes;
        t.count[v] = int(min(lanes, count - v * lanes));
      }
      // The result's lines are prefetched while the sums form.
      for (int r = 0; fetch && r < height; ++r)
        for (int v = 0; v < vectors; ++v) __builtin_prefetch(t.c[v] + r * c.row, 1);
      Kernels<T>::all.panels[height - 1][vectors - 1](t);
    }
  }
}

}  // namespace gradus::GRADUS_ISA::gemm
