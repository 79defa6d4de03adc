// The engine's threads: a pool that shares out tasks, and a queue that runs jobs in order. Only threads.cc uses the
// operating system's threads.
#pragma once
#include "contract.h"

namespace gradus {

/// A pool of worker threads. The thread that calls run() is worker 0 and takes part; the others spin for a moment after
/// their last task, then sleep.
class Pool final : public Parallel {
 public:
  /// As many workers as memory and the system allow; at least 1.
  explicit Pool(int workers);
  ~Pool() override;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void run(int64_t count, void (*body)(void* context, int64_t task, int worker), void* context) override;
  int workers() const override { return workers_; }
  /// Allocates the scratch of all workers if that has not been done; false when memory is out. Called before run().
  bool prepare();
  void* scratch(int worker) override { return scratch_[worker]; }
  void* workspace(uint64_t bytes) override;

  /// Bytes of the last workspace or scratch that could not be allocated.
  uint64_t missing() const { return missing_; }

  /// While set, run() stays on the calling thread: for work that is cheaper than waking another.
  void stay_alone(bool alone) { alone_ = alone; }

 private:
  struct Shared;
  static void* main_of(void* argument);
  void free_memory();

  Shared* shared_;
  int workers_ = 1;
  bool alone_ = false;
  void* scratch_[kMaxWorkers] = {};
  void* workspace_ = nullptr;
  uint64_t workspace_bytes_ = 0, missing_ = 0;
};

/// Runs jobs one after another on a thread of its own, which starts with the first job.
class Queue {
 public:
  Queue();
  ~Queue();  // after the pending jobs
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// False when the thread cannot be started; nothing has been queued then.
  bool submit(void (*job)(void* context), void* context);
  /// Returns when no job is left.
  void wait();

 private:
  struct Shared;
  static void* main_of(void* argument);
  Shared* shared_;
};

}  // namespace gradus
