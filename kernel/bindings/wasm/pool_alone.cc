// The pool of a module without threads: run() does everything on the calling thread. Replaces src/threads.cc.
#include "src/threads.h"

namespace gradus {

Pool::Pool(int) : shared_(nullptr) {}

Pool::~Pool() { free_memory(); }

void Pool::run(int64_t count, void (*body)(void*, int64_t, int), void* context) {
  for (int64_t task = 0; task < count; ++task) body(context, task, 0);
}

}  // namespace gradus
