// Chooses which operations of an expression run as one step: f(g(a, b), h(c, d)).
#pragma once
#include <vector>

#include "src/opcodes.h"
#include "src/program.h"

namespace gradus {

/// What the step of a value computes.
struct Tree {
  int32_t left = kNoOpcode, right = kNoOpcode;  // g and h
  bool absorbed = false;                        // the value is g or h of the step that uses it
};

class Trees {
 public:
  /// `alias` names for each value the one it equals; only `needed` values are considered.
  template <class Exists>
  Trees(const Expression& e, const std::vector<int32_t>& alias, const std::vector<bool>& needed, Exists exists)
      : e_(e), alias_(alias), trees_(e.values.size()), user_(e.values.size(), kNobody) {
    for (size_t n = 0; n < e.values.size(); ++n) {
      if (!needed[n] || e.values[n].kind != ValueKind::op || alias[n] != int32_t(n)) continue;
      for (int i = 0; i < e.values[n].arity; ++i) {
        int32_t& user = user_[alias[e.values[n].args[i]]];
        user = user == kNobody || user == int32_t(n) ? int32_t(n) : kSeveral;
      }
    }
    for (int32_t r : e.results) user_[alias[r]] = kStored;
    for (size_t n = 0; n < e.values.size(); ++n)
      if (needed[n] && e.values[n].kind == ValueKind::op && alias[n] == int32_t(n)) grow(int32_t(n), exists);
  }

  const Tree& operator[](size_t n) const { return trees_[n]; }

  /// The values that the step of value n reads: a, b, c and d of a tree, else its arguments.
  std::vector<int32_t> leaves(int32_t n) const {
    std::vector<int32_t> list;
    const Tree& t = trees_[n];
    const Value& v = e_.values[n];
    const bool tree = t.left != kNoOpcode || t.right != kNoOpcode;
    const auto side = [&](int32_t value, int32_t opcode) {
      const int32_t* args = e_.values[value].args;
      list.push_back(alias_[opcode == kNoOpcode ? value : args[0]]);
      list.push_back(alias_[opcode == kNoOpcode ? value : args[1]]);
    };
    if (!tree) {
      for (int i = 0; i < v.arity; ++i) list.push_back(alias_[v.args[i]]);
    } else if (v.arity == 2) {
      side(alias_[v.args[0]], t.left);
      side(alias_[v.args[1]], t.right);
    } else {
      side(alias_[v.args[0]], t.left);
      list.push_back(alias_[v.args[1]]);
      list.push_back(alias_[v.args[2]]);
    }
    return list;
  }

 private:
  static constexpr int32_t kNobody = -1, kSeveral = -2, kStored = -3;

  /// The opcode of argument i of n if it may be computed within n's step: it is used nowhere else and is not itself a
  /// tree. A stored condition is computed again, because that is faster than reading its bytes.
  int32_t within(int32_t n, int i) const {
    const int32_t arg = alias_[e_.values[n].args[i]];
    const Value& v = e_.values[arg];
    const bool again = user_[arg] == kStored && e_.values[n].payload == op_where;
    if (v.kind != ValueKind::op || v.arity != 2 || (user_[arg] != n && !again)) return kNoOpcode;
    const DType dtype = e_.values[v.args[0]].dtype;
    if (dtype == DType::i32 && v.payload == op_eq && e_.values[n].payload == op_where) return kEqualInts;
    if (dtype != DType::f32) return kNoOpcode;
    return trees_[arg].left == kNoOpcode && trees_[arg].right == kNoOpcode ? v.payload : kNoOpcode;
  }

  template <class Exists>
  void grow(int32_t n, Exists exists) {
    const Value& v = e_.values[n];
    if (v.dtype != DType::f32 || v.arity < 2) return;
    const int32_t left = within(n, 0), right = v.arity == 2 ? within(n, 1) : kNoOpcode;
    Tree& t = trees_[n];
    if (exists(v.payload, left, right)) t.left = left, t.right = right;
    else if (exists(v.payload, left, kNoOpcode)) t.left = left;
    else if (exists(v.payload, kNoOpcode, right)) t.right = right;
    const auto absorb = [&](int32_t arg) { trees_[arg].absorbed = user_[arg] == n; };
    if (t.left != kNoOpcode) absorb(alias_[v.args[0]]);
    if (t.right != kNoOpcode) absorb(alias_[v.args[1]]);
  }

  const Expression& e_;
  const std::vector<int32_t>& alias_;
  std::vector<Tree> trees_;
  std::vector<int32_t> user_;
};

}  // namespace gradus
