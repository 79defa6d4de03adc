// Refused programs: each violated rule with its message, and a fuzzer: random words and mutated programs are refused or
// run within buffers of the exact size (run under `make sanitize`).
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "encode.h"
#include "generate.h"
#include "src/engine.h"

using namespace gradus;

namespace {

View view(int32_t buffer, std::vector<int64_t> strides, int64_t offset = 0, DType dtype = DType::f32) {
  return {buffer, dtype, offset, std::move(strides)};
}

Expression identity(DType dtype = DType::f32) { return {{{ValueKind::input, dtype, 0, 0, 0, {}}}, {0}}; }

/// A valid matmul [2, 3] × [3, 4]: slots 0 and 1 in, 2 out.
Program product() {
  Program p;
  p.slots = {{false, DType::f32, 6, -1}, {false, DType::f32, 12, -1}, {true, DType::f32, 8, -1}};
  Instruction i;
  i.kind = Kind::matmul;
  i.shape = {2, 4};
  i.k = 3;
  i.operands = {view(1, {3, 1}), view(2, {4, 1})};
  i.fused = {{}, {view(3, {4, 1})}, identity()};
  p.instructions = {i};
  return p;
}

/// A valid map over [4]: slot 0 in, slot 1 out, which may reuse slot 0's memory.
Program copy() {
  Program p;
  p.slots = {{false, DType::f32, 4, -1}, {true, DType::f32, 4, 0}};
  p.arena_bytes = 64;
  Instruction i;
  i.kind = Kind::map;
  i.shape = {4};
  i.fused = {{view(1, {1})}, {view(2, {1})}, identity()};
  p.instructions = {i};
  return p;
}

template <class Change>
void refused(Program p, Change&& change, const std::string& reason) {
  Engine engine(1);
  change(p);
  const Words words = encode(p);
  std::string why;
  const auto loaded = engine.load(words.encoded(), why);
  check(!loaded && why.find(reason) != std::string::npos, "wanted \"" + reason + "\", got \"" + why + "\"");
}

void views_are_checked() {
  Engine engine(1);
  std::string why;
  check(engine.load(encode(product()).encoded(), why) != nullptr, "the product is valid: " + why);
  check(engine.load(encode(copy()).encoded(), why) != nullptr, "the copy is valid: " + why);
  refused(
      product(), [](Program& p) { p.instructions[0].k = 300; },
      "instruction 0 (matmul): view a reaches element 302 of buffer 1, which has 6");
  refused(
      product(), [](Program& p) { p.instructions[0].operands[1].strides[0] = -4; },
      "instruction 0 (matmul): view b reaches element -8 of buffer 2, which has 12");
  refused(
      product(), [](Program& p) { p.instructions[0].fused.outputs[0].strides[0] = 0; },
      "writes elements more than once");
  refused(product(), [](Program& p) { p.instructions[0].fused.outputs[0].buffer = 1; }, "writes input slot 0");
  refused(product(), [](Program& p) { p.instructions[0].operands[0].buffer = 3; }, "reads output slot 2");
  refused(product(), [](Program& p) { p.instructions[0].operands[0].buffer = 7; }, "names buffer 7 of 4");
  refused(
      copy(), [](Program& p) { p.instructions[0].fused.inputs[0].dtype = DType::f64; },
      "is float64, its slot is float32");
  refused(
      product(), [](Program& p) { p.instructions[0].operands[0].dtype = DType::f64; },
      "a and b are float64 and float32");
  refused(product(), [](Program& p) { p.instructions[0].shape = {2147483647, 2147483647}; }, "too large");
  refused(product(), [](Program& p) { p.instructions[0].shape = {-1, 4}; }, "negative size");
  refused(
      product(), [](Program& p) { p.instructions[0].operands[0].strides = {1}; }, "view a has 1 strides for rank 2");
  refused(product(), [](Program& p) { p.instructions[0].operands[0].offset = -1; }, "starts at -1");
}

void expressions_and_biases_are_checked() {
  refused(product(), [](Program& p) { p.instructions[0].fused.expression.results = {5}; }, "stores value 5 of 1");
  refused(product(), [](Program& p) { p.instructions[0].fused.expression.results = {}; }, "0 results for 1 outputs");
  refused(product(), [](Program& p) { p.instructions[0].fused.expression.values[0].payload = 1; }, "is input 1 of 1");
  refused(
      product(),
      [](Program& p) {
        p.instructions[0].fused.expression.values.push_back({ValueKind::op, DType::f32, op_add, 0, 2, {0, 1, 0}});
      },
      "uses value 1, which is not earlier");
  refused(
      product(),
      [](Program& p) {
        p.instructions[0].fused.expression.values.push_back({ValueKind::op, DType::f32, op_and_, 0, 2, {0, 0, 0}});
      },
      "does not take float32");
  refused(product(), [](Program& p) { p.instructions[0].bias = {view(2, {1, 0})}; }, "the bias varies along axis 0");
  refused(
      product(), [](Program& p) { p.instructions[0].bias = {view(2, {0, 4})}; },
      "view input 0 reaches element 12 of buffer 2, which has 12");
  refused(
      product(), [](Program& p) { p.instructions[0].bias = {view(2, {0, 1}, 0, DType::f64)}; },
      "the bias is float64, not float32");
  refused(
      product(), [](Program& p) { p.instructions[0].bias = {view(2, {0, 1}), view(2, {0, 1})}; }, "there are 2 biases");
  refused(product(), [](Program& p) { p.instructions[0].bias = {view(3, {0, 1})}; }, "reads output slot 2");
}

void aliases_are_checked() {
  refused(
      copy(),
      [](Program& p) {
        p.instructions[0].fused.inputs[0].strides[0] = -1, p.instructions[0].fused.inputs[0].offset = 3;
      },
      "overwrites view input 0 while it is read");
  refused(
      copy(), [](Program& p) { p.instructions.push_back(p.instructions[0]); },
      "after an output that may share its memory");
  refused(copy(), [](Program& p) { p.slots[1].may_alias = 1; }, "slot 1 aliases slot 1");
  refused(
      copy(), [](Program& p) { p.instructions[0].fused.outputs[0] = view(0, {1}, 13); },
      "view output 0 reaches element 16 of buffer 0, which has 16");
  refused(
      copy(),
      [](Program& p) {
        Instruction& i = p.instructions[0];
        i.kind = Kind::reduce;
        i.shape = {0};
        i.reducer = Reducer::argmax;
        i.inputs = i.fused.inputs;
        i.before = identity();
        i.fused.inputs.clear();
      },
      "argmax or argmin of no elements");
}

/// The most that a hostile program may need here; larger ones are loaded but not run.
constexpr int64_t kMostBytes = 1 << 20, kMostWork = 1 << 22;

bool modest(const Program& p) {
  int64_t bytes = p.arena_bytes;
  for (const Slot& s : p.slots) bytes += s.size * 8;
  if (bytes > kMostBytes) return false;
  for (const Instruction& i : p.instructions) {
    int64_t work = count_of(i.shape);
    for (int64_t factor : {i.kind == Kind::matmul ? i.k : 1, i.kind == Kind::conv ? i.channels : 1})
      if (__builtin_mul_overflow(work, std::max<int64_t>(factor, 1), &work)) return false;
    for (const auto* list : {&i.kernel_size, &i.input_size, &i.input_dilation, &i.window_size, &i.positions})
      for (int64_t x : *list)
        if (__builtin_mul_overflow(work, std::max<int64_t>(x, 1), &work)) return false;
    if (work > kMostWork || i.axis_size > kMostWork) return false;
  }
  return true;
}

/// Loads words; runs what is accepted on buffers of the exact size.
bool attack(Engine& engine, const Words& words, Random& random) {
  std::string why;
  const auto loaded = engine.load(words.encoded(), why);
  check(loaded || !why.empty(), "a refusal gives a reason");
  Program program;
  if (!loaded || !decode(words.encoded(), program, why) || !modest(program)) return loaded != nullptr;
  std::vector<char*> buffers(1, nullptr);
  for (const Slot& s : program.slots) {
    const size_t bytes = size_t(s.size) * byte_size(s.dtype);
    char* p = static_cast<char*>(std::malloc(std::max<size_t>(bytes, 1)));
    for (size_t i = 0; i < bytes; i++) p[i] = random.one_in(2) ? char(random.bits()) : 0;
    if (s.dtype == DType::b8)
      for (size_t i = 0; i < bytes; i++) p[i] &= 1;
    buffers.push_back(p);
  }
  engine.run(*loaded, buffers.data(), why);
  for (size_t i = 1; i < buffers.size(); i++) std::free(buffers[i]);
  return true;
}

void fuzz(int64_t rounds) {
  Engine engine(2);
  Random random{7};
  int64_t accepted = 0;
  for (int64_t n = 0; n < rounds; n++) {
    // Random words after a valid start.
    Words noise;
    noise.words = {0x47524144, 3};
    for (int64_t k = random.below(200); k > 0; k--)
      noise.words.push_back(random.one_in(4) ? int32_t(random.bits()) : int32_t(random.below(6)));
    noise.constants = {1, 2};
    attack(engine, noise, random);
    // A valid program with some words changed, dropped or repeated.
    Generator generator(uint64_t(n) + 1000000);
    Words words = encode(generator.program(Kind(n % kKinds)));
    for (int64_t k = random.between(0, 3); k > 0; k--) {
      const size_t at = size_t(random.below(int64_t(words.words.size())));
      switch (random.below(6)) {
        case 0: words.words[at] = int32_t(random.bits()); break;
        case 1: words.words[at] = int32_t(uint32_t(words.words[at]) + uint32_t(random.between(-3, 3))); break;
        case 2: words.words[at] = int32_t(random.below(10)); break;
        case 3: words.words[at] = INT32_MAX - int32_t(random.below(2)); break;
        case 4: words.words.erase(words.words.begin() + int64_t(at)); break;
        case 5: words.words.insert(words.words.begin() + int64_t(at), int32_t(random.below(4))); break;
      }
    }
    accepted += attack(engine, words, random);
  }
  std::printf("fuzz: %lld of %lld mutated programs were valid\n", (long long)accepted, (long long)rounds);
}

using Shape = std::vector<int64_t>;

/// A slice of an array [8, 6, 10] in the arena: every element or every second or third one along each axis, starting
/// anywhere, some axes reversed.
View slice(Random& random, Shape& shape) {
  const int64_t array[] = {8, 6, 10}, strides[] = {60, 10, 1};
  View v = view(0, {});
  shape.clear();
  for (int64_t a = 0, turn = random.below(3); a < 3; a++) {
    const int64_t axis = (a + turn) % 3, step = random.between(1, 3);
    const int64_t size = random.between(1, (array[axis] - 1) / step + 1);
    const int64_t start = random.below(array[axis] - (size - 1) * step);
    const bool flip = random.one_in(4);
    shape.push_back(size);
    v.strides.push_back((flip ? -step : step) * strides[axis]);
    v.offset += strides[axis] * (start + (flip ? (size - 1) * step : 0));
  }
  return v;
}

std::vector<int64_t> elements(const View& v, const Shape& shape) {
  std::vector<int64_t> list;
  for (int64_t i = 0; i < shape[0]; i++)
    for (int64_t j = 0; j < shape[1]; j++)
      for (int64_t k = 0; k < shape[2]; k++)
        list.push_back(v.offset + i * v.strides[0] + j * v.strides[1] + k * v.strides[2]);
  std::sort(list.begin(), list.end());
  return list;
}

/// Products of a slice of an array into another slice of it: refused exactly when they share an element.
void slices(int64_t rounds) {
  Engine engine(1);
  Random random{11};
  int64_t accepted = 0;
  for (int64_t n = 0; n < rounds; n++) {
    Shape to, from;
    const View output = slice(random, to), a = slice(random, from);
    for (size_t axis : {0, 1}) to[axis] = from[axis] = std::min(to[axis], from[axis]);
    Program p;
    p.slots = {{false, DType::f32, 1, -1}};
    p.arena_bytes = 1920;
    Instruction i;
    i.kind = Kind::matmul;
    i.shape = to;
    i.k = from[2];
    i.operands = {a, view(1, {0, 0, 0})};
    i.fused = {{}, {output}, identity()};
    p.instructions = {i};
    const std::vector<int64_t> written = elements(output, to), read = elements(a, from);
    std::vector<int64_t> both;
    std::set_intersection(written.begin(), written.end(), read.begin(), read.end(), std::back_inserter(both));
    std::string why;
    const bool fine = engine.load(encode(p).encoded(), why) != nullptr;
    accepted += fine;
    check(fine == both.empty(), "slices, round " + std::to_string(n) + ": " + (fine ? "accepted" : why));
  }
  std::printf("slices: %lld of %lld pairs lie apart\n", (long long)accepted, (long long)rounds);
}

}  // namespace

int main(int argc, char** argv) {
  views_are_checked();
  expressions_and_biases_are_checked();
  aliases_are_checked();
  slices(20000);
  fuzz(argc > 1 ? std::atoll(argv[1]) : 20000);
  return summary("verify");
}
