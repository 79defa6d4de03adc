import { ConfigError, nearest } from "./errors.ts";

/** Every option of `O` by name: one that is missing, or none of `O`'s, does not compile. */
export type OptionNames<O> = { readonly [Name in keyof O]-?: true };

/**
 * Throws unless `options` is undefined or an object that has no other options than `names`: one that
 * is misspelt would otherwise do nothing. For options of type `ReduceOptions`:
 *
 *   checkOptions("sum", options, { axis: true, keepDims: true });
 *
 * @throws {ConfigError} naming the nearest option.
 */
export function checkOptions<O extends object>(
  subject: string,
  options: O | undefined,
  names: OptionNames<O>,
): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || !isRecord(options))
    throw new ConfigError({
      subject,
      problem: `the options are ${describe(options)}, not an object.`,
      fix: `give an object with options of ${Object.keys(names).join(", ")}.`,
    });
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(names, name)) continue;
    const known = Object.keys(names);
    const near = nearest(name, known);
    throw new ConfigError({
      subject,
      problem: `unknown option "${name}".`,
      fix: `${near ? `did you mean "${near}"? Options` : "the options are"}: ${known.join(", ")}.`,
    });
  }
}

const isRecord = (x: object): boolean => {
  const prototype = Object.getPrototypeOf(x);
  return prototype === null || Object.getPrototypeOf(prototype) === null; // of any realm
};

/** What a value is, for an error: `"adam"`, `3`, `null`, an array, a Tensor. */
export function describe(x: unknown): string {
  if (typeof x === "string") return JSON.stringify(x.length > 40 ? `${x.slice(0, 40)}…` : x);
  if (typeof x === "bigint") return `${x}n`;
  if (typeof x === "function") return x.name ? `the function ${x.name}` : "a function";
  if (typeof x !== "object" || x === null) return String(x);
  if (Array.isArray(x)) return "an array";
  const name = (x as { constructor?: { name?: string } }).constructor?.name;
  return name && name !== "Object" ? `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}` : "an object";
}
