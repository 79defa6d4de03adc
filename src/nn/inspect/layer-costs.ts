import { ConfigError } from "../../base/index.ts";

/** Two layers between the same feature maps. */
export interface LayerPair {
  /** W and H of both maps. */
  readonly width: number;
  readonly height: number;
  /** J, channels of the input. */
  readonly inputs: number;
  /** I, channels of the output. */
  readonly outputs: number;
  /** K, the side of the convolution's kernel. */
  readonly kernel: number;
}

/** The costs of one layer, without biases. */
export interface LayerCosts {
  readonly units: number;
  readonly weights: number;
  readonly connections: number;
}

/**
 * The costs of a dense layer and a convolution (padding "same", stride 1) between a map of W × H ×
 * J and one of W × H × I:
 *
 *   units         W H I          W H I
 *   weights       W² H² I J      K² I J
 *   connections   W² H² I J      W H K² I J
 *
 * The convolution shares its weights over all positions, and reads K² of them instead of all.
 * {@link summary} counts the same of real layers.
 *
 * @throws {ConfigError} for sizes that are not integers above 0.
 * @see Xia 2020, §2.5
 * @example
 * denseAgainstConvolution({ width: 32, height: 32, inputs: 3, outputs: 8, kernel: 5 }).dense.weights; // 25165824
 * denseAgainstConvolution({ width: 32, height: 32, inputs: 3, outputs: 8, kernel: 5 }).convolution.weights; // 600
 */
export function denseAgainstConvolution(sizes: LayerPair): {
  dense: LayerCosts;
  convolution: LayerCosts;
} {
  const wrong = Object.entries(sizes).find(([, n]) => !Number.isInteger(n) || n < 1);
  if (wrong)
    throw new ConfigError({
      subject: "denseAgainstConvolution",
      problem: `${wrong[0]} is ${wrong[1]}.`,
      fix: "give a whole number of 1 or more.",
    });
  const { width, height, inputs, outputs, kernel } = sizes;
  const area = width * height;
  const units = area * outputs;
  const dense = area * area * outputs * inputs;
  const weights = kernel * kernel * outputs * inputs;
  return {
    dense: { units, weights: dense, connections: dense },
    convolution: { units, weights, connections: area * weights },
  };
}
