import { DataError } from "../base/index.ts";

/** The text of a thrown value, for our own errors. */
export const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);

/**
 * All bytes of a file.
 *
 * Node's modules are loaded lazily here and in all of `formats`, so that a browser can bundle the
 * encoders and decoders, which work on bytes.
 *
 * @throws {DataError} if the file is missing, is a folder or is not readable.
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(path);
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

/** The problem with a path, by the code of the system's error: `[problem, fix]`. */
const reasons: Readonly<Record<string, readonly [problem: string, fix: string]>> = {
  ENOENT: ["there is no such file.", "check the path."],
  ENOTDIR: ["there is no such file: part of the path is no folder.", "check the path."],
  EISDIR: ["this is a folder, not a file.", "name a file in it."],
  EACCES: ["there is no permission to read it.", "change its permissions, or run as its owner."],
  EPERM: ["there is no permission to read it.", "change its permissions, or run as its owner."],
};

/** Whether the system reported that a path does not exist. */
export const isMissing = (thrown: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((thrown as NodeJS.ErrnoException | undefined)?.code ?? "");

/** The error of a file that cannot be read; distinguishes missing, forbidden and broken. */
export function unreadable(path: string, thrown: unknown, fix?: string): DataError {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code ?? "";
  const [problem, usual] = reasons[code] ?? [
    `the file cannot be read (${reasonOf(thrown)}).`,
    "check the path and its permissions.",
  ];
  return new DataError({ subject: path, problem, fix: (code === "ENOENT" && fix) || usual });
}
