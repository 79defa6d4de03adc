// Shared by the addon's calls: programs and environments as JavaScript holds them, arguments, errors.
#pragma once
#include <node_api.h>

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "src/engine.h"

namespace gradus::node {

using gradus::DType;
using gradus::Status;

// Codes that src/runtime/native.ts turns into error classes.
constexpr const char* kRefused = "GRADUS_REFUSED";
constexpr const char* kData = "GRADUS_DATA";
constexpr const char* kMemory = "GRADUS_MEMORY";
constexpr const char* kArgument = "GRADUS_ARGUMENT";

/// A loaded program as JavaScript holds it.
struct Handle {
  static constexpr uint64_t kMagic = 0x6772616475732031;
  uint64_t magic = kMagic;
  std::shared_ptr<gradus::Loaded> program;  // null after unload
  std::vector<char*> buffers;               // of synchronous runs: the arena, then each slot's bound buffer
  const double* versions = nullptr;         // of the slots' contents in the next run, if the caller provides them
  int64_t bytes = 0;                        // as reported to the garbage collector
};

/// Watched objects, one bit each.
constexpr uint32_t kWatched = 32;

/// One environment's engine.
struct Addon {
  std::unique_ptr<gradus::Engine> engine;
  std::unique_ptr<gradus::Queue> queue;
  napi_ref watched[kWatched] = {};
  napi_threadsafe_function done = nullptr;
  int pending = 0;  // asynchronous runs with a pending promise; main thread only
  std::atomic<bool> closing{false};
};

/// An asynchronous run, from call to settled promise.
struct Job {
  Addon* addon;
  Handle* handle;
  std::shared_ptr<gradus::Loaded> program;  // also if the handle is unloaded meanwhile
  std::vector<char*> buffers;
  std::vector<double> versions;
  napi_ref keep_alive;  // [handle, owners, slots]
  napi_deferred deferred;
  Status status = Status::ok;
  std::string message;
  int64_t memory = 0;  // of the program, after the run
};

inline const char* code_of(Status status) { return status == Status::index_out_of_range ? kData : kMemory; }

inline napi_value fail(napi_env env, const char* code, const std::string& message) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, code, message.c_str());
  return nullptr;
}

inline Addon& addon_of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Addon*>(data);
}

inline napi_value undefined(napi_env env) {
  napi_value value;
  napi_get_undefined(env, &value);
  return value;
}

inline Handle* handle_of(napi_env env, napi_value value) {
  napi_valuetype type;
  void* data = nullptr;
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_external ||
      napi_get_value_external(env, value, &data) != napi_ok || static_cast<Handle*>(data)->magic != Handle::kMagic) {
    fail(env, kArgument, "this is not a loaded program");
    return nullptr;
  }
  if (!static_cast<Handle*>(data)->program) {
    fail(env, kArgument, "the program was unloaded");
    return nullptr;
  }
  return static_cast<Handle*>(data);
}

inline bool holds(napi_typedarray_type type, DType dtype) {
  switch (dtype) {
    case DType::f32: return type == napi_float32_array;
    case DType::f64: return type == napi_float64_array;
    case DType::i32: return type == napi_int32_array;
    case DType::b8: return type == napi_uint8_array;
  }
  return false;
}

/// The address of the array for slot i, after checking its type and length.
inline bool read_slot(napi_env env, const gradus::Slot& slot, uint32_t i, napi_value array, char*& address) {
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (napi_get_typedarray_info(env, array, &type, &length, &data, nullptr, nullptr) != napi_ok ||
      !holds(type, slot.dtype)) {
    fail(env, kArgument, "slot " + std::to_string(i) + " is not an array of " + gradus::dtype_name(slot.dtype));
    return false;
  }
  if (length < size_t(slot.size)) {
    fail(env, kArgument,
         "slot " + std::to_string(i) + " has " + std::to_string(length) + " elements, the program needs " +
             std::to_string(slot.size));
    return false;
  }
  address = static_cast<char*>(data);
  return true;
}

/// The addresses of all slots.
inline bool read_slots(napi_env env, const gradus::Loaded& program, napi_value list, std::vector<char*>& buffers) {
  uint32_t count = 0;
  if (napi_get_array_length(env, list, &count) != napi_ok || count != program.slots.size()) {
    fail(env, kArgument,
         std::to_string(count) + " buffers for a program of " + std::to_string(program.slots.size()) + " slots");
    return false;
  }
  buffers.resize(count + 1);
  for (uint32_t i = 0; i < count; ++i) {
    napi_value item = nullptr;
    napi_get_element(env, list, i, &item);
    if (!read_slot(env, program.slots[i], i, item, buffers[i + 1])) return false;
  }
  return true;
}

/// The memory of a program beside its buffers.
inline int64_t memory_of(const gradus::Loaded& program) {
  return int64_t(program.plans.size() * sizeof(gradus::Plan)) + int64_t(program.constants.bytes()) +
         program.packed_bytes;
}

/// Reports this memory to the garbage collector: a run may add packed operands or drop them.
inline void report_memory(napi_env env, Handle& handle, int64_t bytes) {
  int64_t total;
  if (bytes != handle.bytes) napi_adjust_external_memory(env, bytes - handle.bytes, &total);
  handle.bytes = bytes;
}

}  // namespace gradus::node
