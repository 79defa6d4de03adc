// Loads programs and runs them, one at a time, over one arena.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "threads.h"

namespace gradus {

/// A program ready to run.
struct Loaded {
  std::vector<Slot> slots;
  int64_t arena_bytes = 0;
  int64_t worker_memory = 0;
  ConstantPool constants;
  mutable int64_t packed_bytes = 0;  // of packed weights
  std::vector<Plan> plans;
};

/// The choice made for an instruction when its program was loaded, in the encoding of src/runtime/conv-algorithms.ts:
/// the code of a ConvAlgorithm, plus 256 if the roles are exchanged; −1 for other instructions.
int32_t algorithm_of(const Plan& plan);

class Engine {
 public:
  explicit Engine(int threads);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// nullptr when the program is refused or memory is out, with the reason; `status` tells which.
  std::unique_ptr<Loaded> load(const Encoded& encoded, std::string& refusal, Status* status = nullptr) const;

  /// Runs a program. `buffers` has one entry more than there are slots: entry 0 is the arena. Each slot's buffer must
  /// hold its elements. On failure `message` holds the reason. `nanoseconds`, if given, receives the time of every
  /// instruction. `versions`, if given, are the versions of the slots' contents.
  Status run(const Loaded& program, char** buffers, std::string& message, double* nanoseconds = nullptr,
             const double* versions = nullptr);

  /// Not while a program runs.
  void set_threads(int threads);

  /// From any thread: ends the current run within its next tasks and prevents new ones.
  void interrupt() { pool_->interrupt(); }

  int threads() const { return pool_->workers(); }
  const char* isa() const { return kernels_.name; }
  int64_t arena_bytes() const { return arena_bytes_; }

 private:
  Status load(const Encoded& encoded, Loaded& loaded, std::string& refusal) const;
  Status run_all(const Loaded& program, char** buffers, std::string& message, double* nanoseconds,
                 const double* versions);
  Status reserve(const Loaded& program, std::string& message);
  void free_worker_memory();
  Status execute(const Plan& plan, Frame& frame);

  const KernelTable& kernels_;
  std::unique_ptr<Pool> pool_;
  void* arena_block_ = nullptr;  // holds the arena, aligned
  char* arena_ = nullptr;
  int64_t arena_bytes_ = 0;
  char* worker_memory_[kMaxWorkers] = {};
  int64_t worker_bytes_ = 0;
};

}  // namespace gradus
