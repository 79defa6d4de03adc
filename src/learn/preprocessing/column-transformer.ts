/** Different transformers for different columns. */
import {
  ConfigError,
  checkOptions,
  DataError,
  describe,
  nearest,
  ShapeError,
} from "../../base/index.ts";
import { concat, type Tensor } from "../../tensor/index.ts";
import { checkWord } from "../checks.ts";
import type { Estimator, LearnOptions, State } from "../estimator.ts";
import { type Targets, vectorTensor } from "../input.ts";
import { type Cells, Transformer } from "./transformer.ts";

/** A transformer, and the indices of its columns, or their names. */
export type ColumnStep = readonly [
  transformer: AnyTransformer,
  columns: readonly (number | string)[],
];

/** A step whose columns are indices. */
type IndexedStep = readonly [transformer: AnyTransformer, columns: readonly number[]];

type AnyTransformer = Estimator & {
  fit(x: never, y?: Targets, options?: LearnOptions): Promise<unknown>;
  transform(x: never): Tensor;
};

/** Options of {@link columnTransformer}. */
export interface ColumnTransformerOptions {
  /** What happens to columns without a transformer. Default "drop". */
  readonly remainder?: "drop" | "passthrough" | undefined;
  /** The names of all columns in order, for steps that use names. */
  readonly columnNames?: readonly string[] | undefined;
}

type ColumnState = State & {
  readonly transformers: readonly Estimator[];
  readonly columns: readonly (readonly number[])[];
  readonly width: number;
};

/**
 * Applies each transformer to its columns and concatenates the results; columns that are passed
 * through come last. Created by {@link columnTransformer}. O(N) for each cell, plus the costs of the transformers.
 */
export class ColumnTransformer extends Transformer<ColumnState, Cells> {
  readonly name = "ColumnTransformer";
  readonly options: {
    readonly remainder: "drop" | "passthrough";
    readonly columnNames?: readonly string[] | undefined;
  };
  readonly steps: readonly IndexedStep[];

  constructor(steps: readonly ColumnStep[], options: ColumnTransformerOptions = {}) {
    super();
    checkOptions("columnTransformer", options, { remainder: true, columnNames: true });
    const { remainder = "drop", columnNames } = options;
    checkWord("columnTransformer", "remainder", remainder, ["drop", "passthrough"]);
    checkNames(columnNames);
    this.steps = steps.map(([transformer, columns]) => [
      transformer,
      columns.map((column) => indexOf(column, columnNames)),
    ]);
    this.options = { remainder, columnNames };
  }

  override fresh(): this {
    const steps = this.steps.map(
      ([transformer, columns]) => [transformer.fresh(), columns] as const,
    );
    return new ColumnTransformer(steps, this.options) as this;
  }

  async fit(x: Cells, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const width = x[0]?.length ?? 0;
    const names = this.options.columnNames;
    if (names && names.length !== width)
      throw new ShapeError({
        subject: this.name,
        problem: `row 0 has ${width} cells, and there are ${names.length} column names (${width} ≠ ${names.length}).`,
        fix: "name all columns, in the order of the cells.",
      });
    for (const [transformer, columns] of this.steps)
      await transformer.fit(chosen(this.name, x, columns) as never, y, options);
    return this.learn({
      transformers: this.steps.map(([transformer]) => transformer),
      columns: this.steps.map(([, columns]) => columns),
      width,
    });
  }

  transform(x: Cells): Tensor {
    const { width } = this.state;
    const other = x.findIndex((row) => row.length !== width);
    if (x.length === 0 || other >= 0)
      throw new ShapeError({
        subject: this.name,
        problem: `row ${Math.max(0, other)} has ${x[other]?.length ?? 0} cells, and it has learned from ${width}.`,
        fix: "give the same columns in the same order as in fit.",
      });
    const parts = this.steps.map(([transformer, columns]) =>
      transformer.transform(chosen(this.name, x, columns) as never),
    );
    const used = new Set(this.steps.flatMap(([, columns]) => columns));
    const rest = Array.from({ length: width }, (_, j) => j).filter((j) => !used.has(j));
    if (this.options.remainder === "passthrough" && rest.length > 0)
      parts.push(numbers(this.name, x, rest));
    return concat(parts, { axis: 1 }).evalSync();
  }
}

function chosen(subject: string, x: Cells, columns: readonly number[]): Cells {
  return x.map((row, i) =>
    columns.map((j) => {
      const cell = row[j];
      if (cell !== undefined) return cell;
      throw new ShapeError({
        subject,
        problem: `row ${i} has no column ${j}; it has ${row.length}.`,
        fix: "give columns by their index from 0.",
      });
    }),
  );
}

function numbers(subject: string, x: Cells, columns: readonly number[]): Tensor {
  const data = new Float64Array(x.length * columns.length);
  for (const [i, row] of x.entries())
    for (const [n, j] of columns.entries()) {
      const cell = row[j];
      if (typeof cell !== "number" || !Number.isFinite(cell))
        throw new DataError({
          subject,
          problem: `row ${i}, column ${j} is ${describe(cell)}, and no transformer makes it a number.`,
          fix: 'give the column an encoder, or take remainder: "drop".',
        });
      data[i * columns.length + n] = cell;
    }
  return vectorTensor(data, [x.length, columns.length]);
}

/** @throws {ConfigError} unless names are distinct strings. */
function checkNames(names: readonly string[] | undefined): void {
  if (names === undefined) return;
  const isList = Array.isArray(names) && names.every((name) => typeof name === "string");
  const twice = isList && names.find((name, i) => names.indexOf(name) < i);
  if (isList && twice === undefined) return;
  throw new ConfigError({
    subject: "columnTransformer",
    problem: isList
      ? `columnNames has ${describe(twice)} twice.`
      : `columnNames is ${describe(names)}, not a list of names.`,
    fix: 'give each column a name of its own, such as columnNames: ["age", "color"].',
  });
}

/** The index of a column that is given by its index or its name. */
function indexOf(column: number | string, names: readonly string[] | undefined): number {
  if (typeof column === "number") return column;
  const index = names?.indexOf(column) ?? -1;
  if (index >= 0) return index;
  const near = names && nearest(column, names);
  throw new ConfigError({
    subject: "columnTransformer",
    problem: names
      ? `there is no column ${describe(column)} among ${names.map(describe).join(", ")}.`
      : `a step takes the column ${describe(column)}, and no columns have names.`,
    fix: near
      ? `did you mean ${describe(near)}?`
      : "name all columns, in the order of the cells, by the option columnNames.",
  });
}

/**
 * A {@link ColumnTransformer} of transformers with their columns, by index from 0 or by name.
 *
 * @throws {ConfigError} if there are none, or one has no columns, or a name that no column has.
 * @example
 * const cells = [[20, "red"], [40, "blue"]];
 * const columns = columnTransformer([[minMaxScaler(), [0]], [oneHotEncoder(), [1]]]);
 * (await columns.fitTransform(cells)).toArray(); // [[0, 0, 1], [1, 1, 0]]
 * const named = columnTransformer([[oneHotEncoder(), ["color"]]], { columnNames: ["age", "color"] });
 * (await named.fitTransform(cells)).toArray(); // [[0, 1], [1, 0]]
 */
export function columnTransformer(
  steps: readonly ColumnStep[],
  options: ColumnTransformerOptions = {},
): ColumnTransformer {
  const bad = steps.findIndex(
    ([, columns]) =>
      !Array.isArray(columns) ||
      columns.length === 0 ||
      columns.some((j) => typeof j !== "string" && (!Number.isSafeInteger(j) || j < 0)),
  );
  if (steps.length === 0 || bad >= 0)
    throw new ConfigError({
      subject: "columnTransformer",
      problem:
        bad < 0
          ? "there is no transformer."
          : `the columns of step ${bad} are ${describe(steps[bad]![1])}.`,
      fix: "give pairs of a transformer and its columns, such as [standardScaler(), [0, 2]].",
    });
  return new ColumnTransformer(steps, options);
}
