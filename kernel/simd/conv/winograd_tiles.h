// The transforms of Winograd's minimal filtering with tiles of 4×4 inputs, channels along the lanes: F(2×2, 3×3) for
// layers of 3×3 kernels and F(3×3, 2×2) for the gradients of their weights. 16 products per tile and pair of channels
// replace 36. In one dimension, for inputs d, a filter g and y = Σ_j d[i + j] g[j],
//   v = (d0 − d2, d1 + d2, d2 − d1, d1 − d3)
//   u = (g0, (g0 + g1 + g2)/2, (g0 − g1 + g2)/2, g2)     or (g0, (g0 + g1)/2, (g0 − g1)/2, g1)
//   m = u·v
//   y = (m0 + m1 + m2, m1 − m2 − m3)                      or (m0 + m1 + m2, m1 − m2, m1 + m2 − m3)
// and in two dimensions the same along both axes (Lavin & Gray, Fast Algorithms for Convolutional Neural Networks,
// 2016, section 4.1). The factors are 1 and 1/2, so rounding grows by a small factor only.
#pragma once
#include "simd/gemm/micro_kernel.h"
#include "stage.h"

namespace gradus::GRADUS_ISA::gemm {

/// Products of a tile.
constexpr int kProducts = 16;

// ── transforms of one line ─────────────────────────────────────────────────────────────────────

template <class V>
inline void input_line(const V (&d)[4], V (&v)[4]) {
  v[0] = d[0] - d[2], v[1] = d[1] + d[2], v[2] = d[2] - d[1], v[3] = d[1] - d[3];
}

template <class T, class V>
inline void filter_line(const V (&g)[3], V (&u)[4]) {
  const V outer = T(0.5) * (g[0] + g[2]), inner = T(0.5) * g[1];
  u[0] = g[0], u[1] = outer + inner, u[2] = outer - inner, u[3] = g[2];
}

template <class T, class V>
inline void filter_line(const V (&g)[2], V (&u)[4]) {
  const V a = T(0.5) * g[0], b = T(0.5) * g[1];
  u[0] = g[0], u[1] = a + b, u[2] = a - b, u[3] = g[1];
}

template <class V>
inline void output_line(const V (&m)[4], V (&y)[2]) {
  y[0] = m[0] + m[1] + m[2], y[1] = m[1] - m[2] - m[3];
}

template <class V>
inline void output_line(const V (&m)[4], V (&y)[3]) {
  y[0] = m[0] + m[1] + m[2], y[1] = m[1] - m[2], y[2] = m[1] + m[2] - m[3];
}

/// A filter of R×R taps, one vector each, into 16 vectors `plane` apart.
template <class T, int R>
inline void transform_filter(const Vec<T> (&g)[R][R], T* to, int64_t plane) {
  Vec<T> half[R][4];
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) filter_line<T>(g[i], half[i]);
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    Vec<T> column[R], u[4];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) column[i] = half[i][j];
    filter_line<T>(column, u);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) store<T>(to + (i * 4 + j) * plane, u[i]);
  }
}

/// 16 vectors `plane` apart into a result of R×R.
template <class T, int R>
inline void transform_output(const T* from, int64_t plane, Vec<T> (&y)[R][R]) {
  Vec<T> half[4][R];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    Vec<T> m[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) m[j] = load<T>(from + (i * 4 + j) * plane);
    output_line(m, half[i]);
  }
#pragma GCC unroll 4
  for (int j = 0; j < R; ++j) {
    Vec<T> column[4], result[R];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) column[i] = half[i][j];
    output_line(column, result);
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) y[i][j] = result[i];
  }
}

// ── tiles ──────────────────────────────────────────────────────────────────────────────────────

/// Images of down × across tiles of 2×2, cut into blocks of whole images or of rows of tiles.
struct TileBlocks {
  int64_t images, down, across;
  int64_t together;  // images per block
  int64_t rows;      // rows of tiles per block
  int64_t strips;    // blocks per image

  TileBlocks() = default;
  TileBlocks(int64_t images, int64_t height, int64_t width, int64_t most)
      : images(images), down(ceil_div(height, 2)), across(ceil_div(width, 2)) {
    together = max(1, min(images, most / (down * across)));
    strips = ceil_div(down, max(1, min(down, most / across)));
    rows = ceil_div(down, strips);
    strips = ceil_div(down, rows);
  }
  int64_t count() const { return ceil_div(images, together) * strips; }
  int64_t most_tiles() const { return together * rows * across; }
};

/// One of the blocks: images first … last − 1, rows of tiles top … bottom − 1.
struct TileBlock {
  int64_t first, last, top, bottom, across;
  TileBlock(const TileBlocks& b, int64_t i)
      : first(i / b.strips * b.together), last(min(b.images, first + b.together)), top(i % b.strips * b.rows),
        bottom(min(b.down, top + b.rows)), across(b.across) {}
  int64_t of_image() const { return (bottom - top) * across; }
  int64_t tiles() const { return (last - first) * of_image(); }
};

/// A plane of an array: its address, its size, the strides of elements and channels.
template <class T>
struct Plane {
  const T* at;
  int64_t height, width, row, column, channel;
};

/// A box of planes, a vector of channels per element.
template <class T>
class Patch {
 public:
  Patch(Scratch& scratch, int64_t rows, int64_t columns)
      : rows_(rows), columns_(columns), values_(scratch.take<T>(rows * columns * lanes)) {}

  /// Elements outside the plane are zero, and stay zero for all patches at the same position.
  void clear() { fill_zero(values_, rows_ * columns_ * lanes); }

  /// Copies the box that starts at (top, left) of the plane, which may lie outside.
  void stage(const Plane<T>& plane, int64_t top, int64_t left, int channels) {
    const int64_t y0 = max(0, -top), y1 = min(rows_, plane.height - top);
    const int64_t x0 = max(0, -left), x1 = min(columns_, plane.width - left);
    if (x0 >= x1) return;
    for (int64_t y = y0; y < y1; ++y)
      pack_panel(values_ + (y * columns_ + x0) * lanes, plane.at + (top + y) * plane.row + (left + x0) * plane.column,
                 lanes, channels, plane.channel, x1 - x0, plane.column);
  }
  const T* row(int64_t y) const { return values_ + y * columns_ * lanes; }

 private:
  static constexpr int lanes = Lanes<T>::count;
  int64_t rows_, columns_;
  T* values_;
};

/// All tiles of a patch as inputs: product i of tile t at to[i·plane + t·step].
template <class T>
void transform_inputs(const Patch<T>& patch, int64_t down, int64_t across, T* to, int64_t plane, int64_t step) {
  constexpr int lanes = Lanes<T>::count;
  for (int64_t y = 0; y < down; ++y) {
    const T* row[4];
    for (int i = 0; i < 4; ++i) row[i] = patch.row(2 * y + i);
    Vec<T> half[4][4];  // [column of the tile][row of products]: two columns are shared with the next
    const auto column = [&](int64_t x, Vec<T>(&to)[4]) __attribute__((always_inline)) {
      Vec<T> d[4];
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) d[i] = load<T>(row[i] + x * lanes);
      input_line(d, to);
    };
    column(0, half[0]);
    column(1, half[1]);
    for (int64_t x = 0; x < across; ++x, to += step) {
      column(2 * x + 2, half[2]);
      column(2 * x + 3, half[3]);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const Vec<T> d[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
        Vec<T> v[4];
        input_line(d, v);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) store<T>(to + (i * 4 + j) * plane, v[j]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) half[0][i] = half[2][i], half[1][i] = half[3][i];
    }
  }
}

/// All tiles of a patch as filters of 2×2.
template <class T>
void transform_filters(const Patch<T>& patch, int64_t down, int64_t across, T* to, int64_t plane, int64_t step) {
  constexpr int lanes = Lanes<T>::count;
  for (int64_t y = 0; y < down; ++y)
    for (int64_t x = 0; x < across; ++x, to += step) {
      const T *a = patch.row(2 * y) + 2 * x * lanes, *b = patch.row(2 * y + 1) + 2 * x * lanes;
      const Vec<T> g[2][2] = {{load<T>(a), load<T>(a + lanes)}, {load<T>(b), load<T>(b + lanes)}};
      transform_filter<T, 2>(g, to, plane);
    }
}

}  // namespace gradus::GRADUS_ISA::gemm
