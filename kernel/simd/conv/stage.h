// The staged, zero-padded copy of a convolution's input (geometry.h), and the epilogue of finished tiles.
#pragma once
#include "geometry.h"
#include "simd/gemm/pack.h"

namespace gradus::GRADUS_ISA::gemm {

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
      const int64_t left = count - i, here = 2 * left - 1;  // nothing beyond the last element is read
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

/// Stages `channels` channels, `channel` elements apart. Elements outside x are zeroed in a `fresh` region; otherwise
/// they are still zero from an earlier use. x points to the first channel.
template <class T>
void stage(T* to, const T* x, const ConvCall& call, const Region& region, int64_t channels, int64_t channel,
           bool fresh) {
  const Axis* axes = region.axes;
  const Window* w = region.w;
  const int64_t inner = region.inner, row = w[2].size * inner, step = call.x_s[2];
  // Rows of many images are long enough to clear only their ends.
  const bool bordered = fresh && inner > 1 && axes[2].zeros == 1;
  const int64_t all = channels * region.channel;
  if (bordered) fill_zero(to + all, Lanes<T>::count);  // read by the last vector beyond the end
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
                  for (int64_t j = 0; j < inner; ++j) to[u * inner + j] = from[i * step + j * call.x_n];
                }
              } else if (inner == 1) {
                if (length > 0) copy_strided(to + inside.low, from + inside.first * step, length, pace);
              } else {
                pack_panel(to + inside.low * inner, from + inside.first * step, int(inner), int(inner), call.x_n,
                           length, pace);
              }
            }
          }
        }
}

/// Passes a dense tile [rows][box from p0 to p1] to the epilogue, in as few pieces as flattened positions allow.
template <class T>
void run_epilogue(const ConvCall& call, int worker, int64_t n, int64_t g, int64_t row, int64_t rows, const int64_t* p0,
                  const int64_t* p1, const T* tile) {
  const int64_t* out = call.out;
  const int64_t size[3] = {p1[0] - p0[0], p1[1] - p0[1], p1[2] - p0[2]}, ld = volume(size);
  int64_t run = size[2];  // positions that are neighbours in the result as well
  if (size[2] == out[2]) run *= size[1];
  if (size[2] == out[2] && size[1] == out[1]) run *= size[0];
  for (int64_t i = 0; i < ld; i += run) {
    const int64_t z = p0[0] + i / (size[1] * size[2]), y = p0[1] + i / size[2] % size[1];
    const int64_t at = (z * out[1] + y) * out[2] + p0[2];
    call.epilogue.run(call.epilogue.self, worker, Tile{n * call.groups + g, row, at, rows, run, tile + i, ld});
  }
}

}  // namespace gradus::GRADUS_ISA::gemm
