import { ConfigError, checkOptions, describe, RandomStream, show } from "../../base/index.ts";
import { type ExampleLosses, evaluating, seeded } from "../../nn/index.ts";
import { nextSeed } from "../../nn/initialise.ts";
import { Generator, randomKey, type Tensor, tensor, uniform } from "../../tensor/index.ts";
import { imageSizes } from "../image.ts";
import { Autoencoder, type Learned, type Likelihood } from "./autoencoder.ts";
import { type AutoencoderOptions, checkAutoencoder } from "./options.ts";
import {
  fromPatches,
  type Grid,
  PatchDecoder,
  PatchEncoder,
  patchesOf,
  rowsAt,
  toPatches,
} from "./patches.ts";

/** The patches of a {@link maskedAutoencoder}. */
export interface MaskedOptions extends AutoencoderOptions {
  /** The side of a patch in pixels. Default 4. */
  readonly patch?: number | undefined;
  /** The fraction of patches that is masked, above 0 and below 1. Default 0.75. */
  readonly withheld?: number | undefined;
}

const depths = { encoder: 2, decoder: 1 } as const;

/**
 * An autoencoder that sees some patches of an image and learns to predict the others. The encoder
 * is a transformer over the visible patches, the decoder one over all positions; the loss is that
 * of the masked patches.
 *
 *   L = (1/|M|) Σ_{p ∈ M} mean (x_p − x̂_p)²,   M a random part of the patches, new for every example and step
 *
 * In evaluation nothing is random, and no visible patch is returned: a few passes mask parts that
 * together cover the image, and `forward` combines their predictions. So a reconstruction shows how
 * well every patch follows from the others, and its error is an anomaly score. The code has a token
 * for every patch, all of them visible: `[N, P, K]`.
 *
 * @see He, Chen, Xie, Li, Dollár & Girshick 2022, "Masked autoencoders are scalable vision
 * learners", §3
 * @example
 * const model = maskedAutoencoder({ inputShape: [1, 16, 16], code: 8, seed: 1 });
 * model.encode(zeros([2, 1, 16, 16])).shape; // [2, 16, 8]
 * model.reconstruct(zeros([2, 1, 16, 16])).shape; // [2, 1, 16, 16]
 */
export class MaskedAutoencoder extends Autoencoder {
  declare readonly encoder: PatchEncoder;
  declare readonly decoder: PatchDecoder;
  readonly grid: Grid;
  /** How many patches are visible. */
  readonly seen: number;
  readonly random: Generator;

  /** @param options `withheld`, the fraction of masked patches. */
  constructor(
    grid: Grid,
    options: {
      readonly withheld?: number | undefined;
      readonly likelihood?: Likelihood | undefined;
      readonly seed?: number | undefined;
    } = {},
  ) {
    checkOptions("MaskedAutoencoder", options, {
      withheld: true,
      likelihood: true,
      seed: "number",
    });
    const { withheld = 0.75, likelihood, seed = nextSeed() } = options;
    super(new PatchEncoder(grid, depths.encoder), new PatchDecoder(grid, depths.decoder), {
      likelihood,
    });
    const patches = patchesOf(grid);
    if (!(withheld > 0 && withheld < 1) || patches < 2)
      throw new ConfigError({
        subject: "MaskedAutoencoder",
        problem: `of ${patches} patches a share of ${describe(withheld)} is to be withheld.`,
        fix: "give a share above 0 and below 1, of two patches or more.",
      });
    this.grid = grid;
    this.seen = Math.min(patches - 1, Math.max(1, Math.round(patches * (1 - withheld))));
    this.random = new Generator(seed);
  }

  /**
   * In training the prediction from a random part, else for each patch its prediction from others.
   */
  override forward(x: Tensor): Tensor {
    return this.training
      ? this.#guess(x, this.#shuffled(x, this.random.next()))
      : this.#fromOthers(x);
  }

  override learn(x: Tensor, targets: Tensor, losses: ExampleLosses): Learned {
    if (!this.training) return super.learn(x, targets, losses);
    const order = this.#shuffled(x, this.random.next());
    const outputs = this.#guess(x, order);
    const [n, patches] = order.shape as [number, number];
    const withheld = order.slice([0, n], [this.seen, patches]);
    const part = (images: Tensor) =>
      rowsAt(toPatches(images.reshape([n, ...this.grid.sizes]), this.grid), withheld);
    return { outputs, losses: losses(part(outputs), part(targets)) };
  }

  /**
   * The visible parts of examples in a training step, and the model's prediction from them.
   *
   * @param x `[N, …]`.
   * @returns `mask`, 1 for visible and 0 for masked elements, and `guess`, the prediction of all: `[N, …]` each.
   * @example
   * const model = maskedAutoencoder({ inputShape: [8, 8], withheld: 0.75, seed: 1 });
   * const { mask, guess } = model.withhold(zeros([2, 8, 8]), { seed: 3 });
   * mask.mean().item(); // 0.25
   * guess.shape; // [2, 8, 8]
   */
  withhold(
    x: Tensor,
    options: { readonly seed?: number | undefined } = {},
  ): { readonly mask: Tensor; readonly guess: Tensor } {
    checkOptions("withhold", options, { seed: "number" });
    return evaluating(this, () => {
      const order = this.#shuffled(x, randomKey(options.seed ?? 0, 4));
      const places = order.argsort({ axis: 1 }); // of each patch
      const { patch, sizes } = this.grid;
      const pixels = sizes[0] * patch * patch;
      const seen = places.less(this.seen).cast(x.dtype === "float64" ? "float64" : "float32");
      const mask = seen.unsqueeze(2).broadcastTo([...seen.shape, pixels]);
      return {
        mask: fromPatches(mask, this.grid),
        guess: this.read(this.#guess(x, order)),
      };
    });
  }

  /** Predictions from the patches that come first in an order `[N, P]`. */
  #guess(x: Tensor, order: Tensor): Tensor {
    const seen = order.slice([0, order.shape[0]!], [0, this.seen]);
    return this.decoder.forward(this.decoder.fill(this.encoder.forward(x, seen), order));
  }

  /** A random order of the patches for each example: `[N, P]`. */
  #shuffled(x: Tensor, key: Tensor): Tensor {
    return uniform([x.shape[0]!, patchesOf(this.grid)], { key }).argsort({ axis: 1 });
  }

  /** Passes that mask each patch once or twice; returns the mean of its predictions. */
  #fromOthers(x: Tensor): Tensor {
    const patches = patchesOf(this.grid);
    const hidden = patches - this.seen;
    const order = fixedOrder(patches);
    const passes = Array.from({ length: Math.ceil(patches / hidden) }, (_, g) => {
      const at = (i: number) => order[(g * hidden + i) % patches]!;
      const withheld = Array.from({ length: hidden }, (_, i) => at(i));
      return { withheld, seen: Array.from({ length: this.seen }, (_, i) => at(hidden + i)) };
    });
    const counts = new Array<number>(patches).fill(0);
    for (const { withheld } of passes) for (const p of withheld) counts[p]!++;
    const sum = passes.reduce<Tensor | null>((sum, { seen, withheld }) => {
      const share = counts.map((count, p) => (withheld.includes(p) ? 1 / count : 0));
      const rows = tensor([...seen, ...withheld], "int32").broadcastTo([x.shape[0]!, patches]);
      const guess = this.#guess(x, rows).mul(this.#spread(share, x));
      return sum?.add(guess) ?? guess;
    }, null);
    return sum!;
  }

  /** A number per patch as one per pixel, `[1, …]`. */
  #spread(share: readonly number[], { dtype }: Tensor): Tensor {
    const {
      sizes: [c, h, w],
      patch,
      inputShape,
    } = this.grid;
    const values = Array.from({ length: c * h * w }, (_, i) => {
      const [row, column] = [Math.floor(i / w) % h, i % w];
      return share[Math.floor(row / patch) * (w / patch) + Math.floor(column / patch)]!;
    });
    return tensor(values, dtype === "float64" ? dtype : "float32").reshape([1, ...inputShape]);
  }
}

/** A fixed scattered order of the patches. */
const fixedOrder = (patches: number) => new RandomStream(0, 0x6d61_736b).permutation(patches);

/**
 * A {@link MaskedAutoencoder} of images: two transformer blocks over the visible patches, one over
 * all; `code` is the size of a token, K = 64 by default.
 *
 * @throws {ConfigError} for examples that are not images, or whose sides are not multiples of the
 * patch size.
 * @example
 * const model = maskedAutoencoder({ inputShape: [28, 28], patch: 7, withheld: 0.5 });
 * model.seen; // 8
 */
export function maskedAutoencoder(options: MaskedOptions): MaskedAutoencoder {
  checkAutoencoder("maskedAutoencoder", options, { patch: "count", withheld: true });
  const { inputShape, code = 64, patch = 4, withheld, likelihood, dtype, seed } = options;
  const sizes = imageSizes("maskedAutoencoder", inputShape, 2, "deep-autoencoder");
  if (sizes[1] % patch > 0 || sizes[2] % patch > 0)
    throw new ConfigError({
      subject: "maskedAutoencoder",
      problem: `images of ${show(sizes.slice(1))} cannot be cut into patches of ${patch}×${patch}.`,
      fix: "give patch a number that divides both sides, or pad the images.",
    });
  return seeded(
    seed,
    () =>
      new MaskedAutoencoder({ inputShape, sizes, patch, code, dtype }, { withheld, likelihood }),
  );
}
