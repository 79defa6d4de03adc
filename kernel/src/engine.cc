#include "engine.h"

#include <chrono>
#include <new>

namespace gradus {
namespace {

int limited(int threads) { return threads < 1 ? 1 : threads > kMaxWorkers ? kMaxWorkers : threads; }

/// Calls f(); reports out of memory if a C++ allocation fails. WebAssembly has no exceptions here: there the module
/// stops instead (bindings/wasm/exports.cc).
template <class F>
Status guarded(std::string& message, const F& f) {
#if defined(__cpp_exceptions)
  try {
    return f();
  } catch (const std::bad_alloc&) {
    message = kNoMemory;  // short enough to need no allocation
    return Status::out_of_memory;
  }
#else
  (void)message;
  return f();
#endif
}

std::string lacking(const std::string& what, uint64_t bytes) {
  return "out of memory: " + what + " needs " + std::to_string(bytes) + " bytes";
}

}  // namespace

int32_t algorithm_of(const Plan& plan) {
  const ConvPlan* conv = plan.nothing ? nullptr : std::get_if<ConvPlan>(&plan.of);
  if (!conv || conv->empty) return -1;
  return int32_t(conv->choice.algorithm) + (conv->choice.exchanged ? 256 : 0);
}

Engine::Engine(int threads) : kernels_(kernels_for_this_machine()), pool_(new Pool(limited(threads))) {}

Engine::~Engine() {
  free_worker_memory();
  release(arena_block_);
}

void Engine::free_worker_memory() {
  for (char*& memory : worker_memory_) release(memory), memory = nullptr;
  worker_bytes_ = 0;
}

void Engine::set_threads(int threads) {
  free_worker_memory();
  pool_.reset(new Pool(limited(threads)));
}

std::unique_ptr<Loaded> Engine::load(const Encoded& encoded, std::string& refusal, Status* status) const {
  std::unique_ptr<Loaded> loaded;
  const Status result = guarded(refusal, [&] {
    loaded.reset(new Loaded);
    return load(encoded, *loaded, refusal);
  });
  if (status) *status = result;
  if (result != Status::ok) loaded.reset();
  return loaded;
}

Status Engine::load(const Encoded& encoded, Loaded& loaded, std::string& refusal) const {
  Program program;
  if (!decode(encoded, program, refusal) || !verify(program, refusal)) return Status::refused;
  loaded.slots = program.slots;
  loaded.arena_bytes = program.arena_bytes;
  return plan_program(program, kernels_, loaded.constants, loaded.plans, loaded.worker_memory, refusal);
}

/// Memory for a run; grows to the size of the largest program so far.
Status Engine::reserve(const Loaded& program, std::string& message) {
  if (program.arena_bytes > arena_bytes_) {
    release(arena_block_);
    arena_ = nullptr;
    arena_bytes_ = 0;
    // Zeroed, so that a program that reads unwritten memory cannot see another program's data.
    arena_block_ = allocate_zeros(uint64_t(program.arena_bytes) + kAlignment);
    if (!arena_block_) {
      message = lacking("the program's scratch memory", uint64_t(program.arena_bytes));
      return Status::out_of_memory;
    }
    arena_ =
        reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(arena_block_) + kAlignment - 1) / kAlignment * kAlignment);
    arena_bytes_ = program.arena_bytes;
  }
  if (program.worker_memory > worker_bytes_ || !worker_memory_[0]) {
    free_worker_memory();
    const uint64_t bytes = (uint64_t(program.worker_memory) + kAlignment) / kAlignment * kAlignment;
    for (int w = 0; w < pool_->workers(); ++w)
      if (!(worker_memory_[w] = static_cast<char*>(allocate(bytes)))) {
        free_worker_memory();
        message = lacking("each of " + std::to_string(pool_->workers()) + " threads", bytes);
        return Status::out_of_memory;
      }
    worker_bytes_ = int64_t(bytes);
  }
  if (pool_->prepare()) return Status::ok;
  message = lacking("each of " + std::to_string(pool_->workers()) + " threads", pool_->missing());
  return Status::out_of_memory;
}

Status Engine::execute(const Plan& plan, Frame& frame) {
  switch (plan.kind) {
    case Kind::map: return kernels_.map(*std::get_if<MapPlan>(&plan.of), frame);
    case Kind::reduce: return kernels_.reduce(*std::get_if<ReducePlan>(&plan.of), frame);
    case Kind::matmul: return kernels_.matmul(*std::get_if<MatmulPlan>(&plan.of), frame);
    case Kind::conv: return kernels_.conv(*std::get_if<ConvPlan>(&plan.of), frame);
    case Kind::fold: return kernels_.fold(*std::get_if<FoldPlan>(&plan.of), frame);
    case Kind::gather: return kernels_.gather(*std::get_if<IndexPlan>(&plan.of), frame);
    case Kind::scatter_add: return kernels_.scatter_add(*std::get_if<IndexPlan>(&plan.of), frame);
    case Kind::cumsum: return kernels_.cumsum(*std::get_if<LinePlan>(&plan.of), frame);
    case Kind::argsort: return argsort(*std::get_if<LinePlan>(&plan.of), frame);
  }
  return Status::ok;
}

Status Engine::run(const Loaded& program, char** buffers, std::string& message, double* nanoseconds,
                   const double* versions) {
  return guarded(message, [&] { return run_all(program, buffers, message, nanoseconds, versions); });
}

Status Engine::run_all(const Loaded& program, char** buffers, std::string& message, double* nanoseconds,
                       const double* versions) {
  const Status reserved = reserve(program, message);
  if (reserved != Status::ok) return reserved;
  buffers[0] = arena_;
  Frame frame{buffers, worker_memory_, pool_.get(), 0, 0, versions, &program.packed_bytes};
  for (size_t n = 0; n < program.plans.size(); ++n) {
    const Plan& plan = program.plans[n];
    if (nanoseconds) nanoseconds[n] = 0;
    if (plan.nothing) continue;
    pool_->stay_alone(plan.alone);
    const auto start = nanoseconds ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point{};
    const Status status = execute(plan, frame);
    if (nanoseconds)
      nanoseconds[n] = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    if (status == Status::ok && !pool_->interrupted()) continue;
    const std::string where = "instruction " + std::to_string(n) + " (" + kind_name(plan.kind) + "): ";
    if (status == Status::index_out_of_range)
      message = where + "index " + std::to_string(frame.bad_index) + " at position " +
                std::to_string(frame.bad_position) + " is outside 0…" +
                std::to_string(std::get_if<IndexPlan>(&plan.of)->axis_size - 1);
    else if (status == Status::out_of_memory) message = where + lacking("it", pool_->missing());
    else message = where + "interrupted";
    return status == Status::ok ? Status::interrupted : status;
  }
  return Status::ok;
}

}  // namespace gradus
