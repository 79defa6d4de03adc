// Throughput of the scalar operations, in elements per nanosecond on one thread, on blocks that stay in L1. The
// instruction sets are interleaved; the medians are printed.
//
//   elementwise_bench [lanes per block = 1024] [name of one instruction]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "src/opcodes.h"
#include "test/elementwise_isa.h"

using namespace gradus;

namespace {

constexpr int kRounds = 9;
constexpr double kMilliseconds = 2;  // per round

using Clock = std::chrono::steady_clock;

void fill(std::vector<char>& bytes, DType dtype, int64_t n, unsigned seed, double low, double high) {
  bytes.assign(size_t(n) * 8 + 64, 0);
  for (int64_t i = 0; i < n; ++i) {
    seed = seed * 1664525u + 1013904223u;
    const double x = low + (high - low) * (seed >> 8) / double(1 << 24);
    if (dtype == DType::f32) reinterpret_cast<float*>(bytes.data())[i] = float(x);
    if (dtype == DType::f64) reinterpret_cast<double*>(bytes.data())[i] = x;
    if (dtype == DType::i32) reinterpret_cast<int32_t*>(bytes.data())[i] = int32_t(x * 1000);
    if (dtype == DType::b8) bytes[size_t(i)] = char(seed >> 31);
  }
}

template <class Call>
double elements_per_ns(int64_t n, Call call) {
  int64_t calls = 0;
  const auto start = Clock::now();
  double ns = 0;
  do {
    for (int i = 0; i < 16; ++i) call();
    calls += 16;
    ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
  } while (ns < kMilliseconds * 1e6);
  return double(calls * n) / ns;
}

}  // namespace

int main(int count, char** arguments) {
  const int64_t n = count > 1 ? std::atoll(arguments[1]) : 1024;
  const char* only = count > 2 ? arguments[2] : nullptr;
  const std::vector<Isa> sets = instruction_sets();
  const char* const dtypes[] = {"float32", "float64", "int32", "bool"};
  std::printf("%-11s %-8s", "elements/ns", "");
  for (const Isa& isa : sets) std::printf(" %9s", isa.name);
  std::printf("\n");

  for (int opcode = 0; opcode < kOpcodes; ++opcode)
    for (int t = 0; t < 4; ++t) {
      const char* name = kOpcodeInfo[opcode].name;
      const DType dtype = DType(t);
      if (only && std::strcmp(only, name) != 0) continue;
      if (!sets[0].block_op(opcode, dtype)) continue;
      std::vector<char> a, b, c, r(size_t(n) * 8 + 64);
      fill(a, opcode == op_where ? DType::b8 : dtype, n, 1, 0.1, 4);
      fill(b, dtype, n, 2, 0.1, 3);
      fill(c, dtype, n, 3, -3, 3);
      std::vector<std::vector<double>> rates(sets.size());
      for (int round = 0; round < kRounds; ++round)
        for (size_t i = 0; i < sets.size(); ++i) {
          const auto op = sets[i].block_op(opcode, dtype);
          rates[i].push_back(elements_per_ns(n, [&] { op(r.data(), a.data(), b.data(), c.data(), n); }));
        }
      std::printf("%-11s %-8s", name, dtypes[t]);
      for (auto& rate : rates) {
        std::sort(rate.begin(), rate.end());
        std::printf(" %9.3f", rate[rate.size() / 2]);
      }
      std::printf("\n");
    }
  if (only) return 0;
  for (int from = 0; from < 4; ++from)
    for (int to = 0; to < 4; ++to) {
      std::vector<char> a, r(size_t(n) * 8 + 64);
      fill(a, DType(from), n, 1, -4, 4);
      std::printf("%-8s -> %-8s", dtypes[from], dtypes[to]);
      for (const Isa& isa : sets) {
        const auto op = isa.block_cast(DType(from), DType(to));
        std::vector<double> rate;
        for (int round = 0; round < kRounds; ++round)
          rate.push_back(elements_per_ns(n, [&] { op(r.data(), a.data(), nullptr, nullptr, n); }));
        std::sort(rate.begin(), rate.end());
        std::printf(" %9.3f", rate[rate.size() / 2]);
      }
      std::printf("\n");
    }
}
