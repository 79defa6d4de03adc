/** Conversion of category names to class indices and back. */
import { ConfigError, checkOptions, DataError, type HostArray, nearest } from "../base/index.ts";

/** Categories in the order of their numbers; plain data. */
export interface Categories {
  readonly names: readonly string[];
  /**
   * The name of the last category, which stands for all unknown texts; null if unknown texts are an
   * error.
   */
  readonly other: string | null;
}

/**
 * The distinct categories of some texts, in numeric order if they are numbers, else alphabetically.
 *
 * @param options `other` adds a last category under this name for texts that are not listed.
 * @throws {ConfigError} if one of the texts is that name.
 * @example
 * fitCategories(["red", "blue", "red"]).names; // ["blue", "red"]
 * fitCategories(["10", "9"]).names; // ["9", "10"]
 */
export function fitCategories(
  texts: readonly string[],
  options: { readonly other?: string | undefined } = {},
): Categories {
  checkOptions("fitCategories", options, { other: true });
  const { other } = options;
  const names = [...new Set(texts)];
  const byNumber = names.every((name) => name.trim() !== "" && Number.isFinite(Number(name)));
  names.sort((a, b) => (byNumber ? Number(a) - Number(b) : a < b ? -1 : 1));
  if (other === undefined) return { names, other: null };
  if (names.includes(other))
    throw new ConfigError({
      subject: "fitCategories",
      problem: `"${other}" is a category itself, and cannot stand for unknown ones.`,
      fix: "choose another name for other.",
    });
  return { names: [...names, other], other };
}

/**
 * Texts as class indices; {@link toOneHot} makes rows of them.
 *
 * @returns `[N]` int32.
 * @throws {DataError} for a text that is not a category, unless the categories have an "other".
 * @example
 * const colors = fitCategories(["red", "blue"], { other: "else" });
 * const indices = encodeCategories(colors, ["red", "green"]);
 * toOneHot(indices, colors.names.length).data; // Float32Array [0, 1, 0, 0, 0, 1]
 */
export function encodeCategories(categories: Categories, texts: readonly string[]): HostArray {
  const { names, other } = categories;
  const numbers = new Map(names.map((name, k) => [name, k]));
  const data = Int32Array.from(texts, (text, n) => {
    const k = numbers.get(text) ?? (other === null ? undefined : numbers.get(other));
    if (k !== undefined) return k;
    const near = nearest(text, names);
    throw new DataError({
      subject: "encodeCategories",
      problem: `text ${n}, "${text}", is none of the ${names.length} categories.`,
      fix: `${near ? `did you mean "${near}"? ` : ""}Fit the categories with an "other" to take unknown ones.`,
    });
  });
  return { dtype: "int32", shape: [texts.length], data };
}

/**
 * The names of class indices; for one-hot rows or probabilities, take {@link fromOneHot} first.
 *
 * @throws {DataError} for an index out of range.
 * @example
 * const colors = fitCategories(["red", "blue"]);
 * decodeCategories(colors, fromOneHot(toOneHot(encodeCategories(colors, ["red", "blue"]), 2))); // ["red", "blue"]
 */
export function decodeCategories(categories: Categories, indices: HostArray): string[] {
  return Array.from(indices.data, (k, n) => {
    const name = categories.names[k];
    if (name !== undefined) return name;
    throw new DataError({
      subject: "decodeCategories",
      problem: `index ${n} is ${k}, outside 0…${categories.names.length - 1}.`,
      fix: "give indices that these categories have made.",
    });
  });
}
