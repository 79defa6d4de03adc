// What the parts of the kernel promise each other. The loader and the runner are compiled once;
// everything under simd/ is compiled once per instruction set and reached through KernelTable.
#pragma once
#include <cstddef>
#include <cstdint>

#include "conv_algorithms.h"
#include "memory.h"
#include "packed_cache.h"

namespace gradus {

enum class DType : int32_t { f32 = 0, f64 = 1, i32 = 2, b8 = 3 };

inline size_t byte_size(DType t) { return t == DType::f64 ? 8 : t == DType::b8 ? 1 : 4; }

/// Instead of an opcode: the argument itself.
constexpr int kNoOpcode = -1;
/// Beside the opcodes in trees: eq of int32, whose value is float32.
constexpr int kEqualInts = -2;

/// More threads than this are not started.
constexpr int kMaxWorkers = 256;

/// The thread pool as kernels see it. Work is cut into tasks by fixed block sizes, never by the
/// number of workers, and tasks write disjoint memory: results do not depend on who runs what.
class Parallel {
 public:
  virtual ~Parallel() = default;
  /// Calls body(context, task, worker) for task = 0 … count−1, worker in 0 … workers()−1; returns
  /// when all are done, or have been left out after an interruption. Not reentrant.
  virtual void run(int64_t count, void (*body)(void* context, int64_t task, int worker), void* context) = 0;
  virtual int workers() const = 0;
  /// 64-byte aligned scratch of kScratchBytes that belongs to one worker.
  virtual void* scratch(int worker) = 0;
  /// One 64-byte aligned area shared by the tasks of one call, valid until the call returns; grows
  /// as needed. nullptr when memory is out (the caller then reports Status::out_of_memory). 64 bits
  /// also where addresses have 32: what is too large must not wrap round.
  virtual void* workspace(uint64_t bytes) = 0;

  /// From any thread: what runs shall end soon, with results that nobody reads, and nothing starts again.
  void interrupt() { __atomic_store_n(&interrupted_, true, __ATOMIC_RELAXED); }
  /// Loops that may take seconds within a task look.
  bool interrupted() const { return __atomic_load_n(&interrupted_, __ATOMIC_RELAXED); }

 private:
  bool interrupted_ = false;
};

/// Room for one packed A panel, one packed B panel and one tile, with the blocking of simd/gemm.
constexpr size_t kScratchBytes = size_t{4} << 20;

/// Whether products may use the matrix unit (AMX). Set when the instruction set is chosen, before any call.
extern bool matrix_unit;
/// AMX with bfloat16, which Linux lends to a process that asks for it, as this does.
bool machine_has_matrix_unit();

enum class Status : int32_t { ok = 0, out_of_memory = 1, index_out_of_range = 2, refused = 3, interrupted = 4 };

/// A finished block of a matrix product or convolution, before its epilogue.
/// Result index = (batch, row, col): for matmul batch runs over the flattened batch axes; for
/// convolution batch = n·groups + g, row = output channel, col = flattened output position p, or, with
/// the batch innermost (CHWN), batch = g and col = p·images + n.
struct Tile {
  int64_t batch, row, col, rows, cols;
  const void* values;  // element (r, c) at values[r · ld + c], in the call's dtype
  int64_t ld;
};

/// The epilogue of a product or convolution: takes finished tiles, and stores. Called from worker threads,
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
  PackedCache *a_cache, *b_cache;  // pack an operand once, until it changes; else null
  // Direct store when c is not null: element (m, n) of batch i at c[c_offset[i] + m·c_row + n].
  void* c;
  const int64_t* c_offset;
  int64_t c_row;
  TileEpilogue epilogue;  // used when c is null
};

/// Sums stored with a bias, as in y of a ConvCall: Σ + bias[g, o], and if `rectified`, 0 where that is not above 0.
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
  PackedCache* w_cache;  // packs w once, until it changes; null where it may change at every run
  // Direct store when y is not null: dense row-major [n, g, o, out…], or [g, o, out…, n]. In the latter case
  // there may be an epilogue, too: it gets tiles that lie in y, and may change them there.
  void* y;
  TileEpilogue epilogue;
  // An epilogue that is no more than a bias: algorithms that can apply it as they store do not call `epilogue`.
  BiasedResult biased;
  bool batch_innermost;  // CHWN layout: the images of the result are innermost, neighbours in memory and in a tile
  bool in_place;         // results are stored in y, and the epilogue changes them there
};

/// How a convolution is cut into tasks. An algorithm reads only the sizes that it cuts by.
struct ConvBlocking {
  int64_t positions[3];  // a box of output positions
  int64_t kernel[3];     // a box of kernel positions
  int64_t rows;          // output channels of a task
  int64_t images;        // of a task
  int64_t channels;      // of a step of k
  int64_t splits;        // of k
  bool skips_padding;    // kernel positions that meet only padding are left out
};

/// Chosen once, when a program is loaded (simd/conv/conv.cc).
struct ConvChoice {
  ConvAlgorithm algorithm;
  bool exchanged;  // x and w in each other's roles (simd/conv/exchange.h)
  ConvBlocking blocking;
};

}  // namespace gradus
