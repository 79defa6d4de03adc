/** Counts the arithmetic of a tensor in its graph. */
import type { Tensor } from "gradus";

/** Ops that move numbers without computing any. */
const movement =
  /^(data|constant|identity|reshape|permute|broadcast|concat|pad|slice|flip|gather|placeholder|cast)$/;
const line = /^(%\d+) = (\w+)((?: %\d+)*).*: \w+?(?:\[([\d, ]*)\])?$/;

/**
 * Additions, multiplications and functions of one number: 2mnk for a product of `[m, k]` and `[k,
 * n]`, otherwise one per element of the larger of an op's input and output.
 */
export function countOperations(y: Tensor): number {
  const shapes = new Map<string, readonly number[]>();
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  let total = 0;
  for (const text of y.graph().split("\n")) {
    const [, name, op, inputs, dims] = line.exec(text) ?? [];
    if (name === undefined || op === undefined) continue; // `return %9`
    const shape = dims ? dims.split(", ").map(Number) : [];
    shapes.set(name, shape);
    if (movement.test(op)) continue;
    const from = inputs!
      .trim()
      .split(" ")
      .map((input) => shapes.get(input) ?? []);
    if (op === "matmul") total += 2 * size(shape) * from[0]!.at(-1)!;
    else total += Math.max(size(shape), ...from.map(size));
  }
  return total;
}
