import { DataError, type HostArray } from "../../base/index.ts";
import type { FileEntry } from "../folders/file-tree.ts";
import { beyond, type Limits } from "../folders/limits.ts";
import { decodePicture, type Raster } from "./picture.ts";

/** The form to which images are converted; undefined fields keep the images' own. */
export interface ImageFormat {
  readonly height: number | undefined;
  readonly width: number | undefined;
  readonly channels: 1 | 3 | undefined;
}

/** Images in progress at once: libuv has four threads, and one more image waits for each. */
const inFlight = 8;

/**
 * Decodes images, several at a time, straight into their slots.
 *
 * @returns `[N, C, H, W]` float32: integers scaled to [0, 1], floats unchanged; gray if all images
 * are, unless the format decides. And notes about them.
 * @throws {DataError} naming a file that is not an image, differs in size from the first, or
 * exceeds a limit.
 */
export async function decodeImages(
  files: readonly FileEntry[],
  format: ImageFormat,
  limits: Limits,
): Promise<{ images: HostArray; notes: readonly string[] }> {
  const decode = async (file: FileEntry) =>
    decodePicture(await file.read(), file.path, format, limits);
  const like = await decode(files[0]!);
  const slots = new Slots(files.length, like, format.channels ?? like.channels, limits);
  slots.put(0, like);
  let next = 1;
  const work = async () => {
    while (next < files.length) {
      const n = next++;
      const image = await decode(files[n]!);
      if (image.height !== like.height || image.width !== like.width)
        throw otherSize(files[n]!, image, files[0]!, like);
      slots.put(n, image);
    }
  };
  try {
    await Promise.all(Array.from({ length: inFlight }, work));
  } finally {
    next = files.length; // after an error no new image is started
  }
  const { data, channels } = slots;
  const shape = [files.length, channels, like.height, like.width];
  return { images: { dtype: "float32", shape, data }, notes: slots.notes(format) };
}

/** The values of all images, which are converted to color when the first color image arrives. */
class Slots {
  data: Float32Array;
  channels: 1 | 3;
  readonly #pixels: number;
  readonly #limits: Limits;
  readonly #counts = { gray: 0, color: 0, floats: 0, wide: 0 };

  constructor(count: number, { height, width }: Raster, channels: 1 | 3, limits: Limits) {
    this.#pixels = height * width;
    this.#limits = limits;
    this.channels = channels;
    this.data = this.#make(count);
  }

  #make(count: number): Float32Array {
    const size = count * this.channels * this.#pixels;
    const { maxDecodedBytes } = this.#limits;
    if (4 * size > maxDecodedBytes)
      throw beyond("images", `bytes of ${count}`, 4 * size, maxDecodedBytes, "maxDecodedBytes");
    try {
      return new Float32Array(size);
    } catch {
      throw new DataError({
        subject: "images",
        problem: `${count} images take ${4 * size} bytes, which this machine does not give.`,
        fix: "give a smaller size: [height, width], or fewer classes.",
      });
    }
  }

  /** `[H, W, C]` → `[C, H, W]` in the n-th slot. */
  put(n: number, image: Raster): void {
    const counts = this.#counts;
    counts[image.channels === 1 ? "gray" : "color"]++;
    if (image.data instanceof Uint16Array) counts.wide++;
    if (image.data instanceof Float32Array) counts.floats++;
    if (image.channels > this.channels) this.#becomeColor();
    const { data, channels, scale } = image;
    const pixels = this.#pixels;
    let to = n * this.channels * pixels;
    for (let c = 0; c < this.channels; c++)
      for (let p = 0, at = Math.min(c, channels - 1); p < pixels; p++, at += channels)
        this.data[to++] = data[at]! / scale;
  }

  #becomeColor(): void {
    const gray = this.data;
    const pixels = this.#pixels;
    this.channels = 3;
    this.data = this.#make(gray.length / pixels);
    for (let n = 0; n * pixels < gray.length; n++)
      for (let c = 0; c < 3; c++)
        this.data.set(gray.subarray(n * pixels, (n + 1) * pixels), (3 * n + c) * pixels);
  }

  notes({ channels }: ImageFormat): string[] {
    const { gray, color, floats, wide } = this.#counts;
    const isMixed = gray > 0 && color > 0 && channels === undefined;
    const all = gray + color;
    return [
      ...(isMixed ? [`${color} of ${all} images are in color, so all are read as color.`] : []),
      ...(wide > 0 ? [`${wide} of ${all} images are of 16 bits: 65535 becomes 1.`] : []),
      ...(floats > 0 ? [`${floats} of ${all} images hold floats, which stay as they are.`] : []),
    ];
  }
}

const otherSize = (file: FileEntry, image: Raster, first: FileEntry, like: Raster): DataError =>
  new DataError({
    subject: file.path,
    problem: `${image.height}×${image.width} pixels (height × width), but ${first.path} has ${like.height}×${like.width}.`,
    fix: "give size: [height, width], to which every image is scaled and cut.",
  });
