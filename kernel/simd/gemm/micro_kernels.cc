// The instances of the micro-kernels of micro_kernel.h.
#include "micro_kernel.h"

namespace gradus::GRADUS_ISA::gemm {
namespace {

/// A partial vector of columns: rare, so compiled once and not in every kernel.
template <class T>
__attribute__((noinline)) void finish_partial(const Vec<T>* sums, int rows, T* c, int64_t c_row, int count,
                                              bool accumulate) {
  for (int i = 0; i < rows; ++i, c += c_row) {
    Vec<T> r = sums[i];
    if (accumulate) r = load_first<T>(c, count) + r;
    store_first<T>(c, r, count);
  }
}

template <class T, int MR, int NV>
inline void finish(const Vec<T> (&acc)[MR][NV], const Block<T>& t) {
#pragma GCC unroll 8
  for (int v = 0; v < NV; ++v) {
    T* c = t.c[v];
    const int count = t.count[v];
    if (count == Lanes<T>::count) {
      if (t.accumulate) {
#pragma GCC unroll 32
        for (int i = 0; i < MR; ++i) store<T>(c + i * t.c_row, load<T>(c + i * t.c_row) + acc[i][v]);
      } else {
#pragma GCC unroll 32
        for (int i = 0; i < MR; ++i) store<T>(c + i * t.c_row, acc[i][v]);
      }
    } else {
      Vec<T> sums[MR];
#pragma GCC unroll 32
      for (int i = 0; i < MR; ++i) sums[i] = acc[i][v];
      finish_partial<T>(sums, MR, c, t.c_row, count, t.accumulate);
    }
  }
}

template <class T, int MR, int NV>
inline void finish_biased(Vec<T> (&acc)[MR][NV], const Block<T>& t) {
  const Vec<T> floor = broadcast<T>(least<T>(t.rectified));
  const T* bias = t.bias;
  const int64_t c_row = t.c_row, bias_step = t.bias_step;  // copied: a store might alias the original
#pragma GCC unroll 8
  for (int v = 0; v < NV; ++v) {
    T* c = t.c[v];
    const int count = t.count[v];
    if (t.accumulate) {
#pragma GCC unroll 32
      for (int i = 0; i < MR; ++i) acc[i][v] = load_first<T>(c + i * c_row, count) + acc[i][v];
    }
#pragma GCC unroll 32
    for (int i = 0; i < MR; ++i) acc[i][v] = at_least<T>(acc[i][v] + broadcast<T>(bias[i * bias_step]), floor);
    if (count == Lanes<T>::count) {
#pragma GCC unroll 32
      for (int i = 0; i < MR; ++i) store<T>(c + i * c_row, acc[i][v]);
    } else {
#pragma GCC unroll 32
      for (int i = 0; i < MR; ++i) store_first<T>(c + i * c_row, acc[i][v], count);
    }
  }
}

/// A packed as [k][MR]; rows of B where the offset table says.
template <class T, int MR, int NV>
void packed_kernel(const Block<T>& t) {
  Vec<T> acc[MR][NV] = {};
  const T* a = t.a;
  const T* b[NV];
#pragma GCC unroll 8
  for (int v = 0; v < NV; ++v) b[v] = t.b[v];
  const int32_t* offset = t.b_offset;
  int64_t length = t.k;
  for (int64_t range = 0;; ++range) {
#pragma GCC unroll 4
    for (int64_t k = 0; k < length; ++k) {
      Vec<T> row[NV];
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) row[v] = load<T>(b[v] + offset[k]);
#pragma GCC unroll 32
      for (int i = 0; i < MR; ++i) {
        const Vec<T> x = broadcast<T>(a[i]);
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) acc[i][v] = fma(x, row[v], acc[i][v]);
      }
      a += MR;
    }
    if (range == t.ranges) break;
    const Range& next = t.further[range];
    a = t.a + next.k * MR, offset = t.b_offset + next.k, length = next.length;
  }
  if (t.bias) return finish_biased<T, MR, NV>(acc, t);
  finish<T, MR, NV>(acc, t);
}

/// Panels stream from L2 and are prefetched this many bytes ahead. 2 and 4 KB gain alike, 1 KB less: the lines of the
/// result, which come from further away, delay them.
constexpr int kAhead = 4096;

/// Both operands in place, with any strides but unit column stride in B; the last vector of columns may be partial, and
/// no memory behind it is read.
///
/// `Packed`: B in whole vectors, in order; with constant distances also rows of A side by side.
template <class T, int MR, int NV, bool Partial, bool Packed = false>
void direct_kernel(const Block<T>& t) {
  Vec<T> acc[MR][NV] = {};
  const T* a = t.a;
  const T* b = t.b[0];
  const int last = t.count[NV - 1];
  for (int64_t k = 0; k < t.k; ++k) {
    Vec<T> row[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) {
      const T* p = b + v * Lanes<T>::count;
      if (Packed && v * kVectorBytes % 64 == 0) __builtin_prefetch(reinterpret_cast<const char*>(p) + kAhead);
      row[v] = Partial && v == NV - 1 ? load_first<T>(p, last) : load<T>(p);
    }
#pragma GCC unroll 32
    for (int i = 0; i < MR; ++i) {
      const Vec<T> x = broadcast<T>(a[Packed && kConstantDistances ? i : i * t.a_row]);
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[i][v] = fma(x, row[v], acc[i][v]);
    }
    a += t.a_col;
    b += Packed ? int64_t{NV} * Lanes<T>::count : t.b_row;
  }
  finish<T, MR, NV>(acc, t);
}

/// A in rows of unit stride, read in place: packing does not pay for few columns. Rows of B where the offset table
/// says.
template <class T, int MR, int NV>
void rows_kernel(const Block<T>& t) {
  Vec<T> acc[MR][NV] = {};
  const T* b[NV];
#pragma GCC unroll 8
  for (int v = 0; v < NV; ++v) b[v] = t.b[v];
  const T* a = t.a;
  const int32_t* offset = t.b_offset;
  for (int64_t k = 0; k < t.k; ++k, ++a) {
    Vec<T> row[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) row[v] = load<T>(b[v] + offset[k]);
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) {
      const Vec<T> x = broadcast<T>(a[i * t.a_row]);
#pragma GCC unroll 8
      for (int v = 0; v < NV; ++v) acc[i][v] = fma(x, row[v], acc[i][v]);
    }
  }
  finish<T, MR, NV>(acc, t);
}

template <class T, int MR, int NR>
void dot_kernel(const Dots<T>& t) {
  constexpr int lanes = Lanes<T>::count;
  Vec<T> acc[MR][NR];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) acc[i][j] = Vec<T>{};
  }
  const int64_t whole = t.length / lanes * lanes;
  const int rest = int(t.length - whole);
  for (int64_t r = 0; r < t.rows; ++r) {
    const int64_t ar = r * t.a_row, br = r * t.b_row;
    const auto step = [&](int64_t x, auto&& get) __attribute__((always_inline)) {
      Vec<T> a[MR];
#pragma GCC unroll 8
      for (int i = 0; i < MR; ++i) a[i] = get(t.a[i] + ar + x);
#pragma GCC unroll 8
      for (int j = 0; j < NR; ++j) {
        const Vec<T> b = get(t.b[j] + br + x);
#pragma GCC unroll 8
        for (int i = 0; i < MR; ++i) acc[i][j] = fma(a[i], b, acc[i][j]);
      }
    };
    for (int64_t x = 0; x < whole; x += lanes) step(x, [](const T* p) { return load<T>(p); });
    if (rest) step(whole, [rest](const T* p) { return load_first<T>(p, rest); });
  }
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < NR; ++j) {
      T* sum = t.acc[i] + j * lanes;
      store<T>(sum, load<T>(sum) + acc[i][j]);
    }
  }
}

/// The tables are computed at compile time.
template <class T>
struct AllDotKernels {
  DotKernels<T> kernels{};
  constexpr AllDotKernels() { rows<0>(); }

 private:
  template <int Log>
  constexpr void rows() {
    columns<Log, 1>();
    if constexpr ((2 << Log) <= max_dot_rows()) rows<Log + 1>();
  }
  template <int Log, int NR>
  constexpr void columns() {
    kernels.at[Log][NR - 1] = dot_kernel<T, 1 << Log, NR>;
    if constexpr (NR < max_dots(1 << Log)) columns<Log, NR + 1>();
  }
};

template <class T>
struct AllKernels {
  Kernels<T> kernels{};
  constexpr AllKernels() { rows<1>(); }

 private:
  template <int MR>
  constexpr void rows() {
    vectors<MR, 1>();
    if constexpr (MR < kMaxRows) rows<MR + 1>();
  }
  template <int MR, int NV>
  constexpr void vectors() {
    kernels.packed[MR - 1][NV - 1] = packed_kernel<T, MR, NV>;
    if constexpr (MR <= kDirectRows) {
      kernels.unpacked[MR - 1][NV - 1] = rows_kernel<T, MR, NV>;
      kernels.direct[0][MR - 1][NV - 1] = direct_kernel<T, MR, NV, false>;
      kernels.direct[1][MR - 1][NV - 1] = direct_kernel<T, MR, NV, true>;
      kernels.panels[MR - 1][NV - 1] = direct_kernel<T, MR, NV, false, true>;
    }
    if constexpr (NV < max_vectors(MR)) vectors<MR, NV + 1>();
  }
};

template <class T>
constexpr AllDotKernels<T> all_dot_kernels;
template <class T>
constexpr AllKernels<T> all_kernels;

}  // namespace

template <>
const DotKernels<float> DotKernels<float>::all = all_dot_kernels<float>.kernels;
template <>
const DotKernels<double> DotKernels<double>::all = all_dot_kernels<double>.kernels;
template <>
const Kernels<float> Kernels<float>::all = all_kernels<float>.kernels;
template <>
const Kernels<double> Kernels<double>::all = all_kernels<double>.kernels;

}  // namespace gradus::GRADUS_ISA::gemm
