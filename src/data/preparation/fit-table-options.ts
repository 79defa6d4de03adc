import type { Task } from "../dataset.ts";
import type { Preparation } from "./preparation.ts";

/** What stands in for missing values of a column: the mean, the median or the commonest. */
export type Fill = "mean" | "median" | "mode";

/** What `fitTable` makes of the columns. */
export interface FitTableOptions {
  /** The column to predict: its name, or its index from 0; negative counts from the end. Default: the last that holds a value. */
  readonly target?: string | number | undefined;
  /** Default: classes if the target is text or at most 20 different whole numbers, else numbers. */
  readonly task?: Task | undefined;
  /** Columns to leave out, by name or index. */
  readonly drop?: readonly (string | number)[] | undefined;
  /**
   * Fills missing inputs with the mean, median or commonest value of the training rows; in a column of
   * text always the commonest. A missing target is not filled. Default: not filled.
   */
  readonly fill?: Fill | undefined;
  /** Gives each column of text one more input, `column=other`, for what is no category. Default false: that is an error. */
  readonly other?: boolean | undefined;
  /** Brings inputs that are numbers to mean 0 and deviation 1. Default true. */
  readonly standardize?: boolean | undefined;
  /** Does the same to a target that is a number. Default false. */
  readonly scaleTarget?: boolean | undefined;
  /** The rows that are used at all: categories and classes are theirs. Default: all. */
  readonly used?: ArrayLike<number> | undefined;
  /** The training rows, on which means, deviations and fill values are measured. Default: those used. */
  readonly rows?: ArrayLike<number> | undefined;
  /** A preparation whose inputs are taken over as they are, to go on with its network. */
  readonly from?: Preparation | undefined;
}
