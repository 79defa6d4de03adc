/** Passes over the rows of a table, and the lines between and above them. */
import { FormatError } from "../../base/index.ts";
import type { Dialect } from "./dialect.ts";
import { ColumnScan } from "./scan.ts";
import type { TextSource } from "./text-source.ts";
import { type Row, Tokenizer } from "./tokens.ts";

/** Lines of a text that are not rows of its table. */
export interface Passed {
  titles: number;
  comments: number;
  blanks: number;
}

/**
 * Passes the rows of the table, including the header, to `take`: all have the table's width.
 *
 * @throws {FormatError} if a row has a different number of cells.
 */
export async function walkRows(
  text: TextSource,
  { delimiter, firstLine, width, lacksFirstName, isCommentHeader }: Dialect,
  take: (row: Row) => void,
): Promise<Passed> {
  const passed = { titles: 0, comments: 0, blanks: 0 };
  const tokenizer = new Tokenizer(delimiter, text.name, (row) => {
    const { count } = row;
    const first = row.text.charCodeAt(row.starts[0]!);
    if (row.line < firstLine) {
      if (row.isBlank) passed.blanks++;
      else if (first === 0x23) passed.comments++;
      else passed.titles++;
      return;
    }
    const isFirst = row.line === firstLine;
    const isComment = first === 0x23 && (count !== width || isCommentHeader) && !isFirst;
    const isMarkedHeader = first === 0x23 && isCommentHeader && isFirst;
    if (isMarkedHeader) row.starts[0]!++;
    if (isComment) passed.comments++;
    else if (isBlank(row, width)) passed.blanks++;
    else if (count === width || (isFirst && lacksFirstName && count === width - 1)) take(row);
    else if (count === width + 1 && row.cell(width) === "") {
      row.count = width; // a delimiter ends the row
      take(row);
    } else throw otherWidth(text.name, row, width);
  });
  for await (const piece of text.pieces()) tokenizer.write(piece);
  tokenizer.end();
  return passed;
}

/** A row without any value; of a table of one column, an empty line. */
function isBlank(row: Row, width: number): boolean {
  if (row.count === 0) return true;
  if (row.ends[0]! > row.starts[0]! && row.text.charCodeAt(row.starts[0]!) > 0x20) return false;
  return (row.count === 1 || width > 1) && row.isBlank;
}

const otherWidth = (source: string, { line, count }: Row, width: number): FormatError =>
  new FormatError({
    subject: source,
    problem: `line ${line} has ${count} cells, the first row has ${width}.`,
    fix: "give every row the same number of cells; quote a cell that holds the delimiter, or name the delimiter.",
  });

/** The result of the first pass. */
export interface TableScan {
  /** The cells of the first row, and of the second. */
  readonly first: readonly string[];
  readonly second: readonly string[] | undefined;
  /** Per column, the rows after the first. */
  readonly below: readonly ColumnScan[];
  /** Number of rows, including the first. */
  readonly rows: number;
  readonly firstLine: number;
  readonly passed: Passed;
}

/** The first pass. */
export async function scanRows(text: TextSource, dialect: Dialect): Promise<TableScan> {
  const below = Array.from({ length: dialect.width }, () => new ColumnScan());
  const head: string[][] = [];
  let rows = 0;
  const passed = await walkRows(text, dialect, (row) => {
    rows++;
    if (rows <= 2) head.push(Array.from({ length: row.count }, (_, k) => row.cell(k)));
    if (rows > 1) for (let k = 0; k < below.length; k++) below[k]!.see(row, k);
  });
  const [first = [], second] = head;
  const whole = dialect.lacksFirstName ? ["row", ...first] : first;
  return { first: whole, second, below, rows, firstLine: dialect.firstLine, passed };
}
