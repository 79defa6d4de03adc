/** Images as a model expects them. */
import { DataError, type HostArray, type Shape, show, sizeOf } from "../../base/index.ts";
import type { Split } from "../dataset.ts";
import { limitsOf } from "../folders/limits.ts";
import { decodeImages } from "../images/image-decoder.ts";
import { isImageName } from "../images/image-folder.ts";
import { lightOnDark, readImage } from "../images/images.ts";
import { filesOf } from "./files.ts";
import type { ImageInputs, Preparation } from "./preparation.ts";

/**
 * What to store about the images of a training. Sets of arrays are light on dark if no image has a
 * light border; image files are used unchanged.
 */
export function fitImages({ inputs }: Split, fit: ImageInputs["fit"]): ImageInputs {
  const isDark = fit === "contain" && !hasLight(inputs);
  return { kind: "images", fit, polarity: isDark ? "light-on-dark" : "as-is" };
}

/** Whether an image is light at its border. */
function hasLight({ dtype, shape, data }: HostArray): boolean {
  const [count = 0, ...rest] = shape;
  const size = sizeOf(rest);
  const step = 1000; // images copied at once
  for (let n = 0; n < count; n += step) {
    const some = data.subarray(n * size, (n + step) * size);
    const part = { dtype, shape: [some.length / size, ...rest], data: some };
    if (invertedRows(part, lightOnDark(part)).includes(true)) return true;
  }
  return false;
}

/** Inputs that were read, with the names of their sources. */
export interface NamedInputs {
  readonly names: readonly string[];
  /** `[N, ...]` */
  readonly inputs: HostArray;
  /** What was done to them that the user should know, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Reads an image, or all images of a folder or archive, as in training: with the same size,
 * cropping or fitting, colors and polarity.
 *
 * @param from a path, or the bytes of one image.
 * @throws {DataError} if the network does not take images, there are none, or one cannot be read.
 * @example
 * const { inputs, target, ...rest } = fitTable(await parseTable("a,y\n1,u\n2,v"));
 * const images = { kind: "images", fit: "cover", polarity: "as-is" };
 * const preparation = { ...rest, target, inputs: images, inputShape: [1, 28, 28] };
 * (await prepareImages(preparation, "seven.png")).inputs.shape; // [1, 1, 28, 28]
 */
export async function prepareImages(
  preparation: Preparation,
  from: string | Uint8Array,
): Promise<NamedInputs> {
  const format = imageFormat(preparation, typeof from === "string" ? from : "image");
  const { files, names } = await filesOf(
    from,
    (name) => isImageName(name) || /\.svg$/i.test(name),
    "picture",
  );
  const kind = preparation.inputs as ImageInputs;
  if (kind.fit === "cover") {
    const { images, notes } = await decodeImages(files, format, limitsOf({}, "predict"));
    return { names, inputs: images, notes };
  }
  const read: HostArray[] = [];
  for (const file of files)
    read.push(await readImage(await file.read(), { ...format, name: file.path }));
  const images = stacked(read);
  if (kind.polarity === "as-is") return { names, inputs: images, notes: [] };
  const inputs = lightOnDark(images);
  const isInverted = invertedRows(images, inputs);
  const inverted = names.filter((_, n) => isInverted[n]);
  const notes = inverted.map(
    (name) => `${name}: dark on light, inverted as training saw light on dark`,
  );
  return { names, inputs, notes };
}

/** Which images differ between both: the first pixels suffice. */
function invertedRows(before: HostArray, after: HostArray): boolean[] {
  const size = sizeOf(before.shape.slice(1));
  return Array.from({ length: before.shape[0]! }, (_, n) =>
    after.data
      .subarray(n * size, n * size + Math.min(size, 16))
      .some((x, i) => x !== before.data[n * size + i]),
  );
}

function stacked(images: readonly HostArray[]): HostArray {
  const shape: Shape = images[0]!.shape.slice(1);
  const size = sizeOf(shape);
  const data = new Float32Array(images.length * size);
  images.forEach((image, n) => {
    data.set(image.data, n * size);
  });
  return { dtype: "float32", shape: [images.length, ...shape], data };
}

function imageFormat({ inputs, inputShape }: Preparation, source: string) {
  const [channels, height, width] = inputShape;
  if (inputs.kind === "images" && (channels === 1 || channels === 3))
    return { channels, height: height!, width: width! } as const;
  throw new DataError({
    subject: source,
    problem: `the network takes examples of ${show(inputShape)}, which are no images.`,
    fix: "give a run that was trained on images.",
  });
}
