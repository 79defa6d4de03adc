import type { Sharp } from "sharp";
import { DataError, GradusError } from "../../base/index.ts";
import { beyond, type Limits } from "../folders/limits.ts";
import { readBmp } from "./bmp.ts";
import { readPnm } from "./pnm.ts";

/** Pixels `[height, width, channels]`, row by row, in the file's own numbers. */
export interface Raster {
  readonly data: Uint8Array | Uint16Array | Float32Array;
  readonly height: number;
  readonly width: number;
  /** 1 gray, 3 red, green, blue. */
  readonly channels: 1 | 3;
  /** The value of white: 255 or 65535 for integers; floats are not scaled. */
  readonly scale: number;
}

/** The form to which an image is converted; undefined fields keep the file's own. */
export interface PictureForm {
  readonly height?: number | undefined;
  readonly width?: number | undefined;
  /** How it is resized: cropped to cover the size, or fitted inside. */
  readonly fit?: "cover" | "inside";
  /** 1 converts color to gray. Gray always stays one channel. */
  readonly channels?: 1 | 3 | undefined;
}

/**
 * How to read each kind of numbers with sharp: the value of white, and the color spaces that
 * preserve it.
 */
const kinds = {
  uchar: { scale: 255, gray: "b-w", color: "srgb", depth: "uchar" },
  ushort: { scale: 65535, gray: "grey16", color: "rgb16", depth: "ushort" },
  uint: { scale: 2 ** 32 - 1, gray: "b-w", color: undefined, depth: "float" },
  float: { scale: 1, gray: "b-w", color: "scrgb", depth: "float" },
} as const;
type Kind = (typeof kinds)[keyof typeof kinds];

/** The metadata of a file. */
interface Head {
  readonly kind: Kind;
  readonly isGray: boolean;
  readonly hasAlpha: boolean;
}

/**
 * Decodes a PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG, BMP, PBM, PGM or PPM, recognized by its content.
 * Integers of 16 and 32 bits and floats keep their values. Transparent parts become white.
 *
 * @throws {DataError} naming `source` if it is not an image, or exceeds the limit.
 */
export async function decodePicture(
  bytes: Uint8Array,
  source: string,
  form: PictureForm,
  { maxPixels }: Pick<Limits, "maxPixels">,
): Promise<Raster> {
  const checkPixels = (width: number, height: number): void => {
    if (width * height <= maxPixels) return;
    throw beyond(source, `pixels of ${width} × ${height}`, width * height, maxPixels, "maxPixels");
  };
  try {
    const { default: sharp } = await import("sharp");
    const plain = readPnm(bytes, checkPixels) ?? readBmp(bytes, checkPixels);
    if (plain) {
      const raw = { width: plain.width, height: plain.height, channels: plain.channels };
      const kind = plain.data instanceof Uint8Array ? kinds.uchar : kinds.ushort;
      const head = { kind, isGray: plain.channels === 1, hasAlpha: false };
      return await pixelsOf(sharp(plain.data, { raw, limitInputPixels: false }), head, form);
    }
    const input = () => sharp(bytes, { limitInputPixels: false });
    const meta = await input().metadata();
    checkPixels(meta.width, meta.height);
    return await pixelsOf(input(), headOf(meta), form);
  } catch (thrown) {
    if (thrown instanceof GradusError) throw thrown;
    throw new DataError({
      subject: source,
      problem: `not an image that can be read (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "repair or remove the file.",
    });
  }
}

function headOf(meta: { space: string; depth: string; hasAlpha: boolean }): Head {
  const { space, depth, hasAlpha } = meta;
  const isGray = space === "b-w" || space === "grey16";
  const kind = Object.hasOwn(kinds, depth) ? kinds[depth as keyof typeof kinds] : undefined;
  if (kind && (isGray ? kind.gray : kind.color) === space) return { kind, isGray, hasAlpha };
  const isSigned = ["char", "short", "int"].includes(depth);
  if (isSigned || (isGray && kind !== kinds.uchar) || depth === "uint")
    throw new Error(`its pixels are of type ${depth} in the space ${space}`);
  return { kind: kinds.uchar, isGray, hasAlpha }; // CMYK, Lab and similar become sRGB
}

async function pixelsOf(image: Sharp, head: Head, form: PictureForm): Promise<Raster> {
  const { kind, isGray, hasAlpha } = head;
  const { height, width, fit = "cover", channels } = form;
  let pipe = image.autoOrient(); // phones store rotated images with an EXIF note
  if (kind === kinds.uchar) pipe = pipe.flatten({ background: "white" });
  if (height && width) pipe = pipe.resize({ height, width, fit });
  // Gray of floats is computed below: sharp would clip their values.
  const toGray = isGray || (channels === 1 && kind !== kinds.float);
  const { data, info } = await pipe
    .toColorspace(toGray ? kind.gray : kind.color!)
    .raw({ depth: kind.depth })
    .toBuffer({ resolveWithObject: true });
  const pixels = {
    height: info.height,
    width: info.width,
    channels: toGray ? (1 as const) : (3 as const),
    scale: kind.scale,
    data: typed(data, kind),
  };
  const flat = hasAlpha && kind !== kinds.uchar ? onWhite(pixels, info.channels) : pixels;
  return channels === 1 && flat.channels === 3 ? luminance(flat) : flat;
}

function typed(bytes: Buffer, { depth }: Kind): Raster["data"] {
  if (depth === "uchar") return bytes;
  const { buffer } = new Uint8Array(bytes); // a copy, hence aligned
  return depth === "ushort" ? new Uint16Array(buffer) : new Float32Array(buffer);
}

/** Blends the last of `stride` channels, alpha, with white: v α + (1 − α). */
function onWhite(raster: Raster, stride: number): Raster {
  const { data, channels, scale } = raster;
  const result = data.slice(0, (data.length / stride) * channels);
  for (let i = 0; i < result.length; i++) {
    const pixel = Math.floor(i / channels) * stride;
    const alpha = data[pixel + stride - 1]! / scale;
    result[i] = data[pixel + (i % channels)]! * alpha + scale * (1 - alpha);
  }
  return { ...raster, data: result };
}

/** Y = 0.2126 R + 0.7152 G + 0.0722 B of linear floats. @see ITU-R BT.709-6, §3.2 */
function luminance(raster: Raster): Raster {
  const { data } = raster;
  const gray = Float32Array.from({ length: data.length / 3 }, (_, i) => {
    const [r, g, b] = data.subarray(3 * i, 3 * i + 3);
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  });
  return { ...raster, data: gray, channels: 1 };
}
