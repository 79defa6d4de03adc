// Elementary functions against a reference of higher precision, over all exponents: float32 against the C library's
// double, float64 against its long double (where that has no more precision, float64 only has to meet the bound plus
// the library's own error).
//
// Prints the largest error found per function, precision and instruction set; an argument N multiplies the number of
// points (vmath_test 100 takes minutes).
#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "elementwise_isa.h"
#include "src/opcodes.h"

using namespace gradus;

namespace {

int64_t checks = 0, failures = 0;
int effort = 1;

using Wide = long double;

struct Random {  // splitmix64
  uint64_t state;
  uint64_t bits() {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double uniform(double low, double high) { return low + (high - low) * double(bits() >> 11) * 0x1p-53; }
};

template <class T, class U>
T from_bits(U bits) {
  static_assert(sizeof(T) == sizeof(U));
  T x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

template <class W> W ref_rsqrt(W x) { return 1 / std::sqrt(x); }
template <class W> W ref_sigmoid(W x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
template <class W> W ref_exp(W x) { return std::exp(x); }
template <class W> W ref_expm1(W x) { return std::expm1(x); }
template <class W> W ref_log(W x) { return std::log(x); }
template <class W> W ref_log1p(W x) { return std::log1p(x); }
template <class W> W ref_sin(W x) { return std::sin(x); }
template <class W> W ref_cos(W x) { return std::cos(x); }
template <class W> W ref_tanh(W x) { return std::tanh(x); }
template <class W> W ref_erf(W x) { return std::erf(x); }
template <class W> W ref_sqrt(W x) { return std::sqrt(x); }

/// Bounds in ulp with and without fused multiply-add; `low`…`high` is sampled more densely.
struct Function {
  const char* name;
  int opcode;
  double (*single)(double);
  Wide (*wide)(Wide);
  double low, high;
  double f32, f32_unfused, f64, f64_unfused;
};

const Function functions[] = {
    {"sqrt", op_sqrt, ref_sqrt<double>, ref_sqrt<Wide>, 0, 4, 0.501, 0.501, 0.501, 0.501},
    {"rsqrt", op_rsqrt, ref_rsqrt<double>, ref_rsqrt<Wide>, 0, 4, 1, 1, 1, 1},
    {"exp", op_exp, ref_exp<double>, ref_exp<Wide>, -750, 715, 1.5, 1.5, 1.5, 1.5},
    {"expm1", op_expm1, ref_expm1<double>, ref_expm1<Wide>, -40, 40, 1.5, 1.5, 1.5, 1.5},
    {"log", op_log, ref_log<double>, ref_log<Wide>, 0, 3, 1.5, 1.5, 1.5, 1.5},
    {"log1p", op_log1p, ref_log1p<double>, ref_log1p<Wide>, -1, 3, 1.5, 1.5, 1.5, 1.5},
    {"sin", op_sin, ref_sin<double>, ref_sin<Wide>, -2e5, 2e5, 1, 1, 1.5, 1.5},
    {"cos", op_cos, ref_cos<double>, ref_cos<Wide>, -2e5, 2e5, 1, 1, 1.5, 1.5},
    {"tanh", op_tanh, ref_tanh<double>, ref_tanh<Wide>, -3, 3, 2.6, 2.6, 2.6, 2.6},
    {"sigmoid", op_sigmoid, ref_sigmoid<double>, ref_sigmoid<Wide>, -110, 40, 2.5, 2.5, 2.5, 2.5},
    {"erf", op_erf, ref_erf<double>, ref_erf<Wide>, -6, 6, 2, 2, 2, 2},
};

template <class T>
constexpr DType dtype_of = sizeof(T) == 4 ? DType::f32 : DType::f64;

/// |got − exact| in units of the last place of T at the exact value.
template <class T, class W>
double ulps(T got, W exact) {
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) && std::isnan(got) ? 0 : INFINITY;
  const T rounded = T(exact);
  if (got == rounded) {
    if (std::isinf(got)) return 0;
  } else if (std::isinf(exact)) {
    return INFINITY;
  }
  constexpr int digits = sizeof(T) == 4 ? FLT_MANT_DIG : DBL_MANT_DIG;
  constexpr int least = sizeof(T) == 4 ? FLT_MIN_EXP : DBL_MIN_EXP;
  constexpr int most = sizeof(T) == 4 ? FLT_MAX_EXP : DBL_MAX_EXP;
  int e = 0;
  std::frexp(exact, &e);
  e = e < least ? least : e > most ? most : e;
  const W value = std::isinf(got) ? std::copysign(std::ldexp(W(1), most), W(got)) : W(got);
  return double(std::ldexp(std::fabs(value - exact), digits - e));
}

template <class T>
std::vector<T> points(const Function& f) {
  Random random{uint64_t(f.opcode) * 2 + sizeof(T)};
  std::vector<T> x;
  const int64_t count = int64_t(effort) * (sizeof(T) == 4 ? 1000000 : 100000);
  for (int64_t i = 0; i < count; ++i) {  // all exponents equally likely
    if (sizeof(T) == 4) x.push_back(from_bits<float>(uint32_t(random.bits())));
    else x.push_back(T(from_bits<double>(random.bits())));
  }
  const double scale = sizeof(T) == 4 && f.high > 700 ? 0.15 : 1;
  for (int64_t i = 0; i < count; ++i) x.push_back(T(random.uniform(f.low, f.high) * scale));
  for (int64_t i = 0; i < count; ++i) x.push_back(T(random.uniform(-1.5, 1.5)));
  for (int64_t i = 0; i < count / 2; ++i)  // moderate magnitudes of both signs
    x.push_back(T(std::ldexp(random.uniform(-1, 1), int(random.bits() % 40) - 30)));
  // clang-format off
  const double anchors[] = {1, -1, 0.5, 0.70710678118654757, 1.4142135623730951, 88.7228, -87.3365, -103.97,
                            709.782712893384, -708.396, -745.13, 0.34657359027997264, -0.34657359027997264,
                            9.0109, 19.06, 4, 6, 0x1p20, 1.6e6, FLT_MIN, DBL_MIN};
  // clang-format on
  for (double a : anchors)  // neighbourhoods of the points where formulas change
    for (int sign = -1; sign <= 1; sign += 2) {
      T up = T(sign * a), down = up;
      for (int i = 0; i < 2000; ++i) {
        x.push_back(up = std::nextafter(up, T(INFINITY)));
        x.push_back(down = std::nextafter(down, T(-INFINITY)));
      }
    }
  for (int64_t k = 1; k < 700000; k += k < 20000 ? 1 : 101) {  // zeros of sin and cos
    const T nearest = T(1.5707963267948966192313216916397514L * Wide(k));
    x.push_back(nearest);
    x.push_back(std::nextafter(nearest, T(0)));
    x.push_back(-nearest);
  }
  // the float64 and the float32 nearest to multiples of π/2
  x.push_back(T(6381956970095103.0 * 0x1p797));
  x.push_back(T(16367173.0 * 0x1p72));
  return x;
}

void report(bool ok, const std::string& what) {
  ++checks;
  if (!ok && failures++ < 40) std::printf("FAILED %s\n", what.c_str());
}

template <class T>
std::string digits(T x) {
  char text[64];
  std::snprintf(text, sizeof text, "%.17g (%a)", double(x), double(x));
  return text;
}

template <class T, class W>
void sweep(const Function& f, W (*reference)(W), double bound, double bound_unfused) {
  const std::vector<T> x = points<T>(f);
  std::vector<W> exact(x.size());
  for (size_t i = 0; i < x.size(); ++i) exact[i] = reference(W(x[i]));
  std::vector<T> y(x.size());
  std::printf("  %-8s %s ", f.name, sizeof(T) == 4 ? "float32" : "float64");
  for (const Isa& isa : instruction_sets()) {
    isa.block_op(f.opcode, dtype_of<T>)(y.data(), x.data(), nullptr, nullptr, int64_t(x.size()));
    double worst = 0;
    size_t where = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = ulps(y[i], exact[i]);
      if (!(error <= worst)) worst = error, where = i;
      ++checks;
      // an exact zero keeps the sign
      if (exact[i] == 0 && std::signbit(exact[i]) != std::signbit(y[i]))
        report(false, std::string(isa.name) + " sign of " + f.name + " " + digits(x[i]));
    }
    std::printf("  %s %.3f", isa.name, worst);
    report(worst <= (isa.fused ? bound : bound_unfused), "\n" + std::string(isa.name) + " " + f.name + " of " +
                                                             digits(x[where]) + ": " + digits(y[where]) + ", not " +
                                                             digits(T(exact[where])));
  }
  std::printf("\n");
}

template <class T, class W>
void sweep_pow(double bound, double bound_unfused) {
  Random random{sizeof(T)};
  std::vector<T> x, y;
  const int64_t count = int64_t(effort) * (sizeof(T) == 4 ? 500000 : 100000);
  const double limit = sizeof(T) == 4 ? 104 : 746;
  auto any = [&] {
    return sizeof(T) == 4 ? T(from_bits<float>(uint32_t(random.bits()))) : T(from_bits<double>(random.bits()));
  };
  for (int64_t i = 0; i < count; ++i) x.push_back(any()), y.push_back(any());
  for (int64_t i = 0; i < count; ++i) {  // any base, results over the full range
    const T base = std::fabs(any());
    x.push_back(base), y.push_back(T(random.uniform(-limit, limit) / std::log(double(base))));
  }
  for (int64_t i = 0; i < count; ++i) {  // bases near 1, large exponents
    const T base = T(1 + std::ldexp(random.uniform(-1, 1), -1 - int(random.bits() % (sizeof(T) == 4 ? 23 : 52))));
    x.push_back(base), y.push_back(T(random.uniform(-limit, limit) / std::log(double(base))));
  }
  for (int64_t i = 0; i < count; ++i)
    x.push_back(T(random.uniform(-20, 20))), y.push_back(T(int(random.bits() % 41) - 20) / (random.bits() % 4 ? 1 : 2));
  std::vector<W> exact(x.size());
  for (size_t i = 0; i < x.size(); ++i) exact[i] = std::pow(W(x[i]), W(y[i]));
  std::vector<T> z(x.size());
  std::printf("  %-8s %s ", "pow", sizeof(T) == 4 ? "float32" : "float64");
  for (const Isa& isa : instruction_sets()) {
    isa.block_op(op_pow, dtype_of<T>)(z.data(), x.data(), y.data(), nullptr, int64_t(x.size()));
    double worst = 0;
    size_t where = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double error = ulps(z[i], exact[i]);
      if (!(error <= worst)) worst = error, where = i;
      ++checks;
    }
    std::printf("  %s %.3f", isa.name, worst);
    report(worst <= (isa.fused ? bound : bound_unfused), std::string(isa.name) + " pow of " + digits(x[where]) +
                                                             " and " + digits(y[where]) + ": " + digits(z[where]) +
                                                             ", not " + digits(T(exact[where])));
  }
  std::printf("\n");
}

/// Equal as numbers, and in the sign of zero; NaN equals NaN.
template <class T>
bool same(T a, T b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

template <class T>
void special_values(const Isa& isa) {
  const T inf = T(INFINITY), nan = T(NAN), tiny = std::nextafter(T(0), T(1));
  const T greatest = sizeof(T) == 4 ? T(FLT_MAX) : T(DBL_MAX);
  struct Case {
    int opcode;
    T x, y;
  };
  // clang-format off
  const Case cases[] = {
      {op_sqrt, 0, 0}, {op_sqrt, T(-0.0), T(-0.0)}, {op_sqrt, -1, nan}, {op_sqrt, inf, inf}, {op_sqrt, nan, nan},
      {op_rsqrt, 0, inf}, {op_rsqrt, T(-0.0), -inf}, {op_rsqrt, -1, nan}, {op_rsqrt, inf, 0}, {op_rsqrt, nan, nan},
      {op_rsqrt, 4, T(0.5)}, {op_rsqrt, 1, 1},
      {op_exp, 0, 1}, {op_exp, T(-0.0), 1}, {op_exp, inf, inf}, {op_exp, -inf, 0}, {op_exp, nan, nan},
      {op_exp, greatest, inf}, {op_exp, -greatest, 0}, {op_exp, tiny, 1},
      {op_expm1, 0, 0}, {op_expm1, T(-0.0), T(-0.0)}, {op_expm1, inf, inf}, {op_expm1, -inf, -1}, {op_expm1, nan, nan},
      {op_expm1, tiny, tiny}, {op_expm1, -tiny, -tiny}, {op_expm1, greatest, inf}, {op_expm1, -greatest, -1},
      {op_log, 1, 0}, {op_log, 0, -inf}, {op_log, T(-0.0), -inf}, {op_log, inf, inf}, {op_log, -1, nan},
      {op_log, -tiny, nan}, {op_log, -inf, nan}, {op_log, nan, nan},
      {op_log1p, 0, 0}, {op_log1p, T(-0.0), T(-0.0)}, {op_log1p, -1, -inf}, {op_log1p, -2, nan}, {op_log1p, inf, inf},
      {op_log1p, -inf, nan}, {op_log1p, nan, nan}, {op_log1p, tiny, tiny}, {op_log1p, -tiny, -tiny},
      {op_sin, 0, 0}, {op_sin, T(-0.0), T(-0.0)}, {op_sin, inf, nan}, {op_sin, -inf, nan}, {op_sin, nan, nan},
      {op_sin, tiny, tiny}, {op_sin, -tiny, -tiny},
      {op_cos, 0, 1}, {op_cos, T(-0.0), 1}, {op_cos, inf, nan}, {op_cos, -inf, nan}, {op_cos, nan, nan}, {op_cos, tiny, 1},
      {op_tanh, 0, 0}, {op_tanh, T(-0.0), T(-0.0)}, {op_tanh, inf, 1}, {op_tanh, -inf, -1}, {op_tanh, nan, nan},
      {op_tanh, tiny, tiny}, {op_tanh, -tiny, -tiny}, {op_tanh, 30, 1}, {op_tanh, -greatest, -1},
      {op_sigmoid, 0, T(0.5)}, {op_sigmoid, T(-0.0), T(0.5)}, {op_sigmoid, inf, 1}, {op_sigmoid, -inf, 0},
      {op_sigmoid, nan, nan}, {op_sigmoid, greatest, 1}, {op_sigmoid, -greatest, 0},
      {op_erf, 0, 0}, {op_erf, T(-0.0), T(-0.0)}, {op_erf, inf, 1}, {op_erf, -inf, -1}, {op_erf, nan, nan},
      {op_erf, tiny, tiny}, {op_erf, -tiny, -tiny}, {op_erf, 7, 1}, {op_erf, -7, -1},
  };
  // clang-format on
  for (const Case& c : cases) {
    T got;
    isa.block_op(c.opcode, dtype_of<T>)(&got, &c.x, nullptr, nullptr, 1);
    report(same(got, c.y),
           std::string(isa.name) + " " + kOpcodeInfo[c.opcode].name + " of " + digits(c.x) + ": " + digits(got));
  }
}

/// C's table of special values of pow: every pair of these, against the library (exact cases only).
template <class T>
void special_powers(const Isa& isa) {
  const T inf = T(INFINITY), nan = T(NAN), tiny = std::nextafter(T(0), T(1));
  const T greatest = sizeof(T) == 4 ? T(FLT_MAX) : T(DBL_MAX);
  // clang-format off
  const T values[] = {0, T(-0.0), 1, -1, 2, -2, T(0.5), T(-0.5), 3, -3, 4, -4, T(1.5), T(-1.5), tiny, -tiny, greatest,
                      -greatest, inf, -inf, nan, T(0x1p23), T(0x1p24 - 1), T(0x1p24), T(-0x1p23 - 1), T(0x1p52),
                      T(0x1p53), T(0x1p52 + 1), T(0x1p53 - 1), T(1) / 3};
  // clang-format on
  for (const T x : values)
    for (const T y : values) {
      T got;
      isa.block_op(op_pow, dtype_of<T>)(&got, &x, &y, nullptr, 1);
      const T expected = std::pow(x, y);
      const bool exact = expected == 0 || std::isinf(expected) || std::isnan(expected) || std::fabs(expected) == 1;
      const bool ok = exact ? same(got, expected)
                            : ulps(got, std::pow(Wide(x), Wide(y))) <= 2 && std::signbit(got) == std::signbit(expected);
      report(ok, std::string(isa.name) + " pow of " + digits(x) + " and " + digits(y) + ": " + digits(got) + ", not " +
                     digits(expected));
    }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) effort = std::atoi(arguments[1]);
  // where the library computes long double in float64, its own error counts as well
  volatile Wide third = Wide(1) / 3;
  const Wide probe = std::exp(third);
  const double slack = Wide(double(probe)) == probe ? 2 : 0;
  std::printf("vmath: largest error in ulp\n");
  for (const Function& f : functions) sweep<float, double>(f, f.single, f.f32, f.f32_unfused);
  sweep_pow<float, double>(1, 1);
  for (const Function& f : functions) sweep<double, Wide>(f, f.wide, f.f64 + slack, f.f64_unfused + slack);
  sweep_pow<double, Wide>(2 + slack, 2 + slack);
  for (const Isa& isa : instruction_sets()) {
    special_values<float>(isa), special_values<double>(isa);
    special_powers<float>(isa), special_powers<double>(isa);
  }
  if (failures) return std::printf("vmath: %lld of %lld checks failed\n", (long long)failures, (long long)checks), 1;
  std::printf("vmath: %lld checks passed\n", (long long)checks);
}
