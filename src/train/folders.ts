/** Checks that a file can be written to its folder, before there is anything to lose. */
import { ConfigError, DataError, describe } from "../base/index.ts";

/** The folder of a file, by its path alone. */
export function dirOf(path: string): string {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return end < 0 ? "." : path.slice(0, Math.max(1, end));
}

/** @throws {DataError} if there is no such folder, or it is not writable. */
export async function checkFolder(subject: string, folder: string): Promise<void> {
  const { access, constants, stat } = await import("node:fs/promises");
  const found = await stat(folder).catch(() => undefined);
  const problem = !found?.isDirectory()
    ? "is not a folder that exists"
    : await access(folder, constants.W_OK).then(
        () => undefined,
        () => "is a folder that may not be written",
      );
  if (problem === undefined) return;
  throw new DataError({
    subject,
    problem: `${folder} ${problem}, and a checkpoint shall be kept there.`,
    fix: "make the folder first, or name another one.",
  });
}

/** @throws {ConfigError} for an invalid file name. */
export function checkPath(subject: string, path: unknown): void {
  if ((typeof path === "string" && path !== "") || typeof path === "function") return;
  throw new ConfigError({
    subject,
    problem: `the path is ${describe(path)}.`,
    fix: 'give the path of a file, such as "best.safetensors".',
  });
}
