import { numeric } from "../base/index.ts";
import { apply, type Imaginary, type Node } from "../graph/index.ts";
import type { Reducer } from "../runtime/program.ts";
import { foldBy } from "./by-index.ts";
import { cast, div, equal, where } from "./elementwise.ts";
import { constantOp, custom, type OpRecord } from "./record.ts";
import { axesOf, broadcastInto, inferReduced, sum } from "./sum.ts";

/** The mean of the imaginary parts of the elements whose real part is the extreme. */
const meanOfTies =
  (better: (x: number, best: number) => boolean): Imaginary =>
  (node, [re], [im]) => {
    const each = foldBy(0, (mean, at, _, seen) => {
      const [x, y, [best, ties]] = [re!.data[at]!, im!.data[at]!, seen as [number, number]];
      if (ties && !better(x, best) && x !== best) return mean;
      const count = ties && x === best ? ties + 1 : 1;
      seen.splice(0, 2, x, count);
      return count === 1 ? y : mean + (y - mean) / count;
    });
    return each(node, [{ ...re!, data: re!.data.map((_, at) => at) }]);
  };

/**
 * y = max or min of x over `axes`. NaN if any element is. Elements that tie share the derivative
 * evenly, so the result does not depend on their order.
 */
const extremum = (reducer: "max" | "min", start: number): OpRecord => {
  const mask = (y: Node, x: Node, axes: readonly number[]) =>
    equal(x, broadcastInto(y, x.shape, axes));
  const op: OpRecord = custom({
    name: `reduce${reducer === "max" ? "Max" : "Min"}`,
    formula: `${reducer} x over axes`,
    arity: 1,
    dtypes: numeric,
    infer: inferReduced(`reduce ${reducer}`, null, false),
    vjp(y, g) {
      const x = y.inputs[0]!;
      const axes = axesOf(y.attrs);
      const ties = mask(y, x, axes);
      const share = div(g, sum(cast(ties, g.dtype), axes));
      return [where(ties, broadcastInto(share, x.shape, axes), 0)];
    },
    jvp(y, [t]) {
      if (!t) return null;
      const axes = axesOf(y.attrs);
      const ties = mask(y, y.inputs[0]!, axes);
      return div(sum(where(ties, t, 0), axes), sum(cast(ties, t.dtype), axes));
    },
    masks: () => "value",
    reference: foldBy(start, (acc, x) => (reducer === "max" ? Math.max(acc, x) : Math.min(acc, x))),
    imaginary: meanOfTies(reducer === "max" ? (x, best) => x > best : (x, best) => x < best),
    lower: { kind: "reduce", reducer },
    simplify: ({ inputs: [x], attrs }) => (axesOf(attrs).length === 0 ? x : undefined),
  });
  return op;
};
export const maxOp: OpRecord = extremum("max", -Infinity);
export const minOp: OpRecord = extremum("min", Infinity);

/** Row-major position within the reduced axes of the first extremum, or of the first NaN. */
const argExtremum = (reducer: Reducer, better: (x: number, best: number) => boolean): OpRecord =>
  constantOp({
    name: reducer,
    formula: `${reducer} x over axes, the first`,
    arity: 1,
    dtypes: numeric,
    infer: inferReduced(reducer, "int32", false),
    reference: foldBy(0, (acc, x, position, best) => {
      if (best.length > 0 && !(better(x, best[0]!) || (Number.isNaN(x) && !Number.isNaN(best[0]))))
        return acc;
      best[0] = x;
      return position;
    }),
    lower: { kind: "reduce", reducer },
  });
export const argmaxOp: OpRecord = argExtremum("argmax", (x, best) => x > best);
export const argminOp: OpRecord = argExtremum("argmin", (x, best) => x < best);

export const max = (x: Node, axes: readonly number[]): Node => apply(maxOp, [x], { axes });
export const min = (x: Node, axes: readonly number[]): Node => apply(minOp, [x], { axes });
export const argmax = (x: Node, axes: readonly number[]): Node => apply(argmaxOp, [x], { axes });
export const argmin = (x: Node, axes: readonly number[]): Node => apply(argminOp, [x], { axes });
