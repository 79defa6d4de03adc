// All allocations of the engine except small objects, in one place, so that any of them may fail cleanly.
#pragma once
#include <cstddef>
#include <cstdint>

namespace gradus {

/// A cache line, and the size of the widest vector.
constexpr size_t kAlignment = 64;
/// Huge pages: one TLB entry covers more than 4 KB.
constexpr size_t kLargePage = size_t{2} << 20;
/// Asks the system for huge pages, which it may refuse. Both arguments are multiples of one.
void use_large_pages(void* from, size_t bytes);

/// Aligned memory; nullptr when memory is out. The size has 64 bits even where addresses have 32, so that a size that
/// is too large cannot wrap around.
void* allocate(uint64_t bytes);
/// The same, in huge pages if the size is large. For packed panels: in 4 KB pages these miss the TLB and, depending on
/// which physical pages they get, crowd some sets of L2 and leave others empty.
void* allocate_for_panels(uint64_t bytes);
/// Zeroed memory, which costs nothing until it is written; not aligned.
void* allocate_zeros(uint64_t bytes);
/// Frees memory of all three kinds; nullptr is ignored.
void release(void* memory);

}  // namespace gradus
