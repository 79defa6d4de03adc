// Prints the GFLOP/s of multiply-adds that stay in registers, per element type, as JSON.
//   peak [threads]
// Twelve independent chains hide the latency of a multiply-add (4 to 5 cycles on 2 units).
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr int chains = 12;
constexpr long rounds = 400000;

#if defined(__x86_64__)
#define CHAIN(type, width)                                                                \
  {                                                                                       \
    typedef type v __attribute__((vector_size(width)));                                   \
    v a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, i{}, j{}, k{}, l{}, x{};                    \
    for (long r = 0; r < rounds; ++r) {                                                   \
      FMA(a) FMA(b) FMA(c) FMA(d) FMA(e) FMA(f) FMA(g) FMA(h) FMA(i) FMA(j) FMA(k) FMA(l) \
    }                                                                                     \
  }
#define FMA(y) asm volatile("vfmadd231ps %1, %1, %0" : "+v"(y) : "v"(x));
__attribute__((target("avx512f"))) void f32_512() CHAIN(float, 64) __attribute__((target("avx2,fma"))) void f32_256()
    CHAIN(float, 32)
#undef FMA
#define FMA(y) asm volatile("vfmadd231pd %1, %1, %0" : "+v"(y) : "v"(x));
        __attribute__((target("avx512f"))) void f64_512() CHAIN(double, 64)
            __attribute__((target("avx2,fma"))) void f64_256() CHAIN(double, 32)
#undef FMA
#elif defined(__aarch64__)
#define CHAIN(type, arrangement)                                                          \
  {                                                                                       \
    typedef type v __attribute__((vector_size(16)));                                      \
    v a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, i{}, j{}, k{}, l{}, x{};                    \
    for (long r = 0; r < rounds; ++r) {                                                   \
      FMA(a) FMA(b) FMA(c) FMA(d) FMA(e) FMA(f) FMA(g) FMA(h) FMA(i) FMA(j) FMA(k) FMA(l) \
    }                                                                                     \
  }
#define FMA(y) asm volatile("fmla %0.4s, %1.4s, %1.4s" : "+w"(y) : "w"(x));
void f32_128() CHAIN(float, 4s)
#undef FMA
#define FMA(y) asm volatile("fmla %0.2d, %1.2d, %1.2d" : "+w"(y) : "w"(x));
    void f64_128() CHAIN(double, 2d)
#undef FMA
#endif

    /// The best of several runs on all threads at once, in GFLOP/s.
    double peak(void (*run)(), int bytes, int element, int threads) {
  double best = 0;
  for (int repeat = 0; repeat < 7; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(run);
    run();
    for (auto& t : others) t.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const double flop = 2.0 * chains * double(rounds) * (bytes / element) * threads;
    if (flop / seconds.count() > best) best = flop / seconds.count();
  }
  return best * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  double f32 = 0, f64 = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    f32 = peak(f32_512, 64, 4, threads);
    f64 = peak(f64_512, 64, 8, threads);
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    f32 = peak(f32_256, 32, 4, threads);
    f64 = peak(f64_256, 32, 8, threads);
  }
#elif defined(__aarch64__)
  f32 = peak(f32_128, 16, 4, threads);
  f64 = peak(f64_128, 16, 8, threads);
#endif
  if (f32 == 0) return 1;
  std::printf("{\"float32\": %.1f, \"float64\": %.1f}\n", f32, f64);
}
