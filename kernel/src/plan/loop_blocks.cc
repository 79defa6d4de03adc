// Stage 3 of a loop: the sizes of blocks, how every input is read, and where registers lie.
#include <algorithm>

#include "loop.h"

namespace gradus {
namespace {

constexpr int64_t kMinBlock = 256, kMaxBlock = 4096;
// Where some steps divide, all steps process this many elements before the next: few enough that divisions overlap with
// the loads and multiplications of other steps, enough to amortize the calls (Adam's update with AVX-512: 97 µs at 64
// elements, 85 at 128, 109 at 256, 131 at 1024). A multiple of a byte vector's lanes.
constexpr int64_t kPiece = 128;
// A loop without operations only moves data: larger blocks, still well inside a 256 KiB L2.
constexpr int64_t kCopyBlock = 1 << 14;
// Tile of a transposing loop. Its rows read whole cache lines of the source, and in a copy, where there is room, a
// quarter of a page; its columns write whole lines of the output.
constexpr int64_t kTransposeRows = 32, kMostTransposeRows = 256, kTransposeColumns = 128;
// The longest row of a tile that is transposed as the input of other operations: 32 such rows stay well inside L2.
constexpr int64_t kMostStagedRow = 512;

bool transposed(const LoopView& v, int across, int inner) {
  return v.buffer >= 0 && std::abs(v.stride[inner]) >= 8 * v.element && std::abs(v.stride[across]) == v.element;
}

}  // namespace

bool LoopBlocks::fix(const Space& space, ConstantPool& pool, std::string& refusal) {
  loop_.rank = space.rank;
  std::copy(space.size, space.size + space.rank, loop_.size);
  const bool copy = loop_.steps.empty() && steps_.constants_.empty();
  loop_.block = block_size(copy);
  const int across = map_ ? transposed_axis(space) : -1;
  if (across < 0) cut(space, loop_.block);
  else if (copy) tile(space, across, loop_.block);
  else stage(space, across, loop_.block);
  for (int a = 0; a < space.rank; ++a) loop_.elements *= space.size[a];
  loop_.piece = steps_.divides_ && loop_.steps.size() > 1 ? kPiece : loop_.block;
  lay_out(across >= 0 ? loop_.tile_rows * loop_.extent[space.rank - 1] : 0);
  list_movers();
  if (!bind_constants(pool, refusal)) return false;
  loop_.cost += double(loop_.inputs.size() + loop_.outputs.size()) / 2;
  return true;
}

void LoopBlocks::set_extents(const int64_t* extent) {
  std::fill(loop_.extent, loop_.extent + kMaxRank, 1);
  std::copy(extent, extent + loop_.rank, loop_.extent);
  for (LoopInput& in : loop_.inputs)
    if (in.access == Access::in_block && same_for_all_blocks(in.view)) in.access = Access::once;
  list_movers();
}

/// Elements of a block whose registers and streams share L1.
int64_t LoopBlocks::block_size(bool copy) const {
  if (copy && map_) return kCopyBlock;
  int64_t bytes = 0;  // per element
  for (const LoopSteps::RegisterClass& c : steps_.registers_) bytes += c.element;
  for (size_t i = 0; i < loop_.inputs.size(); ++i)
    if (steps_.used_[i] && loop_.inputs[i].access != Access::store_only) bytes += loop_.inputs[i].view.element;
  for (const LoopOutput& o : loop_.outputs) bytes += o.view.element;
  return std::max(kMinBlock, std::min(kMaxBlock, kBlockBytes / std::max<int64_t>(bytes, 1) / 64 * 64));
}

/// A worker's memory: the pointer table, copied inputs (`staged` elements of transposed ones), registers. Decides how
/// every input is read.
void LoopBlocks::lay_out(int64_t staged) {
  int64_t at = round_up(loop_.table_size * int64_t(sizeof(void*)), 64);
  const auto reserve = [&](int64_t count, int64_t element) {
    const int64_t here = at;
    at += round_up(count * element, 64);
    return here;
  };
  for (size_t i = 0; i < loop_.inputs.size(); ++i) {
    LoopInput& in = loop_.inputs[i];
    if (!steps_.used_[i]) in.access = Access::store_only;
    if (in.access == Access::store_only) continue;
    in.reg = reserve(in.access == Access::staged ? staged : loop_.block, in.view.element);
    if (in.access == Access::in_block && uniform(in.view)) in.access = Access::uniform;
    else if (in.access == Access::in_block && map_ && same_for_all_blocks(in.view)) in.access = Access::once;
    in.view.dense = in.view.buffer >= 0 && dense(in.view);
  }
  for (LoopOutput& o : loop_.outputs) o.view.dense = dense(o.view);
  std::vector<int64_t> offsets;
  for (const LoopSteps::RegisterClass& c : steps_.registers_) offsets.push_back(reserve(loop_.block, c.element));
  for (const auto& [value, reg] : steps_.register_of_) loop_.registers.push_back({value, offsets[reg]});
  for (LoopOutput& o : loop_.outputs)
    for (const RegisterBlock& r : loop_.registers)
      if (r.value == o.value) o.reg = r.offset;
  loop_.memory = at;
}

bool LoopBlocks::bind_constants(ConstantPool& pool, std::string& refusal) {
  int64_t most = 1;  // elements of the largest block
  for (int i = 0; i < loop_.rank; ++i) most *= loop_.extent[i];
  if (!map_) most = loop_.block;
  for (const LoopSteps::ConstantUse& c : steps_.constants_) {
    const void* data = pool.block(c.dtype, c.value, std::min(most, loop_.block));
    if (!data) return refusal = kNoMemory, false;
    loop_.constants.push_back({c.position, data});
  }
  return true;
}

bool LoopBlocks::uniform(const LoopView& v) const {
  return std::all_of(v.stride, v.stride + loop_.rank, [](int64_t step) { return step == 0; });
}

bool LoopBlocks::dense(const LoopView& v) const {
  int64_t step = v.element;
  for (int a = loop_.rank - 1; a >= 0; --a) {
    if (loop_.size[a] == 1) continue;
    if (v.stride[a] != step) return false;
    step *= loop_.size[a];
  }
  return true;
}

/// The pointers that move as the steps pass over a block, and whether a block can be evaluated row by row.
void LoopBlocks::list_movers() {
  loop_.movers.clear();
  for (size_t i = 0; i < loop_.inputs.size(); ++i) {
    const LoopInput& in = loop_.inputs[i];
    if (in.access == Access::store_only || in.access == Access::uniform) continue;
    loop_.movers.push_back({int32_t(i), in.view.element, 0});
  }
  for (const auto& [value, reg] : steps_.register_of_)
    loop_.movers.push_back({value, int32_t(steps_.registers_[reg].element), 0});
  list_row_movers();
}

void LoopBlocks::list_row_movers() {
  loop_.rowwise = false;
  loop_.row_movers.clear();
  loop_.filled.clear();
  loop_.passed.clear();
  if (loop_.rank < 2 || loop_.outputs.empty()) return;
  const int row = loop_.rank - 2, inner = loop_.rank - 1;
  for (size_t i = 0; i < loop_.inputs.size(); ++i) {
    const LoopInput& in = loop_.inputs[i];
    const int64_t step = in.view.stride[inner];
    if (!steps_.used_[i] || in.access == Access::uniform) continue;
    if (in.access == Access::accumulated) {
      loop_.row_movers.push_back({int32_t(i), in.view.element, 0});  // the caller sets the distance of rows
      continue;
    }
    if (in.access != Access::in_block || in.view.buffer < 0 || (step != 0 && step != in.view.element)) return;
    if (step == 0) loop_.filled.push_back(int32_t(i));
    else loop_.row_movers.push_back({int32_t(i), in.view.element, in.view.stride[row]});
  }
  for (size_t j = 0; j < loop_.outputs.size(); ++j) {
    const LoopOutput& o = loop_.outputs[j];
    if (o.view.stride[inner] != o.view.element) return;
    if (o.direct) loop_.row_movers.push_back({o.value, o.view.element, o.view.stride[row]});
    else if (passes(o, inner)) loop_.passed.push_back(int32_t(j));
    else return;
  }
  loop_.rowwise = true;
}

/// Whether an output is an input with contiguous rows.
bool LoopBlocks::passes(const LoopOutput& o, int inner) const {
  if (size_t(o.value) >= loop_.inputs.size()) return false;
  const LoopInput& in = loop_.inputs[o.value];
  if (in.access == Access::accumulated) return true;
  return in.access == Access::in_block && steps_.used_[o.value] && in.view.stride[inner] == in.view.element;
}

/// Extents of a block: whole inner axes and part of the next one.
void LoopBlocks::cut(const Space& s, int64_t block) {
  int64_t* extent = loop_.extent;
  std::fill(extent, extent + kMaxRank, 1);
  int64_t n = 1;
  for (int i = s.rank - 1; i >= 0; --i) {
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

/// Extents of a transposing copy.
void LoopBlocks::tile(const Space& s, int across, int64_t block) {
  int64_t* extent = loop_.extent;
  std::fill(extent, extent + kMaxRank, 1);
  extent[across] = std::min({s.size[across], kMostTransposeRows, std::max(kTransposeRows, block / 64)});
  extent[s.rank - 1] = std::min({s.size[s.rank - 1], kTransposeColumns, block / extent[across]});
}

/// Extents of a loop that transposes some inputs: part of a row, or whole consecutive rows; and per tile as many blocks
/// as read whole cache lines of these inputs.
void LoopBlocks::stage(const Space& s, int across, int64_t block) {
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
  for (size_t i = 0; i < loop_.inputs.size(); ++i)
    if (steps_.used_[i] && loop_.inputs[i].access == Access::in_block &&
        transposed(loop_.inputs[i].view, across, inner))
      loop_.inputs[i].access = Access::staged;
}

/// An axis along which some input is contiguous while it has a large stride along the inner axis; −1 for none.
int LoopBlocks::transposed_axis(const Space& s) const {
  if (s.rank < 2 || s.size[s.rank - 1] < 8) return -1;
  for (const LoopInput& in : loop_.inputs) {
    if (in.access == Access::accumulated) continue;
    for (int i = 0; i < s.rank - 1; ++i)
      if (s.size[i] >= 8 && transposed(in.view, i, s.rank - 1)) return i;
  }
  return -1;
}

/// Whether every block reads a prefix of the same elements in the same layout.
bool LoopBlocks::same_for_all_blocks(const LoopView& v) const {
  int first = 0;  // the outermost axis of the block
  while (first < loop_.rank && loop_.extent[first] == 1) ++first;
  for (int i = 0; i < loop_.rank; ++i) {
    if (loop_.extent[i] == loop_.size[i]) continue;
    if (v.stride[i] != 0 || i > first) return false;
  }
  // A single block gains nothing from a copy.
  bool single = true;
  for (int i = 0; i < loop_.rank; ++i) single = single && loop_.extent[i] == loop_.size[i];
  return !single;
}

}  // namespace gradus
