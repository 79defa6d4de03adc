import type { HostArray } from "../base/index.ts";
import { makeSplit, type Split } from "../data/index.ts";

/**
 * Examples that are their own targets, as an autoencoder learns them: with floats the objective is
 * `regression`; name `unitRegression` for intensities in [0, 1] and a model that ends in logits.
 *
 * @param inputs `[N, …]`; the model gives as many values, of whatever shape.
 * @see Goodfellow, Bengio & Courville 2016, §14.1
 * @example
 * const { inputs, targets } = reconstruction(moons().inputs);
 * targets === inputs; // true
 */
export const reconstruction = (inputs: HostArray): Split => makeSplit(inputs, inputs);
