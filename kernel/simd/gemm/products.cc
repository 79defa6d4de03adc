// Matrix products and convolutions of a program: batches, the fused epilogue over finished tiles,
// integer products.
#include "gemm.h"
#include "simd/kernels.h"

namespace gradus::GRADUS_ISA {
namespace {

// Batches handed to the matrix product at a time: their offsets live on the stack.
constexpr int64_t kBatchChunk = 512;
// Tiles at least this wide are finished row by row, so that dense views are used in place.
constexpr int64_t kWideTile = 256;

/// Runs the epilogue over tiles. The loop's axes are [batch…, row, column…].
struct Epilogue {
  const Loop& loop;
  const Frame& frame;
  int batch_rank;
  int64_t batch_base;
  bool ready[kMaxWorkers];

  static void put(void* self, int worker, const Tile& tile) { static_cast<Epilogue*>(self)->finish(worker, tile); }

  void finish(int worker, const Tile& tile) {
    char* memory = frame.worker_memory[worker];
    if (!ready[worker]) {
      begin(loop, frame, memory);
      ready[worker] = true;
    }
    int64_t start[kMaxRank], extent[kMaxRank];
    int64_t batch = batch_base + tile.batch;
    for (int a = batch_rank - 1; a >= 0; a--) {
      start[a] = batch % loop.size[a];
      batch /= loop.size[a];
      extent[a] = 1;
    }
    if (loop.rank == batch_rank + 2) finish_matrix(memory, tile, start, extent);
    else finish_lines(memory, tile, start, extent);
  }

  /// One column axis: all rows where they are, or pieces of rows × columns that fit a block.
  void finish_matrix(char* memory, const Tile& tile, int64_t* start, int64_t* extent) {
    const int row = batch_rank, col = batch_rank + 1;
    const int64_t element = loop.inputs[0].view.element;
    start[row] = tile.row, start[col] = tile.col;
    extent[row] = tile.rows, extent[col] = tile.cols;
    reinterpret_cast<void**>(memory)[0] = const_cast<void*>(tile.values);
    if (evaluate_rows(loop, frame, memory, start, extent, tile.ld * element)) return;
    const int64_t cols = tile.cols < loop.block ? tile.cols : loop.block;
    const int64_t fit = tile.cols >= kWideTile ? 1 : loop.block / cols;
    for (int64_t r = 0; r < tile.rows; r += fit) {
      const int64_t rows = tile.rows - r < fit ? tile.rows - r : fit;
      for (int64_t c = 0; c < tile.cols; c += cols) {
        start[row] = tile.row + r;
        start[col] = tile.col + c;
        extent[row] = rows;
        extent[col] = tile.cols - c < cols ? tile.cols - c : cols;
        block(memory, tile, r, c, rows, extent[col], start, extent);
      }
    }
  }

  /// Several column axes that no view could merge: line by line along the last.
  void finish_lines(char* memory, const Tile& tile, int64_t* start, int64_t* extent) {
    const int row = batch_rank, last = loop.rank - 1;
    for (int64_t r = 0; r < tile.rows; r++)
      for (int64_t c = 0; c < tile.cols;) {
        int64_t rest = tile.col + c;
        for (int a = last; a > row; a--) {
          start[a] = rest % loop.size[a];
          rest /= loop.size[a];
          extent[a] = 1;
        }
        int64_t n = loop.size[last] - start[last];
        if (n > tile.cols - c) n = tile.cols - c;
        if (n > loop.block) n = loop.block;
        start[row] = tile.row + r;
        extent[row] = 1;
        extent[last] = n;
        block(memory, tile, r, c, 1, n, start, extent);
        c += n;
      }
  }

  void block(char* memory, const Tile& tile, int64_t r, int64_t c, int64_t rows, int64_t cols, const int64_t* start,
             const int64_t* extent) {
    const int64_t element = loop.inputs[0].view.element;
    const char* values = static_cast<const char*>(tile.values) + (r * tile.ld + c) * element;
    void** table = reinterpret_cast<void**>(memory);
    const bool used = loop.inputs[0].access == Access::given;  // else it has no register
    if (rows == 1 || tile.ld == cols || !used) {
      table[0] = const_cast<char*>(values);
    } else {
      table[0] = memory + loop.inputs[0].reg;
      const int64_t from[2] = {tile.ld * element, element}, box[2] = {rows, cols};
      copy_box(memory + loop.inputs[0].reg, nullptr, values, from, 2, box, element);
    }
    evaluate(loop, frame, memory, start, extent);
  }
};

/// The epilogue of a result that is zero throughout, because there is nothing to sum.
void put_zeros(Epilogue& epilogue, int64_t batches, int64_t rows, int64_t cols) {
  constexpr int64_t width = 64;
  alignas(64) static const char zeros[width * 8] = {};
  for (int64_t b = 0; b < batches; b++)
    for (int64_t r = 0; r < rows; r++)
      for (int64_t c = 0; c < cols; c += width)
        epilogue.finish(0, {b, r, c, 1, cols - c < width ? cols - c : width, zeros, width});
}

struct IntegerRun {
  const MatmulCall& call;
  Epilogue& epilogue;
};

/// One row of an int32 product, in strips that stay in registers and L1. Sums wrap around.
void integer_row(void* context, int64_t task, int worker) {
  const IntegerRun& run = *static_cast<IntegerRun*>(context);
  const MatmulCall& c = run.call;
  const int64_t batch = task / c.m, row = task % c.m;
  const int32_t* a = static_cast<const int32_t*>(c.a) + c.a_offset[batch] + row * c.a_row;
  const int32_t* b = static_cast<const int32_t*>(c.b) + c.b_offset[batch];
  constexpr int64_t width = 64, kLook = 1 << 20;  // of k: a tenth of a second or so
  uint32_t sums[width];
  for (int64_t col = 0; col < c.n; col += width) {
    const int64_t cols = c.n - col < width ? c.n - col : width;
    for (int64_t j = 0; j < width; j++) sums[j] = 0;
    for (int64_t k = 0; k < c.k; k++) {
      if (k % kLook == 0 && run.epilogue.frame.parallel->interrupted()) return;
      const uint32_t x = uint32_t(a[k * c.a_col]);
      const int32_t* line = b + k * c.b_row + col * c.b_col;
      for (int64_t j = 0; j < cols; j++) sums[j] += x * uint32_t(line[j * c.b_col]);
    }
    run.epilogue.finish(worker, {batch, row, col, 1, cols, sums, width});
  }
}

/// Offsets of `count` consecutive batches from `first`, for a view over [batch…, …].
void batch_offsets(const MatmulPlan& p, const LoopView& v, int64_t first, int64_t count, int64_t unit, int64_t* offsets) {
  if (p.batch_rank == 0) {
    offsets[0] = 0;
    return;
  }
  int64_t at[kMaxRank], offset = 0, rest = first;
  for (int a = p.batch_rank - 1; a >= 0; a--) {
    at[a] = rest % p.batch_size[a];
    rest /= p.batch_size[a];
    offset += at[a] * (v.stride[a] / unit);
  }
  for (int64_t i = 0; i < count; i++) {
    offsets[i] = offset;
    for (int a = p.batch_rank - 1; a >= 0; a--) {
      offset += v.stride[a] / unit;
      if (++at[a] < p.batch_size[a]) break;
      offset -= v.stride[a] / unit * p.batch_size[a];
      at[a] = 0;
    }
  }
}

/// Where a kernel may keep what it makes of an operand, if that stays from run to run; else null.
Keeper* keeper_of(Keeper& keeper, const LoopView& operand, const Frame& frame) {
  if (!frame.stamps || operand.buffer == 0) return nullptr;
  return keeper.stays(frame.stamps[operand.buffer - 1], *frame.kept_bytes) ? &keeper : nullptr;
}

}  // namespace

Status run_matmul(const MatmulPlan& p, Frame& frame) {
  Epilogue epilogue{p.after, frame, p.batch_rank, 0, {}};
  MatmulCall call = p.call;
  if (call.k == 0) {
    put_zeros(epilogue, call.batch, call.m, call.n);
    return Status::ok;
  }
  const LoopView& out = p.after.outputs[0].view;
  call.a = frame.buffers[p.a.buffer] + p.a.offset;
  call.b = frame.buffers[p.b.buffer] + p.b.offset;
  if (p.direct) call.c = frame.buffers[out.buffer] + out.offset;
  else call.sink = {Epilogue::put, &epilogue};
  // A keeper is for a whole operand.
  call.a_keeper = call.batch <= kBatchChunk ? keeper_of(p.a_keeper, p.a, frame) : nullptr;
  call.b_keeper = call.batch <= kBatchChunk ? keeper_of(p.b_keeper, p.b, frame) : nullptr;
  int64_t a_offset[kBatchChunk], b_offset[kBatchChunk], c_offset[kBatchChunk];
  call.a_offset = a_offset, call.b_offset = b_offset, call.c_offset = c_offset;
  for (int64_t first = 0; first < p.call.batch && !frame.parallel->interrupted(); first += kBatchChunk) {
    call.batch = p.call.batch - first < kBatchChunk ? p.call.batch - first : kBatchChunk;
    batch_offsets(p, p.a, first, call.batch, 1, a_offset);
    batch_offsets(p, p.b, first, call.batch, 1, b_offset);
    if (p.direct) batch_offsets(p, out, first, call.batch, out.element, c_offset);
    epilogue.batch_base = first;
    if (call.dtype == DType::i32) {
      IntegerRun run{call, epilogue};
      frame.parallel->run(call.batch * call.m, integer_row, &run);
      continue;
    }
    const Status status = matmul(call, *frame.parallel);
    if (status != Status::ok) return status;
  }
  return Status::ok;
}

Status run_conv(const ConvPlan& p, Frame& frame) {
  const bool last = p.call.images_last;
  Epilogue epilogue{p.after, frame, last ? 1 : 2, 0, {}};
  if (p.empty) {
    const int64_t n = p.call.n;
    put_zeros(epilogue, p.call.groups * (last ? 1 : n), p.call.out_channels, p.result * (last ? n : 1));
    return Status::ok;
  }
  ConvCall call = p.call;
  call.x = frame.buffers[p.x.buffer] + p.x.offset;
  call.w = frame.buffers[p.w.buffer] + p.w.offset;
  call.w_keeper = keeper_of(p.w_keeper, p.w, frame);
  if (p.place >= 0) {
    const LoopView& out = p.after.outputs[size_t(p.place)].view;
    call.y = frame.buffers[out.buffer] + out.offset;
  }
  if (!p.direct) call.sink = {Epilogue::put, &epilogue};
  if (p.biased) {
    const LoopView &out = p.after.outputs[0].view, &bias = p.after.inputs[1].view;
    call.biased.y = frame.buffers[out.buffer] + out.offset;
    call.biased.bias = frame.buffers[bias.buffer] + bias.offset;
  }
  return conv(call, *frame.parallel);
}

}  // namespace gradus::GRADUS_ISA
