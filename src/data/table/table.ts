import { checkOptions, DataError, describe, type OptionNames } from "../../base/index.ts";
import { readBytes } from "../../formats/files.ts";
import { gunzip, isGzip } from "../../formats/gzip.ts";
import { isArrow, readArrow } from "./arrow.ts";
import { emptyReader, numberReader, textReader } from "./columns.ts";
import { dialectOf } from "./dialect.ts";
import { readJson } from "./json.ts";
import { notesOf } from "./notes.ts";
import { readParquet } from "./parquet.ts";
import { planOf } from "./plan.ts";
import { checkTyped, tableOfValues } from "./records.ts";
import {
  headOf as firstBytes,
  looksLikeJson,
  openText,
  type TextSource,
  textOf,
} from "./text-source.ts";
import type { GivenFormat, Table, TableOptions } from "./types.ts";
import { scanRows, walkRows } from "./walk.ts";

export const tableNames: OptionNames<TableOptions> = {
  ...{ header: true, delimiter: true, encoding: true, decimal: true, na: true, types: true },
  ...{ drop: true, like: true },
};

/**
 * Reads a table: CSV, or text delimited by semicolons, tabs, bars or spaces; JSON, an object per line
 * or a list of objects; Parquet; Arrow (Feather); gzip or not. Which one it is follows from the
 * content. Options that are not given are detected from the whole file, and {@link Table.notes}
 * report how: see the guide.
 *
 * Text is streamed twice: the first pass detects, the second reads, so that memory holds the
 * numbers and not the text.
 *
 * @throws {DataError} if there is no row, or naming line and column of a cell that is not a number
 * in a numeric column.
 * @throws {FormatError} if the file is not such a text, or rows differ in length.
 * @throws {ConfigError} if an option is invalid, or the file's numbers are ambiguous.
 * @example
 * const table = await readTable("penguins.csv");
 * table.columns.map(({ name, type }) => `${name}: ${type}`); // ["species: text", "bill: number", "mass: number"]
 */
export async function readTable(
  from: string | Uint8Array,
  options: TableOptions & { readonly name?: string } = {},
): Promise<Table> {
  checkOptions("readTable", options, { ...tableNames, name: "text" });
  const name = options.name ?? "CSV";
  const typed = await typedColumns(from, typeof from === "string" ? from : name, options);
  if (typed) return typed;
  const whole = withGiven(options);
  const text = await openText(from, { encoding: whole.encoding, name, json: true });
  if (!looksLikeJson((await headOf(text)).trimStart())) return read(text, whole);
  checkTyped(text.name, "JSON", options);
  return tableOfValues(text.name, await readJson(text), whole);
}

/** The table of a file whose columns have types, or undefined. */
async function typedColumns(
  from: string | Uint8Array,
  source: string,
  options: TableOptions,
): Promise<Table | undefined> {
  const head = await firstBytes(from, source);
  const isParquet = new TextDecoder("latin1").decode(head.subarray(0, 4)) === "PAR1";
  if (!isParquet && !isArrow(head)) return undefined;
  checkTyped(source, isParquet ? "Parquet" : "Arrow", options);
  const whole = typeof from === "string" ? await readBytes(from) : from;
  const bytes = isGzip(whole) ? await gunzip(whole, source, mostBytes) : whole;
  const columns = await (isParquet ? readParquet : readArrow)(bytes, source);
  return tableOfValues(source, columns, withGiven(options));
}

/**
 * {@link readTable} for text in memory.
 *
 * @param source its name in errors.
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
      problem: `${describe(text)} is not text.`,
      fix: "give a string, or give bytes or a path to readTable.",
    });
  return read(textOf(text, source), withGiven(options));
}

/** The given options of how a table is written, without the missing ones. */
function givenOf({ header, delimiter, encoding, decimal, na, types }: TableOptions): GivenFormat {
  const all = { header, delimiter, encoding, decimal, na, types };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Options given for the table that this one belongs to apply to it as well. */
const withGiven = (options: TableOptions): TableOptions => ({
  ...options.like?.given,
  ...givenOf(options),
  ...(options.drop && { drop: options.drop }),
  ...(options.like && { like: options.like }),
});

/** The beginning of the text, from which the dialect is detected. */
const headLength = 1 << 18;
/** Of an unpacked Parquet or Arrow file. */
const mostBytes = 2 ** 31 - 1;

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
