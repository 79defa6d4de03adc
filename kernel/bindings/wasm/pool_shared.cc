// The pool of a module whose memory is shared: its threads are instances of the module in workers
// that JavaScript has started (src/runtime/wasm-threads.ts) and that have called work(). They come
// when they come; until then the calling thread takes all tasks. Takes the place of src/threads.cc.
#include <algorithm>

#include "src/tasks.h"
#include "src/threads.h"

namespace gradus {
namespace {

// Looks for a task before a thread goes to sleep: some 50 µs, in which the next instruction follows.
constexpr int kLooks = 20000;

/// What a thread sleeps on. Ringing it wakes all who have looked at it before.
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

// One engine per memory. Constants initialise all of it, so that no instance does so twice.
Tasks tasks;
std::atomic<int> active{1};       // workers of the pool, the calling thread included
std::atomic<int> arrived{0};      // threads that have called work()
std::atomic<bool> broken{false};  // a worker stopped in the middle of a task: what it wrote is unknown
bool may_sleep = false;           // whether the calling thread may: the main thread of a page may not

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

// Memory is for the calling thread to take: the C library's allocator knows one thread.
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

/// What a worker does until it is ended, on a stack of its own.
__attribute__((export_name("work"))) void work() {
  const int worker = 1 + arrived.fetch_add(1);
  uint32_t done = 0;  // the last epoch seen to the end
  for (;;) {
    uint32_t epoch = 0;
    for (int looks = 0; looks < kLooks && !epoch; ++looks) epoch = tasks.opened_after(done);
    if (!epoch) epoch = sleep_until_opened(done);
    if (!epoch) continue;
    // The pool was made before the job was opened, so `active` is the one that belongs to it.
    if (worker < active) {
      while (tasks.take(epoch, worker)) {}
      if (waiting && tasks.unfinished() == 0) finished.ring();
    }
    done = epoch;
  }
}

/// For a worker that stopped in the middle of a task.
__attribute__((export_name("fail"))) void fail() {
  broken = true;
  finished.ring();
}

__attribute__((export_name("allowSleep"))) void allow_sleep() { may_sleep = true; }

}  // extern "C"
