import type { Point, Space } from "./space.ts";

/** What the objective gets beside the hyper-parameters. */
export interface TrialInfo {
  /** The number of the point, from 0; with halving it comes again, with more budget. */
  readonly trial: number;
  /** What may be spent, in epochs say; Infinity where the method has no budgets. */
  readonly budget: number;
}

/** A line of the table. */
export interface Trial<S extends Space = Space> extends Omit<TrialInfo, "budget"> {
  readonly parameters: Point<S>;
  /** null where the method has no budgets. */
  readonly budget: number | null;
  /** null where it was not finite, or the arithmetic broke down. */
  readonly value: number | null;
}
