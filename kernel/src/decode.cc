// Words → Program. Reads never pass the last word, and a list is never longer than the remaining words, so memory stays
// proportional to the input.
#include "opcodes.h"
#include "program.h"

namespace gradus {
namespace {

constexpr int32_t kMagic = 0x47524144;  // "GRAD"
constexpr int32_t kVersion = 3;
constexpr int64_t kArenaUnit = 64;

/// Reads words in order. After the first failure every read returns 0 and lists are empty.
class Reader {
 public:
  explicit Reader(const Encoded& e) : e_(e) {}

  bool failed() const { return !why_.empty(); }
  bool at_end() const { return at_ == e_.word_count; }
  const std::string& why() const { return why_; }

  bool fail(const std::string& why) {
    if (!failed()) why_ = why + " (word " + std::to_string(at_) + ")";
    return false;
  }

  int32_t word() {
    if (failed()) return 0;
    if (at_ >= e_.word_count) return fail("the words end early"), 0;
    return e_.words[at_++];
  }

  /// A word in 0 … count−1.
  int32_t choice(int32_t count, const char* what) {
    const int32_t x = word();
    if (x < 0 || x >= count) return fail(std::string(what) + " " + std::to_string(x) + " is unknown"), 0;
    return x;
  }

  int64_t natural(const char* what) {
    const int32_t x = word();
    if (x < 0) return fail(std::string(what) + " is negative (" + std::to_string(x) + ")"), 0;
    return x;
  }

  DType dtype() { return DType(choice(4, "dtype")); }

  /// A length, whose items take at least `least` words each.
  size_t length(size_t least = 1) {
    const int64_t n = natural("a length");
    if (!failed() && size_t(n) > (e_.word_count - at_) / least)
      return fail("a list of " + std::to_string(n) + " items is longer than the program"), 0;
    return failed() ? 0 : size_t(n);
  }

  std::vector<int64_t> numbers() {
    const size_t n = length();
    if (n > size_t(kMaxRank))
      return fail("a list of " + std::to_string(n) + " numbers exceeds rank 16"), std::vector<int64_t>{};
    std::vector<int64_t> list(n);
    for (int64_t& x : list) x = word();
    return list;
  }

  View view() {
    View v;
    v.buffer = word();
    v.dtype = dtype();
    v.offset = word();
    v.strides = numbers();
    return v;
  }

  std::vector<View> views() {
    std::vector<View> list(length(4));
    for (View& v : list) v = view();
    return list;
  }

  Value value() {
    Value v{};
    v.kind = ValueKind(choice(4, "value kind"));
    v.dtype = dtype();
    v.payload = word();
    if (v.kind == ValueKind::constant) {
      if (v.payload < 0 || size_t(v.payload) >= e_.constant_count)
        return fail("constant " + std::to_string(v.payload) + " of " + std::to_string(e_.constant_count)), v;
      v.constant = e_.constants[v.payload];
    } else if (v.kind == ValueKind::op) {
      if (v.payload < 0 || v.payload >= kOpcodes) return fail("opcode " + std::to_string(v.payload) + " is unknown"), v;
      v.arity = int32_t(length());
      if (v.arity != kOpcodeInfo[v.payload].arity)
        return fail(std::string(kOpcodeInfo[v.payload].name) + " of " + std::to_string(v.arity) + " arguments"), v;
      for (int i = 0; i < v.arity; i++) v.args[i] = word();
    }
    return v;
  }

  Expression expression() {
    Expression e;
    e.values.resize(length(3));
    for (Value& v : e.values) v = value();
    e.results.resize(length());
    for (int32_t& r : e.results) r = word();
    return e;
  }

  Fused fused() {
    Fused f;
    f.inputs = views();
    f.outputs = views();
    f.expression = expression();
    return f;
  }

  // The fields of instructions, by type.
  void field(const char* name, int64_t& x) { x = natural(name); }
  void field(const char*, bool& x) { x = word() != 0; }
  void field(const char*, std::vector<int64_t>& x) { x = numbers(); }
  void field(const char* name, Reducer& x) { x = Reducer(choice(kReducers, name)); }
  void field(const char*, View& x) { x = view(); }
  void field(const char*, std::vector<View>& x) { x = views(); }
  void field(const char*, Expression& x) { x = expression(); }
  void field(const char*, Fused& x) { x = fused(); }

  void instruction(Instruction& i) {
    i.kind = Kind(choice(kKinds, "instruction kind"));
    for_each_field(i, [this](const char* name, auto& x) { field(name, x); });
  }

 private:
  const Encoded& e_;
  size_t at_ = 0;
  std::string why_;
};

}  // namespace

const char* dtype_name(DType dtype) {
  static const char* const names[] = {"float32", "float64", "int32", "bool"};
  return names[int(dtype)];
}

bool decode(const Encoded& encoded, Program& program, std::string& refusal) {
  Reader r(encoded);
  if (r.word() != kMagic) r.fail("this is not a program");
  const int32_t version = r.word();
  if (!r.failed() && version != kVersion)
    r.fail("version " + std::to_string(version) + " of the program format, this engine reads " +
           std::to_string(kVersion));
  program.slots.resize(r.length(4));
  for (Slot& s : program.slots) {
    s.output = r.choice(2, "slot role") == 1;
    s.dtype = r.dtype();
    s.size = r.natural("slot size");
    s.may_alias = r.word();
  }
  program.arena_bytes = r.natural("arena size") * kArenaUnit;
  const size_t count = r.length(3);
  for (size_t n = 0; n < count && !r.failed(); n++) {
    program.instructions.emplace_back();
    r.instruction(program.instructions.back());
    if (r.failed()) {
      refusal =
          "instruction " + std::to_string(n) + " (" + kind_name(program.instructions.back().kind) + "): " + r.why();
      return false;
    }
  }
  if (!r.failed() && !r.at_end()) r.fail("words follow the last instruction");
  if (r.failed()) refusal = r.why();
  return !r.failed();
}

}  // namespace gradus
