// Copies boxes of elements between strided arrays: the loads and stores of fused loops, and copies.
#pragma once
#include <cstring>
#include <utility>

#include "simd/gemm/vector.h"
#include "simd/lanes.h"
#include "src/plan/plan.h"

namespace gradus::GRADUS_ISA {

/// A box with axes of size 1 dropped and adjacent axes merged, innermost axis first. Strides in bytes.
struct CopyBox {
  int rank;
  int64_t extent[kMaxRank], dst[kMaxRank], src[kMaxRank];
};

/// Every second element from p on, in one vector; nothing beyond the last of them is read.
template <class T, int bytes, size_t... k>
inline typename Lanes<T, bytes>::type every_second(const T* p, std::index_sequence<k...>) {
  using V = typename Lanes<T, bytes>::type;
  constexpr int W = sizeof...(k);
  // The second load starts one element early, so that it does not read beyond the end: its odd lanes are used.
  return __builtin_shufflevector(load_lanes<V>(p), load_lanes<V>(p + W - 1),
                                 (int(k) < W / 2 ? int(2 * k) : int(2 * k + 1))...);
}

template <class T, int bytes>
inline void copy_every_second(char* dst, int64_t dst_row, const char* src, int64_t src_row, int64_t n, int64_t rows) {
  constexpr int W = bytes / int(sizeof(T));
  using Sequence = std::make_index_sequence<W>;
  for (int64_t r = 0; r < rows; ++r) {
    T* to = reinterpret_cast<T*>(dst + r * dst_row);
    const T* from = reinterpret_cast<const T*>(src + r * src_row);
    int64_t i = 0;
    for (; i + W <= n; i += W) store_lanes(to + i, every_second<T, bytes>(from + 2 * i, Sequence{}));
    if (i < n) store_lanes(to + n - W, every_second<T, bytes>(from + 2 * (n - W), Sequence{}));
  }
}

/// Rows of every second element, as in windows of stride 2. False when they are too short.
template <class T>
inline bool copy_second_lines(char* dst, int64_t dst_row, const char* src, int64_t src_row, int64_t n, int64_t rows) {
  if constexpr (sizeof(T) >= 4) {
    const int64_t bytes = n * int64_t(sizeof(T));
    if (bytes >= kVectorBytes) return copy_every_second<T, kVectorBytes>(dst, dst_row, src, src_row, n, rows), true;
    if constexpr (kVectorBytes > 32)
      if (bytes >= 32) return copy_every_second<T, 32>(dst, dst_row, src, src_row, n, rows), true;
    if constexpr (kVectorBytes > 16)
      if (bytes >= 16) return copy_every_second<T, 16>(dst, dst_row, src, src_row, n, rows), true;
  }
  return false;
}

/// Lines in whose copy every element appears twice in a row, and each line `times` times: how the gradient of
/// max-pooling reads one element per window. Both sides are dense.
struct Doubled {
  int64_t n, times, rows;
};

/// `times` copies of one vector, doubled to two, `line` elements apart.
template <class T, int bytes, size_t... k>
inline void double_lanes(T* to, int64_t line, int64_t times, const T* from, std::index_sequence<k...>) {
  constexpr int W = sizeof...(k);
  const auto v = load_lanes<typename Lanes<T, bytes>::type>(from);
  const auto low = __builtin_shufflevector(v, v, int(k / 2)...),
             high = __builtin_shufflevector(v, v, int((W + k) / 2)...);
  for (int64_t t = 0; t < times; ++t, to += line) {
    store_lanes(to, low);
    store_lanes(to + W, high);
  }
}

/// The lines from `first` on, by vectors of the given width; returns the first line that is left. Where other lines
/// follow, the last vector may reach beyond its line: they overwrite the excess. Otherwise it ends with the line, and
/// lines too short for that are left.
template <class T, int bytes>
inline int64_t double_lines(T* dst, const T* src, const Doubled& d, int64_t first) {
  constexpr int W = bytes / int(sizeof(T));
  using Sequence = std::make_index_sequence<W>;
  const int64_t line = 2 * d.n, lines = d.times * line, times = d.times, n = d.n;
  const int64_t vectors = (n + W - 1) / W, followed = d.rows - (vectors * W - 1) / n;
  if (vectors == 1)
    for (; 2 * n > W && first < followed; ++first)
      double_lanes<T, bytes>(dst + first * lines, line, times, src + first * n, Sequence{});
  if (n < W) return first;
  for (; first < d.rows; ++first)
    for (int64_t t = 0; t < times; ++t) {
      T* to = dst + first * lines + t * line;
      const T* from = src + first * n;
      int64_t i = 0;
      for (; i + W < n; i += W) double_lanes<T, bytes>(to + 2 * i, 0, 1, from + i, Sequence{});
      if (first >= followed) i = n - W;
      double_lanes<T, bytes>(to + 2 * i, 0, 1, from + i, Sequence{});
    }
  return first;
}

template <class T>
inline void copy_doubled(T* dst, const T* src, const Doubled& d) {
  int64_t r = 0;
  if constexpr (sizeof(T) >= 4) {
    r = double_lines<T, kVectorBytes>(dst, src, d, r);
    if constexpr (kVectorBytes > 32) r = double_lines<T, 32>(dst, src, d, r);
    if constexpr (kVectorBytes > 16) r = double_lines<T, 16>(dst, src, d, r);
  }
  for (; r < d.rows; ++r)
    for (int64_t t = 0; t < d.times; ++t)
      for (int64_t i = 0; i < 2 * d.n; ++i) dst[(r * d.times + t) * 2 * d.n + i] = src[r * d.n + i / 2];
}

/// n copies of one value.
template <class T>
inline void repeat(char* dst, T value, int64_t n) {
  constexpr int W = kVectorBytes / int(sizeof(T));
  T* to = reinterpret_cast<T*>(dst);
  if (n < W) {
    for (int64_t i = 0; i < n; ++i) store_lanes(to + i, value);
    return;
  }
  const auto v = value - typename Lanes<T>::type{};
  for (int64_t i = 0; i + W < n; i += W) store_lanes(to + i, v);
  store_lanes(to + n - W, v);  // may overlap the one before
}

template <class T>
inline void copy_line(char* dst, int64_t ds, const char* src, int64_t ss, int64_t n) {
  if (ds == int64_t(sizeof(T)) && ss == int64_t(sizeof(T))) {
    std::memcpy(dst, src, size_t(n) * sizeof(T));
  } else if (ds == int64_t(sizeof(T)) && ss == 0) {
    repeat(dst, load_lanes<T>(src), n);
  } else if (ds == int64_t(sizeof(T)) && ss == 2 * int64_t(sizeof(T)) && copy_second_lines<T>(dst, 0, src, 0, n, 1)) {
    return;
  } else if (ds == int64_t(sizeof(T))) {
    for (int64_t i = 0; i < n; ++i) std::memcpy(dst + i * int64_t(sizeof(T)), src + i * ss, sizeof(T));
  } else {
    for (int64_t i = 0; i < n; ++i) std::memcpy(dst + i * ds, src + i * ss, sizeof(T));
  }
}

/// A transposition pays from lines of this many elements.
constexpr int64_t kShortLine = 8;

/// An axis along which the source is contiguous while it has a large stride along the innermost; 0 if none.
inline int contiguous_source_axis(const CopyBox& b, int64_t element) {
  const int64_t step = b.src[0] < 0 ? -b.src[0] : b.src[0];
  if (b.dst[0] != element || step < kShortLine * element) return 0;
  for (int a = 1; a < b.rank; ++a)
    if (b.src[a] == element && b.extent[a] >= kShortLine) return a;
  return 0;
}

/// dst[j][i] = src[i][j] for four rows of four (float64: two of two), in registers. Rows in bytes.
inline void transpose_block(uint32_t*, char* dst, int64_t dst_row, const char* src, int64_t src_row) {
  using V = Lanes<uint32_t, 16>::type;
  const V a = load_lanes<V>(src), b = load_lanes<V>(src + src_row);
  const V c = load_lanes<V>(src + 2 * src_row), d = load_lanes<V>(src + 3 * src_row);
  const V ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const V ef = __builtin_shufflevector(a, b, 2, 6, 3, 7), gh = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store_lanes(dst, V(__builtin_shufflevector(ab, cd, 0, 1, 4, 5)));
  store_lanes(dst + dst_row, V(__builtin_shufflevector(ab, cd, 2, 3, 6, 7)));
  store_lanes(dst + 2 * dst_row, V(__builtin_shufflevector(ef, gh, 0, 1, 4, 5)));
  store_lanes(dst + 3 * dst_row, V(__builtin_shufflevector(ef, gh, 2, 3, 6, 7)));
}
inline void transpose_block(uint64_t*, char* dst, int64_t dst_row, const char* src, int64_t src_row) {
  using V = Lanes<uint64_t, 16>::type;
  const V a = load_lanes<V>(src), b = load_lanes<V>(src + src_row);
  store_lanes(dst, V(__builtin_shufflevector(a, b, 0, 2)));
  store_lanes(dst + dst_row, V(__builtin_shufflevector(a, b, 1, 3)));
}

/// The same for as many rows as the widest vector has lanes: whole lines, all in flight at once.
template <class T>
inline void transpose_lanes(char* dst, int64_t dst_row, const char* src, int64_t src_row) {
  using F = std::conditional_t<sizeof(T) == 4, float, double>;  // shuffled, never computed with
  constexpr int lanes = gemm::Lanes<F>::count;
  gemm::Vec<F> v[lanes];
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) v[i] = load_lanes<gemm::Vec<F>>(src + i * src_row);
  gemm::transpose<F>(v);
#pragma GCC unroll 16
  for (int i = 0; i < lanes; ++i) store_lanes(dst + i * dst_row, v[i]);
}

/// dst[j][i] = src[i][j] for i < n, j < m, where i is contiguous in dst and j in src: by squares of vectors of this
/// many bytes, and the rest by smaller ones.
template <class T, int bytes = kVectorBytes>
inline void transpose(char* dst, int64_t dst_row, const char* src, int64_t src_row, int64_t n, int64_t m) {
  constexpr int64_t e = sizeof(T), side = bytes / e;
  if constexpr (e == 1) {
    for (int64_t i = 0; i < n; ++i) copy_line<T>(dst + i, dst_row, src + i * src_row, 1, m);
  } else {
    const int64_t rows = n / side * side, columns = m / side * side;
    const auto rest = [&](int64_t i, int64_t j, int64_t n, int64_t m) {
      if (n == 0 || m == 0) return;
      char* to = dst + j * dst_row + i * e;
      const char* from = src + i * src_row + j * e;
      if constexpr (bytes > 16) return transpose<T, 16>(to, dst_row, from, src_row, n, m);
      for (int64_t k = 0; k < n; ++k) copy_line<T>(to + k * e, dst_row, from + k * src_row, e, m);
    };
    for (int64_t i = 0; i < rows; i += side) {
      for (int64_t j = 0; j < columns; j += side) {
        char* to = dst + j * dst_row + i * e;
        const char* from = src + i * src_row + j * e;
        if constexpr (bytes > 16) transpose_lanes<T>(to, dst_row, from, src_row);
        else transpose_block(static_cast<T*>(nullptr), to, dst_row, from, src_row);
      }
      rest(i, columns, side, m - columns);
    }
    rest(rows, 0, n - rows, m);
  }
}

// Side of a tile that is transposed through the stack: 16 KiB of float32.
constexpr int64_t kTransposeSide = 64;
// Rows of a destination this far apart, in bytes, may compete for the same few sets of a cache.
constexpr int64_t kFarRows = 1024;

/// The same by tiles, for rows far apart: only whole lines of the destination are written.
template <class T>
inline void transpose_far(char* dst, int64_t dst_row, const char* src, int64_t src_row, int64_t n, int64_t m) {
  constexpr int64_t e = sizeof(T);
  alignas(64) char tile[kTransposeSide * kTransposeSide * e];
  for (int64_t j = 0; j < m; j += kTransposeSide)
    for (int64_t i = 0; i < n; i += kTransposeSide) {
      const int64_t rows = m - j < kTransposeSide ? m - j : kTransposeSide;
      const int64_t columns = n - i < kTransposeSide ? n - i : kTransposeSide;
      transpose<T>(tile, kTransposeSide * e, src + i * src_row + j * e, src_row, columns, rows);
      for (int64_t r = 0; r < rows; ++r)
        std::memcpy(dst + (j + r) * dst_row + i * e, tile + r * kTransposeSide * e, size_t(columns * e));
    }
}

/// Repeats one line: each copy doubles what is there.
inline void repeat_line(char* dst, int64_t bytes, int64_t times) {
  const int64_t all = bytes * times;
  for (int64_t done = bytes; done < all; done *= 2)
    std::memcpy(dst + done, dst, size_t(done < all - done ? done : all - done));
}

/// Advances along the axes from `first` on, except `left_out`; false after the last position.
inline bool next_line(const CopyBox& b, int first, int left_out, int64_t* at, char*& dst, const char*& src) {
  for (int a = first; a < b.rank; ++a) {
    if (a == left_out) continue;
    dst += b.dst[a];
    src += b.src[a];
    if (++at[a] < b.extent[a]) return true;
    dst -= b.dst[a] * b.extent[a];
    src -= b.src[a] * b.extent[a];
    at[a] = 0;
  }
  return false;
}

template <class T>
inline void copy_lines(const CopyBox& b, char* dst, const char* src) {
  const int across = b.rank > 1 ? contiguous_source_axis(b, sizeof(T)) : 0;
  // Two inner loops: the innermost axis and `second`; the others by odometer.
  const int second = across > 0 ? across : 1;
  const bool skipping = b.dst[0] == int64_t(sizeof(T)) && b.src[0] == 2 * int64_t(sizeof(T));
  int64_t at[kMaxRank] = {};
  do {
    if (across > 0) {
      const bool far = b.dst[across] >= kFarRows || b.dst[across] <= -kFarRows;
      (far ? transpose_far<T> : transpose<T>)(dst, b.dst[across], src, b.src[0], b.extent[0], b.extent[across]);
    } else if (b.src[1] == 0 && b.dst[0] == int64_t(sizeof(T)) && b.dst[1] == b.extent[0] * b.dst[0]) {
      copy_line<T>(dst, b.dst[0], src, b.src[0], b.extent[0]);
      repeat_line(dst, b.dst[1], b.extent[1]);
    } else if (!skipping || !copy_second_lines<T>(dst, b.dst[1], src, b.src[1], b.extent[0], b.extent[1])) {
      for (int64_t j = 0; j < b.extent[1]; ++j)
        copy_line<T>(dst + j * b.dst[1], b.dst[0], src + j * b.src[1], b.src[0], b.extent[0]);
    }
  } while (next_line(b, 1, second, at, dst, src));
}

/// A box of doubled elements; false if it is not one.
template <class T>
inline bool copy_doubles(const CopyBox& b, char* dst, const char* src) {
  constexpr int64_t e = sizeof(T);
  if (b.rank < 2 || b.extent[0] != 2 || b.src[0] != 0 || b.dst[0] != e || b.src[1] != e || b.dst[1] != 2 * e)
    return false;
  Doubled d{b.extent[1], 1, 1};
  int next = 2;
  if (next < b.rank && b.src[next] == 0 && b.dst[next] == 2 * d.n * e) d.times = b.extent[next++];
  if (next < b.rank && b.src[next] == d.n * e && b.dst[next] == 2 * d.n * d.times * e) d.rows = b.extent[next++];
  int64_t at[kMaxRank] = {};
  do {
    copy_doubled<T>(reinterpret_cast<T*>(dst), reinterpret_cast<const T*>(src), d);
  } while (next_line(b, next, 0, at, dst, src));
  return true;
}

template <class T>
inline void copy_merged(const CopyBox& b, char* dst, const char* src) {
  if (b.rank == 0) std::memcpy(dst, src, sizeof(T));
  else if (b.rank == 1) copy_line<T>(dst, b.dst[0], src, b.src[0], b.extent[0]);
  else if (!copy_doubles<T>(b, dst, src)) copy_lines<T>(b, dst, src);
}

/// Copies a box of `element`-byte elements; a null list of strides means dense row-major.
inline void copy_box(char* dst, const int64_t* dst_stride, const char* src, const int64_t* src_stride, int rank,
                     const int64_t* extent, int64_t element) {
  CopyBox b;
  b.rank = 0;
  int64_t dense = element;
  for (int a = rank - 1; a >= 0; --a) {
    const int64_t d = dst_stride ? dst_stride[a] : dense, s = src_stride ? src_stride[a] : dense;
    dense *= extent[a];
    if (extent[a] == 1) continue;
    const int last = b.rank - 1;
    if (last >= 0 && d == b.dst[last] * b.extent[last] && s == b.src[last] * b.extent[last]) {
      b.extent[last] *= extent[a];
      continue;
    }
    b.extent[b.rank] = extent[a];
    b.dst[b.rank] = d;
    b.src[b.rank] = s;
    ++b.rank;
  }
  if (element == 4) copy_merged<uint32_t>(b, dst, src);
  else if (element == 8) copy_merged<uint64_t>(b, dst, src);
  else copy_merged<uint8_t>(b, dst, src);
}

/// Whether the elements of a box are contiguous.
inline bool is_dense(const int64_t* stride, int rank, const int64_t* extent, int64_t element) {
  int64_t step = element;
  for (int a = rank - 1; a >= 0; --a) {
    if (extent[a] == 1) continue;
    if (stride[a] != step) return false;
    step *= extent[a];
  }
  return true;
}

}  // namespace gradus::GRADUS_ISA
