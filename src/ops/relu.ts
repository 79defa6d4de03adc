import type { Node } from "../graph/index.ts";
import { constantValue, lessEqual, ops, where } from "./elementwise.ts";

/**
 * max(x, 0), with derivative 0 at 0; NaN stays NaN. Composed of ops, so that its derivatives share
 * the mask.
 */
export const relu = (x: Node): Node => where(lessEqual(x, 0), 0, x);

/** x, if `y` is relu(x) in the form that {@link relu} builds. */
export function reluInput(y: Node): Node | undefined {
  if (y.op !== ops.where) return undefined;
  const [condition, zero, x] = y.inputs as [Node, Node, Node];
  const isNegative =
    condition.op === ops.le &&
    condition.inputs[0] === x &&
    constantValue(condition.inputs[1]!) === 0;
  return isNegative && Object.is(constantValue(zero), 0) ? x : undefined;
}
