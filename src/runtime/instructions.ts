/**
 * The grammar of instructions, written once. The types below, `encode.ts` and `print.ts` follow
 * from it; `tools/generate-program.mjs` generates `kernel/src/instructions.h`, by which the engine
 * decodes and verifies; a test fails when the two differ.
 */
import { type DType, dtypes, floats, numeric, type Shape } from "../base/index.ts";
import type { Epilogue, Expression, View } from "./expression.ts";

export type Reducer = "sum" | "max" | "min" | "argmax" | "argmin";
export const reducers: readonly Reducer[] = ["sum", "max", "min", "argmax", "argmin"];

/** The value of a field, by its type. */
interface FieldValues {
  /** A whole number of 0 or more. */
  count: number;
  flag: boolean;
  /** One number per axis. */
  numbers: readonly number[];
  reducer: Reducer;
  /** An operand, or the only output. */
  view: View;
  views: readonly View[];
  /** An optional view. */
  bias: View | undefined;
  expression: Expression;
  epilogue: Epilogue;
}

/** How a field is printed: its text, or null for nothing. */
type Show = (value: never, instruction: never) => string | null;

/** One field of an instruction: its type, and what the printer and the verifier know about it. */
export interface Field<T extends keyof FieldValues = keyof FieldValues> {
  readonly type: T;
  /**
   * The shape of a view, as a list of parts: fields of the instruction by name, `shape[from:to]`,
   * `shape[axis]`, and `shape[axis=size]` (`shape` with another size along an axis). A list used as
   * an index stands for its length.
   */
  readonly over?: readonly string[];
  /** The dtypes that the view may have: some dtypes, or the dtype of another view. */
  readonly dtype?: readonly DType[] | string;
  /** Whether the view is written. */
  readonly written?: boolean;
  /** Whether its elements must be contiguous and in order. */
  readonly dense?: boolean;
  readonly show?: Show;
  /** Where the engine stores it, if not in a member of the same name. */
  readonly member?: string;
}

const count = (show?: Show): Field<"count"> => ({ type: "count", ...(show && { show }) });
const flag: Field<"flag"> = { type: "flag" };
/** Numbers that are not printed if all of them are `usual`. */
const numbers = (label: string | null, usual?: number): Field<"numbers"> => ({
  type: "numbers",
  show: (list: readonly number[]) =>
    label === null || list.every((x) => x === usual) ? null : `${label} ${list.join("×")}`,
});
const operand = (over: readonly string[], dtype: Field["dtype"] = dtypes): Field<"view"> => ({
  type: "view",
  over,
  dtype,
});
const output = (over: readonly string[], dtype: Field["dtype"]): Field<"view"> => ({
  ...operand(over, dtype),
  written: true,
});
/**
 * What products and convolutions apply to a result first: r ← r + bias, one number per channel,
 * then r ← max(r, 0), where NaN stays NaN. The epilogue receives the result.
 */
const activation = { bias: { type: "bias", over: ["shape"] }, relu: flag } as const;
const epilogue = (over: readonly string[]): Field<"epilogue"> => ({ type: "epilogue", over });

const hidden: Show = () => null;
const axis = count((at: never, { axisSize }: { axisSize: number }) => `axis ${at} of ${axisSize}`);

/** Every kind of instruction, in the order of its code, with its fields in the order of their words. */
export const grammar = {
  /** outputs[j][i] = expression(inputs[…][i]) for every index i of `shape`. */
  map: {
    inputs: { type: "views", over: ["shape"], member: "fused.inputs" },
    outputs: { type: "views", over: ["shape"], member: "fused.outputs", written: true },
    expression: { type: "expression", member: "fused.expression" },
  },
  /**
   * r[k] = reducer over the trailing axes of `before(inputs[k, …])`; outputs[j][k] = after(r[k],
   * …). The first `kept` axes of `shape` are kept. The last `inner` axes form a line of
   * neighbouring elements; with `inner` 0, neighbouring results are reduced side by side. The order
   * in which elements are added follows from these numbers alone, so that a sum has the same bits
   * however its elements are computed and stored.
   *
   * argmax/argmin give the row-major index within the reduced axes (int32), the first on ties, the
   * first NaN if there is one. An empty sum is 0, an empty max/min is ∓Infinity (for int32 the
   * extreme integers), an empty argmax is refused.
   */
  reduce: {
    kept: count(hidden),
    inner: count(hidden),
    reducer: { type: "reducer" },
    inputs: { type: "views", over: ["shape"] },
    /** One result, over `shape`. */
    before: { type: "expression" },
    epilogue: epilogue(["shape[:kept]"]),
  },
  /** r[b…, m, n] = Σ_k a[b…, m, k] · b[b…, k, n]; `shape` is [b…, m, n]. The channels of a bias are n. */
  matmul: {
    k: count(hidden),
    a: operand(["shape[:-1]", "k"], numeric),
    b: operand(["shape[:-2]", "k", "shape[-1]"], "a"),
    ...activation,
    epilogue: epilogue(["shape"]),
  },
  /**
   * Cross-correlation in 1, 2 or 3 dimensions:
   *
   *   r[n, g, o, p…] = Σ_{c, q…} x̃[n, g, c, p·stride + q·kernelDilation − padLow] · w[g, o, c, q…]
   *
   * where x̃ is x with inputDilation − 1 zeros between neighbours, and 0 outside. padLow may be
   * negative (a crop). `shape` is [n, g, o, p…], the shape of the result; sizes are before dilation. The
   * channels of a bias are g and o.
   */
  conv: {
    channels: count(hidden),
    inputSize: numbers(null),
    kernelSize: numbers(null),
    stride: numbers("stride", 1),
    padLow: numbers("pad", 0),
    inputDilation: numbers("inputDilation", 1),
    kernelDilation: numbers("dilation", 1),
    x: operand(["shape[:2]", "channels", "inputSize"], floats),
    w: operand(["shape[1:3]", "channels", "kernelSize"], "x"),
    ...activation,
    epilogue: epilogue(["shape"]),
  },
  /**
   * Overlap-add, the adjoint of taking windows:
   *
   *   output[l…, s…] = Σ over (p, q) with p·stride + q·dilation = s of input[l…, p…, q…]
   *
   * over the last axes. `shape` is [l…, s…].
   */
  fold: {
    positions: numbers(null),
    windowSize: numbers(null),
    stride: numbers("stride"),
    dilation: numbers("dilation"),
    input: operand(["shape[:-windowSize]", "positions", "windowSize"], numeric),
    output: output(["shape"], "input"),
  },
  /** output[i] = x[i with its `axis` replaced by indices[i]]; an index outside 0…axisSize−1 is a run-time error. */
  gather: {
    axis,
    axisSize: count(hidden),
    x: operand(["shape[axis=axisSize]"]),
    indices: operand(["shape"], ["int32"]),
    output: output(["shape"], "x"),
  },
  /** output = 0; output[i with its `axis` replaced by indices[i]] += updates[i]. The output is dense. */
  scatterAdd: {
    axis,
    axisSize: count(hidden),
    indices: operand(["shape"], ["int32"]),
    updates: operand(["shape"], numeric),
    output: { ...output(["shape[axis=axisSize]"], "updates"), dense: true },
  },
  /** Running sum along the last axis, from the end if `reverse`. */
  cumsum: {
    reverse: flag,
    input: operand(["shape"], numeric),
    output: output(["shape"], "input"),
  },
  /** Stable argsort along the last axis; NaN last. */
  argsort: {
    descending: flag,
    input: operand(["shape"]),
    output: output(["shape"], ["int32"]),
  },
} as const satisfies Record<string, Readonly<Record<string, Field>>>;

export type InstructionKind = keyof typeof grammar;
export const instructionKinds = Object.keys(grammar) as readonly InstructionKind[];

/** The error about a value: what it belongs to, what it must be, and the fix. */
export interface Blame {
  readonly subject: string;
  readonly wanted: string;
  readonly fix: string;
  /** The factor of the value in its code. */
  readonly scale: number;
}

/** Metadata of an instruction that is not encoded. */
interface Notes {
  /** What an index out of range means, if it is not an index but the code of a forbidden value. */
  gather: { readonly blame?: Blame };
}

/** Optional fields of products and convolutions. */
interface Activation {
  readonly bias?: View | undefined;
  readonly relu?: boolean | undefined;
}

type Fields<K extends InstructionKind> = (typeof grammar)[K];

/** An instruction of one kind. */
export type InstructionOf<K extends InstructionKind> = {
  readonly kind: K;
  /** The shape of the result; for a reduction, of its input. */
  readonly shape: Shape;
} & {
  readonly [F in Exclude<keyof Fields<K>, keyof Activation>]: Fields<K>[F] extends Field<infer T>
    ? FieldValues[T]
    : never;
} & ("bias" extends keyof Fields<K> ? Activation : unknown) &
  (K extends keyof Notes ? Notes[K] : unknown);

export type Instruction = { [K in InstructionKind]: InstructionOf<K> }[InstructionKind];

/** The fields of an instruction with their values. */
export function fieldsOf(i: Instruction): { name: string; field: Field; value: unknown }[] {
  const values = i as unknown as Readonly<Record<string, unknown>>;
  return Object.entries<Field>(grammar[i.kind]).map(([name, field]) => ({
    name,
    field,
    value: values[name],
  }));
}

/** One parsed part of {@link Field.over}. */
export const pieceOf = (piece: string) => {
  const [, name, from, to, at, size] =
    /^(\w+)(?:\[(?:(-?\w*):(-?\w*)|(-?\w+)(?:=(\w+))?)\])?$/.exec(piece) ?? [];
  return { name: name!, from, to, at, size };
};

/** The shape of a view of the instruction. */
export function shapeOver(over: readonly string[], i: Instruction): Shape {
  const values = i as unknown as Readonly<Record<string, number | readonly number[]>>;
  const index = (text: string | undefined): number | undefined => {
    if (!text) return undefined;
    const [sign, name] = text.startsWith("-") ? [-1, text.slice(1)] : [1, text];
    const value = /^\d/.test(name) ? Number(name) : values[name]!;
    return sign * (typeof value === "number" ? value : value.length);
  };
  return over.flatMap((piece) => {
    const { name, from, to, at, size } = pieceOf(piece);
    const value = values[name]!;
    if (typeof value === "number") return [value];
    if (size !== undefined) return value.with(index(at)!, index(size)!);
    return at !== undefined ? [value.at(index(at)!)!] : value.slice(index(from), index(to));
  });
}
