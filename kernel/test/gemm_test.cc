// Matrix products against plain loops in double: shapes around every block edge, any strides,
// direct and tiled results, one worker against two.
#include <cmath>
#include <map>
#include <string>

#include "pool.h"

using namespace gradus;

namespace {

int checks = 0, failures = 0;

void check(bool good, const char* what, const MatmulCall& c, const char* isa) {
  ++checks;
  if (good) return;
  if (++failures <= 20)
    std::printf("FAILED %s: %s %s batch %ld, %ld x %ld x %ld, a (%ld, %ld), b (%ld, %ld)\n", what, isa,
                c.dtype == DType::f64 ? "f64" : "f32", long(c.batch), long(c.m), long(c.k), long(c.n), long(c.a_row),
                long(c.a_col), long(c.b_row), long(c.b_col));
}

enum class Layout { rows, columns, gaps, flipped, repeated };

/// Strides of a rows × cols matrix and the elements it spans.
struct Strides {
  int64_t row, col, start, size;
  Strides(Layout layout, int64_t rows, int64_t cols) {
    row = cols, col = 1, start = 0, size = rows * cols;
    if (layout == Layout::columns) row = 1, col = rows;
    if (layout == Layout::gaps) row = 2 * cols + 3, col = 2, size = rows * row;
    if (layout == Layout::flipped) row = -cols, col = -1, start = size - 1;
    if (layout == Layout::repeated) row = 0, size = cols;
  }
};

template <class T>
struct Collector {
  std::vector<T> values;
  std::vector<int> times;
  int64_t m, n;
  static void run(void* self, int, const Tile& t) {
    auto& c = *static_cast<Collector*>(self);
    for (int64_t i = 0; i < t.rows; ++i)
      for (int64_t j = 0; j < t.cols; ++j) {
        const size_t at = size_t((t.batch * c.m + t.row + i) * c.n + t.col + j);
        c.values[at] = static_cast<const T*>(t.values)[i * t.ld + j];
        ++c.times[at];
      }
  }
};

/// Per variant, the calls that cached the left or the right operand.
std::map<std::string, int64_t> cached_calls[2];

/// A cached operand gives the same bits and is not read again: in the second run it is NaN.
template <class T>
void test_cached(const Variant& variant, MatmulCall call, const std::vector<T>& want, size_t operand_size, bool right,
                 bool special, TestPool& one, TestPool& two) {
  PackedCache cache;
  int64_t bytes = 0;
  check(!cache.holds(1, bytes) && cache.holds(1, bytes), "the second run", call, variant.name);
  (right ? call.b_cache : call.a_cache) = &cache;
  std::vector<T> nothing;
  for (TestPool* pool : {&two, &one}) {
    std::vector<T> c(want.size(), T(77));
    call.c = c.data();
    const bool done = variant.matmul(call, *pool) == Status::ok;
    const bool same = c.empty() || !std::memcmp(c.data(), want.data(), c.size() * sizeof(T));
    check(done && same, "kept", call, variant.name);
    if (bytes == 0) return;
    nothing.assign(operand_size, T(NAN));
    if (!special) (right ? call.b : call.a) = nothing.data();
  }
  ++cached_calls[right][variant.name];
}

/// The exact sums, and the sums of the absolute values of their terms.
template <class T>
void sum_exactly(const MatmulCall& c, std::vector<double>& want, std::vector<double>& scale) {
  const T *a = static_cast<const T*>(c.a), *b = static_cast<const T*>(c.b);
  for (int64_t i = 0; i < c.batch; ++i)
    for (int64_t r = 0; r < c.m; ++r)
      for (int64_t q = 0; q < c.k; ++q) {
        const double x = double(a[c.a_offset[i] + r * c.a_row + q * c.a_col]);
        const T* y = b + c.b_offset[i] + q * c.b_row;
        for (int64_t j = 0; j < c.n; ++j) {
          const double p = x * double(y[j * c.b_col]);
          want[size_t((i * c.m + r) * c.n + j)] += p;
          scale[size_t((i * c.m + r) * c.n + j)] += std::fabs(p);
        }
      }
}

template <class T>
void test(int64_t batch, int64_t m, int64_t k, int64_t n, Layout la, Layout lb, bool special = false) {
  const Strides sa(la, m, k), sb(lb, k, n);
  Numbers numbers(uint64_t(m * 7919 + k * 104729 + n * 31 + batch));
  // Exact allocations: an address sanitizer sees every read beyond the operands.
  std::vector<T> a(size_t(batch * sa.size)), b(size_t(batch * sb.size));
  for (auto& x : a) x = T(numbers.real());
  for (auto& x : b) x = T(numbers.real());
  if (special && !a.empty() && !b.empty()) {
    a[a.size() / 2] = T(INFINITY);
    b[b.size() / 3] = T(NAN);
    b[b.size() / 2] = T(0);
  }
  const int64_t c_row = n + 5;
  std::vector<int64_t> ao, bo, co;
  for (int64_t i = 0; i < batch; ++i) {
    ao.push_back(i * sa.size + sa.start);
    bo.push_back((i % 2 ? 0 : i) * sb.size + sb.start);
    co.push_back(i * m * c_row);
  }
  std::vector<double> want(size_t(batch * m * n)), scale(want.size());
  MatmulCall call{};
  call.dtype = sizeof(T) == 8 ? DType::f64 : DType::f32;
  call.batch = batch, call.m = m, call.n = n, call.k = k;
  call.a = a.data(), call.b = b.data(), call.a_offset = ao.data(), call.b_offset = bo.data();
  call.a_row = sa.row, call.a_col = sa.col, call.b_row = sb.row, call.b_col = sb.col;
  sum_exactly<T>(call, want, scale);

  TestPool one(1), two(2);
  for (const Variant& variant : variants()) {
    std::vector<T> direct(size_t(batch * m * c_row), T(77));
    call.c = direct.data(), call.c_offset = co.data(), call.c_row = c_row;
    check(variant.matmul(call, one) == Status::ok, "status", call, variant.name);
    test_cached(variant, call, direct, a.size(), false, special, one, two);
    test_cached(variant, call, direct, b.size(), true, special, one, two);
    Collector<T> tiles{std::vector<T>(want.size()), std::vector<int>(want.size()), m, n};
    call.c = nullptr, call.epilogue = {Collector<T>::run, &tiles};
    variant.matmul(call, two);
    bool close = true, once = true, same = true, inside = true;
    const double eps = sizeof(T) == 8 ? 1e-15 : 6e-7;
    for (int64_t r = 0; r < batch * m; ++r) {
      for (int64_t j = 0; j < n; ++j) {
        const size_t at = size_t(r * n + j);
        const T got = direct[size_t(r * c_row + j)];
        const double bound = eps * (4 + std::sqrt(double(k))) * (scale[at] + 1e-30);
        if (std::isfinite(want[at])
                ? !(std::fabs(double(got) - want[at]) <= bound)
                : std::isnan(want[at]) != std::isnan(got) || (std::isinf(want[at]) && double(got) != want[at]))
          close = false;
        once = once && tiles.times[at] == 1;
        same = same && !std::memcmp(&tiles.values[at], &got, sizeof(T));
      }
      for (int64_t j = n; j < c_row; ++j) inside = inside && direct[size_t(r * c_row + j)] == T(77);
    }
    check(close, "value", call, variant.name);
    check(once, "every element once", call, variant.name);
    check(same, "two workers with an epilogue = one worker stored", call, variant.name);
    check(inside, "nothing beside the result", call, variant.name);
  }
}

/// A · Aᵀ, of which half is computed, has the bits of the same product with a copy of A.
template <class T>
void test_gram(int64_t batch, int64_t n, int64_t k, Layout layout) {
  const Strides s(layout, n, k);
  Numbers numbers(uint64_t(n * 131 + k) + uint64_t(layout));
  std::vector<T> a(size_t(batch * s.size));
  for (auto& x : a) x = T(numbers.real());
  const std::vector<T> copy = a;
  const int64_t c_row = n + 3;
  std::vector<int64_t> ao, co;
  for (int64_t i = 0; i < batch; ++i) ao.push_back(i * s.size + s.start), co.push_back(i * n * c_row);
  MatmulCall call{};
  call.dtype = sizeof(T) == 8 ? DType::f64 : DType::f32;
  call.batch = batch, call.m = n, call.n = n, call.k = k;
  call.a = a.data(), call.a_offset = call.b_offset = ao.data();
  call.a_row = call.b_col = s.row, call.a_col = call.b_row = s.col;
  call.c_offset = co.data(), call.c_row = c_row;
  TestPool one(1), two(2);
  for (const Variant& variant : variants()) {
    std::vector<T> want(size_t(batch * n * c_row), T(77)), got = want;
    call.b = copy.data(), call.c = want.data();
    variant.matmul(call, one);
    call.b = a.data(), call.c = got.data();
    variant.matmul(call, two);
    check(!std::memcmp(want.data(), got.data(), want.size() * sizeof(T)), "A times its own transpose", call,
          variant.name);
  }
}

/// Relative error of a product of k terms, over all its elements.
double error_of(const Variant& variant, int64_t k) {
  const int64_t n = 96, zero = 0;
  Numbers numbers(uint64_t(k) + 5);
  std::vector<float> a(size_t(n * k)), b(size_t(k * n)), c(size_t(n * n));
  for (auto& x : a) x = float(numbers.real());
  for (auto& x : b) x = float(numbers.real());
  MatmulCall call{};
  call.dtype = DType::f32;
  call.batch = 1, call.m = n, call.n = n, call.k = k;
  call.a = a.data(), call.b = b.data(), call.c = c.data();
  call.a_offset = call.b_offset = call.c_offset = &zero;
  call.a_row = k, call.a_col = 1, call.b_row = n, call.b_col = 1, call.c_row = n;
  TestPool pool(1);
  variant.matmul(call, pool);
  double squares = 0, errors = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double want = 0;
      for (int64_t q = 0; q < k; ++q) want += double(a[size_t(i * k + q)]) * double(b[size_t(q * n + j)]);
      squares += want * want;
      errors += (c[size_t(i * n + j)] - want) * (c[size_t(i * n + j)] - want);
    }
  return std::sqrt(errors / squares);
}

/// Sums of bfloat16 products are no worse than sums of float32 products.
void matrix_unit_is_as_exact() {
  const std::vector<Variant> all = variants();
  const Variant unit = all.back();
  if (std::strcmp(unit.name, "amx")) return;
  for (int64_t k : {32, 200, 256, 1000, 5000}) {
    const double plain = error_of(all[all.size() - 2], k), here = error_of(unit, k);
    std::printf("  %5ld terms: relative error %.2g, on the matrix unit %.2g\n", long(k), plain, here);
    ++checks;
    if (!(here > 0 && here <= plain)) {
      ++failures;
      std::printf("FAILED: the matrix unit is less exact\n");
    }
  }
}

template <class T>
void all() {
  const Layout some[] = {Layout::rows, Layout::columns, Layout::gaps, Layout::flipped, Layout::repeated};
  for (Layout la : some)
    for (Layout lb : some) {
      test<T>(1, 5, 7, 3, la, lb);
      test<T>(3, 33, 40, 50, la, lb);
      test<T>(1, 61, 97, 130, la, lb);
      test<T>(2, 1, 65, 70, la, lb);
      test<T>(2, 70, 65, 1, la, lb);
      test<T>(1, 150, 820, 35, la, lb);
    }
  for (Layout lb : {Layout::rows, Layout::columns}) {
    for (int64_t m = 1; m <= 34; m += m < 18 ? 1 : 5)
      for (int64_t n : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 47, 48, 63, 64, 65, 100})
        test<T>(1, m, n % 9, n, Layout::rows, lb);
    test<T>(1, 700, 900, 1100, Layout::rows, lb);
    test<T>(1, 200, 20, 3000, Layout::columns, lb);
    test<T>(1, 3000, 9, 20, Layout::rows, lb);
    test<T>(2, 200, 400, 600, Layout::rows, lb);
    // Edges of the matrix unit's tiles: rows, columns, k.
    for (int64_t d : {64, 65, 80, 81, 96, 127})
      for (Layout la : {Layout::rows, Layout::columns}) {
        test<T>(1, d, 64, 130, la, lb);
        test<T>(2, 130, 289, d, la, lb);
        test<T>(1, 96, d, 100, la, lb);
      }
    test<T>(1, 300, 300, 600, Layout::columns, lb, true);
    // Left operands that are packed: once for all blocks, by each block, in pieces of k.
    test<T>(2, 300, 900, 700, Layout::columns, lb);
    test<T>(1, 400, 1100, 100, Layout::gaps, lb);
    test<T>(1, 18, 9000, 30, Layout::gaps, lb);
    // Right operands larger than the left one, read in place if their columns allow.
    test<T>(2, 70, 1100, 300, Layout::rows, lb);
    test<T>(1, 40, 1030, 1500, Layout::gaps, lb);
    test<T>(17, 64, 64, 64, Layout::rows, lb);
    test<T>(1, 16, 20000, 24, Layout::columns, lb);
    test<T>(2, 30, 5000, 10, Layout::rows, lb);
    test<T>(1, 1, 9000, 1, Layout::rows, lb);
    test<T>(1, 1, 900, 5000, Layout::rows, lb);
    test<T>(1, 5000, 900, 1, Layout::rows, lb);
    test<T>(1, 128, 128, 10, Layout::rows, lb);
    test<T>(1, 70000, 1, 1, Layout::rows, lb);
    test<T>(1, 1, 1, 70000, Layout::rows, lb);
    test<T>(0, 4, 4, 4, Layout::rows, lb);
    test<T>(2, 0, 4, 4, Layout::rows, lb);
    test<T>(2, 4, 4, 0, Layout::rows, lb);
    test<T>(2, 40, 0, 50, Layout::rows, lb);
    test<T>(1, 7, 30, 9, Layout::rows, lb, true);
    test<T>(1, 70, 300, 90, Layout::rows, lb, true);
    test<T>(1, 20, 3000, 9, Layout::columns, lb, true);
  }
  for (Layout layout : {Layout::rows, Layout::columns, Layout::gaps, Layout::flipped})
    for (int64_t n : {40, 130, 333, 784, 1100}) test_gram<T>(n < 200 ? 3 : 1, n, n == 333 ? 2100 : 300, layout);
}

}  // namespace

int main() {
  all<float>();
  all<double>();
  matrix_unit_is_as_exact();
  for (const Variant& variant : variants())
    for (auto& calls : cached_calls) {
      ++checks;
      if (calls[variant.name] > 20) continue;
      ++failures;
      std::printf("FAILED: %s cached hardly any operand\n", variant.name);
    }
  std::printf("gemm_test: %d checks %s\n", checks, failures ? "done" : "passed");
  if (failures) std::printf("gemm_test: %d FAILED\n", failures);
  return failures != 0;
}
