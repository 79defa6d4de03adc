import { ConfigError, DataError, FormatError, type HostArray, nearest } from "../base/index.ts";
import { readBytes } from "../formats/index.ts";
import { type Fill, fillGaps, fillOf } from "./csv-fill.ts";
import { isMissing, isNumber, isNumeric, parseTable, type Table } from "./csv-table.ts";
import { makeSplit, type Split, type Task } from "./dataset.ts";

/** What the columns of a table mean. */
export interface CsvOptions {
  /**
   * Whether the first row holds names. `"auto"`, the default, takes it for a header if some column
   * has text there and nothing but numbers below.
   */
  readonly header?: "auto" | boolean;
  /** The column to predict, by name or by index from 0; negative counts from the end. Default −1. */
  readonly target?: string | number;
  /** `"classification"` (default): each distinct target is a class. `"regression"`: a number. */
  readonly task?: Task;
  /** Columns to leave out, such as a row's number, by name or index. */
  readonly drop?: readonly (string | number)[];
  /**
   * Fills missing inputs with their column's mean, median or commonest value; in a column of text
   * always the commonest. A missing target is not filled. Default: not filled.
   */
  readonly fill?: Fill;
  /** Leaves out rows with a cell missing that is used and not filled. Default false: an error. */
  readonly dropMissing?: boolean;
  /** Gives each column of text one more input, `column=other`, for what training has not seen. Default false: that is an error. */
  readonly other?: boolean;
  /** The training set of this test set: its classes and categories get the same numbers here. */
  readonly like?: CsvSplit;
}

/** A table as a split, with the meaning of its numbers. */
export interface CsvSplit extends Split {
  /** What each input is: a column's name, or `column=category`. */
  readonly features: readonly string[];
  /** Class names in the order of their indices; absent for regression. */
  readonly classes?: readonly string[];
  /** Per input column, its categories if it is text, else null. */
  readonly categories: readonly (readonly string[] | null)[];
  /** Per input column, what its missing cells are filled with; absent if they are not filled. */
  readonly fills?: readonly string[];
}

/** The category of what training has not seen. */
const otherName = "other";

/** More distinct texts than this are names or dates, not categories. */
const mostCategories = 64;

/**
 * Reads a CSV file: numeric columns become inputs as they are, text columns one input per category
 * (1 where it holds), one column the target. Comma, semicolon or tab.
 *
 * With `like`, `fill` takes the values of the training set.
 * {@link fitStandardization} with {@link numericFeatures} standardizes numbers and leaves categories 0 and 1.
 *
 * Classes and categories are numbered in numeric order if they are numbers, else alphabetically.
 * Missing cells are empty, `?`, `NA`, `N/A`, `NaN` or `null`.
 *
 * @returns inputs `[N, D]` float32; targets `[N]` int32 class indices, or float32 for regression.
 * @throws {DataError} if a cell is missing or is no number where numbers are, with line and column.
 * @throws {FormatError} if the text is not CSV. @throws {ConfigError} if a column does not exist.
 * @example
 * const penguins = await readCsv("penguins.csv", { target: "species", dropMissing: true });
 * penguins.classes; // ["Adelie", "Chinstrap", "Gentoo"]
 */
export async function readCsv(path: string, options: CsvOptions = {}): Promise<CsvSplit> {
  const bytes = await readBytes(path);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError({
      subject: path,
      problem: "the file is not UTF-8 text.",
      fix: "save the table as CSV in UTF-8.",
    });
  }
  return parseCsv(text, options, path);
}

/**
 * {@link readCsv} for text that is already here.
 *
 * @param source the name that errors give the text.
 * @example
 * (await parseCsv("1,2,yes\n3,4,no")).inputs.data; // Float32Array [1, 2, 3, 4]
 */
export async function parseCsv(
  text: string,
  options: CsvOptions = {},
  source = "CSV",
): Promise<CsvSplit> {
  const { header = "auto", target = -1, task = "classification", drop = [], like, fill } = options;
  const whole = await parseTable(text, header, source);
  const answer = columnIndex(whole, target);
  const dropped = new Set(drop.map((column) => columnIndex(whole, column)));
  if (dropped.has(answer)) throw droppedTarget(whole, answer);
  const inputs = whole.names.map((_, i) => i).filter((i) => i !== answer && !dropped.has(i));
  if (inputs.length === 0) throw noInputs(whole);
  const fills = like?.fills ?? (fill && inputs.map((column) => fillOf(whole, column, fill)));
  const filled = fills ? fillGaps(whole, inputs, fills) : whole;
  const table = completeRows(filled, [...inputs, answer], options.dropMissing ?? false);
  const categories = inputs.map(
    (column, i) =>
      like?.categories[i] ?? categoriesOf(table, column, like !== undefined, options.other),
  );
  const { features, data } = toInputs(table, inputs, categories, options.other);
  const rows = table.rows.length;
  if (like && !isLike(features, like.features)) throw unlike(table, features, like);
  const classes = task === "regression" ? undefined : (like?.classes ?? classesOf(table, answer));
  const targets = classes ? toClasses(table, answer, classes) : toNumbers(table, answer);
  const split = makeSplit({ dtype: "float32", shape: [rows, features.length], data }, targets);
  return { ...split, features, categories, ...(classes && { classes }), ...(fills && { fills }) };
}

function columnIndex({ source, names }: Table, column: string | number): number {
  const index =
    typeof column === "string"
      ? names.indexOf(column)
      : column < 0
        ? column + names.length
        : column;
  if (Number.isInteger(index) && index >= 0 && index < names.length) return index;
  const near = typeof column === "string" ? nearest(column, names) : undefined;
  throw new ConfigError({
    subject: source,
    problem: `no column ${JSON.stringify(column)} among ${names.length}: ${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""}.`,
    fix: near ? `did you mean "${near}"?` : "name a column of the file, or give its index from 0.",
  });
}

/** The table without rows that lack a cell in `columns`, if they may be dropped. */
function completeRows(table: Table, columns: readonly number[], dropMissing: boolean): Table {
  const gap = (row: readonly string[]) => columns.find((column) => isMissing(row[column]!));
  const torn = table.rows.findIndex((row) => gap(row) !== undefined);
  if (torn < 0) return table;
  if (!dropMissing)
    throw badCell(table, torn, gap(table.rows[torn]!)!, {
      problem: "the value is missing",
      fix: "fill the cell, or pass dropMissing: true to leave such rows out.",
    });
  const kept = table.rows.map((row) => gap(row) === undefined);
  const rows = table.rows.filter((_, i) => kept[i]);
  if (rows.length === 0)
    throw new DataError({
      subject: table.source,
      problem: `each of its ${table.rows.length} rows has a missing value.`,
      fix: "leave out the empty columns with drop.",
    });
  return { ...table, rows, lines: table.lines.filter((_, i) => kept[i]) };
}

/** Null for a column of numbers; one that is mostly numbers counts as such, and its texts as slips. */
function categoriesOf(
  table: Table,
  column: number,
  isKnown: boolean,
  other = false,
): readonly string[] | null {
  if (isKnown) return null; // a column of numbers in the training set
  const cells = table.rows.map((row) => row[column]!);
  if (isNumeric(cells)) return null;
  const categories = sorted(new Set(cells));
  if (other && !categories.includes(otherName)) categories.push(otherName);
  if (categories.length <= mostCategories) return categories;
  throw new DataError({
    subject: table.source,
    problem: `column "${table.names[column]}" holds ${categories.length} different texts, which are no categories (at most ${mostCategories}).`,
    fix: `leave it out with drop: [${JSON.stringify(table.names[column])}].`,
  });
}

const sorted = (values: Iterable<string>): string[] => {
  const list = [...values];
  const byNumber = list.every(isNumber);
  return list.sort((a, b) => (byNumber ? Number(a) - Number(b) : a < b ? -1 : 1));
};

function toInputs(
  table: Table,
  columns: readonly number[],
  categories: readonly (readonly string[] | null)[],
  other = false,
): { features: string[]; data: Float32Array } {
  const features = columns.flatMap((column, i) => {
    const name = table.names[column]!;
    return categories[i]?.map((category) => `${name}=${category}`) ?? [name];
  });
  const data = new Float32Array(table.rows.length * features.length);
  for (let row = 0, at = 0; row < table.rows.length; row++)
    columns.forEach((column, i) => {
      const texts = categories[i];
      if (texts) data[at + indexOf(table, row, column, texts, other)] = 1;
      else data[at] = numberAt(table, row, column);
      at += texts?.length ?? 1;
    });
  return { features, data };
}

function indexOf(
  table: Table,
  row: number,
  column: number,
  known: readonly string[],
  other = false,
): number {
  const cell = table.rows[row]![column]!;
  const index = known.indexOf(cell);
  if (index >= 0) return index;
  if (other && known.includes(otherName)) return known.indexOf(otherName);
  throw badCell(table, row, column, {
    problem: `"${cell}" is none of ${known.slice(0, 10).join(", ")}${known.length > 10 ? ", …" : ""}`,
    fix: "correct the cell, or train on data that has this value.",
  });
}

function numberAt(table: Table, row: number, column: number): number {
  const cell = table.rows[row]![column]!;
  const value = Math.fround(Number(cell));
  if (isNumber(cell) && Number.isFinite(value)) return value;
  throw badCell(table, row, column, {
    problem: `"${cell}" is not a number that float32 holds`,
    fix: "correct the cell, or leave the column out with drop.",
  });
}

function classesOf(table: Table, column: number): string[] {
  const classes = sorted(new Set(table.rows.map((row) => row[column]!)));
  const fraction = classes.find((name) => isNumber(name) && !Number.isInteger(Number(name)));
  if (fraction === undefined) return classes;
  throw new ConfigError({
    subject: table.source,
    problem: `the target column "${table.names[column]}" holds ${fraction}, which is no class.`,
    fix: 'pass task: "regression" to predict numbers, or choose another target.',
  });
}

const toClasses = (table: Table, column: number, classes: readonly string[]): HostArray => ({
  dtype: "int32",
  shape: [table.rows.length],
  data: Int32Array.from(table.rows, (_, row) => indexOf(table, row, column, classes)),
});

const toNumbers = (table: Table, column: number): HostArray => ({
  dtype: "float32",
  shape: [table.rows.length],
  data: Float32Array.from(table.rows, (_, row) => numberAt(table, row, column)),
});

function badCell(
  { source, names, lines }: Table,
  row: number,
  column: number,
  { problem, fix }: { problem: string; fix: string },
): DataError {
  const where = `line ${lines[row]}, column "${names[column]}" (index ${column})`;
  return new DataError({ subject: source, problem: `${where}: ${problem}.`, fix });
}

const droppedTarget = ({ source, names }: Table, column: number): ConfigError =>
  new ConfigError({
    subject: source,
    problem: `the column "${names[column]}" is dropped, and is the target.`,
    fix: "name another target, or drop other columns.",
  });

const noInputs = ({ source, names }: Table): DataError =>
  new DataError({
    subject: source,
    problem: `no column is left for the inputs (${names.length} in the file).`,
    fix: "drop fewer columns.",
  });

/** The same inputs by name; where one table has no header, by number. */
function isLike(features: readonly string[], known: readonly string[]): boolean {
  const isUnnamed = (names: readonly string[]) => names.every((name) => /^x\d+(=|$)/.test(name));
  if (features.length !== known.length) return false;
  return isUnnamed(features) || isUnnamed(known) || known.every((name, i) => name === features[i]);
}

function unlike({ source }: Table, features: readonly string[], like: CsvSplit): DataError {
  const odd = like.features.findIndex((name, i) => name !== features[i]);
  return new DataError({
    subject: source,
    problem:
      features.length === like.features.length
        ? `input ${odd} is "${features[odd]}", but "${like.features[odd]}" in its training set.`
        : `${features.length} inputs, but its training set has ${like.features.length}.`,
    fix: "give a file with the same columns, and the same target and drop.",
  });
}

/**
 * Which inputs are numbers and not categories, for {@link fitStandardization}.
 *
 * @example
 * const csv = await parseCsv("red,1,u\nblue,2,v");
 * csv.features; // ["x0=blue", "x0=red", "x1"]
 * numericFeatures(csv); // [2]
 */
export function numericFeatures({ categories }: CsvSplit): number[] {
  let at = 0;
  return categories.flatMap((texts) => {
    const here = at;
    at += texts?.length ?? 1;
    return texts ? [] : [here];
  });
}
