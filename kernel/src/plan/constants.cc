// Blocks of equal values. Most programs use the same few constants, and a block outweighs everything else in a small
// program, so all programs of the process share them.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "plan.h"
#include "src/memory.h"

namespace gradus {
namespace {

// More than any sensible program needs; the limit is some ten thousand distinct constants.
constexpr size_t kMostConstantBytes = size_t{256} << 20;

/// The header in front of the values of a block.
struct alignas(kAlignment) Block {
  DType dtype;
  uint64_t bits;
  int64_t count, users;
  Block *before, *after;

  void* values() { return this + 1; }
};

Block* blocks = nullptr;  // never destroyed: programs may outlive static destructors
std::atomic_flag taken = ATOMIC_FLAG_INIT;

/// JavaScript environments of one process load and free programs on threads of their own; the lock is held briefly.
struct Lock {
  Lock() {
    while (taken.test_and_set(std::memory_order_acquire)) {}
  }
  ~Lock() { taken.clear(std::memory_order_release); }
};

void fill(void* data, DType dtype, double value, int64_t count) {
  // A value that its dtype cannot hold is stored as a cast would: saturated, NaN as 0.
  const double limited = std::isnan(value) ? 0 : std::min(2147483647.0, std::max(-2147483648.0, value));
  switch (dtype) {
    case DType::f32: std::fill_n(static_cast<float*>(data), count, float(value)); break;
    case DType::f64: std::fill_n(static_cast<double*>(data), count, value); break;
    case DType::i32: std::fill_n(static_cast<int32_t*>(data), count, int32_t(limited)); break;
    case DType::b8: std::fill_n(static_cast<uint8_t*>(data), count, uint8_t(value != 0)); break;
  }
}

/// A block to be released by the caller; nullptr when memory is out.
const void* take(DType dtype, double value, uint64_t bits, int64_t count) {
  const Lock lock;
  for (Block* b = blocks; b; b = b->after)
    if (b->dtype == dtype && b->bits == bits && b->count >= count) return b->users++, b->values();
  Block* b = static_cast<Block*>(allocate(sizeof(Block) + uint64_t(count) * byte_size(dtype)));
  if (!b) return nullptr;
  *b = {dtype, bits, count, 1, nullptr, blocks};
  fill(b->values(), dtype, value, count);
  if (blocks) blocks->before = b;
  return (blocks = b)->values();
}

void give_back(const void* values) {
  const Lock lock;
  Block* b = static_cast<Block*>(const_cast<void*>(values)) - 1;
  if (--b->users > 0) return;
  (b->before ? b->before->after : blocks) = b->after;
  if (b->after) b->after->before = b->before;
  release(b);
}

}  // namespace

ConstantPool::~ConstantPool() {
  for (const Entry& e : entries_)
    if (e.data) give_back(e.data);
}

const void* ConstantPool::block(DType dtype, double value, int64_t count) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, 8);
  for (const Entry& e : entries_)
    if (e.dtype == dtype && e.bits == bits && e.count >= count) return e.data;
  bytes_ += size_t(count) * byte_size(dtype);
  if (bytes_ > kMostConstantBytes) return nullptr;
  entries_.push_back({dtype, bits, 0, nullptr});  // first, so that the block is not lost if this fails
  Entry& entry = entries_.back();
  entry.data = take(dtype, value, bits, count);
  if (entry.data) entry.count = count;
  return entry.data;
}

}  // namespace gradus
