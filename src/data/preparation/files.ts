/** Files to predict on: one, or all of a kind in a folder or archive. */
import { DataError } from "../../base/index.ts";
import { readBytes } from "../../formats/index.ts";
import { type FileEntry, fileTree } from "../folders/file-tree.ts";
import { limitsOf } from "../folders/limits.ts";

/** Files with the names used in results. */
export interface NamedFiles {
  readonly files: readonly FileEntry[];
  readonly names: readonly string[];
}

/**
 * @param from a path, or the bytes of one file.
 * @param isWanted by name, which files of a folder or archive count. @param kind what to call them
 * in errors.
 * @throws {DataError} if a folder or archive contains none.
 */
export async function filesOf(
  from: string | Uint8Array,
  isWanted: (name: string) => boolean,
  kind: string,
): Promise<NamedFiles> {
  if (typeof from !== "string")
    return { files: [{ path: "-", read: async () => from }], names: ["-"] };
  const { stat } = await import("node:fs/promises");
  const isFolder = (await stat(from).catch(() => undefined))?.isDirectory() ?? false;
  if (!isFolder && !/\.(tar|tar\.gz|tgz)$/i.test(from))
    return { files: [{ path: from, read: () => readBytes(from) }], names: [from] };
  const { files } = await fileTree(from, isWanted, limitsOf({}, "predict"));
  if (files.length > 0)
    return { files, names: files.map(({ path }) => `${from.replace(/\/$/, "")}/${path}`) };
  throw new DataError({
    subject: from,
    problem: `holds no ${kind}.`,
    fix: `give a ${kind}, or a folder or archive of some.`,
  });
}
