import { allocate, ConfigError, isFloat, type Storage } from "../base/index.ts";
import type { Runner } from "../compiler/backend.ts";
import { collect, graphKey, type Node, nextEpoch, rewrite } from "../graph/index.ts";
import { broadcastTo, constantValue, placeholder } from "../ops/index.ts";
import { backend } from "./engine.ts";
import { ProgramCache } from "./program-cache.ts";

/** The parts of one evaluation: the nodes that get values, and the sources of the others. */
interface Plan {
  readonly runner: Runner;
  readonly outputs: readonly Node[];
  readonly slots: readonly Storage[];
}

/** Programs of uncompiled code, by the structure of their graph. */
const programs = new ProgramCache<Runner>();

/** Computes the values of `nodes` now. */
export function realizeSync(nodes: readonly Node[]): void {
  const plan = planFor(nodes);
  if (!plan) return;
  plan.runner.runSync(plan.slots);
  finish(plan);
}

/** Computes the values of `nodes` off the main thread. */
export async function realize(nodes: readonly Node[]): Promise<void> {
  const plan = planFor(nodes);
  if (!plan) return;
  await plan.runner.run(plan.slots);
  finish(plan);
}

function finish({ outputs, slots }: Plan): void {
  outputs.forEach((node, i) => {
    node.realize(slots[slots.length - outputs.length + i]!);
  });
}

function planFor(nodes: readonly Node[]): Plan | null {
  const wanted = [...new Set(nodes)].filter((node) => node.storage === null);
  if (wanted.length === 0) return null;
  const graph = collect(wanted, (node) => node.storage !== null);
  const outputs = [...wanted, ...heldAcross(graph, new Set(wanted))];
  nextEpoch();
  const inputs = graph.filter((node) => node.storage !== null || isLifted(node));
  for (const node of graph)
    if (node.op.leaf && node.storage === null)
      throw new ConfigError({
        subject: "tensor",
        problem: "its value is not known while a function is being traced.",
        fix: "return it from the compiled function and read it there.",
      });
  const engine = backend();
  const lifted = inputs.flatMap((node, i) => (node.storage === null ? [i] : []));
  // a lifted number is one element, whatever its shape: its program differs from that for an array
  const key = `${engine.name} ${lifted} ${graphKey(inputs, outputs)}`;
  const runner = programs.get(key, () => prepare(inputs, outputs));
  const slots = [
    ...inputs.map((node) => node.storage ?? engine.upload(scalarArray(node))),
    ...outputs.map((node) => engine.allocate(node.dtype, node.size)),
  ];
  return { runner, outputs, slots };
}

/**
 * Nodes from before an earlier evaluation that new nodes use: somebody still holds them, so their
 * values are kept. Without this a loop `w = w.sub(…)` would recompute its entire history.
 */
function heldAcross(graph: readonly Node[], wanted: ReadonlySet<Node>): Node[] {
  const held = new Set<Node>();
  for (const node of graph) {
    if (node.storage) continue;
    for (const x of node.inputs)
      if (x.epoch < node.epoch && x.storage === null && x.inputs.length > 0 && !wanted.has(x))
        held.add(x);
  }
  return [...held];
}

const simple = new Set([0.5, -0.5, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);

/**
 * Numbers that change from one evaluation to the next (learning rates, 1/t) become inputs, so that
 * they do not need a new program each time; small integers and halves stay, for simplification.
 */
function isLifted(node: Node): boolean {
  const value = constantValue(node);
  if (node.attrs.varying) return true;
  if (value === undefined || !isFloat(node.dtype)) return false;
  return !(
    (Number.isInteger(value) && Math.abs(value) <= 64) ||
    simple.has(value) ||
    Number.isNaN(value)
  );
}

const scalarArray = (node: Node) => allocate(node.dtype, 1).fill(constantValue(node)!);

/** Compiles; lifted constants become scalar placeholders that are broadcast to their shape. */
function prepare(inputs: readonly Node[], outputs: readonly Node[]): Runner {
  const replaced = new Map<Node, Node>();
  const leaves = inputs.map((node) => {
    if (node.storage !== null) {
      const leaf = placeholder(node.shape, node.dtype); // the program must not retain data
      replaced.set(node, leaf);
      return leaf;
    }
    const scalar = placeholder([], node.dtype);
    replaced.set(node, broadcastTo(scalar, node.shape));
    return scalar;
  });
  return backend().prepare(leaves, rewrite(outputs, replaced));
}
