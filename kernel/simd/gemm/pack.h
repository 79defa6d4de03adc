// Copies operands into the order the packed micro-kernels read: panel[k][i].
#pragma once
#include "vector.h"

namespace gradus::GRADUS_ISA::gemm {

/// Rows of unit stride: vector copies, where the overhang of a row is overwritten by the next ones.
template <class T>
void pack_rows(T* panel, const T* source, int width, int count, int64_t depth, int64_t deep) {
  constexpr int lanes = Lanes<T>::count;
  for (int64_t k = 0; k < depth; ++k, panel += width, source += deep) {
    for (int i = 0; i < width; i += lanes) {
      const int have = count - i, room = width - i;
      const Vec<T> v = have >= lanes ? load<T>(source + i) : have > 0 ? load_first<T>(source + i, have) : Vec<T>{};
      if ((depth - k) * width - i >= lanes) {
        store<T>(panel + i, v);
      } else {
        store_first<T>(panel + i, v, room);
      }
    }
  }
}

/// Columns of unit stride: blocks of lanes × lanes transposed in registers. With constant width and count, no branch is
/// left between them.
template <class T, class Size>
void pack_columns(T* panel, const T* source, Size width, Size count, int64_t along, int64_t depth) {
  constexpr int lanes = Lanes<T>::count;
  for (int64_t k = 0; k < depth; k += lanes) {
    const int deep = depth - k < lanes ? int(depth - k) : lanes;
    for (int i = 0; i < width; i += lanes) {
      Vec<T> r[lanes];
      const T* p = source + i * along + k;
      if (deep == lanes && i + lanes <= count) {
#pragma GCC unroll 16
        for (int j = 0; j < lanes; ++j) r[j] = load<T>(p + j * along);
      } else if (deep == lanes) {
#pragma GCC unroll 16
        for (int j = 0; j < lanes; ++j) r[j] = i + j < count ? load<T>(p + j * along) : Vec<T>{};
      } else {
#pragma GCC unroll 16
        for (int j = 0; j < lanes; ++j) r[j] = i + j < count ? load_first<T>(p + j * along, deep) : Vec<T>{};
      }
      transpose<T>(r);
      const int room = width - i;
      T* out = panel + k * width + i;
      // A narrow panel's overhang is overwritten by the next rows; a wide one's would overwrite lanes that are already
      // packed.
      int whole = deep;
      if (room < lanes) whole = width > lanes ? 0 : int(min(deep, max(0, depth - k - lanes / width)));
      if (whole == lanes) {
#pragma GCC unroll 16
        for (int j = 0; j < lanes; ++j) store<T>(out + int64_t{j} * width, r[j]);
      } else {
        const int fit = room < lanes ? room : lanes;
#pragma GCC unroll 16
        for (int j = 0; j < lanes; ++j) {
          if (j < whole) {
            store<T>(out + int64_t{j} * width, r[j]);
          } else if (j < deep) {
            store_first<T>(out + int64_t{j} * width, r[j], fit);
          }
        }
      }
    }
  }
}

/// Up to 16 bytes of columns of unit stride: blocks of four rows by all lanes, transposed inside every 16 bytes.
/// Returns how many columns are done; the last ones are left to the caller.
template <class T>
int64_t pack_narrow(T* panel, const T* source, int width, int count, int64_t along, int64_t depth) {
  constexpr int lanes = Lanes<T>::count, per = 16 / int{sizeof(T)};
  int64_t k = 0;
  // The overhang of a store is overwritten by the next ones; the last one's must stay inside.
  for (; (depth - k - lanes) * width >= per; k += lanes) {
    Vec<T> r[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) r[i] = i < count ? load<T>(source + i * along + k) : Vec<T>{};
    transpose_groups<T>(r);
    alignas(64) T groups[4][lanes];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) store<T>(groups[i], r[i]);
#pragma GCC unroll 16
    for (int j = 0; j < lanes; ++j) __builtin_memcpy(panel + (k + j) * width, groups[j % per] + j / per * per, 16);
  }
  return k;
}

/// panel[k·width + i] = source[i·along + k·deep] for i < count, 0 for count ≤ i < width.
template <class T>
void pack_panel(T* panel, const T* source, int width, int count, int64_t along, int64_t depth, int64_t deep) {
  if (along == 1) return pack_rows(panel, source, width, count, depth, deep);
  if (deep == 1) {
    if constexpr (sizeof(T) == 4) {
      if (width <= 4) {
        const int64_t done = pack_narrow(panel, source, width, count, along, depth);
        panel += done * width, source += done, depth -= done;
      }
    }
    constexpr std::integral_constant<int, Lanes<T>::count> whole{};
    if (width == whole && count == whole) return pack_columns(panel, source, whole, whole, along, depth);
    return pack_columns(panel, source, width, count, along, depth);
  }
  for (int64_t k = 0; k < depth; ++k, panel += width, source += deep) {
    for (int i = 0; i < count; ++i) panel[i] = source[i * along];
    for (int i = count; i < width; ++i) panel[i] = T(0);
  }
}

/// panel[k·width + i] = source[i·along + offset[k]]; contiguous runs take the fast paths.
template <class T>
void pack_gathered(T* panel, const T* source, int width, int64_t along, int64_t depth, const int64_t* offset) {
  for (int64_t k = 0, end; k < depth; k = end) {
    const int64_t deep = k + 1 < depth ? offset[k + 1] - offset[k] : 1;
    for (end = k + 1; end < depth && offset[end] - offset[end - 1] == deep;) ++end;
    pack_panel(panel + k * width, source + offset[k], width, width, along, end - k, deep);
  }
}

}  // namespace gradus::GRADUS_ISA::gemm
