/** Elementwise arithmetic of two and more operands, comparisons and logic. */
import type { Tensor } from "../../tensor/index.ts";
import { where } from "../../tensor/index.ts";
import type { Call, Operator } from "../call.ts";
import type { HostTensor } from "../host.ts";
import { isFloatType, isWholeType } from "../types.ts";
import type { Value } from "../value.ts";
import {
  foldable,
  type NumberFunction,
  quotient,
  truncatedQuotient,
  truncatedRemainder,
  wrapped,
} from "./numbers.ts";

/** The second operand as the first versions broadcast it: from an axis on. */
function aligned(call: Call): Tensor {
  const [a, b] = [call.x(0), call.t(1)];
  const axis = call.attribute("axis", "int");
  if (call.version >= 7 || axis === undefined) return b;
  const trailing = a.rank - Number(axis) - b.rank;
  return b.reshape([...b.shape, ...new Array<number>(Math.max(0, trailing)).fill(1)]);
}

/** The operands of a binary operator; a scalar constant stays a number. */
function operands(call: Call): [Tensor, Tensor | number] {
  const b = call.x(1);
  const { operand } = b;
  return [call.t(0), typeof operand === "number" && call.version >= 7 ? operand : aligned(call)];
}

type Binary = (a: Tensor, b: Tensor | number) => Tensor;

const arithmetic = (name: string, f: Binary, g: NumberFunction): Operator => ({
  name,
  fold: foldable(g),
  run: (call) => wrapped(call.x(0).type, f(...operands(call))),
});

const comparison = (name: string, f: Binary, g: NumberFunction): Operator => ({
  name,
  fold: (_call, inputs) => foldable(g, () => "bool")(_call, inputs),
  run: (call) => f(...operands(call)),
});

/** Text compares on the host alone. */
const equal: Operator = {
  ...comparison(
    "Equal",
    (a, b) => a.equal(b),
    (a, b) => a === b,
  ),
  fold: (call, inputs) => {
    if (inputs[0]!.type !== "string")
      return foldable(
        (a, b) => a === b,
        () => "bool",
      )(call, inputs);
    const texts = inputs.map((x) => ({ ...x, type: "int32" as const }));
    return foldable(
      (a, b) => a === b,
      () => "bool",
    )(call, texts);
  },
};

const logic = (name: string, f: Binary, g: NumberFunction): Operator => comparison(name, f, g);

const div: Operator = {
  name: "Div",
  fold: (call, inputs) => foldable(quotient(inputs[0]!.type))(call, inputs),
  run: (call) => {
    const { type } = call.x(0);
    if (isFloatType(type)) {
      const [a, b] = operands(call);
      return a.div(b);
    }
    return wrapped(type, truncatedQuotient(call.t(0), aligned(call)));
  },
};

/** The sign of the divisor as in Python, or of the dividend as in C's fmod. */
const mod: Operator = {
  name: "Mod",
  fold: (call, inputs) => {
    if (call.int("fmod", 0)) return foldable((a, b) => a! % b!)(call, inputs);
    return foldable((a, b) => {
      const rest = a! % b!;
      const crosses = rest !== (typeof rest === "bigint" ? 0n : 0) && rest < 0 !== b! < 0;
      return crosses ? rest + b! : rest;
    })(call, inputs);
  },
  run: (call) =>
    call.int("fmod", 0) ? truncatedRemainder(call.t(0), call.t(1)) : call.t(0).mod(call.t(1)),
};

/** aᵇ in the type of a; integers by way of float64, which holds all of theirs. */
const pow: Operator = {
  name: "Pow",
  fold: (_call, inputs) => foldable((a, b) => Number(a) ** Number(b))(_call, inputs),
  run: (call) => {
    const { type } = call.x(0);
    if (isWholeType(type)) {
      const y = call.t(0).cast("float64").pow(call.t(1).cast("float64"));
      return wrapped(type, y.cast("int32"));
    }
    const [a, b] = operands(call);
    return a.pow(typeof b === "number" ? b : b.cast(a.dtype));
  },
};

/** Of any number of operands, one after another. */
const variadic = (
  name: string,
  f: (a: Tensor, b: Tensor) => Tensor,
  g: NumberFunction,
): Operator => ({
  name,
  fold: (call, inputs) =>
    foldable((...x) => x.slice(1).reduce((a, b) => g(a, b) as number, x[0]!))(call, inputs),
  run: (call) => wrapped(call.x(0).type, call.all.map((x) => x.tensor).reduce(f)),
});

const mean: Operator = {
  name: "Mean",
  run: (call) => {
    const all = call.all.map((x: Value) => x.tensor);
    return all.reduce((a, b) => a.add(b)).div(all.length);
  },
};

const xor = (a: Tensor, b: Tensor | number): Tensor => a.equal(b).logicalNot();

const whereOp: Operator = {
  name: "Where",
  fold: (_call, inputs: readonly HostTensor[]) =>
    inputs[1]!.type === "string"
      ? null
      : foldable(
          (c, a, b) => (c ? a! : b!),
          (all) => all[1]!.type,
        )(_call, inputs),
  run: (call) => call.value(where(call.t(0), call.t(1), call.t(2)), call.x(1).type),
};

export const arithmeticOperators: readonly Operator[] = [
  arithmetic(
    "Add",
    (a, b) => a.add(b),
    (a, b) => a! + b!,
  ),
  arithmetic(
    "Sub",
    (a, b) => a.sub(b),
    (a, b) => a! - b!,
  ),
  arithmetic(
    "Mul",
    (a, b) => a.mul(b),
    (a, b) => a! * b!,
  ),
  div,
  mod,
  pow,
  variadic(
    "Sum",
    (a, b) => a.add(b),
    (a, b) => a! + b!,
  ),
  variadic(
    "Max",
    (a, b) => a.maximum(b),
    (a, b) => (Number.isNaN(a) || a! > b! ? a! : b!),
  ),
  variadic(
    "Min",
    (a, b) => a.minimum(b),
    (a, b) => (Number.isNaN(a) || a! < b! ? a! : b!),
  ),
  mean,
  equal,
  comparison(
    "Less",
    (a, b) => a.less(b),
    (a, b) => a! < b!,
  ),
  comparison(
    "LessOrEqual",
    (a, b) => a.lessEqual(b),
    (a, b) => a! <= b!,
  ),
  comparison(
    "Greater",
    (a, b) => a.greater(b),
    (a, b) => a! > b!,
  ),
  comparison(
    "GreaterOrEqual",
    (a, b) => a.greaterEqual(b),
    (a, b) => a! >= b!,
  ),
  logic(
    "And",
    (a, b) => a.logicalAnd(b),
    (a, b) => Boolean(a && b),
  ),
  logic(
    "Or",
    (a, b) => a.logicalOr(b),
    (a, b) => Boolean(a || b),
  ),
  logic("Xor", xor, (a, b) => Boolean(a) !== Boolean(b)),
  whereOp,
];
