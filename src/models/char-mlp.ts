import { ConfigError, checkOptions, type Shape, ShapeError, show } from "../base/index.ts";
import { Embedding, Flatten, Linear, Module, ReLU, Sequential, seeded } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";

/** Options of {@link charMlp}. */
export interface CharMlpOptions {
  /** `[L]`: the number of context characters. */
  readonly inputShape: Shape;
  /** The size of the vocabulary. */
  readonly classes: number;
  /** Units of the hidden layers. Default `[256]`. */
  readonly hidden?: readonly number[] | undefined;
  readonly seed?: number | undefined;
}

/** Size of the embedding: a vector per character. */
const features = 24;

/** Character numbers `[N, L]`, of any dtype, as int32. */
class CharacterInput extends Module {
  readonly length: number;

  constructor(length: number) {
    super();
    this.length = length;
  }

  override forward(x: Tensor): Tensor {
    if (x.rank === 2 && x.shape[1] === this.length) return x.cast("int32");
    throw new ShapeError({
      subject: "charMlp",
      problem: `takes characters [N, ${this.length}], got ${show(x.shape)}.`,
      fix: `give the ${this.length} characters before the one to predict, a row per example.`,
    });
  }
}

/**
 * A next-character model: embeddings of the preceding characters, through dense layers with ReLUs.
 * Its outputs are logits.
 *
 *   z = W₂ ReLU(W₁ [e(x₁), …, e(x_L)] + b₁) + b₂
 *
 * @see Bengio, Ducharme, Vincent & Jauvin 2003, "A neural probabilistic language model", §2
 * @throws {ConfigError} unless the shape is that of a row of characters.
 * @example
 * const model = charMlp({ inputShape: [16], classes: 65 });
 * model.forward(zeros([32, 16], { dtype: "int32" })).shape; // [32, 65]
 */
export function charMlp(options: CharMlpOptions): Sequential {
  checkOptions("charMlp", options ?? null, {
    ...{ inputShape: true, classes: "count", hidden: true, seed: "number" },
  });
  const { inputShape, classes, hidden = [256], seed } = options;
  const [length] = inputShape;
  if (inputShape.length !== 1 || length === undefined)
    throw new ConfigError({
      subject: "charMlp",
      problem: `examples of ${show(inputShape)} are no rows of characters.`,
      fix: 'give the number of characters that it sees, such as inputShape: [16], or use the model "mlp".',
    });
  return seeded(seed, () => {
    const sizes = [length * features, ...hidden];
    const layers = sizes.slice(1).flatMap((size, i) => [new Linear(sizes[i]!, size), new ReLU()]);
    return new Sequential(
      new CharacterInput(length),
      new Embedding(classes, features),
      new Flatten(),
      ...layers,
      new Linear(sizes.at(-1)!, classes),
    );
  });
}
