import type { Task } from "../dataset.ts";
import type { Preparation } from "./preparation.ts";

/** What replaces missing values of a column: the mean, the median or the most frequent value. */
export type Fill = "mean" | "median" | "mode";

/** Options of `fitTable`. */
export interface FitTableOptions {
  /**
   * The column to predict: its name, or its index from 0; negative counts from the end. Default:
   * the last that has a value.
   */
  readonly target?: string | number | undefined;
  /**
   * Default: classification if the target is text or has at most 20 distinct integers, else
   * regression.
   */
  readonly task?: Task | undefined;
  /** Columns to ignore, by name or index. */
  readonly drop?: readonly (string | number)[] | undefined;
  /**
   * Fills missing inputs with the mean, median or most frequent value of the training rows; in text
   * columns always the most frequent. Missing targets are not filled. Default: no filling.
   */
  readonly fill?: Fill | undefined;
  /**
   * Gives each text column one more input, `column=other`, for unknown categories. Default false:
   * they are an error.
   */
  readonly other?: boolean | undefined;
  /** Standardizes numeric inputs to mean 0 and deviation 1. Default true. */
  readonly standardize?: boolean | undefined;
  /** Standardizes a numeric target. Default false. */
  readonly scaleTarget?: boolean | undefined;
  /** The rows in use: they determine categories and classes. Default: all. */
  readonly used?: ArrayLike<number> | undefined;
  /**
   * The training rows, from which means, deviations and fill values are computed. Default: the rows
   * in use.
   */
  readonly rows?: ArrayLike<number> | undefined;
  /** A preparation whose inputs are reused, to continue with its network. */
  readonly from?: Preparation | undefined;
}
