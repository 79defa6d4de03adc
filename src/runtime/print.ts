import { type DType, type Shape, show, stridesOf } from "../base/index.ts";
import { fieldsOf, type Instruction, shapeOver } from "./instructions.ts";
import type { Opcode } from "./opcodes.ts";
import type { Epilogue, Expression, Program, View } from "./program.ts";

const short = {
  float32: "f32",
  float64: "f64",
  int32: "i32",
  bool: "bool",
} as const satisfies Record<DType, string>;

/** Infix operators with their precedence; all associate to the left. */
const infix: Partial<Record<Opcode, readonly [symbol: string, precedence: number]>> = {
  or: ["|", 1],
  and: ["&", 2],
  eq: ["==", 3],
  lt: ["<", 4],
  le: ["<=", 4],
  shiftRight: [">>>", 5],
  add: ["+", 6],
  sub: ["-", 6],
  mul: ["*", 7],
  div: ["/", 7],
  floorDiv: ["//", 7],
  mod: ["%", 7],
};
const atom = 9;

/** A piece of expression text and the precedence of its outermost operator. */
interface Text {
  readonly text: string;
  readonly precedence: number;
}

/**
 * A program in readable form: slots, scratch memory, one line per instruction.
 *
 *   s0 input f32[6]
 *   s1 output f32[2]
 *   arena 64 bytes
 *   0 reduce [2, 3] → 1: s1 = sum(s0) * 0.5
 *
 * A view is its buffer (`s0` a slot, `@128` the arena at element 128), then `+offset` if a slot is
 * not read from its start, then `{strides}` if these are not row-major.
 *
 * @param algorithms the engine's choice for each instruction: `conv winograd 3x3 [64, 1, …]`
 */
export function printProgram(
  program: Program,
  algorithms: readonly (string | null)[] = [],
): string {
  const lines = program.slots.map((slot, i) => {
    const alias = slot.mayAlias === undefined ? "" : `, may take s${slot.mayAlias}`;
    return `s${i} ${slot.role} ${short[slot.dtype]}[${slot.size}]${alias}`;
  });
  if (program.arenaBytes > 0) lines.push(`arena ${program.arenaBytes} bytes`);
  program.instructions.forEach((instruction, n) => {
    lines.push(`${n} ${printInstruction(instruction, algorithms[n])}`);
  });
  return lines.join("\n");
}

/**
 * One instruction on one line: `kind shape: target = kind(views, options)`, unless its kind has a
 * form of its own.
 */
export function printInstruction(i: Instruction, algorithm?: string | null): string {
  const title = `${i.kind}${algorithm ? ` ${algorithm}` : ""} ${show(i.shape)}`;
  switch (i.kind) {
    case "map": {
      const inputs = i.inputs.map((v) => printView(v, i.shape));
      return `${title}: ${assignments(i.expression, inputs, i.outputs, i.shape)}`;
    }
    case "reduce": {
      const inputs = i.inputs.map((v) => printView(v, i.shape));
      const { lets, results } = expressionTexts(i.before, inputs);
      const text = `${i.reducer}(${[...lets, results[0]?.text].join("; ")})`;
      return `${title} → ${i.kept}: ${stored({ text, precedence: atom }, i)}`;
    }
    case "matmul": {
      const text = printOperands(i).join(" × ");
      return `${title} over ${i.k}: ${stored({ text, precedence: 7 }, i)}`;
    }
    case "conv":
      return `${title} over ${i.channels} × ${i.kernelSize.join("×")}: ${stored(call(i), i)}`;
    default:
      return `${title}: ${stored(call(i), i)}`;
  }
}

/** The views that are read, each with its own shape. */
const printOperands = (i: Instruction): string[] =>
  fieldsOf(i).flatMap(({ field, value }) =>
    field.type === "view" && !field.written
      ? [printView(value as View, shapeOver(field.over!, i))]
      : [],
  );

/** `conv(s0, s1, stride 2×2)`: the operands, then the other fields. */
function call(i: Instruction): Text {
  const options = fieldsOf(i).flatMap(({ name, field, value }) => {
    if (field.type === "flag") return value && name !== "relu" ? [name] : [];
    return field.show?.(value as never, i as never) ?? [];
  });
  return { text: `${i.kind}(${[...printOperands(i), ...options].join(", ")})`, precedence: atom };
}

/** The result with its bias and ReLU: `relu(a × b + s2)`. */
function activated(result: Text, i: Instruction): Text {
  if (i.kind !== "matmul" && i.kind !== "conv") return result;
  const { bias, relu } = i;
  const sum: Text = bias
    ? { text: `${wrap(result, 6)} + ${printView(bias, i.shape)}`, precedence: 6 }
    : result;
  return relu ? { text: `relu(${sum.text})`, precedence: atom } : sum;
}

/** `target = result`, through the epilogue if there is one. */
function stored(sum: Text, i: Instruction): string {
  const result = activated(sum, i);
  for (const { field, value } of fieldsOf(i)) {
    if (field.type === "epilogue")
      return withEpilogue(result, value as Epilogue, shapeOver(field.over!, i));
    if (field.written)
      return `${printView(value as View, shapeOver(field.over!, i))} = ${result.text}`;
  }
  return result.text;
}

function printView(v: View, shape: Shape): string {
  const dense = stridesOf(shape);
  const regular = v.strides.every((stride, i) => stride === dense[i] || shape[i] === 1);
  const place =
    v.buffer === 0 ? `@${v.offset}` : `s${v.buffer - 1}${v.offset === 0 ? "" : `+${v.offset}`}`;
  return regular ? place : `${place}{${v.strides.join(",")}}`;
}

/**
 * `out = …` of an epilogue, whose input 0 is `result`; it is named r if it is used more than once.
 */
function withEpilogue(result: Text, e: Epilogue, shape: Shape): string {
  const views = e.inputs.map((v) => printView(v, shape));
  const { values, results } = e.expression;
  const uses =
    values.reduce(
      (n, v) =>
        n + (v.kind === "op" ? v.args.filter((a) => isInput(e.expression, a, 0)).length : 0),
      0,
    ) + results.filter((r) => isInput(e.expression, r, 0)).length;
  if (uses > 1)
    return `r = ${result.text}; ${assignments(e.expression, ["r", ...views], e.outputs, shape)}`;
  return assignments(e.expression, [result, ...views], e.outputs, shape);
}

const isInput = (e: Expression, value: number, input: number): boolean => {
  const v = e.values[value];
  return v?.kind === "input" && v.input === input;
};

function assignments(
  e: Expression,
  inputs: readonly (string | Text)[],
  outputs: readonly View[],
  shape: Shape,
): string {
  const { lets, results } = expressionTexts(e, inputs);
  const stores = outputs.map((v, j) => `${printView(v, shape)} = ${results[j]?.text}`);
  return [...lets, ...stores].join("; ");
}

/** The results as formulas; an operation that is used more than once gets a name, t0, t1, … */
function expressionTexts(e: Expression, inputs: readonly (string | Text)[]) {
  const uses = new Array<number>(e.values.length).fill(0);
  for (const v of e.values) if (v.kind === "op") for (const a of v.args) uses[a]!++;
  for (const r of e.results) uses[r]!++;
  const lets: string[] = [];
  const texts: Text[] = [];
  e.values.forEach((v, n) => {
    if (v.kind === "input") {
      const input = inputs[v.input] ?? `input${v.input}`;
      texts.push(typeof input === "string" ? { text: input, precedence: atom } : input);
    } else if (v.kind === "constant") {
      texts.push({ text: printNumber(v.value), precedence: v.value < 0 ? 8 : atom });
    } else if (v.kind === "index") {
      texts.push({ text: `i${v.axis}`, precedence: atom });
    } else {
      const text = operation(
        v.op,
        v.dtype,
        v.args.map((a) => texts[a]!),
      );
      if (uses[n]! > 1) {
        const name = `t${lets.length}`;
        lets.push(`${name} = ${text.text}`);
        texts.push({ text: name, precedence: atom });
      } else texts.push(text);
    }
  });
  return { lets, results: e.results.map((r) => texts[r]!) };
}

function operation(op: Opcode, dtype: DType, args: readonly Text[]): Text {
  const symbol = infix[op];
  if (symbol) {
    const [sign, precedence] = symbol;
    const [a, b] = args as [Text, Text];
    return { text: `${wrap(a, precedence)} ${sign} ${wrap(b, precedence + 1)}`, precedence };
  }
  const [first] = args as [Text];
  if (op === "neg") return { text: `-${wrap(first, 8)}`, precedence: 8 };
  if (op === "not") return { text: `!${wrap(first, 8)}`, precedence: 8 };
  const name = op === "cast" ? short[dtype] : op;
  return { text: `${name}(${args.map((a) => a.text).join(", ")})`, precedence: atom };
}

const wrap = (t: Text, least: number): string => (t.precedence < least ? `(${t.text})` : t.text);

/** At most seven digits: constants come from formulas, and this is for reading. */
const printNumber = (x: number): string =>
  String(Number.isInteger(x) ? x : Number(x.toPrecision(7)));
