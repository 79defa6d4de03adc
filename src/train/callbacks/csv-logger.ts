import { checkOptions } from "../../base/index.ts";
import { writeFileAtomic } from "../../formats/index.ts";
import type { Logs } from "../history.ts";
import type { Callback, Training } from "../training.ts";

/**
 * Writes the history as a table, a row for each epoch: `epoch` from 1, then the logs by name;
 * missing fields are empty.
 *
 * The file covers the entire training: after a resume it continues at the checkpoint's epoch. Every
 * epoch replaces it atomically, so that a reader never sees a partial row.
 *
 * @example
 * await fit(new Linear(2, 2), xor(), { epochs: 2, callbacks: [new CSVLogger("log.csv")] });
 * (await readCsv("log.csv", { target: "loss", task: "regression" })).size; // 2
 */
export class CSVLogger implements Callback {
  readonly optional = true;
  readonly #path: string;
  readonly #separator: string;

  constructor(path: string, options: { readonly separator?: string | undefined } = {}) {
    checkOptions("CSVLogger", options, { separator: "text" });
    const { separator = "," } = options;
    this.#path = path;
    this.#separator = separator;
  }

  async onEpochEnd(_epoch: number, _logs: Logs, { history }: Training): Promise<void> {
    const names = [...new Set(history.epochs.flatMap((logs) => Object.keys(logs)))];
    const rows = history.epochs.map((logs, n) => [n + 1, ...names.map((name) => logs[name] ?? "")]);
    const lines = [["epoch", ...names], ...rows].map((row) => `${row.join(this.#separator)}\n`);
    await writeFileAtomic(this.#path, lines.join(""));
  }
}
