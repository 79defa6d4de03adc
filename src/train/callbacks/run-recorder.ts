import { NumericError, warnOnce } from "../../base/index.ts";
import { saveCheckpoint } from "../checkpoint.ts";
import type { Logs } from "../history.ts";
import type { Json, RunFolder } from "../run-folder.ts";
import type { Callback, Training } from "../training.ts";

/**
 * Keeps the files of a run folder: after each epoch a line in metrics.jsonl and metrics.csv, best.safetensors if the
 * epoch was the best so far (by validation loss, or by loss without validation), and
 * last.safetensors, from which training goes on exactly. When training breaks off in an epoch,
 * last.safetensors holds that very step.
 *
 * While it trains, the folder is locked: a second training into it refuses.
 *
 * After a NumericError nothing is saved: the files still hold the last epoch that made sense.
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
  /** What an epoch has yet to write. */
  readonly #owed = new Set<"metrics" | "best">();
  /** The step that last.safetensors holds. */
  #saved = -1;
  /** Whether the folder was locked for this training, and not by whoever gave it. */
  #locked = false;
  /** Whether the folder is this training's to write to. */
  #began = false;

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  /** @throws {DataError} if another training writes into the folder. */
  async onTrainBegin({ history, position }: Training): Promise<void> {
    this.#locked = await this.#folder.lock();
    // A training that has nothing left to do leaves its last checkpoint as it is.
    if (position.step > 0 && (await this.#folder.has("last.safetensors")))
      this.#saved = position.step;
    this.#lines = (await this.#folder.readMetrics()).slice(0, history.epochs.length);
    this.#began = true;
  }

  /** Notes when the epoch began. */
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
   * The files of the epoch, then the last state: if one of them cannot be written, the state stays
   * that of before it, and going on from there repeats the epoch and loses none of them.
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

/** The table is for the eye: nothing is lost without it. */
const tellTable = (error: Error): void =>
  warnOnce({
    subject: "RunRecorder",
    problem: `metrics.csv cannot be written, and training goes on (${error.message.split("\n")[0]}).`,
    fix: "take the epochs from metrics.jsonl.",
  });
