// The register-tiled micro-kernels: MR rows × NV vectors of columns of a product, held in registers while k runs. Every
// product and convolution ends up here.
#pragma once
#include "src/contract.h"
#include "vector.h"

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
  int64_t a_row, a_col;            // direct kernels only; packed panels are a[k·MR + i]
  const T* b[kMaxVectors];         // where each vector of columns starts
  const int32_t* b_offset;         // packed kernels: row k of B lies at b[v] + b_offset[k]
  const Range* further = nullptr;  // packed kernels: ranges of k after the first, relative to it
  int64_t ranges = 0;              // and their number
  int64_t b_row;                   // direct kernels: row k of B lies at b[v] + k·b_row
  T* c[kMaxVectors];
  int count[kMaxVectors];  // columns to store of each vector; only the last may be partial
                           // for direct kernels
  int64_t c_row;
  bool accumulate;          // add to the contents of c
  const T* bias = nullptr;  // packed kernels: then add bias[i·bias_step] to row i, unless null,
  int64_t bias_step = 0;
  bool rectified = false;  // and clamp to 0 from below (ReLU)
};

/// Accumulators, one row of B and one broadcast element of A must fit the register file (without fused multiply-add the
/// product as well).
constexpr bool fits(int mr, int nv) {
#if defined(__FMA__) || (defined(__ARM_NEON) && !defined(GRADUS_PORTABLE))
  return mr * nv + nv + 1 <= kRegisters;
#else
  return mr * nv + nv + 2 <= kRegisters;
#endif
}

/// The most rows of a tile: the most that leave room for two vectors of columns.
constexpr int max_rows() {
  int mr = 1;
  while (fits(mr + 1, 2)) ++mr;
  return mr;
}
constexpr int kMaxRows = max_rows();
/// Kernels that read A in place keep one pointer per row alive: more than eight only spill.
constexpr int kDirectRows = kMaxRows < 8 ? kMaxRows : 8;

/// The most vectors of columns beside `mr` rows. With three or more rows, four vectors keep two units of latency 4
/// busy; fewer rows need more chains.
constexpr int max_vectors(int mr) {
  const int most = mr < 3 ? kMaxVectors : 4;
  int nv = 1;
  while (nv < most && fits(mr, nv + 1)) ++nv;
  return nv;
}

/// The sums, rectified or not, without a branch between the two.
template <class T>
constexpr T least(bool rectified) {
  return rectified ? T(0) : -T(__builtin_inf());
}

/// WebAssembly has to add up every address that is not at a constant distance from another: a sixth of a product's
/// time.
#if defined(__wasm__)
constexpr bool kConstantDistances = true;
#else
constexpr bool kConstantDistances = false;
#endif

/// Products that a lane adds up before its sum joins the others: the error of a float32 sum grows with the length of
/// such a chain (10⁶ equal terms: 1 % in one chain, 10⁻⁵ in pieces).
constexpr int64_t kChain = 1024;

/// acc[i][j] += Σ over rows r and x < length of a[i][r·a_row + x] · b[j][r·b_row + x], lane by lane: for results so few
/// that columns would not fill a vector, k runs along the lanes.
constexpr int kMaxDots = 8;
template <class T>
struct Dots {
  int64_t rows, length, a_row, b_row;
  const T* a[kMaxDots];
  const T* b[kMaxDots];
  T* acc[kMaxDots];  // vector j of acc[i]
};

template <class T>
using DotKernel = void (*)(const Dots<T>&);

/// By log₂ rows and columns − 1; rows · columns accumulators and the rows of a must fit the registers.
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

/// The instances, compiled once, in micro_kernels.cc.
template <class T>
struct DotKernels {
  DotKernel<T> at[4][kMaxDots];
  static const DotKernels all;
};
template <> const DotKernels<float> DotKernels<float>::all;
template <> const DotKernels<double> DotKernels<double>::all;

/// All pairs of m rows of a (a_step apart) and n rows of b (at b + b_offset[j]) into acc[(i·n + j)·lanes].
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
      DotKernels<T>::all.at[log][count - 1](t);
    }
    i += 1 << log;
  }
}

template <class T>
using Kernel = void (*)(const Block<T>&);

/// The instances, by rows − 1 and vectors − 1; empty where the registers do not suffice. They are most of the kernel's
/// compile time, so only micro_kernels.cc compiles them.
template <class T>
struct Kernels {
  static constexpr int direct_rows = kDirectRows;
  Kernel<T> packed[kMaxRows][kMaxVectors];
  Kernel<T> direct[2][direct_rows][kMaxVectors];  // [last vector partial]
  Kernel<T> panels[direct_rows][kMaxVectors];     // direct, of packed operands, at constant distances
  Kernel<T> unpacked[direct_rows][kMaxVectors];   // A in rows
  static const Kernels all;
};
template <> const Kernels<float> Kernels<float>::all;
template <> const Kernels<double> Kernels<double>::all;

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

/// Runs a function object as the body of parallel tasks; a single task runs on the calling thread.
template <class Body>
void run_tasks(Parallel& pool, int64_t count, const Body& body) {
  if (count == 1) return body(0, 0);
  pool.run(
      count, [](void* context, int64_t task, int worker) { (*static_cast<const Body*>(context))(task, worker); },
      const_cast<Body*>(&body));
}

/// Room for a packed operand: in its cache if it has one, else in the workspace.
inline PackedCache::Room packed_room(PackedCache* cache, Parallel& pool, uint64_t bytes) {
  const PackedCache::Room room = cache ? cache->room(bytes) : PackedCache::Room{nullptr, false};
  return room.memory ? room : PackedCache::Room{pool.workspace(bytes), false};
}

}  // namespace gradus::GRADUS_ISA::gemm
