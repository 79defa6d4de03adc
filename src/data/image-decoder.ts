import { DataError, type HostArray } from "../base/index.ts";
import type { FileEntry } from "./file-tree.ts";

/** The form that images are brought to; what is undefined is as the first image has it. */
export interface ImageFormat {
  readonly height: number | undefined;
  readonly width: number | undefined;
  readonly channels: 1 | 3 | undefined;
}

/** Pixels `[height, width, channels]`. */
interface Raster {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Images in work at once: libuv has four threads, and one more image waits for each. */
const inFlight = 8;

/**
 * Decodes images, several at a time, straight into their places.
 *
 * @returns `[N, C, H, W]` float32 in [0, 1].
 * @throws {DataError} that names the file if one is no image, or of another size than the first.
 */
export async function decodeImages(
  files: readonly FileEntry[],
  wanted: ImageFormat,
): Promise<HostArray> {
  const channels = wanted.channels ?? (await channelsOf(files[0]!));
  const first = await decode(files[0]!, { ...wanted, channels });
  const { height, width } = first;
  const format = { height: wanted.height, width: wanted.width, channels } as const;
  const size = channels * height * width;
  const data = new Float32Array(files.length * size);
  let next = 0;
  const work = async () => {
    while (next < files.length) {
      const n = next++;
      const file = files[n]!;
      const image = await decode(file, format);
      if (image.height !== height || image.width !== width)
        throw otherSize(file, image, files[0]!, first);
      place(image, data.subarray(n * size, (n + 1) * size));
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, work));
  } finally {
    next = files.length; // after an error the others begin nothing new
  }
  return { dtype: "float32", shape: [files.length, channels, height, width], data };
}

/** 1 if the file says that it is gray, else 3. */
async function channelsOf(file: FileEntry): Promise<1 | 3> {
  const bytes = await file.read();
  const { default: sharp } = await import("sharp");
  const { space } = await sharp(bytes)
    .metadata()
    .catch((thrown) => Promise.reject(notImage(file, thrown)));
  return space === "b-w" || space === "grey16" ? 1 : 3;
}

async function decode(
  file: FileEntry,
  { height, width, channels }: ImageFormat & { readonly channels: 1 | 3 },
): Promise<Raster> {
  const bytes = await file.read();
  const { default: sharp } = await import("sharp");
  try {
    let image = sharp(bytes).autoOrient().flatten({ background: "white" });
    if (height && width) image = image.resize({ height, width, fit: "cover" });
    image = image.toColorspace(channels === 1 ? "b-w" : "srgb");
    const { data, info } = await image
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { data, height: info.height, width: info.width, channels: info.channels };
  } catch (thrown) {
    throw notImage(file, thrown);
  }
}

/** `[H, W, C]` bytes → `[C, H, W]` in [0, 1]. */
function place({ data, channels }: Raster, into: Float32Array): void {
  const pixels = into.length / channels;
  for (let c = 0, to = 0; c < channels; c++)
    for (let p = 0; p < pixels; p++) into[to++] = data[p * channels + c]! / 255;
}

const notImage = (file: FileEntry, thrown: unknown): DataError =>
  new DataError({
    subject: file.path,
    problem: `not an image that can be read (${thrown instanceof Error ? thrown.message : thrown}).`,
    fix: "repair or remove the file.",
  });

const otherSize = (file: FileEntry, image: Raster, first: FileEntry, like: Raster): DataError =>
  new DataError({
    subject: file.path,
    problem: `${image.height}×${image.width} pixels (height × width), but ${first.path} has ${like.height}×${like.width}.`,
    fix: "give size: [height, width], to which every image is scaled and cut.",
  });
