/** Checks of options, for callers without TypeScript. */
import { ConfigError, describe, nearest } from "../base/index.ts";

/** Throws unless an option is one of several words. */
export function checkWord(
  subject: string,
  option: string,
  value: unknown,
  words: readonly string[],
): void {
  if (words.includes(value as string)) return;
  const near = typeof value === "string" ? nearest(value, words) : undefined;
  throw new ConfigError({
    subject,
    problem: `${option} is ${describe(value)}, none of ${words.map((word) => `"${word}"`).join(", ")}.`,
    fix: near ? `did you mean "${near}"?` : `choose one, such as "${words[0]}".`,
  });
}

/** Throws unless an option is a finite number above 0, or at least 0. */
export function checkNumber(
  subject: string,
  option: string,
  value: unknown,
  from: "above 0" | "of 0 or more",
): void {
  const isFine = typeof value === "number" && Number.isFinite(value);
  if (isFine && (from === "above 0" ? value > 0 : value >= 0)) return;
  throw new ConfigError({
    subject,
    problem: `${option} is ${describe(value)}, not a number ${from}.`,
    fix: `give one, such as ${option}: 1.`,
  });
}

/** Throws unless an option is an integer of `least` or more. */
export function checkWhole(subject: string, option: string, value: unknown, least = 1): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw new ConfigError({
    subject,
    problem: `${option} is ${describe(value)}, not a whole number of ${least} or more.`,
    fix: `give one, such as ${option}: ${Math.max(least, 10)}.`,
  });
}
