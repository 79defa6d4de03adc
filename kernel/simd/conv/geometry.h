// The geometry of a convolution, shared by all algorithms.
//
// A convolution is Σ_k w[o, k] · x̃[position + offset(k)]: a matrix product whose B is never built. x is copied once
// into a staged, zero-padded form in which the next output position is the next element, for every kernel position; the
// micro-kernel then reads row k of B at the column's address plus offset(k). Stride s is absorbed by splitting x̃ into
// s phases (coordinates of equal remainder), input dilation e by splitting the outputs into e residues, each of which
// uses only its own kernel positions: the zeros between inputs are neither stored nor multiplied.
#pragma once
#include "simd/gemm/micro_kernel.h"
#include "src/contract.h"

namespace gradus::GRADUS_ISA::gemm {

inline int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

inline int64_t volume(const int64_t* v) { return v[0] * v[1] * v[2]; }

/// Halves the outermost axis of a box that is longer than `least`; false if there is none.
inline bool halve(int64_t* size, int64_t least_last) {
  for (int d = 0; d < 3; ++d) {
    const int64_t least = d == 2 ? least_last : 1;
    if (size[d] > least) {
      size[d] = max(least, (size[d] + 1) / 2);
      return true;
    }
  }
  return false;
}

/// Work that justifies a task of its own: 2²² multiplications.
constexpr int64_t kLeastTasks = 16, kTaskWork = int64_t{1} << 22;

/// Halves a box while it is `large` (beyond the caches) or `lonely` (few tasks with much work each). Only a large box
/// is cut below `least_last` along the last axis.
template <class Large, class Lonely>
void shrink(int64_t* box, int64_t least_last, const Large& large, const Lonely& lonely) {
  for (;;) {
    const bool too_large = large();
    if (!too_large && !lonely()) return;
    if (!halve(box, too_large ? 1 : least_last)) return;
  }
}

/// Boxes of a grid, in row-major order.
struct Grid {
  int64_t whole[3], box[3], count[3];
  Grid() = default;
  Grid(const int64_t* w, const int64_t* b) {
    for (int d = 0; d < 3; ++d) {
      whole[d] = w[d];
      box[d] = max(1, b[d]);
      count[d] = ceil_div(w[d], box[d]);
    }
  }
  int64_t boxes() const { return volume(count); }
  void at(int64_t i, int64_t* low, int64_t* high) const {
    for (int d = 2; d >= 0; --d) {
      low[d] = i % count[d] * box[d];
      high[d] = min(whole[d], low[d] + box[d]);
      i /= count[d];
    }
  }
};

/// Allocates piece by piece from a worker's scratch.
class Scratch {
 public:
  explicit Scratch(void* p) : at_(static_cast<char*>(p)) {}
  template <class U>
  U* take(int64_t count) {
    U* p = reinterpret_cast<U*>(at_);
    at_ += round_up(count * int64_t{sizeof(U)}, 64);
    return p;
  }

 private:
  char* at_;
};

/// One spatial axis: output position p and kernel position q read x̃ at p·stride + q·dilation − pad, which is x at that
/// coordinate over `zeros` (if divisible and inside).
struct Axis {
  int64_t in, kernel, out, stride, dilation, pad, zeros;
  int64_t residues;   // output positions p = residues·p′ + r; 1 unless input dilation is split off
  int64_t positions;  // p′ < positions

  Axis() = default;
  Axis(const ConvCall& c, int d, bool split_residues)
      : in(c.in[d]), kernel(c.kernel[d]), out(c.out[d]), stride(c.stride[d]), dilation(c.kernel_dilation[d]),
        pad(c.pad[d]), zeros(c.in_dilation[d]), residues(1) {
    if (split_residues && stride == 1) {
      residues = zeros;
      zeros = 1;
    }
    positions = ceil_div(out, residues);
  }

  /// The same axis with output and kernel positions exchanged.
  Axis exchanged() const {
    Axis axis = *this;
    axis.kernel = out;
    axis.out = axis.positions = kernel;
    axis.stride = dilation;
    axis.dilation = stride;
    return axis;
  }

  /// Where kernel position q reads x̃ for p′ = 0: residue of p, phase of x̃, shift in p′.
  int64_t at(int64_t q) const { return q * dilation - pad; }
  int64_t residue(int64_t q) const { return residues == 1 ? 0 : -at(q) - residues * floor_div(-at(q), residues); }
  int64_t shift(int64_t q) const { return residues == 1 ? floor_div(at(q), stride) : (at(q) + residue(q)) / residues; }
  /// Kernel position q reads x̃ at p′·move() + tap(q).
  int64_t move() const { return residues == 1 ? stride : 1; }
  int64_t tap(int64_t q) const { return residues == 1 ? at(q) : shift(q); }
  int64_t phase(int64_t q) const { return residues == 1 ? at(q) - stride * floor_div(at(q), stride) : 0; }
  int64_t taps(int64_t r) const {
    if (residues == 1) return kernel;
    int64_t n = 0;
    for (int64_t q = 0; q < kernel; ++q) n += residue(q) == r;
    return n;
  }
  /// Positions p′ < end with residue r.
  int64_t clip(int64_t end, int64_t r) const { return min(end, ceil_div(max(0, out - r), residues)); }
};

/// Calls f(residue of each axis) for all residues, in order.
template <class F>
void each_residue(const Axis* axes, const F& f) {
  int64_t r[3];
  for (r[0] = 0; r[0] < axes[0].residues; ++r[0])
    for (r[1] = 0; r[1] < axes[1].residues; ++r[1])
      for (r[2] = 0; r[2] < axes[2].residues; ++r[2]) f(r);
}

/// A range of output positions p′ and of kernel positions along one axis, and its staged extent.
struct Window {
  int64_t p0, p1, q0, q1;
  int64_t shift;            // the smallest shift
  int64_t slots;            // copies of the axis: one per phase, or per kernel position if those are fewer
  int64_t size;             // staged elements along the axis
  int64_t step, slot_step;  // in staged elements
  int32_t* offset;          // of kernel position q0 + i
  int32_t* residue;         // of kernel position q0 + i

  Window() = default;
  Window(const Axis& axis, int64_t p0, int64_t p1, int64_t q0, int64_t q1)
      : p0(p0), p1(p1), q0(q0), q1(q1), offset(nullptr), residue(nullptr) {
    shift = q1 > q0 ? axis.shift(q0) : 0;  // shifts never decrease with q
    const int64_t last = q1 > q0 ? axis.shift(q1 - 1) : 0;
    slots = axis.residues > 1 ? 1 : min(axis.stride, max(1, q1 - q0));
    size = p1 - p0 + last - shift;
  }
  int64_t slot(const Axis& axis, int64_t q) const {
    return axis.residues > 1 ? 0 : slots == axis.stride ? axis.phase(q) : q - q0;
  }
  /// The x̃ coordinate (in units of x where residues are split) of staged element 0 of a slot.
  int64_t origin(const Axis& axis, int64_t slot) const {
    if (axis.residues > 1) return p0 + shift;
    const int64_t phase = slots == axis.stride ? slot : axis.phase(q0 + slot);
    return (p0 + shift) * axis.stride + phase;
  }
};

/// A box of output positions and of kernel positions: the geometry of its staged copy of x, except for channel and
/// image. `inner` images are interleaved as the fastest axis.
struct Region {
  const Axis* axes;
  Window w[3];
  int64_t inner;
  int64_t channel;  // staged elements per channel

  Region(const Axis* axes, const int64_t* p0, const int64_t* p1, const int64_t* q0, const int64_t* q1, int64_t inner)
      : axes(axes), inner(inner) {
    int64_t step = inner;
    for (int d = 2; d >= 0; --d) {
      w[d] = Window(axes[d], p0[d], p1[d], q0[d], q1[d]);
      w[d].step = step;
      step *= w[d].size;
    }
    for (int d = 2; d >= 0; --d) {
      w[d].slot_step = step;
      step *= w[d].slots;
    }
    channel = step;
  }

  /// Fills the offset and residue tables of the kernel positions.
  void tabulate(Scratch& scratch) {
    for (int d = 0; d < 3; ++d) {
      const int64_t n = w[d].q1 - w[d].q0;
      w[d].offset = scratch.take<int32_t>(n);
      w[d].residue = scratch.take<int32_t>(n);
      for (int64_t i = 0; i < n; ++i) {
        const int64_t q = w[d].q0 + i;
        w[d].offset[i] = int32_t((axes[d].shift(q) - w[d].shift) * w[d].step + w[d].slot(axes[d], q) * w[d].slot_step);
        w[d].residue[i] = int32_t(axes[d].residue(q));
      }
    }
  }

  /// Calls f(offset, q) for the kernel positions of one residue, in order.
  template <class F>
  void each_tap(const int64_t* r, const F& f) const {
    for (int64_t z = w[0].q0; z < w[0].q1; ++z) {
      if (w[0].residue[z - w[0].q0] != r[0]) continue;
      for (int64_t y = w[1].q0; y < w[1].q1; ++y) {
        if (w[1].residue[y - w[1].q0] != r[1]) continue;
        for (int64_t x = w[2].q0; x < w[2].q1; ++x) {
          if (w[2].residue[x - w[2].q0] != r[2]) continue;
          const int64_t q[3] = {z, y, x};
          f(w[0].offset[z - w[0].q0] + w[1].offset[y - w[1].q0] + w[2].offset[x - w[2].q0], q);
        }
      }
    }
  }
};

/// What algorithms derive from a call without its memory: axes and counts.
struct Geometry {
  const ConvCall& call_;
  const int64_t outs_, taps_;  // output and kernel positions
  Axis axes_[3];

  Geometry(const ConvCall& call, bool split_residues)
      : call_(call), outs_(volume(call.out)), taps_(volume(call.kernel)) {
    for (int d = 0; d < 3; ++d) axes_[d] = Axis(call, d, split_residues);
  }

  int64_t residues() const { return axes_[0].residues * axes_[1].residues * axes_[2].residues; }
  /// Boxes of output positions p′.
  Grid grid(const int64_t* box) const {
    const int64_t whole[3] = {axes_[0].positions, axes_[1].positions, axes_[2].positions};
    return Grid(whole, box);
  }
  /// The staged region of boxes that start at 0.
  Region region_of(const int64_t* p_box, const int64_t* q_box, int64_t inner) const {
    static constexpr int64_t zero[3] = {0, 0, 0};
    return Region(axes_, zero, p_box, zero, q_box, inner);
  }
};

/// Vectors of columns of a box, whole vectors for every line of positions of `inner` images.
template <class T>
int64_t vectors_of(const int64_t* p, int64_t inner) {
  return p[0] * p[1] * ceil_div(p[2] * inner, Lanes<T>::count);
}

/// The columns of one residue: their number, the kernel positions that they use, and where the rows of B begin.
struct Columnar {
  int64_t count, taps;
  int32_t* offset;  // of row k of B
};

/// A block of the result: rows of a group, images, a box of positions.
struct Part {
  int64_t g, row, rows, image, images, p0[3], p1[3], size[3];
  int64_t columns() const { return images * volume(size); }
};

/// The blocks of a result, cut by rows, images and boxes of positions.
struct Parts {
  const ConvCall& call;
  Grid positions;
  int64_t rows, images;

  int64_t count() const {
    return call.groups * ceil_div(call.out_channels, rows) * ceil_div(call.n, images) * positions.boxes();
  }
  Part at(int64_t i) const {
    const int64_t down = ceil_div(call.out_channels, rows), across = ceil_div(call.n, images);
    Part b;
    positions.at(i % positions.boxes(), b.p0, b.p1);
    i /= positions.boxes();
    b.image = i % across * images;
    b.images = min(images, call.n - b.image);
    i /= across;
    b.row = i % down * rows;
    b.rows = min(rows, call.out_channels - b.row);
    b.g = i / down;
    for (int d = 0; d < 3; ++d) b.size[d] = b.p1[d] - b.p0[d];
    return b;
  }
};

}  // namespace gradus::GRADUS_ISA::gemm
