import { checkOptions } from "../../base/index.ts";
import type { Logs } from "../history.ts";
import {
  bar,
  duration,
  type LiveLine,
  type Screen,
  showLogs,
  standardScreen,
} from "../progress.ts";
import type { Callback, Training } from "../training.ts";

/** A redraw costs more than a small step, and nobody reads faster than this. */
const redrawEvery = 100;

/** `18ms/step`, with a digit more below 10. */
const perStep = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)}ms/step`;

/**
 * Shows the progress of a training: on a terminal a line that moves, with the time that is left in the
 * epoch, as Keras draws it; on a pipe, in a file or in a browser's console one line per epoch.
 *
 *     Epoch 1/5  412/938 ━━━━━╸━━━━━━ 3.1s 5.9ms/step - loss: 0.2871 - accuracy: 0.9132
 *
 * `fit(model, data, { progress: true })` adds one.
 *
 * @param options `screen`: another place to write to, by default the process's standard output, or the console.
 * @example
 * const lines: string[] = [];
 * const screen = { out: (text: string) => lines.push(text), colors: false };
 * await fit(new Linear(2, 2), xor(), { epochs: 2, callbacks: new ProgressBar({ screen }) });
 * lines.map((line) => line.slice(0, 14)); // ["Epoch 1/2  1/1", "Epoch 2/2  1/1"]
 */
export class ProgressBar implements Callback {
  readonly #screen: Screen;
  #line: LiveLine | undefined;
  /** Whether the line has been drawn and may still change. */
  #open = false;
  #began = 0;
  #first = 0;
  #drawn = 0;

  constructor(options: { readonly screen?: Screen | undefined } = {}) {
    checkOptions("ProgressBar", options, { screen: true });
    this.#screen = options.screen ?? standardScreen();
  }

  onTrainBegin(): void {
    this.#line = this.#screen.live?.();
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
    if (!this.#line) this.#screen.out(text);
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
    return `${name}  ${count}${this.#line ? ` ${bar(done / batches, this.#screen)}` : ""}`;
  }
}
