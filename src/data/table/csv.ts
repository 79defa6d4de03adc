import { checkOptions, DataError, type OptionNames } from "../../base/index.ts";
import type { Split, Task } from "../dataset.ts";
import { fitTable, usableRows } from "../preparation/fit-table.ts";
import type { Fill } from "../preparation/fit-table-options.ts";
import { meanAndDeviation } from "../preparation/measure.ts";
import { classesOf, featuresOf, type Preparation } from "../preparation/preparation.ts";
import {
  completeRows,
  prepareTable,
  tableInputs,
  tableLike,
} from "../preparation/prepare-table.ts";
import { allRows, numbersAt } from "../preparation/rows.ts";
import { parseTable, readTable, tableNames } from "./table.ts";
import type { Table, TableOptions } from "./types.ts";

/** The meaning of the columns, and how the table is written. */
export interface CsvOptions extends Omit<TableOptions, "like"> {
  /**
   * The column to predict, by name or by index from 0; negative counts from the end. Default: the
   * last that has a value.
   */
  readonly target?: string | number;
  /** `"classification"` (default): each distinct target is a class. `"regression"`: a number. */
  readonly task?: Task;
  /**
   * Fills missing inputs with their column's mean, median or most frequent value; in text columns
   * always the most frequent. Missing targets are not filled. Default: no filling.
   */
  readonly fill?: Fill;
  /** Drops rows with a missing cell that is used and not filled. Default false: an error. */
  readonly dropMissing?: boolean;
  /**
   * Gives each text column one more input, `column=other`, for categories that training has not
   * seen. Default false: they are an error.
   */
  readonly other?: boolean;
  /** The training set of this test set: this one is prepared in the same way. */
  readonly like?: CsvSplit;
}

const names: OptionNames<CsvOptions> = {
  ...{ ...tableNames, target: true, task: true, fill: true },
  ...{ dropMissing: "boolean", other: "boolean" },
};

/** A table as a split, with the meaning of its numbers. */
export interface CsvSplit extends Split {
  /** What each input is: a column's name, or `column=category`. */
  readonly features: readonly string[];
  /** Class names in the order of their indices; absent for regression. */
  readonly classes?: readonly string[];
  /** How the columns became inputs. */
  readonly preparation: Preparation;
}

/**
 * Reads a CSV file as it is: columns of numbers become inputs unchanged, columns of text one input
 * per category (1 where it holds), one column the target. How the file is written is detected as in
 * {@link readTable}.
 *
 * Inputs are float32. To standardize them, and to keep large numbers with small differences
 * distinct, use {@link readTable} and {@link fitTable}, which compute in float64.
 *
 * @returns inputs `[N, D]` float32; targets `[N]` int32 class indices, or float32 for regression.
 * @throws {DataError} naming line and column, if a cell is missing or is not a number in a numeric
 * column; or if float32 would make distinct values of a column equal.
 * @throws {FormatError} if the text is not CSV. @throws {ConfigError} if a column does not exist.
 * @example
 * const penguins = await readCsv("penguins.csv", { target: "species", dropMissing: true });
 * penguins.classes; // ["Adelie", "Chinstrap", "Gentoo"]
 */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<CsvSplit> {
  checkOptions("readCsv", options, names);
  return toSplit(await tableOf(path, options), options);
}

/**
 * {@link readCsv} for text in memory.
 *
 * @param source its name in errors.
 * @example
 * (await parseCsv("1,2,yes\n3,4,no")).inputs.data; // Float32Array [1, 2, 3, 4]
 */
export async function parseCsv(
  text: string,
  options: CsvOptions = {},
  source = "CSV",
): Promise<CsvSplit> {
  checkOptions("parseCsv", options, names);
  return toSplit(await tableOf({ text, source }, options), options);
}

function tableOf(
  from: string | { readonly text: string; readonly source: string },
  { like, target, task, fill, dropMissing, other, ...options }: CsvOptions,
): Promise<Table> {
  const written: TableOptions = like ? { ...options, like: tableLike(like.preparation) } : options;
  return typeof from === "string"
    ? readTable(from, written)
    : parseTable(from.text, written, from.source);
}

function toSplit(table: Table, options: CsvOptions): CsvSplit {
  const { like, dropMissing = false, task = "classification" } = options;
  const { target, drop, fill, other } = options;
  const fit = { target, drop, fill, other };
  const used = !like && dropMissing ? usableRows(table, fit).rows : allRows(table.size);
  if (used.length === 0) throw noWholeRow(table);
  const fitted = () => fitTable(table, { ...fit, task, standardize: false, used });
  const preparation = like?.preparation ?? fitted();
  if (!like) checkRounding(table, preparation, used);
  const rows = like && dropMissing ? completeRows(preparation, table).rows : used;
  const classes = classesOf(preparation);
  return {
    ...prepareTable(preparation, table, rows),
    features: featuresOf(tableInputs(preparation)),
    ...(preparation.target.task === "classification" && { classes }),
    preparation,
  };
}

/** The largest rounding error of float32 to accept, in deviations of its column. */
const mostRounding = 1e-3;

/** @throws {DataError} if float32 is too coarse for the differences within a column. */
function checkRounding(table: Table, preparation: Preparation, rows: Int32Array): void {
  const inputs = new Set(tableInputs(preparation).columns.map(({ name }) => name));
  for (const column of table.columns) {
    if (column.type !== "number" || !inputs.has(column.name)) continue;
    const known = numbersAt(column.values, rows);
    let off = 0;
    for (const x of known) off = Math.max(off, Math.abs(Math.fround(x) - x));
    const { std } = meanAndDeviation(known);
    if (!Number.isFinite(off) || off <= mostRounding * std) continue;
    throw new DataError({
      subject: table.source,
      problem: `float32 moves values of column "${column.name}" (index ${column.index}), such as ${known[0]}, by up to ${off}; their standard deviation is ${Number(std.toPrecision(3))}.`,
      fix: "read it with readTable and fitTable, which standardize before they round, or leave it out with drop.",
    });
  }
}

/**
 * Which inputs are numbers rather than categories, for {@link fitStandardization}.
 * @example
 * const csv = await parseCsv("red,1,u\nblue,2,v");
 * csv.features; // ["x0=blue", "x0=red", "x1"]
 * numericFeatures(csv); // [2]
 */
export function numericFeatures({ preparation }: CsvSplit): number[] {
  let at = 0;
  return tableInputs(preparation).columns.flatMap((column) => {
    const here = at;
    at += column.type === "number" ? 1 : column.categories.length;
    return column.type === "number" ? [here] : [];
  });
}

const noWholeRow = ({ source, size }: Table): DataError =>
  new DataError({
    subject: source,
    problem: `each of its ${size} rows has a missing value.`,
    fix: "leave out the empty columns with drop.",
  });
