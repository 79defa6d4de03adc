// The packed-weight cache: operands in the form that kernels compute with, kept while they do not change.
#pragma once
#include <cstdint>

namespace gradus {

/// Packed panels or transformed filters of one operand, cached until it changes. The contents have a version: a number
/// that identifies them, or 0 when nothing is known. Defined in packed_cache.cc, because kernels of several instruction
/// sets call it.
class PackedCache {
 public:
  PackedCache() = default;
  PackedCache(PackedCache&& other) noexcept;
  ~PackedCache();

  /// Before a run: whether the contents still have the version of the previous run, so that packing pays. Otherwise
  /// drops what was packed. `total` counts the bytes held by all caches of a program.
  bool holds(double version, int64_t& total);

  struct Room {
    void* memory;  // 64-byte aligned; nullptr when memory is out
    bool filled;   // holds what the last caller packed; otherwise this one fills it
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
