/** The pretext task of SimCLR: which views are of the same image. */
import { checkOptions, checkSeed } from "../../base/index.ts";
import { applyAll } from "../augment/apply.ts";
import {
  colorJitter,
  gaussianBlur,
  horizontalFlip,
  randomResizedCrop,
  type Transform,
} from "../augment/transforms.ts";
import type { Split } from "../dataset.ts";
import { imagesOf } from "./checks.ts";
import type { PretextOptions } from "./puzzles.ts";

/** How {@link contrastivePairs} makes views. */
export interface ContrastiveOptions extends PretextOptions {
  /** Default {@link contrastiveViews}; none leaves two equal images, for `augment` to change anew in every epoch. */
  readonly transforms?: readonly Transform[] | undefined;
}

/**
 * The random changes of SimCLR: a part of the image brought to its size, a flip, other colors, a blur.
 *
 * @param options `flip`: whether images may be mirrored; not for digits and letters. Default true.
 * @see Chen, Kornblith, Norouzi & Hinton 2020, "A simple framework for contrastive learning of visual representations"
 * @example
 * contrastiveViews({ flip: false }).map(({ kind }) => kind); // ["resizedCrop", "color", "blur"]
 */
export function contrastiveViews(
  options: { readonly flip?: boolean | undefined } = {},
): Transform[] {
  checkOptions("contrastiveViews", options, { flip: "boolean" });
  const { flip = true } = options;
  return [
    randomResizedCrop({ area: [0.3, 1] }),
    ...(flip ? [horizontalFlip()] : []),
    colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4 }),
    gaussianBlur({ sigma: [0.1, 1] }),
  ];
}

/**
 * Two random views of every image, side by side: `[N, 2, C, H, W]`. The target is 1, the similarity that the views of
 * one image are to have; `ntXent` sets them apart from those of all other images of the batch.
 *
 * `augment` changes every view by itself, so that a training has new views in every epoch.
 *
 * @see Chen et al. 2020, §2.1
 * @example
 * const pairs = contrastivePairs(digits({ train: 8, test: 1 }).train, { seed: 1 });
 * pairs.inputs.shape; // [8, 2, 1, 28, 28]
 * pairs.targets.data[0]; // 1
 */
export function contrastivePairs({ inputs, size }: Split, options: ContrastiveOptions = {}): Split {
  checkOptions("contrastivePairs", options, { seed: true, transforms: true });
  const { seed = 0, transforms = contrastiveViews() } = options;
  checkSeed("contrastivePairs", seed);
  const { channels, height, width, data } = imagesOf("contrastivePairs", inputs);
  const shape = [2, channels, height, width];
  const each = channels * height * width;
  const views = new Float32Array(2 * data.length);
  for (let n = 0; n < size; n++) {
    const image = data.subarray(n * each, (n + 1) * each);
    views.set(image, 2 * n * each);
    views.set(image, (2 * n + 1) * each);
  }
  const targets = new Float32Array(size).fill(1);
  const rows = Int32Array.from({ length: size }, (_, n) => n);
  applyAll(transforms, { ...{ inputs: views, shape, targets, rows, seed }, epoch: 0 });
  return {
    inputs: { dtype: "float32", shape: [size, ...shape], data: views },
    targets: { dtype: "float32", shape: [size], data: targets },
    size,
  };
}
