import { ConfigError, checkOptions, type HostArray, ShapeError, show } from "../../base/index.ts";
import { readBytes } from "../../formats/index.ts";
import { limitsOf, type ReadLimits } from "../folders/limits.ts";
import { decodePicture, type Raster } from "./picture.ts";

/** Options of {@link readImage}. */
export interface ImageOptions extends Pick<ReadLimits, "maxPixels"> {
  readonly height: number;
  readonly width: number;
  /** 1 for gray, 3 for red, green, blue. */
  readonly channels: 1 | 3;
}

/**
 * Reads an image file (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG, BMP, PBM, PGM, PPM) as one network
 * input. It is scaled to fit and centered, never stretched; the rest is filled with the mean color
 * of the image's border, so that paper continues as paper. Transparent parts become white.
 *
 * @returns `[1, channels, height, width]` float32: integers of 8, 16 or 32 bits scaled to [0, 1],
 * floats unchanged.
 * @throws {DataError} if the file is missing or not an image. @throws {ConfigError} if a size is
 * invalid.
 * @example
 * const x = lightOnDark(await readImage("seven.png", { height: 28, width: 28, channels: 1 }));
 */
export async function readImage(
  from: string | Uint8Array,
  options: ImageOptions & { readonly name?: string },
): Promise<HostArray> {
  checkOptions("readImage", options ?? null, {
    ...{ height: true, width: true, channels: true, maxPixels: true, name: "text" },
  });
  const { height, width, channels } = options;
  checkSize("height", height);
  checkSize("width", width);
  if (channels !== 1 && channels !== 3) throw badOption("channels", channels, "1 or 3");
  const name = typeof from === "string" ? from : (options.name ?? "image");
  const bytes = typeof from === "string" ? await readBytes(from) : from;
  const limits = limitsOf(options, "readImage");
  const form = { height, width, channels, fit: "inside" } as const;
  const small = await decodePicture(bytes, name, form, limits);
  const data = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c++)
    center(small, c, data.subarray(c * height * width, (c + 1) * height * width), height, width);
  return { dtype: "float32", shape: [1, channels, height, width], data };
}

/**
 * Inverts images that are dark on light, so that they look like MNIST: light on dark. An image
 * counts as dark on light if the mean of its border pixels (over all channels) is above ½: the
 * border is paper, not ink.
 *
 * @param images `[N, C, H, W]` in [0, 1].
 * @returns the same shape, float32; images that are already light on dark are unchanged.
 */
export function lightOnDark(images: HostArray): HostArray {
  const { shape, data } = images;
  const [count, channels, height, width] = shape;
  if (shape.length !== 4)
    throw new ShapeError({
      subject: "lightOnDark",
      problem: `expected images [N, C, H, W], found ${show(shape)}.`,
      fix: "add the axes that are missing, of size 1.",
    });
  const result = Float32Array.from(data);
  const pixels = height! * width!;
  for (let n = 0; n < count!; n++) {
    const image = result.subarray(n * channels! * pixels, (n + 1) * channels! * pixels);
    let border = 0;
    for (let c = 0; c < channels!; c++)
      border += borderMean(image.subarray(c * pixels), height!, width!, 1) / channels!;
    if (border > 0.5) for (let i = 0; i < image.length; i++) image[i] = 1 - image[i]!;
  }
  return { dtype: "float32", shape, data: result };
}

/** Puts one channel of an image into the middle of `plane`, `[height, width]`, scaled to [0, 1]. */
function center(from: Raster, c: number, plane: Float32Array, height: number, width: number): void {
  const channel = from.data.subarray(Math.min(c, from.channels - 1));
  plane.fill(borderMean(channel, from.height, from.width, from.channels) / from.scale);
  const top = (height - from.height) >> 1;
  const left = (width - from.width) >> 1;
  for (let y = 0; y < from.height; y++)
    for (let x = 0; x < from.width; x++)
      plane[(top + y) * width + left + x] =
        channel[(y * from.width + x) * from.channels]! / from.scale;
}

/** Mean over the pixels of the outermost rows and columns; pixels are `step` elements apart. */
function borderMean(plane: ArrayLike<number>, height: number, width: number, step: number): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < height; y++) {
    const inner = y > 0 && y < height - 1;
    for (let x = 0; x < width; x += inner && x === 0 && width > 1 ? width - 1 : 1) {
      sum += plane[(y * width + x) * step]!;
      count++;
    }
  }
  return sum / count;
}

function checkSize(option: string, value: number): void {
  if (!Number.isInteger(value) || value < 1 || value > 16384)
    throw badOption(option, value, "a whole number from 1 to 16384");
}

const badOption = (option: string, value: number, expected: string): ConfigError =>
  new ConfigError({
    subject: "readImage",
    problem: `${option} is ${value}, expected ${expected}.`,
    fix: `give ${option} as ${expected}.`,
  });
