/** Where the time of a program goes, instruction by instruction. */
import { costOf, describe } from "./cost.mjs";
import { memoryOf } from "./memory.mjs";
import { median } from "./stats.mjs";

/**
 * @typedef {{ kind: string, what: string, seconds: number, flop: number, bytes: number }} InstructionTime
 * @typedef {{ instructions: InstructionTime[], stepSeconds: number, arenaBytes: number, boundBytes: number }} ProgramTimes
 */

/**
 * The medians over some runs, in the order of the program, and of whole steps between them.
 * @param {() => import("../../src/compiler/backend.ts").Profile | null} profile
 * @param {() => unknown} step
 * @returns {ProgramTimes}
 */
export function instructionTimes(profile, step) {
  const first = profile();
  if (!first) throw new Error("this engine cannot tell the time of its instructions");
  const { program, algorithms } = first;
  /** @type {Float64Array[]} */
  const runs = [];
  /** @type {number[]} */
  const steps = [];
  const end = performance.now() + 1000;
  step();
  while (runs.length < 3 || (runs.length < 101 && performance.now() < end)) {
    const run = profile();
    if (run) runs.push(run.nanoseconds);
    const start = performance.now();
    step();
    steps.push(performance.now() - start);
  }
  const instructions = program.instructions.map((instruction, i) => ({
    kind: instruction.kind,
    what: describe(instruction, algorithms[i]),
    seconds: median(runs.map((run) => run[i] ?? 0)) * 1e-9,
    ...costOf(instruction),
  }));
  return { instructions, stepSeconds: median(steps) / 1000, ...memoryOf(program) };
}
