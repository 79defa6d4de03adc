// A minimal test harness.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>

namespace gradus {

inline int64_t checks = 0, failures = 0;

inline bool check(bool good, const std::string& what) {
  ++checks;
  if (!good && ++failures <= 20) std::printf("FAILED %s\n", what.c_str());
  return good;
}

/// The last line of a test's main.
inline int summary(const char* name) {
  if (failures) return std::printf("%s: %lld of %lld checks failed\n", name, (long long)failures, (long long)checks), 1;
  std::printf("%s: %lld checks passed\n", name, (long long)checks);
  return 0;
}

/// SplitMix64: reproducible and good enough for test data.
struct Random {
  uint64_t state;
  uint64_t bits() {
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  int64_t below(int64_t n) { return int64_t(bits() % uint64_t(n)); }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool one_in(int64_t n) { return below(n) == 0; }
};

}  // namespace gradus
