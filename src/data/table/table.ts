import { checkOptions, DataError, describe, type OptionNames } from "../../base/index.ts";
import { type Column, emptyReader, numberReader, textReader } from "./columns.ts";
import type { MissingWords } from "./decide.ts";
import { dialectOf } from "./dialect.ts";
import { notesOf } from "./notes.ts";
import type { Decimal } from "./numbers.ts";
import { planOf } from "./plan.ts";
import { openText, type TextSource, textOf } from "./text-source.ts";
import { scanRows, walkRows } from "./walk.ts";

/** How a table is written; what is left out, the table itself decides. */
export interface TableOptions {
  /** Whether the first row holds names. Default `"auto"`. */
  readonly header?: "auto" | boolean | undefined;
  /** What stands between cells: a character, or `tab`, `space` for any run of spaces. */
  readonly delimiter?: string | undefined;
  /** A label of the Encoding Standard, such as `latin1`. Default: by the file's mark, else UTF-8. */
  readonly encoding?: string | undefined;
  /** The mark before fractions; the other one groups thousands. */
  readonly decimal?: Decimal | undefined;
  /** Words that are missing values, instead of the usual ones: in all columns, or by column. */
  readonly na?: MissingWords | undefined;
  /** What columns hold, by name: `"number"` or `"text"`. */
  readonly types?: Readonly<Record<string, "number" | "text">> | undefined;
  /** Columns that are not read, by name or index. */
  readonly drop?: readonly (string | number)[] | undefined;
  /** The table that this one belongs to: what this one does not say of itself, that one does. */
  readonly like?: TableLike | undefined;
}

export const tableNames: OptionNames<TableOptions> = {
  ...{ header: true, delimiter: true, encoding: true, decimal: true, na: true, types: true },
  ...{ drop: true, like: true },
};

/** What is known of a table from the one that a network was trained on. */
export interface TableLike {
  /** All its columns in their order, by which a table without names is read. */
  readonly layout: readonly string[];
  /** Whether these are names of a header. */
  readonly header: boolean;
  /** Those that are inputs, and the one that is predicted. */
  readonly inputs: readonly string[];
  readonly target: string | null;
  /** Columns whose cells are texts, though they may look like numbers. */
  readonly texts: readonly string[];
  readonly decimal: Decimal;
  readonly given: GivenFormat;
}

/** What was said of how a table is written, and not decided. */
export type GivenFormat = Omit<TableOptions, "drop" | "like">;

/** How a table was read: what was given or decided. Plain data. */
export interface TableFormat {
  readonly delimiter: string;
  readonly header: boolean;
  readonly encoding: string;
  readonly decimal: Decimal;
  /** The names of all columns, in the order of the file. */
  readonly names: readonly string[];
  readonly given: GivenFormat;
}

/** A table in columns: numbers in float64, texts by category. */
export interface Table {
  /** The file, for errors. */
  readonly source: string;
  /** Its rows, blank ones left out. */
  readonly size: number;
  /** The columns that were read, in the order of the file. */
  readonly columns: readonly Column[];
  /** The line of the file on which each row ends, from 1. */
  readonly lines: Int32Array;
  readonly format: TableFormat;
  /** What was decided, for people: a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads a CSV file, or text that is parted by semicolons, tabs, bars or spaces; gzip or not. What is
 * not given is decided by the whole file, by rules that {@link Table.notes} report: see the guide.
 *
 * The file is streamed, twice: the first walk decides, the second reads, so that memory holds the
 * numbers and not the text.
 *
 * @throws {DataError} if there is no row, or a cell is no number where numbers are, with line and column.
 * @throws {FormatError} if the file is no such text, or rows differ in length.
 * @throws {ConfigError} if an option means nothing, or the file leaves open what its numbers mean.
 * @example
 * const table = await readTable("penguins.csv");
 * table.columns.map(({ name, type }) => `${name}: ${type}`); // ["species: text", "bill: number", "mass: number"]
 */
export async function readTable(
  from: string | Uint8Array,
  options: TableOptions & { readonly name?: string } = {},
): Promise<Table> {
  checkOptions("readTable", options, { ...tableNames, name: "text" });
  const whole = withGiven(options);
  return read(
    await openText(from, { encoding: whole.encoding, name: options.name ?? "CSV" }),
    whole,
  );
}

/**
 * {@link readTable} for text that is already here.
 *
 * @param source the name that errors give the text.
 * @example
 * const { columns, notes } = await parseTable("a;b\n1,5;x\n2,5;y");
 * columns[0].values; // Float64Array [1.5, 2.5]
 */
export async function parseTable(
  text: string,
  options: TableOptions = {},
  source = "CSV",
): Promise<Table> {
  checkOptions("parseTable", options, tableNames);
  if (typeof text !== "string")
    throw new DataError({
      subject: "parseTable",
      problem: `${describe(text)} is no text.`,
      fix: "give a string, or give bytes or a path to readTable.",
    });
  return read(textOf(text, source), withGiven(options));
}

/** The options that say how a table is written, those that are left out left out. */
function givenOf({ header, delimiter, encoding, decimal, na, types }: TableOptions): GivenFormat {
  const all = { header, delimiter, encoding, decimal, na, types };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** What was said of the table that this one belongs to holds for it, too. */
const withGiven = (options: TableOptions): TableOptions => ({
  ...options.like?.given,
  ...givenOf(options),
  ...(options.drop && { drop: options.drop }),
  ...(options.like && { like: options.like }),
});

/** Text that decides how the cells are cut. */
const headLength = 1 << 18;

async function read(text: TextSource, options: TableOptions): Promise<Table> {
  const dialect = dialectOf(await headOf(text), options.delimiter, text.name);
  const scan = await scanRows(text, dialect);
  const plan = planOf(text.name, dialect, scan, options);
  const { names, header, decimal, columns: planned } = plan;
  const size = scan.rows - (header ? 1 : 0);
  const readers = planned.map((column) => {
    const reader = { number: numberReader, text: textReader, empty: emptyReader }[column.type];
    return reader({ ...column, size, source: text.name, decimal });
  });
  const lines = new Int32Array(size);
  let n = 0;
  let isNames = header;
  await walkRows(text, dialect, (row) => {
    if (!isNames) {
      lines[n++] = row.line;
      for (let i = 0; i < readers.length; i++) readers[i]!.take(row, planned[i]!.index);
    }
    isNames = false;
  });
  const { delimiter } = dialect;
  const given = givenOf(options);
  return {
    source: text.name,
    size,
    columns: readers.map((reader) => reader.done()),
    lines,
    format: { delimiter, header, encoding: text.encoding, decimal, names, given },
    notes: notesOf(text, dialect, scan, plan),
  };
}

async function headOf(text: TextSource): Promise<string> {
  let head = "";
  for await (const piece of text.pieces()) {
    head += piece;
    if (head.length >= headLength) break;
  }
  const cut = head.lastIndexOf("\n", headLength) + 1;
  return head.length < headLength || cut === 0 ? head : head.slice(0, cut);
}
