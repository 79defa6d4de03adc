import { checkOptions, type Shape, sizeOf } from "../base/index.ts";
import { Linear, type Module, ReLU, Sequential, seeded } from "../nn/index.ts";
import { ExampleInput } from "./examples.ts";

/** Options of {@link mlp}. */
export interface MlpOptions {
  /** The shape of one example. */
  readonly inputShape: Shape;
  /** Outputs. */
  readonly classes: number;
  /** Units of the hidden layers. */
  readonly hidden?: readonly number[] | undefined;
  readonly seed?: number | undefined;
}

/**
 * A multilayer perceptron: dense layers with ReLUs between them, 784–256–128–10 for MNIST. Its
 * outputs are logits.
 *
 * @example
 * const model = mlp({ inputShape: [1, 28, 28], classes: 10 });
 * model.forward(zeros([32, 1, 28, 28])).shape; // [32, 10]
 */
export function mlp(options: MlpOptions): Sequential {
  checkOptions("mlp", options ?? null, {
    inputShape: true,
    classes: "count",
    hidden: true,
    seed: "number",
  });
  const { inputShape, classes, hidden = [256, 128], seed } = options;
  return seeded(seed, () => {
    const sizes = [sizeOf(inputShape), ...hidden];
    const layers: Module[] = sizes
      .slice(1)
      .flatMap((size, i) => [new Linear(sizes[i]!, size), new ReLU()]);
    return new Sequential(
      new ExampleInput(inputShape),
      ...layers,
      new Linear(sizes.at(-1)!, classes),
    );
  });
}
