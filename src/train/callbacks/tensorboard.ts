import { DataError } from "../../base/index.ts";
import { encodeEventHeader, encodeScalars, writeFileAtomic } from "../../formats/index.ts";
import type { Logs } from "../history.ts";
import type { Callback, Training } from "../training.ts";

/**
 * Writes each epoch's averages as TensorBoard events: `loss/train` and `loss/validation` in one
 * chart, likewise each metric; `lr` by itself. `tensorboard --logdir runs` shows all runs.
 *
 * Every training, including a resumed one, writes its own event file; TensorBoard reads them as
 * one. A resumed training continues after the last epoch.
 *
 * @example
 * const board = new TensorBoard("runs/digits");
 */
export class TensorBoard implements Callback {
  readonly optional = true;
  readonly #folder: string;
  #file: string | undefined;

  /** @param folder is created at the end of the first epoch. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async onEpochEnd(epoch: number, logs: Logs, _training: Training): Promise<void> {
    const wallTime = Date.now() / 1000;
    this.#file ??= await this.#begin(wallTime);
    const { appendFile } = await import("node:fs/promises");
    await appendFile(
      this.#file,
      encodeScalars({ wallTime, step: epoch + 1, scalars: tagged(logs) }),
    );
  }

  async #begin(wallTime: number): Promise<string> {
    const { mkdir } = await import("node:fs/promises");
    const { hostname } = await import("node:os");
    await mkdir(this.#folder, { recursive: true }).catch((thrown: Error) => {
      throw new DataError({
        subject: this.#folder,
        problem: `the folder cannot be made (${thrown.message}).`,
        fix: "choose a place where you may write.",
      });
    });
    const stamp = Math.floor(wallTime * 1000);
    const file = `${this.#folder}/events.out.tfevents.${stamp}.${hostname()}`;
    await writeFileAtomic(file, encodeEventHeader(wallTime));
    return file;
  }
}

/** `val_loss` → `loss/validation`, `loss` → `loss/train`. */
const tagged = (logs: Logs): Logs =>
  Object.fromEntries(
    Object.entries(logs).map(([name, x]) => {
      if (name === "lr") return [name, x];
      return [name.startsWith("val_") ? `${name.slice(4)}/validation` : `${name}/train`, x];
    }),
  );
