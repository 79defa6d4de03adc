/**
 * JSON that keeps every number. JSON has no NaN, no infinities and writes −0 as 0, so these four
 * are written as the strings `"NaN"`, `"Infinity"`, `"-Infinity"` and `"-0"`, which JavaScript's
 * `Number` and Python's `float` can read; a string that looks like one of them is escaped with a
 * backslash.
 */

const special = /^(NaN|-?Infinity|-0)$/;
const escaped = /^\\+(NaN|-?Infinity|-0)$/;

/** A value as JSON text; `parseJson` gives it back to the last bit. */
export const formatJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_, x: unknown) => encoded(x), indent);

/** Parses the output of `formatJson`. @throws {SyntaxError} if the text is not JSON. */
export const parseJson = (text: string): unknown =>
  JSON.parse(text, (_, x: unknown) => (typeof x === "string" ? decoded(x) : x));

function encoded(x: unknown): unknown {
  if (typeof x === "number") {
    if (Object.is(x, -0)) return "-0";
    return Number.isFinite(x) ? x : String(x);
  }
  return typeof x === "string" && (special.test(x) || escaped.test(x)) ? `\\${x}` : x;
}

const decoded = (x: string): string | number =>
  special.test(x) ? Number(x) : escaped.test(x) ? x.slice(1) : x;
