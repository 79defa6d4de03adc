import { ConfigError, checkOptions, describe, sizeOf } from "../../base/index.ts";
import { type ExampleLosses, Linear, type Module, Sequential, seeded } from "../../nn/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { ExampleInput } from "../examples.ts";
import { Autoencoder, type Learned, type Likelihood, penalised } from "./autoencoder.ts";
import { type AutoencoderOptions, asExample, checkAutoencoder } from "./options.ts";

/** How a {@link SparseAutoencoder} keeps most of its code inactive. */
export interface SparsityOptions {
  /** Default "kl". */
  readonly sparsity?: "kl" | "l1" | undefined;
  /** λ, by default 3 for "kl" and 0.1 for "l1". */
  readonly weight?: number | undefined;
  /** ρ of "kl", the desired mean of a unit, above 0 and below 1. Default 0.05. */
  readonly rho?: number | undefined;
}

/** The sizes and the penalty of a {@link sparseAutoencoder}. */
export interface SparseOptions extends AutoencoderOptions, SparsityOptions {}

const usualWeights = { kl: 3, l1: 0.1 } as const;

/**
 * An autoencoder with a penalty on codes with more than a few active units. Each example then uses
 * a few units of its own, and the code may be wider than the example.
 *
 *   L = (1/D) (‖x − x̂‖² + λ Ω)
 *   "kl":  z = σ(a),     Ω = Σⱼ KL(ρ ‖ ρ̂ⱼ) = Σⱼ ρ log(ρ/ρ̂ⱼ) + (1 − ρ) log((1 − ρ)/(1 − ρ̂ⱼ)),   ρ̂ⱼ = (1/N) Σₙ zₙⱼ
 *   "l1":  z = ReLU(a),  Ω = Σⱼ |zⱼ|
 *
 * a is the encoder's output. ρ̂ is the mean of a batch, so small batches are penalized more. 1 − ρ̂
 * is computed as the mean of σ(−a): the penalty stays finite, and its gradient nonzero, where units
 * are saturated.
 *
 * @see Ng 2011, "Sparse autoencoder", CS294A lecture notes, for KL; Goodfellow, Bengio & Courville
 * 2016, §14.2.1, for L1
 * @example
 * const model = new SparseAutoencoder(new Linear(2, 3), new Linear(3, 2), { rho: 0.5, weight: 1 });
 * model.encoder.weight.value = zeros([3, 2]);
 * // every unit is at σ(0) = ρ
 * model.penalty(model.encoder.forward(ones([4, 2]))).less(1e-6).item(); // 1
 */
export class SparseAutoencoder extends Autoencoder {
  readonly sparsity: "kl" | "l1";
  readonly weight: number;
  readonly rho: number;

  /** @throws {ConfigError} for a penalty that there is not. */
  constructor(
    encoder: Module,
    decoder: Module,
    options: SparsityOptions & { readonly likelihood?: Likelihood | undefined } = {},
  ) {
    checkOptions("SparseAutoencoder", options, {
      ...{ sparsity: true, weight: "nonNegative", rho: true, likelihood: true },
    });
    const { sparsity = "kl", rho = 0.05, likelihood } = options;
    super(encoder, decoder, { likelihood });
    checkSparsity(sparsity, rho);
    this.sparsity = sparsity;
    this.weight = options.weight ?? usualWeights[sparsity];
    this.rho = rho;
  }

  /** Ω without its weight: `[]` for "kl", which is of the batch, `[N]` for "l1". @param encoded a, `[N, K]`. */
  penalty(encoded: Tensor): Tensor {
    if (this.sparsity === "l1") return encoded.relu().sum({ axis: 1 });
    const { rho } = this;
    const on = encoded.sigmoid().mean({ axis: 0 });
    const off = encoded.neg().sigmoid().mean({ axis: 0 });
    const entropy = rho * Math.log(rho) + (1 - rho) * Math.log(1 - rho);
    const cross = on
      .log()
      .mul(rho)
      .add(off.log().mul(1 - rho));
    return cross.neg().add(entropy).sum();
  }

  override learn(x: Tensor, targets: Tensor, losses: ExampleLosses): Learned {
    const encoded = this.encoder.forward(x);
    const outputs = this.decoder.forward(this.codeOf(encoded));
    const penalty = this.penalty(encoded).mul(this.weight);
    return { outputs, losses: penalised(losses(outputs, targets), penalty, targets) };
  }

  protected override codeOf(encoded: Tensor): Tensor {
    return this.sparsity === "kl" ? encoded.sigmoid() : encoded.relu();
  }
}

function checkSparsity(sparsity: unknown, rho: number): void {
  const wrong =
    sparsity !== "kl" && sparsity !== "l1"
      ? [`sparsity is ${describe(sparsity)}.`, 'give "kl" or "l1".']
      : !(rho > 0 && rho < 1)
        ? [`rho is ${describe(rho)}.`, "give the wanted mean of a unit, above 0 and below 1."]
        : undefined;
  if (wrong)
    throw new ConfigError({ subject: "SparseAutoencoder", problem: wrong[0]!, fix: wrong[1]! });
}

/**
 * A {@link SparseAutoencoder} of one layer each way, with a code of 64 numbers unless given.
 *
 * @example
 * const model = sparseAutoencoder({ inputShape: [8, 8], code: 100, sparsity: "l1" });
 * model.encode(zeros([2, 8, 8])).shape; // [2, 100]
 */
export function sparseAutoencoder(options: SparseOptions): SparseAutoencoder {
  checkAutoencoder("sparseAutoencoder", options, { sparsity: true, weight: true, rho: true });
  const { inputShape, code = 64, likelihood, dtype, seed, sparsity, weight, rho } = options;
  const size = sizeOf(inputShape);
  const linear = (from: number, to: number) => new Linear(from, to, { dtype });
  return seeded(
    seed,
    () =>
      new SparseAutoencoder(
        new Sequential(new ExampleInput(inputShape), linear(size, code)),
        new Sequential(linear(code, size), asExample(options)),
        { likelihood, sparsity, weight, rho },
      ),
  );
}
