/** Autoencoders of dense layers, whose code is a bottleneck. */
import { sizeOf } from "../../base/index.ts";
import { Linear, Sequential, seeded, Tanh } from "../../nn/index.ts";
import { ExampleInput } from "../examples.ts";
import { Autoencoder } from "./autoencoder.ts";
import {
  type AutoencoderOptions,
  asExample,
  checkAutoencoder,
  type DenseAutoencoderOptions,
  dense,
  narrowCode,
} from "./options.ts";

/**
 * The undercomplete autoencoder: one layer into a code smaller than the example, one layer back.
 *
 *   z = tanh(W₁ x + b₁),   x̂ = W₂ z + b₂,   K < D
 *
 * The code has K = 32 numbers by default, at most half of D.
 *
 * @throws {ConfigError} for a code that is not smaller than an example.
 * @see Goodfellow, Bengio & Courville 2016, §14.1
 * @example
 * const model = undercompleteAutoencoder({ inputShape: [1, 28, 28], code: 16 });
 * model.encode(zeros([5, 1, 28, 28])).shape; // [5, 16]
 * model.decode(zeros([5, 16])).shape; // [5, 1, 28, 28]
 */
export function undercompleteAutoencoder(options: AutoencoderOptions): Autoencoder {
  checkAutoencoder("undercompleteAutoencoder", options, {});
  const code = narrowCode("undercompleteAutoencoder", options);
  return oneLayer(options, code, [new Tanh()]);
}

/**
 * An autoencoder without a nonlinearity. Its squared error is minimal when the columns of W₂ span
 * the first K principal components, and gradient descent finds that: PCA up to an invertible K × K
 * factor and the order.
 *
 *   z = W₁ x + b₁,   x̂ = W₂ z + b₂,   K < D
 *
 * @throws {ConfigError} for a code that is not smaller than an example.
 * @see Baldi & Hornik 1989, "Neural networks and principal component analysis"; Bourlard & Kamp
 * 1988
 * @example
 * const model = linearAutoencoder({ inputShape: [6], code: 2, seed: 1 });
 * const [a, b] = [model.encode(ones([1, 6])), model.encode(zeros([1, 6]))];
 * a.equal(b).any().item(); // 0
 */
export function linearAutoencoder(options: AutoencoderOptions): Autoencoder {
  checkAutoencoder("linearAutoencoder", options, {});
  return oneLayer(options, narrowCode("linearAutoencoder", options), []);
}

function oneLayer(
  options: AutoencoderOptions,
  code: number,
  activation: readonly Tanh[],
): Autoencoder {
  const { inputShape, likelihood, dtype, seed } = options;
  const size = sizeOf(inputShape);
  const linear = (from: number, to: number) => new Linear(from, to, { dtype });
  return seeded(
    seed,
    () =>
      new Autoencoder(
        new Sequential(new ExampleInput(inputShape), linear(size, code), ...activation),
        new Sequential(linear(code, size), asExample(options)),
        { likelihood },
      ),
  );
}

/**
 * The deep autoencoder: dense layers with ReLUs down to a linear code, and back up through the same
 * widths.
 *
 *   D – 256 – 128 – K – 128 – 256 – D
 *
 * With a code of the same size it loses less than PCA if the data lie near a curved surface.
 *
 * @throws {ConfigError} for a code that is not smaller than an example.
 * @see Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks"
 * @example
 * const model = deepAutoencoder({ inputShape: [20], hidden: [16, 8], code: 2 });
 * Object.values(model.parameters()).filter((p) => p.shape.length === 2).map((p) => p.shape); // [[16, 20], [8, 16], [2, 8], [8, 2], [16, 8], [20, 16]]
 */
export function deepAutoencoder(options: DenseAutoencoderOptions): Autoencoder {
  checkAutoencoder("deepAutoencoder", options, { hidden: true });
  const { inputShape, hidden = [256, 128], likelihood, dtype, seed } = options;
  const code = narrowCode("deepAutoencoder", options);
  const widths = [sizeOf(inputShape), ...hidden, code];
  return seeded(
    seed,
    () =>
      new Autoencoder(
        new Sequential(new ExampleInput(inputShape), ...dense(widths, dtype)),
        new Sequential(...dense(widths.toReversed(), dtype), asExample(options)),
        { likelihood },
      ),
  );
}
