/** What was decided about a table, in words. */
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

/** `income, age and 3 more`. */
export function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** A sentence for each decision that is not the plainest. */
export function notesOf(
  text: TextSource,
  { delimiter, width, lacksFirstName }: Dialect,
  { rows, passed }: TableScan,
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
    ...columns.flatMap((column) => columnNotes(column, decimal)),
  ];
}

function columnNotes({ name, type, scan, isMissing }: PlannedColumn, decimal: Decimal): string[] {
  if (type === "empty") return [`${name}: holds no value and is not used`];
  const words = [...scan.words].filter(([text]) => text !== "");
  const counted = (wanted: (text: string) => boolean) =>
    words.filter(([text]) => wanted(text)).map(([text, { count }]) => `"${text}" ${count}×`);
  const missing = counted(isMissing);
  const kept = type === "text" ? counted((text) => !isMissing(text) && meansNothing(text)) : [];
  const signs = [...scan.affixes.keys()].map((sign) => `"${sign}"`);
  const grouped = [scan.grouped, scan.examples.bothByDot]
    .filter((found) => found !== undefined)
    .find(({ text }) => Math.abs(parseNumber(text, decimal)) >= 1000);
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
  ];
}

const meansNothing = (text: string): boolean =>
  /^(na|n\/a|nan|null|none|nil|unknown|missing|-)$/i.test(text);
