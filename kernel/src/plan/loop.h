// Expressions → loops, in three stages, each built from the previous one:
//   LoopViews   inputs and outputs as views, whose axes may still be reordered (axes.h);
//   LoopSteps   operations over a pointer table, with registers allocated by liveness;
//   LoopBlocks  once the axes are final: the sizes of blocks, and how every input is read.
#pragma once
#include <string>
#include <vector>

#include "axes.h"
#include "trees.h"

namespace gradus {

// Registers and streams of one block share a 32 KiB L1 data cache (the smallest in use).
constexpr int64_t kBlockBytes = 24 << 10;

/// Whether an expression's first input is the accumulated result, as in an epilogue.
struct Accumulated {
  bool first = false;
  DType dtype{};
};

class LoopViews {
 public:
  /// Index values of the expression become further inputs.
  LoopViews(Loop& loop, const Program& program, const Expression& expression, Accumulated accumulated,
            const std::vector<View>& inputs, const std::vector<View>& outputs, bool empty);

  void add_to(Space& space);
  /// Whether an output may be written before the last input is read.
  bool apart(const LoopOutput& output) const;
  /// Whether writing the output may change elements that are still to be read through the input view. A verified
  /// program's outputs either lie apart from its inputs in the buffer or are exactly the same elements.
  bool shares(const LoopView& output, const LoopView& input) const;

  Loop& loop;
  const Program& program;
  const Expression& expression;
  const size_t first_index;  // position of the first index value
};

class LoopSteps {
 public:
  LoopSteps(LoopViews& views, const KernelTable& kernels) : views_(views), loop_(views.loop), kernels_(kernels) {}

  /// False with the reason when an operation is not implemented.
  bool compile(std::string& refusal);

  /// Lets the accumulated input occupy the memory of an output; false where that memory would be written too early or
  /// before another input is read.
  bool give_in(size_t output);

  /// Position in the pointer table of the single result of an expression without output views.
  int32_t value_position() const { return position_[alias_[views_.expression.results[0]]]; }

 private:
  friend class LoopBlocks;
  struct RegisterClass {
    int64_t element;
    bool free;
  };
  struct ConstantUse {
    int32_t position;
    DType dtype;
    double value;
  };

  void find_aliases();
  void find_needed();
  void find_last_uses(const Trees& trees);
  void place_inputs();
  BlockOp block_op(const Value& v) const;
  bool add_step(int32_t n, const Trees& trees, std::string& refusal);
  int take_register(int64_t element, const std::vector<int>& dying);
  void place_results();

  LoopViews& views_;
  Loop& loop_;
  const KernelTable& kernels_;
  bool divides_ = false;
  std::vector<int32_t> position_, alias_;  // by value
  std::vector<bool> needed_;               // by value: some result depends on it
  std::vector<int64_t> last_use_;          // by value: the last value whose step reads it
  std::vector<bool> used_;                 // by input
  std::vector<RegisterClass> registers_;
  std::vector<int> register_at_;                      // by position
  std::vector<std::pair<int32_t, int>> register_of_;  // position, register
  std::vector<ConstantUse> constants_;
};

class LoopBlocks {
 public:
  /// `map` if the loop is an instruction of its own and runs over all its axes.
  LoopBlocks(const LoopSteps& steps, bool map) : steps_(steps), loop_(steps.loop_), map_(map) {}

  /// False, with the reason, when memory for constants is out.
  bool fix(const Space& space, ConstantPool& pool, std::string& refusal);

  /// Sets the extents of blocks where `fix` could not know them; inputs that are the same for all blocks are then read
  /// once.
  void set_extents(const int64_t* extent);

 private:
  int64_t block_size(bool copy) const;
  void cut(const Space& space, int64_t block);
  void tile(const Space& space, int across, int64_t block);
  void stage(const Space& space, int across, int64_t block);
  int transposed_axis(const Space& space) const;
  void lay_out(int64_t staged);
  bool bind_constants(ConstantPool& pool, std::string& refusal);
  bool uniform(const LoopView& v) const;
  bool dense(const LoopView& v) const;
  bool same_for_all_blocks(const LoopView& v) const;
  void list_movers();
  void list_row_movers();
  bool passes(const LoopOutput& o, int inner) const;

  const LoopSteps& steps_;
  Loop& loop_;
  const bool map_;
};

}  // namespace gradus
