// The geometry of a convolution and the staged copy of its input.
//
// A convolution is Σ_k w[o, k] · x̃[position + offset(k)]: a matrix product whose B is never built.
// x is copied once into a staged, zero-padded form in which moving one output position is moving
// one element, for every kernel position alike; the micro-kernel then reads row k of B at the
// column's place plus offset(k). Stride s is absorbed by splitting x̃ into s phases (coordinates of
// equal remainder), input dilation e by splitting the outputs into e residues, each of which meets
// only its own kernel positions: the zeros between inputs are neither stored nor multiplied.
#pragma once
#include "src/contract.h"
#include "simd/gemm/pack.h"

namespace gradus::GRADUS_ISA::gemm {

inline int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

inline int64_t volume(const int64_t* v) { return v[0] * v[1] * v[2]; }

/// Halves the outermost axis of a box that is longer than `least`; false if none is.
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

/// A worker's scratch, handed out piece by piece.
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

/// One spatial axis: out position p and kernel position q meet x̃ at p·stride + q·dilation − pad,
/// which is x at that over `zeros` (if it divides and is inside).
struct Axis {
  int64_t in, kernel, out, stride, dilation, pad, zeros;
  int64_t residues;   // output positions p = residues·p′ + r; 1 unless input dilation is split off
  int64_t positions;  // p′ < positions

  Axis() = default;
  Axis(const ConvCall& c, int d, bool split_residues)
      : in(c.in[d]), kernel(c.kernel[d]), out(c.out[d]), stride(c.stride[d]),
        dilation(c.kernel_dilation[d]), pad(c.pad[d]), zeros(c.in_dilation[d]), residues(1) {
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

  /// Where kernel position q meets x̃ for p′ = 0: residue of p, phase of x̃, shift in p′.
  int64_t at(int64_t q) const { return q * dilation - pad; }
  int64_t residue(int64_t q) const {
    return residues == 1 ? 0 : -at(q) - residues * floor_div(-at(q), residues);
  }
  int64_t shift(int64_t q) const {
    return residues == 1 ? floor_div(at(q), stride) : (at(q) + residue(q)) / residues;
  }
  /// Kernel position q meets x̃ at p′·move() + tap(q).
  int64_t move() const { return residues == 1 ? stride : 1; }
  int64_t tap(int64_t q) const { return residues == 1 ? at(q) : shift(q); }
  int64_t phase(int64_t q) const {
    return residues == 1 ? at(q) - stride * floor_div(at(q), stride) : 0;
  }
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
  int64_t shift;  // the least shift
  int64_t slots;  // copies of the axis: one per phase, or per kernel position if those are fewer
  int64_t size;   // staged elements along the axis
  int64_t step, slot_step;  // in staged elements
  int32_t* offset;          // of kernel position q0 + i
  int32_t* residue;         // of kernel position q0 + i

  Window() = default;
  Window(const Axis& axis, int64_t p0, int64_t p1, int64_t q0, int64_t q1)
      : p0(p0), p1(p1), q0(q0), q1(q1), offset(nullptr), residue(nullptr) {
    shift = q1 > q0 ? axis.shift(q0) : 0;  // shifts never fall with q
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

/// A box of output positions and of kernel positions: everything about its staged copy of x but
/// the channel and the image. `inner` images lie interleaved, as the fastest axis.
struct Region {
  const Axis* axes;
  Window w[3];
  int64_t inner;
  int64_t channel;  // staged elements per channel

  Region(const Axis* axes, const int64_t* p0, const int64_t* p1, const int64_t* q0,
         const int64_t* q1, int64_t inner)
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
        w[d].offset[i] = int32_t((axes[d].shift(q) - w[d].shift) * w[d].step +
                                 w[d].slot(axes[d], q) * w[d].slot_step);
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

/// The even lanes of two vectors.
template <class T>
struct Evens {
  static constexpr int at(int j) { return 2 * j; }
};

/// to[i] = from[i·stride].
template <class T>
void copy_strided(T* to, const T* from, int64_t count, int64_t stride) {
  constexpr int lanes = Lanes<T>::count;
  if (stride == 1) {
    if (count < lanes) return store_first<T>(to, load_first<T>(from, int(count)), int(count));
    for (int64_t i = 0; i < count; i += lanes) {
      const int64_t at = min(i, count - lanes);  // the last vector overlaps
      store<T>(to + at, load<T>(from + at));
    }
  } else if (stride == 2) {
    for (int64_t i = 0; i < count; i += lanes, from += 2 * lanes) {
      const int64_t left = count - i, here = 2 * left - 1;  // nothing behind the last is read
      if (left > lanes) {
        store<T>(to + i, permute<T>(load<T>(from), load<T>(from + lanes), Evens<T>{}));
      } else {
        const Vec<T> a = load_first<T>(from, int(min(here, lanes)));
        const Vec<T> b = here > lanes ? load_first<T>(from + lanes, int(here - lanes)) : Vec<T>{};
        store_first<T>(to + i, permute<T>(a, b, Evens<T>{}), int(left));
      }
    }
  } else {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i * stride];
  }
}

template <class T>
void fill(T* to, int64_t count, T value) {
  for (int64_t i = 0; i < count; ++i) to[i] = value;
}

template <class T>
void fill_zero(T* to, int64_t count) {
  fill(to, count, T(0));
}

/// The elements of a staged row that lie inside x: low ≤ u < high, from index `first` on.
struct Inside {
  int64_t low, high, first;
  Inside(const Axis& axis, int64_t origin, int64_t size) {
    low = min(size, ceil_div(max(0, -origin), axis.stride));
    high = max(low, axis.in > origin ? min(size, ceil_div(axis.in - origin, axis.stride)) : 0);
    first = origin + low * axis.stride;
  }
};

/// Stages `channels` channels, `channel` elements apart. What is outside x becomes zero in a `fresh`
/// region; else it stays as it is, clear from an earlier use. x points to the first channel.
template <class T>
void stage(T* to, const T* x, const ConvCall& call, const Region& region, int64_t channels,
           int64_t channel, bool fresh) {
  const Axis* axes = region.axes;
  const Window* w = region.w;
  const int64_t inner = region.inner, row = w[2].size * inner, step = call.x_s[2];
  // Rows of many images are long enough to clear only their ends.
  const bool bordered = fresh && inner > 1 && axes[2].zeros == 1;
  const int64_t all = channels * region.channel;
  if (bordered) fill_zero(to + all, Lanes<T>::count);  // what the last vector reads beyond
  else if (fresh) fill_zero(to, all + Lanes<T>::count);
  auto index = [](const Axis& axis, int64_t t) {
    if (axis.zeros == 1) return t < axis.in ? t : -1;
    return t >= 0 && t % axis.zeros == 0 && t / axis.zeros < axis.in ? t / axis.zeros : -1;
  };
  for (int64_t c = 0; c < channels; ++c, x += channel)
    for (int64_t sz = 0; sz < w[0].slots; ++sz)
      for (int64_t sy = 0; sy < w[1].slots; ++sy)
        for (int64_t sx = 0; sx < w[2].slots; ++sx) {
          const int64_t origin = w[2].origin(axes[2], sx);
          const Inside inside(axes[2], origin, w[2].size);
          const int64_t length = inside.high - inside.low, pace = axes[2].stride * step;
          for (int64_t uz = 0; uz < w[0].size; ++uz) {
            const int64_t iz = index(axes[0], w[0].origin(axes[0], sz) + uz * axes[0].stride);
            for (int64_t uy = 0; uy < w[1].size; ++uy, to += row) {
              const int64_t iy = index(axes[1], w[1].origin(axes[1], sy) + uy * axes[1].stride);
              const bool outside = iz < 0 || iy < 0;
              if (bordered) {
                fill_zero(to, outside ? row : inside.low * inner);
                if (!outside) fill_zero(to + inside.high * inner, row - inside.high * inner);
              }
              if (outside) continue;
              const T* from = x + iz * call.x_s[0] + iy * call.x_s[1];
              if (axes[2].zeros > 1) {
                for (int64_t u = 0; u < w[2].size; ++u) {
                  const int64_t i = index(axes[2], origin + u * axes[2].stride);
                  if (i < 0) continue;
                  for (int64_t j = 0; j < inner; ++j)
                    to[u * inner + j] = from[i * step + j * call.x_n];
                }
              } else if (inner == 1) {
                if (length > 0) copy_strided(to + inside.low, from + inside.first * step, length, pace);
              } else {
                pack_panel(to + inside.low * inner, from + inside.first * step, int(inner),
                           int(inner), call.x_n, length, pace);
              }
            }
          }
        }
}

/// Hands a dense tile [rows][box from p0 to p1] to the sink, in as few pieces as flattened positions
/// allow.
template <class T>
void deliver(const ConvCall& call, int worker, int64_t n, int64_t g, int64_t row, int64_t rows,
             const int64_t* p0, const int64_t* p1, const T* tile) {
  const int64_t* out = call.out;
  const int64_t size[3] = {p1[0] - p0[0], p1[1] - p0[1], p1[2] - p0[2]}, ld = volume(size);
  int64_t run = size[2];  // positions that are neighbours in the result, too
  if (size[2] == out[2]) run *= size[1];
  if (size[2] == out[2] && size[1] == out[1]) run *= size[0];
  for (int64_t i = 0; i < ld; i += run) {
    const int64_t z = p0[0] + i / (size[1] * size[2]), y = p0[1] + i / size[2] % size[1];
    const int64_t at = (z * out[1] + y) * out[2] + p0[2];
    call.sink.put(call.sink.self, worker,
                  Tile{n * call.groups + g, row, at, rows, run, tile + i, ld});
  }
}

}  // namespace gradus::GRADUS_ISA::gemm
