import type { FileHandle } from "node:fs/promises";
import { DataError } from "../base/index.ts";
import { reasonOf } from "./files.ts";

/**
 * Writes a file atomically: after a crash or on a full disk, and for any reader, it has the old
 * content or the new one, never a part. It is written under a temporary name in the same folder
 * (rename is atomic only within one file system), flushed to the disk, then renamed over the
 * target. On failure the temporary file is removed and the target is unchanged.
 *
 * @throws {DataError} if the folder is missing or the file cannot be written.
 * @example
 * await writeFileAtomic("run/config.json", JSON.stringify({ epochs: 5 }));
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const { open, rename, rm } = await import("node:fs/promises");
  const { basename, dirname, join } = await import("node:path");
  const temporary = join(dirname(path), `.${basename(path)}.${crypto.randomUUID()}.tmp`);
  try {
    await writeFlushed(await open(temporary, "wx"), content);
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to report
    throw new DataError({
      subject: path,
      problem: `the file cannot be written (${reasonOf(thrown)}).`,
      fix: "make sure that the folder exists, may be written and has space.",
    });
  }
}

async function writeFlushed(file: FileHandle, content: Uint8Array | string): Promise<void> {
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (thrown) {
    await file.close().catch(() => {}); // the first failure is the one to report
    throw thrown;
  }
  await file.close(); // some file systems report a full disk only here
}
