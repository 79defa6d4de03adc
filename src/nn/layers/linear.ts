import {
  ConfigError,
  checkOptions,
  describe,
  type FloatDType,
  type OptionNames,
  ShapeError,
  show,
} from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { heUniform, type Initializer, zeros } from "../initialise.ts";
import { Module } from "../module.ts";
import { Parameter } from "../parameter.ts";
import type { Reach } from "../reach.ts";

/** Options of layers with a weight. */
export interface WeightOptions {
  /** Default true. */
  readonly bias?: boolean | undefined;
  /** Initializer of the weight, default {@link heUniform}. */
  readonly init?: Initializer | undefined;
  /** Initializer of the bias, default 0. PyTorch's is `init.torchUniform` for both. */
  readonly biasInit?: Initializer | undefined;
  readonly dtype?: FloatDType | undefined;
}

export const weightNames: OptionNames<WeightOptions> = {
  ...{ bias: "boolean", init: "function", biasInit: "function", dtype: true },
};

/** @throws {ConfigError} for a layer size that is not an integer ≥ 1. */
export function checkCounts(layer: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts))
    if (!(Number.isSafeInteger(count) && count >= 1))
      throw new ConfigError({
        subject: layer,
        problem: `${name} is ${describe(count)}, which is not a whole number of 1 or more.`,
        fix: `give ${name} as one.`,
      });
}

/**
 * A dense layer: every output is a weighted sum of all inputs.
 *
 *   y = x Wᵀ + b
 *
 * W starts uniform with variance 2/in (He), which preserves the variance of activations through
 * ReLUs; b starts at 0.
 *
 * @example
 * const layer = new Linear(784, 10);
 * layer.forward(zeros([32, 784])).shape; // [32, 10]
 * String(layer); // "Linear 784 → 10"
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: Parameter; // [out, in]
  readonly bias: Parameter | null; // [out]

  constructor(inFeatures: number, outFeatures: number, options: WeightOptions = {}) {
    super();
    checkOptions("Linear", options, weightNames);
    const { bias = true, init = heUniform, biasInit = zeros, dtype } = options;
    checkCounts("Linear", { inFeatures, outFeatures });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = new Parameter(init([outFeatures, inFeatures], { dtype }));
    this.bias = bias
      ? new Parameter(biasInit([outFeatures], { dtype, fanIn: inFeatures, fanOut: outFeatures }))
      : null;
  }

  /** `[…, in]` → `[…, out]` */
  forward(x: Tensor): Tensor {
    if (x.shape.at(-1) !== this.inFeatures)
      throw new ShapeError({
        subject: "Linear",
        problem: `takes […, ${this.inFeatures}], got ${show(x.shape)}${x.rank > 0 ? ` (${this.inFeatures} ≠ ${x.shape.at(-1)})` : ""}.`,
        fix: `give this layer ${x.shape.at(-1) ?? 1} inputs, or flatten or transpose what comes in.`,
      });
    const y = x.matmul(this.weight.value.transpose());
    return this.bias ? y.add(this.bias.value) : y;
  }

  /** One per weight, for each position of the leading axes. */
  override connections(output: readonly number[]): number {
    return output.reduce((n, d) => n * d, 1) * this.inFeatures;
  }

  override reach(input: readonly number[]): Reach | null {
    return input.length === 1 ? "all" : null;
  }

  override toString(): string {
    return `Linear ${this.inFeatures} → ${this.outFeatures}`;
  }
}
