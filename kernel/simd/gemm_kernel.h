// The register-tiled micro-kernels: MR rows × NV vectors of columns of a product, held in registers
// while k runs. Every product and convolution ends here.
#pragma once
#include "../src/contract.h"
#include "gemm_vector.h"

namespace gradus::GRADUS_ISA::gemm {

constexpr int kMaxVectors = 8;

/// Rows k … k + length − 1 of B.
struct Range {
  int32_t k, length;
};

/// One register tile: c[v][i·c_row + lane] (+)= Σ_k a(i, k) · b(k, v, lane).
template <class T>
struct Block {
  int64_t k;
  const T* a;
  int64_t a_row, a_col;        // direct kernels only; packed panels are a[k·MR + i]
  const T* b[kMaxVectors];     // where each vector of columns starts
  const int32_t* b_offset;     // packed kernels: row k of B lies at b[v] + b_offset[k]
  const Range* further = nullptr;  // packed kernels: ranges of k after the first,
  int64_t ranges = 0;              // so many, counted from the first
  int64_t b_row;               // direct kernels: row k of B lies at b[v] + k·b_row
  T* c[kMaxVectors];
  int count[kMaxVectors];      // columns to store of each vector; only the last may be partial
                               // for direct kernels
  int64_t c_row;
  bool accumulate;             // add to what c holds
  const T* bias = nullptr;     // packed kernels: then add to row i bias[i·bias_step], unless null,
  int64_t bias_step = 0;
  bool rectified = false;      // and store 0 for what is not above 0
};

/// Accumulators, one row of B and one broadcast element of A must fit the register file (without
/// fused multiply-add also the product).
constexpr bool fits(int mr, int nv) {
#if defined(__FMA__) || (defined(__ARM_NEON) && !defined(GRADUS_PORTABLE))
  return mr * nv + nv + 1 <= kRegisters;
#else
  return mr * nv + nv + 2 <= kRegisters;
#endif
}

/// The most rows of a tile: the most that leave two vectors of columns.
constexpr int max_rows() {
  int mr = 1;
  while (fits(mr + 1, 2)) ++mr;
  return mr;
}
constexpr int kMaxRows = max_rows();
/// Kernels that read A where it is keep one pointer per row alive: more than eight only spill.
constexpr int kDirectRows = kMaxRows < 8 ? kMaxRows : 8;

/// The most vectors of columns beside `mr` rows. Four keep two units of latency 4 busy from three
/// rows on; fewer rows need more chains.
constexpr int max_vectors(int mr) {
  const int most = mr < 3 ? kMaxVectors : 4;
  int nv = 1;
  while (nv < most && fits(mr, nv + 1)) ++nv;
  return nv;
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
#pragma GCC unroll 32
      for (int i = 0; i < MR; ++i) {
        T* p = c + i * t.c_row;
        Vec<T> r = acc[i][v];
        if (t.accumulate) r = load_first<T>(p, count) + r;
        store_first<T>(p, r, count);
      }
    }
  }
}

/// The result where rectified sums are stored as they are, or plain ones: no branch between them.
template <class T>
constexpr T least(bool rectified) {
  return rectified ? T(0) : -T(__builtin_inf());
}

template <class T, int MR, int NV>
inline void finish_biased(Vec<T> (&acc)[MR][NV], const Block<T>& t) {
  const Vec<T> floor = broadcast<T>(least<T>(t.rectified));
  const T* bias = t.bias;
  const int64_t c_row = t.c_row, bias_step = t.bias_step;  // which a store might change, for all that is known
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

/// A packed as [k][MR]; rows of B wherever the offset table says.
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

/// WebAssembly adds up every address that is not a constant away from another: a sixth of a product.
#if defined(__wasm__)
constexpr bool kConstantDistances = true;
#else
constexpr bool kConstantDistances = false;
#endif

/// Panels stream from L2: so far ahead of their use, in bytes, they are asked for. 2 and 4 KB gain alike, 1 KB
/// less: the lines of the result, which come from further away, delay them.
constexpr int kAhead = 4096;

/// Both operands where they are, any strides but unit column stride in B; the last vector of
/// columns may be partial, and no memory behind it is read.
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

/// A in rows of unit stride, read where it is: nothing is packed where few columns meet it. Rows of B
/// wherever the offset table says.
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

/// Products that a lane adds up before its sum joins those of others: the error of a float32 sum grows with
/// the length of such a chain (10⁶ equal terms: 1 % in one, 10⁻⁵ in pieces).
constexpr int64_t kChain = 1024;

/// acc[i][j] += Σ over rows r and x < length of a[i][r·a_row + x] · b[j][r·b_row + x], lane by lane:
/// for results so few that columns would not fill a vector, k takes its place.
constexpr int kMaxDots = 8;
template <class T>
struct Dots {
  int64_t rows, length, a_row, b_row;
  const T* a[kMaxDots];
  const T* b[kMaxDots];
  T* acc[kMaxDots];  // vector j of acc[i]
};

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

template <class T>
using DotKernel = void (*)(const Dots<T>&);

/// By log₂ rows and columns − 1; rows · columns accumulators and the rows of a must fit.
constexpr int max_dots(int rows) {
  int n = 1;
  while (n < kMaxDots && rows * (n + 1) + rows + 2 <= kRegisters) ++n;
  return n;
}
constexpr int max_dot_rows() {
  int rows = 1;
  while (rows < kMaxDots && max_dots(2 * rows) >= 2) rows *= 2;
  return rows;
}

template <class T>
struct DotKernels {
  DotKernel<T> at[4][kMaxDots];
  constexpr DotKernels() : at{} { rows<0>(); }

 private:
  template <int Log>
  constexpr void rows() {
    columns<Log, 1>();
    if constexpr ((2 << Log) <= max_dot_rows()) rows<Log + 1>();
  }
  template <int Log, int NR>
  constexpr void columns() {
    at[Log][NR - 1] = dot_kernel<T, 1 << Log, NR>;
    if constexpr (NR < max_dots(1 << Log)) columns<Log, NR + 1>();
  }
};
template <class T>
constexpr DotKernels<T> dot_kernels{};

/// All pairs of m rows of a (a_step apart) and n rows of b (at b + b_offset[j]) into
/// acc[(i·n + j)·lanes].
template <class T>
void all_dots(T* acc, int64_t m, int64_t n, const T* a, int64_t a_step, int64_t a_row, const T* b,
              const int64_t* b_offset, int64_t b_row, int64_t rows, int64_t length) {
  constexpr int64_t most = kChain * Lanes<T>::count;
  if (rows > 1 && rows * length > most) {
    const int64_t some = max(1, most / length);
    for (int64_t r = 0; r < rows; r += some)
      all_dots(acc, m, n, a + r * a_row, a_step, a_row, b + r * b_row, b_offset, b_row, min(some, rows - r), length);
    return;
  }
  if (length > most) {
    for (int64_t x = 0; x < length; x += most)
      all_dots(acc, m, n, a + x, a_step, a_row, b + x, b_offset, b_row, 1, min(most, length - x));
    return;
  }
  Dots<T> t;
  t.rows = rows;
  t.length = length;
  t.a_row = a_row;
  t.b_row = b_row;
  for (int64_t i = 0; i < m;) {
    int log = 0;
    while ((2 << log) <= max_dot_rows() && (2 << log) <= m - i) ++log;
    const int64_t most = max_dots(1 << log), groups = ceil_div(n, most);
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t j = n * g / groups, count = n * (g + 1) / groups - j;
      for (int r = 0; r < 1 << log; ++r) {
        t.a[r] = a + (i + r) * a_step;
        t.acc[r] = acc + ((i + r) * n + j) * Lanes<T>::count;
      }
      for (int64_t c = 0; c < count; ++c) t.b[c] = b + b_offset[j + c];
      dot_kernels<T>.at[log][count - 1](t);
    }
    i += 1 << log;
  }
}

template <class T>
using Kernel = void (*)(const Block<T>&);

/// The instances, by rows − 1 and vectors − 1; empty where the registers do not suffice.
template <class T>
struct Kernels {
  static constexpr int direct_rows = kDirectRows;
  Kernel<T> packed[kMaxRows][kMaxVectors];
  Kernel<T> direct[2][direct_rows][kMaxVectors];  // [last vector partial]
  Kernel<T> panels[direct_rows][kMaxVectors];     // direct, of packed operands, with constant distances
  Kernel<T> unpacked[direct_rows][kMaxVectors];   // A in rows

  constexpr Kernels() : packed{}, direct{}, panels{}, unpacked{} { rows<1>(); }

 private:
  template <int MR>
  constexpr void rows() {
    vectors<MR, 1>();
    if constexpr (MR < kMaxRows) rows<MR + 1>();
  }
  template <int MR, int NV>
  constexpr void vectors() {
    packed[MR - 1][NV - 1] = packed_kernel<T, MR, NV>;
    if constexpr (MR <= direct_rows) {
      unpacked[MR - 1][NV - 1] = rows_kernel<T, MR, NV>;
      direct[0][MR - 1][NV - 1] = direct_kernel<T, MR, NV, false>;
      direct[1][MR - 1][NV - 1] = direct_kernel<T, MR, NV, true>;
      panels[MR - 1][NV - 1] = direct_kernel<T, MR, NV, false, true>;
    }
    if constexpr (NV < max_vectors(MR)) vectors<MR, NV + 1>();
  }
};
template <class T>
constexpr Kernels<T> kernels{};

/// `rows` cut into panels of equal height, as few as the registers allow; the last may be shorter.
struct RowPanels {
  int64_t rows;
  int height;
  int64_t count;

  explicit RowPanels(int64_t rows, int most = kMaxRows) : rows(rows) {
    const int64_t fewest = (rows + most - 1) / most;
    height = fewest == 0 ? 1 : int((rows + fewest - 1) / fewest);
    count = (rows + height - 1) / height;
  }
  int height_of(int64_t panel) const {
    const int64_t left = rows - panel * height;
    return int(left < height ? left : height);
  }
};

// ── tasks ──────────────────────────────────────────────────────────────────────────────────────

/// A function object as the body of parallel tasks; a single task runs where it is called.
template <class Body>
void run_tasks(Parallel& pool, int64_t count, const Body& body) {
  if (count == 1) return body(0, 0);
  pool.run(
      count,
      [](void* context, int64_t task, int worker) {
        (*static_cast<const Body*>(context))(task, worker);
      },
      const_cast<Body*>(&body));
}

/// Room for a packed operand: its keeper's, where it has one, else the workspace.
inline Keeper::Room packed_room(Keeper* keeper, Parallel& pool, uint64_t bytes) {
  const Keeper::Room kept = keeper ? keeper->room(bytes) : Keeper::Room{nullptr, false};
  return kept.memory ? kept : Keeper::Room{pool.workspace(bytes), false};
}

}  // namespace gradus::GRADUS_ISA::gemm
