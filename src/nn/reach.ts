/**
 * How the units of a layer see those of its input: each its own place, all of them everything, or
 * along each axis unit i those from start + i · step on, `span` of them.
 */
export type Reach =
  | "each"
  | "all"
  | {
      readonly span: readonly number[];
      readonly step: readonly number[];
      readonly start: readonly number[];
    };
