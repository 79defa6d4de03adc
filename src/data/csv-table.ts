import { DataError, FormatError } from "../base/index.ts";

/** The cells of a CSV file as text, with what errors need to point at them. */
export interface Table {
  /** The file's name, for errors. */
  readonly source: string;
  /** The header's names, or x0, x1, … */
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The line of the file on which each row ends, from 1. */
  readonly lines: readonly number[];
}

const missingWords = new Set(["", "?", "na", "n/a", "nan", "null"]);
export const isMissing = (cell: string): boolean => missingWords.has(cell.toLowerCase());

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
export const isNumber = (cell: string): boolean => number.test(cell);

/** A column that is mostly numbers counts as such, and its texts as slips. */
export const isNumeric = (cells: readonly string[]): boolean =>
  2 * cells.filter(isNumber).length > cells.length;

/**
 * Splits CSV text into rows of equal length. The delimiter is the one of `,` `;` tab that the
 * first line has most of.
 *
 * @throws {FormatError} if quotes do not close or rows differ in length. @throws {DataError} if there is no row.
 */
export async function parseTable(
  text: string,
  header: "auto" | boolean,
  source: string,
): Promise<Table> {
  const { records, lines } = await parseRecords(text, source);
  const [first] = records;
  checkWidths(records, lines, source);
  const hasHeader = header === "auto" ? looksLikeHeader(records) : header;
  if (!first || records.length === (hasHeader ? 1 : 0))
    throw new DataError({
      subject: source,
      problem: `no row of data${first ? " below the header" : ""}.`,
      fix: "give a file with at least one example.",
    });
  if (!hasHeader) return { source, names: first.map((_, i) => `x${i}`), rows: records, lines };
  return { source, names: first, rows: records.slice(1), lines: lines.slice(1) };
}

async function parseRecords(text: string, source: string) {
  const { parse } = await import("csv-parse/sync");
  const options = { bom: true, delimiter: delimiterOf(text), trim: true, skip_empty_lines: true };
  try {
    // Rows of unequal length pass here, so that our own error can name both lengths.
    const found = parse(text, { ...options, relax_column_count: true, info: true });
    const parsed = found as unknown as { record: string[]; info: { lines: number } }[];
    return { records: parsed.map((p) => p.record), lines: parsed.map((p) => p.info.lines) };
  } catch (thrown) {
    throw new FormatError({
      subject: source,
      problem: `not CSV that can be read (${thrown instanceof Error ? thrown.message : thrown}).`,
      fix: "close every quote, and double a quote inside quotes.",
    });
  }
}

function delimiterOf(text: string): string {
  const line = text.slice(0, 10_000).split(/\r?\n/, 1)[0]!;
  const count = (delimiter: string) => line.split(delimiter).length;
  return [",", ";", "\t"].reduce((best, next) => (count(next) > count(best) ? next : best));
}

function checkWidths(records: string[][], lines: number[], source: string): void {
  const width = records[0]?.length;
  const odd = records.findIndex((record) => record.length !== width);
  if (odd < 0) return;
  throw new FormatError({
    subject: source,
    problem: `line ${lines[odd]} has ${records[odd]!.length} cells, the first row has ${width}.`,
    fix: "give every row the same number of cells; quote a cell that holds the delimiter.",
  });
}

/** A header: some column has text in the first row and nothing but numbers below. */
function looksLikeHeader([first, ...below]: string[][]): boolean {
  if (!first || below.length === 0) return false;
  return first.some((name, column) => {
    if (isMissing(name) || isNumber(name)) return false;
    const cells = below.map((row) => row[column]!).filter((cell) => !isMissing(cell));
    return cells.length > 0 && cells.every(isNumber);
  });
}
