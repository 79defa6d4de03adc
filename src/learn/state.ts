import type { HostArray } from "../base/index.ts";

/** A learner as storage sees it. */
export interface Storable {
  /** The name under which it is stored. */
  readonly name: string;
  readonly options: object;
  toJSON(): unknown;
}

/** A value in a learner's fitted state. */
export type FittedValue =
  | number
  | string
  | boolean
  | null
  | readonly FittedValue[]
  | HostArray
  | Storable
  | { readonly [name: string]: FittedValue };

/** A learner's fitted state, by name: plain data, arrays, and the learners it is composed of. */
export type State = { readonly [name: string]: FittedValue };
