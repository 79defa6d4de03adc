import type { Point, Space } from "./space.ts";

/** The arguments of the objective beside the hyper-parameters. */
export interface TrialInfo {
  /** The number of the point, from 0; with halving it recurs with larger budgets. */
  readonly trial: number;
  /** The budget, for example in epochs; Infinity if the method has no budgets. */
  readonly budget: number;
}

/** A line of the table. */
export interface Trial<S extends Space = Space> extends Omit<TrialInfo, "budget"> {
  readonly parameters: Point<S>;
  /** null if the method has no budgets. */
  readonly budget: number | null;
  /** null if it was not finite, or a NumericError occurred. */
  readonly value: number | null;
}
