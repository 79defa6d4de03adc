/**
 * Which inputs the units of a layer see: each its own position, all of them everything, or along
 * each axis unit i sees `span` inputs starting at start + i · step.
 */
export type Reach =
  | "each"
  | "all"
  | {
      readonly span: readonly number[];
      readonly step: readonly number[];
      readonly start: readonly number[];
    };
