/** Rows of a table and their values. */
import type { Column, TextColumn } from "../table/columns.ts";
import { isNumber } from "../table/numbers.ts";

/** Rows without missing values, and how many rows each column spoils. */
export interface RowsWithout {
  readonly rows: Int32Array;
  readonly gaps: ReadonlyMap<string, number>;
}

/** 0, 1, …, size − 1. */
export function allRows(size: number): Int32Array {
  const rows = new Int32Array(size);
  for (let row = 0; row < size; row++) rows[row] = row;
  return rows;
}

/** Whether a cell is missing. */
export const isGap = (column: Column, row: number): boolean =>
  column.type === "number"
    ? Number.isNaN(column.values[row])
    : column.type === "empty" || column.codes[row]! < 0;

/** The class name in a cell: `1` and `1.0` are one; "" if it is missing. */
export function labelAt(column: Column, row: number): string {
  if (isGap(column, row) || column.type === "empty") return "";
  return column.type === "text" ? column.words[column.codes[row]!]! : String(column.values[row]);
}

/** The rows without missing values in the columns. */
export function rowsWithout(columns: readonly Column[], size: number): RowsWithout {
  const gaps = new Map<string, number>();
  const torn = new Uint8Array(size);
  for (const column of columns) {
    let count = 0;
    for (let row = 0; row < size; row++)
      if (isGap(column, row)) {
        torn[row] = 1;
        count++;
      }
    if (count > 0) gaps.set(column.name, count);
  }
  return { rows: allRows(size).filter((row) => torn[row] === 0), gaps };
}

/** The numbers in some rows; missing ones are omitted, or filled. */
export function numbersAt(
  values: Float64Array,
  rows: ArrayLike<number>,
  fill?: number,
): Float64Array {
  const numbers = new Float64Array(rows.length);
  let count = 0;
  for (let n = 0; n < rows.length; n++) {
    const x = values[rows[n]!]!;
    if (!Number.isNaN(x)) numbers[count++] = x;
    else if (fill !== undefined) numbers[count++] = fill;
  }
  return numbers.subarray(0, count);
}

/** The distinct texts in some rows. */
export function wordsAt(
  { codes, words }: Pick<TextColumn, "codes" | "words">,
  rows: ArrayLike<number>,
): string[] {
  const present = new Uint8Array(words.length);
  for (let n = 0; n < rows.length; n++) if (codes[rows[n]!]! >= 0) present[codes[rows[n]!]!] = 1;
  return words.filter((_, code) => present[code] === 1);
}

/** In numeric order if all are numbers, else alphabetically. */
export const sorted = (texts: Iterable<string>): string[] => {
  const list = [...texts];
  const byNumber = list.every(isNumber);
  return list.sort((a, b) => (byNumber ? Number(a) - Number(b) : a < b ? -1 : 1));
};
