/** Names and types of a table's columns: rules over the counts of a scan. */
import { ConfigError } from "../../base/index.ts";
import type { Dialect } from "./dialect.ts";
import { type Decimal, isNumber, parseNumber } from "./numbers.ts";
import type { ColumnScan, Found } from "./scan.ts";

/** The type of a column's cells; a column without values is empty. */
export type ColumnType = "number" | "text" | "empty";

/**
 * Words that mean "missing" in numeric columns, in any case. In text columns only an empty cell and
 * `?` do: NA is Namibia, Na sodium, None an answer.
 */
export const missingWords: readonly string[] = [
  ..."? - -- — – . .. na n/a n.a. #n/a #na nan -nan null nil none <na> missing unknown".split(" "),
  ..."#value! #div/0! #null! #num! #ref! (null) \\n".split(" "),
];
const missing = new Set(missingWords);

/** Which words mean missing values: the listed ones, in all columns or in the named ones. */
export type MissingWords = readonly string[] | Readonly<Record<string, readonly string[]>>;

/** The words given for a column, if any. */
function ownWords(name: string, na: MissingWords | undefined): readonly string[] | undefined {
  if (na === undefined || Array.isArray(na)) return na as readonly string[] | undefined;
  return Object.hasOwn(na, name) ? (na as Record<string, readonly string[]>)[name] : undefined;
}

/** Whether a cell of a column is missing. */
export function isMissingIn(
  name: string,
  type: ColumnType,
  na: MissingWords | undefined,
): (text: string) => boolean {
  const own = ownWords(name, na);
  if (own) return (text) => text === "" || own.includes(text);
  if (type === "text") return (text) => text === "" || text === "?";
  return (text) => text === "" || missing.has(text.toLowerCase());
}

/** Numbers among the words given for a column: −99. */
export const missingNumbersIn = (name: string, na: MissingWords | undefined): Set<number> =>
  new Set((ownWords(name, na) ?? []).filter(isNumber).map(Number));

/** The facts from which a column's type is decided. */
export interface ColumnPlan {
  readonly name: string;
  readonly index: number;
  readonly type: ColumnType;
}

/**
 * A column is numeric if more than half of its non-missing cells are numbers; so a typo is an error
 * and not a category.
 */
export function typeOf(scan: ColumnScan, mark: Decimal, isMissing: (text: string) => boolean) {
  let gaps = 0;
  for (const [text, { count }] of scan.words) if (isMissing(text)) gaps += count;
  const numbers = scan.countNumbers(mark);
  const values = numbers + scan.texts - gaps;
  if (values === 0) return scan.words.size > 1 ? ("text" as const) : ("empty" as const);
  return 2 * numbers > values ? ("number" as const) : ("text" as const);
}

/**
 * The decimal mark. If all numbers of the table can be read with either mark, `;` as delimiter
 * suggests the decimal comma in `1,234`, and `,` excludes it; otherwise it must be given.
 *
 * @throws {ConfigError} if the table has numbers of both kinds, or nothing decides.
 */
export function decimalOf(
  scans: readonly ColumnScan[],
  { delimiter }: Dialect,
  wanted: Decimal | undefined,
  hint: Decimal | undefined,
  source: string,
): Decimal {
  if (wanted !== undefined) return wanted;
  const likely = scans.filter((scan) => {
    const most = Math.max(scan.countNumbers("."), scan.countNumbers(","));
    return 2 * most > most + unreadable(scan);
  });
  const first = (key: keyof ColumnScan["examples"]): Found | undefined =>
    likely.map(({ examples }) => examples[key]).find(Boolean);
  const [byDot, byComma] = [first("."), first(",")];
  if (byDot && byComma) throw asked(source, byDot, byComma);
  if (byComma) return ",";
  const [dotted, comma] = [first("bothByDot"), first("bothByComma")];
  if (byDot || !comma) return hint && !byDot ? hint : ".";
  if (hint) return hint;
  if (dotted) throw asked(source, dotted, comma);
  if (delimiter === ";") return ",";
  if (delimiter === ",") return ".";
  throw asked(source, comma, comma);
}

/** Texts that are not numbers with either mark, and not words for "missing". */
const unreadable = (scan: ColumnScan): number => {
  let gaps = 0;
  for (const [text, { count }] of scan.words) if (missing.has(text.toLowerCase())) gaps += count;
  return scan.texts - gaps;
};

const asked = (source: string, a: Found, b: Found): ConfigError =>
  new ConfigError({
    subject: source,
    problem:
      a === b
        ? `"${a.text}" (line ${a.line}) can mean ${parseNumber(a.text, ".")} or ${parseNumber(a.text, ",")}.`
        : `"${a.text}" (line ${a.line}) and "${b.text}" (line ${b.line}) do not say which mark stands before fractions.`,
    fix: 'pass decimal: "." or decimal: ",".',
  });

/**
 * Whether the first row is a header, by the first rule that applies:
 *
 * 1. It contains `known` columns of the training file.
 * 2. A name is above numbers, ignoring missing values.
 * 3. It counts its columns, 0, 1, 2, … or 1, 2, 3, …, and the second row does not.
 * 4. Its only numbers are consecutive years, above numbers that are not years.
 * 5. It is the only row, has several cells, and all are distinct names (unless `known` columns are given).
 * 6. All columns are text; none of its cells recurs in its column, and in some column a value does.
 */
export function looksLikeHeader(
  first: readonly string[],
  second: readonly string[] | undefined,
  below: readonly ColumnScan[],
  known: readonly string[] = [],
): boolean {
  if (known.length > 0 && known.every((name) => first.includes(name))) return true;
  const isName = (text: string) =>
    text !== "" && !missing.has(text.toLowerCase()) && !isAnyNumber(text);
  if (!second)
    return (
      known.length === 0 &&
      first.length > 1 &&
      new Set(first).size === first.length &&
      first.every(isName)
    );
  const overNumbers = (k: number) => {
    const scan = below[k]!;
    const numbers = Math.max(scan.countNumbers("."), scan.countNumbers(","));
    return numbers > 0 && numbers > unreadable(scan);
  };
  if (first.some((text, k) => isName(text) && overNumbers(k))) return true;
  if (isCounting(first)) return !isCounting(second);
  const comesAgain = (k: number) => below[k]!.words.has(first[k]!);
  const years = first.flatMap((text, k) => (isYear(text) ? [k] : []));
  if (
    years.length > 1 &&
    first.every((text, k) => isYear(text) || text === "" || (isName(text) && !comesAgain(k)))
  )
    return (
      isRegular(years.map((k) => Number(first[k]))) &&
      !second.some((text, k) => years.includes(k) && isYear(text))
    );
  const repeats = below.some(({ words }) => [...words.values()].some(({ count }) => count > 1));
  return repeats && first.every((text, k) => isName(text) && !comesAgain(k) && !overNumbers(k));
}

const isAnyNumber = (text: string): boolean =>
  !Number.isNaN(parseNumber(text, ".")) || !Number.isNaN(parseNumber(text, ","));
const isYear = (text: string): boolean => /^(1[89]|20)\d\d$/.test(text);
const isRegular = (numbers: readonly number[]): boolean =>
  numbers.every((n, i) => i === 0 || n - numbers[i - 1]! === numbers[1]! - numbers[0]!) &&
  numbers[1] !== numbers[0];
/** 0, 1, 2, … or 1, 2, 3, …; the last may be a name. */
function isCounting(cells: readonly string[]): boolean {
  const counted = isNumber(cells.at(-1) ?? "") ? cells : cells.slice(0, -1);
  if (counted.length < 3 || !counted.every((cell) => /^\d+$/.test(cell))) return false;
  const start = Number(counted[0]);
  return start <= 1 && counted.every((cell, i) => Number(cell) === start + i);
}
