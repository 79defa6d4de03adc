#include "threads.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>

#include "tasks.h"

namespace gradus {
namespace {

// Instructions of one step follow each other within microseconds, while waking a sleeping thread takes some 50 µs.
// Longer spinning would take the core away from other work.
constexpr auto kSpin = std::chrono::microseconds(50);
// Spins between two reads of the clock.
constexpr int kPauses = 32;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Mutex {
  pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
  ~Mutex() { pthread_mutex_destroy(&m); }
  void lock() { pthread_mutex_lock(&m); }
  void unlock() { pthread_mutex_unlock(&m); }
};

struct Signal {
  pthread_cond_t c = PTHREAD_COND_INITIALIZER;
  ~Signal() { pthread_cond_destroy(&c); }
  void wait(Mutex& mutex) { pthread_cond_wait(&c, &mutex.m); }
  void wake_all() { pthread_cond_broadcast(&c); }
};

/// Holds the lock for its lifetime, even if an allocation fails meanwhile.
class Lock {
 public:
  explicit Lock(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~Lock() { mutex_.unlock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Mutex& mutex_;
};

/// A task of a pool, skipped after an interruption.
struct Guarded {
  void (*body)(void*, int64_t, int);
  void* context;
  const Pool& pool;

  static void run(void* self, int64_t task, int worker) {
    const Guarded& g = *static_cast<Guarded*>(self);
    if (!g.pool.interrupted()) g.body(g.context, task, worker);
  }
};

}  // namespace

struct Pool::Shared {
  Tasks tasks;

  alignas(64) std::atomic<int> asleep{0};
  std::atomic<bool> stop{false};
  Mutex mutex;
  Signal wake;
  struct Start {
    Pool* pool;
    int worker;
  } starts[kMaxWorkers];
  pthread_t threads[kMaxWorkers];  // workers 1, 2, …
};

Pool::Pool(int workers) : shared_(new Shared) {
  workers = std::min(std::max(workers, 1), kMaxWorkers);
  workers_ = workers;  // the requested number; fewer when the system refuses a thread
  for (int w = 1; w < workers; ++w) {
    shared_->starts[w] = {this, w};
    if (pthread_create(&shared_->threads[w], nullptr, main_of, &shared_->starts[w]) == 0) continue;
    workers_ = w;
    break;
  }
}

Pool::~Pool() {
  shared_->mutex.lock();
  shared_->stop = true;
  shared_->wake.wake_all();
  shared_->mutex.unlock();
  for (int w = 1; w < workers_; ++w) pthread_join(shared_->threads[w], nullptr);
  free_memory();
  delete shared_;
}

void Pool::run(int64_t count, void (*body)(void*, int64_t, int), void* context) {
  if (alone_ || workers_ == 1 || count <= 1) {
    for (int64_t task = 0; task < count && !interrupted(); ++task) body(context, task, 0);
    return;
  }
  Shared& s = *shared_;
  Guarded guarded{body, context, *this};
  for (int64_t base = 0; base < count; base += Tasks::kMost) {
    const uint32_t epoch = s.tasks.open(base, std::min(count - base, Tasks::kMost), Guarded::run, &guarded);
    if (s.asleep.load(std::memory_order_seq_cst) > 0) {
      s.mutex.lock();
      s.wake.wake_all();
      s.mutex.unlock();
    }
    while (s.tasks.take(epoch, 0)) {}
    for (int spins = 0; s.tasks.unfinished() > 0; ++spins) {
      if (spins < 4096) pause();
      else sched_yield();
    }
  }
}

void* Pool::main_of(void* argument) {
  const Shared::Start start = *static_cast<Shared::Start*>(argument);
  Shared& s = *start.pool->shared_;
  uint32_t done = 0;  // the last epoch this worker finished
  for (;;) {
    const auto deadline = std::chrono::steady_clock::now() + kSpin;
    uint32_t epoch = 0;
    while (!epoch && !s.stop.load(std::memory_order_relaxed)) {
      for (int i = 0; i < kPauses && !epoch; ++i) {
        epoch = s.tasks.opened_after(done);
        if (!epoch) pause();
      }
      if (!epoch && std::chrono::steady_clock::now() > deadline) break;
    }
    if (!epoch) {
      s.mutex.lock();
      s.asleep.fetch_add(1, std::memory_order_seq_cst);
      while (!s.stop && !(epoch = s.tasks.opened_after(done))) s.wake.wait(s.mutex);
      s.asleep.fetch_sub(1, std::memory_order_seq_cst);
      s.mutex.unlock();
    }
    if (s.stop) return nullptr;
    while (s.tasks.take(epoch, start.worker)) {}
    done = epoch;
  }
}

struct Queue::Shared {
  struct Job {
    void (*run)(void*);
    void* context;
  };
  Mutex mutex;
  Signal changed;
  std::deque<Job> jobs;
  bool busy = false, stop = false, started = false;
  pthread_t thread;
};

Queue::Queue() : shared_(new Shared) {}

Queue::~Queue() {
  Shared& s = *shared_;
  s.mutex.lock();
  s.stop = true;
  s.changed.wake_all();
  s.mutex.unlock();
  if (s.started) pthread_join(s.thread, nullptr);
  delete shared_;
}

bool Queue::submit(void (*job)(void*), void* context) {
  Shared& s = *shared_;
  if (!s.started && pthread_create(&s.thread, nullptr, main_of, shared_) != 0) return false;
  s.started = true;
  const Lock lock(s.mutex);
  s.jobs.push_back({job, context});
  s.changed.wake_all();
  return true;
}

void Queue::wait() {
  Shared& s = *shared_;
  if (!s.started) return;
  s.mutex.lock();
  while (s.busy || !s.jobs.empty()) s.changed.wait(s.mutex);
  s.mutex.unlock();
}

void* Queue::main_of(void* argument) {
  Shared& s = *static_cast<Shared*>(argument);
  s.mutex.lock();
  for (;;) {
    while (s.jobs.empty() && !s.stop) s.changed.wait(s.mutex);
    if (s.jobs.empty()) break;
    const Shared::Job job = s.jobs.front();
    s.jobs.pop_front();
    s.busy = true;
    s.mutex.unlock();
    job.run(job.context);
    s.mutex.lock();
    s.busy = false;
    s.changed.wake_all();
  }
  s.mutex.unlock();
  return nullptr;
}

}  // namespace gradus
