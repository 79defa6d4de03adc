#include "engine.h"

#include <chrono>
#include <cstdlib>

namespace gradus {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and the widest vector

int limited(int threads) { return threads < 1 ? 1 : threads > kMaxWorkers ? kMaxWorkers : threads; }

}  // namespace

Engine::Engine(int threads) : kernels_(kernels_for_this_machine()), pool_(new Pool(limited(threads))) {}

Engine::~Engine() {
  free_worker_memory();
  std::free(arena_block_);
}

void Engine::free_worker_memory() {
  for (char* memory : worker_memory_) std::free(memory);
  worker_memory_.clear();
  worker_bytes_ = 0;
}

void Engine::set_threads(int threads) {
  free_worker_memory();
  pool_.reset(new Pool(limited(threads)));
}

std::unique_ptr<Loaded> Engine::load(const Encoded& encoded, std::string& refusal) const {
  Program program;
  if (!decode(encoded, program, refusal) || !verify(program, refusal)) return nullptr;
  std::unique_ptr<Loaded> loaded(new Loaded);
  loaded->slots = program.slots;
  loaded->arena_bytes = program.arena_bytes;
  if (!plan_program(program, kernels_, loaded->constants, loaded->plans, loaded->worker_memory, refusal)) return nullptr;
  return loaded;
}

/// Memory for a run: grows to the largest program so far.
bool Engine::reserve(const Loaded& program) {
  if (program.arena_bytes > arena_bytes_) {
    std::free(arena_block_);
    arena_bytes_ = 0;
    // Zeroed: a program that reads what it has not written must not see what others left behind.
    arena_block_ = std::calloc(size_t(program.arena_bytes) + kAlignment, 1);
    if (!arena_block_) return false;
    arena_ = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(arena_block_) + kAlignment - 1) / kAlignment * kAlignment);
    arena_bytes_ = program.arena_bytes;
  }
  if (program.worker_memory > worker_bytes_ || worker_memory_.empty()) {
    free_worker_memory();
    const size_t bytes = (size_t(program.worker_memory) + kAlignment) / kAlignment * kAlignment;
    for (int w = 0; w < pool_->workers(); w++) {
      void* memory = nullptr;
      if (posix_memalign(&memory, kAlignment, bytes) != 0) return false;
      worker_memory_.push_back(static_cast<char*>(memory));
    }
    worker_bytes_ = int64_t(bytes);
  }
  return true;
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
                   const double* stamps) {
  if (!reserve(program)) {
    message = "out of memory: the program needs " + std::to_string(program.arena_bytes) + " bytes of scratch memory";
    return Status::out_of_memory;
  }
  buffers[0] = arena_;
  Frame frame{buffers, worker_memory_.data(), pool_.get(), 0, 0, stamps, &program.kept_bytes};
  for (size_t n = 0; n < program.plans.size(); n++) {
    const Plan& plan = program.plans[n];
    if (nanoseconds) nanoseconds[n] = 0;
    if (plan.nothing) continue;
    pool_->stay_alone(plan.alone);
    const auto start = nanoseconds ? std::chrono::steady_clock::now() : std::chrono::steady_clock::time_point{};
    const Status status = execute(plan, frame);
    if (nanoseconds) nanoseconds[n] = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    if (status == Status::ok) continue;
    const std::string where = "instruction " + std::to_string(n) + " (" + kind_name(plan.kind) + "): ";
    if (status == Status::index_out_of_range)
      message = where + "index " + std::to_string(frame.bad_index) + " at position " + std::to_string(frame.bad_position) +
                " is outside 0…" + std::to_string(std::get_if<IndexPlan>(&plan.of)->axis_size - 1);
    else
      message = where + "out of memory";
    return status;
  }
  return Status::ok;
}

}  // namespace gradus
