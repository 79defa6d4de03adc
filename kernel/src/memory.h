// All memory of the engine but small objects: asked for in one place, where it may be refused.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gradus {

/// A cache line, and the widest vector.
constexpr size_t kAlignment = 64;
/// Pages that reach further than 4 KB ones in the processor's tables of addresses.
constexpr size_t kLargePage = size_t{2} << 20;
/// Asks the system, which may not have them, for large pages: both arguments are multiples of one.
void use_large_pages(void* from, size_t bytes);

/// Aligned memory; nullptr where there is none. 64 bits also where addresses have 32: what is too large
/// must not wrap round.
void* allocate(uint64_t bytes);
/// The same in large pages, if it is large. For what kernels pack: panels of 4 KB pages miss the TLB, and
/// crowd into some sets of L2 while others stay empty, as chance gave out the pages.
void* allocate_for_panels(uint64_t bytes);
/// Zeros, which take no memory until they are written; not aligned.
void* allocate_zeros(uint64_t bytes);
/// Of all three; nullptr is nothing.
void release(void* memory);

}  // namespace gradus
