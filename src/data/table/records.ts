/** Tables of values that are typed already: of JSON, Parquet and Arrow. */
import { ConfigError, DataError } from "../../base/index.ts";
import type { Column } from "./columns.ts";
import { isMissingIn, missingNumbersIn } from "./decide.ts";
import { parseNumber } from "./numbers.ts";
import { columnIndex } from "./plan.ts";
import type { Table, TableOptions } from "./types.ts";

/** Columns of a file before their types are decided. */
export interface ValueColumns {
  /** `JSON lines`, for notes. */
  readonly kind: string;
  readonly size: number;
  readonly columns: readonly { readonly name: string; readonly values: ArrayLike<unknown> }[];
  /** Where each row is, for errors; default 1, 2, … */
  readonly lines?: Int32Array | undefined;
}

/** Options that say how a text is written. */
const ofText = ["header", "delimiter", "encoding", "decimal"] as const;

/** @throws {ConfigError} for options of another kind of file, which would be ignored. */
export function checkTyped(source: string, kind: string, options: TableOptions): void {
  const strange = ofText.find((name) => options[name] !== undefined && options[name] !== "auto");
  if (strange === undefined) return;
  throw new ConfigError({
    subject: source,
    problem: `${strange} is for tables of text, and this is ${kind}.`,
    fix: "leave it out.",
  });
}

/**
 * Decides what columns hold. Numbers of all widths become float64; true and false, and texts, become
 * texts.
 *
 * @throws {DataError} for a column of dates, lists or records, or of integers that float64 would round.
 */
export function tableOfValues(
  source: string,
  { kind, size, columns, lines }: ValueColumns,
  { drop = [], na, types = {}, like }: TableOptions,
): Table {
  const names = columns.map(({ name }) => name);
  if (size === 0 || names.length === 0)
    throw new DataError({
      subject: source,
      problem: "no row of data.",
      fix: "give a file with at least one example.",
    });
  for (const name of like ? [] : Object.keys(types)) columnIndex(source, names, name);
  const dropped = new Set(drop.map((column) => columnIndex(source, names, column)));
  const wanted = (name: string) => !like || name === like.target || like.inputs.includes(name);
  const places = lines ?? Int32Array.from({ length: size }, (_, row) => row + 1);
  const read = columns.flatMap(({ name, values }, index): Column[] => {
    if (dropped.has(index) || !wanted(name)) return [];
    const known = like?.texts.includes(name) ? "text" : undefined;
    const type = (Object.hasOwn(types, name) ? types[name] : undefined) ?? known;
    return [columnOf({ source, name, index, values, size, places, na, type })];
  });
  const given = Object.fromEntries(
    Object.entries({ na, ...(Object.keys(types).length > 0 && { types }) }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return {
    source,
    size,
    columns: read,
    lines: places,
    format: { delimiter: "", header: true, encoding: kind, decimal: ".", names, given },
    notes: [
      `${size} ${size === 1 ? "row" : "rows"}, ${names.length} ${names.length === 1 ? "column" : "columns"}, ${kind}`,
    ],
  };
}

interface Reading {
  readonly source: string;
  readonly name: string;
  readonly index: number;
  readonly values: ArrayLike<unknown>;
  readonly size: number;
  readonly places: Int32Array;
  readonly na: TableOptions["na"];
  readonly type: "number" | "text" | undefined;
}

function columnOf(reading: Reading): Column {
  const { name, index, values, size } = reading;
  let [numbers, texts] = [0, 0];
  const isWord = isMissingIn(name, "number", reading.na);
  for (let row = 0; row < size; row++) {
    const x = values[row];
    if (isNothing(x)) continue;
    if (typeof x === "number" || typeof x === "bigint") numbers++;
    else if (typeof x === "boolean" || (typeof x === "string" && !isWord(x))) texts++;
    else if (typeof x !== "string" && !(x instanceof Date && reading.type === "text"))
      throw strange(reading, row, x);
    else if (typeof x !== "string") texts++;
  }
  if (numbers + texts === 0 && reading.type === undefined) return { name, index, type: "empty" };
  const type = reading.type ?? (numbers > texts ? "number" : "text");
  return type === "number" ? numberColumn(reading) : textColumn(reading);
}

const isNothing = (x: unknown): boolean =>
  x === null || x === undefined || (typeof x === "number" && Number.isNaN(x));

function numberColumn(reading: Reading): Column {
  const { name, index, values, size, na } = reading;
  const isMissing = isMissingIn(name, "number", na);
  const gaps = missingNumbersIn(name, na);
  const out = new Float64Array(size).fill(Number.NaN);
  for (let row = 0; row < size; row++) {
    const x = values[row];
    if (isNothing(x) || (typeof x === "string" && isMissing(x.trim()))) continue;
    const value = typeof x === "string" ? parseNumber(x.trim(), ".") : Number(x);
    if (typeof x === "boolean" || !Number.isFinite(value)) throw noNumber(reading, row, x);
    if (typeof x === "bigint" && BigInt(value) !== x) throw inexact(reading, row, x);
    if (!gaps.has(value)) out[row] = value;
  }
  return { name, index, type: "number", values: out };
}

function textColumn({ name, index, values, size, na }: Reading): Column {
  const isMissing = isMissingIn(name, "text", na);
  const codes = new Int32Array(size).fill(-1);
  const known = new Map<string, number>();
  for (let row = 0; row < size; row++) {
    const x = values[row];
    if (isNothing(x)) continue;
    const text = x instanceof Date ? x.toISOString() : String(x).trim();
    if (isMissing(text)) continue;
    const code = known.get(text) ?? known.size;
    known.set(text, code);
    codes[row] = code;
  }
  return { name, index, type: "text", codes, words: [...known.keys()] };
}

const where = ({ name, index, places }: Reading, row: number): string =>
  `row ${places[row]}, column "${name}" (index ${index})`;

const shown = (x: unknown): string => {
  const isNumber = typeof x === "bigint" || typeof x === "number";
  const text = isNumber
    ? String(x)
    : (JSON.stringify(x, (_, y) => (typeof y === "bigint" ? String(y) : y)) ?? typeof x);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
};

const noNumber = (reading: Reading, row: number, x: unknown): DataError =>
  new DataError({
    subject: reading.source,
    problem: `${where(reading, row)}: ${shown(x)} is not a finite number.`,
    fix: `correct it, list it as missing with na: [${shown(x)}], or read the column as text with types: { ${JSON.stringify(reading.name)}: "text" }.`,
  });

const inexact = (reading: Reading, row: number, x: bigint): DataError =>
  new DataError({
    subject: reading.source,
    problem: `${where(reading, row)}: ${x} is beyond 2^53, where float64 has no longer every whole number.`,
    fix: `leave the column out with drop: [${JSON.stringify(reading.name)}], or read it as text with types: { ${JSON.stringify(reading.name)}: "text" }.`,
  });

function strange(reading: Reading, row: number, x: unknown): DataError {
  const name = JSON.stringify(reading.name);
  if (x instanceof Date)
    return new DataError({
      subject: reading.source,
      problem: `column ${name} (index ${reading.index}) holds dates, such as ${Number.isNaN(x.getTime()) ? "an invalid one" : x.toISOString()}.`,
      fix: `write what matters of them as numbers (year, month, days since …), leave the column out with drop: [${name}], or read it as text with types: { ${name}: "text" }.`,
    });
  return new DataError({
    subject: reading.source,
    problem: `${where(reading, row)} holds ${Array.isArray(x) || ArrayBuffer.isView(x) ? "a list" : "a record"}, ${ArrayBuffer.isView(x) ? "bytes" : shown(x)}.`,
    fix: `a cell is a number or a text: make columns of its parts, or leave it out with drop: [${name}].`,
  });
}
