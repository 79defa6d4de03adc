#include "memory.h"

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace gradus {
namespace {

void* aligned(uint64_t bytes, size_t alignment) {
  void* p = nullptr;
  if (bytes > SIZE_MAX - alignment) return nullptr;
  return posix_memalign(&p, alignment, size_t(bytes > 0 ? bytes : 1)) == 0 ? p : nullptr;
}

}  // namespace

void use_large_pages(void* from, size_t bytes) {
#if defined(MADV_HUGEPAGE)
  madvise(from, bytes, MADV_HUGEPAGE);
#else
  (void)from, (void)bytes;
#endif
}

void* allocate(uint64_t bytes) { return aligned(bytes, kAlignment); }

void* allocate_for_panels(uint64_t bytes) {
#if defined(MADV_HUGEPAGE)
  if (bytes >= kLargePage / 2 && bytes <= SIZE_MAX - kLargePage) {
    const size_t whole = (size_t(bytes) + kLargePage - 1) / kLargePage * kLargePage;
    void* p = aligned(whole, kLargePage);
    if (p) use_large_pages(p, whole);
    return p;
  }
#endif
  return aligned(bytes, kAlignment);
}

void* allocate_zeros(uint64_t bytes) { return bytes > SIZE_MAX ? nullptr : std::calloc(size_t(bytes), 1); }

void release(void* memory) { std::free(memory); }

}  // namespace gradus
