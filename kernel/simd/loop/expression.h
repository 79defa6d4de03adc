// Evaluates the loops of plan.h block by block: the shared core of map, reduce and epilogues.
#pragma once
#include "copy.h"

namespace gradus::GRADUS_ISA {

/// Keeps a loop over a few axes scalar. A vector load of numbers that were just stored one by one waits until all
/// earlier stores have reached the cache, which takes long when results miss it.
inline void one_by_one(int64_t& n) { asm("" : "+r"(n)); }

inline int64_t offset_of(const LoopView& v, int rank, const int64_t* start) {
  int64_t offset = v.offset;
  for (int a = 0; a < rank; ++a) offset += start[a] * v.stride[a], one_by_one(offset);
  return offset;
}

inline int64_t count(int rank, const int64_t* extent) {
  int64_t n = 1;
  for (int a = 0; a < rank; ++a) n *= extent[a], one_by_one(n);
  return n;
}

/// Writes first + Σ iₐ·strideₐ for every index i of the box: indices along an axis.
inline void index_box(int32_t* dst, int64_t first, const int64_t* stride, int rank, const int64_t* extent) {
  int64_t at[kMaxRank] = {};
  const int64_t n = count(rank, extent);
  const int64_t line = rank > 0 ? extent[rank - 1] : 1, step = rank > 0 ? stride[rank - 1] : 0;
  for (int64_t done = 0; done < n; done += line) {
    for (int64_t i = 0; i < line; ++i) dst[done + i] = int32_t(first + i * step);
    for (int a = rank - 2; a >= 0; --a) {
      first += stride[a];
      if (++at[a] < extent[a]) break;
      first -= stride[a] * extent[a];
      at[a] = 0;
    }
  }
}

inline void load(const Loop& loop, const LoopInput& in, const Frame& frame, char* memory, int64_t offset,
                 const int64_t* extent) {
  if (in.view.buffer == kIndexBuffer)
    index_box(reinterpret_cast<int32_t*>(memory + in.reg), offset, in.view.stride, loop.rank, extent);
  else
    copy_box(memory + in.reg, nullptr, frame.buffers[in.view.buffer] + offset, in.view.stride, loop.rank, extent,
             in.view.element);
}

/// n copies of one element.
inline void repeat(char* dst, const char* value, int64_t element, int64_t n) {
  if (element == 4) repeat<uint32_t>(dst, load_lanes<uint32_t>(value), n);
  else if (element == 8) repeat<uint64_t>(dst, load_lanes<uint64_t>(value), n);
  else repeat<uint8_t>(dst, load_lanes<uint8_t>(value), n);
}

/// Prepares a worker's memory for a loop, once per worker and instruction.
inline void begin(const Loop& loop, const Frame& frame, char* memory) {
  void** table = reinterpret_cast<void**>(memory);
  for (const ConstantBlock& c : loop.constants) table[c.value] = const_cast<void*>(c.data);
  for (const RegisterBlock& r : loop.registers) table[r.value] = memory + r.offset;
  const int64_t longest = loop.elements < loop.block ? loop.elements : loop.block;
  for (size_t i = 0; i < loop.inputs.size(); ++i) {
    const LoopInput& in = loop.inputs[i];
    if (in.access != Access::once && in.access != Access::uniform) continue;
    table[i] = memory + in.reg;
    if (in.access == Access::once) {
      load(loop, in, frame, memory, in.view.offset, loop.extent);
    } else if (in.view.buffer == kIndexBuffer) {
      const int32_t index = int32_t(in.view.offset);
      repeat(memory + in.reg, reinterpret_cast<const char*>(&index), 4, longest);
    } else {
      repeat(memory + in.reg, frame.buffers[in.view.buffer] + in.view.offset, in.view.element, longest);
    }
  }
}

/// Rows at least this long are evaluated in place, one by one, rather than copied together.
constexpr int64_t kLeastRow = 64;

inline void run_steps(const Loop& loop, void* const* table, int64_t n) {
  for (const Step& s : loop.steps) {
    if (s.fused) s.fused(table[s.dst], table[s.a], table[s.b], table[s.c], table[s.d], n);
    else s.op(table[s.dst], table[s.a], table[s.b], table[s.c], n);
  }
}

inline void advance(void** table, const std::vector<Mover>& movers, int64_t elements) {
  for (const Mover& m : movers) table[m.value] = static_cast<char*>(table[m.value]) + elements * m.element;
}

/// Elements that the steps process at once at most: a piece, and at the end up to one and a half.
inline int64_t longest_piece(const Loop& loop) {
  return loop.piece < loop.block ? loop.piece + loop.piece / 2 : loop.block;
}

/// All steps on n elements, piece by piece. Returns how many elements the pointers have moved.
inline int64_t walk(const Loop& loop, void** table, const std::vector<Mover>& movers, int64_t n) {
  const int64_t longest = longest_piece(loop);
  int64_t done = 0;
  for (; n - done > longest; done += loop.piece) {
    run_steps(loop, table, loop.piece);
    advance(table, movers, loop.piece);
  }
  run_steps(loop, table, n - done);
  return done;
}

/// Evaluates a block row by row, reading and writing in place; false where this does not pay or is impossible.
/// `accumulated_row` is the distance between rows of an `accumulated` input in bytes. The block may be larger than loop.block.
inline bool evaluate_rows(const Loop& loop, const Frame& frame, char* memory, const int64_t* start,
                          const int64_t* extent, int64_t accumulated_row) {
  const int rank = loop.rank;
  if (!loop.rowwise || extent[rank - 1] < kLeastRow) return false;
  for (int a = 0; a < rank - 2; ++a)
    if (extent[a] != 1) return false;
  void** table = reinterpret_cast<void**>(memory);
  const int64_t rows = extent[rank - 2], n = extent[rank - 1];
  for (size_t i = 0; i < loop.inputs.size(); ++i) {
    const LoopInput& in = loop.inputs[i];
    if (in.access == Access::in_block) table[i] = frame.buffers[in.view.buffer] + offset_of(in.view, rank, start);
  }
  for (int32_t i : loop.filled) table[i] = memory + loop.inputs[i].reg;
  for (const LoopOutput& o : loop.outputs)
    if (o.direct) table[o.value] = frame.buffers[o.view.buffer] + offset_of(o.view, rank, start);
  const int64_t longest = n < longest_piece(loop) ? n : longest_piece(loop);
  for (int64_t r = 0; r < rows; ++r) {
    for (int32_t i : loop.filled) {
      const LoopView& v = loop.inputs[i].view;
      if (r > 0 && v.stride[rank - 2] == 0) continue;
      const char* value = frame.buffers[v.buffer] + offset_of(v, rank, start) + r * v.stride[rank - 2];
      repeat(static_cast<char*>(table[i]), value, v.element, longest);
    }
    const int64_t done = walk(loop, table, loop.row_movers, n);
    for (int32_t j : loop.passed) {  // after the steps, which may read the old values
      const LoopOutput& o = loop.outputs[j];
      char* to = frame.buffers[o.view.buffer] + offset_of(o.view, rank, start) + r * o.view.stride[rank - 2];
      const char* from = static_cast<char*>(table[o.value]) - done * o.view.element;
      if (from != to) __builtin_memcpy(to, from, size_t(n * o.view.element));
    }
    for (const Mover& m : loop.row_movers)
      table[m.value] = static_cast<char*>(table[m.value]) + (m.row - done * m.element);
    table[0] = static_cast<char*>(table[0]) + accumulated_row;
  }
  return true;
}

/// Evaluates the expression on one block and stores its results. The caller has set the pointer of an `accumulated` input.
/// Blocks hold at most loop.block elements.
inline void evaluate(const Loop& loop, const Frame& frame, char* memory, const int64_t* start, const int64_t* extent) {
  void** table = reinterpret_cast<void**>(memory);
  const int rank = loop.rank;
  const int64_t n = count(rank, extent);
  const bool whole = n == loop.elements;  // a small loop is one block, fully described by the plan
  const auto offset = [&](const LoopView& v) { return whole ? v.offset : offset_of(v, rank, start); };
  const auto dense = [&](const LoopView& v) { return whole ? v.dense : is_dense(v.stride, rank, extent, v.element); };
  for (size_t i = 0; i < loop.inputs.size(); ++i) {
    const LoopInput& in = loop.inputs[i];
    if (in.access == Access::in_block && in.view.buffer >= 0 && dense(in.view)) {
      table[i] = frame.buffers[in.view.buffer] + offset(in.view);
    } else if (in.access == Access::in_block || in.access == Access::copied) {
      table[i] = memory + in.reg;
      load(loop, in, frame, memory, offset(in.view), extent);
    }
  }
  for (const LoopOutput& o : loop.outputs)
    if (o.direct) table[o.value] = dense(o.view) ? frame.buffers[o.view.buffer] + offset(o.view) : memory + o.reg;
  if (const int64_t moved = walk(loop, table, loop.movers, n)) advance(table, loop.movers, -moved);
  for (const LoopOutput& o : loop.outputs) {
    if (o.view.buffer < 0) continue;
    char* dst = frame.buffers[o.view.buffer] + offset(o.view);
    const int64_t* src_stride = nullptr;  // registers are dense
    const char* src;
    if (size_t(o.value) < loop.inputs.size() && loop.inputs[o.value].access == Access::store_only) {
      const LoopView& v = loop.inputs[o.value].view;
      src = frame.buffers[v.buffer] + offset(v);
      src_stride = v.stride;
    } else {
      src = static_cast<const char*>(table[o.value]);
    }
    if (src != dst) copy_box(dst, o.view.stride, src, src_stride, rank, extent, o.view.element);
  }
}

/// A position in a grid of blocks: the start and extent of a block.
struct BlockCursor {
  int rank;
  const int64_t *size, *full, *grid;  // per axis: elements, elements of a full block, blocks
  int64_t at[kMaxRank], *start, *extent;

  void set_axis(int a) {
    start[a] = at[a] * full[a];
    const int64_t rest = size[a] - start[a];
    extent[a] = rest < full[a] ? rest : full[a];
  }
  void seek(int64_t block) {
    for (int a = rank - 1; a >= 0; --a) {
      at[a] = block % grid[a];
      block /= grid[a];
      set_axis(a);
    }
  }
  void next() {
    for (int a = rank - 1; a >= 0; --a) {
      const bool carry = ++at[a] == grid[a];
      if (carry) at[a] = 0;
      set_axis(a);
      if (!carry) return;
    }
  }
};

}  // namespace gradus::GRADUS_ISA
