import { ConfigError, checkOptions, nearest } from "../../base/index.ts";
import { dataNames, type NamedSet, namedSets } from "./catalog.ts";
import { download, type Progress } from "./download.ts";

/** Where {@link downloadData} takes files from, and puts them. */
export interface DownloadOptions {
  /** The folder of all sets, default that of {@link dataFolder}. */
  readonly folder?: string | undefined;
  /**
   * An address that has the files under `<name of the set>/<name of the file>`, in place of the
   * official ones; default the environment's `GRADUS_DATA_MIRROR`.
   */
  readonly mirror?: string | undefined;
  /** Called with the bytes of a file that are there. */
  readonly onProgress?: Progress | undefined;
}

/**
 * The folder in which downloaded sets are kept: `gradus` in the user's cache, `$XDG_CACHE_HOME` or
 * `~/.cache` (on Windows `%LOCALAPPDATA%`).
 */
export async function dataFolder(): Promise<string> {
  const { homedir } = await import("node:os");
  const { join } = await import("node:path");
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const cache =
    XDG_CACHE_HOME ||
    (process.platform === "win32" && LOCALAPPDATA ? LOCALAPPDATA : join(homedir(), ".cache"));
  return join(cache, "gradus", "data");
}

/**
 * Downloads a data set by its name, unless it is in the cache: `mnist`, `fashion-mnist`, `cifar10`,
 * `iris`. An interrupted download is continued; every file is verified by its SHA-256 before it gets
 * its name.
 *
 * @returns the path to give to a reader: a folder of IDX files, an archive, or a table.
 * @throws {ConfigError} for an unknown name. @throws {DataError} if it cannot be downloaded.
 * @see {@link readDataFolder}, {@link readTable}
 */
export async function downloadData(name: string, options: DownloadOptions = {}): Promise<string> {
  checkOptions("downloadData", options, { folder: "text", mirror: "text", onProgress: "function" });
  const set = Object.hasOwn(namedSets, name) ? namedSets[name] : undefined;
  if (set) return downloadSet(name, set, options);
  const near = nearest(name, dataNames);
  throw new ConfigError({
    subject: "downloadData",
    problem: `there is no data set "${name}" among ${dataNames.join(", ")}.`,
    fix: near ? `did you mean "${near}"?` : "name one of them.",
  });
}

/** {@link downloadData} for any set. */
export async function downloadSet(
  name: string,
  set: NamedSet,
  { folder, mirror = process.env.GRADUS_DATA_MIRROR, onProgress }: DownloadOptions,
): Promise<string> {
  const { join } = await import("node:path");
  const own = join(folder ?? (await dataFolder()), name);
  const from = (file: NamedSet["files"][number]) =>
    mirror ? { ...file, url: `${mirror.replace(/\/$/, "")}/${name}/${file.name}` } : file;
  for (const file of set.files) await download(from(file), join(own, file.name), onProgress);
  return set.opens === "folder" ? own : join(own, set.files[0]!.name);
}
