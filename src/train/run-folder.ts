import { ConfigError, DataError, FormatError, formatJson, parseJson } from "../base/index.ts";
import { isMissing, unreadable } from "../formats/files.ts";
import { readBytes, writeFileAtomic } from "../formats/index.ts";
import { acquireLock, type Release } from "./file-lock.ts";

/** Any JSON value. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** The name of a file in a run folder. */
export type RunFile =
  | "config.json"
  | "metrics.jsonl"
  | "metrics.csv"
  | "best.safetensors"
  | "last.safetensors"
  | "learner.safetensors";

/** The lock of a run folder; only its holder writes there. */
const lockName = "run.lock";

/**
 * The folder of one training: `config.json` (the settings), `metrics.jsonl` (a line per epoch) and
 * `metrics.csv`, `best.safetensors` and `last.safetensors`; for a learner `learner.safetensors`.
 * Every file is written completely and renamed into place, so a reader never sees a partial one.
 * Numbers that JSON does not have are written as strings: "NaN", "Infinity", "-Infinity", "-0".
 *
 * @example
 * const run = await RunFolder.create("runs", "moons"); // runs/moons, runs/moons2, runs/moons3, …
 */
export class RunFolder {
  readonly path: string;
  #release: Release | undefined;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Creates `parent/name`, or adds the first free number from 2 on. Two trainings that start at
   * once get two folders.
   */
  static async create(parent: string, name: string): Promise<RunFolder> {
    const { join } = await import("node:path");
    for (let n = 1; ; n++) {
      const path = join(parent, n === 1 ? name : `${name}${n}`);
      if (await makeFolder(path)) return new RunFolder(path);
    }
  }

  /** Creates exactly this folder. @throws {ConfigError} if it contains a run already. */
  static async at(path: string): Promise<RunFolder> {
    const { readdir } = await import("node:fs/promises");
    if (await makeFolder(path)) return new RunFolder(path);
    const names: string[] = await readdir(path).catch(() => [path]); // a file counts as well
    if (names.every((name) => name === lockName)) return new RunFolder(path);
    throw new ConfigError({
      subject: path,
      problem: `there is something already (${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}).`,
      fix: "name a folder that does not exist yet, or go on with the run that it holds.",
    });
  }

  /** An existing run. @throws {DataError} if there is no such folder, or no config.json in it. */
  static async open(path: string): Promise<RunFolder> {
    const { stat } = await import("node:fs/promises");
    const { join } = await import("node:path");
    const found = (file: string) =>
      stat(file).catch((thrown) => {
        if (!isMissing(thrown)) throw unreadable(file, thrown);
      });
    const config = await found(join(path, "config.json"));
    if (config?.isFile()) return new RunFolder(path);
    throw new DataError({
      subject: path,
      problem: (await found(path))
        ? "this is not the folder of a run: it has no config.json."
        : "there is no such folder.",
      fix: "give the folder that a training printed at its end, such as runs/digits-conv.",
    });
  }

  /**
   * Locks the folder for this object, across processes, until {@link unlock} or the end of the
   * process. The lock of a killed process is ignored.
   *
   * @returns whether this call took the lock.
   * @throws {DataError} if another training writes there.
   */
  async lock(): Promise<boolean> {
    if (this.#release) return false;
    this.#release = await acquireLock(`${this.path}/${lockName}`, this.path);
    return true;
  }

  /** Releases the lock; does nothing if it was not locked. */
  async unlock(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    await release?.();
  }

  /** The path of a file in the folder. */
  file(name: RunFile): string {
    return `${this.path}/${name}`;
  }

  /** Whether the file exists. */
  async has(name: RunFile): Promise<boolean> {
    const { access } = await import("node:fs/promises");
    return access(this.file(name)).then(
      () => true,
      () => false,
    );
  }

  /** Writes `config.json` atomically. */
  async writeConfig(config: Json): Promise<void> {
    await writeFileAtomic(this.file("config.json"), `${formatJson(config, 2)}\n`);
  }

  /** @throws {FormatError} if the file is not a JSON object. */
  async readConfig(): Promise<{ readonly [key: string]: Json }> {
    const path = this.file("config.json");
    return readRecord(new TextDecoder().decode(await readBytes(path)), path);
  }

  /** Rewrites metrics.jsonl and metrics.csv: one line per epoch; a resumed run replaces some. */
  async writeMetrics(lines: readonly Readonly<Record<string, Json>>[]): Promise<void> {
    await this.writeLines(lines);
    await this.writeTable(lines);
  }

  /** Writes only metrics.jsonl. */
  async writeLines(lines: readonly Readonly<Record<string, Json>>[]): Promise<void> {
    const text = lines.map((line) => `${formatJson(line)}\n`).join("");
    await writeFileAtomic(this.file("metrics.jsonl"), text);
  }

  /** Writes only metrics.csv, which no part of gradus reads. */
  async writeTable(lines: readonly Readonly<Record<string, Json>>[]): Promise<void> {
    const columns = [...new Set(lines.flatMap(Object.keys))];
    const rows = lines.map((line) => columns.map((name) => line[name] ?? ""));
    const csv = [columns, ...rows].map((cells) => `${cells.join(",")}\n`).join("");
    await writeFileAtomic(this.file("metrics.csv"), csv);
  }

  /** The lines of metrics.jsonl; none if there is no such file yet. */
  async readMetrics(): Promise<Record<string, Json>[]> {
    if (!(await this.has("metrics.jsonl"))) return [];
    const path = this.file("metrics.jsonl");
    const text = new TextDecoder().decode(await readBytes(path));
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line, i) => readRecord(line, `${path} line ${i + 1}`));
  }

  /**
   * Removes the temporary files of a process that was killed while writing:
   * `.last.safetensors.<uuid>.tmp`.
   */
  async removeTorn(): Promise<void> {
    const { readdir, rm } = await import("node:fs/promises");
    const { join } = await import("node:path");
    for (const name of await readdir(this.path))
      if (/^\..+\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.test(name))
        await rm(join(this.path, name), { force: true });
  }

  /**
   * Removes the folder if it contains no checkpoint: a training that produced nothing leaves
   * nothing.
   */
  async discard(): Promise<boolean> {
    for (const name of ["last.safetensors", "best.safetensors", "learner.safetensors"] as const)
      if (await this.has(name)) return false;
    const { rm, rmdir } = await import("node:fs/promises");
    for (const name of ["config.json", "metrics.jsonl", "metrics.csv"] as const)
      await rm(this.file(name), { force: true });
    await this.unlock();
    await rmdir(this.path).catch(() => {}); // other files in it are not ours
    return true;
  }
}

/** Whether the folder was created now; its parents are created as needed. */
async function makeFolder(path: string): Promise<boolean> {
  const { mkdir } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  const failed = (thrown: unknown) =>
    new DataError({
      subject: path,
      problem: `the folder cannot be made (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "choose a place where you may write.",
    });
  await mkdir(dirname(path), { recursive: true }).catch((thrown) => {
    throw failed(thrown);
  });
  try {
    await mkdir(path);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw failed(thrown);
  }
}

function readRecord(text: string, source: string): Record<string, Json> {
  const failed = (problem: string) =>
    new FormatError({ subject: source, problem, fix: "restore the file, or train again." });
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (thrown) {
    throw failed(`not JSON (${thrown instanceof Error ? thrown.message : thrown}).`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, Json>;
  throw failed(`expected a JSON object, found ${JSON.stringify(value).slice(0, 60)}.`);
}
