/**
 * The side of a peer: one process that answers requests, one line of JSON each, and is idle between
 * them. `peers/protocol.py` is the same in Python.
 *
 *   { op: "prepare", task, data, threads } → { values, secondsPerStep, variant, versions }
 *     with `quick: n`, n values of the first variant and nothing else
 *   { op: "window", steps }                → { seconds }
 *   { op: "memory" }                       → { peakBytes }
 */
import fs from "node:fs";
import readline from "node:readline";
import { readTensors } from "./tensors.mjs";

/** @typedef {import("./task.mjs").Task} Task */
/** @typedef {import("./tensors.mjs").HostArray} HostArray */

/**
 * One way to run a task.
 * @template V
 * @typedef {object} Variant
 * @property {string} name
 * @property {() => V | Promise<V>} step does one step
 * @property {(value: V) => number | Promise<number>} read the number that all peers must agree on; ends the work of the step
 */

/**
 * What a peer gives: for a task and its tensors, the ways to run it; the fastest is measured. Each
 * starts from the initial values when it is made.
 * @template V
 * @typedef {(task: Task, tensors: Record<string, HostArray>, threads: number) =>
 *   Promise<{ versions: Record<string, string>, variants: readonly (() => Variant<V> | Promise<Variant<V>>)[] }>} Prepare
 */

const now = () => performance.now() / 1000;

/** @template V @param {Variant<V>} variant @param {number} steps @returns {Promise<number>} seconds */
async function timed(variant, steps) {
  const start = now();
  /** @type {any} */
  let value;
  for (let i = 0; i < steps; i++) {
    value = variant.step();
    if (value instanceof Promise) value = await value;
  }
  await variant.read(value);
  return now() - start;
}

/** Seconds per step after some warming up. @template V @param {Variant<V>} variant @param {number} budget seconds */
export async function paceOf(variant, budget) {
  let pace = await timed(variant, 1);
  if (pace > 2) return pace;
  for (let spent = pace, steps = 1; spent < budget; ) {
    const seconds = await timed(variant, steps);
    pace = seconds / steps;
    spent += seconds;
    steps = Math.max(1, Math.min(2 * steps, Math.round(budget / 3 / pace)));
  }
  return pace;
}

/** The most memory that the process has held. */
export function peakBytes() {
  // The kernel's own mark is for this program only; maxRSS may include the parent's before exec.
  try {
    const mark = /VmHWM:\s+(\d+) kB/.exec(fs.readFileSync("/proc/self/status", "utf8"));
    if (mark) return Number(mark[1]) * 1024;
  } catch {} // not Linux
  return process.resourceUsage().maxRSS * 1024;
}

/** @template V @param {readonly (() => Variant<V> | Promise<Variant<V>>)[]} variants */
async function fastest(variants) {
  const [first] = variants;
  if (!first) throw new Error("no variant can do this");
  if (variants.length === 1) return first;
  let best = { make: first, pace: Number.POSITIVE_INFINITY };
  for (const make of variants)
    try {
      const pace = await paceOf(await make(), 0.4);
      if (pace < best.pace) best = { make, pace };
    } catch (error) {
      if (variants.length === 1) throw error;
    }
  return best.make;
}

/**
 * Answers requests until the input ends.
 * @template V
 * @param {Prepare<V>} prepare
 * @param {Record<string, (variant: Variant<V>) => unknown>} [more] other operations
 */
export async function serve(prepare, more = {}) {
  /** @type {Variant<V> | undefined} */
  let variant;
  /** @param {any} request */
  const answer = async (request) => {
    if (request.op === "prepare") {
      const { task, data, threads, quick } = request;
      const { versions, variants } = await prepare(task, readTensors(data), threads);
      const chosen = await (quick ? /** @type {any} */ (variants[0]) : await fastest(variants))();
      variant = chosen;
      const values = [];
      for (let i = 0; i < (quick ?? 1); i++) values.push(await chosen.read(await chosen.step()));
      const secondsPerStep = quick ? 0 : await paceOf(chosen, 0.3);
      return { values, secondsPerStep, variant: chosen.name, versions };
    }
    if (request.op === "memory") return { peakBytes: peakBytes() };
    if (!variant) throw new Error("nothing is prepared");
    if (request.op === "window") return { seconds: await timed(variant, request.steps) };
    return more[request.op]?.(variant);
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let reply;
    try {
      reply = await answer(JSON.parse(line));
    } catch (error) {
      reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}
