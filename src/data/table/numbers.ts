/** Numbers as people and programs write them, and their decimal mark. */

/** The decimal mark; the other one groups thousands. */
export type Decimal = "." | ",";

/**
 * The last result of {@link readPlain}: plain state, so that a table's inner loop allocates
 * nothing.
 */
export const plain = {
  value: 0,
  /** Digits before the mark, and after it; −1 after it if there is no mark. */
  whole: 0,
  fraction: -1,
  isExact: true,
};

const powers = Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));
const [plus, minus, dot, zero, nine] = [0x2b, 0x2d, 0x2e, 0x30, 0x39];

/**
 * Reads `[+-]digits[.digits]` into {@link plain}; false for any other text.
 *
 * A quotient of two integers that float64 holds is rounded once (Clinger 1990), so up to 15 digits
 * the value is the nearest one; with more, `isExact` is false, and `Number` has to read them.
 */
export function readPlain(text: string, from: number, to: number): boolean {
  let i = from;
  const sign = text.charCodeAt(i);
  if (sign === minus || sign === plus) i++;
  const start = i;
  let mantissa = 0;
  let mark = -1;
  for (; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c >= zero && c <= nine) mantissa = mantissa * 10 + (c - zero);
    else if (c === dot && mark < 0) mark = i;
    else return false;
  }
  const digits = i - start - (mark < 0 ? 0 : 1);
  if (digits <= 0) return false;
  plain.fraction = mark < 0 ? -1 : i - mark - 1;
  plain.whole = mark < 0 ? digits : mark - start;
  plain.isExact = digits <= 15;
  const value = plain.fraction > 0 ? mantissa / (powers[plain.fraction] ?? 1) : mantissa;
  plain.value = sign === minus ? -value : value;
  return true;
}

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
/** Whether a text is a number as programs write it: `-2.5`, `.4e1`. */
export const isNumber = (text: string): boolean => number.test(text);

const affix = /^([+-]?)\s*([$€£¥])\s*(?=[\d.,+-])|(?<=[\d.,])\s*([%$€£¥])$/gu;
/** A group of thousands never begins with 0: `0,125` is a fraction. */
const grouped = {
  ".": /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$/,
  ",": /^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?$/,
} as const;
const spaced = /^[+-]?\d{1,3}([ \u00a0\u2009\u202f'’]\d{3})+(?=$|[.,]\d)/u;
const underscored = /^[+-]?\d+(_\d+)+(?=$|[.,])/;

/** The currency sign or `%` of a number; "" if there is none. */
export function affixOf(text: string): string {
  for (const match of text.matchAll(affix)) return match[2] ?? match[3] ?? "";
  return "";
}

/**
 * A number with common decorations: U+2212 for minus, a currency or `%`, thousands in groups,
 * `1_000`. NaN if it is not a number. `12%` is 12.
 */
export function parseNumber(text: string, decimal: Decimal): number {
  if (decimal === "." && number.test(text)) return Number(text);
  let bare = text
    .trim()
    .replace(/^\u2212/u, "-")
    .replace(affix, "$1");
  if (spaced.test(bare)) bare = bare.replace(/[ \u00a0\u2009\u202f'’]/gu, "");
  if (underscored.test(bare)) bare = bare.replaceAll("_", "");
  if (grouped[decimal].test(bare)) bare = bare.replaceAll(decimal === "." ? "," : ".", "");
  if (decimal === ",") {
    if (bare.includes(".")) return Number.NaN;
    bare = bare.replace(",", ".");
  }
  return number.test(bare) ? Number(bare) : Number.NaN;
}

/**
 * With which marks a text is a number: with either and the same value, with either but different
 * values, with one, with none.
 */
export type Reading = "any" | "both" | Decimal | null;

/** {@link Reading} of a text that {@link readPlain} does not accept. */
export function readingOf(text: string): Reading {
  if (number.test(text)) return text.includes(".") ? "." : "any";
  const [byDot, byComma] = [parseNumber(text, "."), parseNumber(text, ",")];
  if (Number.isNaN(byDot)) return Number.isNaN(byComma) ? null : ",";
  if (Number.isNaN(byComma)) return ".";
  return byDot === byComma ? "any" : "both";
}
