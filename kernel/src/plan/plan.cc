// Verified program → plans: merges axes, allocates registers, cuts work into tasks of fixed size.
#include "plan.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "src/opcodes.h"
#include "trees.h"
#include "max_argmax.h"

namespace gradus {
namespace {

using Shape = std::vector<int64_t>;

// Registers and streams of one block share a 32 KiB L1 data cache (the smallest in use).
constexpr int64_t kBlockBytes = 24 << 10;
constexpr int64_t kMinBlock = 256, kMaxBlock = 4096;
// Elements that all steps take before the next ones where some divide: so few that a processor has
// divisions in flight while it loads and multiplies for the other steps (Adam's update with AVX-512:
// 85 µs in pieces of 128 elements, 109 of 256, 131 of 1024), and enough that calls do not show (97 µs
// at 64). Multiples of a vector of bytes.
constexpr int64_t kPiece = 128;
// A loop without operations only moves data: larger blocks, still well inside a 256 KiB L2.
constexpr int64_t kCopyBlock = 1 << 14;
// Tile of a transposing loop: rows that read whole cache lines of the source and, where there is room
// (a copy), a quarter of a page of it; columns that write whole lines of the output.
constexpr int64_t kTransposeRows = 32, kMostTransposeRows = 256, kTransposeColumns = 128;
// The longest row of a tile that is transposed for other operations: 32 such rows stay well inside L2.
constexpr int64_t kMostStagedRow = 512;
// Elements per task: some 10 µs of work, against about 1 µs to hand out a task.
constexpr int64_t kTaskElements = 1 << 15;
// Simple operations below which waking another thread costs more than it saves.
constexpr double kWakeCost = 1 << 17;
// Rows at least this long are evaluated where they are; of so few in a block, the block itself shows.
constexpr int64_t kShortestRow = 64, kFewRows = 8;
// The longest row of a loop of one step that is not made part of a block: setting up a block takes as long as a
// step on some 200 numbers (the gradient of pooling, 320 blocks of 5 rows of 64: 42 µs, row by row 27).
constexpr int64_t kLongestRow = 1024;
// Lines shorter than this are reduced faster when several of them are copied to one.
constexpr int64_t kShortestLine = 16;
// Elements of the largest window that is reduced at once (3 × 3 × 3, 5 × 5): of more, the lines of a
// block are added one after another, in several chains.
constexpr int64_t kMostWindow = 32;
// A reduction into few results is cut along the reduced axes too, into about so many parts at most, each
// of so many results side by side.
constexpr int64_t kMaxParts = 64, kPartWidth = 512;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t n, int64_t unit) { return ceil_div(n, unit) * unit; }

LoopView in_bytes(const View& v, bool empty) {
  LoopView w{};
  w.buffer = v.buffer;
  w.element = int32_t(byte_size(v.dtype));
  if (empty) return w;  // nothing is there to be reached: offset and strides may be anything
  w.offset = v.offset * w.element;
  for (size_t i = 0; i < v.strides.size(); i++) w.stride[i] = v.strides[i] * w.element;
  return w;
}

LoopView index_along(int32_t axis) {
  LoopView w{};
  w.buffer = kIndexBuffer;
  w.element = 4;
  w.stride[axis] = 1;
  return w;
}

/// The axes of an instruction with all views over them, while they are rearranged.
struct Space {
  int rank = 0;
  int64_t size[kMaxRank];
  int group[kMaxRank];  // axes of different groups stay apart and in order
  std::vector<LoopView*> views;

  Space(const Shape& shape, int first_group) {
    rank = int(shape.size());
    for (int i = 0; i < rank; i++) {
      size[i] = shape[i];
      group[i] = i < first_group ? 0 : 1;
    }
  }

  void move(int to, int from) {
    size[to] = size[from];
    group[to] = group[from];
    for (LoopView* v : views) v->stride[to] = v->stride[from];
  }

  void swap(int i, int j) {
    std::swap(size[i], size[j]);
    std::swap(group[i], group[j]);
    for (LoopView* v : views) std::swap(v->stride[i], v->stride[j]);
  }

  void drop_ones() {
    int kept = 0;
    for (int i = 0; i < rank; i++)
      if (size[i] != 1) move(kept++, i);
    rank = kept;
  }

  /// Orders the axes of each group by falling |stride| of `by`, so that its memory is walked in order.
  void sort(const LoopView& by) { sort(by, 0, rank); }
  void sort(const LoopView& by, int first, int last) {
    for (int i = first + 1; i < last; i++)
      for (int j = i; j > first && group[j - 1] == group[j] && std::abs(by.stride[j - 1]) < std::abs(by.stride[j]); j--)
        swap(j - 1, j);
  }

  void merge() {
    int kept = 0;
    for (int i = 1; i < rank; i++) {
      bool mergeable = group[kept] == group[i];
      if (size[kept] != 1 && size[i] != 1)
        for (LoopView* v : views) mergeable = mergeable && v->stride[kept] == v->stride[i] * size[i];
      if (mergeable) {
        const int64_t outer = size[kept];
        if (size[i] != 1) move(kept, i);
        if (size[i] != 1) size[kept] *= outer;
      } else {
        move(++kept, i);
      }
    }
    if (rank > 0) rank = kept + 1;
  }

  /// Exchanges the two groups: the axes of group 1 come first.
  void rotate(int first) {
    for (int step = 0; step < first; step++)
      for (int i = 0; i + 1 < rank; i++) swap(i, i + 1);
  }

  int count(int g) const { return int(std::count(group, group + rank, g)); }
};

double step_cost(int32_t opcode) {
  switch (opcode) {
    case op_exp: case op_expm1: case op_log: case op_log1p: case op_sin: case op_cos: case op_tanh:
    case op_sigmoid: case op_erf: case op_pow: case op_randomBits: return 8;
    case op_sqrt: case op_rsqrt: case op_div: case op_floorDiv: case op_mod: return 2;
    default: return 1;
  }
}

/// Turns an expression into steps over a pointer table with registers allocated by liveness.
class LoopBuilder {
 public:
  LoopBuilder(Loop& loop, const KernelTable& kernels, ConstantPool& pool, const Program& program)
      : loop_(loop), kernels_(kernels), pool_(pool), program_(program) {}

  /// Adds the inputs and outputs of the expression; its index values become further inputs.
  void views(const Expression& e, bool first_given, DType given, const std::vector<View>& inputs,
             const std::vector<View>& outputs, bool empty) {
    if (first_given) {
      LoopInput first{};
      first.access = Access::given;
      first.view.element = int32_t(byte_size(given));
      loop_.inputs.push_back(first);
    }
    for (const View& v : inputs) loop_.inputs.push_back({in_bytes(v, empty), Access::in_block, 0});
    for (const Value& v : e.values)
      if (v.kind == ValueKind::index) loop_.inputs.push_back({index_along(v.payload), Access::in_block, 0});
    for (const View& v : outputs) loop_.outputs.push_back({in_bytes(v, empty), 0, false, 0});
    indices_ = (first_given ? 1 : 0) + inputs.size();
  }

  void add_views_to(Space& space) {
    for (LoopInput& i : loop_.inputs)
      if (i.access != Access::given) space.views.push_back(&i.view);
    for (LoopOutput& o : loop_.outputs) space.views.push_back(&o.view);
  }

  /// Steps and registers.
  bool expression(const Expression& e, std::string& refusal) {
    const size_t count = e.values.size();
    position_.assign(count, -1);
    last_use_.assign(count, -1);
    size_t next_index = indices_;
    // A cast to the same dtype is its argument.
    alias_.resize(count);
    for (size_t n = 0; n < count; n++) {
      const Value& v = e.values[n];
      const bool copy = v.kind == ValueKind::op && v.payload == op_cast && v.dtype == e.values[v.args[0]].dtype;
      alias_[n] = copy ? alias_[v.args[0]] : int32_t(n);
    }
    // Only what a result needs is computed.
    std::vector<bool> needed(count, false);
    for (int32_t r : e.results) needed[alias_[r]] = true;
    for (size_t n = count; n-- > 0;)
      if (needed[n] && e.values[n].kind == ValueKind::op)
        for (int i = 0; i < e.values[n].arity; i++) needed[alias_[e.values[n].args[i]]] = true;
    const Trees trees(e, alias_, needed, kernels_.fused_op);
    for (size_t n = 0; n < count; n++) {
      if (!needed[n] || e.values[n].kind != ValueKind::op || trees[n].absorbed) continue;
      for (int32_t arg : trees.leaves(int32_t(n))) last_use_[arg] = int64_t(n);
    }
    for (int32_t r : e.results) last_use_[alias_[r]] = int64_t(count);

    std::vector<bool> input_used(loop_.inputs.size(), false);
    for (size_t n = 0; n < count; n++) {
      const Value& v = e.values[n];
      if (v.kind == ValueKind::index) position_[n] = int32_t(next_index++);
      if (v.kind == ValueKind::input) position_[n] = v.payload;
      if (needed[n] && position_[n] >= 0) input_used[position_[n]] = true;
    }
    used_ = input_used;
    loop_.table_size = int32_t(loop_.inputs.size());
    for (size_t n = 0; n < count; n++) {
      const Value& v = e.values[n];
      if (!needed[n]) continue;
      if (v.kind == ValueKind::constant) {
        position_[n] = loop_.table_size++;
        constants_.push_back({position_[n], v.dtype, v.constant});
      } else if (v.kind == ValueKind::op && alias_[n] == int32_t(n)) {
        loop_.cost += step_cost(v.payload);
        divides_ = divides_ || v.payload == op_div || v.payload == op_sqrt;
        if (!trees[n].absorbed && !step(e, int32_t(n), trees, refusal)) return false;
      }
    }
    for (size_t j = 0; j < loop_.outputs.size(); j++) loop_.outputs[j].value = position_[alias_[e.results[j]]];
    results();
    return true;
  }

  /// Whether an output may be written before the last input is read.
  bool apart(const LoopOutput& output) const {
    return std::none_of(loop_.inputs.begin(), loop_.inputs.end(), [&](const LoopInput& in) {
      return in.access != Access::given && shares(output.view, in.view);
    });
  }

  /// Lets the given input be handed over in the memory of an output; false where that would be written
  /// too early, or before another input is read.
  bool give_in(size_t output) {
    LoopOutput& place = loop_.outputs[output];
    if (!apart(place)) return false;
    if (place.value == 0) return true;
    for (const LoopOutput& o : loop_.outputs)
      if (o.value == 0) return false;
    bool written = false;
    for (const Step& s : loop_.steps) {
      if (written && (s.a == 0 || s.b == 0 || s.c == 0 || s.d == 0)) place.direct = false;
      written = written || s.dst == place.value;
    }
    return true;
  }

  /// Decides how inputs are read and how large blocks are, once the axes are final.
  bool finish(const Space& space, bool map, std::string& refusal) {
    loop_.rank = space.rank;
    std::copy(space.size, space.size + space.rank, loop_.size);
    int64_t bytes = 0;  // per element of a block
    for (const RegisterClass& c : registers_) bytes += c.element;
    for (size_t i = 0; i < loop_.inputs.size(); i++)
      if (used_[i] && loop_.inputs[i].access != Access::store_only) bytes += loop_.inputs[i].view.element;
    for (const LoopOutput& o : loop_.outputs) bytes += o.view.element;
    int64_t block = std::max(kMinBlock, std::min(kMaxBlock, kBlockBytes / std::max<int64_t>(bytes, 1) / 64 * 64));
    const bool copy = loop_.steps.empty() && constants_.empty();
    if (copy && map) block = kCopyBlock;
    const int across = map ? transposed_axis(space) : -1;
    if (across < 0) extents(space, block);
    else if (copy) tile(space, across, block);
    else stage(space, across, block);
    loop_.block = block;
    for (int a = 0; a < space.rank; a++) loop_.elements *= space.size[a];
    loop_.piece = divides_ && loop_.steps.size() > 1 ? kPiece : block;

    int64_t at = round_up(loop_.table_size * int64_t(sizeof(void*)), 64);
    const auto reserve = [&](int64_t count, int64_t element) {
      const int64_t here = at;
      at += round_up(count * element, 64);
      return here;
    };
    const int64_t staged = across >= 0 ? loop_.tile_rows * loop_.extent[space.rank - 1] : 0;
    for (size_t i = 0; i < loop_.inputs.size(); i++) {
      LoopInput& in = loop_.inputs[i];
      if (!used_[i]) in.access = Access::store_only;
      if (in.access == Access::store_only) continue;
      in.reg = reserve(in.access == Access::staged ? staged : block, in.view.element);
      if (in.access == Access::in_block && uniform(in.view)) in.access = Access::uniform;
      else if (in.access == Access::in_block && map && same_for_all_blocks(in.view)) in.access = Access::once;
      in.view.dense = in.view.buffer >= 0 && dense(in.view);
    }
    for (LoopOutput& o : loop_.outputs) o.view.dense = dense(o.view);
    std::vector<int64_t> offsets;
    for (const RegisterClass& c : registers_) offsets.push_back(reserve(block, c.element));
    for (size_t i = 0; i < register_of_.size(); i++)
      loop_.registers.push_back({register_of_[i].first, offsets[register_of_[i].second]});
    movers();
    for (LoopOutput& o : loop_.outputs)
      for (const RegisterBlock& r : loop_.registers)
        if (r.value == o.value) o.reg = r.offset;
    loop_.memory = at;

    int64_t most = 1;  // elements of the largest block
    for (int i = 0; i < loop_.rank; i++) most *= loop_.extent[i];
    if (!map) most = block;
    for (const ConstantUse& c : constants_) {
      const void* data = pool_.block(c.dtype, c.value, std::min(most, block));
      if (!data) return refusal = kNoMemory, false;
      loop_.constants.push_back({c.position, data});
    }
    loop_.cost += double(loop_.inputs.size() + loop_.outputs.size()) / 2;
    return true;
  }

  /// Fixes the extents of blocks, where `finish` could not know them: what is the same for all of
  /// them is read once.
  void settle(const int64_t* extent) {
    std::fill(loop_.extent, loop_.extent + kMaxRank, 1);
    std::copy(extent, extent + loop_.rank, loop_.extent);
    for (LoopInput& in : loop_.inputs)
      if (in.access == Access::in_block && same_for_all_blocks(in.view)) in.access = Access::once;
    movers();
  }

  /// Position of the single result of an expression without output views.
  int32_t value_position(const Expression& e) const { return position_[alias_[e.results[0]]]; }

 private:
  struct RegisterClass {
    int64_t element;
    bool free;
  };
  struct ConstantUse {
    int32_t position;
    DType dtype;
    double value;
  };

  /// The operation of one value; null for a tree.
  BlockOp block_op(const Expression& e, const Value& v) const {
    const DType from = e.values[v.args[v.payload == op_where ? 1 : 0]].dtype;
    if (v.payload == op_cast) return kernels_.block_cast(from, v.dtype);
    if (v.arity == 2 && e.values[v.args[1]].kind == ValueKind::constant)
      if (const BlockOp by = kernels_.block_op_by(v.payload, from, e.values[v.args[1]].constant)) return by;
    return kernels_.block_op(v.payload, from);
  }

  bool step(const Expression& e, int32_t n, const Trees& trees, std::string& refusal) {
    const Value& v = e.values[n];
    Step step{};
    step.fused = kernels_.fused_op(v.payload, trees[n].left, trees[n].right);
    if (!step.fused) step.op = block_op(e, v);
    if (!step.fused && !step.op) {
      const DType from = e.values[v.args[v.payload == op_where ? 1 : 0]].dtype;
      refusal = std::string(kOpcodeInfo[v.payload].name) + " of " + dtype_name(from) + " is not implemented";
      return false;
    }
    const int64_t element = int64_t(byte_size(v.dtype));
    // An argument read for the last time gives its register to the result if the sizes agree (the
    // operation then runs in place); otherwise the result needs another.
    std::vector<int> dying;
    const std::vector<int32_t> leaves = trees.leaves(n);
    int16_t* const args[] = {&step.a, &step.b, &step.c, &step.d};
    for (size_t i = 0; i < 4; i++) {
      const int32_t arg = leaves[i < leaves.size() ? i : 0];  // unused arguments repeat the first
      *args[i] = int16_t(position_[arg]);
      if (last_use_[arg] != n || e.values[arg].kind != ValueKind::op) continue;
      const int r = register_at_[position_[arg]];
      if (std::find(dying.begin(), dying.end(), r) == dying.end()) dying.push_back(r);
    }
    int reg = -1;
    for (int r : dying)
      if (registers_[r].element == element) reg = r;
    for (size_t r = 0; r < registers_.size() && reg < 0; r++)
      if (registers_[r].free && registers_[r].element == element) reg = int(r);
    if (reg < 0) {
      reg = int(registers_.size());
      registers_.push_back({element, false});
    }
    for (int r : dying) registers_[r].free = true;
    registers_[reg].free = false;
    position_[n] = loop_.table_size++;
    register_at_.resize(loop_.table_size, -1);
    register_at_[position_[n]] = reg;
    register_of_.push_back({position_[n], reg});
    step.dst = int16_t(position_[n]);
    loop_.steps.push_back(step);
    return true;
  }

  /// Whether writing the output may change what the input view still has to give. In one buffer, a
  /// verified program's outputs lie apart from its inputs or are the very elements of one.
  bool shares(const LoopView& output, const LoopView& input) const {
    if (input.buffer < 0) return false;
    if (output.buffer == input.buffer) return output.offset == input.offset;
    return output.buffer > 0 && input.buffer > 0 && program_.slots[output.buffer - 1].may_alias == input.buffer - 1;
  }

  /// Which results are written straight to their output, and which inputs need a copy first.
  void results() {
    const size_t inputs = loop_.inputs.size();
    std::vector<int64_t> last_read(inputs, -1);
    std::vector<int> stores(inputs, 0);
    for (size_t s = 0; s < loop_.steps.size(); s++)
      for (int16_t p : {loop_.steps[s].a, loop_.steps[s].b, loop_.steps[s].c, loop_.steps[s].d})
        if (size_t(p) < inputs) last_read[p] = int64_t(s);
    for (LoopOutput& o : loop_.outputs)
      if (size_t(o.value) < inputs) stores[o.value]++;
    for (size_t i = 0; i < inputs; i++) {
      LoopInput& in = loop_.inputs[i];
      if (in.access == Access::given || stores[i] == 0) continue;
      bool endangered = false;
      for (const LoopOutput& o : loop_.outputs)
        endangered = endangered || (size_t(o.value) != i && shares(o.view, in.view));
      if (endangered)
        in.access = Access::copied;
      else if (last_read[i] < 0 && in.view.buffer >= 0)
        in.access = Access::store_only;
    }
    std::vector<bool> taken(loop_.table_size, false);
    for (LoopOutput& o : loop_.outputs) {
      if (size_t(o.value) < inputs || taken[o.value]) continue;
      int64_t written = -1;
      for (size_t s = 0; s < loop_.steps.size(); s++)
        if (loop_.steps[s].dst == o.value) written = int64_t(s);
      if (written < 0) continue;  // a constant
      o.direct = true;
      for (size_t i = 0; i < inputs; i++)
        if (last_read[i] > written && loop_.inputs[i].access == Access::in_block && shares(o.view, loop_.inputs[i].view))
          o.direct = false;
      taken[o.value] = o.direct;
    }
  }

  bool uniform(const LoopView& v) const {
    return std::all_of(v.stride, v.stride + loop_.rank, [](int64_t step) { return step == 0; });
  }

  bool dense(const LoopView& v) const {
    int64_t step = v.element;
    for (int a = loop_.rank - 1; a >= 0; a--) {
      if (loop_.size[a] == 1) continue;
      if (v.stride[a] != step) return false;
      step *= loop_.size[a];
    }
    return true;
  }

  /// What moves as the steps pass over a block, and whether they can pass row by row.
  void movers() {
    loop_.movers.clear();
    for (size_t i = 0; i < loop_.inputs.size(); i++) {
      const LoopInput& in = loop_.inputs[i];
      if (in.access == Access::store_only || in.access == Access::uniform) continue;
      loop_.movers.push_back({int32_t(i), in.view.element, 0});
    }
    for (const auto& [value, reg] : register_of_) loop_.movers.push_back({value, int32_t(registers_[reg].element), 0});
    row_movers();
  }

  void row_movers() {
    loop_.rowwise = false;
    loop_.row_movers.clear();
    loop_.filled.clear();
    loop_.passed.clear();
    if (loop_.rank < 2 || loop_.outputs.empty()) return;
    const int row = loop_.rank - 2, inner = loop_.rank - 1;
    for (size_t i = 0; i < loop_.inputs.size(); i++) {
      const LoopInput& in = loop_.inputs[i];
      const int64_t step = in.view.stride[inner];
      if (!used_[i] || in.access == Access::uniform) continue;
      if (in.access == Access::given) {
        loop_.row_movers.push_back({int32_t(i), in.view.element, 0});  // the caller knows the rows
        continue;
      }
      if (in.access != Access::in_block || in.view.buffer < 0 || (step != 0 && step != in.view.element)) return;
      if (step == 0) loop_.filled.push_back(int32_t(i));
      else loop_.row_movers.push_back({int32_t(i), in.view.element, in.view.stride[row]});
    }
    for (size_t j = 0; j < loop_.outputs.size(); j++) {
      const LoopOutput& o = loop_.outputs[j];
      if (o.view.stride[inner] != o.view.element) return;
      if (o.direct) loop_.row_movers.push_back({o.value, o.view.element, o.view.stride[row]});
      else if (passes(o, inner)) loop_.passed.push_back(int32_t(j));
      else return;
    }
    loop_.rowwise = true;
  }

  /// Whether an output is an input whose rows lie together.
  bool passes(const LoopOutput& o, int inner) const {
    if (size_t(o.value) >= loop_.inputs.size()) return false;
    const LoopInput& in = loop_.inputs[o.value];
    if (in.access == Access::given) return true;
    return in.access == Access::in_block && used_[o.value] && in.view.stride[inner] == in.view.element;
  }

  /// Extents of a transposing copy.
  void tile(const Space& s, int across, int64_t block) {
    int64_t* extent = loop_.extent;
    std::fill(extent, extent + kMaxRank, 1);
    extent[across] = std::min({s.size[across], kMostTransposeRows, std::max(kTransposeRows, block / 64)});
    extent[s.rank - 1] = std::min({s.size[s.rank - 1], kTransposeColumns, block / extent[across]});
  }

  /// Extents of a loop that transposes some inputs: a piece of a row, or whole rows that follow each
  /// other; and as many blocks to a tile as read whole cache lines of these inputs.
  void stage(const Space& s, int across, int64_t block) {
    int64_t* extent = loop_.extent;
    std::fill(extent, extent + kMaxRank, 1);
    const int inner = s.rank - 1;
    const int64_t n = s.size[inner];
    const int64_t row = std::min(block, kMostStagedRow);
    extent[inner] = std::min(n, row);
    if (n > row) extent[inner] = std::min(row, round_up(ceil_div(n, ceil_div(n, row)), 64));
    else if (across == inner - 1) extent[across] = std::min(s.size[across], block / n);
    loop_.across = across;
    loop_.tile_rows = extent[across] * ceil_div(std::min(kTransposeRows, s.size[across]), extent[across]);
    for (size_t i = 0; i < loop_.inputs.size(); i++)
      if (used_[i] && loop_.inputs[i].access == Access::in_block && transposed(loop_.inputs[i].view, across, inner))
        loop_.inputs[i].access = Access::staged;
  }

  /// Extents of a block: whole inner axes and a piece of the next.
  void extents(const Space& s, int64_t block) {
    int64_t* extent = loop_.extent;
    std::fill(extent, extent + kMaxRank, 1);
    const int inner = s.rank - 1;
    int64_t n = 1;
    for (int i = inner; i >= 0; i--) {
      if (n * s.size[i] <= block) {
        extent[i] = s.size[i];
        n *= s.size[i];
        continue;
      }
      extent[i] = ceil_div(s.size[i], ceil_div(s.size[i] * n, block));
      if (n == 1) extent[i] = round_up(extent[i], 64);  // whole vectors, whole cache lines
      extent[i] = std::max<int64_t>(1, std::min(extent[i], block / n));
      break;
    }
  }

  static bool transposed(const LoopView& v, int across, int inner) {
    return v.buffer >= 0 && std::abs(v.stride[inner]) >= 8 * v.element && std::abs(v.stride[across]) == v.element;
  }

  /// An axis along which some input is contiguous while it makes long steps along the inner axis.
  int transposed_axis(const Space& s) const {
    if (s.rank < 2 || s.size[s.rank - 1] < 8) return -1;
    for (const LoopInput& in : loop_.inputs) {
      if (in.access == Access::given) continue;
      for (int i = 0; i < s.rank - 1; i++)
        if (s.size[i] >= 8 && transposed(in.view, i, s.rank - 1)) return i;
    }
    return -1;
  }

  /// Whether every block reads a prefix of the same elements in the same layout.
  bool same_for_all_blocks(const LoopView& v) const {
    int first = 0;  // the outermost axis of the block
    while (first < loop_.rank && loop_.extent[first] == 1) first++;
    for (int i = 0; i < loop_.rank; i++) {
      if (loop_.extent[i] == loop_.size[i]) continue;
      if (v.stride[i] != 0 || i > first) return false;
    }
    // A single block gains nothing from a copy.
    bool single = true;
    for (int i = 0; i < loop_.rank; i++) single = single && loop_.extent[i] == loop_.size[i];
    return !single;
  }

  Loop& loop_;
  const KernelTable& kernels_;
  ConstantPool& pool_;
  const Program& program_;
  size_t indices_ = 0;
  bool divides_ = false;
  std::vector<int32_t> position_, alias_;
  std::vector<int64_t> last_use_;
  std::vector<bool> used_;
  std::vector<RegisterClass> registers_;
  std::vector<int> register_at_;                   // by position
  std::vector<std::pair<int32_t, int>> register_of_;  // position, register
  std::vector<ConstantUse> constants_;
};

class Planner {
 public:
  Planner(const Program& program, const KernelTable& kernels, ConstantPool& pool, int64_t& memory, std::string& refusal)
      : program_(program), kernels_(kernels), pool_(pool), memory_(memory), refusal_(refusal) {}

  bool plan(const Instruction& i, Plan& plan) {
    plan.kind = i.kind;
    switch (i.kind) {
      case Kind::map: return map(i, plan);
      case Kind::reduce: return reduce(i, plan);
      case Kind::matmul: return matmul(i, plan);
      case Kind::conv: return conv(i, plan);
      case Kind::fold: return fold(i, plan);
      case Kind::gather:
      case Kind::scatter_add: return index(i, plan);
      case Kind::cumsum:
      case Kind::argsort: return lines(i, plan);
    }
    return false;
  }

  /// Lets a reduction do the next instruction too, where they are twins.
  void join(const Instruction& i, Plan& plan, const Instruction& next, Plan& next_plan) {
    if (plan.kind != Kind::reduce || next_plan.kind != Kind::reduce || plan.nothing || next_plan.nothing) return;
    ReducePlan& r = *std::get_if<ReducePlan>(&plan.of);
    const ReducePlan& twin = *std::get_if<ReducePlan>(&next_plan.of);
    if (!are_twins(program_, i, r, next, twin)) return;
    r.twin = &twin;
    next_plan.nothing = true;
    need(memory_of(r) + twin.after.memory + twin.accumulator_memory);
  }

 private:
  void need(int64_t bytes) { memory_ = std::max(memory_, bytes); }

  bool map(const Instruction& i, Plan& plan) {
    const int64_t count = count_of(i.shape);
    plan.nothing = count == 0;
    MapPlan& m = plan.of.emplace<MapPlan>();
    LoopBuilder builder(m.loop, kernels_, pool_, program_);
    builder.views(i.fused.expression, false, DType::f32, i.fused.inputs, i.fused.outputs, plan.nothing);
    Space space(i.shape, 0);
    builder.add_views_to(space);
    space.drop_ones();
    space.sort(m.loop.outputs[0].view);
    space.merge();
    lengthen_columns(space, m.loop.outputs[0].view);
    if (!builder.expression(i.fused.expression, refusal_)) return false;
    if (plan.nothing) return true;
    if (!builder.finish(space, true, refusal_)) return false;
    m.by_rows = takes_rows(m.loop);
    int64_t per_tile = 1;
    m.tiles = 1;
    for (int a = 0; a < m.loop.rank; a++) {
      m.tile[a] = a == m.loop.across ? m.loop.tile_rows : m.loop.extent[a];
      if (m.by_rows) m.tile[a] = a == m.loop.rank - 1 ? m.loop.size[a] : 1;
      m.grid[a] = ceil_div(m.loop.size[a], m.tile[a]);
      m.tiles *= m.grid[a];
      per_tile *= m.tile[a];
    }
    m.tiles_per_task = ceil_div(kTaskElements, per_tile);
    plan.alone = double(count) * m.loop.cost < kWakeCost;
    need(m.loop.memory);
    return true;
  }

  /// Whether a loop is one step on many short rows, of which each takes less time than to set up a block.
  static bool takes_rows(const Loop& loop) {
    if (!loop.rowwise || !loop.passed.empty() || loop.steps.size() != 1) return false;
    const int64_t row = loop.size[loop.rank - 1];
    return row >= kShortestRow && row <= kLongestRow && row <= loop.block;
  }

  /// Where rows of some cache lines come in twos, as in the gradient of pooling, the longer axis around
  /// them becomes the inner one: fewer blocks of more rows, still inside the first-level cache.
  static void lengthen_columns(Space& s, const LoopView& out) {
    const int row = s.rank - 2;
    if (row < 1 || s.size[row] >= kFewRows || s.size[row - 1] <= s.size[row]) return;
    const int64_t span = s.size[row - 1] * out.stride[row - 1];
    if (s.size[row + 1] >= kShortestRow && span > 0 && span <= kBlockBytes / 2) s.swap(row, row - 1);
  }

  static int64_t memory_of(const ReducePlan& r) { return r.before.memory + r.after.memory + r.accumulator_memory; }

  bool reduce(const Instruction& i, Plan& plan) {
    ReducePlan& r = plan.of.emplace<ReducePlan>();
    const int kept = int(i.kept);
    const Shape kept_shape(i.shape.begin(), i.shape.begin() + kept);
    const int64_t results = count_of(kept_shape);
    plan.nothing = results == 0;
    r.reducer = i.reducer;
    r.dtype = i.before.values[i.before.results[0]].dtype;
    const bool position = r.reducer == Reducer::argmax || r.reducer == Reducer::argmin;
    LoopBuilder before(r.before, kernels_, pool_, program_);
    LoopBuilder after(r.after, kernels_, pool_, program_);
    before.views(i.before, false, DType::f32, i.inputs, {}, count_of(i.shape) == 0);
    after.views(i.fused.expression, true, position ? DType::i32 : r.dtype, i.fused.inputs, i.fused.outputs, plan.nothing);
    // Both loops share the kept axes: those of `after` just have stride 0 along the reduced ones.
    Space space(i.shape, kept);
    for (int a = space.rank - int(i.inner); a < space.rank; a++) space.group[a] = kLine;
    before.add_views_to(space);
    after.add_views_to(space);
    space.drop_ones();
    // The reduced axes keep their order, in which elements are added up and positions counted.
    if (const LoopView* lead = leading_view(r.before, space.rank)) space.sort(*lead, 0, space.count(0));
    r.kept_rank = space.count(0);
    int64_t reduced = 1;
    for (int a = r.kept_rank; a < space.rank; a++) reduced *= space.size[a];
    r.rows = r.kept_rank == 0 || (i.inner > 0 && r.kept_rank < space.rank);
    const int64_t step = order_of_sums(r, space, results, reduced);
    space.merge();
    place_cut(r, space, step);
    if (!before.expression(i.before, refusal_) || !after.expression(i.fused.expression, refusal_)) return false;
    if (plan.nothing) return true;

    Space after_space = space;
    after_space.rank = r.kept_rank;
    if (!after.finish(after_space, false, refusal_)) return false;
    // The result of `before` is stored nowhere: its position is kept in an output without a view.
    space.views.clear();
    before.add_views_to(space);
    if (!r.rows) space.rotate(r.kept_rank);
    if (reduced == 0) {
      // Nothing to evaluate; blocks of kept elements only.
      for (int a = 0; a < space.rank; a++) space.size[a] = std::max<int64_t>(space.size[a], 1);
    }
    if (!before.finish(space, false, refusal_)) return false;
    reduce_extents(r);
    // The result of `before` is kept in a register: an output without a view.
    LoopOutput result{};
    result.view.buffer = kIndexBuffer;
    result.view.element = int32_t(byte_size(r.dtype));
    result.value = before.value_position(i.before);
    r.before.outputs.push_back(result);
    if (reduced > 0) find_window(r);
    after.settle(r.before.extent + (r.rows ? 0 : r.reduced_rank));

    const int kept_at = r.rows ? 0 : r.reduced_rank, reduced_at = r.rows ? r.kept_rank : 0;
    r.kept_blocks = r.reduced_blocks = r.kept_per_block = 1;
    for (int a = 0; a < r.kept_rank; a++) {
      r.kept_grid[a] = ceil_div(r.before.size[kept_at + a], r.before.extent[kept_at + a]);
      r.kept_blocks *= r.kept_grid[a];
      r.kept_per_block *= r.before.extent[kept_at + a];
    }
    for (int a = 0; a < r.reduced_rank; a++)
      r.reduced_blocks *= ceil_div(r.before.size[reduced_at + a], r.before.extent[reduced_at + a]);
    if (reduced == 0) r.reduced_blocks = 0;
    r.kept_per_task = ceil_div(kTaskElements, std::max<int64_t>(1, r.kept_per_block * reduced));
    // Accumulators: 8 bytes of value and 8 of position per kept element of a block, and the result.
    r.accumulator_memory = 3 * round_up(r.kept_per_block * 8, 64);
    need(memory_of(r));
    plan.alone = double(results) * double(reduced) * (r.before.cost + 1) + double(results) * r.after.cost < kWakeCost;
    return true;
  }

  /// The input with the most elements of its own: the one whose memory order matters.
  static const LoopView* leading_view(const Loop& loop, int rank) {
    const LoopView* best = nullptr;
    int most = -1;
    for (const LoopInput& in : loop.inputs) {
      if (in.view.buffer < 0) continue;
      int moving = 0;
      for (int a = 0; a < rank; a++) moving += in.view.stride[a] != 0;
      if (moving > most) most = moving, best = &in.view;
    }
    return best;
  }

  // Groups of axes: kept ones are 0, reduced ones kOuter or kLine; from the axis on that is cut, kCut more.
  static constexpr int kOuter = 1, kLine = 2, kCut = 2;

  /// In which order elements are added: it follows from the shape alone, so that a sum has the same bits
  /// whatever expression makes its elements and however they lie. Sets the groups of the reduced axes, which
  /// keep apart what must not merge; returns the elements along the axis `cut` in one part, 0 for all.
  static int64_t order_of_sums(ReducePlan& r, Space& s, int64_t results, int64_t reduced) {
    int64_t line = 1;
    for (int a = r.kept_rank; a < s.rank; a++) line *= s.group[a] == kLine ? s.size[a] : 1;
    for (int a = r.kept_rank; a < s.rank; a++) {
      if (!r.rows) s.group[a] = kOuter;
      else if (line < kShortestLine) s.group[a] = kLine;  // one line of all
    }
    // Few results are cut along the reduced axes into parts of so many elements.
    const int64_t width = r.rows ? 1 : std::max<int64_t>(1, std::min<int64_t>(results, kPartWidth));
    const bool few = ceil_div(results, width) < 8;
    const int64_t least = std::max(ceil_div(kTaskElements, width), ceil_div(reduced, kMaxParts));
    if (!few || reduced <= least) return 0;
    int cut = s.rank - 1;
    int64_t below = 1;  // elements for one step along the axis
    while (cut > r.kept_rank && below * s.size[cut] <= least) below *= s.size[cut--];
    for (int a = cut; a < s.rank; a++) s.group[a] += kCut;
    r.piece = s.size[cut];
    return ceil_div(least, below);
  }

  /// Finds the axis that is cut, and the axes of lines, after some have merged.
  static void place_cut(ReducePlan& r, const Space& s, int64_t step) {
    r.kept_rank = s.count(0);
    r.reduced_rank = s.rank - r.kept_rank;
    r.line_axes = s.count(kLine) + s.count(kLine + kCut);
    r.parts = r.pieces = 1;
    r.cut = 0;
    if (step == 0) return;
    while (s.group[r.kept_rank + r.cut] <= kCut) r.parts *= s.size[r.kept_rank + r.cut++];
    const int64_t size = s.size[r.kept_rank + r.cut];
    r.piece = size / r.piece * step;
    r.pieces = ceil_div(size, r.piece);
    r.parts *= r.pieces;
  }

  /// Extents of the kept axes from … to−1, `room` elements in all; returns how many it took.
  static int64_t keep(Loop& loop, int from, int to, int64_t room) {
    std::fill(loop.extent + from, loop.extent + to, 1);
    int64_t n = 1;
    for (int a = to - 1; a >= from; a--) {
      const int64_t size = loop.size[a];
      if (n * size <= room) {
        loop.extent[a] = size;
        n *= size;
        continue;
      }
      int64_t e = ceil_div(size, ceil_div(size * n, room));
      if (n == 1) e = std::min(round_up(e, 16), room);
      loop.extent[a] = std::max<int64_t>(1, std::min({e, size, room / n}));
      return n * loop.extent[a];
    }
    return n;
  }

  /// Whether neighbouring lines of a plain input belong to different kept elements, as in the gradient of
  /// a bias: a kept block then has them all, so that memory is read in its order, and nothing is copied.
  static bool walks_in_order(const ReducePlan& r) {
    const Loop& loop = r.before;
    const int last = loop.rank - 1;
    if (!loop.steps.empty() || loop.inputs.size() != 1 || r.kept_rank != 1 || r.reduced_rank < 2) return false;
    if (r.line_axes != 1) return false;
    if (loop.inputs[0].access != Access::in_block || loop.inputs[0].view.buffer < 0) return false;
    const LoopView& v = loop.inputs[0].view;
    const bool ordered = v.stride[last] == v.element && v.stride[0] > 0 && v.stride[0] < v.stride[1];
    return ordered && loop.size[last] >= kShortestLine && loop.size[last] == loop.extent[last];
  }

  /// Extents for a reduction. A kept block passes through the epilogue as one block.
  static void reduce_extents(ReducePlan& r) {
    if (r.rows && walks_in_order(r)) {
      keep(r.before, 0, 1, r.after.block);
      std::fill(r.before.extent + 1, r.before.extent + r.before.rank - 1, 1);
      return;
    }
    if (r.rows) {
      // Whole rows, or one piece of one row: a kept block never spans several pieces.
      int64_t row = 1, whole = 1;
      for (int a = r.kept_rank; a < r.before.rank; a++) row *= r.before.extent[a], whole *= r.before.size[a];
      keep(r.before, 0, r.kept_rank, row == whole ? std::min(r.after.block, std::max<int64_t>(r.before.block / row, 1)) : 1);
      return;
    }
    // A strip of kept elements, then as many reduced ones as fit: a quarter of a block at most, so
    // that some reduced elements share a pass over the accumulators.
    const int64_t strip = std::min(r.after.block, std::max<int64_t>(r.before.block / 4, 64));
    std::fill(r.before.extent, r.before.extent + r.reduced_rank, 1);
    int64_t n = keep(r.before, r.reduced_rank, r.before.rank, strip);
    for (int a = r.reduced_rank - 1; a >= 0; a--) {
      const int64_t room = std::max<int64_t>(r.before.block / n, 1);
      r.before.extent[a] = std::min(r.before.size[a], room);
      n *= r.before.extent[a];
      if (r.before.extent[a] < r.before.size[a]) break;
    }
  }

  /// Where each result is reduced from a few elements of a plain input, and neighbouring results from
  /// elements 1 or 2 apart, as in pooling, no block needs to be copied or accumulated.
  static void find_window(ReducePlan& r) {
    Loop& loop = r.before;
    const size_t value = size_t(loop.outputs[0].value);
    if (r.rows || r.dtype == DType::b8 || !loop.steps.empty()) return;
    if (value >= loop.inputs.size() || loop.inputs[value].view.buffer < 0) return;
    const LoopView& view = loop.inputs[value].view;
    const int64_t step = view.stride[loop.rank - 1] / view.element;
    int64_t size = 1;
    for (int a = 0; a < r.reduced_rank; a++) size *= loop.size[a];
    if ((step != 1 && step != 2) || size > kMostWindow) return;
    std::copy(loop.size, loop.size + r.reduced_rank, loop.extent);
    r.window.push_back(0);
    for (int a = 0; a < r.reduced_rank; a++) {
      std::vector<int64_t> next;
      for (const int64_t first : r.window)
        for (int64_t j = 0; j < loop.size[a]; j++) next.push_back(first + j * (view.stride[a] / view.element));
      r.window.swap(next);
    }
  }

  static bool identity(const Fused& f) {
    const Expression& e = f.expression;
    return e.results.size() == 1 && e.values[e.results[0]].kind == ValueKind::input && e.values[e.results[0]].payload == 0;
  }

  bool epilogue(Loop& loop, const Space& space, LoopBuilder& builder) {
    if (!builder.finish(space, false, refusal_)) return false;
    std::fill(loop.extent, loop.extent + kMaxRank, 1);
    need(loop.memory);
    return true;
  }

  bool matmul(const Instruction& i, Plan& plan) {
    MatmulPlan& m = plan.of.emplace<MatmulPlan>();
    const int rank = int(i.shape.size());
    const int64_t count = count_of(i.shape);
    plan.nothing = count == 0;
    MatmulCall& call = m.call = MatmulCall{};
    call.dtype = i.operands[0].dtype;
    m.batch_rank = rank - 2;
    call.batch = 1;
    for (int a = 0; a < m.batch_rank; a++) call.batch *= m.batch_size[a] = i.shape[a];
    call.m = i.shape[rank - 2], call.n = i.shape[rank - 1], call.k = i.k;
    m.a = in_bytes(i.operands[0], plan.nothing || call.k == 0);
    m.b = in_bytes(i.operands[1], plan.nothing || call.k == 0);
    for (LoopView* v : {&m.a, &m.b})
      for (int a = 0; a < rank; a++) v->stride[a] /= v->element;
    LoopBuilder builder(m.after, kernels_, pool_, program_);
    builder.views(i.fused.expression, true, call.dtype, i.fused.inputs, i.fused.outputs, plan.nothing);
    if (!builder.expression(i.fused.expression, refusal_)) return false;
    Space space(i.shape, rank);
    builder.add_views_to(space);
    const LoopView& out = m.after.outputs[0].view;
    // A result stored by columns is the product of the transposes, stored by rows.
    if (out.stride[rank - 2] == out.element && out.stride[rank - 1] > out.element && call.m > 1) {
      for (LoopView* v : {&m.a, &m.b}) std::swap(v->stride[rank - 2], v->stride[rank - 1]);
      std::swap(m.a, m.b);
      std::swap(call.m, call.n);
      space.swap(rank - 2, rank - 1);
    }
    call.a_row = m.a.stride[rank - 2], call.a_col = m.a.stride[rank - 1];
    call.b_row = m.b.stride[rank - 2], call.b_col = m.b.stride[rank - 1];
    m.direct = identity(i.fused) && (call.n == 1 || out.stride[rank - 1] == out.element) && call.k > 0 && call.dtype != DType::i32;
    if (m.direct) call.c_row = out.stride[rank - 2] / out.element;
    plan.alone = 2.0 * double(count) * double(std::max<int64_t>(call.k, 1)) < 8 * kWakeCost;
    return epilogue(m.after, space, builder);
  }

  bool conv(const Instruction& i, Plan& plan) {
    ConvPlan& c = plan.of.emplace<ConvPlan>();
    const int rank = int(i.shape.size()), axes = rank - 3;
    const int64_t count = count_of(i.shape);
    plan.nothing = count == 0;
    const View &x = i.operands[0], &w = i.operands[1];
    c.x = in_bytes(x, plan.nothing);
    c.w = in_bytes(w, plan.nothing);
    ConvCall& call = c.call = ConvCall{};
    call.dtype = x.dtype;
    call.n = i.shape[0];
    call.groups = i.shape[1];
    call.out_channels = i.shape[2];
    call.channels = i.conv.channels;
    call.x_n = x.strides[0], call.x_g = x.strides[1], call.x_c = x.strides[2];
    call.w_g = w.strides[0], call.w_o = w.strides[1], call.w_c = w.strides[2];
    c.empty = call.channels == 0;
    c.result = 1;
    double window = double(call.channels);
    for (int s = 0; s < 3; s++) {
      const int from = s - (3 - axes);
      const bool used = from >= 0;
      call.in[s] = used ? i.conv.input_size[from] : 1;
      call.kernel[s] = used ? i.conv.kernel_size[from] : 1;
      call.out[s] = used ? i.shape[3 + from] : 1;
      // A step that is never taken may be anything.
      call.stride[s] = call.out[s] > 1 ? i.conv.stride[from] : 1;
      call.pad[s] = used ? i.conv.pad_low[from] : 0;
      call.in_dilation[s] = call.in[s] > 1 ? i.conv.input_dilation[from] : 1;
      call.kernel_dilation[s] = call.kernel[s] > 1 ? i.conv.kernel_dilation[from] : 1;
      call.x_s[s] = call.in[s] > 1 ? x.strides[3 + from] : 0;
      call.w_k[s] = used ? w.strides[3 + from] : 0;
      c.empty = c.empty || call.in[s] == 0;
      c.result *= call.out[s];
      window *= double(call.kernel[s]);
    }
    LoopBuilder builder(c.after, kernels_, pool_, program_);
    builder.views(i.fused.expression, true, call.dtype, i.fused.inputs, i.fused.outputs, plan.nothing);
    if (!builder.expression(i.fused.expression, refusal_)) return false;
    call.images_last = images_last(i, c.result);
    // n, g and o stay apart, the images in front or last; the columns behind o become one axis where
    // every view allows.
    Space space(i.shape, rank);
    for (int a = 0; a < rank; a++) space.group[a] = std::min(a, 3);
    builder.add_views_to(space);
    if (call.images_last) {
      space.group[0] = 3;
      space.rotate(1);
    }
    c.direct = identity(i.fused) && !c.empty && dense(c.after.outputs[0].view, space);
    c.place = c.direct ? 0 : -1;
    c.biased = dense(c.after.outputs[0].view, space) && builder.apart(c.after.outputs[0]) && find_bias(i.fused, call);
    for (size_t j = 0; c.place < 0 && call.images_last && j < c.after.outputs.size(); j++)
      if (i.fused.outputs[j].dtype == call.dtype && dense(c.after.outputs[j].view, space) && builder.give_in(j)) c.place = int(j);
    space.merge();
    plan.alone = 2.0 * double(count) * window < 8 * kWakeCost;
    return epilogue(c.after, space, builder);
  }

  /// Whether all that an epilogue does is to add a bias to channels, r + b, and perhaps to rectify the sum s:
  /// where(s ≤ 0, 0, s).
  static bool find_bias(const Fused& f, ConvCall& call) {
    const std::vector<Value>& values = f.expression.values;
    const auto op = [&](int32_t n, int32_t opcode) {
      return values[n].kind == ValueKind::op && values[n].payload == opcode;
    };
    const auto input = [&](int32_t n, int32_t i) {
      return values[n].kind == ValueKind::input && values[n].payload == i;
    };
    const auto zero = [&](int32_t n) {
      return values[n].kind == ValueKind::constant && values[n].constant == 0 && !std::signbit(values[n].constant);
    };
    if (f.inputs.size() != 1 || f.outputs.size() != 1 || f.outputs[0].dtype != call.dtype) return false;
    int32_t sum = f.expression.results[0];
    const bool rectified = op(sum, op_where);
    if (rectified) {
      const int32_t* choice = values[sum].args;
      if (!op(choice[0], op_le) || !zero(choice[1])) return false;
      const int32_t* sides = values[choice[0]].args;
      if (sides[0] != choice[2] || !zero(sides[1])) return false;
      sum = choice[2];
    }
    if (!op(sum, op_add)) return false;
    const int32_t *terms = values[sum].args, first = input(terms[0], 0) ? 0 : 1;
    if (!input(terms[first], 0) || !input(terms[1 - first], 1)) return false;
    const std::vector<int64_t>& stride = f.inputs[0].strides;
    for (size_t a = 0; a < stride.size(); a++)
      if (a != 1 && a != 2 && stride[a] != 0) return false;
    call.biased.bias_g = stride[1], call.biased.bias_o = stride[2];
    call.biased.rectified = rectified;
    return true;
  }

  /// Whether the images of all results are neighbours in memory. In the gradient of 1×1 weights, "images"
  /// that lie apart in x, they are so by chance.
  static bool images_last(const Instruction& i, int64_t positions) {
    if (i.shape[0] == 1 || (positions == 1 && i.operands[0].strides[0] != 1)) return false;
    return std::all_of(i.fused.outputs.begin(), i.fused.outputs.end(),
                       [](const View& v) { return v.strides[0] == 1; });
  }

  static bool dense(const LoopView& v, const Space& space) {
    int64_t step = v.element;
    for (int a = space.rank; a-- > 0; step *= space.size[a])
      if (space.size[a] != 1 && v.stride[a] != step) return false;
    return true;
  }

  bool fold(const Instruction& i, Plan& plan) {
    FoldPlan& f = plan.of.emplace<FoldPlan>();
    f.dtype = i.outputs[0].dtype;
    f.axes = int(i.fold.window.size());
    f.lead_rank = int(i.shape.size()) - f.axes;
    f.lines = 1;
    for (int a = 0; a < f.lead_rank; a++) f.lines *= f.lead_size[a] = i.shape[a];
    for (int s = 0; s < f.axes; s++) {
      f.size[s] = i.shape[f.lead_rank + s];
      f.positions[s] = i.fold.positions[s];
      f.window[s] = i.fold.window[s];
      f.step[s] = i.fold.stride[s];
      f.dilation[s] = i.fold.dilation[s];
      if (s + 1 < f.axes) f.lines *= f.size[s];
    }
    plan.nothing = count_of(i.shape) == 0;
    f.input = in_bytes(i.operands[0], plan.nothing || count_of(i.fold.positions) * count_of(i.fold.window) == 0);
    f.output = in_bytes(i.outputs[0], plan.nothing);
    const int64_t last = f.size[f.axes - 1];
    f.lines_per_task = ceil_div(kTaskElements / 4, std::max<int64_t>(last, 1));
    plan.alone = double(count_of(i.shape)) * 4 < kWakeCost;
    return true;
  }

  bool index(const Instruction& i, Plan& plan) {
    IndexPlan& g = plan.of.emplace<IndexPlan>();
    const bool gather = i.kind == Kind::gather;
    g.dtype = i.outputs[0].dtype;
    g.rank = int(i.shape.size());
    g.axis = int(i.axis);
    g.axis_size = i.axis_size;
    g.outer = g.inner = 1;
    for (int a = 0; a < g.rank; a++) {
      g.size[a] = i.shape[a];
      if (a < g.axis) g.outer *= i.shape[a];
      if (a > g.axis) g.inner *= i.shape[a];
    }
    const int64_t read = count_of(i.shape), moved = g.outer * g.inner * g.axis_size;
    // Without indices, a scatter still clears its output; without room, an index is still wrong.
    plan.nothing = gather ? read == 0 : read == 0 && moved == 0;
    g.x = in_bytes(i.operands[gather ? 0 : 1], (gather ? moved : read) == 0);
    g.indices = in_bytes(i.operands[gather ? 1 : 0], read == 0);
    g.output = in_bytes(i.outputs[0], (gather ? read : moved) == 0);
    plan.alone = double(read) * 4 + double(moved) < kWakeCost;
    return true;
  }

  bool lines(const Instruction& i, Plan& plan) {
    LinePlan& l = plan.of.emplace<LinePlan>();
    l.dtype = i.operands[0].dtype;
    l.rank = int(i.shape.size()) - 1;
    l.lines = 1;
    for (int a = 0; a < l.rank; a++) l.lines *= l.size[a] = i.shape[a];
    l.length = i.shape[l.rank];
    l.flag = i.flag;
    plan.nothing = count_of(i.shape) == 0;
    l.input = in_bytes(i.operands[0], plan.nothing);
    l.output = in_bytes(i.outputs[0], plan.nothing);
    plan.alone = double(count_of(i.shape)) * (i.kind == Kind::argsort ? 50 : 3) < kWakeCost;
    return true;
  }

  const Program& program_;
  const KernelTable& kernels_;
  ConstantPool& pool_;
  int64_t& memory_;
  std::string& refusal_;
};

}  // namespace

Status plan_program(const Program& program, const KernelTable& kernels, ConstantPool& constants,
                    std::vector<Plan>& plans, int64_t& worker_memory, std::string& refusal) {
  plans.resize(program.instructions.size());
  Planner planner(program, kernels, constants, worker_memory, refusal);
  for (size_t n = 0; n < plans.size(); n++) {
    if (!planner.plan(program.instructions[n], plans[n])) {
      if (refusal == kNoMemory) return Status::out_of_memory;
      refusal = "instruction " + std::to_string(n) + " (" + kind_name(program.instructions[n].kind) + "): " + refusal;
      return Status::refused;
    }
    if (n > 0) planner.join(program.instructions[n - 1], plans[n - 1], program.instructions[n], plans[n]);
  }
  return Status::ok;
}

}  // namespace gradus
