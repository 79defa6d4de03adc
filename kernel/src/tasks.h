// Hands the tasks of a job to threads without a lock. Sleeping and waking belong to the pool: threads.cc for native
// threads, bindings/wasm/pool_shared.cc for workers.
#pragma once
#include <atomic>
#include <cstdint>

namespace gradus {

/// One job at a time. The state word holds the job (epoch) and its next task. Taking a task is one compare-and-swap, so
/// a late thread finds another epoch and takes nothing.
class Tasks {
 public:
  using Body = void (*)(void* context, int64_t task, int worker);
  /// Tasks of one job.
  static constexpr int64_t kMost = int64_t{1} << 30;

  /// Opens a job with the tasks base … base + count − 1, count ≤ kMost, and returns its epoch. Only one thread calls
  /// this, and only when every task of the previous job has finished.
  uint32_t open(int64_t base, int64_t count, Body body, void* context) {
    const uint32_t epoch = uint32_t(state_.load(std::memory_order_relaxed) >> 32) + 1;
    state_.store(state_of(epoch, kClosed), std::memory_order_seq_cst);
    count_.store(uint32_t(count), std::memory_order_relaxed);
    base_.store(base, std::memory_order_relaxed);
    body_.store(body, std::memory_order_relaxed);
    context_.store(context, std::memory_order_relaxed);
    unfinished_.store(count, std::memory_order_relaxed);
    state_.store(state_of(epoch, 0), std::memory_order_seq_cst);
    return epoch;
  }

  /// The epoch of the open job; 0 if it is `done` or is just being written.
  uint32_t opened_after(uint32_t done) const {
    const uint64_t state = state_.load(std::memory_order_seq_cst);
    const uint32_t epoch = uint32_t(state >> 32);
    return uint32_t(state) == kClosed || epoch == done ? 0 : epoch;
  }

  /// Takes one task of this epoch and runs it; false when none is left.
  bool take(uint32_t epoch, int worker) {
    uint64_t state = state_.load(std::memory_order_acquire);
    for (;;) {
      const uint32_t next = uint32_t(state);
      if (uint32_t(state >> 32) != epoch || next == kClosed) return false;
      const uint32_t count = count_.load(std::memory_order_relaxed);
      const Body body = body_.load(std::memory_order_relaxed);
      void* context = context_.load(std::memory_order_relaxed);
      const int64_t base = base_.load(std::memory_order_relaxed);
      if (next >= count) return false;
      // The exchange succeeded, so the epoch is still open and the fields just read belong to it.
      if (!state_.compare_exchange_weak(state, state_of(epoch, next + 1), std::memory_order_acq_rel,
                                        std::memory_order_acquire))
        continue;
      body(context, base + next, worker);
      unfinished_.fetch_sub(1, std::memory_order_seq_cst);
      return true;
    }
  }

  /// Tasks of the open job that have not returned.
  int64_t unfinished() const { return unfinished_.load(std::memory_order_seq_cst); }

 private:
  static constexpr uint32_t kClosed = UINT32_MAX;
  static constexpr uint64_t state_of(uint32_t epoch, uint32_t next) { return uint64_t{epoch} << 32 | next; }

  alignas(64) std::atomic<uint64_t> state_{state_of(0, kClosed)};
  alignas(64) std::atomic<int64_t> unfinished_{0};
  // Written only while no job is open.
  std::atomic<uint32_t> count_{0};
  std::atomic<int64_t> base_{0};
  std::atomic<Body> body_{nullptr};
  std::atomic<void*> context_{nullptr};
};

}  // namespace gradus
