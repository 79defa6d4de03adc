import { ConfigError, checkOptions, DataError, type OptionNames } from "../../base/index.ts";
import type { NumberColumn, TextColumn } from "../table/columns.ts";
import { columnIndex } from "../table/plan.ts";
import type { Table } from "../table/types.ts";
import type { Fill, FitTableOptions } from "./fit-table-options.ts";
import { droppedTarget, fitTarget, targetColumn } from "./fit-target.ts";
import { allFinite, mean, meanAndDeviation, median, mostFrequent } from "./measure.ts";
import {
  featuresOf,
  type InputColumn,
  type Preparation,
  preparationVersion,
  type TableInputs,
} from "./preparation.ts";
import { allRows, numbersAt, type RowsWithout, rowsWithout, sorted, wordsAt } from "./rows.ts";

export const fitTableNames: OptionNames<FitTableOptions> = {
  ...{ target: true, task: true, drop: true, fill: true, other: "boolean", standardize: "boolean" },
  ...{ scaleTarget: "boolean", used: true, rows: true, from: true },
};

/** More distinct texts than this are names or dates, not categories. */
const mostCategories = 64;
/** The category of texts that training has not seen. */
export const otherName = "other";

/**
 * Fits a preparation on a table. Categories and classes are those of all rows in use, in numeric
 * order if they are numbers, else alphabetically; means, deviations and fill values are those of
 * the training rows. They are computed in float64, so that large numbers with small differences
 * stay distinct.
 *
 * @throws {ConfigError} if a column does not exist, or the task does not fit the target.
 * @throws {DataError} if a column holds dates, has too many distinct texts, or no value to fill
 * missing cells with.
 * @example
 * const table = await readTable("penguins.csv");
 * const preparation = fitTable(table, { target: "species", fill: "median" });
 * const { inputs } = prepareTable(preparation, table);
 * inputs.shape; // [4, 2]
 */
export function fitTable(table: Table, options: FitTableOptions = {}): Preparation {
  checkOptions("fitTable", options, fitTableNames);
  const used = options.used ?? allRows(table.size);
  const rows = options.rows ?? used;
  const target = fitTarget(table, options, used, rows);
  const inputs =
    options.from?.inputs.kind === "table"
      ? options.from.inputs
      : fitInputs(table, { ...options, used }, rows, target.column!);
  return {
    version: preparationVersion,
    inputs,
    inputShape: [featuresOf(inputs).length],
    target,
  };
}

/**
 * The rows without missing values that {@link fitTable} would not fill, and how many rows each
 * column spoils: the rows to pass as `used`.
 * @example
 * const { rows, gaps } = usableRows(await parseTable("a,b,y\n1,,u\n3,4,v"));
 * rows; // Int32Array [1]
 * gaps.get("b"); // 1
 */
export function usableRows(table: Table, options: FitTableOptions = {}): RowsWithout {
  checkOptions("usableRows", options, fitTableNames);
  const target = targetColumn(table, options.target);
  const inputs = options.fill ? [] : inputColumns(table, options, target.name);
  return rowsWithout([...inputs, target], table.size);
}

function fitInputs(
  table: Table,
  options: FitTableOptions,
  rows: ArrayLike<number>,
  target: string,
): TableInputs {
  const columns = inputColumns(table, options, target).map(
    (column): InputColumn =>
      column.type === "number"
        ? fitNumbers(table, column, options, rows)
        : fitCategoryColumn(table, column, options, rows),
  );
  const { names, header, decimal, given } = table.format;
  return { kind: "table", columns, layout: names, header, decimal, given };
}

/** The columns with values that are neither the target nor dropped. */
export function inputColumns(
  table: Table,
  { drop = [] }: FitTableOptions,
  target: string,
): (NumberColumn | TextColumn)[] {
  const names = table.format.names;
  const dropped = new Set(drop.map((name) => names[columnIndex(table.source, names, name)]));
  if (dropped.has(target)) throw droppedTarget(table.source, target);
  const inputs = table.columns.filter(
    (column) => column.type !== "empty" && column.name !== target && !dropped.has(column.name),
  );
  if (inputs.length > 0) return inputs as (NumberColumn | TextColumn)[];
  throw new DataError({
    subject: table.source,
    problem: `no column is left for the inputs (${names.length} in the file).`,
    fix: "drop fewer columns.",
  });
}

function fitNumbers(
  table: Table,
  { name, values }: NumberColumn,
  { fill: how, standardize = true }: FitTableOptions,
  rows: ArrayLike<number>,
): InputColumn {
  const known = numbersAt(values, rows);
  if (how && known.length === 0) throw noValue(table, name);
  const filler = { mean, median, mode: mostFrequent };
  const fill = how ? filler[knownFill(how, table.source)](known) : null;
  if (!standardize) return { name, type: "number", mean: 0, std: 1, fill };
  const all =
    fill === null
      ? known
      : Float64Array.from(rows, (row) => (Number.isNaN(values[row]) ? fill : values[row]!));
  const scale = meanAndDeviation(all);
  if (!allFinite(scale)) throw tooLarge(table, name);
  return { name, type: "number", ...scale, fill };
}

function fitCategoryColumn(
  table: Table,
  { name, codes, words }: TextColumn,
  { fill: how, other = false, used }: FitTableOptions,
  rows: ArrayLike<number>,
): InputColumn {
  const categories = sorted(wordsAt({ codes, words }, used ?? rows));
  checkNoDates(table, name, categories);
  if (other && !categories.includes(otherName)) categories.push(otherName);
  if (categories.length > mostCategories)
    throw new DataError({
      subject: table.source,
      problem: `column "${name}" holds ${categories.length} different texts, such as ${JSON.stringify(words[0])}, which are no categories (at most ${mostCategories}).`,
      fix: `leave it out with drop: [${JSON.stringify(name)}].`,
    });
  if (how) knownFill(how, table.source);
  const fill = how ? commonest(codes, words, rows) : null;
  if (how && fill === undefined) throw noValue(table, name);
  return { name, type: "text", categories, other, fill: fill ?? null };
}

/** 2024-01-31, 31.1.2024, 1/31/24, with or without a time. */
const date =
  /^(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3(\d{4}|\d{2}))([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2}|[AaPp][Mm])?)?$/;

/** @throws {DataError} for dates, unless the column was read as text on request. */
function checkNoDates({ source, format }: Table, name: string, words: readonly string[]): void {
  const isMeant = Object.hasOwn(format.given.types ?? {}, name);
  if (isMeant || words.length === 0 || !words.every((word) => date.test(word))) return;
  throw new DataError({
    subject: source,
    problem: `column "${name}" holds dates, such as "${words[0]}", which are neither numbers nor categories.`,
    fix: `write what matters of them as numbers (year, month, days since …), leave the column out with drop: [${JSON.stringify(name)}], or take each date for a category with types: { ${JSON.stringify(name)}: "text" }.`,
  });
}

/** The most frequent word; ties go to the first in order. */
function commonest(
  codes: Int32Array,
  words: readonly string[],
  rows: ArrayLike<number>,
): string | undefined {
  const counts = new Int32Array(words.length);
  for (let n = 0; n < rows.length; n++) if (codes[rows[n]!]! >= 0) counts[codes[rows[n]!]!]!++;
  const most = counts.reduce((a, b) => Math.max(a, b), 1);
  return words.filter((_, code) => counts[code] === most).sort()[0];
}

function knownFill(fill: Fill, source: string): Fill {
  if (fill === "mean" || fill === "median" || fill === "mode") return fill;
  throw new ConfigError({
    subject: source,
    problem: `fill is ${JSON.stringify(fill)}.`,
    fix: 'use "mean", "median" or "mode".',
  });
}

const noValue = ({ source }: Table, name: string): DataError =>
  new DataError({
    subject: source,
    problem: `column "${name}" has no value to fill its gaps with in the training rows.`,
    fix: `leave it out with drop: [${JSON.stringify(name)}].`,
  });

const tooLarge = ({ source }: Table, name: string): DataError =>
  new DataError({
    subject: source,
    problem: `column "${name}" holds numbers so large that their variance is not finite.`,
    fix: `bring them to another unit, or leave the column out with drop: [${JSON.stringify(name)}].`,
  });
