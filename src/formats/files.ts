import { DataError } from "../base/index.ts";

/** The text of a thrown value, for the problem line of our own errors. */
export const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);

/**
 * All bytes of a file.
 *
 * Node's modules are loaded on use here and in all of `formats`, so that a browser can bundle the
 * encoders and decoders, which work on bytes.
 *
 * @throws {DataError} if the file is missing, is a folder or may not be read.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(path);
  } catch (thrown) {
    throw new DataError({
      subject: path,
      problem: `the file cannot be read (${reasonOf(thrown)}).`,
      fix: "check the path and its permissions.",
    });
  }
}
