/** Where data are, and whether they have changed. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { DataError } from "../../base/index.ts";
import { unreadable } from "../../formats/files.ts";

/** A path as the user at this working directory would write it. */
export function shownPath(source: string): string {
  if (!path.isAbsolute(source)) return source;
  const relative = path.relative(process.cwd(), source);
  return relative === "" || relative.startsWith("..") ? source : relative;
}

/**
 * SHA-256 of a file's content, or of the names and contents of all files of a folder. Broken links
 * are skipped: the reader of the folder reports them.
 *
 * @throws {DataError} if a file cannot be read.
 */
export async function contentHash(source: string): Promise<string> {
  try {
    return await hashOf(source);
  } catch (thrown) {
    throw thrown instanceof DataError ? thrown : unreadable(source, thrown);
  }
}

async function hashOf(source: string): Promise<string> {
  const hash = createHash("sha256");
  if ((await stat(source)).isDirectory()) {
    const names = (await readdir(source, { recursive: true })).sort();
    for (const name of names) {
      const file = path.join(source, name);
      if (!(await stat(file).catch(() => undefined))?.isFile()) continue;
      hash.update(`${name.replaceAll(path.sep, "/")}\0${await contentHash(file)}\n`);
    }
  } else for await (const piece of createReadStream(source)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}
