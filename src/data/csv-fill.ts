import { ConfigError, DataError } from "../base/index.ts";
import { isMissing, isNumber, isNumeric, type Table } from "./csv-table.ts";

/** What stands in for missing values of a column: the mean, the median or the commonest. */
export type Fill = "mean" | "median" | "mode";

/** The value that fills a column's gaps, as text. @throws {DataError} if it has none. */
export function fillOf(table: Table, column: number, fill: Fill): string {
  if (fill !== "mean" && fill !== "median" && fill !== "mode")
    throw new ConfigError({
      subject: table.source,
      problem: `fill is ${JSON.stringify(fill)}.`,
      fix: 'use "mean", "median" or "mode".',
    });
  const cells = table.rows.map((row) => row[column]!).filter((cell) => !isMissing(cell));
  if (cells.length === 0)
    throw new DataError({
      subject: table.source,
      problem: `column "${table.names[column]}" (index ${column}) has no value to fill its gaps with.`,
      fix: `leave it out with drop: [${JSON.stringify(table.names[column])}].`,
    });
  if (fill === "mode" || !isNumeric(cells)) return mode(cells);
  const numbers = cells.filter(isNumber).map(Number);
  return String(fill === "mean" ? mean(numbers) : median(numbers));
}

/** The table with its gaps in `columns` filled. */
export function fillGaps(
  table: Table,
  columns: readonly number[],
  fills: readonly string[],
): Table {
  const fillAt = new Map(columns.map((column, i) => [column, fills[i]!]));
  const rows = table.rows.map((row) =>
    row.map((cell, column) => (isMissing(cell) ? (fillAt.get(column) ?? cell) : cell)),
  );
  return { ...table, rows };
}

const mean = (numbers: number[]): number => numbers.reduce((a, b) => a + b / numbers.length, 0);

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle]!;
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

/** The commonest cell, the first in order of equals. */
function mode(cells: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const cell of cells) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const byCount = ([a, n]: [string, number], [b, m]: [string, number]) => m - n || (a < b ? -1 : 1);
  return [...counts].sort(byCount)[0]![0];
}
