// The pool of a module with shared memory. Its threads are instances of the module in workers that JavaScript has
// started (src/runtime/wasm-threads.ts) and that have called work(). Until they arrive, the calling thread takes all
// tasks. Replaces src/threads.cc.
#include <algorithm>

#include "src/tasks.h"
#include "src/threads.h"

namespace gradus {
namespace {

// How often a thread looks for a task before it sleeps: some 50 µs, in which the next instruction usually follows.
constexpr int kLooks = 20000;

/// A condition that threads sleep on. Ringing it wakes all threads that read it before.
struct Bell {
  std::atomic<int32_t> rung{0};
  int32_t look() { return rung.load(); }
  void sleep_since(int32_t looked) {
    __builtin_wasm_memory_atomic_wait32(reinterpret_cast<int32_t*>(&rung), looked, -1);
  }
  void ring() {
    rung.fetch_add(1);
    __builtin_wasm_memory_atomic_notify(reinterpret_cast<int32_t*>(&rung), UINT32_MAX);
  }
};

// One engine per memory. Constant initialisation only, so that no instance initialises it again.
Tasks tasks;
std::atomic<int> active{1};       // workers of the pool, the calling thread included
std::atomic<int> arrived{0};      // threads that have called work()
std::atomic<bool> broken{false};  // a worker died inside a task: its output is undefined
bool may_sleep = false;           // whether the calling thread may wait: the main thread of a page may not

Bell opened;
std::atomic<int> asleep{0};
Bell finished;
std::atomic<bool> waiting{false};

uint32_t sleep_until_opened(uint32_t done) {
  asleep.fetch_add(1);
  const int32_t looked = opened.look();
  uint32_t epoch = tasks.opened_after(done);
  if (!epoch) opened.sleep_since(looked);
  asleep.fetch_sub(1);
  return epoch;
}

void sleep_until_finished() {
  waiting = true;
  const int32_t looked = finished.look();
  if (tasks.unfinished() > 0 && !broken) finished.sleep_since(looked);
  waiting = false;
}

}  // namespace

// Only the calling thread allocates: the C library's allocator is not thread-safe.
Pool::Pool(int workers) : shared_(nullptr), workers_(std::min(std::max(workers, 1), kMaxWorkers)) { active = workers_; }

Pool::~Pool() { free_memory(); }

void Pool::run(int64_t count, void (*body)(void*, int64_t, int), void* context) {
  if (alone_ || workers_ == 1 || count <= 1) {
    for (int64_t task = 0; task < count; ++task) body(context, task, 0);
    return;
  }
  if (broken) __builtin_trap();
  for (int64_t base = 0; base < count; base += Tasks::kMost) {
    const uint32_t epoch = tasks.open(base, std::min(count - base, Tasks::kMost), body, context);
    if (asleep > 0) opened.ring();
    while (tasks.take(epoch, 0)) {}
    for (int looks = 0; tasks.unfinished() > 0; ++looks) {
      if (broken) __builtin_trap();
      if (may_sleep && looks >= kLooks) sleep_until_finished();
    }
  }
}

}  // namespace gradus

using namespace gradus;

extern "C" {

/// The main function of a worker, on a stack of its own.
__attribute__((export_name("work"))) void work() {
  const int worker = 1 + arrived.fetch_add(1);
  uint32_t done = 0;  // the last epoch this worker finished
  for (;;) {
    uint32_t epoch = 0;
    for (int looks = 0; looks < kLooks && !epoch; ++looks) epoch = tasks.opened_after(done);
    if (!epoch) epoch = sleep_until_opened(done);
    if (!epoch) continue;
    // The pool exists before the job is opened, so `active` is the pool of this job.
    if (worker < active) {
      while (tasks.take(epoch, worker)) {}
      if (waiting && tasks.unfinished() == 0) finished.ring();
    }
    done = epoch;
  }
}

/// Called when a worker died inside a task.
__attribute__((export_name("fail"))) void fail() {
  broken = true;
  finished.ring();
}

__attribute__((export_name("allowSleep"))) void allow_sleep() { may_sleep = true; }

}  // extern "C"
