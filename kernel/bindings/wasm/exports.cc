// The engine as a WebAssembly module: what src/runtime/wasm.ts calls. One engine per memory; only the
// thread that started it calls what stands here. Addresses are offsets into the module's memory.
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "engine.h"

// The library's own would format their message with all of stdio.
void std::__libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
extern "C" void __cxa_pure_virtual() { __builtin_trap(); }

namespace {

using gradus::Status;

constexpr size_t kAlignment = 64;  // a cache line
/// More scratch memory than 32-bit addresses leave room for.
constexpr int64_t kMaxArena = (int64_t{1} << 32) - (int64_t{1} << 24);

/// A loaded program and the addresses that the next run binds; entry 0 is the arena's.
struct Handle {
  std::unique_ptr<gradus::Loaded> program;
  std::vector<char*> buffers;
};

gradus::Engine* engine = nullptr;
std::string message;

}  // namespace

extern "C" {

/// Before anything else, on one thread; false when memory is short.
__attribute__((export_name("start"))) bool start() {
  if (!engine) engine = new (std::nothrow) gradus::Engine(1);
  return engine != nullptr;
}

__attribute__((export_name("threads"))) int threads() { return engine->threads(); }

/// Not while a program runs.
__attribute__((export_name("setThreads"))) void set_threads(int threads) { engine->set_threads(threads); }

/// 0 when memory is out.
__attribute__((export_name("allocate"))) void* allocate(size_t bytes) {
  void* block = nullptr;
  return posix_memalign(&block, kAlignment, bytes ? bytes : 1) == 0 ? block : nullptr;
}

__attribute__((export_name("release"))) void release(void* block) { std::free(block); }

/// 0 when the program is refused; `reason` says why.
__attribute__((export_name("load"))) Handle* load(const int32_t* words, size_t word_count, const double* constants,
                                                  size_t constant_count) {
  message.clear();
  auto program = engine->load({words, word_count, constants, constant_count}, message);
  if (!program) return nullptr;
  Handle* handle = new Handle;
  handle->buffers.resize(program->slots.size() + 1);
  handle->program = std::move(program);
  return handle;
}

__attribute__((export_name("unload"))) void unload(Handle* handle) { delete handle; }

/// Where the caller writes the addresses of the slots, from entry 1 on.
__attribute__((export_name("buffers"))) char** buffers(Handle* handle) { return handle->buffers.data(); }

/// Runs with the buffers as written; a Status. `nanoseconds`, if not 0, receives each instruction's time.
__attribute__((export_name("run"))) int32_t run(Handle* handle, double* nanoseconds) {
  if (handle->program->arena_bytes > kMaxArena) {
    message = "the program needs " + std::to_string(handle->program->arena_bytes) + " bytes of scratch memory";
    return int32_t(Status::out_of_memory);
  }
  return int32_t(engine->run(*handle->program, handle->buffers.data(), message, nanoseconds));
}

/// Why the last load or run failed, in UTF-8 with a final 0.
__attribute__((export_name("reason"))) const char* reason() { return message.c_str(); }

__attribute__((export_name("arenaBytes"))) double arena_bytes() { return double(engine->arena_bytes()); }

}  // extern "C"
