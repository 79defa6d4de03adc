// Programs with extreme numbers: sizes, strides, paddings, dilations and windows up to the ends of 32 bits, over little
// memory, because large axes read the same elements again and again. They are refused, or run within their buffers
// (`make sanitize`), end soon after an interruption, and give the right results where those can be computed.
//   extremes_test [programs] [first seed]
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>

#include "encode.h"
#include "generate.h"
#include "naive.h"
#include "refusing_memory.h"
#include "src/engine.h"

using namespace gradus;

namespace {

/// The memory that a program may use here; larger requests are refused as if memory were out.
constexpr uint64_t kMostBytes = uint64_t{256} << 20;
/// The most elements of a view in memory and of a result, and the most steps of the naive evaluation.
constexpr int64_t kMostReach = 1 << 14, kMostResult = 1 << 15, kMostNaive = 1 << 17;
/// A run is interrupted after this much processor time; then it has this long to end.
constexpr double kPatience = 0.05;
constexpr int kGrace = 30;

int64_t extreme(Random& random) {
  const int64_t power = int64_t{1} << random.below(31);
  switch (random.below(8)) {
    case 0: return random.below(4);
    case 1: return power - 1;
    case 2: return power + 1;
    case 3: return INT32_MAX - random.below(3);
    case 4: return (int64_t{1} << 30) + random.between(-2, 2);
    case 5: return (int64_t{1} << random.between(8, 24)) * random.between(1, 7);
    case 6: return random.between(1, 64);
    default: return power;
  }
}

/// A view with the shape over which it is read or written.
struct Use {
  View* view;
  Shape shape;
  bool written;
};

std::vector<Use> uses(Instruction& i) {
  std::vector<Use> list;
  const auto add = [&](std::vector<View>& views, const Shape& shape, bool written) {
    for (View& v : views) list.push_back({&v, shape, written});
  };
  const auto joined = [](Shape a, const Shape& b) { return a.insert(a.end(), b.begin(), b.end()), a; };
  Shape result = i.shape, moved = i.shape;
  if (i.kind == Kind::reduce) result.resize(size_t(i.kept)), add(i.inputs, i.shape, false);
  add(i.fused.inputs, result, false);
  add(i.fused.outputs, result, true);
  if (i.kind == Kind::gather || i.kind == Kind::scatter_add) moved[size_t(i.axis)] = i.axis_size;
  switch (i.kind) {
    case Kind::matmul: {
      Shape a = i.shape, b = i.shape;
      a[a.size() - 1] = b[b.size() - 2] = i.k;
      list.push_back({&i.operands[0], a, false}), list.push_back({&i.operands[1], b, false});
      break;
    }
    case Kind::conv:
      list.push_back({&i.operands[0], joined({i.shape[0], i.shape[1], i.channels}, i.input_size), false});
      list.push_back({&i.operands[1], joined({i.shape[1], i.shape[2], i.channels}, i.kernel_size), false});
      break;
    case Kind::fold: {
      const Shape lead(i.shape.begin(), i.shape.end() - int64_t(i.window_size.size()));
      list.push_back({&i.operands[0], joined(joined(lead, i.positions), i.window_size), false});
      break;
    }
    case Kind::gather:
      list.push_back({&i.operands[0], moved, false}), list.push_back({&i.operands[1], i.shape, false});
      break;
    case Kind::scatter_add: add(i.operands, i.shape, false); break;
    case Kind::cumsum:
    case Kind::argsort: add(i.operands, i.shape, false); break;
    default: break;
  }
  add(i.outputs, i.kind == Kind::scatter_add ? moved : i.shape, true);
  return list;
}

/// Makes some numbers of an instruction extreme.
void stretch(Instruction& i, Random& random) {
  std::vector<int64_t*> numbers;
  const auto offer = [&](std::vector<int64_t>& list) {
    for (int64_t& x : list) numbers.push_back(&x);
  };
  switch (i.kind) {
    case Kind::reduce:
      for (size_t a = size_t(i.kept); a < i.shape.size(); a++) numbers.push_back(&i.shape[a]);
      break;
    case Kind::matmul: numbers.push_back(&i.k); break;
    case Kind::conv:
      numbers.push_back(&i.channels);
      for (auto* list : {&i.input_size, &i.kernel_size, &i.stride, &i.pad_low, &i.input_dilation, &i.kernel_dilation})
        offer(*list);
      break;
    case Kind::fold:
      for (auto* list : {&i.positions, &i.window_size, &i.stride, &i.dilation}) offer(*list);
      break;
    case Kind::gather: numbers.push_back(&i.axis_size); break;
    default: break;
  }
  if (random.one_in(4) && i.kind != Kind::scatter_add) offer(i.shape);
  for (int64_t n = numbers.empty() ? 0 : random.between(1, 4); n > 0; n--)
    *numbers[size_t(random.below(int64_t(numbers.size())))] = extreme(random);
  for (int64_t& pad : i.pad_low)
    if (random.one_in(4)) pad = random.one_in(2) ? -extreme(random) : extreme(random);
}

/// Lays views out again over little memory: large axes of inputs get stride 0; axes of one element get any stride.
void lay_out(Program& p, Random& random) {
  for (Use& use : uses(p.instructions[0])) {
    View& v = *use.view;
    int64_t low = 0, high = 0;
    for (size_t a = 0; a < use.shape.size(); a++) {
      if (use.shape[a] <= 1) {
        if (random.one_in(3)) v.strides[a] = random.one_in(2) ? extreme(random) : -extreme(random);
        continue;
      }
      if (!use.written && (use.shape[a] - 1) * std::abs(v.strides[a]) > kMostReach / 2) v.strides[a] = 0;
      const int64_t reach = (use.shape[a] - 1) * v.strides[a];
      (reach < 0 ? low : high) += reach;
    }
    v.offset = std::min<int64_t>(-low, INT32_MAX);
    p.slots[size_t(v.buffer - 1)].size = std::min<int64_t>(high - low + 1, INT32_MAX);
  }
  for (Slot& s : p.slots) s.may_alias = -1;
}

/// Interrupts an engine that takes too long.
class Watch {
 public:
  explicit Watch(Engine& engine)
      : thread_([this, &engine] {
          std::unique_lock<std::mutex> lock(mutex_);
          const std::clock_t start = std::clock();
          while (!changed_.wait_for(lock, std::chrono::milliseconds(5), [this] { return done_; }))
            if (double(std::clock() - start) > kPatience * CLOCKS_PER_SEC) engine.interrupt();
        }) {}
  ~Watch() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

uint64_t current_seed = 0;

void hangs(int) {
  std::printf("FAILED seed %llu does not end %d s after its interruption\n", (unsigned long long)current_seed, kGrace);
  std::fflush(stdout);
  _exit(1);
}

/// Allows this much processor time until `hangs` is called; 0 for no limit.
void allow(int seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  setitimer(ITIMER_PROF, &timer, nullptr);
}

/// Steps of the naive evaluation, or more than the limit.
int64_t naive_steps(Instruction& i) {
  int64_t steps = 1;
  const auto times = [&](const Shape& sizes) {
    for (int64_t x : sizes) steps = std::min(steps * std::max<int64_t>(x, 1), kMostNaive + 1);
  };
  for (const Use& use : uses(i)) {
    int64_t n = steps;
    steps = 1;
    times(use.shape);
    steps = std::max(n, steps);
  }
  if (i.kind == Kind::matmul) steps = 1, times(i.shape), times({i.k});
  if (i.kind == Kind::conv) steps = 1, times(i.shape), times({i.channels}), times(i.kernel_size);
  if (i.kind == Kind::fold) steps = 1, times(i.shape), times(i.positions), times(i.window_size);
  return steps;
}

struct Counts {
  int64_t accepted = 0, ran = 0, interrupted = 0, compared = 0;
};

void compare(Program& p, const std::vector<std::vector<char>>& inputs, const std::vector<char*>& got,
             const std::string& name) {
  std::vector<std::vector<char>> right = inputs;
  std::vector<char*> addresses(1, nullptr);
  for (auto& b : right) addresses.push_back(b.data());
  const Naive naive(addresses), engine(got);
  naive.run(p.instructions[0]);
  for (const Use& use : uses(p.instructions[0])) {
    if (!use.written) continue;
    const double tolerance = use.view->dtype == DType::f64 ? 1e-12 : 1e-4;
    int64_t wrong = 0;
    for_each(use.shape, [&](const Index& at) {
      const double x = engine.get(*use.view, at), y = naive.get(*use.view, at);
      wrong +=
          !(x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= tolerance * std::max(1.0, std::fabs(y)));
    });
    check(wrong == 0, name + ": " + std::to_string(wrong) + " results are wrong");
  }
}

void attack(uint64_t seed, int threads, Counts& counts) {
  Generator generator(seed);
  Random& random = generator.random;
  Program p = generator.program(Kind(seed % kKinds));
  stretch(p.instructions[0], random);
  lay_out(p, random);
  Engine engine(threads);
  std::string why;
  const auto loaded = engine.load(encode(p).encoded(), why);
  const std::string name = "seed " + std::to_string(seed) + " (" + kind_name(p.instructions[0].kind) + ")";
  check(loaded || !why.empty(), name + ": a refusal gives a reason");
  if (!loaded) return;
  counts.accepted++;
  std::vector<std::vector<char>> inputs;
  for (const Slot& s : p.slots) {
    if (s.size > kMostResult) return;
    inputs.emplace_back(size_t(s.size) * byte_size(s.dtype));
    for (size_t at = 0; at < inputs.back().size(); at += byte_size(s.dtype)) {
      const int64_t x = random.below(3);
      const float f = float(x - 1);
      const double d = double(x - 1);
      const int32_t n = int32_t(x);
      std::memcpy(&inputs.back()[at],
                  s.dtype == DType::f32   ? static_cast<const void*>(&f)
                  : s.dtype == DType::f64 ? &d
                                          : static_cast<const void*>(&n),
                  byte_size(s.dtype));
      if (s.dtype == DType::b8) inputs.back()[at] &= 1;
    }
  }
  std::vector<char*> buffers(1, nullptr);
  for (const auto& b : inputs) {  // of exactly their size
    buffers.push_back(static_cast<char*>(std::malloc(std::max<size_t>(b.size(), 1))));
    if (!b.empty()) std::memcpy(buffers.back(), b.data(), b.size());
  }
  Status status;
  allow(kGrace);
  {
    const Watch watch(engine);
    status = engine.run(*loaded, buffers.data(), why);
  }
  allow(0);
  counts.ran++;
  counts.interrupted += status == Status::interrupted;
  if (status == Status::ok && naive_steps(p.instructions[0]) <= kMostNaive) {
    counts.compared++;
    compare(p, inputs, buffers, name);
  }
  for (size_t i = 1; i < buffers.size(); i++) std::free(buffers[i]);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t programs = argc > 1 ? std::atoll(argv[1]) : 120;
  const uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  most_bytes = kMostBytes;
  signal(SIGPROF, hangs);
  for (const char* isa : {"portable", "avx2", "avx512", "neon"}) {
    setenv("GRADUS_ISA", isa, 1);
    if (std::string(Engine(1).isa()) != isa) continue;
    Counts counts;
    for (int64_t n = 0; n < programs; n++) attack(current_seed = first + uint64_t(n), n % 7 == 0 ? 2 : 1, counts);
    std::printf(
        "extremes %s: of %lld programs %lld were valid, %lld ran, %lld of them until they were interrupted, %lld were "
        "compared\n",
        isa, (long long)programs, (long long)counts.accepted, (long long)counts.ran, (long long)counts.interrupted,
        (long long)counts.compared);
    check(counts.compared > 0 && counts.ran > counts.compared,
          std::string(isa) + ": some programs ran, and some were compared");
  }
  return summary("extremes");
}
