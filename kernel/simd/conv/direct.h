// Convolutions straight from the definition, one result after another, for geometry so wide that its positions do not
// fit the 32-bit tables of all other algorithms: far strides, paddings and dilations. Few kernel positions then fall
// inside x, and only those are multiplied.
#pragma once
#include "simd/gemm/micro_kernel.h"
#include "stage.h"

namespace gradus::GRADUS_ISA::gemm {

/// Whether the other algorithms apply: the positions of an image, with everything between and around them, are counted
/// in 32 bits.
inline bool has_usual_extent(const ConvCall& c) {
  int64_t all = 1;
  for (int d = 0; d < 3; ++d) {
    const int64_t pad = c.pad[d] < 0 ? -c.pad[d] : c.pad[d];
    all *= (c.out[d] - 1) * c.stride[d] + (c.kernel[d] - 1) * c.kernel_dilation[d] + pad +
           (c.in[d] - 1) * c.in_dilation[d] + 1;
    if (all > INT32_MAX) return false;
  }
  return true;
}

template <class T>
class DirectSums {
 public:
  DirectSums(const ConvCall& call, Parallel& pool) : call_(call), pool_(pool), outs_(volume(call.out)) {
    for (int d = 0; d < 3; ++d) axes_[d] = Axis(call, d, false);
  }

  Status run() {
    const ConvCall& c = call_;
    const int64_t batches = c.groups * (c.batch_innermost ? 1 : c.n), columns = outs_ * (c.batch_innermost ? c.n : 1);
    const int64_t strips = ceil_div(columns, kStrip);
    run_tasks(pool_, batches * c.out_channels * strips, [&](int64_t task, int worker) {
      const int64_t col = task % strips * kStrip, row = task / strips % c.out_channels;
      const int64_t batch = task / strips / c.out_channels, cols = min(kStrip, columns - col);
      T sums[kStrip], *to = c.y ? static_cast<T*>(c.y) + (batch * c.out_channels + row) * columns + col : sums;
      for (int64_t i = 0; i < cols; ++i) to[i] = sum(batch, row, col + i);
      if (c.epilogue.run) c.epilogue.run(c.epilogue.self, worker, Tile{batch, row, col, 1, cols, to, cols});
    });
    return Status::ok;
  }

 private:
  static constexpr int64_t kStrip = 64;  // results of a task

  const ConvCall& call_;
  Parallel& pool_;
  int64_t outs_;
  Axis axes_[3];

  /// The first kernel position that can fall inside x at output position p, and the one after the last.
  void meets(int d, int64_t p, int64_t* first, int64_t* end) const {
    const Axis& a = axes_[d];
    const int64_t at = p * a.stride - a.pad, last = (a.in - 1) * a.zeros;  // of kernel position 0, of x
    *first = min(a.kernel, at < 0 ? ceil_div(-at, a.dilation) : 0);
    *end = at > last ? *first : min(a.kernel, (last - at) / a.dilation + 1);
  }

  T sum(int64_t batch, int64_t row, int64_t col) const {
    const ConvCall& c = call_;
    const int64_t n = c.batch_innermost ? col % c.n : batch / c.groups,
                  g = c.batch_innermost ? batch : batch % c.groups;
    const int64_t at = c.batch_innermost ? col / c.n : col;
    const int64_t p[3] = {at / (c.out[1] * c.out[2]), at / c.out[2] % c.out[1], at % c.out[2]};
    const T* x = static_cast<const T*>(c.x) + n * c.x_n + g * c.x_g;
    const T* w = static_cast<const T*>(c.w) + g * c.w_g + row * c.w_o;
    int64_t first[3], end[3], q[3];
    for (int d = 0; d < 3; ++d) meets(d, p[d], &first[d], &end[d]);
    T total = 0;
    for (q[0] = first[0]; q[0] < end[0]; ++q[0])
      for (q[1] = first[1]; q[1] < end[1]; ++q[1])
        for (q[2] = first[2]; q[2] < end[2] && !pool_.interrupted(); ++q[2]) {
          int64_t from = 0, weight = 0;
          bool met = true;
          for (int d = 0; d < 3; ++d) {
            const int64_t i = p[d] * axes_[d].stride + axes_[d].at(q[d]);
            met = met && i % axes_[d].zeros == 0;
            from += i / axes_[d].zeros * c.x_s[d];
            weight += q[d] * c.w_k[d];
          }
          for (int64_t channel = 0; met && channel < c.channels; ++channel)
            total += x[from + channel * c.x_c] * w[weight + channel * c.w_c];
        }
    return total;
  }
};

}  // namespace gradus::GRADUS_ISA::gemm
