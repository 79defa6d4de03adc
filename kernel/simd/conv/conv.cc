// Convolutions. The ladder below chooses the algorithm once, when a program is loaded, from shapes and strides alone.
// Each rung gives its measured reason; `choose` of the algorithm's class has the exact condition.
#include "conv.h"

#include "batch_dots.h"
#include "batch_innermost.h"
#include "batch_lanes.h"
#include "direct.h"
#include "exchange.h"
#include "implicit_gemm.h"
#include "simd/gemm/micro_kernel.h"
#include "split_k_dots.h"
#include "split_k_gemm.h"
#include "split_k_rows.h"
#include "winograd.h"

namespace gradus::GRADUS_ISA {
namespace gemm {
namespace {

template <class T>
ConvAlgorithm choose(const ConvCall& call, ConvBlocking& blocks) {
  if (!call.batch_innermost) {
    // 16 products instead of 36: 1.6 to 2 times as fast from 32 channels on, gradients of weights 1.3 to 1.8 times.
    // With fewer channels or tiles the transforms dominate.
    if (winograd_layer_fits(call)) return ConvAlgorithm::winograd;
    if (winograd_weights_fits(call)) return ConvAlgorithm::winograd_weights;
  }
  // Far strides, paddings and dilations do not fit the 32-bit tables of the algorithms below.
  if (!has_usual_extent(call)) return ConvAlgorithm::direct;
  if (call.batch_innermost) {
    // Whole vectors of images, nothing staged: LeNet's step takes 0.7 of the time. Not with fewer images than lanes,
    // nor with a k so long that split-K is better.
    if (BatchInnermost<T>::choose(call, blocks)) return ConvAlgorithm::batch_innermost;
  } else {
    // Gradients of weights in batch-innermost layout, where images are the contraction: nothing is packed, staged or
    // padded.
    if (BatchDots<T>::choose(call, blocks)) return ConvAlgorithm::batch_dots;
    // Narrow planes of many images: no lane is wasted. Taken where a cost model finds fewer cycles than for positions
    // in the lanes.
    if (BatchLanes<T>::choose(call, blocks)) return ConvAlgorithm::batch_lanes;
    // Enough positions per image to fill vectors, and a k that needs no split.
    if (ImplicitGemm<T>::choose(call, blocks)) return ConvAlgorithm::implicit_gemm;
  }
  // Few positions and a long k, as in gradients of weights: split-K. Rows along the lanes halve the time of first
  // layers, which have few columns and enough rows;
  if (SplitKRows<T>::choose(call, blocks)) return ConvAlgorithm::split_k_rows;
  // the contraction along the lanes suits the few columns of one input channel and of depthwise layers.
  if (SplitKDots<T>::choose(call, blocks)) return ConvAlgorithm::split_k_dots;
  SplitKGemm<T>::choose(call, blocks);
  return ConvAlgorithm::split_k_gemm;
}

template <class T>
ConvChoice choose(const ConvCall& call) {
  ConvChoice choice{};
  // A small dilated x and a large w, as in gradients of a transposed layer's weights: with exchanged roles, the sum
  // skips the zeros between the elements of x.
  choice.exchanged = !call.batch_innermost && !winograd_layer_fits(call) && !winograd_weights_fits(call) &&
                     has_usual_extent(call) && Exchanged<T>::pays(call);
  if (!choice.exchanged) {
    choice.algorithm = choose<T>(call, choice.blocking);
    return choice;
  }
  const Exchanged<T> other(call);
  choice.algorithm = choose<T>(other.call(), choice.blocking);
  return choice;
}

template <class T>
Status run(const ConvCall& call, const ConvChoice& choice, Parallel& pool) {
  const ConvBlocking& b = choice.blocking;
  switch (choice.algorithm) {
    case ConvAlgorithm::winograd: return winograd_layer(call, pool);
    case ConvAlgorithm::winograd_weights: return winograd_weights(call, pool);
    case ConvAlgorithm::direct: return DirectSums<T>(call, pool).run();
    case ConvAlgorithm::batch_innermost: return BatchInnermost<T>(call, b, pool).run();
    case ConvAlgorithm::batch_dots: return BatchDots<T>(call, b, pool).run();
    case ConvAlgorithm::batch_lanes: return BatchLanes<T>(call, b, pool).run();
    case ConvAlgorithm::implicit_gemm: return ImplicitGemm<T>(call, b, pool).run();
    case ConvAlgorithm::split_k_rows: return SplitKRows<T>(call, b, pool).run();
    case ConvAlgorithm::split_k_dots: return SplitKDots<T>(call, b, pool).run();
    case ConvAlgorithm::split_k_gemm: return SplitKGemm<T>(call, b, pool).run();
  }
  return Status::refused;
}

template <class T>
Status run_exchanged(const ConvCall& call, const ConvChoice& choice, Parallel& pool) {
  Exchanged<T> other(call);
  return run<T>(other.call(), choice, pool);
}

template <class T>
Status convolution(const ConvCall& call, const ConvChoice& choice, Parallel& pool) {
  return choice.exchanged ? run_exchanged<T>(call, choice, pool) : run<T>(call, choice, pool);
}

}  // namespace
}  // namespace gemm

ConvChoice choose_conv(const ConvCall& call) {
  return call.dtype == DType::f64 ? gemm::choose<double>(call) : gemm::choose<float>(call);
}

Status conv(const ConvCall& call, const ConvChoice& choice, Parallel& pool) {
  return call.dtype == DType::f64 ? gemm::convolution<double>(call, choice, pool)
                                  : gemm::convolution<float>(call, choice, pool);
}

}  // namespace gradus::GRADUS_ISA
