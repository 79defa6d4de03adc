/** Attributions by gradients at one point, or averaged around it. */
import { ConfigError, checkOptions, describe } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import { Generator, normal, type Tensor, tensor } from "../tensor/index.ts";
import { gradientsOf, type ScoreTarget, scorerOf, scoresOf } from "./score.ts";

/** What is explained, and whether signs are kept. */
export interface SaliencyOptions {
  /** By default the predicted class. */
  readonly target?: ScoreTarget | undefined;
  /** True (the default) returns |∂s/∂x|, false ∂s/∂x with its sign. */
  readonly absolute?: boolean | undefined;
}

/**
 * How much the score of a class changes with each element of the input, to first order:
 *
 *   S(x) = |∂s/∂x|
 *
 * @param inputs `[N, …]`
 * @returns the shape of the inputs; for one map per image, take the maximum over the channels:
 * `saliency(…).max({ axis: 1 })`.
 * @throws {ConfigError} for a target that is not a class of the model.
 * @see Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks", §3
 * @example
 * const model = new Linear(3, 2, { bias: false });
 * model.weight.value = tensor([[1, -2, 3], [4, 5, 6]]);
 * saliency(model, tensor([[1, 1, 1]]), { target: 0 }).toArray(); // [[1, 2, 3]]
 */
export function saliency(model: Module, inputs: Tensor, options: SaliencyOptions = {}): Tensor {
  checkOptions("saliency", options, { target: true, absolute: "boolean" });
  const { target, absolute = true } = options;
  const scorer = scorerOf("saliency", model, inputs, target);
  const gradients = gradientsOf(model, scorer, inputs);
  return absolute ? gradients.abs() : gradients;
}

/** The noise, the number of samples, and what is averaged. */
export interface SmoothGradOptions {
  readonly target?: ScoreTarget | undefined;
  /** Noisy copies of each example, default 50. */
  readonly samples?: number | undefined;
  /** σ of the noise, as a fraction of the range of each example's elements, default 0.15. */
  readonly noise?: number | undefined;
  /** "mean" (the default) of the gradients, or of their squares. */
  readonly of?: "mean" | "square" | undefined;
  readonly seed?: number | undefined;
}

/**
 * The mean gradient over noisy copies of the input, in which local fluctuations cancel:
 *
 *   1/n Σₖ ∂s/∂x (x + εₖ),   εₖ ~ N(0, σ²),   σ = noise · (max x − min x)
 *
 * @returns the shape of the inputs.
 * @throws {ConfigError} for a target that is not a class of the model, or no samples.
 * @see Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise", §2
 * @example
 * const model = new Linear(2, 1, { bias: false });
 * model.weight.value = tensor([[1, -2]]);
 * smoothGrad(model, tensor([[0, 1]]), { target: 0, samples: 4 }).toArray(); // [[1, -2]]
 */
export function smoothGrad(model: Module, inputs: Tensor, options: SmoothGradOptions = {}): Tensor {
  checkOptions("smoothGrad", options, {
    target: true,
    samples: "count",
    noise: "number",
    of: true,
    seed: "number",
  });
  const { target, samples = 50, noise = 0.15, of = "mean", seed = 0 } = options;
  if (of !== "mean" && of !== "square")
    throw new ConfigError({
      subject: "smoothGrad",
      problem: `of is ${describe(of)}.`,
      fix: 'use "mean" or "square".',
    });
  const scorer = scorerOf("smoothGrad", model, inputs, target);
  const sigma = rangeOf(inputs).mul(noise);
  const generator = new Generator(seed);
  let total: Tensor | undefined;
  for (let k = 0; k < samples; k++) {
    const epsilon = normal(inputs.shape, { key: generator.next() }).cast(inputs.dtype);
    const noisy = inputs.add(epsilon.mul(sigma));
    const gradients = gradientsOf(model, scorer, noisy);
    const term = of === "square" ? gradients.square() : gradients;
    total = total ? total.add(term) : term;
    total.dataSync(); // one sample at a time in memory
  }
  return total!.div(samples);
}

/** max − min of each example, `[N, 1, …]`. */
function rangeOf(x: Tensor): Tensor {
  const rows = x.reshape([x.shape[0]!, -1]);
  const range = rows.max({ axis: 1 }).sub(rows.min({ axis: 1 }));
  return range.reshape([x.shape[0]!, ...x.shape.slice(1).map(() => 1)]);
}

/** The covered window, and its fill. */
export interface OcclusionOptions {
  readonly target?: ScoreTarget | undefined;
  /** The window along the last axes of an example, one size or one per axis; default 8. */
  readonly size?: number | readonly number[] | undefined;
  /** The stride, default the window's size. */
  readonly stride?: number | readonly number[] | undefined;
  /** The value inside the window, default 0. */
  readonly fill?: number | undefined;
}

/**
 * How much the score falls when a window of the input is covered, averaged for each element over
 * the windows that cover it. Windows cover all channels.
 *
 *   O(x)ᵢ = mean over the windows w ∋ i of s(x) − s(x with `fill` in w)
 *
 * @param inputs `[N, C, …spatial]`, or `[N, D]`, whose last axis counts as spatial.
 * @returns `[N, …spatial]`
 * @throws {ConfigError} for a window larger than the input, or a target that is not a class of the
 * model.
 * @see Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", §4.2
 * @example
 * const model = new Linear(3, 1, { bias: false });
 * model.weight.value = tensor([[1, -2, 3]]);
 * occlusion(model, tensor([[1, 1, 1]]), { target: 0, size: 1 }).toArray(); // [[1, -2, 3]]
 */
export function occlusion(model: Module, inputs: Tensor, options: OcclusionOptions = {}): Tensor {
  checkOptions("occlusion", options, { target: true, size: true, stride: true, fill: "number" });
  const { target, size = 8, fill = 0 } = options;
  const scorer = scorerOf("occlusion", model, inputs, target);
  const space = inputs.rank === 2 ? inputs.shape.slice(1) : inputs.shape.slice(2);
  const window = perAxis("size", size, space);
  const stride = perAxis("stride", options.stride ?? window, space);
  const examples = inputs.shape[0]!;
  const sizeOfSpace = space.reduce((a, b) => a * b, 1);
  const sums = new Float64Array(examples * sizeOfSpace);
  const covers = new Float64Array(sizeOfSpace);
  const scores = (x: Tensor) => scoresOf(model, scorer, x);
  const given = scores(inputs); // of floats, whatever the inputs are
  const whole = given.dataSync();
  for (const corner of corners(space, window, stride)) {
    const covered = insideOf(space, corner, window);
    const mask = tensor(covered, inputs.dtype).reshape(space);
    const kept = inputs.mul(mask.neg().add(1)).add(mask.mul(fill));
    const left = scores(kept).dataSync();
    covered.forEach((inside, i) => {
      if (!inside) return;
      covers[i]!++;
      for (let n = 0; n < examples; n++) sums[n * sizeOfSpace + i]! += whole[n]! - left[n]!;
    });
  }
  const means = sums.map((sum, i) => sum / covers[i % sizeOfSpace]!);
  return tensor(means, given.dtype).reshape([examples, ...space]);
}

function perAxis(name: string, value: number | readonly number[], space: readonly number[]) {
  const each = typeof value === "number" ? space.map((d) => Math.min(value, d)) : [...value];
  const isRight =
    each.length === space.length &&
    each.every((n, i) => Number.isInteger(n) && n >= 1 && (name === "stride" || n <= space[i]!));
  if (isRight) return each;
  throw new ConfigError({
    subject: "occlusion",
    problem: `${name} is ${describe(value)} for inputs of [${space.join(", ")}].`,
    fix: "give a whole number from 1 on, for all axes or one for each.",
  });
}

/** Where windows begin: the last ones end with the input, so that every element is covered. */
function corners(
  space: readonly number[],
  window: readonly number[],
  stride: readonly number[],
): number[][] {
  return space.reduce<number[][]>(
    (found, d, axis) => {
      const last = d - window[axis]!;
      const starts: number[] = [];
      for (let at = 0; at < last; at += stride[axis]!) starts.push(at);
      starts.push(last);
      return found.flatMap((corner) => starts.map((at) => [...corner, at]));
    },
    [[]],
  );
}

/** 1 for the elements in the window, 0 for the others, in row-major order. */
function insideOf(
  space: readonly number[],
  corner: readonly number[],
  window: readonly number[],
): Float32Array {
  const inside = new Float32Array(space.reduce((a, b) => a * b, 1));
  for (let i = 0; i < inside.length; i++) {
    let rest = i;
    let isIn = true;
    for (let axis = space.length - 1; axis >= 0; axis--) {
      const at = rest % space[axis]!;
      rest = Math.floor(rest / space[axis]!);
      isIn &&= at >= corner[axis]! && at < corner[axis]! + window[axis]!;
    }
    inside[i] = isIn ? 1 : 0;
  }
  return inside;
}
