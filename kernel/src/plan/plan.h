// Instructions ready to run: axes merged, registers allocated, work cut into tasks. Plans are built once, at load
// (plan/), and executed by the kernels of one instruction set (simd/).
#pragma once
#include <variant>
#include <vector>

#include "src/contract.h"
#include "src/program.h"

namespace gradus {

/// dst[i] = op(a[i], b[i], c[i]) for i < n on contiguous blocks; unused arguments are ignored.
using BlockOp = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);

/// dst[i] = f(g(a[i], b[i]), h(c[i], d[i])).
using FusedOp = void (*)(void* dst, const void* a, const void* b, const void* c, const void* d, int64_t n);

/// A view over the axes of a loop, in bytes. An index view (buffer −1) has the value offset + Σ start·stride in place
/// of an element: it is the index along one axis.
struct LoopView {
  int32_t buffer;
  int32_t element;  // bytes
  int64_t offset;
  int64_t stride[kMaxRank];
  bool dense;  // the elements of the whole loop are contiguous
};

constexpr int32_t kIndexBuffer = -1;

enum class Access : uint8_t {
  accumulated,  // the accumulated result, supplied by the caller
  in_block,     // read in place where the block is contiguous, else copied to its register
  copied,       // always copied: an output that shares its memory is written before the last use
  once,         // the same for all blocks: copied once per worker
  uniform,      // one element for all blocks: broadcast once per worker
  store_only,   // only stored: never copied to a register
  staged,       // transposed into its register by the caller, for a whole tile of blocks
};

struct LoopInput {
  LoopView view;
  Access access;
  int64_t reg;  // byte offset of its register
};

struct LoopOutput {
  LoopView view;
  int32_t value;  // position in the pointer table
  bool direct;    // the step may write straight to the output where the block is contiguous
  int64_t reg;    // and to this register elsewhere
};

/// An operation, or a tree of them; its arguments are positions in the pointer table.
struct Step {
  BlockOp op;  // null unless `fused`
  FusedOp fused;
  int16_t dst, a, b, c, d;
};

struct ConstantBlock {
  int32_t value;
  const void* data;
};
struct RegisterBlock {
  int32_t value;
  int64_t offset;
};
/// A pointer of the table that moves as the steps pass over a block.
struct Mover {
  int32_t value;
  int32_t element;  // bytes from an element to the next
  int64_t row;      // and from a row to the next, where rows are evaluated in place
};

/// An expression evaluated block by block. The pointer table holds one pointer per value: inputs
/// first, then constants and registers. A worker's memory is the table, then the registers.
struct Loop {
  int rank = 0;
  int64_t size[kMaxRank];
  int64_t extent[kMaxRank];  // of a full block
  int64_t block = 0;         // elements that a register holds
  int64_t elements = 1;      // of all blocks
  int64_t piece = 0;         // elements processed by all steps before the next ones
  int across = -1;           // the axis along which staged inputs are contiguous, if there are any
  int64_t tile_rows = 1;     // the extent of a tile along it
  std::vector<LoopInput> inputs;
  std::vector<LoopOutput> outputs;
  std::vector<ConstantBlock> constants;
  std::vector<RegisterBlock> registers;
  std::vector<Step> steps;
  std::vector<Mover> movers;      // of a block whose values are all contiguous
  bool rowwise = false;           // rows along the last axis can be evaluated in place:
  std::vector<Mover> row_movers;  // the pointers that move then,
  std::vector<int32_t> filled;    // the inputs that are constant along a row but not throughout,
  std::vector<int32_t> passed;    // and the outputs that are unchanged inputs
  int32_t table_size = 0;
  int64_t memory = 0;  // bytes per worker
  double cost = 0;     // of one element, in units of one simple operation
};

/// A tile is one block, unless an input is transposed: then it is several blocks along one axis.
struct MapPlan {
  Loop loop;
  int64_t tile[kMaxRank];  // extents of a full tile
  int64_t grid[kMaxRank];  // tiles along each axis
  int64_t tiles, tiles_per_task;
  bool by_rows;  // a tile is a row, and there is one step
};

/// The axes of `before` are [kept…, reduced…] when rows, else [reduced…, kept…].
struct ReducePlan {
  const ReducePlan* argmax = nullptr;  // the next instruction, if this max computes it too
  Loop before, after;
  bool rows;
  Reducer reducer;
  DType dtype;
  int kept_rank, reduced_rank;
  int line_axes;  // the last reduced axes, which form a line; 0 unless rows
  int64_t kept_grid[kMaxRank];
  int64_t kept_blocks, reduced_blocks;  // at least 1, but reduced_blocks is 0 for an empty reduction
  int64_t kept_per_block;               // elements of a full kept block
  int64_t kept_per_task;                // blocks
  // The reduced axes are cut into parts for several threads: one part per index over the axes before `cut` and per
  // piece of the axis `cut`.
  int64_t parts, pieces, piece;  // elements of a piece along that axis
  int cut;                       // counts the reduced axes
  std::vector<int64_t> window;   // for results reduced in place: offsets of their elements from the first
  int64_t accumulator_memory;    // bytes per worker
};

struct MatmulPlan {
  MatmulCall call;  // without addresses
  int batch_rank;
  int64_t batch_size[kMaxRank];
  LoopView a, b;  // strides in elements: [batch…, row, col]
  mutable PackedCache a_cache, b_cache;
  bool direct;  // store without an epilogue, through the loop's output view
  Loop after;   // axes [batch…, m, n]
};

struct ConvPlan {
  ConvCall call;  // without addresses
  LoopView x, w;  // only buffer and offset are used
  mutable PackedCache w_cache;
  ConvChoice choice;
  int sums_output;  // the output whose memory receives the sums, or −1
  bool direct;      // without an epilogue
  bool biased;      // the epilogue is a bias per channel and perhaps a ReLU: BiasedResult
  bool empty;       // nothing to sum: the result is zero
  int64_t result;   // output positions per channel
  Loop after;       // axes [n, g, o, p…], or [g, o, p…, n] with the batch innermost
};

struct FoldPlan {
  DType dtype;
  int lead_rank, axes;
  int64_t lead_size[kMaxRank];
  int64_t size[kMaxRank], positions[kMaxRank], window[kMaxRank], step[kMaxRank], dilation[kMaxRank];
  LoopView input, output;  // strides over [lead…, positions…, window…] and [lead…, size…]
  int64_t lines, lines_per_task;
};

/// gather and scatterAdd over [outer…, axis, inner…].
struct IndexPlan {
  DType dtype;
  int rank, axis;
  int64_t size[kMaxRank];
  int64_t axis_size;
  LoopView x, indices, output;  // scatterAdd: x holds the updates
  int64_t outer, inner;         // products of the sizes before and after the axis
};

/// cumsum and argsort: lines along the last axis.
struct LinePlan {
  DType dtype;
  int rank;  // axes before the last
  int64_t size[kMaxRank];
  int64_t length, lines;
  bool flag;
  LoopView input, output;
};

struct Plan {
  Kind kind;
  bool nothing = false;  // no element is written, or the previous instruction does it
  bool alone = false;    // too little work to wake other threads
  std::variant<MapPlan, ReducePlan, MatmulPlan, ConvPlan, FoldPlan, IndexPlan, LinePlan> of;
};

/// What a run passes to the kernels.
struct Frame {
  char* const* buffers;        // the arena, then the slots
  char* const* worker_memory;  // registers and accumulators of each worker
  Parallel* parallel;
  int64_t bad_position;  // of the first index out of range
  int64_t bad_index;
  const double* versions;  // of the slots' contents (packed_cache.h); null when nothing is known
  int64_t* packed_bytes;   // held by the packed-weight caches
};

/// The kernels of one instruction set.
struct KernelTable {
  const char* name;
  BlockOp (*block_op)(int opcode, DType arguments);
  BlockOp (*block_cast)(DType from, DType to);
  BlockOp (*block_op_by)(int opcode, DType arguments, double second);
  FusedOp (*fused_op)(int f, int g, int h);
  ConvChoice (*choose_conv)(const ConvCall&);
  Status (*map)(const MapPlan&, Frame&);
  Status (*reduce)(const ReducePlan&, Frame&);
  Status (*matmul)(const MatmulPlan&, Frame&);
  Status (*conv)(const ConvPlan&, Frame&);
  Status (*fold)(const FoldPlan&, Frame&);
  Status (*gather)(const IndexPlan&, Frame&);
  Status (*scatter_add)(const IndexPlan&, Frame&);
  Status (*cumsum)(const LinePlan&, Frame&);
};

/// Stable argsort does not depend on the instruction set.
Status argsort(const LinePlan& plan, Frame& frame);

/// The kernels for this machine; GRADUS_ISA selects another set if the machine supports it.
const KernelTable& kernels_for_this_machine();

/// Blocks of equal values, which expressions read as constants. Programs share them.
class ConstantPool {
 public:
  ~ConstantPool();
  /// `count` copies of `value` in `dtype`; nullptr when memory is out. Shorter blocks of the same
  /// value share a longer one.
  const void* block(DType dtype, double value, int64_t count);
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    DType dtype;
    uint64_t bits;
    int64_t count;
    const void* data;
  };
  std::vector<Entry> entries_;
  size_t bytes_ = 0;
};

/// The reason when memory is out.
constexpr const char* kNoMemory = "out of memory";

/// Plans a verified program. Not ok, with the reason, when an operation is not implemented or memory is out.
/// `worker_memory` is the bytes each worker needs.
Status plan_program(const Program& program, const KernelTable& kernels, ConstantPool& constants,
                    std::vector<Plan>& plans, int64_t& worker_memory, std::string& refusal);

}  // namespace gradus
