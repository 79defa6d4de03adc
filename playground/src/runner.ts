/** Connects the page's state to the training in the worker. */
import { type Remote, wrap } from "comlink";
import type { Api } from "./engine/api.ts";
import type { About, Frame } from "./engine/view.ts";
import { repaired, type Settings } from "./state/settings.ts";
import { fromHash, toHash } from "./state/url.ts";

export const speeds = { slow: 1, medium: 10, fast: 100, full: 1e9 } as const;
export type Speed = keyof typeof speeds;

/** One point of the curves. */
export interface Sample {
  readonly step: number;
  readonly train: number;
  readonly test: number;
  readonly trainAccuracy: number | null;
  readonly testAccuracy: number | null;
}

export interface State {
  readonly settings: Settings;
  readonly about: About | null;
  readonly frame: Frame | null;
  readonly curve: readonly Sample[];
  /** The last step that was made; `frame` may show an earlier one. */
  readonly reached: number;
  readonly playing: boolean;
  readonly speed: Speed;
  readonly error: string | null;
}

/** Samples of the curves that are kept; beyond, every other one is dropped. */
const mostSamples = 600;

export class Runner {
  state: State;
  readonly #worker: Remote<Api>;
  readonly #listeners = new Set<() => void>();
  /** Calls go to the worker one after another. */
  #queue: Promise<unknown> = Promise.resolve();
  /** Raised when settings change: what is computed for older ones is dropped. */
  #generation = 0;

  constructor(worker: Worker) {
    this.#worker = wrap<Api>(worker);
    this.state = {
      settings: fromHash(location.hash),
      ...{ about: null, frame: null, curve: [], reached: 0 },
      ...{ playing: false, speed: "full", error: null },
    };
    worker.addEventListener("error", (event) => this.#fail(event.message));
    addEventListener("popstate", () => this.#load(fromHash(location.hash)));
    this.#load(this.state.settings);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Changes settings and their address. A new learning rate takes effect without a new start. */
  change(patch: Partial<Settings>): void {
    const settings = repaired({ ...this.state.settings, ...patch });
    const hash = toHash(settings);
    if (hash === toHash(this.state.settings)) return;
    history.pushState(null, "", hash);
    const isRate = Object.keys(patch).length === 1 && patch.lr !== undefined;
    if (isRate) {
      this.#set({ settings });
      void this.#call(
        (worker) => worker.setLearningRate(settings.lr),
        () => {},
      );
    } else this.#load(settings);
  }

  /** The settings of another address. */
  visit(hash: string): void {
    history.pushState(null, "", toHash(fromHash(hash)));
    this.#load(fromHash(hash));
  }

  restart(): void {
    this.#load(this.state.settings);
  }

  setSpeed(speed: Speed): void {
    this.#set({ speed });
  }

  play(playing: boolean): void {
    if (this.state.playing === playing || !this.state.frame) return;
    this.#set({ playing });
    if (playing) void this.#loop(this.#generation);
  }

  advance(steps: number): void {
    this.#call((worker) => worker.advance({ steps, milliseconds: 5000 }), this.#show);
  }

  epoch(): void {
    const { about, frame } = this.state;
    if (!about || !frame) return;
    this.advance(about.batchesPerEpoch - (frame.step % about.batchesPerEpoch));
  }

  /** Shows an earlier step, exactly as it was. */
  goTo(step: number): void {
    this.play(false);
    this.#call(
      (worker) => worker.goTo(step),
      (frame) => this.#set({ frame }),
    );
  }

  edit(path: string, index: number, value: number): void {
    this.#call((worker) => worker.edit(path, index, value), this.#show);
  }

  /** The worker itself, for what has no state here. */
  ask<T>(question: (worker: Remote<Api>) => Promise<T>): Promise<T> {
    const answer = this.#queue.then(() => question(this.#worker));
    this.#queue = answer.catch(() => {});
    return answer;
  }

  readonly #show = (frame: Frame): void => {
    const before = this.state.curve.filter(({ step }) => step < frame.step);
    const sample = {
      ...{ step: frame.step, train: frame.train.loss, test: frame.test.loss },
      ...{ trainAccuracy: frame.train.accuracy, testAccuracy: frame.test.accuracy },
    };
    const curve = [...before, sample];
    const thinned = curve.length > mostSamples ? curve.filter((_, i) => i % 2 === 0) : curve;
    this.#set({ frame, curve: thinned, reached: frame.step });
  };

  #load(settings: Settings): void {
    const { playing } = this.state;
    this.#generation++;
    this.#set({ settings, playing: false, error: null });
    this.#call(
      (worker) => worker.open(settings),
      ({ about, frame }) => {
        this.#set({ about, curve: [], reached: 0 });
        this.#show(frame);
        if (playing) this.play(true);
      },
    );
  }

  /** Trains until paused: the next request is made when the last frame is drawn. */
  async #loop(generation: number): Promise<void> {
    while (this.state.playing && generation === this.#generation) {
      const steps = speeds[this.state.speed];
      const frame = await this.#call(
        (worker) => worker.advance({ steps, milliseconds: 40 }),
        this.#show,
      );
      if (!frame) return this.#set({ playing: false });
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  }

  async #call<T>(
    question: (worker: Remote<Api>) => Promise<T>,
    use: (answer: T) => void,
  ): Promise<T | undefined> {
    const generation = this.#generation;
    try {
      const answer = await this.ask(question);
      if (generation === this.#generation) use(answer);
      return answer;
    } catch (error) {
      if (generation === this.#generation) this.#fail(messageOf(error));
      return undefined;
    }
  }

  #fail(error: string): void {
    this.#set({ error, playing: false });
  }

  #set(patch: Partial<State>): void {
    this.state = { ...this.state, ...patch };
    for (const listener of this.#listeners) listener();
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
