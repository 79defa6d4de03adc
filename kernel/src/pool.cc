// The memory of a pool, the same for native threads and WebAssembly workers.
#include "threads.h"

namespace gradus {

bool Pool::prepare() {
  missing_ = kScratchBytes;
  for (int w = 0; w < workers_; ++w)
    if (!scratch_[w] && !(scratch_[w] = allocate_for_panels(kScratchBytes))) return false;
  return true;
}

void* Pool::workspace(uint64_t bytes) {
  if (bytes > workspace_bytes_) {
    release(workspace_);
    workspace_ = allocate_for_panels(bytes);
    workspace_bytes_ = workspace_ ? bytes : 0;
    missing_ = bytes;
  }
  return workspace_;
}

void Pool::free_memory() {
  for (void*& memory : scratch_) release(memory), memory = nullptr;
  release(workspace_);
  workspace_ = nullptr;
  workspace_bytes_ = 0;
}

}  // namespace gradus
