import { ConfigError, DataError, type HostArray, ShapeError, show } from "../base/index.ts";
import { readBytes } from "../formats/index.ts";

/** What {@link readImage} makes of an image. */
export interface ImageOptions {
  readonly height: number;
  readonly width: number;
  /** 1 for gray, 3 for red, green, blue. */
  readonly channels: 1 | 3;
}

/**
 * Reads an image file (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG) as one network input. It is scaled
 * to fit and centered, never stretched; what is left over takes the mean color of the image's
 * border, so that paper goes on as paper. Transparent parts become white.
 *
 * @returns `[1, channels, height, width]` float32 in [0, 1].
 * @throws {DataError} if the file is missing or no image. @throws {ConfigError} if a size is none.
 * @example
 * const x = lightOnDark(await readImage("seven.png", { height: 28, width: 28, channels: 1 }));
 */
export async function readImage(path: string, options: ImageOptions): Promise<HostArray> {
  const { height, width, channels } = options;
  checkSize("height", height);
  checkSize("width", width);
  if (channels !== 1 && channels !== 3) throw badOption("channels", channels, "1 or 3");
  const small = await decode(path, options);
  const data = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c++)
    center(small, c, data.subarray(c * height * width, (c + 1) * height * width), height, width);
  return { dtype: "float32", shape: [1, channels, height, width], data };
}

/**
 * Inverts images that are dark on light, so that they look like MNIST: light on dark. An image
 * counts as such if the mean of its border pixels (over all channels) is above ½, for the border
 * is paper and not ink.
 *
 * @param images `[N, C, H, W]` in [0, 1].
 * @returns the like, float32; images that are light on dark already are unchanged.
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

/** Pixels as the decoder gives them, `[height, width, channels]` bytes. */
interface Raster {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Decodes and scales an image so that it just fits into height × width. */
async function decode(path: string, options: ImageOptions): Promise<Raster> {
  const file = await readBytes(path);
  const { default: sharp } = await import("sharp");
  try {
    const { data, info } = await sharp(file)
      .autoOrient() // phones store turned pictures and a note of how to turn them back
      .flatten({ background: "white" })
      .resize({ height: options.height, width: options.width, fit: "inside" })
      .toColorspace(options.channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data, height: info.height, width: info.width, channels: info.channels };
  } catch (thrown) {
    throw new DataError({
      subject: path,
      problem: `not an image that can be read (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "give a PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG file.",
    });
  }
}

/** Puts one channel of a raster into the middle of `plane`, `[height, width]`, scaled to [0, 1]. */
function center(from: Raster, c: number, plane: Float32Array, height: number, width: number): void {
  const channel = from.data.subarray(c);
  plane.fill(borderMean(channel, from.height, from.width, from.channels) / 255);
  const top = (height - from.height) >> 1;
  const left = (width - from.width) >> 1;
  for (let y = 0; y < from.height; y++)
    for (let x = 0; x < from.width; x++)
      plane[(top + y) * width + left + x] = channel[(y * from.width + x) * from.channels]! / 255;
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
