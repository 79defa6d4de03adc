import { performance } from "node:perf_hooks";
import type { Callback, Logs, Training } from "../../train/index.ts";
import { type LiveLine, styled, type Terminal } from "./terminal.ts";

/** Cells of the bar: with loss and accuracy the line has 80 characters. */
const barWidth = 12;
/** A redraw costs more than a small step, and nobody reads faster than this. */
const redrawEvery = 100;

/** `━━━━╸━━━━`: the done part bold, half cells rounded down, the rest dim (or absent without colors). */
export function bar(share: number, terminal: Terminal): string {
  const halves = Math.floor(Math.min(1, Math.max(0, share)) * 2 * barWidth);
  const done = "━".repeat(halves >> 1) + (halves % 2 ? "╸" : "");
  const rest = barWidth - done.length;
  return (
    styled(terminal, "cyan", done) +
    (terminal.colors ? styled(terminal, "dim", "━".repeat(rest)) : " ".repeat(rest))
  );
}

/** 3.2 s, 42 s, 2 m 05 s, 1 h 02 m: two digits are enough to wait by. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor(whole / 60) % 60)}m`;
}

/** `18ms`, with a digit more below 10. */
const perStep = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)}ms/step`;

/** Four digits after the point, or powers of ten where those would say nothing. */
const number = (x: number): string =>
  x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5) ? x.toExponential(2) : x.toFixed(4);

/** `loss: 0.2104 - accuracy: 0.9388`. The learning rate stands in metrics.jsonl. */
export const showLogs = ({ lr: _, ...logs }: Logs): string =>
  Object.entries(logs)
    .map(([name, x]) => `${name}: ${number(x)}`)
    .join(" - ");

/**
 * The progress of training: on a terminal a line that moves, with the time that is left; on a pipe
 * one line per epoch.
 */
export class Progress implements Callback {
  readonly #terminal: Terminal;
  #line: LiveLine | undefined;
  /** Whether the line has been drawn and may still change. */
  #open = false;
  #began = 0;
  #first = 0;
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  async onTrainBegin(): Promise<void> {
    this.#line = await this.#terminal.live?.();
  }

  onEpochBegin(_epoch: number, training: Training): void {
    this.#began = performance.now();
    this.#first = training.position.batch;
  }

  onBatchEnd(batch: number, logs: Logs, training: Training): void {
    const now = performance.now();
    const { batches } = training;
    if (!this.#line || (now - this.#drawn < redrawEvery && batch + 1 < batches)) return;
    this.#drawn = now;
    const each = (now - this.#began) / (batch + 1 - this.#first);
    const left = (each * (batches - batch - 1)) / 1000;
    const head = this.#head(training.position.epoch, batch + 1, training);
    this.#open = true;
    this.#line.draw(`${head} ${duration(left)} ${perStep(each)} - ${showLogs(logs)}`);
  }

  onEpochEnd(epoch: number, logs: Logs, training: Training): void {
    const ms = performance.now() - this.#began;
    const { batches } = training;
    const each = perStep(ms / Math.max(1, batches - this.#first));
    const head = this.#head(epoch, batches, training);
    const text = `${head} ${duration(ms / 1000)} ${each} - ${showLogs(logs)}`;
    if (!this.#line) this.#terminal.out(text);
    this.#open = true;
    this.#line?.draw(text);
    this.#keep();
  }

  onTrainEnd(): void {
    this.#keep();
  }

  onError(): void {
    this.#keep();
  }

  #keep(): void {
    if (this.#open) this.#line?.keep();
    this.#open = false;
  }

  /** `Epoch 1/5  12/79 ━━━━╸`; on a pipe without the bar, which would always be full. */
  #head(epoch: number, done: number, { epochs, batches }: Training): string {
    const count = `${String(done).padStart(String(batches).length)}/${batches}`;
    const name = `Epoch ${epoch + 1}/${epochs}`;
    return `${name}  ${count}${this.#line ? ` ${bar(done / batches, this.#terminal)}` : ""}`;
  }
}
