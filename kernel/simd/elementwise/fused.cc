// Two or three float32 operations as one: f(g(a, b), h(c, d)). Every operation rounds, so the result is that of the
// single steps; intermediate values stay in a register.
#include "elementwise.h"
#include "simd/math/vector.h"
#include "src/opcodes.h"

namespace gradus::GRADUS_ISA {
namespace {

constexpr int64_t lanes = kVectorBytes / 4;

struct Itself {
  GRADUS_INLINE F32 of(F32 x, F32) { return x; }
};
struct Sum {
  GRADUS_INLINE F32 of(F32 x, F32 y) { return x + y; }
};
struct Difference {
  GRADUS_INLINE F32 of(F32 x, F32 y) { return x - y; }
};
struct Product {
  GRADUS_INLINE F32 of(F32 x, F32 y) { return x * y; }
};
struct Quotient {
  GRADUS_INLINE F32 of(F32 x, F32 y) { return x / y; }
};

template <class F, class G, class H>
struct Tree {
  GRADUS_INLINE F32 of(F32 a, F32 b, F32 c, F32 d) { return F::of(G::of(a, b), H::of(c, d)); }
};

struct Equal {
  GRADUS_INLINE MaskOf<F32> of(F32 x, F32 y) { return x == y; }
};
struct Less {
  GRADUS_INLINE MaskOf<F32> of(F32 x, F32 y) { return x < y; }
};
struct LessOrEqual {
  GRADUS_INLINE MaskOf<F32> of(F32 x, F32 y) { return x <= y; }
};

struct EqualInts {
  GRADUS_INLINE MaskOf<F32> of(F32 x, F32 y) { return MaskOf<F32>(x) == MaskOf<F32>(y); }
};

template <class Compare>
struct Choice {
  GRADUS_INLINE F32 of(F32 a, F32 b, F32 c, F32 d) { return select<F32>(Compare::of(a, b), c, d); }
};

/// The tail runs through the same instructions as the body, so position cannot matter (see `plus` in
/// elementwise/math.cc).
template <class T>
void fused(void* dst, const void* a, const void* b, const void* c, const void* d, int64_t n) {
  float* to = static_cast<float*>(dst);
  const float *x = static_cast<const float*>(a), *y = static_cast<const float*>(b);
  const float *z = static_cast<const float*>(c), *w = static_cast<const float*>(d);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes)
    store(to + i, T::of(load<F32>(x + i), load<F32>(y + i), load<F32>(z + i), load<F32>(w + i)));
  if (i == n) return;
  const auto part = [&](const float* p) { return load_part<F32>(p + i, n - i); };
  store_part(to + i, T::of(part(x), part(y), part(z), part(w)), n - i);
}

template <class F, class G>
FusedOp with_right(int right) {
  switch (right) {
    case op_add: return fused<Tree<F, G, Sum>>;
    case op_sub: return fused<Tree<F, G, Difference>>;
    case op_mul: return fused<Tree<F, G, Product>>;
    case kNoOpcode: return fused<Tree<F, G, Itself>>;
    default: return nullptr;
  }
}

template <class F>
FusedOp with_left(int left, int right) {
  switch (left) {
    case op_add: return with_right<F, Sum>(right);
    case op_sub: return with_right<F, Difference>(right);
    case op_mul: return with_right<F, Product>(right);
    case kNoOpcode: return right == kNoOpcode ? nullptr : with_right<F, Itself>(right);
    default: return nullptr;
  }
}

FusedOp choice(int compare) {
  switch (compare) {
    case op_eq: return fused<Choice<Equal>>;
    case op_lt: return fused<Choice<Less>>;
    case op_le: return fused<Choice<LessOrEqual>>;
    case kEqualInts: return fused<Choice<EqualInts>>;
    default: return nullptr;
  }
}

}  // namespace

FusedOp fused_op(int f, int g, int h) {
  switch (f) {
    case op_add: return with_left<Sum>(g, h);
    case op_sub: return with_left<Difference>(g, h);
    case op_mul: return with_left<Product>(g, h);
    case op_div: return with_left<Quotient>(g, h);
    case op_where: return h == kNoOpcode ? choice(g) : nullptr;
    default: return nullptr;
  }
}

}  // namespace gradus::GRADUS_ISA
