// Shared by kernel tests and benchmarks: a plain thread pool, strided test data, the kernels of every instruction set
// that this machine runs.
#pragma once
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "src/contract.h"

namespace gradus {

#if defined(__x86_64__)
#if defined(GRADUS_AVX512)
#define GRADUS_VARIANTS(X) X(baseline) X(avx2) X(avx512)
#elif defined(GRADUS_AVX2)
#define GRADUS_VARIANTS(X) X(baseline) X(avx2)
#else
#define GRADUS_VARIANTS(X) X(baseline)
#endif
#elif defined(__aarch64__)
#define GRADUS_VARIANTS(X) X(neon)
#else
#define GRADUS_VARIANTS(X) X(baseline)
#endif

#define GRADUS_DECLARE(isa)                                                    \
  namespace isa {                                                              \
  Status matmul(const MatmulCall& call, Parallel& pool);                       \
  ConvChoice choose_conv(const ConvCall& call);                                \
  Status conv(const ConvCall& call, const ConvChoice& choice, Parallel& pool); \
  }
GRADUS_VARIANTS(GRADUS_DECLARE)
#undef GRADUS_DECLARE

/// Chooses an algorithm and runs it. Counts the calls per algorithm.
inline int64_t algorithm_calls[kConvAlgorithms] = {};
template <ConvChoice (*Choose)(const ConvCall&), Status (*Run)(const ConvCall&, const ConvChoice&, Parallel&)>
Status chosen_conv(const ConvCall& given, Parallel& pool) {
  ConvCall call = given;
  call.in_place = call.y && call.epilogue.run && !call.biased.y;
  const ConvChoice choice = Choose(call);
  ++algorithm_calls[int(choice.algorithm)];
  return Run(call, choice, pool);
}

struct Variant {
  const char* name;
  Status (*matmul)(const MatmulCall&, Parallel&);
  Status (*conv)(const ConvCall&, Parallel&);
};

inline bool machine_runs(const char* isa) {
#if defined(__x86_64__)
  if (!strcmp(isa, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!strcmp(isa, "avx512"))
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
  (void)isa;
  return true;
}

#if defined(GRADUS_AVX512)
/// AVX-512 products without and with the matrix unit.
template <bool Unit>
Status matmul_with(const MatmulCall& call, Parallel& pool) {
  matrix_unit = Unit;
  return avx512::matmul(call, pool);
}
template <bool Unit>
Status conv_with(const ConvCall& call, Parallel& pool) {
  matrix_unit = Unit;
  return chosen_conv<avx512::choose_conv, avx512::conv>(call, pool);
}
#endif

/// AVX-512 appears twice if the machine has a matrix unit.
inline std::vector<Variant> variants() {
  std::vector<Variant> all;
#define GRADUS_LIST(isa) \
  if (machine_runs(#isa)) all.push_back({#isa, isa::matmul, chosen_conv<isa::choose_conv, isa::conv>});
  GRADUS_VARIANTS(GRADUS_LIST)
#undef GRADUS_LIST
#if defined(GRADUS_AVX512)
  if (machine_runs("avx512")) all.back() = {"avx512", matmul_with<false>, conv_with<false>};
  if (machine_runs("avx512") && machine_has_matrix_unit()) all.push_back({"amx", matmul_with<true>, conv_with<true>});
#endif
  return all;
}

/// Starts new threads for every run: slow and simple, enough for tests.
class TestPool : public Parallel {
 public:
  explicit TestPool(int workers) : scratch_(size_t(workers)) {
    for (auto& s : scratch_) s = allocate(kScratchBytes);
  }
  ~TestPool() override {
    for (auto s : scratch_) std::free(s);
    std::free(workspace_);
  }
  TestPool(const TestPool&) = delete;
  void operator=(const TestPool&) = delete;

  void run(int64_t count, void (*body)(void*, int64_t, int), void* context) override {
    std::atomic<int64_t> next{0};
    auto work = [&](int worker) {
      for (int64_t task; (task = next++) < count;) body(context, task, worker);
    };
    std::vector<std::thread> threads;
    for (int w = 1; w < workers(); ++w) threads.emplace_back(work, w);
    work(0);
    for (auto& t : threads) t.join();
  }
  int workers() const override { return int(scratch_.size()); }
  void* scratch(int worker) override { return scratch_[size_t(worker)]; }
  void* workspace(uint64_t bytes) override {
    if (bytes > workspace_bytes_) {
      std::free(workspace_);
      workspace_ = allocate(workspace_bytes_ = bytes);
    }
    return workspace_;
  }

 private:
  /// Memory of the exact size, filled with NaN, so that a read of unwritten memory shows.
  static void* allocate(size_t bytes) {
    void* p = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (p) std::memset(p, 0xff, (bytes + 63) / 64 * 64);
    return p;
  }
  std::vector<void*> scratch_;
  void* workspace_ = nullptr;
  size_t workspace_bytes_ = 0;
};

/// Small deterministic numbers in (−1, 1).
struct Numbers {
  uint64_t state;
  explicit Numbers(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15u + 1) {}
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
  double real() { return double(next() >> 11) / double(1ull << 52) - 1; }
  int64_t between(int64_t low, int64_t high) { return low + int64_t(next() % uint64_t(high - low + 1)); }
};

}  // namespace gradus
