/** A table as training data, with notes on what was decided about it. */
import { DataError, listed } from "../../../base/index.ts";
import {
  completeRows,
  type FitTableOptions,
  fitTable,
  labelAt,
  type Preparation,
  prepareTable,
  type RowsWithout,
  readTable,
  readTableFor,
  type Table,
  type TableOptions,
  targetColumn,
  taskOf,
  usableRows,
} from "../../../data/index.ts";
import { checkClasses } from "./classes.ts";
import type { Reading, SourceOptions, Stored } from "./reader.ts";

/** Above this fraction of dropped rows there is a warning; above the second, an error. */
const [fewLost, mostLost] = [0.05, 0.5];

/**
 * @param stored prepares as a training did; only its inputs if a new target is fitted. @param cut
 * the rows of the splits, by the number of rows.
 */
export async function readTableParts(
  path: string,
  options: SourceOptions,
  stored: Stored | undefined,
  cut: (rows: Int32Array) => Record<"train" | "validation" | "test", Int32Array>,
): Promise<Reading> {
  const { preparation: from, inputsOnly = false } = stored ?? {};
  const isWhole = from && !inputsOnly;
  const { dtype } = options;
  const written = writtenOf(options);
  const table = isWhole ? await readTableFor(from, path) : await readTable(path, written);
  const fit = fitOptions(options, inputsOnly ? from : undefined);
  const complete = isWhole ? completeRows(from, table) : usableRows(table, fit);
  const kept = keptRows(table, complete, options);
  const target = targetColumn(table, isWhole ? (from.target.column ?? undefined) : options.target);
  const classes = options.classes?.map((name) => labelOf(target, name));
  const chosen = classes ? rowsOfClasses(target, kept, classes, path) : kept;
  const rows = cut(chosen);
  const fitted = isWhole ? from : fitTable(table, { ...fit, used: chosen, rows: rows.train });
  const preparation = classes ? withClasses(fitted, classes) : fitted;
  const split = (part: Int32Array) => prepareTable(preparation, table, part, { dtype });
  return {
    preparation,
    train: split(rows.train),
    validation: split(rows.validation),
    test: prepareTable(inOwnUnits(preparation), table, rows.test, { dtype }),
    notes: [
      `${table.notes[0]}; ${usedNote(table, kept, complete)}`,
      ...table.notes.slice(1),
      ...(isWhole
        ? []
        : [...inputNotes(preparation, table), targetNote(preparation, target, options)]),
      ...fillNotes(preparation, table),
    ],
    warnings: lossWarning(table, kept, complete),
  };
}

/** The preparation with unscaled targets: networks are evaluated in the units of the data. */
export const inOwnUnits = (preparation: Preparation): Preparation =>
  preparation.target.task === "regression"
    ? { ...preparation, target: { ...preparation.target, scale: null } }
    : preparation;

/** How the file is written, according to the settings. */
export const writtenOf = ({
  header,
  delimiter,
  encoding,
  decimal,
  na,
  types,
  drop,
}: SourceOptions): TableOptions => ({ header, delimiter, encoding, decimal, na, types, drop });

export const fitOptions = (
  { target, task, drop, missing, other, standardize, scaleTarget }: SourceOptions,
  from: Preparation | undefined,
): FitTableOptions => ({
  ...{ target, task, drop, other, standardize, scaleTarget, from },
  fill: missing === "drop" || missing === "refuse" ? undefined : missing,
});

/** The rows in use. @throws {DataError} if most would be dropped without an explicit request. */
export function keptRows(
  table: Table,
  { rows, gaps }: RowsWithout,
  { missing }: SourceOptions,
): Int32Array {
  if (missing === "refuse") return Int32Array.from({ length: table.size }, (_, row) => row);
  const lost = table.size - rows.length;
  if (rows.length > 0 && (missing !== undefined || lost <= mostLost * table.size)) return rows;
  throw new DataError({
    subject: table.source,
    problem: `${usedNote(table, rows, { rows, gaps })}: most of the table.`,
    fix: `fill gaps with data.missing=median, leave columns out with data.drop=${worst(gaps)}, or pass data.missing=drop if that is meant.`,
  });
}

const worst = (gaps: ReadonlyMap<string, number>): string =>
  [...gaps].reduce((most, next) => (next[1] > most[1] ? next : most))[0];

/** "14 rows used, 26 left out: `income` empty". */
export function usedNote(table: Table, kept: Int32Array, { gaps }: RowsWithout): string {
  const lost = table.size - kept.length;
  if (lost === 0) return `${kept.length} rows used`;
  const reasons = [...gaps].map(
    ([name, count]) => `\`${name}\` empty${count === lost ? "" : ` in ${count}`}`,
  );
  return `${kept.length} rows used, ${lost} left out: ${reasons.slice(0, 5).join(", ")}${reasons.length > 5 ? ", …" : ""}`;
}

function lossWarning(table: Table, kept: Int32Array, found: RowsWithout): string[] {
  const lost = table.size - kept.length;
  if (lost <= fewLost * table.size) return [];
  return [
    `${table.size - kept.length} of ${table.size} rows are left out, as \`${worst(found.gaps)}\` is missing in most of them; data.missing=median fills gaps, data.drop leaves a column out`,
  ];
}

function targetNote(
  { target }: Preparation,
  column: ReturnType<typeof targetColumn>,
  { task, target: asked }: SourceOptions,
): string {
  const name = `target \`${column.name}\`${asked === undefined ? " (the last column)" : ""}`;
  if (target.task === "classification")
    return `${name}: ${target.classes.length} classes, ${listed(target.classes)}`;
  const { why } = taskOf(column);
  const scaled = target.scale ? ", scaled" : "";
  if (task !== undefined) return `${name}: numbers${scaled}`;
  return `${name}: numbers to predict${scaled}, for it holds ${why}; data.task=classification makes them classes`;
}

/** Texts that become categories, and columns that only number the rows. */
export function inputNotes({ inputs }: Preparation, table: Table): string[] {
  if (inputs.kind !== "table") return [];
  const texts = inputs.columns.flatMap((column) =>
    column.type === "text" ? [`${column.name} (${listed(column.categories, 3)})`] : [],
  );
  const counting = inputs.columns.filter(({ name }) => countsRows(table, name));
  return [
    ...(texts.length > 0 ? [`categories, an input for each: ${listed(texts)}`] : []),
    ...counting.map(
      ({ name }) =>
        `${name}: counts the rows, and is an input like others; ${/^[\w.-]+$/.test(name) ? `data.drop=${name}` : `'data.drop=${name}'`} leaves it out`,
    ),
  ];
}

/** Whether a column increases by 1 from row to row, like an index. */
function countsRows(table: Table, name: string): boolean {
  const column = table.columns.find((each) => each.name === name);
  if (column?.type !== "number" || table.size < 3) return false;
  const { values } = column;
  return Number.isInteger(values[0]) && values.every((x, n) => x === values[0]! + n);
}

/** Filled missing values, column by column. */
function fillNotes({ inputs }: Preparation, table: Table): string[] {
  if (inputs.kind !== "table") return [];
  return inputs.columns.flatMap(({ name, fill }) => {
    const column = table.columns.find((each) => each.name === name);
    if (fill === null || !column || column.type === "empty") return [];
    const gaps =
      column.type === "number"
        ? column.values.reduce((sum, x) => sum + (Number.isNaN(x) ? 1 : 0), 0)
        : column.codes.reduce((sum, code) => sum + (code < 0 ? 1 : 0), 0);
    const shown = typeof fill === "number" ? Number(fill.toPrecision(6)) : fill;
    return gaps === 0
      ? []
      : [`${name}: ${gaps} ${gaps === 1 ? "gap" : "gaps"} filled with ${shown}`];
  });
}

/** A class by its name in the column: in a column of numbers, `01` and `1.0` are `1`. */
const labelOf = ({ type }: ReturnType<typeof targetColumn>, name: string): string =>
  type === "number" && name.trim() !== "" && Number.isFinite(Number(name))
    ? String(Number(name))
    : name;

/** The rows of some classes. */
function rowsOfClasses(
  column: ReturnType<typeof targetColumn>,
  rows: Int32Array,
  names: readonly string[],
  source: string,
): Int32Array {
  const known = new Set(Array.from(rows, (row) => labelAt(column, row)));
  checkClasses(names, [...known].sort(), source);
  return rows.filter((row) => names.includes(labelAt(column, row)));
}

/** The preparation for some classes, numbered in the given order. */
const withClasses = (preparation: Preparation, classes: readonly string[]): Preparation => {
  const { target } = preparation;
  return target.task === "classification"
    ? { ...preparation, target: { ...target, classes } }
    : preparation;
};
