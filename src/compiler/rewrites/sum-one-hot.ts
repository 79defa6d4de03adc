import { reducedShape, type Shape, sizeOf } from "../../base/index.ts";
import { apply, type Node, type Strided } from "../../graph/index.ts";
import {
  axesOf,
  broadcastInto,
  broadcastOp,
  elementwiseOps,
  loweringOf,
  permute,
  permuteOp,
  reshape,
  reshapeOp,
  sum,
  sumOp,
} from "../../ops/index.ts";
import type { Rewrite } from "./rewrite.ts";

/**
 * A sum over a one-hot selection, under any views that keep whole axes: the gradient of a bias
 * before max-pooling.
 */
export const sumOneHot: Rewrite = ({ op, inputs: [x], attrs }) =>
  op === sumOp ? summed(x!, axesOf(attrs)) : undefined;

function summed(x: Node, axes: readonly number[]): Node | undefined {
  if (x.op === elementwiseOps.where) return sumOfChoice(x, axes);
  if (x.op === reshapeOp) return summedReshape(x, axes);
  return x.op === permuteOp ? summedPermute(x, axes) : undefined;
}

function summedReshape({ inputs: [x], shape }: Node, axes: readonly number[]): Node | undefined {
  const before = regrouped(x!.shape, shape, axes);
  const y = before && summed(x!, before);
  return y && reshape(y, reducedShape(shape, axes, false));
}

function summedPermute({ inputs: [x], attrs }: Node, axes: readonly number[]): Node | undefined {
  const perm = attrs.perm as readonly number[];
  const before = axes.map((axis) => perm[axis]!).sort((a, b) => a - b);
  const y = summed(x!, before);
  if (!y) return undefined;
  // the remaining axes, as y and as the node number them
  const left = perm.filter((axis) => !before.includes(axis));
  const order = [...left].sort((a, b) => a - b);
  return permute(
    y,
    left.map((axis) => order.indexOf(axis)),
  );
}

/**
 * The axes of shape `from` that hold the same elements as `axes` of shape `to`, if whole axes do.
 */
function regrouped(from: Shape, to: Shape, axes: readonly number[]): number[] | undefined {
  if (sizeOf(from) === 0) return undefined;
  const result: number[] = [];
  let [i, j] = [0, 0];
  // runs of axes with equal size on both sides, as short as possible
  while (i < from.length || j < to.length) {
    const [first, last] = [i, j];
    for (let [m, n] = [1, 1]; (i === first && j === last) || m !== n; )
      if (j === to.length || (m <= n && i < from.length)) m *= from[i++]!;
      else n *= to[j++]!;
    const wide = to.flatMap((size, axis) => (axis >= last && axis < j && size > 1 ? [axis] : []));
    const summed = wide.filter((axis) => axes.includes(axis));
    if (summed.length > 0 && summed.length < wide.length) return undefined;
    if (summed.length > 0) for (let axis = first; axis < i; axis++) result.push(axis);
  }
  return result;
}

/**
 * Σ over `axes` of where(index = place, value, 0), the gradient of a selection, without the zeros:
 *
 *   Σₚ where(index = p, value, 0) = value for p = 0 … n − 1, one of which is the index
 *
 * if `axes` contain all axes along which the positions differ, and neither index nor value varies
 * along those.
 */
function sumOfChoice(
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

/**
 * The axes along which `places` runs through all values that `index` can have, if it is constant
 * along all other axes.
 */
function choiceAxes(index: Node, places: Node): readonly number[] | undefined {
  const axes = countedAxes(places);
  if (!axes || !without(index, axes)) return undefined;
  return below(index) <= sizeOf(axes.map((axis) => places.shape[axis]!)) ? axes : undefined;
}

/** The axes along which `x` contains each of 0 … n − 1 once, if it is constant along all others. */
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

/**
 * Σ strides · i + offset at each index i, if that is what `x` contains: a view of a range of
 * indices.
 */
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

/** n, if every element is one of 0 … n − 1 for all data. */
function below(view: Node): number {
  let x = view;
  while (loweringOf(x).kind === "view") x = x.inputs[0]!;
  const lower = loweringOf(x);
  const isPosition =
    lower.kind === "reduce" && (lower.reducer === "argmax" || lower.reducer === "argmin");
  return isPosition ? sizeOf(axesOf(x.attrs).map((axis) => x.inputs[0]!.shape[axis]!)) : Infinity;
}

/** x without `axes`, if it is clearly constant along all of them. */
function without(x: Node, axes: readonly number[]): Node | undefined {
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  if (loweringOf(x).kind === "constant") return apply(x.op, [], { ...x.attrs, shape });
  if (axes.length === 0) return x;
  const added = x.op === broadcastOp ? axesOf(x.attrs) : [];
  if (!axes.every((axis) => added.includes(axis))) return undefined;
  return broadcastInto(x.inputs[0]!, shape, moved(added, axes));
}

/** The remaining `axes` after removing `gone`, by their new numbers. */
const moved = (axes: readonly number[], gone: readonly number[]): number[] =>
  axes
    .filter((axis) => !gone.includes(axis))
    .map((axis) => axis - gone.filter((other) => other < axis).length);
