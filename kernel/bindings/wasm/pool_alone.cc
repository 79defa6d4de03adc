// The pool of a module without threads: run() does everything where it is called. Takes the place of
// src/threads.cc.
#include <cstdlib>

#include "threads.h"

namespace gradus {
namespace {

void* aligned(uint64_t bytes) {
  void* p = nullptr;
  return bytes < SIZE_MAX && posix_memalign(&p, 64, size_t(bytes)) == 0 ? p : nullptr;
}

}  // namespace

Pool::Pool(int) : shared_(nullptr), scratch_(new void*[1]()) { scratch(0); }

Pool::~Pool() {
  std::free(scratch_[0]);
  std::free(workspace_);
  delete[] scratch_;
}

void* Pool::scratch(int) {
  if (!scratch_[0]) scratch_[0] = aligned(kScratchBytes);
  if (!scratch_[0]) std::abort();  // a requirement of the engine, met at its start
  return scratch_[0];
}

void* Pool::workspace(uint64_t bytes) {
  if (bytes > workspace_bytes_) {
    std::free(workspace_);
    workspace_ = aligned(bytes);
    workspace_bytes_ = workspace_ ? bytes : 0;
  }
  return workspace_;
}

void Pool::run(int64_t count, void (*body)(void*, int64_t, int), void* context) {
  for (int64_t task = 0; task < count; task++) body(context, task, 0);
}

}  // namespace gradus
