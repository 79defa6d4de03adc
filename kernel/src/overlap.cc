#include "overlap.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace gradus {
namespace {

using Shape = std::vector<int64_t>;

/// Steps of the search for an address shared by two views; slices of one array need only a few.
constexpr int kMostTries = 1 << 12;

struct Axis {
  int64_t stride, size;
};

/// The axes longer than 1, by decreasing |stride|.
std::vector<Axis> sorted_axes(const View& v, const Shape& shape) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < shape.size(); i++)
    if (shape[i] > 1) axes.push_back({std::abs(v.strides[i]), shape[i]});
  std::sort(axes.begin(), axes.end(), [](Axis a, Axis b) { return a.stride > b.stride; });
  return axes;
}

/// Integers x with first ≤ x ≤ last, times a stride: the contribution of one axis to an address.
struct Term {
  int64_t stride, first, last;
  int64_t low, high, unit;  // of the sum of this and all later terms: its bounds and common divisor
};

/// The possible distances between addresses of two views, as one sum of terms by decreasing stride. Axes with equal
/// strides in both views share a term, so that slices of one array cancel.
std::vector<Term> difference(const View& a, const Shape& a_shape, const View& b, const Shape& b_shape) {
  std::vector<Term> terms;
  for (Axis axis : sorted_axes(a, a_shape)) terms.push_back({axis.stride, 0, axis.size - 1, 0, 0, 0});
  for (Axis axis : sorted_axes(b, b_shape)) terms.push_back({axis.stride, 1 - axis.size, 0, 0, 0, 0});
  std::sort(terms.begin(), terms.end(), [](const Term& x, const Term& y) { return x.stride > y.stride; });
  std::vector<Term> merged;
  for (const Term& t : terms) {
    if (t.stride == 0) continue;
    if (merged.empty() || merged.back().stride != t.stride) merged.push_back(t);
    else merged.back().first += t.first, merged.back().last += t.last;
  }
  merged.push_back({1, 0, 0, 0, 0, 0});  // the end
  for (size_t i = merged.size() - 1; i-- > 0;) {
    Term& t = merged[i];
    t.low = merged[i + 1].low + t.first * t.stride;
    t.high = merged[i + 1].high + t.last * t.stride;
    t.unit = std::gcd(merged[i + 1].unit, t.stride);
  }
  return merged;
}

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/// Whether the terms from `at` on can add up to `distance`. Also true if the search takes too long.
bool reachable(const std::vector<Term>& terms, size_t at, int64_t distance, int& steps) {
  const Term& term = terms[at];
  if (at + 1 == terms.size()) return distance == 0;
  if (distance < term.low || distance > term.high || distance % term.unit != 0) return false;
  if (--steps < 0) return true;
  const Term& rest = terms[at + 1];
  const int64_t first = std::max(term.first, -floor_div(rest.high - distance, term.stride));
  const int64_t last = std::min(term.last, floor_div(distance - rest.low, term.stride));
  for (int64_t x = first; x <= last; x++)
    if (reachable(terms, at + 1, distance - x * term.stride, steps)) return true;
  return false;
}

}  // namespace

bool address_range(const View& v, const std::vector<int64_t>& shape, int64_t& low, int64_t& high) {
  low = high = v.offset;
  for (size_t i = 0; i < shape.size(); i++) {
    int64_t reach;
    if (__builtin_mul_overflow(shape[i] - 1, v.strides[i], &reach)) return false;
    if (__builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high)) return false;
  }
  return true;
}

bool one_to_one(const View& v, const std::vector<int64_t>& shape) {
  const std::vector<Axis> axes = sorted_axes(v, shape);
  int64_t span = 0;
  for (size_t i = axes.size(); i-- > 0;) {
    if (axes[i].stride <= span) return false;
    span += (axes[i].size - 1) * axes[i].stride;
  }
  return true;
}

bool may_meet(const View& a, const std::vector<int64_t>& a_shape, const View& b, const std::vector<int64_t>& b_shape) {
  int64_t low[2], high[2];
  address_range(a, a_shape, low[0], high[0]);
  address_range(b, b_shape, low[1], high[1]);
  const int64_t size[2] = {int64_t(byte_size(a.dtype)), int64_t(byte_size(b.dtype))};
  if ((high[0] + 1) * size[0] <= low[1] * size[1] || (high[1] + 1) * size[1] <= low[0] * size[0]) return false;
  if (size[0] != size[1]) return true;
  int steps = kMostTries;
  return reachable(difference(a, a_shape, b, b_shape), 0, low[1] - low[0], steps);
}

}  // namespace gradus
