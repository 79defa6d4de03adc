#include "packed_cache.h"

#include <utility>

#include "memory.h"

namespace gradus {
namespace {

/// The limit per program. It fits the layers of large networks, where packing pays most when few rows use the weights,
/// but not the widest layers of networks that nearly fill memory.
constexpr uint64_t kMostBytes = uint64_t{256} << 20;

}  // namespace

PackedCache::PackedCache(PackedCache&& other) noexcept
    : version_(other.version_), memory_(std::exchange(other.memory_, nullptr)), bytes_(std::exchange(other.bytes_, 0)),
      total_(other.total_) {}

PackedCache::~PackedCache() { gradus::release(memory_); }

void PackedCache::release() {
  gradus::release(memory_);
  if (memory_) *total_ -= int64_t(bytes_);
  memory_ = nullptr;
  bytes_ = 0;
}

bool PackedCache::holds(double version, int64_t& total) {
  if (version != 0 && version == version_) return true;
  release();
  version_ = version;
  total_ = &total;
  return false;
}

PackedCache::Room PackedCache::room(uint64_t bytes) {
  if (memory_ && bytes == bytes_) return {memory_, true};
  release();
  const uint64_t held = uint64_t(*total_);
  if (bytes > kMostBytes - held || !(memory_ = allocate(bytes))) return {nullptr, false};
  bytes_ = bytes;
  *total_ += int64_t(bytes);
  return {memory_, false};
}

}  // namespace gradus
