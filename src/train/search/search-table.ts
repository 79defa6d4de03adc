import { ConfigError, FormatError, formatJson, parseJson } from "../../base/index.ts";
import { readBytes, writeFileAtomic } from "../../formats/index.ts";
import { acquireLock, type Release } from "../file-lock.ts";
import type { Space } from "./space.ts";
import type { Trial } from "./trial.ts";

/** The first line of a table: a search only resumes its own table. */
export const headOf = (space: Space, options: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({
    format: "gradus search 1",
    ...options,
    // the number of drawn points may be larger the next time
    rounds: options.method === "halving" ? options.rounds : null,
    space: Object.entries(space).map(([name, { description }]) => [name, description]),
  });

/** The trials so far, in memory and optionally in a file, which one process at a time may use. */
export class SearchTable<S extends Space> {
  readonly #path: string | undefined;
  readonly #head: string;
  #release: Release | undefined;
  #trials: Trial<S>[] = [];
  /** Lines as they are in the file. */
  readonly #known = new Map<string, Trial<S>>();

  constructor(path: string | undefined, head: string) {
    this.#path = path;
    this.#head = head;
  }

  get trials(): readonly Trial<S>[] {
    return this.#trials;
  }

  /** Reads the existing file. @throws {DataError} if another process uses it. */
  async open(): Promise<void> {
    if (this.#path === undefined) return;
    this.#release = await acquireLock(`${this.#path}.lock`, this.#path);
    await this.#read(this.#path).catch(async (error) => {
      await this.close();
      throw error;
    });
  }

  /** Releases the file. */
  async close(): Promise<void> {
    await this.#release?.();
  }

  async #read(path: string): Promise<void> {
    if (!(await exists(path))) return;
    const text = new TextDecoder().decode(await readBytes(path));
    const [head, ...lines] = text.split("\n").filter((line) => line !== "");
    if (head !== this.#head) throw this.#foreign(head ?? "");
    for (const [i, line] of lines.entries()) {
      const trial = this.#parse(line, i + 2);
      this.#known.set(keyOf(trial.trial, trial.budget), trial);
    }
  }

  /** A trial from the file; it counts as done. */
  find(trial: number, budget: number | null): Trial<S> | undefined {
    const known = this.#known.get(keyOf(trial, budget));
    if (known) this.#trials.push(known);
    return known;
  }

  async add(trial: Trial<S>): Promise<Trial<S>> {
    this.#trials.push(trial);
    this.#known.set(keyOf(trial.trial, trial.budget), trial);
    if (this.#path !== undefined) {
      const lines = [...this.#known.values()].map((row) => formatJson(row));
      await writeFileAtomic(this.#path, `${[this.#head, ...lines].join("\n")}\n`);
    }
    return trial;
  }

  #parse(line: string, number: number): Trial<S> {
    try {
      const row = parseJson(line);
      if (isTrial<S>(row)) return row;
    } catch {
      // reported below, like a line of another kind
    }
    throw new FormatError({
      subject: `${this.#path} line ${number}`,
      problem: `not a trial: ${line.slice(0, 60)}`,
      fix: "restore the table, or let the search begin a new one.",
    });
  }

  #foreign(head: string): ConfigError {
    const known = `${this.#path} is the table of another search`;
    return new ConfigError({
      subject: "search",
      problem: `${known}: ${differences(head, this.#head)}.`,
      fix: "go on with what that search had, or name another table.",
    });
  }
}

/** `its seed is 1, here 2; …`: the differences between two heads. */
function differences(theirs: string, ours: string): string {
  const there = leavesOf(theirs);
  const here = leavesOf(ours);
  const names = [...new Set([...there.keys(), ...here.keys()])];
  const differing = names.filter((name) => there.get(name) !== here.get(name));
  const listed = differing.slice(0, 4).map((name) => {
    const [theirs = "not set", ours = "not set"] = [there.get(name), here.get(name)];
    return `its ${name} is ${theirs.slice(0, 80)}, here ${ours.slice(0, 80)}`;
  });
  if (differing.length > 4) listed.push("…");
  return listed.join("; ") || `its head is ${theirs.slice(0, 120)}`;
}

/** The values in a head by their paths, each as JSON; none if it is not a head. */
function leavesOf(head: string): Map<string, string> {
  const leaves = new Map<string, string>();
  const walk = (value: unknown, path: string) => {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      leaves.set(path.replace(/^context\./, ""), JSON.stringify(value));
    else
      for (const [key, inner] of Object.entries(value)) walk(inner, path ? `${path}.${key}` : key);
  };
  try {
    walk(JSON.parse(head), "");
  } catch {} // truncated, or not ours: everything differs
  return leaves;
}

/** Whether a line of JSON is one that a search wrote. */
function isTrial<S extends Space>(row: unknown): row is Trial<S> {
  const { trial, parameters, budget, value } = Object(row) as Record<string, unknown>;
  const isNullOr = (x: unknown) => x === null || Number.isFinite(x);
  const isPoint = typeof parameters === "object" && parameters !== null;
  return Number.isSafeInteger(trial) && isPoint && isNullOr(budget) && isNullOr(value);
}

const keyOf = (trial: number, budget: number | null): string => `${trial} ${budget}`;

async function exists(path: string): Promise<boolean> {
  const { access } = await import("node:fs/promises");
  return access(path).then(
    () => true,
    () => false,
  );
}
