// The pool runs every task exactly once, for any number of threads and tasks; the queue runs jobs in order.
#include <atomic>
#include <vector>

#include "check.h"
#include "src/threads.h"

using namespace gradus;

namespace {

struct Count {
  std::vector<std::atomic<int>> times;
  std::atomic<int> wrong_worker{0};
  int workers;
  explicit Count(size_t n, int w) : times(n), workers(w) {}
};

void count_task(void* context, int64_t task, int worker) {
  Count& c = *static_cast<Count*>(context);
  ++c.times[size_t(task)];
  if (worker < 0 || worker >= c.workers) ++c.wrong_worker;
}

void pool(int threads) {
  Pool p(threads);
  for (int round = 0; round < 2000; ++round) {
    const int64_t n = round % 37;
    Count c(size_t(n), p.workers());
    p.stay_alone(round % 5 == 0);
    p.run(n, count_task, &c);
    bool once = c.wrong_worker == 0;
    for (auto& t : c.times) once = once && t == 1;
    if (!once) check(false, "each task once");
  }
  check(true, "pool");
}

void queue() {
  std::vector<int> order;
  struct Job {
    std::vector<int>* order;
    int n;
  };
  std::vector<Job> jobs;
  for (int n = 0; n < 1000; ++n) jobs.push_back({&order, n});
  {
    Queue q;
    for (Job& job : jobs)
      q.submit(
          [](void* context) {
            Job& j = *static_cast<Job*>(context);
            j.order->push_back(j.n);
          },
          &job);
    q.wait();
    check(order.size() == 1000, "all jobs ran");
    for (int n = 0; n < 1000; ++n) check(order[size_t(n)] == n, "in order");
    q.submit(
        [](void* context) {
          Job& j = *static_cast<Job*>(context);
          j.order->push_back(j.n);
        },
        &jobs[0]);
  }
  check(order.size() == 1001, "a queue finishes its jobs before it goes");
}

}  // namespace

int main() {
  for (int threads : {1, 2, 3, 8}) pool(threads);
  queue();
  return summary("threads");
}
