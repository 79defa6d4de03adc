// The same convolution with the roles of x and w exchanged.
//
// Position p and kernel position q read element i of x with i·e = p·s + q − pad, where e is the dilation of x. So q =
// i·e + p̄·s − ((out − 1)·s − pad) with p̄ = out − 1 − p: a convolution of w, in which x is the kernel, dilated by e,
// whose result has its positions reversed and its images exchanged with its channels. The gradient of a transposed
// layer's weights has a small dilated x and a large w: exchanged, the sum skips the zeros between the elements of x.
#pragma once
#include "stage.h"

namespace gradus::GRADUS_ISA::gemm {

template <class T>
class Exchanged {
 public:
  static bool pays(const ConvCall& c) {
    bool dilated = false;
    for (int d = 0; d < 3; ++d) {
      if (c.kernel_dilation[d] != 1) return false;
      dilated = dilated || c.in_dilation[d] > 1;
    }
    const int64_t outs = volume(c.out);
    return dilated && volume(c.kernel) > outs && volume(c.in) > 0 && outs <= kMostOuts;
  }

  explicit Exchanged(const ConvCall& original) : original_(original), call_(original) {
    call_.n = original.out_channels;
    call_.out_channels = original.n;
    for (int d = 0; d < 3; ++d) {
      call_.in[d] = original.kernel[d];
      call_.kernel[d] = original.in[d];
      call_.in_dilation[d] = 1;
      call_.kernel_dilation[d] = original.in_dilation[d];
      call_.pad[d] = (original.out[d] - 1) * original.stride[d] - original.pad[d];
      call_.x_s[d] = original.w_k[d];
      call_.w_k[d] = original.x_s[d];
    }
    call_.x = original.w, call_.x_n = original.w_o, call_.x_g = original.w_g, call_.x_c = original.w_c;
    call_.w = original.x, call_.w_o = original.x_n, call_.w_g = original.x_g, call_.w_c = original.x_c;
    call_.w_cache = nullptr;
    call_.y = nullptr;
    call_.biased = {};
    call_.epilogue = {reverse, this};
  }
  const ConvCall& call() const { return call_; }

 private:
  static constexpr int64_t kMostOuts = 1024;  // of a row that is reversed on the stack
  const ConvCall& original_;
  ConvCall call_;

  /// Row (channel) r of the tile is image r of the result.
  static void reverse(void* self, int worker, const Tile& tile) {
    const ConvCall& c = static_cast<Exchanged*>(self)->original_;
    const int64_t outs = volume(c.out), o = tile.batch / c.groups, g = tile.batch % c.groups;
    const int64_t first = outs - tile.col - tile.cols;
    T reversed[kMostOuts];
    for (int64_t r = 0; r < tile.rows; ++r) {
      const T* from = static_cast<const T*>(tile.values) + r * tile.ld;
      const int64_t image = (tile.row + r) * c.groups + g;
      T* to = c.y ? static_cast<T*>(c.y) + (image * c.out_channels + o) * outs + first : reversed;
      for (int64_t i = 0; i < tile.cols; ++i) to[i] = from[tile.cols - 1 - i];
      if (!c.y) c.epilogue.run(c.epilogue.self, worker, Tile{image, o, first, 1, tile.cols, reversed, tile.cols});
    }
  }
};

}  // namespace gradus::GRADUS_ISA::gemm
