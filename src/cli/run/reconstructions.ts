/** Reconstructions of examples, batch by batch. */
import type { HostArray } from "../../base/index.ts";
import type { Autoencoder } from "../../models/index.ts";
import { Module } from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { predict } from "../../train/index.ts";

/** A model whose other method is called in place of `forward`. */
class Asked extends Module {
  readonly model: Autoencoder;
  readonly #ask: (model: Autoencoder, x: Tensor) => Tensor;

  constructor(model: Autoencoder, ask: (model: Autoencoder, x: Tensor) => Tensor) {
    super();
    this.model = model;
    this.#ask = ask;
  }

  override forward(x: Tensor): Tensor {
    return this.#ask(this.model, x);
  }
}

/** `[N, …]`, as the data are. */
export const reconstructionsOf = (model: Autoencoder, inputs: HostArray): Promise<Tensor> =>
  predict(new Asked(model, (m, x) => m.reconstruct(x)), inputs);

/** Codes from the encoder: `[N, K]`, maps `[N, K, H, W]`, or tokens `[N, P, K]`. */
export const codesOf = (model: Autoencoder, inputs: HostArray): Promise<Tensor> =>
  predict(new Asked(model, (m, x) => m.encode(x)), inputs);

/** The mean squared error of each example, `[N]`. */
export const errorsOf = (model: Autoencoder, inputs: HostArray): Promise<Tensor> =>
  predict(new Asked(model, (m, x) => m.reconstructionError(x)), inputs);
