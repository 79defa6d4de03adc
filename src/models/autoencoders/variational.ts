import {
  ConfigError,
  checkOptions,
  describe,
  type FloatDType,
  isFloat,
  ShapeError,
  show,
  sizeOf,
} from "../../base/index.ts";
import {
  binaryCrossEntropyWithLogits,
  type ExampleLosses,
  evaluating,
  type Module,
  Sequential,
  seeded,
} from "../../nn/index.ts";
import { nextSeed } from "../../nn/initialise.ts";
import { arange, Generator, normal, randomKey, type Tensor } from "../../tensor/index.ts";
import { ExampleInput } from "../examples.ts";
import { Autoencoder, type Learned, type Likelihood, penalised } from "./autoencoder.ts";
import {
  asExample,
  checkAutoencoder,
  type DenseAutoencoderOptions,
  dense,
  narrowCode,
} from "./options.ts";

/** The sizes of a {@link variationalAutoencoder}, and β. */
export interface VariationalOptions extends DenseAutoencoderOptions {
  /** What a nat of the code costs. Default 1. */
  readonly beta?: number | undefined;
}

/** How many codes are drawn for each example, and by which seed. */
export interface DrawOptions {
  /** Default 16. */
  readonly samples?: number | undefined;
  /** Default 0. */
  readonly seed?: number | undefined;
}

/**
 * An autoencoder whose code is a distribution, close to a standard normal one, so that codes drawn from that decode
 * to new examples.
 *
 *   q(z|x) = N(μ(x), diag σ²(x)),   z = μ + σ ε,   ε ~ N(0, 1)
 *   −ELBO  = E_q[−log p(x|z)] + β KL(q(z|x) ‖ N(0, 1)),   KL = ½ Σⱼ μⱼ² + σⱼ² − 1 − log σⱼ²
 *
 * The encoder gives μ and log σ², 2K numbers. p(x|z) is N(x̂, ½) with the likelihood "gaussian", whose −log is
 * ‖x − x̂‖² and a constant, and of independent bits with "bernoulli". The loss that is trained is
 * (1/D) (‖x − x̂‖² + β KL), or with the cross-entropy in place of the squares. In evaluation the code is μ, and so
 * the loss no sample: {@link VariationalAutoencoder.elbo} estimates the bound itself.
 *
 * @see Kingma & Welling 2014, "Auto-encoding variational Bayes", §2.3 and appendix B; Higgins et al. 2017 for β
 * @example
 * const model = variationalAutoencoder({ inputShape: [8, 8], code: 2, seed: 1 });
 * model.sample(3, { seed: 5 }).shape; // [3, 8, 8]
 * model.posterior(zeros([4, 8, 8])).deviation.shape; // [4, 2]
 */
export class VariationalAutoencoder extends Autoencoder {
  /** K. */
  readonly width: number;
  readonly beta: number;
  readonly random: Generator;

  /**
   * @param encoder examples to `[N, 2K]`. @param decoder codes `[N, K]` to outputs. @param width K.
   * @throws {ConfigError} for a β that is no number of 0 or more.
   */
  constructor(
    encoder: Module,
    decoder: Module,
    width: number,
    options: {
      readonly beta?: number | undefined;
      readonly likelihood?: Likelihood | undefined;
      readonly seed?: number | undefined;
    } = {},
  ) {
    checkOptions("VariationalAutoencoder", options, {
      ...{ beta: "nonNegative", likelihood: true, seed: "number" },
    });
    const { beta = 1, likelihood, seed = nextSeed() } = options;
    super(encoder, decoder, { likelihood });
    if (!(Number.isSafeInteger(width) && width >= 1))
      throw new ConfigError({
        subject: "VariationalAutoencoder",
        problem: `the width of the code is ${describe(width)}.`,
        fix: "give half of what the encoder gives: it gives μ and log σ².",
      });
    this.width = width;
    this.beta = beta;
    this.random = new Generator(seed);
  }

  override learn(x: Tensor, targets: Tensor, losses: ExampleLosses): Learned {
    const encoded = this.encoder.forward(x);
    const outputs = this.decoder.forward(this.codeOf(encoded));
    const penalty = this.#divergence(encoded).mul(this.beta);
    return { outputs, losses: penalised(losses(outputs, targets), penalty, targets) };
  }

  /** μ and σ of the code of each example: `[N, …]` → `[N, K]` each. */
  posterior(x: Tensor): { readonly mean: Tensor; readonly deviation: Tensor } {
    return evaluating(this, () => {
      const { mean, logVariance } = this.#moments(this.encoder.forward(x));
      return { mean, deviation: logVariance.mul(0.5).exp() };
    });
  }

  /** KL(q(z|x) ‖ N(0, 1)) of each example, in nats: `[N, …]` → `[N]`. */
  divergence(x: Tensor): Tensor {
    return evaluating(this, () => this.#divergence(this.encoder.forward(x)));
  }

  /** New examples, of codes drawn from N(0, 1): `[count, …]`. */
  sample(count: number, options: { readonly seed?: number | undefined } = {}): Tensor {
    checkOptions("sample", options, { seed: "number" });
    const key = randomKey(options.seed ?? 0, 1);
    return this.decode(normal([count, this.width], { key, dtype: this.#dtype() }));
  }

  /**
   * Examples along the line between two codes: g(a + t (b − a)) for t from 0 to 1.
   *
   * @param from code `[K]`. @param to code `[K]`. @param steps how many, both ends counted.
   * @returns `[steps, …]` @throws {ShapeError} if the codes are not of K numbers each.
   */
  walk(from: Tensor, to: Tensor, steps = 8): Tensor {
    for (const code of [from, to])
      if (code.rank !== 1 || code.shape[0] !== this.width)
        throw new ShapeError({
          subject: "walk",
          problem: `a code is ${show(code.shape)}, not [${this.width}].`,
          fix: "give the codes of two examples: model.encode(x).slice(0) and slice(1).",
        });
    const t = arange(steps)
      .div(Math.max(1, steps - 1))
      .reshape([steps, 1]);
    return this.decode(from.add(t.cast(from.dtype as "float32").mul(to.sub(from))));
  }

  /**
   * The evidence lower bound of each example, in nats, by the mean of `samples` draws:
   *
   *   log p(x) ≥ E_q[log p(x|z) + log p(z) − log q(z|x)]
   *
   * @param x `[N, …]`. @returns `[N]`
   */
  elbo(x: Tensor, options: DrawOptions = {}): Tensor {
    return this.#logWeights(x, options).mean({ axis: 0 });
  }

  /**
   * log p(x) of each example, in nats, by importance sampling from q. It is a lower bound in the mean, which
   * rises to log p(x) with the number of samples:
   *
   *   log (1/S) Σₛ p(x|zₛ) p(zₛ) / q(zₛ|x),   zₛ ~ q(z|x)
   *
   * @param x `[N, …]`. @returns `[N]`
   * @see Burda, Grosse & Salakhutdinov 2016, "Importance weighted autoencoders", §3
   */
  logLikelihood(x: Tensor, options: DrawOptions = {}): Tensor {
    const weights = this.#logWeights(x, options);
    return weights.logSumExp({ axis: 0 }).sub(Math.log(weights.shape[0]!));
  }

  /** log p(x|z) + log p(z) − log q(z|x) for draws of z: `[S, N]`. */
  #logWeights(x: Tensor, options: DrawOptions): Tensor {
    checkOptions("elbo", options, { samples: "count", seed: "number" });
    const { samples = 16, seed = 0 } = options;
    return evaluating(this, () => {
      const { mean, logVariance } = this.#moments(this.encoder.forward(x));
      const [n] = mean.shape as [number, number];
      const key = randomKey(seed, 2);
      const noise = normal([samples, n, this.width], { key, dtype: mean.dtype as FloatDType });
      const z = mean.add(logVariance.mul(0.5).exp().mul(noise));
      // the terms log 2π of p(z) and q(z|x) are equal and fall out
      const prior = z.square().sum({ axis: 2 }).mul(-0.5);
      const posterior = noise.square().add(logVariance).sum({ axis: 2 }).mul(-0.5);
      const outputs = this.decoder.forward(z.reshape([samples * n, this.width]));
      const size = outputs.size / (samples * n);
      const rows = outputs.reshape([samples, n, size]);
      const given = this.#logGiven(x.reshape([1, n, size]).broadcastTo(rows.shape), rows);
      return given.add(prior).sub(posterior);
    });
  }

  /** log p(x|z): `[S, N, D]` each → `[S, N]`. */
  #logGiven(x: Tensor, outputs: Tensor): Tensor {
    if (this.likelihood === "bernoulli")
      return binaryCrossEntropyWithLogits(outputs, x, { reduction: "none" }).sum({ axis: 2 }).neg();
    const constant = 0.5 * Math.log(Math.PI) * x.shape[2]!; // of a variance of ½
    return x.sub(outputs).square().sum({ axis: 2 }).neg().sub(constant);
  }

  /** In training a draw by reparameterisation, else μ. */
  protected override codeOf(encoded: Tensor): Tensor {
    const { mean, logVariance } = this.#moments(encoded);
    if (!this.training) return mean;
    const noise = normal(mean.shape, { key: this.random.next(), dtype: mean.dtype as FloatDType });
    return mean.add(logVariance.mul(0.5).exp().mul(noise));
  }

  #moments(encoded: Tensor): { readonly mean: Tensor; readonly logVariance: Tensor } {
    const { width } = this;
    if (encoded.rank !== 2 || encoded.shape[1] !== 2 * width)
      throw new ShapeError({
        subject: "VariationalAutoencoder",
        problem: `the encoder gives ${show(encoded.shape)}, not [N, ${2 * width}].`,
        fix: `let it end in ${2 * width} numbers: μ and log σ² of a code of ${width}.`,
      });
    const all = [0, encoded.shape[0]!] as const;
    return {
      mean: encoded.slice(all, [0, width]),
      logVariance: encoded.slice(all, [width, 2 * width]),
    };
  }

  #divergence(encoded: Tensor): Tensor {
    const { mean, logVariance } = this.#moments(encoded);
    const terms = mean.square().add(logVariance.exp()).sub(1).sub(logVariance);
    return terms.sum({ axis: 1 }).mul(0.5);
  }

  #dtype(): FloatDType {
    const found = Object.values(this.parameters()).find(({ dtype }) => isFloat(dtype));
    return found?.dtype === "float64" ? "float64" : "float32";
  }
}

/**
 * A {@link VariationalAutoencoder} of dense layers: D – 256 – 2K and K – 256 – D unless `hidden` says otherwise.
 *
 * @throws {ConfigError} for a code that is not narrower than an example.
 * @example
 * const model = variationalAutoencoder({ inputShape: [1, 28, 28], code: 8, likelihood: "bernoulli" });
 * const [a, b] = [zeros([8]), ones([8])];
 * model.walk(a, b, 5).shape; // [5, 1, 28, 28]
 */
export function variationalAutoencoder(options: VariationalOptions): VariationalAutoencoder {
  checkAutoencoder("variationalAutoencoder", options, { hidden: true, beta: "nonNegative" });
  const { inputShape, hidden = [256], likelihood, dtype, seed, beta } = options;
  const code = narrowCode("variationalAutoencoder", options);
  const widths = [sizeOf(inputShape), ...hidden];
  return seeded(
    seed,
    () =>
      new VariationalAutoencoder(
        new Sequential(new ExampleInput(inputShape), ...dense([...widths, 2 * code], dtype)),
        new Sequential(...dense([code, ...widths.toReversed()], dtype), asExample(options)),
        code,
        { likelihood, beta },
      ),
  );
}
