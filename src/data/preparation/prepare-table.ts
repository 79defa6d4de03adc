import {
  allocate,
  ConfigError,
  checkOptions,
  DataError,
  describe,
  type HostArray,
  type OptionNames,
} from "../../base/index.ts";
import { makeSplit, type Split } from "../dataset.ts";
import type { Column, NumberColumn, TextColumn } from "../table/columns.ts";
import { readTable, tableNames } from "../table/table.ts";
import type { Table, TableLike, TableOptions } from "../table/types.ts";
import { otherName } from "./fit-table.ts";
import {
  type CategoryInput,
  featuresOf,
  type InputColumn,
  type NumberInput,
  type Preparation,
  type TableInputs,
} from "./preparation.ts";
import { allRows, isGap, labelAt, type RowsWithout, rowsWithout } from "./rows.ts";

/**
 * Reads a table for a preparation: whatever its file does not specify is taken from the training
 * file. Texts that were categories stay texts, and without a header, columns are matched by order.
 *
 * @throws like {@link readTable}.
 */
export async function readTableFor(
  preparation: Preparation,
  from: string | Uint8Array,
  options: TableOptions & { readonly name?: string } = {},
): Promise<Table> {
  checkOptions("readTableFor", options, { ...tableNames, name: "text" });
  return readTable(from, { like: tableLike(preparation), ...options });
}

/** The training file's options, for a table that does not specify them. */
export function tableLike(preparation: Preparation): TableLike {
  const { target } = preparation;
  const { layout, header, decimal, given, columns } = tableInputs(preparation);
  const inputs = columns.map(({ name }) => name);
  const texts = columns.filter(({ type }) => type === "text").map(({ name }) => name);
  const isCode = target.task === "classification" && !target.classes.every(isPlainNumber);
  if (isCode && target.column !== null) texts.push(target.column);
  return { layout, header, inputs, target: target.column, texts, decimal, given };
}

/** Whether a number would be written this way; `01` would not. */
const isPlainNumber = (text: string): boolean => String(Number(text)) === text;

/**
 * The inputs of a preparation for tables. @throws {DataError} if it is for another kind of data.
 */
export function tableInputs({ inputs }: Preparation, source = "preparation"): TableInputs {
  if (inputs.kind === "table") return inputs;
  throw new DataError({
    subject: source,
    problem: `the network was trained on ${inputs.kind}, and this is a table.`,
    fix: "give data of the kind that it was trained on.",
  });
}

/** Which columns of a table are the inputs, in order, and which is the target. */
interface Matched {
  readonly inputs: readonly Column[];
  /** Undefined if the table has no such column. */
  readonly target: NumberColumn | TextColumn | undefined;
}

/**
 * Finds the columns by their names.
 *
 * @throws {DataError} listing missing columns, unknown ones and those of another type.
 */
function match(preparation: Preparation, table: Table, needsTarget: boolean): Matched {
  const { columns, layout } = tableInputs(preparation, table.source);
  const name = preparation.target.column;
  const found = new Map(table.columns.map((column) => [column.name, column]));
  const missing = columns.filter((column) => !found.has(column.name)).map((column) => column.name);
  const target = name === null ? undefined : found.get(name);
  if (needsTarget && (!target || target.type === "empty")) missing.push(name ?? "the target");
  const isOther = ({ name, type }: InputColumn) => {
    const there = found.get(name)?.type ?? "empty";
    return there !== "empty" && there !== type;
  };
  const other = columns.filter(isOther);
  if (missing.length > 0 || other.length > 0)
    throw unlike(table, {
      missing,
      extra: table.format.names.filter((column) => !layout.includes(column)),
      other: other.map(({ name, type }) => `${name} (${found.get(name)!.type}, was ${type})`),
    });
  return {
    inputs: columns.map((column) => found.get(column.name)!),
    target: target?.type === "empty" ? undefined : target,
  };
}

function unlike(
  { source, format }: Table,
  lists: { missing: readonly string[]; extra: readonly string[]; other: readonly string[] },
): DataError {
  const said = (what: string, names: readonly string[]) =>
    names.length === 0
      ? []
      : [
          `${what} ${names.slice(0, 10).join(", ")}${names.length > 10 ? `, … (${names.length})` : ""}`,
        ];
  const parts = [
    ...said("missing:", lists.missing),
    ...said("not known:", lists.extra),
    ...said("of another type:", lists.other),
  ];
  return new DataError({
    subject: source,
    problem: `its columns are not those of the training; ${parts.join("; ")}.`,
    fix: format.header
      ? "give a file with the same columns, in any order."
      : "give a file with a header, or with all columns of the training in their order.",
  });
}

/** Whether a table has the target column. */
export const hasTarget = ({ target }: Preparation, table: Table): boolean =>
  table.columns.some(({ name, type }) => name === target.column && type !== "empty");

/**
 * The rows of a table without missing values (except filled ones), and what is missing in the
 * others.
 *
 * @param options `target`: whether a missing target counts. Default true.
 */
export function completeRows(
  preparation: Preparation,
  table: Table,
  options: { readonly target?: boolean } = {},
): RowsWithout {
  checkOptions("completeRows", options, { target: "boolean" });
  const { target: needsTarget = true } = options;
  const { columns } = tableInputs(preparation, table.source);
  const { inputs, target } = match(preparation, table, needsTarget);
  const needed = [
    ...inputs.filter((_, k) => columns[k]!.fill === null),
    ...(needsTarget ? [target!] : []),
  ];
  return rowsWithout(needed, table.size);
}

/** Options of {@link prepareTable} and {@link prepareInputs}. */
export interface PrepareTableOptions {
  /**
   * The dtype of inputs and numeric targets. Networks take float32, the default; learners compute
   * in float64.
   */
  readonly dtype?: FloatDType | undefined;
}
type FloatDType = "float32" | "float64";
type Floats = Float32Array | Float64Array;
const prepareNames: OptionNames<PrepareTableOptions> = { dtype: true };

/** @throws {ConfigError} for an unsupported dtype. */
function dtypeOf(subject: string, options: PrepareTableOptions): FloatDType {
  checkOptions(subject, options, prepareNames);
  const { dtype = "float32" } = options;
  if (dtype === "float32" || dtype === "float64") return dtype;
  throw new ConfigError({
    subject,
    problem: `dtype is ${describe(dtype)}.`,
    fix: 'give "float32" or "float64".',
  });
}

/**
 * The rows of a table as a model expects them.
 *
 * @param rows which rows, in order. Default: all.
 * @returns inputs `[N, D]`, in the requested dtype; targets `[N]`, int32 class indices or numbers
 * of that dtype.
 * @throws {DataError} if columns are not those of the training, or naming the line of a missing
 * cell, an unknown category or an unknown class.
 * @example
 * const preparation = fitTable(await parseTable("a,b,y\n1,2,u\n3,4,v"));
 * const { inputs, targets } = prepareTable(preparation, await parseTable("y,b,a\nv,2,3"));
 * inputs.data; // Float32Array [1, -1]
 * targets.data; // Int32Array [1]
 */
export function prepareTable(
  preparation: Preparation,
  table: Table,
  rows: ArrayLike<number> = allRows(table.size),
  options: PrepareTableOptions = {},
): Split {
  const dtype = dtypeOf("prepareTable", options);
  const { target } = match(preparation, table, true);
  return makeSplit(
    prepareInputs(preparation, table, rows, options),
    targetsOf(preparation, table, target!, rows, dtype),
  );
}

/** The inputs alone, `[N, D]`; the table need not have the target. */
export function prepareInputs(
  preparation: Preparation,
  table: Table,
  rows: ArrayLike<number> = allRows(table.size),
  options: PrepareTableOptions = {},
): HostArray {
  const dtype = dtypeOf("prepareInputs", options);
  const inputs = tableInputs(preparation, table.source);
  const { inputs: found } = match(preparation, table, false);
  const width = featuresOf(inputs).length;
  const data = allocate(dtype, rows.length * width) as Floats;
  let at = 0;
  inputs.columns.forEach((input, k) => {
    const column = found[k]!;
    if (input.type === "number") {
      writeNumbers(table, input, column, rows, data, at, width);
      at++;
    } else {
      writeCategories(table, input, column, rows, data, at, width);
      at += input.categories.length;
    }
  });
  return { dtype, shape: [rows.length, width], data };
}

function writeNumbers(
  table: Table,
  { fill, mean, std }: NumberInput,
  column: Column,
  rows: ArrayLike<number>,
  data: Floats,
  at: number,
  width: number,
): void {
  const dtype = data instanceof Float32Array ? "float32" : "float64";
  for (let n = 0; n < rows.length; n++) {
    const known = column.type === "number" ? column.values[rows[n]!]! : Number.NaN;
    const x = Number.isNaN(known) ? fill : known;
    if (x === null) throw missing(table, column, rows[n]!);
    const value = (x - mean) / std;
    data[n * width + at] = value;
    if (!Number.isFinite(data[n * width + at]))
      throw badCell(table, column, rows[n]!, {
        problem: `${x} is not a number that ${dtype} holds`,
        fix: "correct the cell, or leave the column out with drop.",
      });
  }
}

function writeCategories(
  table: Table,
  { fill, categories, other }: CategoryInput,
  column: Column,
  rows: ArrayLike<number>,
  data: Floats,
  at: number,
  width: number,
): void {
  const words = column.type === "text" ? column.words : [];
  const places = words.map((word) => categories.indexOf(word));
  const filled = fill === null ? -1 : categories.indexOf(fill);
  const rest = other ? categories.indexOf(otherName) : -1;
  for (let n = 0; n < rows.length; n++) {
    const code = column.type === "text" ? column.codes[rows[n]!]! : -1;
    if (code < 0 && filled < 0) throw missing(table, column, rows[n]!);
    const place = code < 0 ? filled : places[code]! < 0 ? rest : places[code]!;
    if (place < 0) throw unknown(table, column, rows[n]!, words[code]!, categories);
    data[n * width + at + place] = 1;
  }
}

/** The targets of some rows: class indices, or numbers. */
function targetsOf(
  { target }: Preparation,
  table: Table,
  column: NumberColumn | TextColumn,
  rows: ArrayLike<number>,
  dtype: FloatDType,
): HostArray {
  const gap = Array.prototype.findIndex.call(rows, (row) => isGap(column, row));
  if (gap >= 0) throw missing(table, column, rows[gap]!);
  if (target.task === "classification") {
    const { classes } = target;
    const places = new Map(classes.map((name, k) => [name, k]));
    const data = Int32Array.from(rows, (row) => {
      const word = labelAt(column, row);
      const k = places.get(word);
      if (k === undefined) throw unknown(table, column, row, word, classes);
      return k;
    });
    return { dtype: "int32", shape: [rows.length], data };
  }
  if (column.type === "text")
    throw badCell(table, column, rows[0] ?? 0, {
      problem: `"${column.words[0]}" is not a number`,
      fix: "give the numbers that are to be predicted.",
    });
  const { mean, std } = target.scale ?? { mean: 0, std: 1 };
  const data = allocate(dtype, rows.length) as Floats;
  for (let n = 0; n < rows.length; n++) data[n] = (column.values[rows[n]!]! - mean) / std;
  const odd = Array.prototype.findIndex.call(data, (x) => !Number.isFinite(x));
  if (odd >= 0)
    throw badCell(table, column, rows[odd]!, {
      problem: `${column.values[rows[odd]!]} is not a number that ${dtype} holds`,
      fix: "correct the cell, or bring the column to another unit.",
    });
  return { dtype, shape: [rows.length], data };
}

interface Complaint {
  readonly problem: string;
  readonly fix: string;
}

function badCell(
  table: Table,
  column: Column,
  row: number,
  { problem, fix }: Complaint,
): DataError {
  const where = `line ${table.lines[row]}, column "${column.name}" (index ${column.index})`;
  return new DataError({ subject: table.source, problem: `${where}: ${problem}.`, fix });
}

const missing = (table: Table, column: Column, row: number): DataError =>
  badCell(table, column, row, {
    problem: "the value is missing",
    fix: "fill the cell, leave such rows out (dropMissing: true), or fill gaps when training (fill).",
  });

const unknown = (
  table: Table,
  column: Column,
  row: number,
  word: string,
  known: readonly string[],
): DataError =>
  badCell(table, column, row, {
    problem: `"${word}" is not one of ${known.slice(0, 10).join(", ")}${known.length > 10 ? ", …" : ""}`,
    fix: "correct the cell, or train on data that has this value.",
  });
