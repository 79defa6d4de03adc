import { ConfigError, checkOptions, DataError } from "../../base/index.ts";
import {
  isSoundName,
  soundDataset,
  type WavDataset,
  type WavFolderOptions,
} from "../audio/wav-folder.ts";
import type { Dataset } from "../dataset.ts";
import { idxDataset, isIdxName } from "../images/idx-folder.ts";
import { type ImageFolderOptions, imageDataset, isImageName } from "../images/image-folder.ts";
import { fileTree, select, treeNotes } from "./file-tree.ts";
import { limitNames, limitsOf, type ReadLimits } from "./limits.ts";

/** The content of a folder or an archive, as found by {@link readDataFolder}. */
export type FolderDataset =
  | { readonly kind: "images" | "idx"; readonly data: Dataset }
  | { readonly kind: "sound"; readonly data: WavDataset };

/**
 * Reads a folder or archive of examples by class: IDX files if there are any, else images or
 * recordings, whichever are more.
 *
 * @param options `size` and `channels` are for images only, `length` for recordings.
 * @throws {DataError} if there are none of these, and like the individual readers.
 * @throws {ConfigError} if `size` is given for anything but images.
 * @example
 * const { kind, data } = await readDataFolder("flowers", { size: 8 });
 * kind; // "images"
 * data.train.inputs.shape; // [8, 3, 8, 8]
 */
export async function readDataFolder(
  path: string,
  options: Pick<ImageFolderOptions, "size" | "channels"> &
    Pick<WavFolderOptions, "length"> &
    ReadLimits = {},
): Promise<FolderDataset> {
  const known = (name: string) => isIdxName(name) || isImageName(name) || isSoundName(name);
  const names = { ...limitNames, size: true, channels: true, length: true } as const;
  checkOptions("readDataFolder", options, names);
  const limits = limitsOf(options, "readDataFolder");
  const tree = await fileTree(path, known, limits);
  const count = (is: (name: string) => boolean) =>
    tree.files.filter((file) => is(file.path)).length;
  const [idx, images, sounds] = [isIdxName, isImageName, isSoundName].map(count) as [
    number,
    number,
    number,
  ];
  if (tree.files.length === 0)
    throw new DataError({
      subject: path,
      problem: ["holds no image, no WAV and no IDX file.", ...treeNotes(tree)].join(" "),
      fix: "give images or recordings as <class>/*, a set such as train-images-idx3-ubyte and its like, or a CSV file.",
    });
  if (idx === 0 && images >= sounds)
    return { kind: "images", data: await imageDataset(path, select(tree, isImageName), options) };
  if (options.size !== undefined)
    throw new ConfigError({
      subject: "size",
      problem: `it scales images, and ${path} holds ${idx > 0 ? "IDX files, whose images have one size" : "recordings"}.`,
      fix: "leave it out.",
    });
  if (idx > 0)
    return { kind: "idx", data: await idxDataset(path, select(tree, isIdxName), limits) };
  return { kind: "sound", data: await soundDataset(path, select(tree, isSoundName), options) };
}
