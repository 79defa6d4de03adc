// Which elements views touch, and whether two views touch the same: arithmetic on offsets, sizes and strides.
#pragma once
#include "expression.h"

namespace gradus {

/// First and last element that a view touches; false on overflow. The shape has no size 0.
bool address_range(const View& v, const std::vector<int64_t>& shape, int64_t& low, int64_t& high);

/// Whether every element has an address of its own: each step is longer than all smaller axes
/// together. Sufficient, and true of every slice or permutation of a dense array.
bool one_to_one(const View& v, const std::vector<int64_t>& shape);

/// Whether two views of one buffer, neither of them empty, may share an address.
bool may_meet(const View& a, const std::vector<int64_t>& a_shape, const View& b, const std::vector<int64_t>& b_shape);

}  // namespace gradus
