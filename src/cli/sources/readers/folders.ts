/** Shared by readers of folders and archives. */
import { type FileTree, select } from "../../../data/folders/file-tree.ts";
import { type Found, ofExamples, type Reader, type SourceOptions } from "./reader.ts";

const limitNames = ["maxFileBytes", "maxArchiveBytes", "maxEntries", "maxDecodedBytes"] as const;

/** The limits in the settings. */
export const limitsIn = (options: SourceOptions) =>
  Object.fromEntries(limitNames.map((name) => [name, options[name]]));

/** A reader of the files of one kind in a folder. */
export const folderReader = (
  reader: Omit<Reader, "kind" | "recognizes"> & Required<Pick<Reader, "isOwn">>,
): Reader => ({
  ...reader,
  kind: "folder",
  options: [...ofExamples, ...limitNames, ...reader.options],
  recognizes: (found) => ownFiles(found, reader.isOwn).files.length,
});

/** The files of one kind. */
export const ownFiles = (found: Found, isOwn: (path: string) => boolean): FileTree =>
  found.kind === "folder"
    ? select(found.tree, isOwn)
    : { files: [], folders: [], leftOut: [], loops: [] };
