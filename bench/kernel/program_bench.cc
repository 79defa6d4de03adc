// Cost of instructions through the engine: overhead of tiny ones, bandwidth of large ones.
//   program_bench [threads] [only cases whose name contains this]
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "src/engine.h"
#include "src/opcodes.h"
#include "test/encode.h"

using namespace gradus;

namespace {

using Shape = std::vector<int64_t>;

Shape dense(const Shape& shape) {
  Shape s(shape.size());
  int64_t step = 1;
  for (size_t a = shape.size(); a-- > 0; step *= shape[a]) s[a] = step;
  return s;
}

/// A program under construction; every view gets a slot unless it names one.
struct Builder {
  Program p;
  int32_t slot(bool output, DType t, int64_t size) {
    p.slots.push_back({output, t, size, -1});
    return int32_t(p.slots.size());
  }
  View in(const Shape& strides, int64_t size, DType t = DType::f32) { return {slot(false, t, size), t, 0, strides}; }
  View out(const Shape& shape, DType t = DType::f32) { return {slot(true, t, count_of(shape)), t, 0, dense(shape)}; }
};

Value input(int n, DType t = DType::f32) { return {ValueKind::input, t, n, 0, 0, {}}; }
Value constant(double x, DType t = DType::f32) { return {ValueKind::constant, t, 0, x, 0, {}}; }
Value op(int code, int a, int b = 0, int c = 0, DType t = DType::f32) {
  return {ValueKind::op, t, code, 0, kOpcodeInfo[code].arity, {a, b, c}};
}
Expression identity(DType t = DType::f32) { return {{input(0, t)}, {0}}; }

struct Time {
  double median, least;
};

/// Seconds of one run.
Time time(const Program& p, int threads) {
  Engine engine(threads);
  const Words words = encode(p);
  std::string why;
  const auto loaded = engine.load(words.encoded(), why);
  if (!loaded) return std::printf("refused: %s\n", why.c_str()), Time{1, 1};
  std::vector<char*> buffers(1, nullptr);
  for (const Slot& s : p.slots) {
    const size_t bytes = size_t(s.size) * byte_size(s.dtype);
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, std::max<size_t>(bytes, 64)) != 0) std::abort();
    std::memset(memory, 0, bytes);
    if (s.dtype == DType::f32)
      for (int64_t i = 0; i < s.size; ++i) static_cast<float*>(memory)[i] = float(i % 7) / 7;
    if (s.dtype == DType::i32)  // indices, below every axis size used here
      for (int64_t i = 0; i < s.size; ++i) static_cast<int32_t*>(memory)[i] = int32_t(i * 37 % 784);
    buffers.push_back(static_cast<char*>(memory));
  }
  std::vector<double> times;
  double total = 0;
  while (total < 0.4 || times.size() < 5) {
    const auto start = std::chrono::steady_clock::now();
    engine.run(*loaded, buffers.data(), why);
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    total += times.back();
  }
  for (size_t i = 1; i < buffers.size(); ++i) std::free(buffers[i]);
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], times[0]};
}

std::string only;

/// `repeat` equal instructions; reports one.
void report(const char* name, Builder b, Instruction i, double bytes, int threads) {
  if (std::string(name).find(only) == std::string::npos) return;
  const int repeat = bytes < 1e5 ? 200 : 1;
  for (int n = 0; n < repeat; ++n) b.p.instructions.push_back(i);
  const Time t = time(b.p, threads);
  std::printf("%-44s %10.3f µs median, %10.3f least %8.1f GB/s\n", name, t.median / repeat * 1e6,
              t.least / repeat * 1e6, bytes * repeat / t.least / 1e9);
}

Instruction map(Builder& b, const Shape& shape, std::vector<View> inputs, Expression e) {
  Instruction i;
  i.kind = Kind::map;
  i.shape = shape;
  i.fused.inputs = std::move(inputs);
  for (size_t n = 0; n < e.results.size(); ++n)
    i.fused.outputs.push_back(b.out(shape, e.values[size_t(e.results[n])].dtype));
  i.fused.expression = std::move(e);
  return i;
}

Instruction reduce(Builder& b, const Shape& shape, int64_t kept, Reducer reducer, std::vector<View> inputs,
                   Expression before) {
  Instruction i;
  i.kind = Kind::reduce;
  i.shape = shape;
  i.kept = kept;
  i.reducer = reducer;
  i.inputs = std::move(inputs);
  i.before = std::move(before);
  const DType t = reducer == Reducer::argmax ? DType::i32 : DType::f32;
  i.fused.outputs = {b.out(Shape(shape.begin(), shape.begin() + kept), t)};
  i.fused.expression = identity(t);
  return i;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  if (argc > 2) only = argv[2];
  std::printf("%s, %d threads\n", Engine(threads).isa(), Engine(threads).threads());
  const auto relu_add = [] {
    return Expression{{input(0), input(1), op(op_add, 0, 1), constant(0), op(op_max, 2, 3)}, {4}};
  };
  for (const Shape& s : {Shape{32, 16}, Shape{128, 256}, Shape{512, 128}, Shape{1024, 1024}, Shape{4096, 4096}}) {
    const int64_t n = count_of(s);
    const std::string size = " [" + std::to_string(s[0]) + ", " + std::to_string(s[1]) + "]";
    const double mb = double(n) * 4;
    {
      Builder b;
      Instruction i = map(b, s, {b.in(dense(s), n)}, identity());
      report(("copy" + size).c_str(), b, i, 2 * mb, threads);
    }
    {
      Builder b;
      Instruction i = map(b, s, {}, {{constant(0)}, {0}});
      report(("fill" + size).c_str(), b, i, mb, threads);
    }
    {
      Builder b;
      Instruction i = map(b, s, {b.in({1, s[0]}, n)}, identity());
      report(("transpose" + size).c_str(), b, i, 2 * mb, threads);
    }
    {
      Builder b;
      Instruction i = map(b, s, {b.in(dense(s), n), b.in(dense(s), n)}, relu_add());
      report(("max(a + b, 0)" + size).c_str(), b, i, 3 * mb, threads);
    }
    {
      Builder b;
      Instruction i = map(b, s, {b.in(dense(s), n), b.in({0, 1}, s[1])}, relu_add());
      report(("max(a + bias, 0)" + size).c_str(), b, i, 2 * mb, threads);
    }
    {
      Builder b;
      Instruction i = map(b, s, {b.in(dense(s), n)}, {{input(0), op(op_exp, 0)}, {1}});
      report(("exp" + size).c_str(), b, i, 2 * mb, threads);
    }
    {
      // Adam: p, g, m, v in; p, m, v out; learning rate and bias corrections as scalars.
      Builder b;
      Expression e{{input(0),          input(1),         input(2),           input(3),           input(4),
                    input(5),          input(6),         constant(0.9),      constant(0.1),      constant(0.999),
                    constant(0.001),   constant(1e-8),   op(op_mul, 2, 7),   op(op_mul, 1, 8),   op(op_add, 12, 13),
                    op(op_mul, 3, 9),  op(op_mul, 1, 1), op(op_mul, 16, 10), op(op_add, 15, 17), op(op_mul, 14, 5),
                    op(op_mul, 18, 6), op(op_sqrt, 20),  op(op_add, 21, 11), op(op_div, 19, 22), op(op_mul, 23, 4),
                    op(op_sub, 0, 24)},
                   {25, 14, 18}};
      std::vector<View> in;
      for (int k = 0; k < 4; ++k) in.push_back(b.in(dense(s), n));
      for (int k = 0; k < 3; ++k) in.push_back(b.in({0, 0}, 1));
      Builder c = b;
      Instruction i = map(b, s, in, e);
      report(("adam" + size).c_str(), b, i, 7 * mb, threads);
      in[1].strides = {1, s[0]};
      Instruction j = map(c, s, in, e);
      report(("adam of a transposed gradient" + size).c_str(), c, j, 7 * mb, threads);
    }
    {
      Builder b;
      Instruction i = reduce(b, s, 1, Reducer::sum, {b.in(dense(s), n)}, identity());
      report(("row sums" + size).c_str(), b, i, mb, threads);
    }
    {
      Builder b;
      Instruction i = reduce(b, {s[1], s[0]}, 1, Reducer::sum, {b.in({1, s[1]}, n)}, identity());
      report(("column sums" + size).c_str(), b, i, mb, threads);
    }
    {
      Builder b;
      Instruction i = reduce(b, s, 0, Reducer::sum, {b.in(dense(s), n)}, identity());
      report(("sum of all" + size).c_str(), b, i, mb, threads);
    }
    {
      Builder b;
      Instruction i = reduce(b, s, 1, Reducer::max, {b.in(dense(s), n)}, identity());
      report(("row maxima" + size).c_str(), b, i, mb, threads);
    }
    {
      Builder b;
      Instruction i = reduce(b, s, 1, Reducer::argmax, {b.in(dense(s), n)}, identity());
      report(("row argmax" + size).c_str(), b, i, mb, threads);
    }
    {
      Builder b;
      Instruction i = reduce(b, s, 1, Reducer::sum, {b.in(dense(s), n), b.in({1, 0}, s[0])},
                             {{input(0), input(1), op(op_sub, 0, 1), op(op_exp, 2)}, {3}});
      report(("row sums of exp(x - max)" + size).c_str(), b, i, mb, threads);
    }
  }
  {
    Builder b;
    Instruction i = reduce(b, {65536, 10}, 1, Reducer::sum, {b.in({10, 1}, 655360)}, identity());
    report("row sums [65536, 10]", b, i, 655360 * 4, threads);
  }
  {
    Builder b;
    Instruction i = reduce(b, {65536, 10}, 1, Reducer::max, {b.in({10, 1}, 655360)}, identity());
    report("row maxima [65536, 10]", b, i, 655360 * 4, threads);
    Builder c;
    Instruction j = reduce(c, {65536, 10}, 1, Reducer::argmax, {c.in({10, 1}, 655360)}, identity());
    report("row argmax [65536, 10]", c, j, 655360 * 4, threads);
  }
  {
    Builder b;
    Instruction i = reduce(b, {128, 10}, 1, Reducer::max, {b.in({10, 1}, 1280)}, identity());
    report("row maxima [128, 10]", b, i, 1280 * 4, threads);
  }
  {
    const Shape s{64, 32, 14, 14, 2, 2};
    Builder b;
    Instruction i = reduce(b, s, 4, Reducer::argmax, {b.in({32 * 784, 784, 56, 2, 28, 1}, 64 * 32 * 784)}, identity());
    report("max pool 2x2 [64, 32, 28, 28] argmax", b, i, 64 * 32 * 784 * 4, threads);
    Builder c;
    Instruction j = reduce(c, s, 4, Reducer::max, {c.in({32 * 784, 784, 56, 2, 28, 1}, 64 * 32 * 784)}, identity());
    report("max pool 2x2 [64, 32, 28, 28] max", c, j, 64 * 32 * 784 * 4, threads);
    const Shape t{64, 32, 13, 13, 3, 3};
    Builder d;
    Instruction k = reduce(d, t, 4, Reducer::max, {d.in({32 * 784, 784, 56, 2, 28, 1}, 64 * 32 * 784)}, identity());
    report("max pool 3x3/2 [64, 32, 28, 28] max", d, k, 64 * 32 * 784 * 4, threads);
  }
  for (const int64_t n : {int64_t{8}, int64_t{16}}) {
    // Pooling as lowered: the position in the window becomes one in the plane.
    const int64_t out = n == 8 ? 14 : 5, in = 2 * out, plane = in * in;
    Builder b;
    Instruction i = reduce(b, {64, n, out, out, 2, 2}, 4, Reducer::argmax,
                           {b.in({n * plane, plane, 2 * in, 2, in, 1}, 64 * n * plane)}, identity());
    const DType t = DType::i32;
    const auto index = [](int axis) { return Value{ValueKind::index, DType::i32, axis, 0, 0, {}}; };
    i.fused.expression = {
        {input(0, t), constant(2, t), op(op_floorDiv, 0, 1, 0, t), op(op_mul, 2, 1, 0, t), op(op_sub, 0, 3, 0, t),
         index(2), op(op_mul, 5, 1, 0, t), op(op_add, 6, 2, 0, t), index(3), op(op_mul, 8, 1, 0, t),
         op(op_add, 9, 4, 0, t), constant(double(in), t), op(op_mul, 7, 11, 0, t), op(op_add, 12, 10, 0, t)},
        {13}};
    report(("max pool [64, " + std::to_string(n) + ", " + std::to_string(in) + ", ..] argmax in plane").c_str(), b, i,
           double(64 * n * plane * 4), threads);
    Builder c;
    Instruction g;
    g.kind = Kind::gather;
    g.shape = {64 * n, out * out};
    g.axis = 1;
    g.axis_size = plane;
    g.operands = {c.in({plane, 1}, 64 * n * plane), c.in({out * out, 1}, 64 * n * out * out, DType::i32)};
    if (plane < 784) g.axis_size = 784, g.operands[0] = c.in({784, 1}, 64 * n * 784);
    g.outputs = {c.out(g.shape)};
    report(("gather planes [" + std::to_string(64 * n) + ", " + std::to_string(out * out) + "]").c_str(), c, g,
           double(64 * n * out * out) * 12, threads);
    Builder d;
    g.kind = Kind::scatter_add;
    g.operands = {d.in({out * out, 1}, 64 * n * out * out, DType::i32), d.in({out * out, 1}, 64 * n * out * out)};
    g.outputs = {d.out({64 * n, g.axis_size})};
    report(("scatterAdd planes [" + std::to_string(64 * n) + ", " + std::to_string(out * out) + "]").c_str(), d, g,
           double(64 * n) * double(out * out * 8 + g.axis_size * 4), threads);
  }
  {
    const Shape s{512, 784};
    Builder b;
    Instruction i = map(b, s, {b.in(dense(s), 512 * 784, DType::b8), b.in(dense(s), 512 * 784)},
                        {{input(0, DType::b8), input(1), constant(0), op(op_where, 0, 2, 1)}, {3}});
    report("where(mask, 0, g) [512, 784]", b, i, 512 * 784 * 9, threads);
  }
  {
    // The gradient of pooling: 14·14 updates per plane of 28·28.
    Builder b;
    Instruction i;
    i.kind = Kind::scatter_add;
    i.shape = {2048, 196};
    i.axis = 1;
    i.axis_size = 784;
    i.operands = {b.in({196, 1}, 2048 * 196, DType::i32), b.in({196, 1}, 2048 * 196)};
    i.outputs = {b.out({2048, 784})};
    report("scatterAdd planes [2048, 196 of 784]", b, i, 2048 * (196 * 8 + 784 * 4.0), threads);
  }
  {
    Builder b;
    Instruction i;
    i.kind = Kind::gather;
    i.shape = {8192, 128};
    i.axis = 0;
    i.axis_size = 10000;
    i.operands = {b.in({128, 1}, 1280000), b.in({1, 0}, 8192, DType::i32)};
    i.outputs = {b.out({8192, 128})};
    report("gather rows [8192 of 10000, 128]", b, i, 8192 * 128 * 8, threads);
    Builder c;
    i.kind = Kind::scatter_add;
    i.operands = {c.in({1, 0}, 8192, DType::i32), c.in({128, 1}, 8192 * 128)};
    i.outputs = {c.out({10000, 128})};
    report("scatterAdd rows [8192 of 10000, 128]", c, i, (8192 + 10000) * 128 * 4.0, threads);
  }
  {
    Builder b;
    Instruction i;
    i.kind = Kind::fold;
    i.shape = {2048, 28, 28};
    i.fold = {{26, 26}, {3, 3}, {1, 1}, {1, 1}};
    i.operands = {b.in({26 * 26 * 9, 26, 1, 26 * 26 * 3, 26 * 26}, 2048 * 26 * 26 * 9)};
    i.outputs = {b.out(i.shape)};
    report("fold 3x3 [2048, 28, 28]", b, i, 2048 * 26 * 26 * 9 * 4.0, threads);
  }
  for (const int64_t n : {int64_t{16}, int64_t{64}, int64_t{256}}) {
    Builder b;
    Instruction i;
    i.kind = Kind::matmul;
    i.shape = {32, n};
    i.k = n;
    i.operands = {b.in({n, 1}, 32 * n), b.in({n, 1}, n * n)};
    i.fused.inputs = {b.in({0, 1}, n)};
    i.fused.outputs = {b.out({32, n})};
    i.fused.expression = relu_add();
    report(("matmul + bias + relu 32 x " + std::to_string(n)).c_str(), b, i, 1000, threads);
    Builder c;
    i.operands = {c.in({n, 1}, 32 * n), c.in({n, 1}, n * n)};
    i.fused.inputs = {};
    i.fused.outputs = {c.out({32, n})};
    i.fused.expression = identity();
    report(("matmul 32 x " + std::to_string(n)).c_str(), c, i, 1000, threads);
  }
}
