// Arguments for the tests of scalar operations, and the comparison of their results.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "src/contract.h"

namespace {

using gradus::DType;

int64_t checks = 0, failures = 0;

void report(bool ok, const std::string& what) {
  ++checks;
  if (!ok && failures++ < 40) std::printf("FAILED %s\n", what.c_str());
}

struct Random {  // splitmix64
  uint64_t state;
  uint64_t bits() {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
};

template <class T>
constexpr DType dtype_of = DType::b8;
template <> constexpr DType dtype_of<float> = DType::f32;
template <> constexpr DType dtype_of<double> = DType::f64;
template <> constexpr DType dtype_of<int32_t> = DType::i32;

const char* const dtype_names[] = {"float32", "float64", "int32", "bool"};

// ---- arguments ----

template <class T>
T random_bits_of(Random& random) {
  const uint64_t bits = random.bits();
  T x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

template <class T>
std::vector<T> float_values() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> v;
  // clang-format off
  const double seeds[] = {0, 1, 2, 0.5, 3, 1.5, 2.5, 7, 10.25, 1e-3, 100, 1e5, 8388607.5, 0x1p23, 0x1p24 + 2, 0x1p31,
                          0x1p31 - 1, 0x1p31 + 1, 2147483520.0, 0x1p32, 4503599627370495.5, 0x1p52, 0x1p53, 1e20, 1e30,
                          1.5707963267948966, 0x1p20, 1.1e6, 88.7, 104, 709.7, 745, 0x1p-30, 0x1p-149, 0x1p-126};
  // clang-format on
  for (double s : seeds) v.push_back(T(s)), v.push_back(T(-s));
  for (T x : {Limits::infinity(), Limits::max(), Limits::min(), Limits::denorm_min(), Limits::quiet_NaN()})
    v.push_back(x), v.push_back(-x);
  T marked;  // a NaN with a payload
  if (sizeof(T) == 4) {
    const uint32_t b = 0x7fc12345;
    std::memcpy(&marked, &b, sizeof marked);
  } else {
    const uint64_t b = 0x7ff8123456789abc;
    std::memcpy(&marked, &b, sizeof marked);
  }
  v.push_back(marked);
  Random random{3};
  while (v.size() < 140) {
    const T x = random_bits_of<T>(random);
    v.push_back(std::isnan(x) ? T(int(random.bits() % 2000) - 1000) / 8 : x);
    v.push_back(T(int(random.bits() % 2000) - 1000) / 8);
  }
  return v;
}

template <class T>
std::vector<T> values();
template <> std::vector<float> values() { return float_values<float>(); }
template <> std::vector<double> values() { return float_values<double>(); }
template <> std::vector<int32_t> values() {
  // clang-format off
  std::vector<int32_t> v = {0, 1, -1, 2, -2, 3, -3, 7, -7, 10, -10, 31, 32, 33, 1 << 16, 1 << 30, INT32_MAX, INT32_MIN,
                            INT32_MAX - 1, INT32_MIN + 1, 16777217, -16777217, 65537, -65537};
  // clang-format on
  Random random{4};
  while (v.size() < 140) v.push_back(int32_t(random.bits())), v.push_back(int32_t(random.bits() % 200) - 100);
  return v;
}
template <> std::vector<uint8_t> values() {
  std::vector<uint8_t> v;
  Random random{5};
  while (v.size() < 140) v.push_back(random.bits() & 1);
  return v;
}

// ---- results ----

template <class T>
bool equal_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}
/// Equal bits, any NaN equalling any NaN.
bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || equal_bits(a, b); }
bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || equal_bits(a, b); }
bool same(int32_t a, int32_t b) { return a == b; }
bool same(uint8_t a, uint8_t b) { return a == b; }

template <class T>
std::string show(T x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", double(x));
  return text;
}

}  // namespace
