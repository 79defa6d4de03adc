import { NumericError, warnOnce } from "../../base/index.ts";
import { saveCheckpoint } from "../checkpoint.ts";
import type { Logs } from "../history.ts";
import type { Json, RunFolder } from "../run-folder.ts";
import type { Callback, Training } from "../training.ts";

/**
 * Writes the files of a run folder: after each epoch a line in metrics.jsonl and metrics.csv,
 * best.safetensors if the epoch was the best so far (by validation loss, or by loss without
 * validation), and last.safetensors, from which training resumes exactly. If training is
 * interrupted within an epoch, last.safetensors contains that very step.
 *
 * The folder is locked during training: a second training into it is refused.
 *
 * After a NumericError nothing is saved: the files keep the last valid epoch.
 *
 * @example
 * const run = await RunFolder.create("runs", "xor");
 * await fit(new Linear(2, 2), xor(), { epochs: 2, callbacks: [new RunRecorder(run)] });
 * (await run.readMetrics()).length; // 2
 */
export class RunRecorder implements Callback {
  readonly saves = true;
  readonly #folder: RunFolder;
  #lines: Record<string, Json>[] = [];
  #started = 0;
  /** What is still to be written for an epoch. */
  readonly #owed = new Set<"metrics" | "best">();
  /** The step in last.safetensors. */
  #saved = -1;
  /** Whether this callback locked the folder, and not its owner. */
  #locked = false;
  /** Whether this training may write to the folder. */
  #began = false;

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  /** @throws {DataError} if another training writes into the folder. */
  async onTrainBegin({ history, position }: Training): Promise<void> {
    this.#locked = await this.#folder.lock();
    // A training with nothing left to do leaves its last checkpoint unchanged.
    if (position.step > 0 && (await this.#folder.has("last.safetensors")))
      this.#saved = position.step;
    this.#lines = (await this.#folder.readMetrics()).slice(0, history.epochs.length);
    this.#began = true;
  }

  /** Records when the epoch began. */
  onEpochBegin(): void {
    this.#started = performance.now();
  }

  async onEpochEnd(epoch: number, logs: Logs, training: Training): Promise<void> {
    const seconds = Math.round(performance.now() - this.#started) / 1000;
    this.#lines.push({ epoch: epoch + 1, ...logs, seconds });
    this.#owed.add("metrics");
    const monitor = "val_loss" in logs ? "val_loss" : "loss";
    if (training.history.best(monitor)?.epoch === epoch) this.#owed.add("best");
    await this.#saveLast(training);
  }

  async onTrainEnd(training: Training): Promise<void> {
    try {
      if (this.#saved !== training.position.step) await this.#saveLast(training);
    } finally {
      await this.#unlock();
    }
  }

  async onError(error: unknown, training: Training): Promise<void> {
    if (!this.#began || error instanceof NumericError) await this.#unlock();
    else await this.onTrainEnd(training);
  }

  async #unlock(): Promise<void> {
    if (this.#locked) await this.#folder.unlock();
    this.#locked = false;
  }

  /**
   * The files of the epoch, then the last state: if one of them cannot be written, the previous
   * state stays, and resuming from it repeats the epoch without losing any file.
   */
  async #saveLast(training: Training): Promise<void> {
    const isEpoch = this.#owed.has("metrics");
    if (isEpoch) await this.#folder.writeLines(this.#lines);
    this.#owed.delete("metrics");
    if (this.#owed.has("best"))
      await saveCheckpoint(this.#folder.file("best.safetensors"), training, { weightsOnly: true });
    this.#owed.delete("best");
    await saveCheckpoint(this.#folder.file("last.safetensors"), training);
    this.#saved = training.position.step;
    if (isEpoch) await this.#folder.writeTable(this.#lines).catch(tellTable);
  }
}

/** The table is for people: nothing depends on it. */
const tellTable = (error: Error): void =>
  warnOnce({
    subject: "RunRecorder",
    problem: `metrics.csv cannot be written, and training goes on (${error.message.split("\n")[0]}).`,
    fix: "take the epochs from metrics.jsonl.",
  });
