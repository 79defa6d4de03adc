import { checkOptions, sizeOf } from "../../base/index.ts";
import {
  type ExampleLosses,
  Linear,
  type Module,
  Sequential,
  Sigmoid,
  seeded,
} from "../../nn/index.ts";
import { eye, type Tensor, vjp } from "../../tensor/index.ts";
import { ExampleInput } from "../examples.ts";
import { Autoencoder, type Learned, type Likelihood, penalised } from "./autoencoder.ts";
import { type AutoencoderOptions, asExample, checkAutoencoder } from "./options.ts";

/** The sizes and the penalty of a {@link contractiveAutoencoder}. */
export interface ContractiveOptions extends AutoencoderOptions {
  /** λ. Default 0.1. */
  readonly weight?: number | undefined;
}

/**
 * An autoencoder whose code is insensitive to small changes of the example: the Jacobian of the
 * encoder is penalized, so that the code follows only directions in which the data vary.
 *
 *   L = (1/D) (‖x − x̂‖² + λ ‖∂z/∂x‖²_F)
 *
 * The Jacobian is exact, for an encoder of any depth, and its gradient is of second order. It costs
 * K backward passes, computed as one with K times the examples: keep K small. The encoder must
 * treat examples independently, as all layers but batch normalisation do.
 *
 * @see Rifai, Vincent, Muller, Glorot & Bengio 2011, "Contractive auto-encoders: explicit
 * invariance during feature extraction"
 * @example
 * const model = new ContractiveAutoencoder(new Linear(2, 2), new Linear(2, 2));
 * model.encoder.weight.value = tensor([[3, 0], [0, 4]]);
 * model.penalty(ones([1, 2])).toArray(); // [25]
 */
export class ContractiveAutoencoder extends Autoencoder {
  readonly weight: number;

  /** @throws {ConfigError} for a weight that is not a number ≥ 0. */
  constructor(
    encoder: Module,
    decoder: Module,
    options: {
      readonly weight?: number | undefined;
      readonly likelihood?: Likelihood | undefined;
    } = {},
  ) {
    checkOptions("ContractiveAutoencoder", options, { weight: "nonNegative", likelihood: true });
    const { weight = 0.1, likelihood } = options;
    super(encoder, decoder, { likelihood });
    this.weight = weight;
  }

  /** ‖∂z/∂x‖²_F of each example, without its weight: `[N, …]` → `[N]`. */
  penalty(x: Tensor): Tensor {
    const examples = x.shape[0]!;
    const code = this.encoder.forward(x); // only its shape is used
    const width = code.size / examples;
    // Examples are independent: row k of the Jacobian of copy k is one pullback for all.
    const copies = x.unsqueeze(0).broadcastTo([width, ...x.shape]);
    const { pullback } = vjp(
      (many: Tensor) => this.encoder.forward(many),
      copies.reshape([width * examples, ...x.shape.slice(1)]),
    );
    const rows = eye(width, { dtype: code.dtype as "float32" })
      .unsqueeze(1)
      .broadcastTo([width, examples, width]);
    const jacobian = pullback(rows.reshape([width * examples, ...code.shape.slice(1)]));
    return jacobian
      .square()
      .reshape([width, examples, -1])
      .sum({ axis: [0, 2] });
  }

  override learn(x: Tensor, targets: Tensor, losses: ExampleLosses): Learned {
    const { outputs, losses: plain } = super.learn(x, targets, losses);
    return { outputs, losses: penalised(plain, this.penalty(x).mul(this.weight), targets) };
  }
}

/**
 * A {@link ContractiveAutoencoder} with one layer each way and a code of sigmoids, by default 32.
 * @example
 * contractiveAutoencoder({ inputShape: [8, 8], code: 5 }).encode(zeros([2, 8, 8])).shape; // [2, 5]
 */
export function contractiveAutoencoder(options: ContractiveOptions): ContractiveAutoencoder {
  checkAutoencoder("contractiveAutoencoder", options, { weight: true });
  const { inputShape, code = 32, likelihood, dtype, seed, weight } = options;
  const size = sizeOf(inputShape);
  const linear = (from: number, to: number) => new Linear(from, to, { dtype });
  return seeded(
    seed,
    () =>
      new ContractiveAutoencoder(
        new Sequential(new ExampleInput(inputShape), linear(size, code), new Sigmoid()),
        new Sequential(linear(code, size), asExample(options)),
        { likelihood, weight },
      ),
  );
}
