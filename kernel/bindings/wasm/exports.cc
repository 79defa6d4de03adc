// The engine as a WebAssembly module, called by src/runtime/wasm.ts. One engine per memory; only the thread that
// started it calls these functions. Addresses are offsets into the module's memory.
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "src/engine.h"

// The library's own version would pull in all of stdio to format its message.
void std::__libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
extern "C" void __cxa_pure_virtual() { __builtin_trap(); }

namespace {

using gradus::Status;

/// A loaded program and the addresses bound for the next run; entry 0 is the arena.
struct Handle {
  std::unique_ptr<gradus::Loaded> program;
  std::vector<char*> buffers;
};

gradus::Engine* engine = nullptr;
std::string message;
Status last = Status::ok;
bool ran_out = false;

}  // namespace

// There are no exceptions: the module stops, the current operation is lost, and src/runtime/wasm.ts asks for the
// reason.
void* operator new(size_t bytes) {
  if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
  ran_out = true;
  __builtin_trap();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

extern "C" {

/// Called first, on one thread.
__attribute__((export_name("start"))) void start() {
  if (!engine) engine = new gradus::Engine(1);
}

/// Whether the module stopped for lack of memory; reading it clears it.
__attribute__((export_name("ranOut"))) bool ask_ran_out() { return std::exchange(ran_out, false); }

__attribute__((export_name("threads"))) int threads() { return engine->threads(); }

/// Not while a program runs.
__attribute__((export_name("setThreads"))) void set_threads(int threads) { engine->set_threads(threads); }

/// 0 when memory is out.
__attribute__((export_name("allocate"))) void* allocate(size_t bytes) { return gradus::allocate(bytes); }

__attribute__((export_name("release"))) void release(void* block) { gradus::release(block); }

/// 0 when the program is refused or memory is out, with `reason`; `status` tells which.
__attribute__((export_name("load"))) Handle* load(const int32_t* words, size_t word_count, const double* constants,
                                                  size_t constant_count) {
  message.clear();
  std::unique_ptr<Handle> handle(new Handle);
  handle->program = engine->load({words, word_count, constants, constant_count}, message, &last);
  if (!handle->program) return nullptr;
  handle->buffers.resize(handle->program->slots.size() + 1);
  return handle.release();
}

/// Of the last load.
__attribute__((export_name("status"))) int32_t status() { return int32_t(last); }

__attribute__((export_name("unload"))) void unload(Handle* handle) { delete handle; }

/// Where the caller writes the addresses of the slots, from entry 1 on.
__attribute__((export_name("buffers"))) char** buffers(Handle* handle) { return handle->buffers.data(); }

/// Runs with the buffers as written and returns a Status. `nanoseconds`, if not 0, receives each instruction's time.
__attribute__((export_name("run"))) int32_t run(Handle* handle, double* nanoseconds) {
  return int32_t(engine->run(*handle->program, handle->buffers.data(), message, nanoseconds));
}

/// algorithm_of for an instruction.
__attribute__((export_name("algorithm"))) int32_t algorithm(Handle* handle, int32_t instruction) {
  return gradus::algorithm_of(handle->program->plans[size_t(instruction)]);
}

/// Why the last load or run failed, in UTF-8, null-terminated.
__attribute__((export_name("reason"))) const char* reason() { return message.c_str(); }

__attribute__((export_name("arenaBytes"))) double arena_bytes() { return double(engine->arena_bytes()); }

}  // extern "C"
