// Runs the matmul instructions of a program: batches, and products of integers.
#include "gemm.h"
#include "simd/epilogue.h"

namespace gradus::GRADUS_ISA {
namespace {

// Batches passed to the matrix product at a time: their offsets live on the stack.
constexpr int64_t kBatchChunk = 512;
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
  constexpr int64_t width = 64, kLook = 1 << 20;  // of k: about a tenth of a second
  uint32_t sums[width];
  for (int64_t col = 0; col < c.n; col += width) {
    const int64_t cols = c.n - col < width ? c.n - col : width;
    for (int64_t j = 0; j < width; ++j) sums[j] = 0;
    for (int64_t k = 0; k < c.k; ++k) {
      if (k % kLook == 0 && run.epilogue.frame.parallel->interrupted()) return;
      const uint32_t x = uint32_t(a[k * c.a_col]);
      const int32_t* line = b + k * c.b_row + col * c.b_col;
      for (int64_t j = 0; j < cols; ++j) sums[j] += x * uint32_t(line[j * c.b_col]);
    }
    run.epilogue.finish(worker, {batch, row, col, 1, cols, sums, width});
  }
}

/// Offsets of `count` consecutive batches from `first`, for a view over [batch…, …].
void batch_offsets(const MatmulPlan& p, const LoopView& v, int64_t first, int64_t count, int64_t unit,
                   int64_t* offsets) {
  if (p.batch_rank == 0) {
    offsets[0] = 0;
    return;
  }
  int64_t at[kMaxRank], offset = 0, rest = first;
  for (int a = p.batch_rank - 1; a >= 0; --a) {
    at[a] = rest % p.batch_size[a];
    rest /= p.batch_size[a];
    offset += at[a] * (v.stride[a] / unit);
  }
  for (int64_t i = 0; i < count; ++i) {
    offsets[i] = offset;
    for (int a = p.batch_rank - 1; a >= 0; --a) {
      offset += v.stride[a] / unit;
      if (++at[a] < p.batch_size[a]) break;
      offset -= v.stride[a] / unit * p.batch_size[a];
      at[a] = 0;
    }
  }
}

}  // namespace

Status run_matmul(const MatmulPlan& p, Frame& frame) {
  Epilogue epilogue{p.after, frame, p.batch_rank, 0, {}};
  MatmulCall call = p.call;
  if (call.k == 0) {
    run_on_zeros(epilogue, call.batch, call.m, call.n);
    return Status::ok;
  }
  const LoopView& out = p.after.outputs[0].view;
  call.a = frame.buffers[p.a.buffer] + p.a.offset;
  call.b = frame.buffers[p.b.buffer] + p.b.offset;
  if (p.direct) call.c = frame.buffers[out.buffer] + out.offset;
  else call.epilogue = {Epilogue::run, &epilogue};
  // A cache holds a whole operand.
  call.a_cache = call.batch <= kBatchChunk ? cache_of(p.a_cache, p.a, frame) : nullptr;
  call.b_cache = call.batch <= kBatchChunk ? cache_of(p.b_cache, p.b, frame) : nullptr;
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

}  // namespace gradus::GRADUS_ISA
