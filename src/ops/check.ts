/** Checks of values that are known only when a program runs: an error is raised then. */
import { DataError, isFloat, numeric } from "../base/index.ts";
import { type Attrs, apply, type Node } from "../graph/index.ts";
import type { Blame } from "../runtime/program.ts";
import { add, cast, equal, maximum, minimum, mul, where } from "./elementwise.ts";
import { broadcastTo, reshape } from "./movement.ts";
import { checkInput, constantOp, type OpRecord } from "./record.ts";
import { max } from "./reduction.ts";
import { constant } from "./sources.ts";

/** A value is encoded as (value · scale + offset), which is never 0. */
const offset = 2 ** 30;
const limit = 2 ** 29;
const special: Readonly<Record<number, number>> = { 1: Number.NaN, 2: Infinity, 3: -Infinity };
const scaleOf = (x: Node) => (isFloat(x.dtype) ? 1024 : 1);

function encoded(x: Node): Node {
  const near = minimum(maximum(x, -limit / scaleOf(x)), limit / scaleOf(x));
  const code = add(cast(mul(near, scaleOf(x)), "int32"), offset);
  if (!isFloat(x.dtype)) return code;
  const infinite = where(equal(x, -Infinity), 3, code);
  return where(equal(x, x), where(equal(x, Infinity), 2, infinite), 1);
}

/** The error of a check whose code is not 0. */
export function blamed({ subject, wanted, fix, scale }: Blame, code: number): DataError {
  const value = special[code] ?? (code - offset) / scale;
  const beyond = Math.abs(value) === limit / scale ? " or beyond" : "";
  const problem = `a value is ${value}${beyond}, not ${wanted}.`;
  return new DataError({ subject, problem, fix });
}

const blameOf = (attrs: Attrs) => attrs as unknown as Blame;

/** The only element of the table `[1]`; an error unless the code `[1]` is 0. */
export const checkOp: OpRecord = constantOp({
  name: "check",
  formula: "a, an error unless a code is 0",
  arity: 2,
  dtypes: ["int32"],
  infer([table, code]) {
    checkInput("check", table!, numeric);
    return { shape: code!.shape, dtype: table!.dtype };
  },
  reference({ attrs }, [table, code]) {
    const found = code!.data.find((x) => x !== 0);
    if (found !== undefined) throw blamed(blameOf(attrs), found);
    return table!.data.slice();
  },
  lower: {
    kind: "kernel",
    emit: ({ attrs, shape }, [x, indices], output) => ({
      kind: "gather",
      shape,
      axis: 0,
      axisSize: 1,
      x: x!,
      indices: indices!,
      output,
      blame: blameOf(attrs),
    }),
  },
});

/**
 * x itself. Computing it is an error that names a value, unless `valid` is true everywhere.
 *
 * @param wanted what a value must be: "a value is 0, not −1 or 1."
 * @param values the values that `valid` checks, if not x.
 */
export function checked(
  x: Node,
  valid: Node,
  { subject, wanted, fix }: { subject: string; wanted: string; fix: string },
  values = x,
): Node {
  if (values.size === 0) return x;
  const axes = [...values.shape.keys()];
  const code = reshape(max(where(valid, 0, encoded(values)), axes), [1]);
  const blame = { subject, wanted, fix, scale: scaleOf(values) };
  const zero = apply(checkOp, [constant(0, [1], x.dtype), code], blame);
  return add(x, broadcastTo(reshape(zero, []), x.shape));
}
