/**
 * The algorithms of the engine's convolutions, by the names that profiles and printed programs
 * show. The ladder that chooses one, when a program is loaded, is in `kernel/simd/conv/conv.cc`.
 * `tools/generate-conv-algorithms.mjs` writes this file to `kernel/src/conv_algorithms.h`; a test
 * fails when the two differ.
 */

/** In the order of their codes, 0, 1, 2, … */
export const convAlgorithms = {
  /** Winograd's minimal filtering: 16 products per tile instead of 36. */
  winograd: "winograd 3x3",
  /** The same for gradients of weights. */
  winogradWeights: "winograd 3x3 weight-gradient",
  /**
   * Straight from the definition, one result after another: for far strides, paddings and
   * dilations.
   */
  direct: "direct",
  /** Columns are (position, image) pairs, read in place from x in CHWN layout. */
  batchInnermost: "implicit-gemm batch-innermost",
  /** Dot products over the innermost images: gradients of weights in CHWN layout. */
  batchDots: "batch-dots split-k",
  /** One image per lane. */
  batchLanes: "implicit-gemm batch-in-lanes",
  /** Columns are the positions of an image, read from a staged copy of x. */
  implicitGemm: "implicit-gemm",
  /** Output channels along the lanes. */
  splitKRows: "split-k rows-in-lanes",
  /** The contraction along the lanes. */
  splitKDots: "split-k dots",
  /** Columns are (position, image) pairs; k is cut into splits whose sums are added in order. */
  splitKGemm: "implicit-gemm split-k",
} as const;

/**
 * The name for a code that an engine's binding returns from `algorithms`; null if there was no
 * choice.
 */
export function algorithmName(code: number): string | null {
  if (code < 0) return null;
  const name = Object.values(convAlgorithms)[code & 0xff];
  return code > 0xff ? `${name} exchanged` : (name ?? null);
}

export type ConvAlgorithm = (typeof convAlgorithms)[keyof typeof convAlgorithms];

/** The requirements of minimal filtering; the compiler's layout pass leaves such layers to it. */
export const winogradLimits = { kernel: 3, leastChannels: 32 } as const;
