import { DataError } from "../../base/index.ts";

/** Creates a folder and its parents if missing. @throws {DataError} if that fails. */
export async function makeFolder(path: string): Promise<void> {
  const { mkdir } = await import("node:fs/promises");
  await mkdir(path, { recursive: true }).catch((thrown: unknown) => {
    throw new DataError({
      subject: path,
      problem: `the folder cannot be made (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "choose a place where you may write.",
    });
  });
}

/** Removes a folder if it is empty. */
export async function removeEmpty(path: string): Promise<void> {
  const { rmdir } = await import("node:fs/promises");
  await rmdir(path).catch(() => {});
}
