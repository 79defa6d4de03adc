import { bar, duration } from "../../train/progress.ts";
import type { LiveLine, Terminal } from "./terminal.ts";

/** Milliseconds between two redraws. */
const redrawEvery = 100;

/**
 * The progress of work in stages: on a terminal a bar for each, on a pipe a line per finished
 * stage. Nothing if the output is for programs.
 */
export class Stages {
  readonly #terminal: Terminal;
  readonly #line: LiveLine | undefined;
  readonly #silent: boolean;
  #open = false;

  private constructor(terminal: Terminal, line: LiveLine | undefined, silent: boolean) {
    this.#terminal = terminal;
    this.#line = line;
    this.#silent = silent;
  }

  static async on(terminal: Terminal, silent: boolean): Promise<Stages> {
    return new Stages(terminal, silent ? undefined : terminal.live?.(), silent);
  }

  /**
   * Starts a stage. @returns a function to call with the number of finished parts; without a
   * number, one more.
   */
  readonly stage = (name: string, total: number): ((done?: number) => void) => {
    const began = performance.now();
    let [done, drawn, first] = [0, 0, 0];
    let ended = false;
    return (now = done + 1) => {
      if (ended) return;
      if (done === 0 && now > 1) first = now; // parts from a file
      done = Math.min(now, total);
      ended = done === total;
      const time = performance.now();
      if (this.#silent || (!ended && time - drawn < redrawEvery)) return;
      drawn = time;
      const seconds = (time - began) / 1000;
      const left = done > first ? (seconds * (total - done)) / (done - first) : 0;
      const count = `${String(done).padStart(String(total).length)}/${total}`;
      const head = `${name.padEnd(11)} ${count}`;
      if (this.#line) {
        this.#open = true;
        const shown = duration(ended ? seconds : left);
        this.#line.draw(`${head} ${bar(done / total, this.#terminal)} ${shown}`);
        if (ended) this.end();
      } else if (ended) this.#terminal.out(`${head} ${duration(seconds)}`);
    };
  };

  /** Leaves the line as it is. */
  end(): void {
    if (this.#open) this.#line?.keep();
    this.#open = false;
  }
}
