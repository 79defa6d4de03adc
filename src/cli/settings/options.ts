import { ConfigError, nearest } from "../../base/index.ts";

/**
 * Parsers of option values for commander. Each throws a ConfigError that names the option, the
 * value and the fix.
 */

/** An integer of `least` or more. */
export const wholeNumber =
  (option: string, least: number, example: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
    throw badValue(option, `"${text}" is not a whole number of ${least} or more`, example);
  };

/** A finite number above 0. */
export const positiveNumber =
  (option: string, example: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
    throw badValue(option, `"${text}" is not a number above 0`, example);
  };

/** Sizes of axes, separated by commas. */
export const shape =
  (option: string, example: string) =>
  (text: string): number[] => {
    const sizes = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
    if (sizes.every((size) => Number.isSafeInteger(size) && size > 0)) return sizes;
    throw badValue(option, `"${text}" is not a list of sizes`, example);
  };

/** One of several words. */
export const oneOf =
  <T extends string>(option: string, words: readonly T[]) =>
  (text: string): T => {
    const word = words.find((w) => w === text);
    if (word !== undefined) return word;
    const near = nearest(text, words);
    throw new ConfigError({
      subject: option,
      problem: `"${text}" is not one of ${words.join(", ")}.`,
      fix: near ? `did you mean ${option} ${near}?` : `choose one, such as ${option} ${words[0]}.`,
    });
  };

const badValue = (option: string, problem: string, example: number | string): ConfigError =>
  new ConfigError({
    subject: option,
    problem: `${problem}.`,
    fix: `give one, such as ${option} ${example}.`,
  });
