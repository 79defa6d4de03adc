/** The inputs of learners, as float64 matrices, vectors and class indices. */
import { DataError, describe, type HostArray, ShapeError, show, sizeOf } from "../base/index.ts";
import { fromHost, keepHost, Tensor } from "../tensor/index.ts";

/**
 * Examples as rows: nested arrays, a host array or a tensor `[N, …]`, whose axes after the first
 * are flattened.
 */
export type Features = readonly ArrayLike<number>[] | HostArray | Tensor;

/** Targets of the rows: numbers, or names of classes. */
export type Targets = ArrayLike<number> | ArrayLike<string> | HostArray | Tensor;

/** Examples with their targets, as in `gradus/data`; `classes` names the target indices. */
export interface Examples {
  readonly inputs: HostArray;
  readonly targets: HostArray;
  readonly classes?: readonly string[] | undefined;
  readonly features?: readonly string[] | undefined;
}

/** A class as the user writes it. */
export type Label = number | string;

/** Rows of numbers, row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

const isHost = (x: unknown): x is HostArray =>
  typeof x === "object" && x !== null && "dtype" in x && "shape" in x && "data" in x;

const hostOf = (x: unknown): HostArray | undefined =>
  x instanceof Tensor ? x.toHost() : isHost(x) ? x : undefined;

/**
 * Examples as a matrix. Of a float64 host array it is the array itself: it is only read, and who keeps it takes a {@link copied} one.
 *
 * @throws {ShapeError} if rows differ in length, or there is no row or column.
 * @throws {DataError} naming row and column of what is not a finite number.
 */
export function matrixOf(subject: string, x: Features): Matrix {
  const host = hostOf(x);
  const matrix = host
    ? matrixOfHost(subject, host)
    : matrixOfRows(subject, x as readonly unknown[]);
  if (matrix.rows === 0 || matrix.columns === 0)
    throw new ShapeError({
      subject,
      problem: `there are ${matrix.rows} rows of ${matrix.columns} features.`,
      fix: "give at least one example with at least one feature.",
    });
  checkFinite(subject, matrix);
  return matrix;
}

function matrixOfHost(subject: string, { shape, data }: HostArray): Matrix {
  const [rows, ...rest] = shape;
  if (rows === undefined || rest.length === 0)
    throw new ShapeError({
      subject,
      problem: `features have shape ${show(shape)}, not rows and columns.`,
      fix: "give [N, D]; a single example is [1, D], a single feature [N, 1].",
    });
  if (data.length !== sizeOf(shape))
    throw new ShapeError({
      subject,
      problem: `${data.length} values do not fill shape ${show(shape)} (${sizeOf(shape)} values).`,
      fix: "give the shape that the values have.",
    });
  const values = data instanceof Float64Array ? data : new Float64Array(data);
  return { rows, columns: sizeOf(rest), data: values };
}

function matrixOfRows(subject: string, x: readonly unknown[]): Matrix {
  if (!Array.isArray(x))
    throw new DataError({
      subject,
      problem: `features are ${describe(x)}.`,
      fix: "give rows of numbers, a host array or a tensor.",
    });
  const columns = lengthOf(subject, x[0], 0);
  const data = new Float64Array(x.length * columns);
  x.forEach((row: unknown, i) => {
    const length = lengthOf(subject, row, i);
    if (length !== columns)
      throw new ShapeError({
        subject,
        problem: `row ${i} has ${length} features, row 0 has ${columns}.`,
        fix: "give every example the same number of features.",
      });
    for (let j = 0; j < columns; j++) data[i * columns + j] = numberAt(subject, row, i, j);
  });
  return { rows: x.length, columns, data };
}

function lengthOf(subject: string, row: unknown, i: number): number {
  if (Array.isArray(row) || ArrayBuffer.isView(row))
    return (row as unknown as ArrayLike<number>).length;
  if (row === undefined && i === 0) return 0;
  throw new ShapeError({
    subject,
    problem: `row ${i} is ${describe(row)}, not a row of numbers.`,
    fix: "give rows, such as [[1, 2], [3, 4]]; a single feature is [[1], [2]].",
  });
}

function numberAt(subject: string, row: unknown, i: number, j: number): number {
  const value = (row as ArrayLike<unknown>)[j];
  if (typeof value === "number") return value;
  throw new DataError({
    subject,
    problem: `the feature in row ${i}, column ${j} is ${describe(value)}, not a number.`,
    fix: "encode categories first, for example by OneHotEncoder.",
  });
}

function checkFinite(subject: string, { data, columns }: Matrix): void {
  if (areFinite(data)) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  throw new DataError({
    subject,
    problem: `the feature in row ${Math.floor(at / columns)}, column ${at % columns} is ${data[at]}.`,
    fix: "leave the row out, or fill the gap.",
  });
}

/** x − x is 0 but for NaN and infinities. Four sums do not wait for each other. */
function areFinite(data: Float64Array): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = data.length - (data.length % 4);
  for (let at = 0; at < whole; at += 4) {
    a += data[at]! - data[at]!;
    b += data[at + 1]! - data[at + 1]!;
    c += data[at + 2]! - data[at + 2]!;
    d += data[at + 3]! - data[at + 3]!;
  }
  for (let at = whole; at < data.length; at++) a += data[at]! - data[at]!;
  return a + b + c + d === 0;
}

/** A matrix of its own, for a learner that keeps its rows or waits before it reads them. */
export const copied = (matrix: Matrix): Matrix => ({ ...matrix, data: matrix.data.slice() });

/** The row of a matrix, as a view. */
export const rowOf = ({ data, columns }: Matrix, i: number): Float64Array =>
  data.subarray(i * columns, (i + 1) * columns);

/** Copies of some rows. */
export function takeRows(matrix: Matrix, rows: ArrayLike<number>): Matrix {
  const data = new Float64Array(rows.length * matrix.columns);
  for (let i = 0; i < rows.length; i++) data.set(rowOf(matrix, rows[i]!), i * matrix.columns);
  return { rows: rows.length, columns: matrix.columns, data };
}

/** As a tensor `[rows, columns]` in float64 that reads the matrix where it is: for use within a learner. */
export const tensorOf = ({ rows, columns, data }: Matrix): Tensor =>
  keepHost({ dtype: "float64", shape: [rows, columns], data });

/** The rows first … last of a matrix, as a view. */
export const rowsBetween = ({ columns, data }: Matrix, first: number, last: number): Matrix => ({
  rows: last - first,
  columns,
  data: data.subarray(first * columns, last * columns),
});

/** Numbers as a float64 tensor, of one axis unless a shape is given. The tensor gets a copy. */
export const vectorTensor = (
  data: Float64Array,
  shape: readonly number[] = [data.length],
): Tensor => fromHost({ dtype: "float64", shape, data: data.slice() });

/**
 * Targets as numbers, one per row. @throws {DataError} naming the row of a value that is not a
 * finite number.
 */
export function numbersOf(subject: string, y: Targets, rows: number): Float64Array {
  const values = valuesOf(subject, y, rows);
  return Float64Array.from(values as ArrayLike<number>, (value, i) => {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new DataError({
      subject,
      problem: `the target of row ${i} is ${describe(value)}, not a finite number.`,
      fix: "give a number to predict for each row; a classifier predicts names.",
    });
  });
}

/**
 * Targets as classes in ascending order (numbers by size, names by character), and each row's
 * index.
 */
export interface ClassTargets {
  readonly classes: readonly Label[];
  readonly indices: Int32Array;
}

/**
 * Targets as classes.
 *
 * @param least the minimum number of classes.
 * @throws {DataError} if a label is neither a finite number nor a string, both occur, or there are
 * too few classes.
 */
export function classesOf(subject: string, y: Targets, rows: number, least = 2): ClassTargets {
  const values = valuesOf(subject, y, rows);
  const kinds = new Set<string>();
  for (let i = 0; i < rows; i++) {
    const label = values[i] as unknown;
    kinds.add(typeof label);
    if (typeof label === "string" || (typeof label === "number" && Number.isFinite(label)))
      continue;
    throw new DataError({
      subject,
      problem: `the label of row ${i} is ${describe(label)}.`,
      fix: "give each row a finite number or a name as its class.",
    });
  }
  if (kinds.size > 1)
    throw new DataError({
      subject,
      problem: "some labels are numbers and some are texts.",
      fix: "give all as numbers or all as texts: 1 and “1” would be two classes.",
    });
  const classes = [...new Set(Array.from(values as ArrayLike<Label>))].sort(ascending);
  if (classes.length < least)
    throw new DataError({
      subject,
      problem: `all ${rows} examples are of one class, ${describe(classes[0])}.`,
      fix: "give examples of two classes or more.",
    });
  const index = new Map(classes.map((label, k) => [label, k]));
  return {
    classes,
    indices: Int32Array.from(values as ArrayLike<Label>, (label) => index.get(label)!),
  };
}

const ascending = (a: Label, b: Label): number => (a < b ? -1 : a > b ? 1 : 0);

function valuesOf(subject: string, y: Targets, rows: number): ArrayLike<number | string> {
  const host = hostOf(y);
  const values = host ? host.data : (y as ArrayLike<number | string>);
  const isList = typeof y === "object" && y !== null && typeof values.length === "number";
  if (!isList)
    throw new DataError({
      subject,
      problem: `targets are ${describe(y)}.`,
      fix: "give one target for each row, as an array or a tensor.",
    });
  if (values.length === rows && (!host || host.shape.length === 1)) return values;
  throw new ShapeError({
    subject,
    problem: `there are ${rows} rows, and targets ${host ? `of shape ${show(host.shape)}` : `for ${values.length}`}.`,
    fix: "give one target for each row.",
  });
}

/**
 * Weights of the examples, 1 if absent. @throws {DataError} if one is negative or not finite, or
 * all are 0.
 */
export function weightsOf(
  subject: string,
  weights: ArrayLike<number> | undefined,
  rows: number,
): Float64Array {
  if (weights === undefined) return new Float64Array(rows).fill(1);
  const list: ArrayLike<number> = hostOf(weights)?.data ?? weights;
  if (list?.length !== rows)
    throw new ShapeError({
      subject,
      problem: `there are ${rows} rows, and ${list?.length ?? "no list of"} sample weights.`,
      fix: "give one weight for each row.",
    });
  const values = Float64Array.from(list);
  const bad = values.findIndex((w) => !(w >= 0 && Number.isFinite(w)));
  if (bad < 0 && values.some((w) => w > 0)) return values;
  throw new DataError({
    subject,
    problem:
      bad < 0 ? "all sample weights are 0." : `the sample weight of row ${bad} is ${values[bad]}.`,
    fix: "give finite weights of 0 or more, not all of them 0.",
  });
}
