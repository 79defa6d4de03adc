/** Branches and loops. */
import { normalizeAxis } from "../../base/index.ts";
import { isTracing, where } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";
import type { Graph } from "../ir.ts";
import { type Item, Sequence, Value } from "../value.ts";
import { concatenate, taken } from "./movement.ts";

/** How often a loop without a count may run: beyond it, it never ends. */
const mostSteps = 100_000;

function graphOf(call: Call, name: string): Graph {
  const graph = call.attribute(name, "graph");
  if (!graph) throw call.error(`has no graph "${name}".`);
  return graph;
}

/**
 * The branch that a condition chooses. Where a condition is known only when a compiled function runs,
 * both are computed, and the elements of one are taken; so they must have the same shapes.
 */
function ifOp(call: Call): Item[] {
  const condition = call.x(0);
  const [yes, no] = [graphOf(call, "then_branch"), graphOf(call, "else_branch")];
  if (condition.isKnown || !isTracing())
    return call.around.runGraph(condition.read().data[0] ? yes : no, []);
  const [a, b] = [call.around.runGraph(yes, []), call.around.runGraph(no, [])];
  return a.map((x, i) => {
    const y = b[i];
    if (
      !(x instanceof Value && y instanceof Value) ||
      x.shape.join() !== y.shape.join() ||
      x.type !== y.type
    )
      throw call.error(
        "has branches of different shapes, and its condition is known only when the compiled function runs.",
        "call the net outside of compile.",
      );
    return Value.ofTensor(x.type, where(condition.tensor.reshape([]), x.tensor, y.tensor));
  });
}

/** Items of every step, one after another along a new axis. */
function stacked(items: readonly Item[], axis: number, call: Call): Value {
  if (items.length === 0)
    throw call.error("runs no step, so the shapes of what it collects are unknown.");
  const values = items.map((x) => {
    if (!(x instanceof Value)) throw call.error("collects what is not a tensor.");
    const at = axis < 0 ? axis + x.rank + 1 : axis;
    const shape = [...x.shape.slice(0, at), 1, ...x.shape.slice(at)];
    return x.host
      ? Value.of({ ...x.host, shape })
      : Value.ofTensor(x.type, x.tensor.reshape(shape));
  });
  return concatenate(values, axis < 0 ? axis + values[0]!.rank : axis);
}

/** A body again and again, as often as the count says and while its condition holds. */
function loop(call: Call): Item[] {
  const body = graphOf(call, "body");
  const most = call.optional(0) ? call.must(call.numbers(0, true))[0]! : Number.POSITIVE_INFINITY;
  let isOn = call.optional(1) ? Boolean(call.x(1).read().data[0]) : true;
  let state = call.inputs.slice(2) as Item[];
  const collected: Item[][] = body.outputs.slice(1 + state.length).map(() => []);
  const always = Value.of({ type: "bool", shape: [], data: Uint8Array.of(1) });
  for (let i = 0; isOn && i < most; i++) {
    if (i >= mostSteps)
      throw call.error(`runs for more than ${mostSteps} steps.`, "give the loop a count.");
    const step = Value.of({ type: "int64", shape: [], data: BigInt64Array.of(BigInt(i)) });
    const outputs = call.around.runGraph(body, [step, always, ...state]);
    const condition = outputs[0];
    isOn = condition instanceof Value ? Boolean(condition.read().data[0]) : true;
    state = outputs.slice(1, 1 + state.length);
    collected.forEach((items, k) => {
      items.push(outputs[1 + state.length + k]!);
    });
  }
  return [
    ...state,
    ...collected.map((items, k) => collectedOf(items, body, 1 + state.length + k, call)),
  ];
}

/** What was collected; of no steps nothing, in the shape that the graph declares. */
function collectedOf(items: readonly Item[], body: Graph, k: number, call: Call): Value {
  const declared = body.outputs[k];
  if (items.length > 0 || !declared?.shape || !declared.elementType) return stacked(items, 0, call);
  const shape = [0, ...declared.shape.map((d) => (typeof d === "number" ? d : 0))];
  return Value.of({
    type: declared.elementType,
    shape,
    data: declared.elementType === "int64" ? new BigInt64Array() : new Float32Array(),
  });
}

/** A body for every element along an axis of its inputs. */
function scan(call: Call): Item[] {
  const body = graphOf(call, "body");
  const isOld = call.version < 9;
  const inputs = (isOld ? call.inputs.slice(1) : call.inputs) as Item[];
  const count = call.int("num_scan_inputs", 1);
  if (isOld) return batchedScan(call, body, inputs, count);
  const axes = call.ints("scan_input_axes") ?? [];
  return scanned(call, body, inputs, count, axes);
}

function scanned(
  call: Call,
  body: Graph,
  inputs: readonly Item[],
  count: number,
  axes: readonly number[],
): Item[] {
  const directions = call.ints(call.version < 9 ? "directions" : "scan_input_directions") ?? [];
  let state = inputs.slice(0, inputs.length - count);
  const sequences = inputs.slice(inputs.length - count) as Value[];
  const at = sequences.map((x, i) => normalizeAxis("Scan", axes[i] ?? 0, x.rank));
  const steps = sequences[0]?.shape[at[0]!] ?? 0;
  const collected: Item[][] = body.outputs.slice(state.length).map(() => []);
  for (let t = 0; t < steps; t++) {
    const now = sequences.map((x, i) => element(x, at[i]!, directions[i] ? steps - 1 - t : t));
    const outputs = call.around.runGraph(body, [...state, ...now]);
    state = outputs.slice(0, state.length);
    collected.forEach((items, k) => {
      items.push(outputs[state.length + k]!);
    });
  }
  const outAxes = call.ints("scan_output_axes") ?? [];
  const outDirections = call.ints("scan_output_directions") ?? [];
  const kept = collected.map((items, k) =>
    stacked(outDirections[k] ? [...items].reverse() : items, outAxes[k] ?? 0, call),
  );
  return [...state, ...kept];
}

/** Version 8 scans every example of a batch. */
function batchedScan(call: Call, body: Graph, inputs: readonly Item[], count: number): Item[] {
  const batch = (inputs[0] as Value).shape[0]!;
  const each = Array.from({ length: batch }, (_, n) =>
    scanned(
      call,
      body,
      inputs.map((x) => element(x as Value, 0, n)),
      count,
      [],
    ),
  );
  return each[0]!.map((_, k) =>
    stacked(
      each.map((outputs) => outputs[k]!),
      0,
      call,
    ),
  );
}

/** One element along an axis, without the axis. */
function element(x: Value, axis: number, i: number): Value {
  const part = taken(
    x,
    x.shape.map((n, a): [number, number, number] => (a === axis ? [i, 1, 1] : [0, 1, n])),
  );
  const shape = x.shape.filter((_, a) => a !== axis);
  return part.host
    ? Value.of({ ...part.host, shape })
    : Value.ofTensor(x.type, part.tensor.reshape(shape));
}

/** A body for every item of a sequence, with items of others, or the same tensor, beside it. */
function sequenceMap(call: Call): Item[] {
  const body = graphOf(call, "body");
  const first = call.sequence(0);
  const results = first.items.map((item, i) => {
    const beside = call.inputs.slice(1).map((x) => (x instanceof Sequence ? x.items[i]! : x!));
    return call.around.runGraph(body, [item, ...beside]);
  });
  return body.outputs.map((_, k) => new Sequence(results.map((outputs) => outputs[k]!)));
}

export const controlOperators: readonly Operator[] = [
  { name: "If", run: ifOp },
  { name: "Loop", settings: [0, 1], run: loop },
  { name: "Scan", run: scan },
  { name: "SequenceMap", run: sequenceMap },
];
