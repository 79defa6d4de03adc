import type { TypedArray } from "../../base/index.ts";
import { FastRandom } from "../fast-random.ts";
import { blur } from "./blur.ts";
import type { Of, Transform } from "./transforms.ts";
import { blank, type ImageShape, mirror, move, resize, warp } from "./warp.ts";

/** A batch on its way through the transforms, and the keys of its random numbers. */
export interface Work {
  /** `[B, …]`, changed in place. */
  readonly inputs: Float32Array;
  /** The shape of one example: `[C, H, W]`, views of one `[V, C, H, W]`, or anything if no transform is for images. */
  readonly shape: readonly number[];
  /** `[B]` class indices, or `[B, …]` numbers. */
  readonly targets: TypedArray;
  /** The rows of the split in the batch. */
  readonly rows: Int32Array;
  readonly seed: number;
  readonly epoch: number;
}

/** Transforms of an example, in place; `spare` is scratch memory of the same size. */
type Apply<T> = (
  transform: T,
  image: Float32Array,
  shape: ImageShape,
  random: FastRandom,
  spare: Float32Array,
) => void;

const appliers: { readonly [K in Exclude<Transform["kind"], "mixup">]: Apply<Of<K>> } = {
  crop({ padding, fill }, image, shape, random, spare) {
    const down = whole(random, 2 * padding + 1) - padding;
    const right = whole(random, 2 * padding + 1) - padding;
    spare.set(image);
    move(spare, image, shape, down, right, fill);
  },
  flip({ probability }, image, shape, random) {
    if (random.uniform() < probability) mirror(image, shape);
  },
  resizedCrop({ area }, image, shape, random, spare) {
    const [, height, width] = shape;
    if (Math.min(height, width) < 2) return; // there is no part of it
    const share = random.uniform(...area);
    const ratio = Math.exp(random.uniform(-Math.log(4 / 3), Math.log(4 / 3)));
    const part = {
      height: height * Math.min(1, Math.sqrt(share / ratio)),
      width: width * Math.min(1, Math.sqrt(share * ratio)),
    };
    const top = random.uniform() * (height - part.height);
    const left = random.uniform() * (width - part.width);
    spare.set(image);
    resize(spare, image, shape, { ...part, top, left });
  },
  blur({ sigma }, image, shape, random, spare) {
    blur(image, spare, shape, random.uniform(...sigma));
  },
  affine({ degrees, scale, shift, fill }, image, shape, random, spare) {
    const placement = {
      degrees: random.uniform(...degrees),
      factor: scale[0] * (scale[1] / scale[0]) ** random.uniform(),
      down: shape[1] * random.uniform(...shift),
      right: shape[2] * random.uniform(...shift),
    };
    spare.set(image);
    warp(spare, image, shape, placement, fill);
  },
  noise({ std }, image, _, random) {
    for (let i = 0; i < image.length; i++) image[i] = image[i]! + std * normal(random);
  },
  color({ brightness, contrast, saturation }, image, shape, random) {
    const [b, c, s] = [brightness, contrast, saturation].map((r) => 1 + random.uniform(...r));
    jitter(image, shape, b!, c!, s!);
  },
  pca({ pca, std }, image, shape, random) {
    const alphas = pca.values.map((value) => std * Math.sqrt(value) * normal(random));
    const pixels = shape[1] * shape[2];
    for (let c = 0; c < 3; c++) {
      const by = alphas.reduce((sum, alpha, i) => sum + alpha * pca.vectors[i]![c]!, 0);
      for (let p = c * pixels; p < (c + 1) * pixels; p++) image[p] = image[p]! + by;
    }
  },
  cutout({ size, fill }, image, shape, random) {
    blank(image, shape, size, whole(random, shape[1]), whole(random, shape[2]), fill);
  },
};

/** The random streams of augmentations, one per epoch, separate from shuffles. */
const stream = 0x6a00_0000;
/** The most transforms that have random numbers of their own for each example. */
export const mostTransforms = 64;

/**
 * Applies transforms to a batch. What happens to an example depends only on seed, epoch, its row
 * and the transform's position; mixup's partner also depends on the batch.
 *
 * @returns the targets: unchanged, or rows of probabilities after mixup.
 */
export function applyAll(transforms: readonly Transform[], work: Work): TypedArray {
  if (work.shape.length === 4) return applyAll(transforms, ofViews(work));
  const { inputs, rows, seed, epoch } = work;
  const shape = work.shape as unknown as ImageShape;
  const size = inputs.length / rows.length;
  const spare = new Float32Array(size);
  const random = new FastRandom();
  let { targets } = work;
  transforms.forEach((transform, place) => {
    const seek = (n: number) =>
      random.seek(seed, stream + epoch, rows[n]! * mostTransforms + place);
    if (transform.kind === "mixup") {
      seek(0);
      targets = mix(transform, inputs, targets, rows.length, random);
      return;
    }
    const apply = appliers[transform.kind] as Apply<Transform>;
    for (let n = 0; n < rows.length; n++) {
      seek(n);
      apply(transform, inputs.subarray(n * size, (n + 1) * size), shape, random, spare);
    }
  });
  return targets;
}

/** Every view as an example of its own, with random numbers of its own. */
function ofViews({ shape, rows, ...rest }: Work): Work {
  const [views] = shape as [number];
  const each = Int32Array.from({ length: rows.length * views }, (_, i) => {
    return rows[Math.floor(i / views)]! * views + (i % views);
  });
  return { ...rest, shape: shape.slice(1), rows: each };
}

/** Uniform in 0…n−1. */
const whole = (random: FastRandom, n: number): number => Math.floor(random.uniform(0, n));

/** Standard normal, by Box and Muller. */
const normal = (random: FastRandom): number =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

/** Brightness, contrast and saturation by factors. */
function jitter(image: Float32Array, shape: ImageShape, b: number, c: number, s: number): void {
  for (let i = 0; i < image.length; i++) image[i] = b * image[i]!;
  if (c === 1 && s === 1) return;
  const gray = grayOf(image, shape);
  if (c !== 1) {
    const mean = gray.reduce((sum, g) => sum + g, 0) / gray.length;
    for (let i = 0; i < image.length; i++) image[i] = mean + c * (image[i]! - mean);
    for (let p = 0; p < gray.length; p++) gray[p] = mean + c * (gray[p]! - mean);
  }
  if (s === 1 || shape[0] === 1) return;
  for (let i = 0, p = 0; i < image.length; i++, p = p + 1 === gray.length ? 0 : p + 1)
    image[i] = gray[p]! + s * (image[i]! - gray[p]!);
}

/** The luminance of each pixel; for other than three channels, the mean. */
function grayOf(image: Float32Array, [channels, height, width]: ImageShape): Float64Array {
  const gray = new Float64Array(height * width);
  for (let c = 0; c < channels; c++) {
    const weight = channels === 3 ? [0.299, 0.587, 0.114][c]! : 1 / channels;
    const plane = image.subarray(c * gray.length, (c + 1) * gray.length);
    for (let p = 0; p < gray.length; p++) gray[p] = gray[p]! + weight * plane[p]!;
  }
  return gray;
}

/** Mixes a batch with itself in another order, and its targets as probabilities. */
function mix(
  { alpha, classes }: Of<"mixup">,
  inputs: Float32Array,
  targets: TypedArray,
  count: number,
  random: FastRandom,
): Float32Array {
  const soft = targets instanceof Int32Array ? spread(targets, classes) : (targets as Float32Array);
  const lambda = symmetricBeta(alpha, random);
  const partner = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = whole(random, i + 1);
    [partner[i], partner[j]] = [partner[j]!, partner[i]!];
  }
  blend(inputs, partner, lambda);
  blend(soft, partner, lambda);
  return soft;
}

function spread(labels: Int32Array, classes: number): Float32Array {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((k, n) => {
    rows[n * classes + k] = 1;
  });
  return rows;
}

function blend(values: Float32Array, partner: Int32Array, lambda: number): void {
  const size = values.length / partner.length;
  const before = values.slice();
  for (let n = 0; n < partner.length; n++)
    for (let i = 0; i < size; i++)
      values[n * size + i] =
        lambda * before[n * size + i]! + (1 - lambda) * before[partner[n]! * size + i]!;
}

/**
 * Beta(α, α), as G / (G + G′) of two gamma variables; in logarithms, because a small α underflows.
 */
function symmetricBeta(alpha: number, random: FastRandom): number {
  const [a, b] = [logGamma(alpha, random), logGamma(alpha, random)];
  return 1 / (1 + Math.exp(b - a));
}

/**
 * The logarithm of a Gamma(α, 1) variable; below 1 from one of α + 1 by Γ(α) = Γ(α + 1) U^(1/α).
 *
 * @see Marsaglia & Tsang 2000, "A simple method for generating gamma variables"
 */
function logGamma(alpha: number, random: FastRandom): number {
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(1 - random.uniform()) / alpha;
  const d = alpha - 1 / 3;
  for (;;) {
    const x = normal(random);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v))
      return Math.log(d * v);
  }
}
