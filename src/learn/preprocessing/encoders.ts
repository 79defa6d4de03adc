/** Categories as numbers. */
import { checkOptions, DataError, describe, ShapeError } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkWord } from "../checks.ts";
import { Estimator, type State } from "../estimator.ts";
import { classesOf, type Label, type Targets, vectorTensor } from "../input.ts";
import { type Cells, Transformer } from "./transformer.ts";

/** Options of {@link OneHotEncoder}. */
export interface OneHotEncoderOptions {
  /** The categories of each column, in order. Default: those of the training rows, ascending. */
  readonly categories?: readonly (readonly Label[])[] | undefined;
  /**
   * How to encode a category that `fit` has not seen: an error, all zeros, or 1 in an extra column.
   * Default "error".
   */
  readonly handleUnknown?: "error" | "ignore" | "column" | undefined;
}

type OneHotState = State & { readonly categories: readonly (readonly Label[])[] };

/**
 * One column of 0 and 1 per category of each column. O(ND). For categories without an order, before
 * any learner of numbers.
 *
 * @example
 * const encoder = await oneHotEncoder({ handleUnknown: "column" }).fit([["red"], ["blue"]]);
 * encoder.categories; // [["blue", "red"]]
 * encoder.transform([["red"], ["green"]]).toArray(); // [[0, 1, 0], [0, 0, 1]]
 */
export class OneHotEncoder extends Transformer<OneHotState, Cells> {
  readonly name = "OneHotEncoder";
  readonly options: OneHotEncoderOptions & {
    readonly handleUnknown: "error" | "ignore" | "column";
  };

  /** @throws {ConfigError} for invalid options. */
  constructor(options: OneHotEncoderOptions = {}) {
    super();
    checkOptions("OneHotEncoder", options, { categories: true, handleUnknown: true });
    const { categories, handleUnknown = "error" } = options;
    checkWord("OneHotEncoder", "handleUnknown", handleUnknown, ["error", "ignore", "column"]);
    this.options = { categories, handleUnknown };
  }

  /** The categories of each column. */
  get categories(): readonly (readonly Label[])[] {
    return this.state.categories;
  }

  /**
   * @throws {DataError} for an unknown category. @throws {ShapeError} for another number of
   * columns.
   */
  async fit(x: Cells): Promise<this> {
    const columns = columnsOf(this.name, x);
    const { categories } = this.options;
    if (categories === undefined)
      return this.learn({
        categories: columns.map(
          (column) => classesOf(this.name, column as Targets, x.length, 1).classes,
        ),
      });
    checkCount(this.name, columns.length, categories.length);
    this.learn({ categories });
    if (this.options.handleUnknown === "error") this.transform(x);
    return this;
  }

  transform(x: Cells): Tensor {
    const { categories } = this.state;
    const { handleUnknown } = this.options;
    const columns = columnsOf(this.name, x);
    checkCount(this.name, columns.length, categories.length);
    const extra = Number(handleUnknown === "column");
    const width = categories.reduce((sum, each) => sum + each.length + extra, 0);
    const data = new Float64Array(x.length * width);
    let at = 0;
    for (const [j, known] of categories.entries()) {
      const index = new Map(known.map((category, k) => [category, k]));
      for (const [i, cell] of columns[j]!.entries()) {
        const k = index.get(cell) ?? (handleUnknown === "column" ? known.length : undefined);
        if (k !== undefined) data[i * width + at + k] = 1;
        else if (handleUnknown === "error") throw unknown(this.name, i, j, cell, known);
      }
      at += known.length + extra;
    }
    return vectorTensor(data, [x.length, width]);
  }
}

/** A {@link OneHotEncoder}. */
export const oneHotEncoder = (options: OneHotEncoderOptions = {}): OneHotEncoder =>
  new OneHotEncoder(options);

function columnsOf(subject: string, x: Cells): (number | string)[][] {
  const width = x[0]?.length ?? 0;
  const ragged = x.findIndex((row) => row.length !== width);
  if (width === 0 || ragged >= 0)
    throw new ShapeError({
      subject,
      problem:
        ragged < 0
          ? "there is no row with a column."
          : `row ${ragged} has ${x[ragged]!.length} cells, row 0 has ${width}.`,
      fix: 'give rows with the same number of cells, such as [["red"], ["blue"]].',
    });
  return Array.from({ length: width }, (_, j) => x.map((row) => row[j]!));
}

function checkCount(subject: string, columns: number, known: number): void {
  if (columns === known) return;
  throw new ShapeError({
    subject,
    problem: `the rows have ${columns} columns, and there are categories of ${known} (${columns} ≠ ${known}).`,
    fix: "give the same columns in the same order as in fit.",
  });
}

const unknown = (
  subject: string,
  row: number,
  column: number,
  cell: Label,
  known: readonly Label[],
) =>
  new DataError({
    subject,
    problem: `row ${row}, column ${column} is ${describe(cell)}, none of ${known.slice(0, 8).map(describe).join(", ")}${known.length > 8 ? ", …" : ""}.`,
    fix: 'correct the row, or take handleUnknown: "ignore" or "column".',
  });

/**
 * Names of classes as indices from 0, in ascending order, and back. O(N log K). Learners accept
 * names directly; this is for nets and for files that number their classes.
 *
 * @example
 * const encoder = await labelEncoder().fit(["b", "a", "b"]);
 * encoder.transform(["b", "a"]); // [1, 0]
 * encoder.inverseTransform([0, 1]); // ["a", "b"]
 */
export class LabelEncoder extends Estimator<State & { readonly classes: readonly Label[] }> {
  readonly name = "LabelEncoder";
  readonly options = {};

  /** The classes, ascending. */
  get classes(): readonly Label[] {
    return this.state.classes;
  }
  /** Finds the classes. @throws {DataError} for labels that are neither numbers nor strings. */
  async fit(y: ArrayLike<number> | ArrayLike<string>): Promise<this> {
    return this.learn({ classes: classesOf(this.name, y, y.length, 1).classes });
  }
  /** @throws {DataError} for a label that `fit` has not seen. */
  transform(y: ArrayLike<number> | ArrayLike<string>): Int32Array {
    const index = new Map(this.classes.map((label, k) => [label, k]));
    return Int32Array.from(y as ArrayLike<Label>, (label, i) => {
      const k = index.get(label);
      if (k === undefined) throw unknown(this.name, i, 0, label, this.classes);
      return k;
    });
  }
  /** @throws {DataError} for an index out of range. */
  inverseTransform(indices: ArrayLike<number>): Label[] {
    return Array.from(indices, (k, i) => {
      const label = this.classes[k];
      if (label !== undefined) return label;
      throw new DataError({
        subject: this.name,
        problem: `index ${k} in place ${i} is none of 0 … ${this.classes.length - 1}.`,
        fix: "give indices that transform gave.",
      });
    });
  }
}

/** A {@link LabelEncoder}. */
export const labelEncoder = (): LabelEncoder => new LabelEncoder();
