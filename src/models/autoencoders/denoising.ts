import { checkOptions, sizeOf } from "../../base/index.ts";
import { type Module, Sequential, seeded } from "../../nn/index.ts";
import { nextSeed } from "../../nn/initialise.ts";
import { Generator, normal, randomKey, type Tensor } from "../../tensor/index.ts";
import { ExampleInput, ImageInput } from "../examples.ts";
import { imageSizes } from "../image.ts";
import { Autoencoder, type Likelihood } from "./autoencoder.ts";
import { downBlocks, upBlocks } from "./conv.ts";
import { asExample, checkAutoencoder, type DenseAutoencoderOptions, dense } from "./options.ts";

/** The sizes of a {@link denoisingAutoencoder}. */
export interface DenoisingOptions extends DenseAutoencoderOptions {
  /** Standard deviation of the noise. Default 0.5. */
  readonly noise?: number | undefined;
}

const usualNoise = 0.5;

/**
 * An autoencoder that sees noisy examples and learns to reconstruct them without noise: it cannot
 * copy, and must learn what examples look like.
 *
 *   x̃ = x + σ ε,   ε ~ N(0, 1),   L = (1/D) ‖x − g(f(x̃))‖²
 *
 * Noise is added only in training, from a generator whose state is part of `state()`. In evaluation
 * examples are used unchanged: noisy ones come back cleaner.
 *
 * @see Vincent, Larochelle, Bengio & Manzagol 2008, "Extracting and composing robust features with
 * denoising autoencoders"
 * @example
 * const model = new DenoisingAutoencoder(new Linear(3, 3), new Linear(3, 3), { noise: 0.1, seed: 1 });
 * const x = ones([1, 3]);
 * model.forward(x).equal(model.eval().forward(x)).all().item(); // 0
 */
export class DenoisingAutoencoder extends Autoencoder {
  readonly noise: number;
  readonly random: Generator;

  /** @throws {ConfigError} for a deviation that is not a number ≥ 0. */
  constructor(
    encoder: Module,
    decoder: Module,
    options: {
      readonly noise?: number | undefined;
      readonly likelihood?: Likelihood | undefined;
      readonly seed?: number | undefined;
    } = {},
  ) {
    checkOptions("DenoisingAutoencoder", options, {
      ...{ noise: "nonNegative", likelihood: true, seed: "number" },
    });
    const { noise = usualNoise, likelihood, seed = nextSeed() } = options;
    super(encoder, decoder, { likelihood });
    this.noise = noise;
    this.random = new Generator(seed);
  }

  override forward(x: Tensor): Tensor {
    return super.forward(this.training ? this.#noisy(x, this.random.next()) : x);
  }

  /**
   * Examples with such noise as training adds: x + σ ε, to look at, or to see what comes of them.
   *
   * @param x `[N, …]`. @returns `[N, …]`
   * @example
   * const model = denoisingAutoencoder({ inputShape: [3], noise: 0.1, seed: 1 });
   * const x = zeros([2, 3]);
   * model.corrupt(x, { seed: 4 }).equal(model.corrupt(x, { seed: 4 })).all().item(); // 1
   */
  corrupt(x: Tensor, options: { readonly seed?: number | undefined } = {}): Tensor {
    checkOptions("corrupt", options, { seed: "number" });
    return this.#noisy(x, randomKey(options.seed ?? 0, 3));
  }

  #noisy(x: Tensor, key: Tensor): Tensor {
    if (this.noise === 0) return x;
    const dtype = x.dtype === "float64" ? "float64" : "float32";
    return x.add(normal(x.shape, { key, dtype }).mul(this.noise));
  }
}

/**
 * A {@link DenoisingAutoencoder} of convolutions for images of 8×8 and more, whose code is 32 maps
 * of a quarter of the size, `[N, 32, ⌈H/4⌉, ⌈W/4⌉]`; given a `code`, or for other examples, of
 * dense layers. The noise replaces a bottleneck, so a code may be as wide as an example; by default
 * a dense one has 64 numbers.
 *
 * @example
 * denoisingAutoencoder({ inputShape: [1, 28, 28] }).encode(zeros([2, 1, 28, 28])).shape; // [2, 32, 7, 7]
 * denoisingAutoencoder({ inputShape: [10], code: 20 }).encode(zeros([2, 10])).shape; // [2, 20]
 */
export function denoisingAutoencoder(options: DenoisingOptions): DenoisingAutoencoder {
  checkAutoencoder("denoisingAutoencoder", options, { hidden: true, noise: "nonNegative" });
  const { inputShape, code, hidden, noise, likelihood, dtype, seed } = options;
  const isImage =
    inputShape.length > 1 && inputShape.length < 4 && Math.min(...inputShape.slice(-2)) >= 8;
  return seeded(seed, () => {
    if (isImage && code === undefined && hidden === undefined) {
      const sizes = imageSizes("denoisingAutoencoder", inputShape, 8);
      return new DenoisingAutoencoder(
        new Sequential(new ImageInput(inputShape, sizes), ...downBlocks(sizes, { dtype })),
        new Sequential(...upBlocks(sizes, { dtype }), asExample(options)),
        { noise, likelihood },
      );
    }
    const widths = [sizeOf(inputShape), ...(hidden ?? [256]), code ?? 64];
    return new DenoisingAutoencoder(
      new Sequential(new ExampleInput(inputShape), ...dense(widths, dtype)),
      new Sequential(...dense(widths.toReversed(), dtype), asExample(options)),
      { noise, likelihood },
    );
  });
}
