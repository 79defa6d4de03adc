// What kernels keep of operands from run to run.
#pragma once
#include <cstdint>

namespace gradus {

/// Memory for what a kernel makes of an operand before it computes (packed panels, transformed filters),
/// kept while the operand's contents stay the same. Contents have a stamp: a number that no others have,
/// or 0 when nothing is known of them. Defined in packed_cache.cc, as all that kernels of several instruction
/// sets call.
class Keeper {
 public:
  Keeper() = default;
  Keeper(Keeper&& other) noexcept;
  ~Keeper();

  /// Before a run: whether the contents are those of the run before, and so may be there for more. Else
  /// gives up what was made of others. `total` counts the bytes that all keepers of a program hold.
  bool stays(double stamp, int64_t& total);

  struct Room {
    void* memory;  // 64-byte aligned; nullptr when there is none to be had
    bool filled;   // with what the last caller left there; else this one fills it
  };
  Room room(uint64_t bytes);

 private:
  void release();

  double stamp_ = 0;
  void* memory_ = nullptr;
  uint64_t bytes_ = 0;
  int64_t* total_ = nullptr;
};

}  // namespace gradus
