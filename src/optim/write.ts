/** Shared by everything that keeps state in variables. */
import { dataNode } from "../ops/index.ts";
import { isTracing, realizeSync, Tensor, type Variable } from "../tensor/index.ts";

/**
 * Writes all variables at once. Outside a trace the values are computed first, in one program, and
 * stored without the graph that led to them, so that a loop's memory stays flat.
 */
export function write(writes: readonly (readonly [Variable, Tensor])[]): void {
  if (!isTracing()) realizeSync(writes.map(([, value]) => value.node));
  for (const [variable, value] of writes)
    variable.value = isTracing() ? value : new Tensor(dataNode(value.node.storage!, value.shape));
}

/** A record with each value mapped. */
export const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  f: (x: A, key: string) => B,
): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(record).map(([key, x]) => [key, f(x, key)]));
