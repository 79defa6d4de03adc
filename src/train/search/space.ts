/** What a search tries: a distribution for each hyper-parameter. */
import { ConfigError, type RandomStream } from "../../base/index.ts";
import type { Json } from "../run-folder.ts";

/** The values that one hyper-parameter may take. */
export interface Dimension<T extends Json = Json> {
  /** One at random. */
  sample(random: RandomStream): T;
  /** All of them; absent where there is a continuum. */
  readonly values?: readonly T[];
  /** What it is, for tables: two dimensions that mean the same give the same. */
  readonly description: Json;
}

/** Hyper-parameters by name. */
export type Space = Readonly<Record<string, Dimension>>;

/** A point of a space. */
export type Point<S extends Space> = {
  readonly [K in keyof S]: S[K] extends Dimension<infer T> ? T : never;
};

const broken = (subject: string, problem: string, fix: string): ConfigError =>
  new ConfigError({ subject, problem, fix });

function checkRange(name: string, low: number, high: number, least: number): void {
  if (Number.isFinite(low) && Number.isFinite(high) && low < high && low >= least) return;
  throw broken(
    name,
    `the range is ${low} … ${high}.`,
    least === Number.MIN_VALUE
      ? "give two numbers above 0, the lower one first."
      : "give two numbers, the lower one first.",
  );
}

/**
 * One of these, all as likely.
 *
 * @throws {ConfigError} if there is none.
 * @example
 * choice(["adam", "sgd"]).values; // ["adam", "sgd"]
 */
export function choice<const T extends Json>(values: readonly T[]): Dimension<T> {
  if (values.length === 0)
    throw broken("choice", "there is nothing to choose from.", "give a value or more.");
  return {
    sample: (random) => values[random.integer(values.length)]!,
    values,
    description: { choice: [...values] },
  };
}

/**
 * A number between two, all as likely.
 *
 * @throws {ConfigError} if the range is empty.
 * @example
 * search({ x: float(0, 1) }, ({ x }) => x, { trials: 2 });
 */
export function float(low: number, high: number): Dimension<number> {
  checkRange("float", low, high, Number.NEGATIVE_INFINITY);
  return {
    sample: (random) => low + (high - low) * random.uniform(),
    description: { uniform: [low, high] },
  };
}

/**
 * A number between two whose logarithm is uniform: each power of ten is as likely, as suits learning
 * rates and penalties.
 *
 * @throws {ConfigError} if the range is empty or not above 0.
 * @example
 * search({ lr: logUniform(1e-4, 1e-1) }, ({ lr }) => lr, { trials: 2 });
 */
export function logUniform(low: number, high: number): Dimension<number> {
  checkRange("logUniform", low, high, Number.MIN_VALUE);
  return {
    sample: (random) => low * (high / low) ** random.uniform(),
    description: { logUniform: [low, high] },
  };
}

/**
 * A whole number from one to another, both included.
 *
 * @throws {ConfigError} if the range is empty, or they are not whole.
 * @example
 * int(1, 3).values; // [1, 2, 3]
 */
export function int(low: number, high: number): Dimension<number> {
  checkRange("int", low, high, Number.NEGATIVE_INFINITY);
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high))
    throw broken("int", `the range is ${low} … ${high}.`, "give two whole numbers.");
  return {
    sample: (random) => low + random.integer(high - low + 1),
    get values() {
      return Array.from({ length: high - low + 1 }, (_, i) => low + i);
    },
    description: { int: [low, high] },
  };
}

/** A point at random; the order of the names decides who gets which numbers. */
export const samplePoint = (space: Space, random: RandomStream): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(space).map(([name, dimension]) => [name, dimension.sample(random)]),
  );

/** How many points the grid of a space has. @throws {ConfigError} for a continuum. */
export function gridSize(space: Space): number {
  return Object.entries(space).reduce((size, [name, { values }]) => {
    if (values) return size * values.length;
    throw broken(
      "search",
      `"${name}" is a continuum, which has no grid.`,
      `choose some of its values: ${name}: choice([…]).`,
    );
  }, 1);
}

/** The point of a grid at an index from 0; the last name changes fastest. */
export function gridPoint(space: Space, index: number): Record<string, Json> {
  const point: Record<string, Json> = {};
  for (const [name, { values }] of Object.entries(space).reverse()) {
    point[name] = values![index % values!.length]!;
    index = Math.floor(index / values!.length);
  }
  return Object.fromEntries(Object.entries(point).reverse());
}
