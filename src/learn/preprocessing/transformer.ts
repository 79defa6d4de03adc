import type { Tensor } from "../../tensor/index.ts";
import { Estimator, type LearnOptions, type State } from "../estimator.ts";
import type { Features, Targets } from "../input.ts";

/** Rows of a table as read: numbers and strings mixed. */
export type Cells = readonly (readonly (number | string)[])[];

/** A learner that transforms rows. */
export abstract class Transformer<S extends State = State, X = Features> extends Estimator<S> {
  /** Learns what `transform` needs, from training rows alone. */
  abstract fit(x: X, y?: Targets, options?: LearnOptions): Promise<this>;
  /** The new rows, `[N, D′]` float64. */
  abstract transform(x: X): Tensor;

  /** `fit` and `transform` of the same rows. */
  async fitTransform(x: X, y?: Targets, options: LearnOptions = {}): Promise<Tensor> {
    return (await this.fit(x, y, options)).transform(x);
  }
}
