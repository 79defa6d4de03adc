// The packed-weight cache: what kernels make of operands that stay the same from run to run.
#pragma once
#include <cstdint>

namespace gradus {

/// Memory for what a kernel makes of an operand before it computes (packed panels, transformed filters),
/// cached until the operand changes. Its contents have a version: a number that no other contents have, or 0
/// when nothing is known of them. Defined in packed_cache.cc, as kernels of several instruction sets call it.
class PackedCache {
 public:
  PackedCache() = default;
  PackedCache(PackedCache&& other) noexcept;
  ~PackedCache();

  /// Before a run: whether the contents have the version of the run before, and may be packed for more runs.
  /// Else drops what was packed. `total` counts the bytes that all caches of a program hold.
  bool holds(double version, int64_t& total);

  struct Room {
    void* memory;  // 64-byte aligned; nullptr when there is none to be had
    bool filled;   // with what the last caller left there; else this one fills it
  };
  Room room(uint64_t bytes);

 private:
  void release();

  double version_ = 0;
  void* memory_ = nullptr;
  uint64_t bytes_ = 0;
  int64_t* total_ = nullptr;
};

}  // namespace gradus
