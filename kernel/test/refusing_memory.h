// Replaces src/memory.cc and C++'s own allocation functions in a test: memory has a limit, and the n-th allocation
// fails.
#pragma once
#include <atomic>
#include <cstdlib>
#include <new>

#include "src/memory.h"

namespace gradus {

inline std::atomic<int64_t> allocations{0};           // since it was last set
inline std::atomic<int64_t> refused_from{INT64_MAX};  // the first that fails
inline std::atomic<int64_t> refused_to{INT64_MAX};    // the first one after that which succeeds again
inline std::atomic<uint64_t> most_bytes{UINT64_MAX};  // of one allocation

inline bool refuses(uint64_t bytes) {
  const int64_t n = allocations++;
  return (n >= refused_from && n < refused_to) || bytes > most_bytes;
}

void use_large_pages(void*, size_t) {}

void* allocate(uint64_t bytes) {
  void* p = nullptr;
  return refuses(bytes) || posix_memalign(&p, kAlignment, size_t(bytes > 0 ? bytes : 1)) != 0 ? nullptr : p;
}
void* allocate_for_panels(uint64_t bytes) { return allocate(bytes); }
void* allocate_zeros(uint64_t bytes) { return refuses(bytes) ? nullptr : std::calloc(size_t(bytes), 1); }
void release(void* memory) { std::free(memory); }

}  // namespace gradus

// Not inline: GCC 12 mistakes inlined malloc and free for a mismatched pair.
__attribute__((noinline)) void* operator new(size_t bytes) {
  void* p = gradus::refuses(0) ? nullptr : std::malloc(bytes ? bytes : 1);
  if (!p) throw std::bad_alloc();
  return p;
}
// What std::stable_sort asks for; the C++ library's own would not match the delete below under AddressSanitizer.
__attribute__((noinline)) void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return gradus::refuses(0) ? nullptr : std::malloc(bytes ? bytes : 1);
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, size_t) noexcept { std::free(memory); }
