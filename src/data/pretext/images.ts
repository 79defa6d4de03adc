/** Pretext tasks that ask for what was taken out of an image. */
import {
  ConfigError,
  checkOptions,
  checkSeed,
  describe,
  RandomStream,
  ShapeError,
} from "../../base/index.ts";
import type { Split } from "../dataset.ts";
import { checkPatch, imagesOf } from "./checks.ts";
import type { PretextOptions } from "./puzzles.ts";

/** Which patches {@link maskedPatches} takes out. */
export interface MaskedPatchesOptions extends PretextOptions {
  /** The side of a patch in pixels. Default 4. */
  readonly patch?: number | undefined;
  /** The share of patches that is taken out, above 0 and below 1. Default 0.5. */
  readonly share?: number | undefined;
  /** What stands in their place. Default 0. */
  readonly fill?: number | undefined;
}

const stream = 0x7e00_0100;

/**
 * Images without some of their patches; the target is the whole image. To fill the gaps, a net must know what
 * belongs together.
 *
 * @throws {ConfigError} for a patch that does not divide the sides, or a share that means nothing.
 * @see Pathak, Krähenbühl, Donahue, Darrell & Efros 2016, "Context encoders: feature learning by inpainting"
 * @example
 * const { train } = digits({ train: 2, test: 1 });
 * const { inputs, targets } = maskedPatches(train, { patch: 7, fill: -1 });
 * inputs.data.filter((x) => x === -1).length; // 784
 * targets === train.inputs; // true
 */
export function maskedPatches({ inputs, size }: Split, options: MaskedPatchesOptions = {}): Split {
  checkOptions("maskedPatches", options, { seed: true, patch: true, share: true, fill: "number" });
  const { seed = 0, patch = 4, share = 0.5, fill = 0 } = options;
  checkSeed("maskedPatches", seed);
  const images = imagesOf("maskedPatches", inputs);
  checkPatch("maskedPatches", patch, images);
  const { channels, height, width } = images;
  const across = width / patch;
  const patches = (height / patch) * across;
  const hidden = Math.min(patches - 1, Math.max(1, Math.round(share * patches)));
  if (!(share > 0 && share < 1) || patches < 2)
    throw new ConfigError({
      subject: "maskedPatches",
      problem: `of ${patches} patches a share of ${describe(share)} is to be taken out.`,
      fix: "give a share above 0 and below 1, of two patches or more.",
    });
  const data = images.data.slice();
  const random = new RandomStream(seed, stream);
  for (let n = 0; n < size; n++)
    for (const p of random.permutation(patches).subarray(0, hidden))
      for (let c = 0; c < channels; c++)
        for (let y = 0; y < patch; y++) {
          const row = (n * channels + c) * height + Math.floor(p / across) * patch + y;
          const start = row * width + (p % across) * patch;
          data.fill(fill, start, start + patch);
        }
  return { inputs: { ...inputs, data }, targets: inputs, size };
}

/**
 * Images in grey, in all three channels; the target is the image in color. To know the color of a thing, a net must
 * know the thing.
 *
 *   y = 0.299 R + 0.587 G + 0.114 B
 *
 * @throws {ShapeError} for images without three channels.
 * @see Zhang, Isola & Efros 2016, "Colorful image colorization"; ITU-R BT.601 for the weights
 * @example
 * const red = hostArray([1, 3, 1, 1], Float32Array.of(1, 0, 0));
 * colorization(makeSplit(red, hostArray([1], Int32Array.of(0)))).inputs.data[2]; // 0.298…
 */
export function colorization({ inputs, size }: Split): Split {
  const { channels, height, width, data } = imagesOf("colorization", inputs);
  if (channels !== 3)
    throw new ShapeError({
      subject: "colorization",
      problem: `images have ${channels} channels, not red, green and blue.`,
      fix: "give color images, or take another task, such as rotation.",
    });
  const grey = new Float32Array(data.length);
  const plane = height * width;
  for (let start = 0; start < data.length; start += 3 * plane)
    for (let p = start; p < start + plane; p++) {
      const y = 0.299 * data[p]! + 0.587 * data[p + plane]! + 0.114 * data[p + 2 * plane]!;
      grey[p] = grey[p + plane] = grey[p + 2 * plane] = y;
    }
  return { inputs: { ...inputs, data: grey }, targets: inputs, size };
}
