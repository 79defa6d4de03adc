import { ConfigError } from "../base/index.ts";
import { Conv1d, Conv2d, Conv3d, Linear, type Module } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** The weights applied to the input. */
export interface Filters {
  readonly path: string;
  /** `[units, C, …kernel]` of a convolution, `[units, …inputShape]` of a dense layer. */
  readonly filters: Tensor;
}

/**
 * The filters of a model's first layer, one per unit, in the shape of the input that they are
 * applied to.
 *
 * @param inputShape of one example, `[C, H, W]`; gives the filters of a dense layer the shape of an
 * image.
 * @throws {ConfigError} for a model without such a layer.
 * @example
 * firstFilters(new Sequential(new Conv2d(3, 8, 5), new ReLU())).filters.shape; // [8, 3, 5, 5]
 * firstFilters(new Sequential(new Flatten(), new Linear(784, 10)), [1, 28, 28]).filters.shape; // [10, 1, 28, 28]
 */
export function firstFilters(model: Module, inputShape?: readonly number[]): Filters {
  const first = Object.entries(model.modules()).find(
    ([, m]) =>
      m instanceof Linear || m instanceof Conv1d || m instanceof Conv2d || m instanceof Conv3d,
  ) as [string, Linear | Conv1d | Conv2d | Conv3d] | undefined;
  if (!first)
    throw new ConfigError({
      subject: "firstFilters",
      problem: "the model has no Linear or Conv layer.",
      fix: "give a model that has one.",
    });
  const [path, layer] = first;
  const { value } = layer.weight;
  if (!(layer instanceof Linear)) return { path, filters: value };
  const [units, inputs] = value.shape as [number, number];
  const size = inputShape?.reduce((a, b) => a * b, 1);
  if (inputShape && size !== inputs)
    throw new ConfigError({
      subject: "firstFilters",
      problem: `the first layer takes ${inputs} inputs, not [${inputShape.join(", ")}].`,
      fix: "give the shape of one example.",
    });
  return { path, filters: value.reshape([units, ...(inputShape ?? [inputs])]) };
}
