// Throughput of matrix products and convolutions on one thread, beside the measured peak of the
// fused multiply-add units. Prints medians; variants are interleaved.
// Build: c++ -std=c++17 -O2 bench/kernel/matmul_conv.cc <objects of kernel/simd per variant> -lpthread
#include <algorithm>
#include <chrono>
#include <functional>

#include "test/pool.h"

using namespace gradus;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Median seconds of one call of each function, interleaved, over about `budget` seconds each.
std::vector<double> medians(const std::vector<std::function<void()>>& run, double budget = 0.25) {
  std::vector<std::vector<double>> times(run.size());
  std::vector<int> repeat(run.size());
  for (size_t i = 0; i < run.size(); ++i) {
    run[i]();
    const double start = now();
    run[i]();
    repeat[i] = std::max(1, int(1e-4 / std::max(1e-9, now() - start)));
  }
  const double end = now() + budget * double(run.size());
  for (int round = 0; round < 5 || (now() < end && round < 1000); ++round)
    for (size_t i = 0; i < run.size(); ++i) {
      const double start = now();
      for (int r = 0; r < repeat[i]; ++r) run[i]();
      times[i].push_back((now() - start) / repeat[i]);
    }
  std::vector<double> result;
  for (auto& t : times) {
    std::sort(t.begin(), t.end());
    result.push_back(t[t.size() / 2]);
  }
  return result;
}

#if defined(__x86_64__)
/// Independent chains of fused multiply-adds, as many as registers hold: the machine at its best.
typedef float v16 __attribute__((vector_size(64)));
typedef float v8 __attribute__((vector_size(32)));
#define FMA(a) asm volatile("vfmadd231ps %1, %1, %0" : "+v"(a) : "v"(x));
__attribute__((target("avx512f"))) void chains512() {
  v16 a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, i{}, j{}, k{}, l{}, x{};
  for (int r = 0; r < 200000; ++r) {
    FMA(a) FMA(b) FMA(c) FMA(d) FMA(e) FMA(f) FMA(g) FMA(h) FMA(i) FMA(j) FMA(k) FMA(l)
  }
}
__attribute__((target("avx2,fma"))) void chains256() {
  v8 a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, i{}, j{}, k{}, l{}, x{};
  for (int r = 0; r < 200000; ++r) {
    FMA(a) FMA(b) FMA(c) FMA(d) FMA(e) FMA(f) FMA(g) FMA(h) FMA(i) FMA(j) FMA(k) FMA(l)
  }
}
#undef FMA
void print_peak() {
  if (machine_runs("avx512"))
    std::printf("peak avx512 f32 %.0f GFLOP/s\n", 12 * 32 * 2e5 / medians({chains512})[0] * 1e-9);
  if (machine_runs("avx2"))
    std::printf("peak avx2   f32 %.0f GFLOP/s\n", 12 * 16 * 2e5 / medians({chains256})[0] * 1e-9);
}
#else
void print_peak() {}
#endif

template <class T>
std::vector<T> numbers(int64_t n) {
  Numbers source(3);
  std::vector<T> v(size_t(n + 64));
  for (auto& x : v) x = T(source.real());
  return v;
}

struct Sum {
  double x = 0;
  static void run(void* self, int, const Tile& t) {
    static_cast<Sum*>(self)->x += double(t.rows) + static_cast<const float*>(t.values)[0];
  }
};

template <class T>
void matmul_line(TestPool& pool, int64_t batch, int64_t m, int64_t k, int64_t n, bool ta, bool tb) {
  const auto a = numbers<T>(batch * m * k), b = numbers<T>(batch * k * n);
  std::vector<T> c(size_t(batch * m * n));
  std::vector<int64_t> ao, bo, co;
  for (int64_t i = 0; i < batch; ++i) ao.push_back(i * m * k), bo.push_back(i * k * n), co.push_back(i * m * n);
  MatmulCall call{};
  call.dtype = sizeof(T) == 8 ? DType::f64 : DType::f32;
  call.batch = batch, call.m = m, call.n = n, call.k = k;
  call.a = a.data(), call.b = b.data(), call.a_offset = ao.data(), call.b_offset = bo.data();
  call.a_row = ta ? 1 : k, call.a_col = ta ? m : 1, call.b_row = tb ? 1 : n, call.b_col = tb ? k : 1;
  call.c = c.data(), call.c_offset = co.data(), call.c_row = n;
  std::vector<std::function<void()>> run;
  for (const Variant& v : variants()) run.push_back([&call, &pool, v] { v.matmul(call, pool); });
  const auto t = medians(run);
  std::printf("matmul %s %3ld x [%5ld x %5ld%s] [%5ld x %5ld%s]", sizeof(T) == 8 ? "f64" : "f32", long(batch), long(m),
              long(k), ta ? "'" : " ", long(k), long(n), tb ? "'" : " ");
  for (size_t i = 0; i < t.size(); ++i)
    std::printf("  %s %6.1f GF %9.2f us", variants()[i].name, 2.0 * double(batch * m * n) * double(k) / t[i] * 1e-9,
                t[i] * 1e6);
  std::printf("\n");
}

/// A two-dimensional layer, and the three calls that training makes of it.
struct Layer {
  const char* name;
  int64_t n, groups, c, o, size, kernel, pad, stride;
};

/// The same call with batch-innermost x and result.
ConvCall batch_innermost(const ConvCall& dense) {
  ConvCall c = dense;
  for (int64_t* s : {&c.x_g, &c.x_c, &c.x_s[0], &c.x_s[1], &c.x_s[2]}) *s *= c.n;
  c.x_n = 1;
  c.batch_innermost = true;
  return c;
}

void conv_line(const char* what, const Layer& l, const ConvCall& given, double flops, TestPool& pool,
               bool images = false) {
  std::vector<std::function<void()>> run;
  Sum sum;
  const auto with_epilogue = [&sum](ConvCall call) {
    call.y = nullptr, call.epilogue = {Sum::run, &sum};
    return call;
  };
  std::vector<const char*> names;
  const auto add = [&](const char* name, const Variant& v, const ConvCall& call) {
    names.push_back(name);
    run.push_back([call, &pool, v] { v.conv(call, pool); });
  };
  for (const Variant& v : variants()) add(v.name, v, given);
  const Variant best = variants().back();
  add("epilogue", best, with_epilogue(given));
  if (images) {
    add("last", best, batch_innermost(given));
    add("last epilogue", best, with_epilogue(batch_innermost(given)));
    ConvCall turned = given;
    turned.batch_innermost = true;
    add("turned", best, turned);
  }
  const auto t = medians(run, 0.15);
  std::printf("conv %-24s %-11s", l.name, what);
  for (size_t i = 0; i < t.size(); ++i)
    std::printf("  %s %6.1f GF %8.0f us", names[i], flops / t[i] * 1e-9, t[i] * 1e6);
  std::printf("\n");
}

void layer_lines(const Layer& l, TestPool& pool) {
  const int64_t out = (l.size + 2 * l.pad - l.kernel) / l.stride + 1;
  const int64_t in2 = l.size * l.size, out2 = out * out, k2 = l.kernel * l.kernel;
  const auto x = numbers<float>(l.n * l.groups * l.c * in2);
  const auto w = numbers<float>(l.groups * l.o * l.c * k2);
  const auto g = numbers<float>(l.n * l.groups * l.o * out2);
  std::vector<float> y(std::max({x.size(), w.size(), g.size()}));
  const double flops = 2.0 * double(l.n * l.groups * l.o * out2) * double(l.c * k2);
  ConvCall f{};
  f.n = l.n, f.groups = l.groups, f.out_channels = l.o, f.channels = l.c;
  const auto spatial = [](int64_t (&to)[3], int64_t v, int64_t first) { to[0] = first, to[1] = to[2] = v; };
  spatial(f.in, l.size, 1), spatial(f.kernel, l.kernel, 1), spatial(f.out, out, 1);
  spatial(f.stride, l.stride, 1), spatial(f.pad, l.pad, 0);
  spatial(f.in_dilation, 1, 1), spatial(f.kernel_dilation, 1, 1);
  f.x = x.data(), f.x_s[1] = l.size, f.x_s[2] = 1, f.x_c = in2, f.x_g = l.c * in2, f.x_n = l.groups * f.x_g;
  f.w = w.data(), f.w_k[1] = l.kernel, f.w_k[2] = 1, f.w_c = k2, f.w_o = l.c * k2, f.w_g = l.o * f.w_o;
  f.y = y.data();
  conv_line("forward", l, f, flops, pool, true);

  ConvCall b = f;  // gradient of x: g dilated, w flipped, channels exchanged
  b.out_channels = l.c, b.channels = l.o;
  spatial(b.in, out, 1), spatial(b.out, l.size, 1), spatial(b.stride, 1, 1);
  spatial(b.pad, l.kernel - 1 - l.pad, 0), spatial(b.in_dilation, l.stride, 1);
  b.x = g.data(), b.x_s[1] = out, b.x_c = out2, b.x_g = l.o * out2, b.x_n = l.groups * b.x_g;
  b.w = w.data() + k2 - 1, b.w_k[1] = -l.kernel, b.w_k[2] = -1, b.w_o = f.w_c, b.w_c = f.w_o;
  conv_line("input grad", l, b, flops, pool, true);

  ConvCall d = f;  // gradient of w: images are channels, g is the kernel
  d.n = l.c, d.out_channels = l.o, d.channels = l.n;
  spatial(d.kernel, out, 1), spatial(d.out, l.kernel, 1);
  spatial(d.stride, 1, 1), spatial(d.kernel_dilation, l.stride, 1);
  d.x_n = f.x_c, d.x_c = f.x_n;
  d.w = g.data(), d.w_k[1] = out, d.w_k[2] = 1, d.w_c = l.groups * l.o * out2, d.w_o = out2, d.w_g = l.o * out2;
  conv_line("weight grad", l, d, flops, pool);
  if (l.stride == 1) return;

  ConvCall t = d;  // gradient of w of the transposed layer: g dilated, x the kernel
  t.n = l.o, t.out_channels = l.c;
  spatial(t.in, out, 1), spatial(t.kernel, l.size, 1);
  spatial(t.in_dilation, l.stride, 1), spatial(t.kernel_dilation, 1, 1);
  spatial(t.pad, l.kernel - 1 - l.pad, 0);
  t.x = g.data(), t.x_s[1] = out, t.x_n = out2, t.x_c = l.groups * l.o * out2, t.x_g = l.o * out2;
  t.w = x.data(), t.w_k[1] = l.size, t.w_c = f.x_n, t.w_o = in2, t.w_g = l.c * in2;
  conv_line("transposed", l, t, flops, pool);
}

}  // namespace

int main(int argc, char** argv) {
  const bool matmuls = argc < 2 || argv[1][0] == 'm', convs = argc < 2 || argv[1][0] == 'c';
  TestPool pool(1);
  print_peak();
  if (matmuls) {
    for (int64_t n : {64, 128, 256, 512, 1024, 2048}) matmul_line<float>(pool, 1, n, n, n, false, false);
    for (int64_t n : {64, 128, 256, 512, 1024, 2048}) matmul_line<double>(pool, 1, n, n, n, false, false);
    for (int64_t n : {128, 512, 1024}) {
      matmul_line<float>(pool, 1, n, n, n, false, true);
      matmul_line<float>(pool, 1, n, n, n, true, false);
    }
    const int64_t shapes[][4] = {{1, 32, 2, 16},     {1, 32, 16, 16},    {1, 32, 16, 1},     {1, 128, 128, 10},
                                 {1, 128, 784, 128}, {1, 128, 784, 512}, {1, 32, 784, 512},  {1, 784, 128, 128},
                                 {1, 1, 784, 512},   {1, 512, 784, 1},   {1, 16, 20000, 24}, {64, 64, 64, 64},
                                 {512, 32, 32, 32}};
    for (const auto& s : shapes) {
      matmul_line<float>(pool, s[0], s[1], s[2], s[3], false, false);
      matmul_line<float>(pool, s[0], s[1], s[2], s[3], false, true);
      matmul_line<float>(pool, s[0], s[1], s[2], s[3], true, false);
    }
  }
  if (convs)
    for (const Layer& l : {Layer{"28x28x1 -> 16, 3x3", 128, 1, 1, 16, 28, 3, 1, 1},
                           Layer{"14x14x16 -> 32, 3x3", 128, 1, 16, 32, 14, 3, 1, 1},
                           Layer{"32x32x3 -> 8, 5x5", 128, 1, 3, 8, 32, 5, 2, 1},
                           Layer{"32x32x3 -> 8, 5x5 valid", 64, 1, 3, 8, 32, 5, 0, 1},
                           Layer{"14x14x8 -> 16, 5x5", 64, 1, 8, 16, 14, 5, 0, 1},
                           Layer{"28x28x1 -> 16, 3x3 /2", 64, 1, 1, 16, 28, 3, 1, 2},
                           Layer{"14x14x16 -> 32, 3x3 /2", 64, 1, 16, 32, 14, 3, 1, 2},
                           Layer{"32x32x3 -> 64, 3x3", 64, 1, 3, 64, 32, 3, 1, 1},
                           Layer{"32x32x64 -> 64, 3x3", 64, 1, 64, 64, 32, 3, 1, 1},
                           Layer{"7x7x64 -> 64, 3x3", 64, 1, 64, 64, 7, 3, 1, 1},
                           Layer{"28x28x32 -> 64, 3x3 /2", 64, 1, 32, 64, 28, 3, 1, 2},
                           Layer{"14x14x64 -> 128, 1x1", 64, 1, 64, 128, 14, 1, 0, 1},
                           Layer{"28x28x32 depthwise 3x3", 64, 32, 1, 1, 28, 3, 1, 1}})
      layer_lines(l, pool);
}
