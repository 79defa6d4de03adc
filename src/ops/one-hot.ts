import { sizeOf } from "../base/index.ts";
import { apply, type Node, type Strided } from "../graph/index.ts";
import { loweringOf } from "./record.ts";
import { axesOf, broadcastInto, broadcastOp, sum } from "./sum.ts";

/**
 * Σ over `axes` of where(index = place, value, 0), the gradient of a choice, without the zeros:
 *
 *   Σₚ where(index = p, value, 0) = value for p = 0 … n − 1, one of which is the index
 *
 * if `axes` hold all axes along which the places differ, and neither index nor value varies along those.
 */
export function sumOfOneHot(
  { inputs: [chosen, value, other] }: Node,
  axes: readonly number[],
): Node | undefined {
  const [condition, rest] = [loweringOf(chosen!), loweringOf(other!)];
  if (condition.kind !== "map" || condition.opcode !== "eq") return undefined;
  if (rest.kind !== "constant" || other!.attrs.value !== 0) return undefined;
  const [a, b] = chosen!.inputs as [Node, Node];
  const among = choiceAxes(a, b) ?? choiceAxes(b, a);
  if (!among?.every((axis) => axes.includes(axis))) return undefined;
  const once = without(value!, among);
  return once && sum(once, moved(axes, among));
}

/** The axes along which `places` count through all that `index` can be, if it is the same all along them. */
function choiceAxes(index: Node, places: Node): readonly number[] | undefined {
  const axes = countedAxes(places);
  if (!axes || !without(index, axes)) return undefined;
  return below(index) <= sizeOf(axes.map((axis) => places.shape[axis]!)) ? axes : undefined;
}

/** The axes along which `x` holds each of 0 … n − 1 once, if it is the same along all others. */
function countedAxes(x: Node): readonly number[] | undefined {
  const line = positions(x);
  if (line?.offset !== 0) return undefined;
  const { strides } = line;
  const axes = strides.flatMap((step, axis) => (step === 0 ? [] : [axis]));
  axes.sort((a, b) => strides[a]! - strides[b]!);
  let count = 1;
  for (const axis of axes) {
    if (strides[axis] !== count) return undefined;
    count *= x.shape[axis]!;
  }
  return axes;
}

/** Σ strides · i + offset at each index i, where that is what `x` holds: a view of a line of indices. */
function positions(x: Node): Strided | null {
  const views: Node[] = [];
  let line = x;
  for (; loweringOf(line).kind === "view"; line = line.inputs[0]!) views.push(line);
  if (loweringOf(line).kind !== "index") return null;
  let at: Strided | null = {
    offset: 0,
    strides: line.shape.map((_, axis) => (axis === line.attrs.axis ? 1 : 0)),
  };
  for (let view = views.pop(); view && at; view = views.pop()) {
    const lower = loweringOf(view);
    at = lower.kind === "view" ? lower.view(at, view) : null;
  }
  return at;
}

/** n, where every element is one of 0 … n − 1 whatever the data are. */
function below(view: Node): number {
  let x = view;
  while (loweringOf(x).kind === "view") x = x.inputs[0]!;
  const lower = loweringOf(x);
  const isPosition =
    lower.kind === "reduce" && (lower.reducer === "argmax" || lower.reducer === "argmin");
  return isPosition ? sizeOf(axesOf(x.attrs).map((axis) => x.inputs[0]!.shape[axis]!)) : Infinity;
}

/** x without `axes`, if it plainly is the same all along them. */
function without(x: Node, axes: readonly number[]): Node | undefined {
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  if (loweringOf(x).kind === "constant") return apply(x.op, [], { ...x.attrs, shape });
  if (axes.length === 0) return x;
  const added = x.op === broadcastOp ? axesOf(x.attrs) : [];
  if (!axes.every((axis) => added.includes(axis))) return undefined;
  return broadcastInto(x.inputs[0]!, shape, moved(added, axes));
}

/** What remains of `axes` when `gone` are gone, by their new numbers. */
const moved = (axes: readonly number[], gone: readonly number[]): number[] =>
  axes
    .filter((axis) => !gone.includes(axis))
    .map((axis) => axis - gone.filter((other) => other < axis).length);
