/** Where the time of a program goes, instruction by instruction. */
import { costOf, describe } from "./cost.mjs";
import { memoryOf } from "./memory.mjs";
import { median } from "./stats.mjs";

/**
 * @typedef {{ kind: string, what: string, seconds: number, flop: number, bytes: number }} InstructionTime
 * @typedef {{ instructions: InstructionTime[], arenaBytes: number, boundBytes: number }} ProgramTimes
 */

/**
 * The medians over some runs, in the order of the program.
 * @param {() => import("../../src/compiler/backend.ts").Profile | null} profile
 * @returns {ProgramTimes}
 */
export function instructionTimes(profile) {
  const first = profile();
  if (!first) throw new Error("this engine cannot tell the time of its instructions");
  const { program } = first;
  /** @type {Float64Array[]} */
  const runs = [];
  const end = performance.now() + 1000;
  while (runs.length < 3 || (runs.length < 101 && performance.now() < end)) {
    const run = profile();
    if (run) runs.push(run.nanoseconds);
  }
  const instructions = program.instructions.map((instruction, i) => ({
    kind: instruction.kind,
    what: describe(instruction),
    seconds: median(runs.map((run) => run[i] ?? 0)) * 1e-9,
    ...costOf(instruction),
  }));
  return { instructions, ...memoryOf(program) };
}
