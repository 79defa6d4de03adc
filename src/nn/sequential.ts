import type { Tensor } from "../tensor/index.ts";
import { Module } from "./module.ts";

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

  constructor(...layers: readonly Module[]) {
    super();
    this.layers = layers;
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }
}
