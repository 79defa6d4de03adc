import type { HostArray } from "../base/index.ts";

/** A learner as storage sees it. */
export interface Storable {
  /** The name under which it is stored. */
  readonly name: string;
  readonly options: object;
  toJSON(): unknown;
}

/** A value that a learner has learned. */
export type Learned =
  | number
  | string
  | boolean
  | null
  | readonly Learned[]
  | HostArray
  | Storable
  | { readonly [name: string]: Learned };

/** What a learner has learned, by name: plain data, arrays, and the learners that it is made of. */
export type State = { readonly [name: string]: Learned };
