/** The second pass over a table: the values of columns whose types are known. */
import { DataError } from "../../base/index.ts";
import { type Decimal, parseNumber, plain, readPlain } from "./numbers.ts";
import type { Row } from "./tokens.ts";

/** A column of numbers, in float64, NaN where one is missing. */
export interface NumberColumn {
  readonly name: string;
  readonly index: number;
  readonly type: "number";
  readonly values: Float64Array;
}

/** A column of text: each cell is an index into `words`, −1 if it is missing. */
export interface TextColumn {
  readonly name: string;
  readonly index: number;
  readonly type: "text";
  readonly codes: Int32Array;
  readonly words: readonly string[];
}

/** A column without any value. */
export interface EmptyColumn {
  readonly name: string;
  readonly index: number;
  readonly type: "empty";
}

/** A column of a {@link Table}. */
export type Column = NumberColumn | TextColumn | EmptyColumn;

/** Receives the cells of one column, row by row. */
export interface ColumnReader {
  readonly take: (row: Row, k: number) => void;
  readonly done: () => Column;
}

export interface ReaderOptions {
  /** Expected number of rows. */
  readonly size: number;
  readonly source: string;
  readonly name: string;
  readonly index: number;
  readonly decimal: Decimal;
  readonly isMissing: (text: string) => boolean;
  /** Numbers that mean a missing value, such as −99. */
  readonly missingNumbers: ReadonlySet<number>;
}

/** The number of digits that float64 can always represent. */
const longestNumber = 300;

/** Reads numbers. @throws {DataError} for a cell that is neither a number nor missing. */
export function numberReader(options: ReaderOptions): ColumnReader {
  const { size, name, index, decimal, isMissing, missingNumbers: gaps } = options;
  const values = new Float64Array(size);
  let at = 0;
  const byDot = decimal === ".";
  const slow = (row: Row, k: number): number => {
    const text = row.cell(k);
    if (isMissing(text)) return Number.NaN;
    const value = parseNumber(text, decimal);
    if (Number.isFinite(value)) return value;
    throw slip(options, row, text);
  };
  return {
    take(row, k) {
      const { text } = row;
      let from = row.starts[k]!;
      let to = row.ends[k]!;
      while (from < to && text.charCodeAt(from) <= 0x20) from++;
      while (to > from && text.charCodeAt(to - 1) <= 0x20) to--;
      const isPlain = from < to && readPlain(text, from, to) && (byDot || plain.fraction < 0);
      const isExact = isPlain && plain.isExact && plain.fraction <= 22;
      const isLong = isPlain && to - from < longestNumber;
      const value = isExact ? plain.value : isLong ? Number(text.slice(from, to)) : slow(row, k);
      values[at++] = gaps.size > 0 && gaps.has(value) ? Number.NaN : value;
    },
    done: () => ({ name, index, type: "number", values }),
  };
}

function slip({ source, name, index }: ReaderOptions, { line }: Row, text: string): DataError {
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
  return new DataError({
    subject: source,
    problem: `line ${line}, column "${name}" (index ${index}): ${shown} is not a finite number.`,
    fix: `correct the cell, list it as missing with na: [${shown}], or read the column as text with types: { ${JSON.stringify(name)}: "text" }.`,
  });
}

/** Reads texts, storing each distinct one once. */
export function textReader({ size, name, index, isMissing }: ReaderOptions): ColumnReader {
  const codes = new Int32Array(size);
  let at = 0;
  const known = new Map<string, number>();
  const words: string[] = [];
  const add = (text: string): number => {
    if (isMissing(text)) {
      known.set(text, -1);
      return -1;
    }
    // A copy: a slice would retain the entire chunk of the file that it was cut from.
    const own = text.length < 13 ? text : JSON.parse(JSON.stringify(text));
    known.set(own, words.length);
    return words.push(own) - 1;
  };
  return {
    take(row, k) {
      const text = row.cell(k);
      codes[at++] = known.get(text) ?? add(text);
    },
    done: () => ({ name, index, type: "text", codes, words }),
  };
}

/** Skips cells of a column without values. */
export const emptyReader = ({ name, index }: ReaderOptions): ColumnReader => ({
  take() {},
  done: () => ({ name, index, type: "empty" }),
});
