import { DataError } from "../../base/index.ts";

/** Makes a folder and its parents, unless it is there. @throws {DataError} if that cannot be. */
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

/** Removes a folder if nothing lies in it. */
export async function removeEmpty(path: string): Promise<void> {
  const { rmdir } = await import("node:fs/promises");
  await rmdir(path).catch(() => {});
}
