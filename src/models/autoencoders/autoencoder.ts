import { ConfigError, checkOptions, describe, sizeOf } from "../../base/index.ts";
import { inOnePass } from "../../nn/calls.ts";
import { type ExampleLosses, evaluating, Module, type OwnLoss } from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";

/**
 * The distribution of an example's numbers given its code: any numbers, with errors of one
 * variance, or intensities from 0 to 1, for which the decoder returns logits.
 */
export type Likelihood = "gaussian" | "bernoulli";

/** The result of `learn`: outputs for metrics, and the losses to minimize. */
export interface Learned {
  readonly outputs: Tensor;
  /** `[N]`, or `[]` if only the mean is known. */
  readonly losses: Tensor;
}

/**
 * A model that reconstructs its input from a code: an encoder, and a decoder that sees only the
 * code.
 *
 *   z = f(x),   x̂ = g(z),   L = (1/D) ‖x − x̂‖²
 *
 * With the likelihood "bernoulli" the decoder returns logits, x̂ = σ(g(z)), and the loss is the
 * cross-entropy of intensities. `fit` uses the model's own loss; the data are their own targets:
 * `reconstruction(inputs)`. `encode`, `decode` and `reconstruct` work in evaluation mode, whatever
 * the model's mode.
 *
 * @see Goodfellow, Bengio & Courville 2016, §14.1 and §14.4
 * @example
 * const model = new Autoencoder(new Linear(4, 2), new Linear(2, 4));
 * const x = tensor([[1, 2, 3, 4]]);
 * model.encode(x).shape; // [1, 2]
 * model.reconstruct(x).shape; // [1, 4]
 * await fit(model, reconstruction(x.toHost()), { epochs: 2 });
 */
export class Autoencoder extends Module implements OwnLoss {
  /** Examples to codes, or to what a subclass computes codes from. */
  readonly encoder: Module;
  /** Codes to outputs: numbers, or logits of intensities. */
  readonly decoder: Module;
  readonly likelihood: Likelihood;

  /** @throws {ConfigError} for an unknown likelihood. */
  constructor(
    encoder: Module,
    decoder: Module,
    options: { readonly likelihood?: Likelihood | undefined } = {},
  ) {
    super();
    checkOptions("Autoencoder", options, { likelihood: true });
    const { likelihood = "gaussian" } = options;
    if (likelihood !== "gaussian" && likelihood !== "bernoulli")
      throw new ConfigError({
        subject: "Autoencoder",
        problem: `the likelihood is ${describe(likelihood)}.`,
        fix: 'give "gaussian" for any numbers, or "bernoulli" for intensities from 0 to 1.',
      });
    this.encoder = encoder;
    this.decoder = decoder;
    this.likelihood = likelihood;
  }

  /** "regression" by squared error, or "unitRegression" by the cross-entropy of intensities. */
  get objective(): "regression" | "unitRegression" {
    return this.likelihood === "gaussian" ? "regression" : "unitRegression";
  }

  /** Examples `[N, …]` to outputs of the decoder, in the current mode. */
  forward(x: Tensor): Tensor {
    return this.decoder.forward(this.codeOf(this.encoder.forward(x)));
  }

  /** One pass and its losses, see `OwnLoss`; subclasses add their penalties. */
  learn(x: Tensor, targets: Tensor, losses: ExampleLosses): Learned {
    const outputs = this.forward(x);
    return { outputs, losses: losses(outputs, targets) };
  }

  /** Codes of examples: `[N, …]` → `[N, K]`. */
  encode(x: Tensor): Tensor {
    return evaluating(this, () => this.codeOf(this.encoder.forward(x)));
  }

  /**
   * Examples of codes, as the data are: `[N, K]` → `[N, …]`.
   *
   * @param like examples `[N, …]` whose positions of maxima a decoder with unpooling uses.
   * @throws {ConfigError} if the decoder unpools, and no examples are given.
   */
  decode(code: Tensor, like?: Tensor): Tensor {
    return evaluating(this, () =>
      inOnePass(() => {
        if (like) this.encoder.forward(like);
        return this.read(this.decoder.forward(code));
      }),
    );
  }

  /** Reconstructions of examples: `[N, …]` → `[N, …]`. */
  reconstruct(x: Tensor): Tensor {
    return evaluating(this, () => this.read(this.forward(x)));
  }

  /**
   * The reconstruction error of each example: an anomaly score, because examples unlike the
   * training data are reconstructed badly.
   *
   *   e = (1/D) ‖x − x̂‖²
   *
   * @param x `[N, …]`. @returns `[N]`
   * @see Sakurada & Yairi 2014, "Anomaly detection using autoencoders with nonlinear dimensionality
   * reduction"
   */
  reconstructionError(x: Tensor): Tensor {
    const back = this.reconstruct(x);
    const squares = back.sub(x.reshape(back.shape)).square();
    return squares.reshape([x.shape[0]!, -1]).mean({ axis: 1 });
  }

  /** The code, from the encoder's output. */
  protected codeOf(encoded: Tensor): Tensor {
    return encoded;
  }

  /** Outputs of the decoder in the form of the data. */
  protected read(outputs: Tensor): Tensor {
    return this.likelihood === "gaussian" ? outputs : outputs.sigmoid();
  }
}

/** Losses with a penalty per example, `[N]`, or per batch: both divided by D. */
export const penalised = (losses: Tensor, penalty: Tensor, targets: Tensor): Tensor =>
  losses.add(penalty.div(sizeOf(targets.shape.slice(1))));
