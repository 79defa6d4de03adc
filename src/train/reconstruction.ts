import type { HostArray } from "../base/index.ts";
import { makeSplit, type Split } from "../data/index.ts";

/**
 * Examples that are their own targets, for autoencoders: with floats the objective is `regression`;
 * choose `unitRegression` for intensities in [0, 1] and a model that ends in logits.
 *
 * @param inputs `[N, …]`; the model returns as many values, in any shape.
 * @see Goodfellow, Bengio & Courville 2016, §14.1
 * @example
 * const { inputs, targets } = reconstruction(moons().inputs);
 * targets === inputs; // true
 */
export const reconstruction = (inputs: HostArray): Split => makeSplit(inputs, inputs);
