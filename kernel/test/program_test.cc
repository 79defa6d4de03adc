// Random programs of every instruction against the naive evaluation, on every instruction set of this machine; one
// thread against three, bit for bit; with buffers of exactly the required size.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "encode.h"
#include "generate.h"
#include "naive.h"
#include "src/engine.h"

using namespace gradus;

namespace {

using Buffers = std::vector<std::vector<char>>;

/// Input values: small halves, so that float32 sums and products are exact or nearly; some NaN.
void fill(std::vector<char>& bytes, DType t, Random& random, int64_t index_below, bool nan) {
  const size_t n = bytes.size() / byte_size(t);
  for (size_t i = 0; i < n; ++i) {
    const double x = double(random.between(-8, 8)) / 2;
    const bool special = nan && random.one_in(40);
    switch (t) {
      case DType::f32: {
        const float v = special ? NAN : float(x);
        std::memcpy(&bytes[i * 4], &v, 4);
        break;
      }
      case DType::f64: {
        const double v = special ? NAN : x;
        std::memcpy(&bytes[i * 8], &v, 8);
        break;
      }
      case DType::i32: {
        const int32_t v = index_below > 0 ? int32_t(random.below(index_below)) : int32_t(2 * x);
        std::memcpy(&bytes[i * 4], &v, 4);
        break;
      }
      case DType::b8: bytes[i] = char(random.below(2)); break;
    }
  }
}

/// Runs the engine on fresh copies of the inputs; outputs share memory where the program allows.
Buffers run(Engine& engine, const Program& program, const Words& words, const Buffers& inputs, bool alias,
            double* nanoseconds = nullptr) {
  std::string why;
  const auto loaded = engine.load(words.encoded(), why);
  if (!check(loaded != nullptr, "load: " + why)) return {};
  Buffers buffers = inputs;
  std::vector<char*> addresses(1, nullptr);
  for (size_t s = 0; s < program.slots.size(); ++s) {
    const int32_t shared = alias ? program.slots[s].may_alias : -1;
    addresses.push_back(buffers[shared >= 0 ? size_t(shared) : s].data());
  }
  check(engine.run(*loaded, addresses.data(), why, nanoseconds) == Status::ok, "run: " + why);
  for (size_t s = 0; s < program.slots.size(); ++s)
    if (alias && program.slots[s].may_alias >= 0) buffers[s] = buffers[size_t(program.slots[s].may_alias)];
  return buffers;
}

bool close(double got, double want, double tolerance) {
  if (std::isnan(want)) return std::isnan(got);
  return got == want || std::fabs(got - want) <= tolerance * std::max(1.0, std::fabs(want));
}

std::string describe(const Program& p, const char* isa, uint64_t seed) {
  const Instruction& i = p.instructions[0];
  std::string s = std::string(kind_name(i.kind)) + " " + isa + " seed " + std::to_string(seed) + " shape";
  for (int64_t d : i.shape) s += " " + std::to_string(d);
  return s;
}

/// The program with all its memory in the arena: buffers one after another, or interleaved element by element if all
/// have the same dtype. Inputs are copied there, and outputs back.
Program in_arena(const Program& program, bool interleaved) {
  Program p = program;
  const int64_t slots = int64_t(program.slots.size());
  std::vector<int64_t> place;  // elements of the slot's dtype
  p.arena_bytes = 0;
  for (const Slot& s : program.slots) {
    const int64_t element = int64_t(byte_size(s.dtype));
    const bool shared = s.may_alias >= 0;
    place.push_back(interleaved ? (shared ? s.may_alias : int64_t(place.size()))
                                : (shared ? place[size_t(s.may_alias)] : p.arena_bytes / element));
    if (interleaved) p.arena_bytes = std::max(p.arena_bytes, s.size * slots * element);
    else if (!shared) p.arena_bytes += s.size * element;
    p.arena_bytes = (p.arena_bytes + 63) / 64 * 64;
  }
  const int64_t step = interleaved ? slots : 1;
  const auto moved = [&](View v) {
    v.offset = v.offset * step + place[size_t(v.buffer - 1)];
    for (int64_t& s : v.strides) s *= step;
    v.buffer = 0;
    return v;
  };
  const auto move_all = [&](std::vector<View>& views) {
    for (View& v : views) v = moved(v);
  };
  Instruction i = program.instructions[0];
  move_all(i.fused.inputs), move_all(i.fused.outputs);
  move_all(i.inputs), move_all(i.operands), move_all(i.outputs);
  p.instructions.clear();
  const auto copy = [&](size_t s) {
    const View slot{int32_t(s + 1), p.slots[s].dtype, 0, {1}}, there = moved(slot);
    Instruction c;
    c.kind = Kind::map;
    c.shape = {p.slots[s].size};
    c.fused.expression = {{Value{ValueKind::input, slot.dtype, 0, 0, 0, {}}}, {0}};
    c.fused.inputs = {p.slots[s].output ? there : slot};
    c.fused.outputs = {p.slots[s].output ? slot : there};
    p.instructions.push_back(c);
  };
  for (size_t s = 0; s < p.slots.size(); ++s)
    if (!p.slots[s].output) copy(s);
  p.instructions.push_back(i);
  for (size_t s = 0; s < p.slots.size(); ++s) {
    p.slots[s].may_alias = -1;
    if (p.slots[s].output) copy(s);
  }
  return p;
}

/// The outputs must equal those computed when every slot has memory of its own.
void check_in_arena(Engine& engine, const Program& program, const Shape& shape, const Buffers& inputs,
                    const Buffers& apart, bool interleaved, const std::string& name) {
  const Program moved = in_arena(program, interleaved);
  const Buffers together = run(engine, moved, encode(moved), inputs, false);
  if (together.empty()) return;
  std::vector<char*> apart_at(1, nullptr), together_at(1, nullptr);
  for (const auto& b : apart) apart_at.push_back(const_cast<char*>(b.data()));
  for (const auto& b : together) together_at.push_back(const_cast<char*>(b.data()));
  const Naive want(apart_at), got(together_at);
  const Instruction& i = program.instructions[0];
  int64_t wrong = 0;
  for (const auto* outputs : {&i.fused.outputs, &i.outputs})
    for (const View& v : *outputs)
      for_each(shape, [&](const Index& at) { wrong += !close(got.get(v, at), want.get(v, at), 1e-5); });
  check(wrong == 0, name + (interleaved ? ": mixed in the arena" : ": in the arena") + " it differs");
}

/// An output against the naive evaluation, and where it shares memory with an input, against the output without
/// sharing.
void compare(const View& v, const Shape& shape, Kind kind, const Buffers& got, const Buffers& aliased,
             const Naive& right, const std::string& name) {
  std::vector<char*> got_addresses(1, nullptr), alias_addresses(1, nullptr);
  for (size_t s = 0; s < got.size(); ++s) {
    got_addresses.push_back(const_cast<char*>(got[s].data()));
    alias_addresses.push_back(const_cast<char*>(aliased[s].data()));
  }
  const Naive mine(got_addresses), shared(alias_addresses);
  const bool exact = kind == Kind::map || v.dtype == DType::i32 || v.dtype == DType::b8;
  const double tolerance = exact ? 0 : v.dtype == DType::f64 ? 1e-13 : 1e-5;
  bool good = true;
  int64_t wrong_alias = 0;
  double g = 0, w = 0;
  for_each(shape, [&](const Index& at) {
    if (good && !close(mine.get(v, at), right.get(v, at), tolerance)) {
      good = false;
      g = mine.get(v, at), w = right.get(v, at);
    }
    wrong_alias += !close(shared.get(v, at), mine.get(v, at), 0);
  });
  check(good, name + ": got " + std::to_string(g) + ", want " + std::to_string(w));
  check(wrong_alias == 0, name + ": in place differs");
}

void test(Engine& one, Engine& three, Kind kind, uint64_t seed, const char* isa) {
  Generator generator(seed);
  const Program program = generator.program(kind);
  const Words words = encode(program);
  const std::string name = describe(program, isa, seed);
  Buffers buffers;
  const Instruction& i = program.instructions[0];
  // Reductions without any NaN take faster paths.
  const bool nan = (kind == Kind::reduce && seed % 200 < 100) || kind == Kind::map || kind == Kind::argsort;
  for (const Slot& s : program.slots) {
    buffers.emplace_back(size_t(s.size) * byte_size(s.dtype));
    const bool indices = kind == Kind::gather || kind == Kind::scatter_add;
    if (s.output) std::fill(buffers.back().begin(), buffers.back().end(), 0x55);
    else fill(buffers.back(), s.dtype, generator.random, indices ? i.axis_size : 0, nan);
  }
  const Buffers got = run(one, program, words, buffers, false);
  if (got.empty() && !program.slots.empty()) return;
  const Buffers parallel = run(three, program, words, buffers, false);
  for (size_t s = 0; s < program.slots.size(); ++s) check(got[s] == parallel[s], name + ": threads differ");
  const Buffers aliased = run(one, program, words, buffers, true);
  std::vector<char*> addresses(1, nullptr);
  Buffers want = buffers;
  for (auto& b : want) addresses.push_back(b.data());
  Naive(addresses).run(i);
  Shape shape = i.shape;
  if (kind == Kind::reduce) shape.resize(size_t(i.kept));
  if (kind == Kind::scatter_add) shape[i.axis] = i.axis_size;
  const auto same_in_arena = [&](bool interleaved) {
    check_in_arena(one, program, shape, buffers, got, interleaved, name);
  };
  same_in_arena(false);
  const bool same_dtype = std::all_of(program.slots.begin(), program.slots.end(),
                                      [&](const Slot& s) { return s.dtype == program.slots[0].dtype; });
  if (same_dtype && kind != Kind::scatter_add) same_in_arena(true);  // needs a dense output
  for (const auto* outputs : {&i.fused.outputs, &i.outputs})
    for (const View& v : *outputs) compare(v, shape, kind, got, aliased, Naive(addresses), name);
  // Gaps in the outputs keep their pattern.
  for (size_t s = 0; s < program.slots.size(); ++s)
    if (!program.slots[s].output) check(got[s] == buffers[s], name + ": an input was written");
}

/// The documented bound: a float32 sum is off by half a unit of the result and n·2⁻⁵³·Σ|x|.
void sum_error(Engine& engine, const char* isa) {
  constexpr int64_t rows = 700, columns = 1501;
  Random random{3};
  std::vector<float> x(rows * columns);
  for (float& v : x) v = float(double(random.below(1 << 24)) / 1e5 - 60) * (random.one_in(9) ? 1e4f : 1.f);
  for (int form = 0; form < 3; ++form) {  // by rows, by columns, all
    const int64_t kept = form == 0 ? rows : form == 1 ? columns : 1, reduced = rows * columns / kept;
    Program p;
    p.slots = {{false, DType::f32, rows * columns, -1}, {true, DType::f32, kept, -1}};
    Instruction i;
    i.kind = Kind::reduce;
    i.shape = {kept, reduced};
    i.kept = 1;
    i.inner = form == 1 ? 0 : 1;
    const int64_t kept_step = form == 1 ? 1 : reduced, step = form == 1 ? columns : 1;
    i.inputs = {{1, DType::f32, 0, {kept_step, step}}};
    i.before = {{{ValueKind::input, DType::f32, 0, 0, 0, {}}}, {0}};
    i.fused.outputs = {{2, DType::f32, 0, {1}}};
    i.fused.expression = i.before;
    p.instructions = {i};
    std::string why;
    const Words words = encode(p);
    const auto loaded = engine.load(words.encoded(), why);
    std::vector<float> sums(static_cast<size_t>(kept));
    char* buffers[] = {nullptr, reinterpret_cast<char*>(x.data()), reinterpret_cast<char*>(sums.data())};
    if (!check(loaded && engine.run(*loaded, buffers, why) == Status::ok, "sums run: " + why)) return;
    bool good = true;
    for (int64_t k = 0; k < kept; ++k) {
      long double sum = 0, size = 0;
      for (int64_t r = 0; r < reduced; ++r) {
        const long double v = x[size_t(k * kept_step + r * step)];
        sum += v;
        size += std::fabs(v);
      }
      const long double bound = std::fabs(sum) * 0x1p-24L + (long double)reduced * 0x1p-53L * size;
      good = good && std::fabs(sums[size_t(k)] - sum) <= bound;
    }
    check(good, std::string(isa) + ": a sum exceeds its bound, form " + std::to_string(form));
  }
}

/// With versions, an operand is packed in the second run that sees the same contents, and read again when they change.
void packed_operands(Engine& engine, const char* isa) {
  constexpr int64_t m = 40, k = 300, n = 50;
  Program p;
  p.slots = {{false, DType::f32, m * k, -1}, {false, DType::f32, k * n, -1}, {true, DType::f32, m * n, -1}};
  Instruction i;
  i.kind = Kind::matmul;
  i.shape = {m, n};
  i.k = k;
  i.operands = {{1, DType::f32, 0, {k, 1}}, {2, DType::f32, 0, {n, 1}}};
  i.fused.outputs = {{3, DType::f32, 0, {n, 1}}};
  i.fused.expression = {{{ValueKind::input, DType::f32, 0, 0, 0, {}}}, {0}};
  p.instructions = {i};
  Random random{7};
  std::vector<float> a(m * k), b(k * n), c(m * n);
  const auto renew = [&](std::vector<float>& x) {
    for (float& v : x) v = float(random.between(-1000, 1000)) / 8;
  };
  renew(a), renew(b);
  std::string why;
  const Words words = encode(p);
  const auto loaded = engine.load(words.encoded(), why), plain = engine.load(words.encoded(), why);
  if (!check(loaded && plain, "packed operands load: " + why)) return;
  char* buffers[] = {nullptr, reinterpret_cast<char*>(a.data()), reinterpret_cast<char*>(b.data()),
                     reinterpret_cast<char*>(c.data())};
  const auto product = [&](const Loaded& program, double b_version) {
    const double versions[] = {0, b_version, 0};
    std::fill(c.begin(), c.end(), 0.f);
    check(engine.run(program, buffers, why, nullptr, versions) == Status::ok, "packed operands run: " + why);
    return c;
  };
  const auto right = [&](double b_version, const char* what) {
    check(product(*loaded, b_version) == product(*plain, 0), std::string(isa) + ": packed operands, " + what);
  };
  right(1, "first run");
  check(loaded->packed_bytes == 0, "one run packs nothing");
  right(1, "second run");
  const int64_t kept = loaded->packed_bytes;
  check(kept >= k * n * 4, "a second run packs the operand");
  renew(a);
  right(1, "other data");
  const auto before = product(*plain, 0);
  renew(b);  // undetected: the version has not changed
  check(product(*loaded, 1) == before, "a packed operand is not read again");
  right(2, "other contents");
  check(loaded->packed_bytes == 0, "new contents are not packed at once");
  for (const double version : {3., 2., 3., 0., 0.}) {
    renew(b);
    right(version, "changing contents");
    check(loaded->packed_bytes == 0, "changing contents are not packed");
  }
  right(4, "again"), right(4, "again"), right(4, "again");
  check(loaded->packed_bytes == kept && plain->packed_bytes == 0, "unchanging contents are packed again");
}

Value input(int32_t n, DType t) { return {ValueKind::input, t, n, 0, 0, {}}; }

/// Reasons that prevent fusing a max and an argmax of the same windows.
enum class Trouble { none, shared_input, read_result, shared_output, other_window, kinds };

/// Both reductions with one of these reasons, and the copies needed to run them.
std::vector<Instruction> in_trouble(Trouble trouble, Instruction max, Instruction argmax, const Shape& kept,
                                    int64_t results) {
  const DType t = max.inputs[0].dtype, position = DType::i32;
  Shape backwards = kept;
  for (int64_t& stride : backwards) stride = -stride;
  const auto copy = [&](const View& from, const View& to) {
    Instruction i;
    i.kind = Kind::map;
    i.shape = {max.shape.begin(), max.shape.begin() + 4};
    i.fused.inputs = {from};
    i.fused.outputs = {to};
    i.fused.expression = {{input(0, from.dtype)}, {0}};
    return i;
  };
  const auto in_arena = [&](DType dtype, bool reversed) {
    return View{0, dtype, reversed ? results - 1 : 0, reversed ? backwards : kept};
  };
  switch (trouble) {
    case Trouble::shared_input:  // positions overwrite b, which the max reads in reverse order
      max.fused.inputs[0] = in_arena(t, true);
      argmax.fused.outputs[0] = in_arena(position, false);
      return {copy({2, t, 0, kept}, in_arena(t, false)), max, argmax,
              copy(in_arena(position, false), {5, position, 0, kept})};
    case Trouble::read_result:  // the argmax reads the max's output, in reverse order
      max.fused.outputs[0] = in_arena(DType::b8, false);
      argmax.fused.inputs = {in_arena(DType::b8, true)};
      argmax.fused.expression = {{input(0, position),
                                  input(1, DType::b8),
                                  {ValueKind::op, position, op_cast, 0, 1, {1, 0, 0}},
                                  {ValueKind::op, position, op_sub, 0, 2, {0, 2, 0}}},
                                 {3}};
      return {max, argmax, copy(in_arena(DType::b8, false), {3, DType::b8, 0, kept})};
    case Trouble::shared_output:  // positions overwrite the mask, in reverse order
      max.fused.outputs[0] = in_arena(DType::b8, true);
      argmax.fused.outputs[0] = in_arena(position, false);
      return {max, argmax, copy(in_arena(position, false), {5, position, 0, kept})};
    case Trouble::other_window: --argmax.shape[5]; return {max, argmax};
    default: return {max, argmax};
  }
}

/// Both, with the batch first or innermost, over slots x and b (for the epilogue of the max), a mask, extremes and
/// positions. With a reason, b or the results lie in the arena, reversed, so that order matters.
Program pooling(Random& random, Trouble trouble) {
  const bool last = random.one_in(2);
  const int64_t n = last ? random.between(1, 70) : random.between(1, 3), c = random.between(1, 5);
  const int64_t oh = random.between(2, 12), ow = random.between(2, 40), kh = random.between(1, 3),
                kw = random.between(2, 3);
  const int64_t step = random.between(1, last ? 3 : 2), h = (oh - 1) * step + kh, w = (ow - 1) * step + kw;
  const int64_t results = n * c * oh * ow;
  const DType t = random.one_in(2) ? DType::f32 : DType::f64, position = DType::i32;
  const Shape kept = last ? Shape{1, oh * ow * n, ow * n, n} : Shape{c * oh * ow, oh * ow, ow, 1};

  Program p;
  p.slots = {{false, t, n * c * h * w, -1},
             {false, t, results, -1},
             {true, DType::b8, results, -1},
             {true, t, results, -1},
             {true, position, results, -1}};
  Instruction max;
  max.kind = Kind::reduce;
  max.shape = {n, c, oh, ow, kh, kw};
  max.kept = 4;
  max.reducer = Reducer::max;
  max.inputs = {
      {1, t, 0,
       last ? Shape{1, h * w * n, step * w * n, step * n, w * n, n} : Shape{c * h * w, h * w, step * w, step, w, 1}}};
  max.before = {{input(0, t)}, {0}};
  Instruction argmax = max;
  argmax.reducer = Reducer::argmax;
  max.fused.inputs = {{2, t, 0, kept}};
  max.fused.outputs = {{3, DType::b8, 0, kept}, {4, t, 0, kept}};
  max.fused.expression = {{input(0, t),
                           input(1, t),
                           {ValueKind::op, t, op_add, 0, 2, {0, 1, 0}},
                           {ValueKind::op, DType::b8, op_le, 0, 2, {0, 1, 0}}},
                          {3, 2}};
  argmax.fused.outputs = {{5, position, 0, kept}};
  argmax.fused.expression = {{input(0, position)}, {0}};

  if (trouble != Trouble::none) p.arena_bytes = (results * 8 + 63) / 64 * 64;
  p.instructions = in_trouble(trouble, max, argmax, kept, results);
  return p;
}

/// Small halves mixed with infinities and negative zeros, and NaN of either sign.
template <class T>
void fill_special(std::vector<char>& bytes, Random& random, int kinds) {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T special[] = {T(-0.0), infinity, -infinity, nan, std::copysign(nan, T(-1))};
  for (size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    const T x = kinds > 0 && random.one_in(9) ? special[random.below(kinds)] : T(random.between(-8, 8)) / 2;
    std::memcpy(&bytes[at], &x, sizeof(T));
  }
}

/// A fused max and argmax of the same windows give the same bits as one after the other, and are not fused where order
/// matters. Returns whether they were fused.
bool max_argmax(Engine& one, Engine& three, uint64_t seed, const char* isa) {
  Random random{seed};
  const Trouble trouble = random.one_in(2) ? Trouble::none : Trouble(random.below(int64_t(Trouble::kinds)));
  const Program program = pooling(random, trouble);
  const std::string name = std::string(isa) + " max + argmax, seed " + std::to_string(seed);
  Buffers buffers;
  for (const Slot& s : program.slots) buffers.emplace_back(size_t(s.size) * byte_size(s.dtype), char(0x55));
  const int kinds = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 3 : 5;
  (program.slots[0].dtype == DType::f32 ? fill_special<float> : fill_special<double>)(buffers[0], random, kinds);
  fill(buffers[1], program.slots[1].dtype, random, 0, false);

  std::vector<double> nanoseconds(program.instructions.size());
  const Buffers got = run(one, program, encode(program), buffers, false, nanoseconds.data());
  if (got.empty()) return false;
  check(run(three, program, encode(program), buffers, false) == got, name + ": threads differ");
  bool together = false;
  for (size_t n = 0; n < program.instructions.size(); ++n)
    if (program.instructions[n].reducer == Reducer::argmax) together = nanoseconds[n] == 0;
  if (trouble != Trouble::none) check(!together, name + ": done together");

  if (trouble == Trouble::none) {
    Buffers apart = buffers;
    for (const Instruction& i : program.instructions) {
      Program single = program;
      single.instructions = {i};
      apart = run(one, single, encode(single), apart, false);
    }
    check(apart == got, name + ": other bits than one after the other");
  }
  std::vector<char> arena(size_t(program.arena_bytes));
  std::vector<char*> right = {arena.data()}, mine = {nullptr};
  Buffers want = buffers;
  for (auto& b : want) right.push_back(b.data());
  for (auto& b : got) mine.push_back(const_cast<char*>(b.data()));
  const Naive naive(right), engine(mine);
  for (const Instruction& i : program.instructions) naive.run(i);
  int64_t wrong = 0;
  for (int32_t b = 3; b <= 5; ++b) {
    const View all{b, program.slots[size_t(b - 1)].dtype, 0, {1}};
    for_each({program.slots[size_t(b - 1)].size},
             [&](const Index& at) { wrong += !close(engine.get(all, at), naive.get(all, at), 0); });
  }
  check(wrong == 0, name + ": " + std::to_string(wrong) + " wrong");
  return together;
}

/// The cache serves unchanging contents, and has a limit.
void cache() {
  int64_t total = 0;
  PackedCache one, two;
  for (PackedCache* k : {&one, &two}) check(!k->holds(5, total) && k->holds(5, total), "a version seen twice");
  const PackedCache::Room room = one.room(1000);
  check(room.memory && !room.filled && reinterpret_cast<uintptr_t>(room.memory) % 64 == 0, "fresh room");
  check(one.room(1000).memory == room.memory && one.room(1000).filled, "the same room again");
  check(!one.room(2000).filled && total == 2000, "room of another size");
  check(!two.room(uint64_t{256} << 20).memory && !two.room(UINT64_MAX).memory && total == 2000, "too large");
  check(!one.holds(6, total) && total == 0, "other contents");
  check(!one.holds(0, total) && !one.holds(0, total), "unknown contents");
  check(two.room(uint64_t{200} << 20).memory != nullptr, "large room");
  PackedCache moved(std::move(two));
  check(moved.room(uint64_t{200} << 20).filled && total == int64_t{200} << 20, "moved");
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t rounds = argc > 1 ? std::atoll(argv[1]) : 400;
  cache();
  for (const char* isa : {"baseline", "avx2", "avx512"}) {
    setenv("GRADUS_ISA", isa, 1);
    Engine one(1), three(3);
    if (std::string(one.isa()) != isa) continue;
    sum_error(one, isa);
    sum_error(three, isa);
    packed_operands(one, isa);
    packed_operands(three, isa);
    int64_t together = 0;
    for (int64_t n = 0; n < rounds; ++n) together += max_argmax(one, three, uint64_t(n), isa);
    check(together > rounds / 4,
          std::string(isa) + ": " + std::to_string(together) + " pairs of max + argmax were fused");
    for (int kind = 0; kind < kKinds; ++kind)
      for (int64_t n = 0; n < rounds; ++n) test(one, three, Kind(kind), uint64_t(n * 100 + kind), isa);
  }
  return summary("program");
}
