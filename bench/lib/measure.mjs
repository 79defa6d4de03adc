/** Runs one task in gradus and its peers, in alternating windows. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { writeData } from "./data.mjs";
import { Peer } from "./peer.mjs";
import { median, quartiles } from "./stats.mjs";
import { titleOf } from "./task.mjs";

/** @typedef {import("./task.mjs").Task} Task */

/**
 * @typedef {object} Settings
 * @property {number} threads
 * @property {number} windows pairs of windows
 * @property {number} seconds per window
 * @property {number} limit seconds that a peer may take to get ready
 * @property {(line: string) => void} log
 *
 * @typedef {object} Side one library's figures
 * @property {number} stepsPerSecond median over the windows
 * @property {[number, number]} quartiles
 * @property {number} peakBytes of the process
 * @property {string} variant
 * @property {Record<string, string>} versions
 * @property {number[]} values the first losses
 *
 * @typedef {object} Result
 * @property {string} workload
 * @property {string} name
 * @property {string} peer
 * @property {number} threads
 * @property {number | null} ratio median over the pairs of windows; above 1 gradus is faster
 * @property {[number, number] | null} quartiles of the ratio
 * @property {number} pairs
 * @property {boolean} agree whether the first values of both are the same to rounding
 * @property {Side} gradus
 * @property {Side | null} other
 * @property {string} [failure] why there is no ratio
 */

/** A pause after which the threads of a library have gone to sleep, in milliseconds. */
const settle = 60;

/** The relative difference of first values that rounding explains: float32, sums in another order. */
const tolerance = 2e-3;

/** @param {readonly number[]} a @param {readonly number[]} b */
export const agreeing = (a, b) =>
  a.length === b.length &&
  a.every((x, i) => Math.abs(x - (b[i] ?? Number.NaN)) <= tolerance * Math.max(1e-3, Math.abs(x)));

/** How many first losses are compared. */
const checked = 3;

/** The first values of a task, from a process of its own. @param {string} name @param {Task} task @param {string} data @param {number} threads @param {number} limit */
async function firstValues(name, task, data, threads, limit) {
  const peer = new Peer(name, threads);
  try {
    const quick = task.kind === "train" ? checked : 1;
    return (await peer.ask({ op: "prepare", task, data, threads, quick }, limit)).values;
  } finally {
    peer.end();
  }
}

/**
 * The task with a learning rate so small that thousands of steps on one batch stay at the beginning
 * of training. Otherwise the loss would reach 0 and gradients would become subnormal, which is
 * slow: sooner for the library that makes more steps.
 * @param {Task} task @returns {Task}
 */
export const steadyOf = (task) =>
  task.update ? { ...task, update: { ...task.update, lr: 1e-8 } } : task;

/** A peer that is ready, and the results of its windows. */
class Contender {
  /** @type {number[]} */
  rates = [];
  /** @type {{ values: number[], secondsPerStep: number, variant: string, versions: Record<string, string> }} */
  ready = { values: [], secondsPerStep: 0, variant: "", versions: {} };
  /** @type {string | undefined} */
  failure;

  /** @param {string} name @param {number} threads */
  constructor(name, threads) {
    this.name = name;
    this.peer = new Peer(name, threads);
  }

  /** @param {Task} task @param {string} data @param {Settings} settings */
  async prepare(task, data, { threads, limit }) {
    const values = await firstValues(this.name, task, data, threads, limit);
    const steady = steadyOf(task);
    const ready = await this.peer.ask({ op: "prepare", task: steady, data, threads }, limit);
    // the measured variant must start with the same loss as the one that was checked
    if (!agreeing(ready.values, values.slice(0, 1)))
      throw new Error(`its variants differ: ${ready.values} and ${values}`);
    this.ready = { ...ready, values };
  }

  /** Steps per second of one window. @param {number} seconds */
  async window(seconds) {
    await pause(settle);
    const steps = Math.max(1, Math.round(seconds / this.ready.secondsPerStep));
    const spent = (await this.peer.ask({ op: "window", steps })).seconds;
    const rate = steps / spent;
    this.rates.push(rate);
    return rate;
  }

  /** @returns {Promise<Side>} */
  async side() {
    const { peakBytes } = await this.peer.ask({ op: "memory" });
    const { values, variant, versions } = this.ready;
    const stepsPerSecond = median(this.rates);
    return {
      stepsPerSecond,
      quartiles: quartiles(this.rates),
      peakBytes,
      variant,
      versions,
      values,
    };
  }
}

/** Runs `f` with the path of the task's data. @template T @param {Task} task @param {(data: string) => Promise<T>} f */
export async function withData(task, f) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "gradus-bench-"));
  try {
    const data = path.join(folder, "data.safetensors");
    await writeData(data, task);
    return await f(data);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/**
 * Rates of one task: gradus, a peer, gradus, the next peer, …; a ratio belongs to two consecutive
 * windows.
 * @param {Task} task @param {readonly string[]} peers @param {Settings} settings
 * @returns {Promise<Result[]>}
 */
export const measureRates = (task, peers, settings) =>
  withData(task, async (data) => {
    const gradus = new Contender("gradus", settings.threads);
    const others = peers.map((name) => new Contender(name, settings.threads));
    try {
      await gradus.prepare(task, data, settings);
      for (const other of others)
        await other.prepare(task, data, settings).catch((error) => {
          other.failure = error.message;
          settings.log(`${titleOf(task)}: ${other.name} cannot: ${error.message}`);
        });
      const running = others.filter((other) => !other.failure);
      /** @type {Map<string, number[]>} */
      const ratios = new Map(running.map(({ name }) => [name, []]));
      for (let i = 0; i < settings.windows; i++) {
        if (running.length === 0) await gradus.window(settings.seconds);
        for (const other of running) {
          // a step of a slow peer may take longer than many windows; few of them are enough
          if (i >= 3 && other.ready.secondsPerStep > 4 * settings.seconds) continue;
          const rate = await gradus.window(settings.seconds);
          ratios.get(other.name)?.push(rate / (await other.window(settings.seconds)));
        }
      }
      const mine = await gradus.side();
      /** @param {Contender} other @returns {Promise<Result>} */
      const resultOf = async (other) => {
        const list = ratios.get(other.name) ?? [];
        const measured = list.length > 0;
        return {
          workload: task.workload,
          name: task.name,
          peer: other.name,
          threads: settings.threads,
          ratio: measured ? median(list) : null,
          quartiles: measured ? quartiles(list) : null,
          pairs: list.length,
          agree: measured && agreeing(mine.values, other.ready.values),
          gradus: mine,
          other: measured ? await other.side() : null,
          ...(other.failure !== undefined && { failure: other.failure }),
        };
      };
      if (others.length === 0) return [{ ...alone(task, settings.threads), gradus: mine }];
      return await Promise.all(others.map(resultOf));
    } finally {
      for (const { peer } of [gradus, ...others]) peer.end();
    }
  });

/** A result without a peer. @param {Task} task @param {number} threads */
const alone = (task, threads) => ({
  workload: task.workload,
  name: task.name,
  peer: "",
  threads,
  ratio: null,
  quartiles: null,
  pairs: 0,
  agree: true,
  other: null,
});

/**
 * Times from the start of a process to the end of its first step; a rate is its inverse.
 * @param {Task} task @param {readonly string[]} peers @param {Settings} settings
 * @returns {Promise<Result[]>}
 */
export const measureColdStarts = (task, peers, settings) =>
  withData(task, async (data) => {
    const { threads, limit, windows } = settings;
    /** @type {Map<string, Side & { rates: number[] }>} */
    const sides = new Map();
    /** @type {Map<string, string>} */
    const failures = new Map();
    /** @param {string} name */
    const start = async (name) => {
      const peer = new Peer(name, threads);
      try {
        const ready = await peer.ask({ op: "prepare", task, data, threads, quick: 1 }, limit);
        const rate = 1000 / (performance.now() - peer.started);
        const { peakBytes } = await peer.ask({ op: "memory" });
        const rates = [...(sides.get(name)?.rates ?? []), rate];
        const { values, variant, versions } = ready;
        const figures = { stepsPerSecond: median(rates), quartiles: quartiles(rates) };
        sides.set(name, { ...figures, peakBytes, variant, versions, values, rates });
        return rate;
      } finally {
        peer.end();
        await pause(settle);
      }
    };
    const results = [];
    for (const name of peers) {
      const ratios = [];
      try {
        await start("gradus"); // both are in the file cache before it counts
        await start(name);
        sides.clear();
        for (let i = 0; i < windows; i++)
          ratios.push((await start("gradus")) / (await start(name)));
      } catch (error) {
        failures.set(name, error instanceof Error ? error.message : String(error));
      }
      const [mine, other] = [sides.get("gradus"), sides.get(name)];
      if (!mine) throw new Error(`gradus does not start: ${failures.get(name)}`);
      const failure = failures.get(name);
      results.push({
        workload: task.workload,
        name: task.name,
        peer: name,
        threads,
        ratio: ratios.length > 0 ? median(ratios) : null,
        quartiles: ratios.length > 0 ? quartiles(ratios) : null,
        pairs: ratios.length,
        agree: agreeing(mine.values, other?.values ?? []),
        gradus: mine,
        other: other ?? null,
        ...(failure !== undefined && { failure }),
      });
      if (failure) settings.log(`${titleOf(task)}: ${name} cannot: ${failure}`);
    }
    return results;
  });
