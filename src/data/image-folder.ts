import { ConfigError, DataError, type HostArray, nearest } from "../base/index.ts";
import { type Dataset, makeSplit, type Split, splitDataset } from "./dataset.ts";
import { type FileEntry, type FileTree, fileTree } from "./file-tree.ts";
import { decodeImages, type ImageFormat } from "./image-decoder.ts";

/** What {@link readImageFolder} makes of its images. */
export interface ImageFolderOptions {
  /** Height and width; each image is scaled to cover them and cut in its middle. Default: the size that all images have. */
  readonly size?: number | readonly [height: number, width: number];
  /** 1 for gray, 3 for red, green, blue. Default: as the first image is. */
  readonly channels?: 1 | 3;
  /** The class folders to read, in the order of their indices. Default: all, by name. */
  readonly classes?: readonly string[];
  /** The share to hold out as test set where the folder brings none; 0 for none. Default 0.2. */
  readonly test?: number;
  /** Decides what is held out. Default 0. */
  readonly seed?: number;
}

/**
 * Reads images that lie in folders named by their class: `train/<class>/*` and `test/<class>/*`, or
 * `<class>/*`, of which a random part is held out; in a folder, a `.tar` or a `.tar.gz`, which is
 * not unpacked to the disk. CIFAR-10, Imagenette and most sets that people collect come so.
 *
 * The order is that of classes and file names, whatever the order in the archive. Files that are no
 * PNG, JPEG, WebP, GIF, AVIF or TIFF by name are passed over.
 *
 * @returns inputs `[N, C, H, W]` float32, bytes scaled from 0…255 to [0, 1]; targets `[N]` int32.
 * @throws {DataError} if there are no images, a class has none, sizes differ and no `size` is given,
 *   or a file cannot be decoded, which is named. @throws {ConfigError} if an option means nothing.
 * @example
 * const { train, classes } = await readImageFolder("flowers", { size: 8 });
 * classes; // ["daisy", "rose"]
 * train.inputs.shape; // [8, 3, 8, 8]
 */
export async function readImageFolder(
  path: string,
  options: ImageFolderOptions = {},
): Promise<Dataset> {
  const format = formatOf(options);
  const { test = 0.2, seed = 0 } = options;
  if (!(test >= 0 && test < 1)) throw badOption("test", test, "a share from 0 to below 1");
  const tree = await fileTree(path, (name) => isImage.test(name));
  if (tree.files.length === 0) throw noImages(path);
  const images = locate(path, tree);
  const classes = classesOf(path, images, tree, options.classes);
  const read = (part: Located["part"]) => readPart(images, part, classes, format);
  const { basename, resolve } = await import("node:path");
  const info = {
    name: basename(resolve(path)).replace(/(\.tar)?(\.gz|\.tar|\.tgz)?$/, ""),
    task: "classification",
    classes,
  } as const;
  if (images[0]!.part !== undefined) {
    const train = await read("train");
    const held = images.some(({ part }) => part === "test") && (await read("test"));
    return { ...info, train, ...(held && { test: held }) };
  }
  const all = await read(undefined);
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

const isImage = /\.(jpe?g|png|webp|gif|avif|tiff?)$/i;

/** An image with what its path says. */
interface Located {
  readonly file: FileEntry;
  readonly part: "train" | "test" | undefined;
  readonly className: string;
  /** The folder of its class. */
  readonly folder: string;
}

/** Reads part and class off the paths, which must all be of one layout. */
function locate(path: string, { files }: FileTree): Located[] {
  const images = files.map((file) => {
    const words = file.path.split("/");
    const part = words.at(-3);
    const isPart = part === "train" || part === "test";
    const folder = words.slice(0, -1).join("/");
    return { file, part: isPart ? part : undefined, className: words.at(-2), folder };
  });
  const rootOf = ({ folder, part }: { folder: string; part: string | undefined }) =>
    folder
      .split("/")
      .slice(0, part ? -2 : -1)
      .join("/");
  const [first] = images;
  for (const image of images) {
    const alike = !image.part === !first!.part && rootOf(image) === rootOf(first!);
    if (image.className === undefined) throw noClass(path, image.file);
    if (!alike) throw mixedLayout(path, first!.file, image.file);
  }
  return images as Located[];
}

function classesOf(
  path: string,
  images: readonly Located[],
  tree: FileTree,
  wanted: readonly string[] | undefined,
): readonly string[] {
  const trained = images.filter(({ part }) => part !== "test");
  if (trained.length === 0) throw noImages(`${path}/train`);
  const found = [...new Set(trained.map(({ className }) => className))].sort();
  if (wanted) checkClasses(path, wanted, found);
  const classes = wanted ?? found;
  const strange = images.find(({ className }) => !found.includes(className));
  if (strange && !wanted)
    throw new DataError({
      subject: path,
      problem: `test has the class "${strange.className}" (${strange.file.path}), which train has not.`,
      fix: "name the folders of train and test alike.",
    });
  const full = new Set(images.map(({ folder }) => folder));
  const parents = new Set([...full].map((folder) => folder.split("/").slice(0, -1).join("/")));
  const empty = tree.folders.find(
    (folder) =>
      parents.has(folder.split("/").slice(0, -1).join("/")) &&
      !full.has(folder) &&
      !parents.has(folder) &&
      (!wanted || wanted.includes(folder.split("/").at(-1)!)),
  );
  if (empty === undefined) return classes;
  throw new DataError({
    subject: path,
    problem: `the folder "${empty}" holds no image, so its class has no example.`,
    fix: "put images into it, remove it, or name the classes to read with classes: [...].",
  });
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

async function readPart(
  images: readonly Located[],
  part: Located["part"],
  classes: readonly string[],
  format: ImageFormat,
): Promise<Split> {
  const index = new Map(classes.map((name, k) => [name, k]));
  const chosen = images
    .filter((image) => image.part === part && index.has(image.className))
    .sort((a, b) => index.get(a.className)! - index.get(b.className)!); // stable: by name within
  const labels = Int32Array.from(chosen, ({ className }) => index.get(className)!);
  const targets: HostArray = { dtype: "int32", shape: [chosen.length], data: labels };
  return makeSplit(
    await decodeImages(
      chosen.map(({ file }) => file),
      format,
    ),
    targets,
  );
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

const noImages = (path: string): DataError =>
  new DataError({
    subject: path,
    problem: "holds no PNG, JPEG, WebP, GIF, AVIF or TIFF file.",
    fix: "give a folder or archive with images as train/<class>/*.jpg or <class>/*.jpg.",
  });

const noClass = (path: string, { path: image }: FileEntry): DataError =>
  new DataError({
    subject: path,
    problem: `${image} lies in no folder that names its class.`,
    fix: "lay all images as train/<class>/*.jpg or <class>/*.jpg.",
  });

const mixedLayout = (path: string, a: FileEntry, b: FileEntry): DataError =>
  new DataError({
    subject: path,
    problem: `${b.path} and ${a.path} do not lie in one layout.`,
    fix: "lay all images as train/<class>/*.jpg and test/<class>/*.jpg, or all as <class>/*.jpg.",
  });

const badOption = (option: string, value: unknown, expected: string): ConfigError =>
  new ConfigError({
    subject: "readImageFolder",
    problem: `${option} is ${value}, expected ${expected}.`,
    fix: `give ${option} as ${expected}.`,
  });
