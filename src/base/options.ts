import { ConfigError, nearest } from "./errors.ts";

/** The kinds of values that an option may have. Its range is checked by its owner. */
const kinds = {
  boolean: { words: "true or false", has: (x: unknown) => typeof x === "boolean" },
  number: { words: "a number", has: (x: unknown) => typeof x === "number" },
  text: { words: "a text", has: (x: unknown) => typeof x === "string" },
  function: { words: "a function", has: (x: unknown) => typeof x === "function" },
  positive: {
    words: "a finite number above 0",
    has: (x: unknown) => Number.isFinite(x) && (x as number) > 0,
  },
  nonNegative: {
    words: "a finite number of 0 or more",
    has: (x: unknown) => Number.isFinite(x) && (x as number) >= 0,
  },
  count: {
    words: "a whole number of 1 or more",
    has: (x: unknown) => Number.isSafeInteger(x) && (x as number) >= 1,
  },
  whole: {
    words: "a whole number of 0 or more",
    has: (x: unknown) => Number.isSafeInteger(x) && (x as number) >= 0,
  },
} as const;

/**
 * Every option of `O` by name, with its kind, or true if its owner checks it; a missing or unknown
 * option does not compile.
 */
export type OptionNames<O> = { readonly [Name in keyof O]-?: true | keyof typeof kinds };

/**
 * Throws unless `options` is undefined or an object whose keys are all in `names`: a misspelt
 * option would otherwise be ignored. For options of type `ReduceOptions`:
 *
 *   checkOptions("sum", options, { axis: true, keepDims: "boolean" });
 *
 * @throws {ConfigError} naming the nearest option, or what the option must be.
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
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(names, name)) throw unknownOption(subject, name, Object.keys(names));
    const kind: true | keyof typeof kinds = names[name as keyof O];
    if (kind === true || value === undefined || kinds[kind].has(value)) continue;
    throw new ConfigError({
      subject,
      problem: `${name} is ${describe(value)}, expected ${kinds[kind].words}.`,
      fix: `give ${name} as ${kinds[kind].words}, or leave it out.`,
    });
  }
}

function unknownOption(subject: string, name: string, known: readonly string[]): ConfigError {
  const near = nearest(name, known);
  return new ConfigError({
    subject,
    problem: `unknown option "${name}".`,
    fix:
      known.length === 0
        ? "it has no options."
        : `${near ? `did you mean "${near}"? Options` : "the options are"}: ${known.join(", ")}.`,
  });
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
