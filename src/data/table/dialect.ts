/** Detects the delimiter of a text and where its table begins. */
import { ConfigError } from "../../base/index.ts";
import { isNumber } from "./numbers.ts";
import { Tokenizer } from "./tokens.ts";

/** How a text is split into cells. */
export interface Dialect {
  /** One character; `" "` for any run of spaces and tabs. */
  readonly delimiter: string;
  /** The line on which the table begins, from 1. */
  readonly firstLine: number;
  /** Cells per row. */
  readonly width: number;
  /** The first row lacks a name for the first column, as in the output of R's `write.table`. */
  readonly lacksFirstName: boolean;
  /** A header inside a comment, as in `#x,y`. */
  readonly isCommentHeader: boolean;
}

/** The values of `delimiter` by name; any other single character stands for itself. */
export const delimiterNames: Readonly<Record<string, string>> = {
  comma: ",",
  semicolon: ";",
  tab: "\t",
  "\\t": "\t",
  pipe: "|",
  space: " ",
  spaces: " ",
};

/** On ties the first wins: it is the rarer one inside cells. */
const candidates = ["\t", ";", "|", ",", " "];
/** The rows considered. */
const headRows = 200;
/** The most lines of titles and notes above a table. */
const mostTitles = 40;

interface HeadRow {
  readonly cells: string[];
  readonly line: number;
}

/**
 * The delimiter is the one of tab, `;`, `|`, `,` and spaces that most often splits the first 200
 * rows into the same number of cells; a first line `sep=;` sets it. Rows of another width above the
 * first table row are titles, lines that begin with `#` are comments.
 */
export function dialectOf(head: string, wanted: string | undefined, source: string): Dialect {
  const named = /^"?sep=(.)"?\r?(?:\n|$)/i.exec(head);
  const skip = named ? 1 : 0;
  const asked = wanted === undefined ? named?.[1] : (delimiterNames[wanted] ?? wanted);
  if (asked !== undefined && (asked.length !== 1 || /["\r\n\w]/.test(asked)))
    throw new ConfigError({
      subject: "delimiter",
      problem: `${JSON.stringify(wanted)} is no delimiter.`,
      fix: `give one character, or one of ${Object.keys(delimiterNames).join(", ")}.`,
    });
  const measured = (asked === undefined ? candidates : [asked])
    .map((delimiter) => measure(head, delimiter, skip, source))
    .filter((found): found is Measured => found !== undefined && found.dialect.width > 1)
    .filter(({ dialect, numbers }) => dialect.delimiter !== " " || numbers >= 0.5);
  const single = asked ?? ",";
  const best = measured.length > 0 ? measured.reduce(better) : measure(head, single, skip, source);
  return (best ?? none(single, skip + 1)).dialect;
}

/**
 * Whether one delimiter splits nearly all of the first rows into the same number of cells, at least
 * two.
 */
export const looksLikeTable = (head: string): boolean =>
  candidates.some((delimiter) => {
    const found = measure(head, delimiter, 0, "text");
    if (!found || found.dialect.width < 2 || found.share < leastShare) return false;
    return delimiter !== " " || found.numbers >= 0.5;
  });
/** Prose may have lines with equally many commas, but not nearly all. */
const leastShare = 0.9;

interface Measured {
  readonly dialect: Dialect;
  /** The fraction of rows below the titles that have the table's width. */
  readonly share: number;
  readonly titles: number;
  /** The fraction of cells that are numbers. */
  readonly numbers: number;
}

const none = (delimiter: string, firstLine: number): Measured => ({
  dialect: { delimiter, firstLine, width: 0, lacksFirstName: false, isCommentHeader: false },
  ...{ share: 0, titles: 0, numbers: 0 },
});

/** Rows of a text that may be truncated: an incomplete last row does not count. */
function rowsOf(head: string, delimiter: string, source: string): HeadRow[] {
  const rows: HeadRow[] = [];
  const tokenizer = new Tokenizer(delimiter, source, (row) => {
    if (rows.length < headRows + mostTitles && !row.isBlank)
      rows.push({
        cells: Array.from({ length: row.count }, (_, k) => row.cell(k)),
        line: row.line,
      });
  });
  try {
    tokenizer.write(head);
    tokenizer.end();
  } catch {} // a quote that does not close with this delimiter, or after the truncation
  return rows;
}

const isComment = ({ cells }: HeadRow): boolean => cells[0]?.startsWith("#") ?? false;

function measure(
  head: string,
  delimiter: string,
  skip: number,
  source: string,
): Measured | undefined {
  const all = rowsOf(head, delimiter, source).filter(({ line }) => line > skip);
  const rows = all.filter((row) => !isComment(row));
  const most = modal(rows.map(({ cells }) => cells.length));
  const top = rows.slice(0, mostTitles);
  const begins = top.findIndex((_, k) => isTableRow(rows, k, most));
  // if all rows have only a first cell, none of them is a title
  const titles = begins >= 0 ? begins : top.findIndex(({ cells }) => cells.length === most);
  if (titles < 0) return undefined;
  const [first, ...below] = rows.slice(titles) as [HeadRow, ...HeadRow[]];
  const isShort = first.cells.length === most - 1;
  const endsInDelimiter = below.every(({ cells }) => cells.length !== most || cells.at(-1) === "");
  const width = isShort && endsInDelimiter ? most - 1 : most;
  const above = all[all.indexOf(first) - 1];
  const isCommentHeader = above !== undefined && isComment(above) && above.cells.length === width;
  const full = [first, ...below].filter(({ cells }) => cells.length === most);
  const values = full.length > 1 ? full.slice(1) : full; // without the names
  const cells = values.flatMap((row) => row.cells).filter((cell) => cell !== "");
  return {
    dialect: {
      ...{ delimiter, width, isCommentHeader },
      firstLine: (isCommentHeader ? above : first).line,
      lacksFirstName: isShort && !endsInDelimiter,
    },
    share: (full.length + (isShort ? 1 : 0)) / (1 + below.length),
    titles,
    numbers: cells.filter(isNumber).length / Math.max(1, cells.length),
  };
}

/** Whether the table can begin with a row: it has the table's width, or one column name less. */
function isTableRow(rows: readonly HeadRow[], k: number, width: number): boolean {
  const { cells } = rows[k]!;
  const isTitle = width > 2 && cells.slice(1).every((cell) => cell === "");
  if (cells.length === width) return !isTitle || rows.length === 1;
  const isNames = width > 2 && cells.length === width - 1 && !cells.some(isNumber);
  return isNames && rows[k + 1]?.cells.length === width;
}

/** The most frequent number; ties go to the first. */
function modal(numbers: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const n of numbers) counts.set(n, (counts.get(n) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best), [0, 0])[0];
}

/** The better of two delimiters; the first on ties. */
function better(a: Measured, b: Measured): Measured {
  if (b.dialect.delimiter === " ") {
    const isFiner = b.dialect.width > a.dialect.width && b.numbers > a.numbers;
    return isFiner && b.share >= a.share && b.numbers >= 0.5 ? b : a;
  }
  if (Math.abs(a.share - b.share) > 0.05) return a.share > b.share ? a : b;
  return b.titles < a.titles ? b : a;
}
