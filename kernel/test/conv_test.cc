// Convolutions against plain loops in double: strides, paddings, dilations and groups in 1 to 3 dimensions, as forward
// passes, input gradients and weight gradients, one worker against two.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "conv_cases.h"
#include "pool.h"

using namespace gradus;

namespace {

int checks = 0, failures = 0;

enum class Layout { dense, transposed, flipped, repeated, innermost, images };  // channels or images innermost

void report(bool good, const char* what, const ConvCall& c, const char* isa) {
  ++checks;
  if (good || ++failures > 20) return;
  std::printf("FAILED %s: %s %s%s n %ld g %ld o %ld c %ld", what, isa, c.dtype == DType::f64 ? "f64" : "f32",
              c.batch_innermost ? " batch innermost" : "", long(c.n), long(c.groups), long(c.out_channels),
              long(c.channels));
  const auto list = [](const char* name, const int64_t* v) {
    std::printf(", %s %ldx%ldx%ld", name, long(v[0]), long(v[1]), long(v[2]));
  };
  list("in", c.in), list("kernel", c.kernel), list("out", c.out), list("stride", c.stride);
  list("pad", c.pad), list("in_dilation", c.in_dilation), list("dilation", c.kernel_dilation);
  std::printf("\n");
}

template <class T>
struct Collector {
  std::vector<T> values;
  std::vector<int> times;
  int64_t rows, cols;
  static void run(void* self, int, const Tile& t) {
    auto& c = *static_cast<Collector*>(self);
    for (int64_t i = 0; i < t.rows; ++i)
      for (int64_t j = 0; j < t.cols; ++j) {
        const size_t at = size_t((t.batch * c.rows + t.row + i) * c.cols + t.col + j);
        c.values[at] = static_cast<const T*>(t.values)[i * t.ld + j];
        ++c.times[at];
      }
  }
};

/// Negates results in place.
template <class T>
void negate(void*, int, const Tile& t) {
  T* values = static_cast<T*>(const_cast<void*>(t.values));
  for (int64_t i = 0; i < t.rows; ++i)
    for (int64_t j = 0; j < t.cols; ++j) values[i * t.ld + j] = -values[i * t.ld + j];
}

int64_t volume(const int64_t* v) { return v[0] * v[1] * v[2]; }

/// Per variant, the calls that cached packed or transformed weights, and those that stored their results with a bias.
std::map<std::string, int64_t> cached_calls, biased_calls, biased_last_calls;

/// Adds a bias as an epilogue: the meaning of BiasedResult in plain loops.
template <class T>
struct BiasEpilogue {
  const ConvCall& call;
  std::atomic<int64_t> tiles{0};

  T of(T sum, int64_t batch, int64_t row) const {
    const BiasedResult& b = call.biased;
    const T biased = sum + static_cast<const T*>(b.bias)[batch % call.groups * b.bias_g + row * b.bias_o];
    return b.rectified && biased <= 0 ? T(0) : biased;
  }
  /// The destination of a row of results.
  static int64_t columns(const ConvCall& c) { return volume(c.out) * (c.batch_innermost ? c.n : 1); }
  static void run(void* self, int, const Tile& t) {
    auto& epilogue = *static_cast<BiasEpilogue*>(self);
    const int64_t cols = columns(epilogue.call);
    for (int64_t i = 0; i < t.rows; ++i)
      for (int64_t j = 0; j < t.cols; ++j)
        static_cast<T*>(epilogue.call.biased.y)[(t.batch * epilogue.call.out_channels + t.row + i) * cols + t.col + j] =
            epilogue.of(static_cast<const T*>(t.values)[i * t.ld + j], t.batch, t.row + i);
    ++epilogue.tiles;
  }
};

/// A bias gives the same bits as adding it to the sums of `plain`, whether stored or applied by the epilogue.
template <class T>
void test_biased(const Variant& variant, ConvCall call, const std::vector<T>& plain, int64_t size, TestPool& pool) {
  const int64_t step = 2, cols = BiasEpilogue<T>::columns(call);
  std::vector<T> bias(size_t(call.groups * call.out_channels * step));
  Numbers numbers{uint64_t(size)};
  for (T& b : bias) b = T(numbers.real());
  for (const bool rectified : {false, true}) {
    std::vector<T> y(plain.size(), T(77));
    call.y = call.batch_innermost ? y.data() : nullptr;
    call.biased = {y.data(), bias.data(), call.out_channels * step, step, rectified};
    BiasEpilogue<T> epilogue{call};
    call.epilogue = {BiasEpilogue<T>::run, &epilogue};
    bool same = variant.conv(call, pool) == Status::ok;
    for (int64_t i = 0; i < size; ++i) {
      const int64_t row = i / cols % call.out_channels, batch = i / cols / call.out_channels;
      const T want = epilogue.of(plain[size_t(i)], batch, row);
      same = same && !std::memcmp(&y[size_t(i)], &want, sizeof(T));
    }
    for (size_t i = size_t(size); i < y.size(); ++i) same = same && y[i] == T(77);
    report(same, rectified ? "bias, rectified" : "bias", call, variant.name);
    (call.batch_innermost ? biased_last_calls : biased_calls)[variant.name] += epilogue.tiles == 0;
  }
}

/// Cached weights give the same bits and are not read again: in the second run they are NaN.
template <class T>
void test_cached(const Variant& variant, ConvCall call, const std::vector<T>& want, const std::vector<T>& w,
                 TestPool& one, TestPool& two) {
  PackedCache cache;
  int64_t bytes = 0;
  cache.holds(1, bytes);
  report(cache.holds(1, bytes), "the second run", call, variant.name);
  call.w_cache = &cache;
  const std::vector<T> nothing(w.size(), T(NAN));
  for (TestPool* pool : {&two, &one}) {
    std::vector<T> y(want.size(), T(77));
    call.y = y.data();
    const bool done = variant.conv(call, *pool) == Status::ok;
    report(done && !std::memcmp(y.data(), want.data(), y.size() * sizeof(T)), "kept", call, variant.name);
    if (bytes == 0) return;
    call.w = nothing.data() + (static_cast<const T*>(call.w) - w.data());
  }
  ++cached_calls[variant.name];
}

/// Shapes and steps of a case.
template <class T>
ConvCall shaped(const Case& p) {
  ConvCall c{};
  c.dtype = sizeof(T) == 8 ? DType::f64 : DType::f32;
  c.n = p.n, c.groups = p.groups, c.out_channels = p.out_channels, c.channels = p.channels;
  for (int d = 0; d < 3; ++d) {
    c.in[d] = p.in[d], c.kernel[d] = p.kernel[d], c.stride[d] = p.stride[d], c.pad[d] = p.pad[d];
    c.in_dilation[d] = p.in_dilation[d], c.kernel_dilation[d] = p.kernel_dilation[d];
    const int64_t spread = p.in[d] ? (p.in[d] - 1) * p.in_dilation[d] + 1 : 0;
    const int64_t room = spread + 2 * p.pad[d] - (p.kernel[d] - 1) * p.kernel_dilation[d] - 1;
    c.out[d] = std::max<int64_t>(1, (room < 0 ? 0 : room / p.stride[d] + 1) + p.extra[d]);
  }
  return c;
}

/// Strides of x; returns the offset of its first element.
int64_t lay_out_x(ConvCall& c, const Case& p, Layout lx) {
  int64_t start = 0;
  c.x_s[2] = 1, c.x_s[1] = c.in[2], c.x_s[0] = c.in[1] * c.in[2];
  if (lx == Layout::images) {  // [g, c, z, y, x, n]
    for (auto& s : c.x_s) s *= p.n;
    c.x_n = 1, c.x_c = volume(c.in) * p.n, c.x_g = c.x_c * p.channels;
  } else if (lx == Layout::transposed) {  // [c, g, n, z, y, x]
    c.x_n = volume(c.in), c.x_g = c.x_n * p.n, c.x_c = c.x_g * p.groups;
  } else {
    c.x_c = volume(c.in), c.x_g = c.x_c * p.channels, c.x_n = c.x_g * p.groups;
    if (lx == Layout::flipped) {  // and the last axis outermost
      c.x_s[2] = -p.n * p.groups * p.channels * c.in[0] * c.in[1];
      c.x_s[1] = 1, c.x_s[0] = c.in[1], c.x_c = c.in[0] * c.in[1];
      c.x_g = c.x_c * p.channels, c.x_n = c.x_g * p.groups;
      start = std::max<int64_t>(0, -c.x_s[2] * (c.in[2] - 1));
    }
    if (lx == Layout::repeated) c.x_c = 0;
    if (lx == Layout::innermost) {  // [n, g, z, y, x, c]
      c.x_c = 1;
      for (auto& step : c.x_s) step *= p.channels;
    }
  }
  return start;
}

/// Strides of w; returns the offset of its first element.
int64_t lay_out_w(ConvCall& c, const Case& p, Layout lw) {
  int64_t start = 0;
  c.w_k[2] = 1, c.w_k[1] = c.kernel[2], c.w_k[0] = c.kernel[1] * c.kernel[2];
  c.w_c = volume(c.kernel), c.w_o = c.w_c * p.channels, c.w_g = c.w_o * p.out_channels;
  if (lw == Layout::transposed) std::swap(c.w_c, c.w_o), c.w_o = volume(c.kernel), c.w_c = c.w_o * p.out_channels;
  if (lw == Layout::flipped) {
    for (auto& s : c.w_k) s = -s;
    start = volume(c.kernel) - 1;
  }
  if (lw == Layout::repeated) c.w_o = 0;
  if (lw == Layout::innermost) {  // [g, o, z, y, x, c]
    c.w_c = 1;
    for (auto& step : c.w_k) step *= p.channels;
  }
  return start;
}

/// The exact sums, and the sums of the absolute values of their terms.
template <class T>
void sum_exactly(const ConvCall& c, std::vector<double>& want, std::vector<double>& scale) {
  size_t at = 0;
  for (int64_t n = 0; n < c.n; ++n)
    for (int64_t g = 0; g < c.groups; ++g)
      for (int64_t o = 0; o < c.out_channels; ++o)
        for (int64_t pz = 0; pz < c.out[0]; ++pz)
          for (int64_t py = 0; py < c.out[1]; ++py)
            for (int64_t px = 0; px < c.out[2]; ++px, ++at)
              for (int64_t qz = 0; qz < c.kernel[0]; ++qz)
                for (int64_t qy = 0; qy < c.kernel[1]; ++qy)
                  for (int64_t qx = 0; qx < c.kernel[2]; ++qx) {
                    const int64_t pos[3] = {pz, py, px}, q[3] = {qz, qy, qx};
                    int64_t i = 0, j = 0;
                    bool inside = true;
                    for (int d = 0; d < 3; ++d) {
                      const int64_t t = pos[d] * c.stride[d] + q[d] * c.kernel_dilation[d] - c.pad[d];
                      inside = inside && t >= 0 && t % c.in_dilation[d] == 0 && t / c.in_dilation[d] < c.in[d];
                      i += t / c.in_dilation[d] * c.x_s[d], j += q[d] * c.w_k[d];
                    }
                    if (!inside) continue;
                    const T* xp = static_cast<const T*>(c.x) + n * c.x_n + g * c.x_g + i;
                    const T* wp = static_cast<const T*>(c.w) + g * c.w_g + o * c.w_o + j;
                    for (int64_t k = 0; k < c.channels; ++k) {
                      const double v = double(xp[k * c.x_c]) * double(wp[k * c.w_c]);
                      want[at] += v, scale[at] += std::fabs(v);
                    }
                  }
}

/// One layout of the result on one instruction set.
template <class T>
void check_layout(const Variant& variant, ConvCall c, bool last, const std::vector<double>& want,
                  const std::vector<double>& scale, const std::vector<T>& w) {
  TestPool one(1), two(2);
  const int64_t outs = volume(c.out);
  const double eps = (sizeof(T) == 8 ? 1e-15 : 6e-7) * (4 + std::sqrt(double(c.channels * volume(c.kernel))));
  c.batch_innermost = last;
  std::vector<T> y(want.size() + 64, T(77));
  c.y = y.data(), c.epilogue = {nullptr, nullptr};
  report(variant.conv(c, one) == Status::ok, "status", c, variant.name);
  test_cached(variant, c, y, w, one, two);
  Collector<T> tiles{std::vector<T>(want.size()), std::vector<int>(want.size()), c.out_channels,
                     last ? outs * c.n : outs};
  c.y = nullptr, c.epilogue = {Collector<T>::run, &tiles};
  variant.conv(c, two);
  test_biased(variant, c, y, int64_t(want.size()), two);
  bool close = true, once = true, same = true, inside = true;
  const int64_t image = c.groups * c.out_channels * outs;
  for (size_t i = 0; i < want.size(); ++i) {
    const size_t j = last ? size_t(int64_t(i) % c.n * image + int64_t(i) / c.n) : i;
    close = close && std::fabs(double(y[i]) - want[j]) <= eps * (scale[j] + 1e-30);
    once = once && tiles.times[i] == 1;
    same = same && !std::memcmp(&tiles.values[i], &y[i], sizeof(T));
  }
  for (size_t i = want.size(); i < y.size(); ++i) inside = inside && y[i] == T(77);
  report(close, "value", c, variant.name);
  report(once, "every element once", c, variant.name);
  report(same, "two workers with an epilogue = one worker stored", c, variant.name);
  report(inside, "nothing behind the result", c, variant.name);
  if (!last) return;
  std::vector<T> changed(y.size(), T(77));
  c.y = changed.data(), c.epilogue = {negate<T>, nullptr};
  variant.conv(c, two);
  bool negated = true;
  for (size_t i = 0; i < want.size(); ++i) negated = negated && changed[i] == -y[i];
  report(negated, "results changed in place", c, variant.name);
}

template <class T>
void test(const Case& p, Layout lx = Layout::dense, Layout lw = Layout::dense) {
  ConvCall c = shaped<T>(p);
  const int64_t x_start = lay_out_x(c, p, lx), w_start = lay_out_w(c, p, lw);
  const int64_t x_size = p.n * p.groups * p.channels * volume(c.in);
  const int64_t w_size = p.groups * p.out_channels * p.channels * volume(c.kernel);
  Numbers numbers(uint64_t(x_size * 31 + w_size));
  std::vector<T> x(size_t(std::max<int64_t>(x_size, 1))), w(size_t(std::max<int64_t>(w_size, 1)));
  for (auto& v : x) v = T(numbers.real());
  for (auto& v : w) v = T(numbers.real());
  c.x = x.data() + x_start, c.w = w.data() + w_start;
  std::vector<double> want(size_t(p.n * p.groups * p.out_channels * volume(c.out))), scale(want.size());
  sum_exactly<T>(c, want, scale);
  for (const Variant& variant : variants())
    for (const bool last : {false, true}) check_layout(variant, c, last, want, scale, w);
}

template <class T>
void chosen() {
  for (const Case& c : chosen_cases) {
    test<T>(c);
    if (c.n > 1 && c.n * c.channels * volume(c.in) < 1000000) test<T>(c, Layout::images);
    if (c.n * c.groups * c.out_channels * c.channels * volume(c.in) < 200000) {
      test<T>(c, Layout::transposed, Layout::transposed);
      test<T>(c, Layout::flipped, Layout::flipped);
      test<T>(c, Layout::repeated, Layout::repeated);
    }
  }
}

/// Gradients of weights in batch-innermost layout, where images are the channels of the call.
template <class T>
void images_innermost() {
  for (const Case& c : innermost_cases) test<T>(c, Layout::innermost, Layout::innermost);
}

template <class T>
void random(int count) {
  Numbers numbers(5);
  for (int i = 0; i < count; ++i) {
    Case c{};
    const int dims = int(numbers.between(1, 3));
    c.n = i % 4 ? numbers.between(1, 5) : numbers.between(6, 33), c.groups = numbers.between(1, 3);
    c.out_channels = numbers.between(1, 20), c.channels = numbers.between(1, 9);
    for (int d = 0; d < 3; ++d) {
      c.in[d] = c.kernel[d] = c.stride[d] = c.in_dilation[d] = c.kernel_dilation[d] = 1;
      if (d < 3 - dims) continue;
      c.in[d] = numbers.between(1, dims == 3 ? 7 : 18);
      c.kernel[d] = numbers.between(1, 5);
      c.stride[d] = numbers.between(1, 3);
      c.in_dilation[d] = numbers.between(1, 3);
      c.kernel_dilation[d] = numbers.between(1, 3);
      c.pad[d] = numbers.between(-2, 4);
      c.extra[d] = numbers.between(-2, 2);
    }
    if (i % 5 == 0) {
      c.channels = numbers.between(1, 40);
      test<T>(c, Layout::innermost, Layout::innermost);
    } else {
      test<T>(c, Layout(numbers.between(0, 5)), Layout(numbers.between(0, 4)));
    }
  }
}

/// Minimal filtering adds and halves before it multiplies, but sums fewer products: its mean error over a layer must
/// not exceed that of plain float32 sums.
void accuracy() {
  constexpr int64_t channels = 64, size = 32, outs = size * size;
  ConvCall c{};
  c.dtype = DType::f32;
  c.n = c.groups = 1, c.out_channels = c.channels = channels;
  for (int d = 0; d < 3; ++d) {
    c.stride[d] = c.in_dilation[d] = c.kernel_dilation[d] = 1;
    c.in[d] = c.out[d] = d ? size : 1, c.kernel[d] = d ? 3 : 1, c.pad[d] = d ? 1 : 0;
  }
  c.x_s[2] = 1, c.x_s[1] = size, c.x_c = outs, c.x_n = c.x_g = channels * outs;
  c.w_k[2] = 1, c.w_k[1] = 3, c.w_c = 9, c.w_o = 9 * channels;
  Numbers numbers(11);
  std::vector<float> x(channels * outs), w(channels * channels * 9), y(x.size());
  for (auto& v : x) v = float(std::max(0.0, numbers.real()));  // as after a ReLU
  for (auto& v : w) v = float(numbers.real());
  c.x = x.data(), c.w = w.data(), c.y = y.data();

  std::vector<double> exact(y.size());
  double squares = 0, plain = 0;
  for (int64_t o = 0; o < channels; ++o)
    for (int64_t p = 0; p < outs; ++p) {
      float sum = 0;
      double& whole = exact[size_t(o * outs + p)];
      for (int64_t k = 0; k < channels * 9; ++k) {
        const int64_t v = p / size + k / 3 % 3 - 1, h = p % size + k % 3 - 1;
        if (v < 0 || h < 0 || v >= size || h >= size) continue;
        const float a = x[size_t(k / 9 * outs + v * size + h)], b = w[size_t(o * channels * 9 + k)];
        sum += a * b, whole += double(a) * double(b);
      }
      squares += whole * whole, plain += (sum - whole) * (sum - whole);
    }
  TestPool pool(1);
  for (const Variant& variant : variants()) {
    variant.conv(c, pool);
    double errors = 0;
    for (size_t i = 0; i < y.size(); ++i) errors += (y[i] - exact[i]) * (y[i] - exact[i]);
    std::printf("conv_test: %s, relative error of a 3×3 layer of 64 channels %.1e, of plain sums %.1e\n", variant.name,
                std::sqrt(errors / squares), std::sqrt(plain / squares));
    report(errors <= plain, "accuracy", c, variant.name);
  }
}

}  // namespace

int main() {
  accuracy();
  chosen<float>();
  chosen<double>();
  images_innermost<float>();
  images_innermost<double>();
  random<float>(400);
  random<double>(400);
  for (const Variant& variant : variants()) {
    const std::pair<const char*, int64_t> reached[] = {
        {"cached weights", cached_calls[variant.name]},
        {"stored with a bias", biased_calls[variant.name]},
        {"stored with the batch innermost and a bias", biased_last_calls[variant.name]}};
    for (const auto& [what, calls] : reached) {
      ++checks;
      if (calls > 100) continue;
      ++failures;
      std::printf("FAILED: %s hardly ever %s\n", variant.name, what);
    }
  }
  for (int a = 0; a < kConvAlgorithms; ++a) {
    ++checks;
    if (algorithm_calls[a] > 0) continue;
    ++failures;
    std::printf("FAILED: algorithm %d was never chosen\n", a);
  }
  std::printf("conv_test: %d checks %s\n", checks, failures ? "done" : "passed");
  if (failures) std::printf("conv_test: %d FAILED\n", failures);
  return failures != 0;
}
