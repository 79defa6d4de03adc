/** Decisions between the two passes over a table: names, types and the decimal mark. */
import { ConfigError, DataError, nearest } from "../../base/index.ts";
import {
  type ColumnPlan,
  decimalOf,
  isMissingIn,
  looksLikeHeader,
  missingNumbersIn,
  typeOf,
} from "./decide.ts";
import type { Dialect } from "./dialect.ts";
import type { Decimal } from "./numbers.ts";
import type { ColumnScan } from "./scan.ts";
import { Row } from "./tokens.ts";
import type { TableLike, TableOptions } from "./types.ts";
import type { TableScan } from "./walk.ts";

/** The plan of the second pass. */
export interface TablePlan {
  readonly names: readonly string[];
  readonly header: boolean;
  readonly decimal: Decimal;
  /** The columns to read. */
  readonly columns: readonly PlannedColumn[];
}

export interface PlannedColumn extends ColumnPlan {
  readonly isMissing: (text: string) => boolean;
  readonly missingNumbers: ReadonlySet<number>;
  readonly scan: ColumnScan;
}

/** @throws like {@link readTable}. */
export function planOf(
  source: string,
  dialect: Dialect,
  scan: TableScan,
  options: TableOptions,
): TablePlan {
  const { first, second, below, rows } = scan;
  const { header: wanted = "auto", like, na, types = {} } = options;
  const isMarked = dialect.lacksFirstName || dialect.isCommentHeader;
  const header =
    wanted === "auto" ? isMarked || looksLikeHeader(first, second, below, like?.inputs) : wanted;
  if (rows - (header ? 1 : 0) < 1) throw noRows(source, rows > 0);
  if (!header) for (const [k, text] of first.entries()) seeFirst(below[k]!, text, scan.firstLine);
  const own = header ? namesOf(first) : first.map((_, k) => `x${k}`);
  const names = (like && !(header && like.header) && namesInOrder(like, own.length)) || own;
  for (const name of like ? [] : [...Object.keys(types), ...namedIn(na)])
    if (!names.includes(name)) throw noColumn(source, names, name);
  const isWanted = (name: string) => !like || name === like.target || like.inputs.includes(name);
  const decimal = decimalOf(below, dialect, options.decimal, like?.decimal, source);
  const dropped = new Set((options.drop ?? []).map((column) => columnIndex(source, names, column)));
  const columns = below.flatMap((column, index): PlannedColumn[] => {
    const name = names[index]!;
    if (dropped.has(index) || !isWanted(name)) return [];
    const known = like?.texts.includes(name) ? ("text" as const) : undefined;
    const set = Object.hasOwn(types, name) ? types[name] : undefined; // a column may be `__proto__`
    const type = set ?? known ?? typeOf(column, decimal, isMissingIn(name, "number", na));
    const isMissing = isMissingIn(name, type, na);
    const missingNumbers = missingNumbersIn(name, na);
    const plan = { name, index, type, isMissing, missingNumbers, scan: column };
    checkNumbers(source, plan);
    return [plan];
  });
  return { names, header, decimal, columns };
}

/**
 * The training names for a table without its own, if it has the same width, with or without the
 * target.
 */
function namesInOrder(
  { layout, inputs, target }: TableLike,
  width: number,
): readonly string[] | undefined {
  const bare = layout.filter((name) => name !== target);
  return [layout, bare, inputs].find((names) => names.length === width);
}

const namedIn = (na: TableOptions["na"]): string[] =>
  na && !Array.isArray(na) ? Object.keys(na) : [];

/** Treats the first row as data, if it is not a header. */
function seeFirst(scan: ColumnScan, text: string, line: number): void {
  const row = new Row();
  row.text = text;
  row.line = line;
  row.add(0, text.length, 0);
  scan.see(row, 0);
}

/** Names of a header, made unique: `a`, `a.1`, as in pandas. */
function namesOf(first: readonly string[]): string[] {
  const taken = new Set<string>();
  return first.map((text, k) => {
    const name = text === "" ? `column ${k}` : text;
    let own = name;
    for (let n = 1; taken.has(own) || (own !== text && first.includes(own)); n++)
      own = `${name}.${n}`;
    taken.add(own);
    return own;
  });
}

/** @throws {DataError} for numbers that would be rounded, or that are ambiguous. */
function checkNumbers(source: string, { name, index, type, scan }: PlannedColumn): void {
  if (type !== "number") return;
  const where = (line: number) => `line ${line}, column "${name}" (index ${index})`;
  if (scan.inexact)
    throw new DataError({
      subject: source,
      problem: `${where(scan.inexact.line)}: ${scan.inexact.text} is beyond 2^53, where float64 has no longer every whole number.`,
      fix: `leave the column out with drop: [${JSON.stringify(name)}], or read it as text with types: { ${JSON.stringify(name)}: "text" }.`,
    });
  const signs = [...scan.affixes.keys()];
  const percent = scan.affixes.get("%") ?? 0;
  const numbers = scan.countNumbers(".") + scan.numbers[","];
  if (signs.length < 2 && (percent === 0 || percent === numbers)) return;
  throw new DataError({
    subject: source,
    problem: `column "${name}" (index ${index}) mixes numbers with ${signs.map((sign) => `"${sign}"`).join(" and ")}${signs.length < 2 ? " and without" : ""}.`,
    fix: "bring the column to one unit, or leave it out with drop.",
  });
}

/**
 * The index of a column given by name or by index. A number is tried as a name first: columns may
 * be called 0, 1, 2, … Negative ones count from the end.
 *
 * @throws {ConfigError} for an unknown column, or a number that is the name of one and the index of
 * another.
 */
export function columnIndex(
  source: string,
  names: readonly string[],
  column: string | number,
): number {
  const byName = names.indexOf(String(column));
  const number = Number(column);
  const isNumber = typeof column === "number" || /^-?\d+$/.test(column);
  const place = isNumber ? (number < 0 ? number + names.length : number) : -1;
  const byIndex = Number.isInteger(place) && place >= 0 && place < names.length ? place : -1;
  if (byName >= 0 && byIndex >= 0 && byName !== byIndex)
    throw new ConfigError({
      subject: source,
      problem: `${column} is the name of the column with index ${byName}, and the index of the column "${names[byIndex]}".`,
      fix: `say which: ${byName - names.length} counts from the end and means "${names[byName]}", ${byIndex - names.length} means "${names[byIndex]}".`,
    });
  if (byName >= 0) return byName;
  if (byIndex >= 0) return byIndex;
  throw noColumn(source, names, column);
}

function noColumn(source: string, names: readonly string[], column: string | number): ConfigError {
  const near = typeof column === "string" ? nearest(column, names) : undefined;
  const list = `${names.slice(0, 20).join(", ")}${names.length > 20 ? ", …" : ""}`;
  return new ConfigError({
    subject: source,
    problem: `no column ${JSON.stringify(column)} among ${names.length}: ${list}.`,
    fix: near ? `did you mean "${near}"?` : "name a column of the file, or give its index from 0.",
  });
}

const noRows = (source: string, hasHeader: boolean): DataError =>
  new DataError({
    subject: source,
    problem: `no row of data${hasHeader ? " below the header" : ""}.`,
    fix: "give a file with at least one example.",
  });
