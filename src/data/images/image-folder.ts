import { ConfigError, checkOptions, DataError, type HostArray, nearest } from "../../base/index.ts";
import { type Dataset, makeSplit, type Split, splitDataset } from "../dataset.ts";
import { checkEmpty, type Located, locate, type Part } from "../folders/class-folders.ts";
import { type FileTree, fileTree, treeNotes } from "../folders/file-tree.ts";
import { limitNames, limitsOf, type ReadLimits } from "../folders/limits.ts";
import { decodeImages, type ImageFormat } from "./image-decoder.ts";

/** Options of {@link readImageFolder}. */
export interface ImageFolderOptions extends ReadLimits {
  /**
   * Height and width; each image is scaled to cover them and center-cropped. Default: the common
   * size of all images.
   */
  readonly size?: number | readonly [height: number, width: number] | undefined;
  /** 1 for gray, 3 for red, green, blue. Default: 3 if any image is in color. */
  readonly channels?: 1 | 3;
  /** The class folders to read, in the order of their indices. Default: all, by name. */
  readonly classes?: readonly string[];
  /** The fraction to hold out as test set if the folder has none; 0 for none. Default 0.2. */
  readonly test?: number;
  /** The seed of the split. Default 0. */
  readonly seed?: number;
}

/**
 * Reads images in folders named by class: `train/<class>/*`, `val/<class>/*` and `test/<class>/*`,
 * or `<class>/*`, of which a random part is held out; in a folder, a `.tar` or a `.tar.gz`, which
 * is not unpacked to disk. CIFAR-10, Imagenette and most collected sets have this layout. Folders
 * below a class folder belong to that class; links are followed inside the folder.
 *
 * The order is that of classes and file names, independent of the order in an archive. PNG, JPEG,
 * WebP, GIF, AVIF, TIFF, BMP, PBM, PGM and PPM are read; skipped files are listed in `notes`.
 *
 * @returns inputs `[N, C, H, W]` float32, integers of 8 or 16 bits scaled to [0, 1], floats
 * unchanged, with the same C, H and W in all splits; targets `[N]` int32.
 * @throws {DataError} if there are no images, a class has none, sizes differ and no `size` is
 *   given, a link is broken or leads outside, a limit is exceeded, or naming a file that cannot be
 *   decoded. @throws {ConfigError} if an option is invalid.
 * @example
 * const { train, classes } = await readImageFolder("flowers", { size: 8 });
 * classes; // ["daisy", "rose"]
 * train.inputs.shape; // [8, 3, 8, 8]
 */
export async function readImageFolder(
  path: string,
  options: ImageFolderOptions = {},
): Promise<Dataset> {
  checkOptions("readImageFolder", options, {
    ...{ ...limitNames, size: true, channels: true, classes: true, test: true, seed: "number" },
  });
  const limits = limitsOf(options, "readImageFolder");
  return imageDataset(path, await fileTree(path, isImageName, limits), options);
}

/** {@link readImageFolder} for a tree that has been read. */
export async function imageDataset(
  path: string,
  tree: FileTree,
  options: ImageFolderOptions,
): Promise<Dataset> {
  const format = formatOf(options);
  const limits = limitsOf(options, "readImageFolder");
  const { test = 0.2, seed = 0 } = options;
  if (!(test >= 0 && test < 1)) throw badOption("test", test, "a share from 0 to below 1");
  if (tree.files.length === 0) throw noImages(path, treeNotes(tree));
  const { files, notes } = locate(path, tree);
  const classes = classFoldersOf(path, files, tree, options.classes);
  const chosen = chosenOf(files, classes);
  // All splits at once, because they must have one shape.
  const decoded = await decodeImages(
    chosen.map(({ file }) => file),
    format,
    limits,
  );
  const allNotes = [...treeNotes(tree), ...notes, ...decoded.notes];
  const { basename, resolve } = await import("node:path");
  const info = {
    name: basename(resolve(path)).replace(/(\.tar)?(\.gz|\.tar|\.tgz)?$/, ""),
    task: "classification",
    classes,
    ...(allNotes.length > 0 && { notes: allNotes }),
  } as const;
  const part = (name: Part | undefined) => partOf(chosen, decoded.images, classes, name);
  if (files[0]!.part !== undefined) {
    const [validation, held] = [part("validation"), part("test")];
    return {
      ...info,
      train: part("train")!,
      ...(validation && { validation }),
      ...(held && { test: held }),
    };
  }
  const all = part(undefined)!;
  if (test === 0) return { ...info, train: all };
  if ([0, all.size].includes(Math.round(all.size * test)))
    throw new DataError({
      subject: path,
      problem: `${all.size} ${all.size === 1 ? "image" : "images"}, of which a share of ${test} to hold out leaves none on one side.`,
      fix: "give more images, or pass test: 0 to hold out none.",
    });
  const [train, held] = splitDataset(all, test, seed);
  return { ...info, train, test: held };
}

const imagePattern = /\.(jpe?g|jpe|jfif|png|webp|gif|avif|tiff?|bmp|dib|p[bgpn]m)$/i;

/** Whether a file is an image by its name. */
export const isImageName = (path: string): boolean => imagePattern.test(path);

function classFoldersOf(
  path: string,
  files: readonly Located[],
  tree: FileTree,
  wanted: readonly string[] | undefined,
): readonly string[] {
  const trained = files.filter(({ part }) => part === undefined || part === "train");
  if (trained.length === 0) throw noImages(`${path}/train`, treeNotes(tree));
  const found = [...new Set(trained.map(({ className }) => className))].sort();
  if (wanted) checkClasses(path, wanted, found);
  const strange = files.find(({ className }) => !found.includes(className));
  if (strange && !wanted)
    throw new DataError({
      subject: path,
      problem: `${strange.part} has the class "${strange.className}" (${strange.file.path}), which train has not.`,
      fix: "name the folders of all parts alike.",
    });
  checkEmpty(path, files, tree, "image", (name) => !wanted || wanted.includes(name));
  return wanted ?? found;
}

/** The images of these classes: split after split, within each by class, then by name. */
function chosenOf(files: readonly Located[], classes: readonly string[]): readonly Located[] {
  const order = new Map<unknown, number>(classes.map((name, k) => [name, k]));
  const parts = ["train", "validation", "test"];
  return files
    .filter(({ className }) => order.has(className))
    .sort(
      (a, b) =>
        parts.indexOf(a.part ?? "train") - parts.indexOf(b.part ?? "train") ||
        order.get(a.className)! - order.get(b.className)!,
    ); // stable
}

/** One split's rows, which are contiguous; undefined if there are none. */
function partOf(
  chosen: readonly Located[],
  images: HostArray,
  classes: readonly string[],
  wanted: Part | undefined,
): Split | undefined {
  const begin = chosen.findIndex(({ part }) => part === wanted);
  if (begin < 0) return undefined;
  const own = chosen.filter(({ part }) => part === wanted);
  const shape = [own.length, ...images.shape.slice(1)];
  const width = images.data.length / chosen.length;
  // A copy if there are several splits, so that none keeps the others in memory.
  const data =
    own.length === chosen.length
      ? images.data
      : images.data.slice(begin * width, (begin + own.length) * width);
  const labels = Int32Array.from(own, ({ className }) => classes.indexOf(className));
  const targets: HostArray = { dtype: "int32", shape: [own.length], data: labels };
  return makeSplit({ dtype: images.dtype, shape, data }, targets);
}

function checkClasses(path: string, wanted: readonly string[], found: readonly string[]): void {
  if (wanted.length === 0 || new Set(wanted).size !== wanted.length)
    throw badOption("classes", JSON.stringify(wanted), "different names of folders");
  const missing = wanted.find((name) => !found.includes(name));
  if (missing === undefined) return;
  const near = nearest(missing, found);
  const list = `${found.slice(0, 10).join(", ")}${found.length > 10 ? ", …" : ""}`;
  throw new ConfigError({
    subject: path,
    problem: `no images of class "${missing}"; there are ${list}.`,
    fix: near ? `did you mean "${near}"?` : "name folders that hold images.",
  });
}

function formatOf({ size, channels }: ImageFolderOptions): ImageFormat {
  const [height, width] = typeof size === "number" ? [size, size] : (size ?? []);
  for (const side of size === undefined ? [] : [height!, width!])
    if (!Number.isInteger(side) || side < 1 || side > 16384)
      throw badOption("size", JSON.stringify(size), "whole numbers from 1 to 16384");
  if (channels !== undefined && channels !== 1 && channels !== 3)
    throw badOption("channels", channels, "1 or 3");
  return { height, width, channels };
}

const noImages = (path: string, notes: readonly string[]): DataError =>
  new DataError({
    subject: path,
    problem: ["holds no PNG, JPEG, WebP, GIF, AVIF, TIFF, BMP or PNM file.", ...notes].join(" "),
    fix: "give a folder or archive with images as train/<class>/*.jpg or <class>/*.jpg.",
  });

const badOption = (option: string, value: unknown, expected: string): ConfigError =>
  new ConfigError({
    subject: "readImageFolder",
    problem: `${option} is ${value}, expected ${expected}.`,
    fix: `give ${option} as ${expected}.`,
  });
