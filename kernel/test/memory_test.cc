// Out of memory: the n-th allocation of loading and running a program fails, for every n, alone or with all later ones.
// The caller gets an error that says so, and afterwards the same engine works.
#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "encode.h"
#include "generate.h"
#include "refusing_memory.h"
#include "src/engine.h"

using namespace gradus;

namespace {

using Buffers = std::vector<std::vector<char>>;

void refuse(int64_t from, int64_t to) {
  allocations = 0;
  refused_from = from;
  refused_to = to;
}
void refuse_nothing() { refuse(INT64_MAX, INT64_MAX); }

/// Loads and runs twice: the second run packs operands. Allocations from … to − 1 fail.
struct Try {
  Status status = Status::ok;
  std::string message;
  Buffers buffers;
};

Try attempt(Engine& engine, const Program& program, const Words& words, const Buffers& inputs, int64_t from = INT64_MAX,
            int64_t to = INT64_MAX) {
  Try t;
  t.buffers = inputs;
  std::vector<char*> addresses(1, nullptr);
  for (auto& b : t.buffers) addresses.push_back(b.data());
  std::vector<double> versions(program.slots.size());
  for (size_t s = 0; s < versions.size(); ++s) versions[s] = program.slots[s].output ? 0 : double(s + 1);
  refuse(from, to);
  const auto loaded = engine.load(words.encoded(), t.message, &t.status);
  for (int run = 0; run < 2 && t.status == Status::ok; ++run)
    t.status = engine.run(*loaded, addresses.data(), t.message, nullptr, versions.data());
  const int64_t asked = allocations;
  refuse_nothing();
  allocations = asked;
  return t;
}

void fail_each(Kind kind, uint64_t seed, bool all_later) {
  Generator generator(seed);
  const Program program = generator.program(kind);
  const Words words = encode(program);
  Buffers inputs;
  for (const Slot& s : program.slots) {
    inputs.emplace_back(size_t(s.size) * byte_size(s.dtype), 0);
    if (!s.output && s.dtype == DType::f32)
      for (size_t at = 0; at < inputs.back().size(); at += 4) {
        const float x = float(generator.random.between(-8, 8)) / 2;
        std::memcpy(&inputs.back()[at], &x, 4);
      }
  }
  const std::string name = std::string(kind_name(kind)) + ", seed " + std::to_string(seed);
  Engine whole(2);
  const Try right = attempt(whole, program, words, inputs);
  if (!check(right.status == Status::ok, name + ": " + right.message)) return;
  // Optional allocations (packed operands) may fail without an error: the loop ends at the first number that is never
  // reached.
  for (int64_t n = 0, asked = 1; n < asked; ++n) {
    Engine engine(2);
    const Try tried = attempt(engine, program, words, inputs, n, all_later ? INT64_MAX : n + 1);
    asked = std::max(asked, tried.status == Status::ok ? allocations.load() : n + 2);
    if (tried.status == Status::ok) {
      check(tried.buffers == right.buffers, name + ": other results without what was refused");
    } else {
      check(tried.status == Status::out_of_memory, name + ": status " + std::to_string(int(tried.status)));
      check(tried.message.find("out of memory") != std::string::npos, name + ": \"" + tried.message + "\"");
    }
    const Try again = attempt(engine, program, words, inputs);
    check(again.status == Status::ok && again.buffers == right.buffers,
          name + ": not right again after allocation " + std::to_string(n));
  }
}

/// An engine that cannot be created, and threads that cannot be started.
void engines() {
  Generator generator(3);
  const Program program = generator.program(Kind::matmul);
  Buffers inputs;
  for (const Slot& s : program.slots) inputs.emplace_back(size_t(s.size) * byte_size(s.dtype), 0);
  int64_t refusals = 0;
  Engine engine(1);
  for (int64_t n = 0; n < 4; ++n)
    for (bool make : {false, true}) {
      refuse(n, INT64_MAX);
      try {
        if (make) Engine other(2);
        else engine.set_threads(2 + int(n));
      } catch (const std::bad_alloc&) {
        ++refusals;
      }
      refuse_nothing();
      check(attempt(engine, program, encode(program), inputs).status == Status::ok, "an engine runs after a refusal");
    }
  check(refusals >= 2, std::to_string(refusals) + " refusals");
}

/// Threads that the system refuses are done without.
void fewer_threads() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  rlimit old, little;
  getrlimit(RLIMIT_AS, &old);
  little = old;
  little.rlim_cur = rlim_t{256} << 20;  // 8 MiB of stack for each thread
  setrlimit(RLIMIT_AS, &little);
  Engine engine(kMaxWorkers);
  setrlimit(RLIMIT_AS, &old);
  check(engine.threads() >= 1 && engine.threads() < kMaxWorkers,
        std::to_string(engine.threads()) + " threads in 256 MiB");
  Generator generator(5);
  const Program program = generator.program(Kind::map);
  Buffers inputs;
  for (const Slot& s : program.slots) inputs.emplace_back(size_t(s.size) * byte_size(s.dtype), 0);
  check(attempt(engine, program, encode(program), inputs).status == Status::ok, "fewer threads run");
#endif
}

/// A request beyond the address space reports its size.
void sizes() {
  Program p;
  p.slots = {{false, DType::f32, 4, -1}, {true, DType::f32, 4, -1}};
  p.arena_bytes = int64_t{1} << 36;
  Instruction i;
  i.kind = Kind::map;
  i.shape = {4};
  const Expression same = {{{ValueKind::input, DType::f32, 0, 0, 0, {}}}, {0}};
  i.fused = {{{1, DType::f32, 0, {1}}}, {{2, DType::f32, 0, {1}}}, same};
  p.instructions = {i};
  Engine engine(1);
  most_bytes = uint64_t{1} << 30;
  const Try t = attempt(engine, p, encode(p), {std::vector<char>(16), std::vector<char>(16)});
  most_bytes = UINT64_MAX;
  check(t.status == Status::out_of_memory && t.message.find("68719476736") != std::string::npos, t.message);
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t rounds = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 4;
  engines();
  fewer_threads();
  sizes();
  for (int kind = 0; kind < kKinds; ++kind)
    for (uint64_t seed = 0; seed < rounds; ++seed)
      for (bool all_later : {false, true}) fail_each(Kind(kind), seed * 9 + uint64_t(kind), all_later);
  return summary("memory");
}
