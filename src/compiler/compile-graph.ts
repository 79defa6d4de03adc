import { type Node, verifyGraph } from "../graph/index.ts";
import { isSwitchedOn } from "../runtime/environment.ts";
import type { Program } from "../runtime/program.ts";
import { emit } from "./emit.ts";
import { fuse } from "./fuse.ts";
import { chooseLayout } from "./layout.ts";
import { lower } from "./lower.ts";
import { planMemory } from "./memory.ts";
import { schedule } from "./schedule.ts";
import { simplify } from "./simplify.ts";
import { verifyFusion, verifyKernels, verifyMemory } from "./verify.ts";

/** An output that replaces an input, by their positions: they should share memory. */
export type Update = readonly [input: number, output: number];

/** `GRADUS_VERIFY=1` verifies the result of every pass; tests always do. */
const verifying = () => isSwitchedOn("GRADUS_VERIFY");

/**
 * Compiles a graph to a program whose slots are `inputs`, then `outputs`.
 *
 *   simplify → fuse → choose layout → lower → schedule → plan memory → emit
 */
export function compileGraph(
  inputs: readonly Node[],
  outputs: readonly Node[],
  updates: readonly Update[] = [],
): Program {
  const simple = simplify(inputs, outputs);
  if (verifying()) verifyGraph(simple);
  const fusion = fuse(inputs, simple);
  if (verifying()) verifyFusion(fusion);
  const { kernels, slots } = lower(inputs, simple, fusion, chooseLayout(fusion, inputs, simple));
  const pairs = updates.map(([i, j]) => [slots[i]!, slots[inputs.length + j]!] as const);
  const scheduled = schedule(kernels, slots, pairs);
  if (verifying()) verifyKernels(scheduled, inputs.length);
  const arenaBytes = planMemory(scheduled.kernels);
  if (verifying()) verifyMemory(scheduled, arenaBytes);
  return emit(scheduled, inputs.length, arenaBytes);
}
