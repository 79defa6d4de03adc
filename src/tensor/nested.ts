import {
  allocate,
  DataError,
  type DType,
  describe,
  type HostArray,
  holds,
  isFloat,
  kindOf,
  placeOf,
  show,
  sizeOf,
} from "../base/index.ts";
import { widest } from "./promote.ts";

/** A typed array of numbers, of any kind. */
interface NumberArray extends ArrayBufferView {
  readonly length: number;
  readonly [index: number]: number;
}
type Row = NumberArray | BigInt64Array | BigUint64Array;

/**
 * The input of `tensor`: a number, a boolean, a typed array of any kind, or nested arrays of these.
 */
export type TensorData = number | boolean | Row | readonly TensorData[];

/** The dtype of a typed array's values by default. */
const dtypeOfKind: Readonly<Record<string, DType>> = {
  Float16Array: "float32",
  Float32Array: "float32",
  Float64Array: "float64",
  Int8Array: "int32",
  Int16Array: "int32",
  Int32Array: "int32",
  Uint8Array: "bool",
  Uint8ClampedArray: "int32",
  Uint16Array: "int32",
  Uint32Array: "int32",
  BigInt64Array: "int32",
  BigUint64Array: "int32",
};

/** More levels than anybody writes: such an array contains itself. */
const maxRank = 32;

const isRow = (x: unknown): x is Row => ArrayBuffer.isView(x) && kindOf(x) in dtypeOfKind;
const isList = (x: unknown): x is readonly TensorData[] | Row => Array.isArray(x) || isRow(x);

/**
 * The values of nested arrays. Without a dtype, typed arrays keep theirs, numbers are float32 and
 * booleans bool; mixed values take the widest.
 *
 * @throws {DataError} with the index of a value that is not a number or that the dtype cannot hold.
 */
export function readNested(values: TensorData, dtype?: DType): HostArray {
  const shape = shapeOf(values);
  const found = new Set<DType>();
  survey(values, shape, found);
  const type = dtype ?? widest([...found]) ?? "float32";
  const data = allocate(type, sizeOf(shape));
  fill({ shape, dtype: type, data }, values, 0);
  return { shape, dtype: type, data };
}

/** The sizes along the first entries. */
function shapeOf(values: TensorData): number[] {
  const shape: number[] = [];
  for (let x: unknown = values; isList(x); x = x[0]) {
    shape.push(x.length);
    if (shape.length > maxRank)
      throw new DataError({
        subject: "tensor",
        problem: `the arrays are nested more than ${maxRank} deep.`,
        fix: "give an array that does not hold itself.",
      });
    if (x.length === 0 || isRow(x)) break;
  }
  return shape;
}

/**
 * Checks that all rows have the lengths in `shape` and values of one kind; records their dtypes.
 */
function survey(values: TensorData, shape: readonly number[], found: Set<DType>): void {
  const path: number[] = [];
  const place = (axis: number) =>
    path
      .slice(0, axis)
      .map((i) => `[${i}]`)
      .join("");
  let kind: string | undefined;
  const visit = (x: unknown, axis: number): void => {
    if (!isList(x)) {
      if (typeof x !== "number" && typeof x !== "boolean") throw noNumber(x, place(axis));
      if (axis < shape.length) throw unevenRow(x, shape, axis, place(axis));
      kind ??= typeof x;
      if (typeof x !== kind) throw mixed(x, kind, place(axis));
      found.add(kind === "number" ? "float32" : "bool");
      return;
    }
    if (x.length !== shape[axis]) throw unevenRow(x, shape, axis, place(axis));
    if (!isRow(x))
      for (let i = 0; i < x.length; i++) {
        path[axis] = i;
        visit(x[i], axis + 1);
      }
    else if (axis < shape.length - 1) throw unevenRow(x, shape, axis + 1, `${place(axis)}[0]`);
    else found.add(dtypeOfKind[kindOf(x)]!);
  };
  visit(values, 0);
}

/**
 * Writes `values`, whose structure has been checked, from position `at` on; returns the next
 * position.
 */
function fill(to: HostArray, values: TensorData, at: number): number {
  if (isRow(values)) return fillRow(to, values, at);
  if (typeof values === "object") return values.reduce<number>((n, x) => fill(to, x, n), at);
  const x = Number(values);
  if (!holds(to.dtype, x)) throw notHeld(to, x, at);
  to.data[at] = x;
  return at + 1;
}

function fillRow(to: HostArray, row: Row, at: number): number {
  const { dtype, data } = to;
  if (row instanceof BigInt64Array || row instanceof BigUint64Array)
    row.forEach((x: bigint, i: number) => {
      const kept = Number(x);
      data[at + i] = kept;
      const isExact = BigInt(kept) === x && data[at + i] === kept && holds(dtype, kept);
      if (!isExact) throw notHeld(to, x, at + i);
    });
  else {
    const fits = isFloat(dtype) || (dtype === "int32" && kindOf(row) === "Int32Array");
    if (!fits)
      for (let i = 0; i < row.length; i++)
        if (!holds(dtype, row[i]!)) throw notHeld(to, row[i]!, at + i);
    data.set(row, at);
  }
  return at + row.length;
}

const subject = "tensor";

const unevenRow = (
  x: number | boolean | readonly TensorData[] | Row,
  shape: readonly number[],
  axis: number,
  place: string,
): DataError =>
  new DataError({
    subject,
    problem: `rows differ: expected ${show(shape.slice(axis))} on level ${axis}, got ${isList(x) ? `${x.length} entries` : x}${place && ` at ${place}`}.`,
    fix: "give every row the same length.",
  });

function noNumber(x: unknown, place: string): DataError {
  const problem = `${place || "the value"} is ${describe(x)}, not a number.`;
  return new DataError({ subject, problem, fix: fixFor(x, place) });
}

/** Strings must be converted, tensors stacked, host arrays wrapped: each has its own advice. */
function fixFor(x: unknown, place: string): string {
  const has = (name: string) => typeof x === "object" && x !== null && name in x;
  if (has("node") && has("shape"))
    return place
      ? "put tensors together with stack or concat."
      : "it is a tensor already; x.cast(dtype) changes its dtype.";
  if (has("data") && has("shape")) return "wrap it with fromHost.";
  if (typeof x === "string" || typeof x === "bigint")
    return "turn it into a number first: Number(x).";
  return "give numbers, booleans, typed arrays, or arrays of these.";
}

const mixed = (x: unknown, kind: string, place: string): DataError =>
  new DataError({
    subject,
    problem: `${place} is ${x}, among ${kind}s.`,
    fix: "give numbers alone, or booleans alone.",
  });

const notHeld = (to: HostArray, x: number | bigint, at: number): DataError =>
  new DataError({
    subject,
    problem: `${placeOf(at, to.shape)} is ${describe(x)}, which ${to.dtype} does not hold.`,
    fix:
      to.dtype === "int32"
        ? 'give the dtype "float32" or "float64"; its cast("int32") then cuts fractions off.'
        : to.dtype === "bool"
          ? 'give the dtype "int32" or "float32"; its cast("bool") is then x ≠ 0.'
          : 'give the dtype "float64", or smaller numbers.',
  });
