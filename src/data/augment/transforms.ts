import { ConfigError, checkOptions } from "../../base/index.ts";
import type { ColorPca } from "./color-pca.ts";

/** The range of a uniform draw; a number d means [−d, d]. */
export type Interval = number | readonly [from: number, to: number];

/**
 * A change of an example that preserves its label (mixup changes both alike). Plain data, so that
 * it can be sent to worker threads and stored in a run.
 */
export type Transform =
  | { readonly kind: "crop"; readonly padding: number; readonly fill: number }
  | { readonly kind: "flip"; readonly probability: number }
  | { readonly kind: "resizedCrop"; readonly area: readonly [number, number] }
  | { readonly kind: "blur"; readonly sigma: readonly [number, number] }
  | {
      readonly kind: "affine";
      readonly degrees: readonly [number, number];
      readonly scale: readonly [number, number];
      readonly shift: readonly [number, number];
      readonly fill: number;
    }
  | { readonly kind: "noise"; readonly std: number }
  | {
      readonly kind: "color";
      readonly brightness: readonly [number, number];
      readonly contrast: readonly [number, number];
      readonly saturation: readonly [number, number];
    }
  | { readonly kind: "pca"; readonly pca: ColorPca; readonly std: number }
  | { readonly kind: "cutout"; readonly size: number; readonly fill: number }
  | { readonly kind: "mixup"; readonly alpha: number; readonly classes: number };

/** The transform with the given kind. */
export type Of<K extends Transform["kind"]> = Extract<Transform, { kind: K }>;

/**
 * Random crop: pads images `[C, H, W]` by `padding` pixels and cuts them back to size at a random
 * position: a shift by −padding…padding whole pixels on each axis, all equally likely.
 *
 * @param options.fill the value of the padding. Default 0.
 * @see He et al. 2016, "Deep residual learning for image recognition", §4.2
 * @example
 * augment([randomCrop({ padding: 4 }), horizontalFlip()]).transforms.length; // 2
 */
export function randomCrop(options: { padding: number; fill?: number }): Transform {
  checkOptions("randomCrop", options ?? null, { padding: true, fill: true });
  const { padding, fill = 0 } = options;
  check("randomCrop", "padding", padding, isWhole(padding), "a whole number of 0 or more");
  return { kind: "crop", padding, fill: finite("randomCrop", "fill", fill) };
}

/**
 * Mirrors images left to right with a probability, by default ½. Not for digits and letters.
 *
 * @example
 * horizontalFlip(); // { kind: "flip", probability: 0.5 }
 */
export function horizontalFlip(options: { probability?: number } = {}): Transform {
  checkOptions("horizontalFlip", options, { probability: "number" });
  const { probability = 0.5 } = options;
  const isShare = probability >= 0 && probability <= 1;
  check("horizontalFlip", "probability", probability, isShare, "a number from 0 to 1");
  return { kind: "flip", probability };
}

/**
 * Cuts a random part out of images and brings it to the size of the whole, bilinearly. Its area is drawn uniformly,
 * the ratio of its sides to those of the image in its logarithm from ¾ to 4/3, as torchvision's RandomResizedCrop does.
 *
 * @param options.area share of the image, above 0 and up to 1. Default [0.08, 1].
 * @see Szegedy et al. 2015, "Going deeper with convolutions", §6
 * @example
 * randomResizedCrop({ area: [0.3, 1] }); // { kind: "resizedCrop", area: [0.3, 1] }
 */
export function randomResizedCrop(options: { area?: readonly [number, number] } = {}): Transform {
  checkOptions("randomResizedCrop", options, { area: true });
  const { area = [0.08, 1] } = options;
  const isArea = area[0] > 0 && area[0] <= area[1] && area[1] <= 1;
  check(
    "randomResizedCrop",
    "area",
    JSON.stringify(area),
    isArea,
    "[from, to] in 0 < from ≤ to ≤ 1",
  );
  return { kind: "resizedCrop", area };
}

/**
 * Blurs images by a Gaussian of random width, cut off at 3 σ and renormalised at the border.
 *
 * @param options.sigma in pixels. Default [0.1, 2].
 * @see Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning", appendix A
 * @example
 * gaussianBlur({ sigma: [0.1, 1] }); // { kind: "blur", sigma: [0.1, 1] }
 */
export function gaussianBlur(options: { sigma?: readonly [number, number] } = {}): Transform {
  checkOptions("gaussianBlur", options, { sigma: true });
  const { sigma = [0.1, 2] } = options;
  const isWidth = sigma[0] > 0 && sigma[0] <= sigma[1] && Number.isFinite(sigma[1]);
  check("gaussianBlur", "sigma", JSON.stringify(sigma), isWidth, "[from, to] with 0 < from ≤ to");
  return { kind: "blur", sigma };
}

/** The ranges of {@link affine}. */
export interface AffineOptions {
  /** Rotation about the middle of the image, counterclockwise, in degrees. Default none. */
  readonly degrees?: Interval;
  /** Scale factor, drawn uniformly in its logarithm, above 0. Default 1. */
  readonly scale?: readonly [from: number, to: number];
  /** Shift along each axis, as a fraction of the image's size. Default none. */
  readonly shift?: Interval;
  /** The value outside the image. Default 0. */
  readonly fill?: number;
}

/**
 * Rotates, scales and shifts images about their middle m by random amounts, in one resampling:
 *
 *   y(m + t + s R(θ) (u − m)) = x(u)
 *
 * interpolated bilinearly between the four nearest pixels. {@link rotate}, {@link scale} and {@link
 * shift} are this with one option; combining them here blurs only once.
 *
 * @example
 * augment([affine({ degrees: 10, scale: [0.9, 1.1], shift: 0.1 })]).transforms.length; // 1
 */
export function affine(options: AffineOptions): Transform {
  const names = { degrees: true, scale: true, shift: true, fill: true } as const;
  checkOptions("affine", options ?? null, names);
  const { scale = [1, 1], fill = 0 } = options;
  const isOrdered = scale[0] > 0 && scale[0] <= scale[1] && Number.isFinite(scale[1]);
  check("affine", "scale", JSON.stringify(scale), isOrdered, "[from, to] with 0 < from ≤ to");
  return {
    kind: "affine",
    degrees: range("affine", "degrees", options.degrees ?? 0),
    scale,
    shift: range("affine", "shift", options.shift ?? 0),
    fill: finite("affine", "fill", fill),
  };
}

/**
 * Rotates images about their middle, counterclockwise, by a random angle.
 *
 * @see affine
 * @example
 * augment([rotate({ degrees: 15 })]).transforms.length; // 1
 */
export const rotate = (options: { degrees: Interval; fill?: number }): Transform => affine(options);

/**
 * Scales images about their middle by a random factor.
 *
 * @see affine
 * @example
 * augment([scale({ scale: [0.8, 1.25] })]).transforms.length; // 1
 */
export const scale = (options: { scale: readonly [number, number]; fill?: number }): Transform =>
  affine(options);

/**
 * Shifts images by a random fraction of their size along each axis.
 *
 * @see affine
 * @example
 * augment([shift({ shift: 0.1 })]).transforms.length; // 1
 */
export const shift = (options: { shift: Interval; fill?: number }): Transform => affine(options);

/**
 * Adds a number from 𝒩(0, std²) to each value. For inputs of any shape.
 *
 * @see Bishop 1995, "Training with noise is equivalent to Tikhonov regularization"
 * @example
 * const walk = batches(xor(), { batchSize: 4, augment: augment([noise({ std: 0.1 })]) });
 * for await (const { inputs } of walk) inputs.shape; // [4, 2]
 */
export function noise(options: { std: number }): Transform {
  checkOptions("noise", options ?? null, { std: true });
  return { kind: "noise", std: positive("noise", "std", options.std) };
}

/**
 * Changes brightness, contrast and saturation of images by random factors 1 + a, in this order,
 * where a is drawn from the range of each:
 *
 *   x ← (1 + a) x          x ← μ + (1 + a) (x − μ)          x ← g + (1 + a) (x − g)
 *
 * with μ the image's mean gray and g each pixel's own gray, 0.299 R + 0.587 G + 0.114 B; for images
 * without exactly three channels, the mean. Values are not clamped to [0, 1].
 *
 * @see Howard 2013, "Some improvements on deep convolutional neural network based image
 * classification", §2
 * @example
 * augment([colorJitter({ brightness: 0.2, contrast: 0.2, saturation: 0.2 })]).transforms.length; // 1
 */
export function colorJitter(options: {
  brightness?: Interval;
  contrast?: Interval;
  saturation?: Interval;
}): Transform {
  const names = { brightness: true, contrast: true, saturation: true } as const;
  checkOptions("colorJitter", options ?? null, names);
  const of = (name: keyof typeof options) => range("colorJitter", name, options[name] ?? 0);
  return {
    kind: "color",
    brightness: of("brightness"),
    contrast: of("contrast"),
    saturation: of("saturation"),
  };
}

/**
 * PCA color augmentation: shifts the color of a whole image along the principal axes p₁, p₂, p₃ of
 * the training set's colors, in proportion to their deviations:
 *
 *   x ← x + Σᵢ αᵢ √λᵢ pᵢ,   αᵢ ~ 𝒩(0, std²), drawn once per image
 *
 * AlexNet's paper writes αᵢ λᵢ; widely used code, and this, take the standard deviation √λᵢ of the
 * colors along pᵢ, which has the unit of x. It simulates another illumination.
 *
 * @param options.pca the result of {@link fitColorPca} on the training set.
 * @param options.std default 0.1, the paper's.
 * @see Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural
 * networks", §4.1
 * @example
 * const { train } = await readImageFolder("flowers", { size: 8 });
 * const light = pcaColor({ pca: fitColorPca(train.inputs) });
 * for await (const { inputs } of batches(train, { batchSize: 4, augment: augment([light]) }))
 *   inputs.shape; // [4, 3, 8, 8]
 */
export function pcaColor(options: { pca: ColorPca; std?: number }): Transform {
  checkOptions("pcaColor", options ?? null, { pca: true, std: true });
  const { pca, std = 0.1 } = options;
  return { kind: "pca", pca, std: positive("pcaColor", "std", std) };
}

/**
 * Fills a square of `size` pixels with a random center in the image, in all channels; parts outside
 * the image are ignored.
 *
 * @param options.fill default 0; take the mean of the data where that is not 0.
 * @see DeVries & Taylor 2017, "Improved regularization of convolutional neural networks with
 * cutout"
 * @example
 * cutout({ size: 8 }); // { kind: "cutout", size: 8, fill: 0 }
 */
export function cutout(options: { size: number; fill?: number }): Transform {
  checkOptions("cutout", options ?? null, { size: true, fill: true });
  const { size, fill = 0 } = options;
  const isSize = isWhole(size) && size > 0;
  check("cutout", "size", size, isSize, "a whole number of 1 or more");
  return { kind: "cutout", size, fill: finite("cutout", "fill", fill) };
}

/**
 * Mixes each example with another of its batch, and their targets likewise:
 *
 *   x ← λ x + (1 − λ) x′    y ← λ y + (1 − λ) y′    λ ~ Beta(α, α), drawn once per batch
 *
 * Targets become rows of probabilities `[N, classes]`, which cross-entropy accepts.
 *
 * @param options.alpha above 0; the paper uses 0.1 to 0.4 for ImageNet and 1 for CIFAR-10.
 * @see Zhang, Cisse, Dauphin & Lopez-Paz 2018, "mixup: beyond empirical risk minimization", §2
 * @example
 * const mixed = augment([mixup({ alpha: 1, classes: 2 })]);
 * for await (const { targets } of batches(xor(), { batchSize: 4, augment: mixed }))
 *   targets.shape; // [4, 2]
 */
export function mixup(options: { alpha: number; classes: number }): Transform {
  checkOptions("mixup", options ?? null, { alpha: true, classes: true });
  const { alpha, classes } = options;
  const isCount = isWhole(classes) && classes > 0;
  check("mixup", "classes", classes, isCount, "a whole number of 1 or more");
  return { kind: "mixup", alpha: positive("mixup", "alpha", alpha), classes };
}

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function check(subject: string, option: string, value: unknown, good: boolean, what: string) {
  if (good) return;
  throw new ConfigError({
    subject,
    problem: `${option} is ${value}, expected ${what}.`,
    fix: `give ${option} as ${what}.`,
  });
}

function finite(subject: string, option: string, value: number): number {
  check(subject, option, value, Number.isFinite(value), "a finite number");
  return value;
}

function positive(subject: string, option: string, value: number): number {
  check(subject, option, value, Number.isFinite(value) && value > 0, "a number above 0");
  return value;
}

function range(subject: string, option: string, value: Interval): readonly [number, number] {
  const [from, to] = typeof value === "number" ? [-value, value] : value;
  const good = Number.isFinite(from) && Number.isFinite(to) && from <= to;
  check(subject, option, JSON.stringify(value), good, "d of 0 or more, or [from, to]");
  return [from, to];
}
