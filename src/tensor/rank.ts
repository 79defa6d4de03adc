/**
 * Ranks as types. An unknown rank is `any`, so that it is accepted where a specific one is
 * required.
 */
import type { Shape } from "../base/index.ts";

/** Nested arrays of numbers, as `toArray` gives them. */
export type NestedArray = number | NestedArray[];

// biome-ignore lint/suspicious/noExplicitAny: `number` would not be assignable to a known rank
export type AnyRank = any;
type IsAny<T> = 0 extends 1 & T ? true : false;

/** The result of `toArray` for rank `R`. */
export type ArrayOfRank<R> =
  IsAny<R> extends true
    ? NestedArray
    : R extends 0
      ? number
      : R extends 1
        ? number[]
        : R extends 2
          ? number[][]
          : R extends 3
            ? number[][][]
            : R extends 4
              ? number[][][][]
              : NestedArray;

/** The rank given by a shape, if its length is known. */
export type RankOfShape<S extends Shape> = number extends S["length"] ? AnyRank : S["length"];

/** The rank of nested arrays, by the depth of their type. */
export type RankOfData<A> = NestedArray extends A // of unknown depth, as TensorData is
  ? AnyRank
  : A extends number | boolean
    ? 0
    : A extends ArrayBufferView
      ? 1
      : A extends readonly (infer Row)[]
        ? [Row] extends [never]
          ? 1
          : Next<RankOfData<Row>>
        : AnyRank;
type Next<R> =
  IsAny<R> extends true
    ? AnyRank
    : R extends 0
      ? 1
      : R extends 1
        ? 2
        : R extends 2
          ? 3
          : R extends 3
            ? 4
            : AnyRank;

/** The rank after broadcasting. */
export type JointRank<R, S> =
  IsAny<R> extends true ? AnyRank : S extends 0 ? R : R extends 0 ? S : R extends S ? R : AnyRank;
