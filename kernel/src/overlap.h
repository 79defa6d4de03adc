// Which elements a view touches, and whether two views touch the same ones: arithmetic on offsets, sizes and strides.
#pragma once
#include "expression.h"

namespace gradus {

/// The first and last element that a view touches; false on overflow. No size of the shape is 0.
bool address_range(const View& v, const std::vector<int64_t>& shape, int64_t& low, int64_t& high);

/// Whether every element has its own address: each stride is longer than all smaller axes together. Sufficient, and
/// true of every slice or permutation of a dense array.
bool one_to_one(const View& v, const std::vector<int64_t>& shape);

/// Whether two nonempty views of one buffer may share an address.
bool may_meet(const View& a, const std::vector<int64_t>& a_shape, const View& b, const std::vector<int64_t>& b_shape);

}  // namespace gradus
