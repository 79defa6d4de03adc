// Interfaces between the parts of the kernel. The loader and the runner are compiled once; everything under simd/ is
// compiled once per instruction set and reached through KernelTable.
#pragma once
#include <cstddef>
#include <cstdint>

#include "conv_algorithms.h"
#include "memory.h"
#include "packed_cache.h"

namespace gradus {

enum class DType : int32_t { f32 = 0, f64 = 1, i32 = 2, b8 = 3 };

inline size_t byte_size(DType t) { return t == DType::f64 ? 8 : t == DType::b8 ? 1 : 4; }

/// In place of an opcode: the argument itself.
constexpr int kNoOpcode = -1;
/// An extra opcode inside trees: eq of int32 with a float32 result.
constexpr int kEqualInts = -2;

/// The most threads that are ever started.
constexpr int kMaxWorkers = 256;

/// The thread pool as kernels see it. Work is cut into tasks of fixed block sizes, independent of the number of
/// workers, and tasks write disjoint memory, so results do not depend on which thread runs which task.
class Parallel {
 public:
  virtual ~Parallel() = default;
  /// Calls body(context, task, worker) for task = 0 … count−1, with worker in 0 … workers()−1. Returns when all tasks
  /// are done, or skipped after an interruption. Not reentrant.
  virtual void run(int64_t count, void (*body)(void* context, int64_t task, int worker), void* context) = 0;
  virtual int workers() const = 0;
  /// 64-byte aligned scratch of kScratchBytes, one per worker.
  virtual void* scratch(int worker) = 0;
  /// One 64-byte aligned area shared by the tasks of a call, valid until the call returns; grows as needed. nullptr
  /// when memory is out (the caller then reports Status::out_of_memory). The size has 64 bits even where addresses have
  /// 32, so that a size that is too large cannot wrap around.
  virtual void* workspace(uint64_t bytes) = 0;

  /// From any thread: the current run ends soon and its results are discarded; no new run starts.
  void interrupt() { __atomic_store_n(&interrupted_, true, __ATOMIC_RELAXED); }
  /// Checked by loops within a task that may take seconds.
  bool interrupted() const { return __atomic_load_n(&interrupted_, __ATOMIC_RELAXED); }

 private:
  bool interrupted_ = false;
};

/// Room for one packed A panel, one packed B panel and one tile, with the blocking of simd/gemm.
constexpr size_t kScratchBytes = size_t{4} << 20;

/// Whether products may use the matrix unit (AMX). Set once, with the instruction set, before any call.
extern bool matrix_unit;
/// AMX with bfloat16. Linux grants it to a process on request; this function makes the request.
bool machine_has_matrix_unit();

enum class Status : int32_t { ok = 0, out_of_memory = 1, index_out_of_range = 2, refused = 3, interrupted = 4 };

/// A finished block of a matrix product or convolution, before the epilogue. Result index = (batch, row, col): for
/// matmul batch runs over the flattened batch axes; for convolution batch = n·groups + g, row = output channel, col =
/// flattened output position p, or, with the batch innermost (CHWN), batch = g and col = p·images + n.
struct Tile {
  int64_t batch, row, col, rows, cols;
  const void* values;  // element (r, c) at values[r · ld + c], in the call's dtype
  int64_t ld;
};

/// The epilogue of a product or convolution: receives finished tiles and stores them. Called from worker threads, for
/// each element of the result exactly once.
struct TileEpilogue {
  void (*run)(void* self, int worker, const Tile& tile);
  void* self;
};

/// r[b, m, n] = Σ_k A[b, m, k] · B[b, k, n]
struct MatmulCall {
  DType dtype;  // f32 or f64
  int64_t batch, m, n, k;
  const void* a;
  const void* b;
  const int64_t* a_offset;  // per batch, elements
  const int64_t* b_offset;
  int64_t a_row, a_col;  // strides in elements, any sign, 0 allowed
  int64_t b_row, b_col;
  PackedCache *a_cache, *b_cache;  // packed-weight cache of each operand, or null
  // Direct store when c is not null: element (m, n) of batch i at c[c_offset[i] + m·c_row + n].
  void* c;
  const int64_t* c_offset;
  int64_t c_row;
  TileEpilogue epilogue;  // used when c is null
};

/// Sums stored with a bias: Σ + bias[g, o]; if `rectified`, a ReLU follows. `y` of ConvCall stores them.
struct BiasedResult {
  void* y = nullptr;  // null for none
  const void* bias = nullptr;
  int64_t bias_g = 0, bias_o = 0;  // steps in elements
  bool rectified = false;
};

/// r[n, g, o, p] = Σ_{c,q} x̃[n, g, c, p·stride + q·kernel_dilation − pad] · w[g, o, c, q]
/// Spatial arrays always have 3 entries; unused leading axes have size 1, stride 1, pad 0, step 0.
struct ConvCall {
  DType dtype;
  int64_t n, groups, out_channels, channels;
  int64_t in[3], kernel[3], out[3];
  int64_t stride[3], pad[3], in_dilation[3], kernel_dilation[3];
  const void* x;
  int64_t x_n, x_g, x_c, x_s[3];  // strides in elements, any sign
  const void* w;
  int64_t w_g, w_o, w_c, w_k[3];
  PackedCache* w_cache;  // packed-weight cache for w; null where w may change at every run
  // Direct store when y is not null: dense row-major [n, g, o, out…], or [g, o, out…, n]. In the latter layout there
  // may be an epilogue as well: its tiles lie in y, and it may update them in place.
  void* y;
  TileEpilogue epilogue;
  // The epilogue when it is only a bias (and ReLU): algorithms that apply it while storing do not call `epilogue`.
  BiasedResult biased;
  bool batch_innermost;  // CHWN layout: the images of the result are innermost, in memory and in a tile
  bool in_place;         // results are stored in y, and the epilogue updates them in place
};

/// How a convolution is cut into tasks. Each algorithm reads only the sizes it needs.
struct ConvBlocking {
  int64_t positions[3];  // a box of output positions
  int64_t kernel[3];     // a box of kernel positions
  int64_t rows;          // output channels of a task
  int64_t images;        // per task
  int64_t channels;      // of one step over k
  int64_t splits;        // splits of k
  bool skips_padding;    // kernel positions that meet only padding are skipped
};

/// Chosen once, when a program is loaded (simd/conv/conv.cc).
struct ConvChoice {
  ConvAlgorithm algorithm;
  bool exchanged;  // x and w exchange roles (simd/conv/exchange.h)
  ConvBlocking blocking;
};

}  // namespace gradus
