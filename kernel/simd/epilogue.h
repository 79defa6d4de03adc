// Runs the fused epilogue of products and convolutions over their finished tiles.
#pragma once
#include "kernels.h"

namespace gradus::GRADUS_ISA {

// Tiles at least this wide are finished row by row, so that dense views are used in place.
constexpr int64_t kWideTile = 256;

/// Runs the epilogue over tiles. The loop's axes are [batch…, row, column…].
struct Epilogue {
  const Loop& loop;
  const Frame& frame;
  int batch_rank;
  int64_t batch_base;
  bool ready[kMaxWorkers];

  static void run(void* self, int worker, const Tile& tile) { static_cast<Epilogue*>(self)->finish(worker, tile); }

  void finish(int worker, const Tile& tile) {
    char* memory = frame.worker_memory[worker];
    if (!ready[worker]) {
      begin(loop, frame, memory);
      ready[worker] = true;
    }
    int64_t start[kMaxRank], extent[kMaxRank];
    int64_t batch = batch_base + tile.batch;
    for (int a = batch_rank - 1; a >= 0; --a) {
      start[a] = batch % loop.size[a];
      batch /= loop.size[a];
      extent[a] = 1;
    }
    if (loop.rank == batch_rank + 2) finish_matrix(memory, tile, start, extent);
    else finish_lines(memory, tile, start, extent);
  }

  /// One column axis: all rows in place, or pieces of rows × columns that fit a block.
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

  /// Several column axes that do not merge in every view: line by line along the last one.
  void finish_lines(char* memory, const Tile& tile, int64_t* start, int64_t* extent) {
    const int row = batch_rank, last = loop.rank - 1;
    for (int64_t r = 0; r < tile.rows; ++r)
      for (int64_t c = 0; c < tile.cols;) {
        int64_t rest = tile.col + c;
        for (int a = last; a > row; --a) {
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
    const bool used = loop.inputs[0].access == Access::accumulated;  // otherwise it has no register
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

/// The epilogue of a result that is all zeros because there is nothing to sum.
inline void run_on_zeros(Epilogue& epilogue, int64_t batches, int64_t rows, int64_t cols) {
  constexpr int64_t width = 64;
  alignas(64) static const char zeros[width * 8] = {};
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < cols; c += width)
        epilogue.finish(0, {b, r, c, 1, cols - c < width ? cols - c : width, zeros, width});
}

/// The cache in which a kernel may pack an operand if its version has not changed; else null.
inline PackedCache* cache_of(PackedCache& cache, const LoopView& operand, const Frame& frame) {
  if (!frame.versions || operand.buffer == 0) return nullptr;
  return cache.holds(frame.versions[operand.buffer - 1], *frame.packed_bytes) ? &cache : nullptr;
}

}  // namespace gradus::GRADUS_ISA
