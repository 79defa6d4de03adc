import { ConfigError, describe } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { Module } from "../module.ts";

/**
 * Layers one after another: y = fₙ(… f₂(f₁(x))).
 *
 * @example
 * const mlp = new Sequential(new Linear(784, 128), new ReLU(), new Linear(128, 10));
 * mlp.forward(zeros([32, 784])).shape; // [32, 10]
 * Object.keys(mlp.parameters())[0]; // "layers.0.weight"
 */
export class Sequential extends Module {
  readonly layers: readonly Module[];

  /** @param layers in order, or one array of them. */
  constructor(...layers: readonly Module[] | readonly [readonly Module[]]) {
    super();
    this.layers = layers.flat();
    this.layers.forEach(checkLayer);
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }
}

function checkLayer(layer: unknown, i: number): void {
  if (layer instanceof Module) return;
  throw new ConfigError({
    subject: "Sequential",
    problem: `layer ${i} is ${describe(layer)}, not a module.`,
    fix:
      typeof layer === "function" && layer.prototype instanceof Module
        ? `make one of the class: new ${layer.name}(…).`
        : "give modules, such as new Linear(2, 3), new ReLU().",
  });
}
