/** Search spaces: a distribution for each hyper-parameter. */
import { ConfigError, type RandomStream } from "../../base/index.ts";
import type { Json } from "../run-folder.ts";

/** The distribution of one hyper-parameter. */
export interface Dimension<T extends Json = Json> {
  /** A random value. */
  sample(random: RandomStream): T;
  /** All values; absent for a continuous distribution. */
  readonly values?: readonly T[];
  /** Its identity for tables: equal for equal distributions. */
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
 * A uniform choice of these values.
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
 * Uniform between two numbers.
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
 * Log-uniform between two numbers: each decade is equally likely, as suits learning rates and
 * penalties.
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
 * A uniform integer between two, both included.
 *
 * @throws {ConfigError} if the range is empty, or the bounds are not integers.
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

/** A random point; the order of the names determines which random numbers each gets. */
export const samplePoint = (space: Space, random: RandomStream): Record<string, Json> =>
  Object.fromEntries(
    Object.entries(space).map(([name, dimension]) => [name, dimension.sample(random)]),
  );

/**
 * The number of points in the grid of a space. @throws {ConfigError} for a continuous distribution.
 */
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
