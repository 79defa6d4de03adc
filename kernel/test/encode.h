// Program → words, the inverse of src/decode.cc, for tests that build programs in C++.
#pragma once
#include "src/program.h"

namespace gradus {

struct Words {
  std::vector<int32_t> words;
  std::vector<double> constants;

  Encoded encoded() const { return {words.data(), words.size(), constants.data(), constants.size()}; }
};

class Encoder {
 public:
  explicit Encoder(const Program& p) {
    put({0x47524144, 3, int64_t(p.slots.size())});
    for (const Slot& s : p.slots) put({s.output, int64_t(s.dtype), s.size, s.may_alias});
    put({p.arena_bytes / 64, int64_t(p.instructions.size())});
    for (const Instruction& i : p.instructions) instruction(i);
  }

  Words result;

 private:
  void put(std::initializer_list<int64_t> list) {
    for (int64_t x : list) result.words.push_back(int32_t(x));
  }
  void numbers(const std::vector<int64_t>& list) {
    put({int64_t(list.size())});
    for (int64_t x : list) put({x});
  }
  void view(const View& v) {
    put({v.buffer, int64_t(v.dtype), v.offset});
    numbers(v.strides);
  }
  void views(const std::vector<View>& list) {
    put({int64_t(list.size())});
    for (const View& v : list) view(v);
  }
  void expression(const Expression& e) {
    put({int64_t(e.values.size())});
    for (const Value& v : e.values) {
      put({int64_t(v.kind), int64_t(v.dtype)});
      if (v.kind == ValueKind::constant) {
        put({int64_t(result.constants.size())});
        result.constants.push_back(v.constant);
      } else {
        put({v.payload});
      }
      if (v.kind != ValueKind::op) continue;
      put({v.arity});
      for (int a = 0; a < v.arity; a++) put({v.args[a]});
    }
    put({int64_t(e.results.size())});
    for (int32_t r : e.results) put({r});
  }
  void fused(const Fused& f) {
    views(f.inputs);
    views(f.outputs);
    expression(f.expression);
  }
  void field(int64_t x) { put({x}); }
  void field(bool x) { put({x}); }
  void field(const std::vector<int64_t>& x) { numbers(x); }
  void field(Reducer x) { put({int64_t(x)}); }
  void field(const View& x) { view(x); }
  void field(const std::vector<View>& x) { views(x); }
  void field(const Expression& x) { expression(x); }
  void field(const Fused& x) { fused(x); }

  void instruction(const Instruction& i) {
    put({int64_t(i.kind)});
    for_each_field(i, [this](const char*, const auto& x) { field(x); });
  }
};

inline Words encode(const Program& program) { return Encoder(program).result; }

}  // namespace gradus
