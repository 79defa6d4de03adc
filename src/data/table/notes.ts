/** Describes what was decided about a table, in words. */
import { listed } from "../../base/index.ts";
import type { Dialect } from "./dialect.ts";
import { type Decimal, parseNumber } from "./numbers.ts";
import type { PlannedColumn, TablePlan } from "./plan.ts";
import type { TextSource } from "./text-source.ts";
import type { TableScan } from "./walk.ts";

const delimiters: Readonly<Record<string, string>> = {
  ",": "commas",
  ";": "semicolons",
  "\t": "tabs",
  "|": "bars",
  " ": "spaces",
};

const many = (count: number, one: string, more = `${one}s`): string =>
  `${count} ${count === 1 ? one : more}`;

/** A sentence for each decision that is not the obvious default. */
export function notesOf(
  text: TextSource,
  { delimiter, width, lacksFirstName }: Dialect,
  { rows, passed, first }: TableScan,
  { header, decimal, columns }: TablePlan,
): string[] {
  const size = rows - (header ? 1 : 0);
  const written = [
    `parted by ${delimiters[delimiter] ?? JSON.stringify(delimiter)}`,
    ...(decimal === "," ? ["decimal comma"] : []),
    ...(text.encoding === "utf-8" ? [] : [text.encoding]),
    ...(text.isGzip ? ["gzip"] : []),
  ];
  const { titles, comments, blanks } = passed;
  const left = [
    ...(titles ? [`${many(titles, "line")} above the table`] : []),
    ...(comments ? [many(comments, "comment")] : []),
    ...(blanks ? [many(blanks, "blank line")] : []),
  ];
  return [
    `${many(size, "row")}, ${many(width, "column")}, header ${header ? "yes" : "no"}, ${written.join(", ")}`,
    ...(left.length > 0 ? [`left out: ${left.join(", ")}`] : []),
    ...(lacksFirstName
      ? ['the header lacks a name for the first column, which is called "row"']
      : []),
    ...(header ? nameNotes(columns, first) : []),
    ...markNotes(columns, decimal),
    ...columns.flatMap((column) => columnNotes(column, decimal)),
  ];
}

/** Columns whose names differ from the header. */
function nameNotes(columns: readonly PlannedColumn[], first: readonly string[]): string[] {
  const renamed = columns.filter(
    ({ name, index, type }) => type !== "empty" && name !== first[index],
  );
  const called = (wanted: (text: string) => boolean) =>
    renamed.filter(({ index }) => wanted(first[index]!)).map(({ name }) => `"${name}"`);
  const unnamed = called((text) => text === "");
  const twice = called((text) => text !== "");
  return [
    ...(unnamed.length > 0 ? [`without a name in the header: ${listed(unnamed)}`] : []),
    ...(twice.length > 0 ? [`named like a column before: ${listed(twice)}`] : []),
  ];
}

/** If all fractions have three digits, the point may be a thousands separator. */
function markNotes(columns: readonly PlannedColumn[], decimal: Decimal): string[] {
  const scans = columns.filter(({ type }) => type === "number").map(({ scan }) => scan);
  if (decimal === "," || scans.some(({ examples }) => examples["."])) return [];
  const found = scans.map(({ examples }) => examples.bothByDot).find(Boolean);
  if (!found) return [];
  const [dot, comma] = [parseNumber(found.text, "."), parseNumber(found.text, ",")];
  return [`${found.text} is read as ${dot}; with data.decimal=, it is ${comma}`];
}

function columnNotes({ name, type, scan, isMissing }: PlannedColumn, decimal: Decimal): string[] {
  if (type === "empty") return [`${name}: holds no value and is not used`];
  const words = [...scan.words].filter(([text]) => text !== "");
  const counted = (wanted: (text: string) => boolean) =>
    words.filter(([text]) => wanted(text)).map(([text, { count }]) => `"${text}" ${count}×`);
  const missing = counted(isMissing);
  const kept = type === "text" ? counted((text) => !isMissing(text) && meansNothing(text)) : [];
  const signs = [...scan.affixes.keys()].map((sign) => `"${sign}"`);
  const grouped =
    decimal === "."
      ? (scan.grouped[","] ?? scan.grouped[" "])
      : (scan.grouped["."] ?? scan.grouped[" "] ?? scan.examples.bothByDot);
  return [
    ...(missing.length > 0 ? [`${name}: read as missing: ${listed(missing)}`] : []),
    ...(kept.length > 0
      ? [`${name}: kept as text, not as missing: ${listed(kept)} (data.na says otherwise)`]
      : []),
    ...(type === "number" && signs.length > 0
      ? [`${name}: numbers without their ${listed(signs)}`]
      : []),
    ...(type === "number" && grouped
      ? [`${name}: thousands are grouped, as in ${grouped.text}`]
      : []),
    ...(type === "number" && scan.leadingZero
      ? [
          `${name}: ${scan.leadingZero.text} is the number ${Number(scan.leadingZero.text)}; data.types=${name}:text keeps zeros in front`,
        ]
      : []),
  ];
}

const meansNothing = (text: string): boolean =>
  /^(na|n\/a|nan|null|none|nil|unknown|missing|-)$/i.test(text);
