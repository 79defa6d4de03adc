/** The task of a table: classes or numbers. */
import { ConfigError, DataError } from "../../base/index.ts";
import type { Task } from "../dataset.ts";
import type { NumberColumn, TextColumn } from "../table/columns.ts";
import { isNumber } from "../table/numbers.ts";
import { columnIndex } from "../table/plan.ts";
import type { Table } from "../table/types.ts";
import type { FitTableOptions } from "./fit-table-options.ts";
import { meanAndDeviation } from "./measure.ts";
import { checkScalable, type Target } from "./preparation.ts";
import { numbersAt, sorted, wordsAt } from "./rows.ts";

/** A target with more distinct integers than this is a quantity. */
const mostClasses = 20;
/** Up to this many texts may be classes, however few rows each has. */
const mostClassTexts = 64;

/** The target column: the requested one, or the last that has a value. */
export function targetColumn(
  table: Table,
  target: string | number | undefined,
): NumberColumn | TextColumn {
  const { source, format } = table;
  const asked = target === undefined ? undefined : columnIndex(source, format.names, target);
  const names = asked === undefined ? format.names.toReversed() : [format.names[asked]!];
  for (const name of names) {
    const column = table.columns.find((each) => each.name === name);
    if (!column) throw droppedTarget(source, name);
    if (column.type !== "empty") return column;
  }
  throw new DataError({
    subject: source,
    problem: `the target column ${asked === undefined ? "" : `"${names[0]}" `}holds no value.`,
    fix: "choose another target, or fill the column.",
  });
}

export const droppedTarget = (source: string, name: string): ConfigError =>
  new ConfigError({
    subject: source,
    problem: `the column "${name}" is dropped, and is the target.`,
    fix: "name another target, or drop other columns.",
  });

/** The task that a target suggests, and why; `more` than this many classes count as quantities. */
export function taskOf(column: NumberColumn | TextColumn): { task: Task; why: string } {
  if (column.type === "text") return { task: "classification", why: "text" };
  const different = new Set<number>();
  for (const x of column.values) {
    if (Number.isNaN(x)) continue;
    if (!Number.isInteger(x)) return { task: "regression", why: `numbers such as ${x}` };
    if (different.size <= 1000) different.add(x);
  }
  const count = different.size > 1000 ? "more than 1000" : different.size;
  const why = `${count} different whole number${different.size === 1 ? "" : "s"}`;
  if (different.size <= mostClasses) return { task: "classification", why };
  return { task: "regression", why: `${why}, more than ${mostClasses}` };
}

/**
 * @param used the rows that determine the classes. @param rows the training rows, which determine
 * the scale.
 */
export function fitTarget(
  table: Table,
  options: FitTableOptions,
  used: ArrayLike<number>,
  rows: ArrayLike<number>,
): Target {
  const column = targetColumn(table, options.target);
  const task = options.task ?? taskOf(column).task;
  const { scaleTarget = false } = options;
  checkScalable(task, scaleTarget, table.source);
  const { name } = column;
  if (task === "classification")
    return { task, column: name, classes: classNames(table, column, used) };
  if (column.type === "text") throw noNumbers(table, column);
  if (!scaleTarget) return { task, column: name, scale: null };
  return { task, column: name, scale: meanAndDeviation(numbersAt(column.values, rows)) };
}

function classNames(
  table: Table,
  column: NumberColumn | TextColumn,
  rows: ArrayLike<number>,
): string[] {
  if (column.type === "number") return sorted(numberNames(table, column, rows));
  const words = wordsAt(column, rows);
  if (words.length <= mostClassTexts || 2 * words.length <= rows.length) return sorted(words);
  throw new DataError({
    subject: table.source,
    problem: `the target column "${column.name}" holds ${words.length} different texts in ${rows.length} rows, which are no classes.`,
    fix: "choose another target.",
  });
}

/** The distinct numbers of a column as texts: `1` and `1.0` are one. */
function numberNames(
  table: Table,
  { name, values }: NumberColumn,
  rows: ArrayLike<number>,
): string[] {
  const distinct = new Set(numbersAt(values, rows));
  const fraction = [...distinct].find((x) => !Number.isInteger(x));
  if (fraction === undefined) return [...distinct].map(String);
  throw new ConfigError({
    subject: table.source,
    problem: `the target column "${name}" holds ${fraction}, which is not a class.`,
    fix: 'pass task: "regression" to predict numbers, or choose another target.',
  });
}

const noNumbers = (table: Table, { name, words }: TextColumn): ConfigError =>
  new ConfigError({
    subject: table.source,
    problem: `the target column "${name}" holds texts such as ${JSON.stringify(words.find((word) => !isNumber(word)) ?? words[0])}, which is not a number.`,
    fix: "choose another target, or predict classes.",
  });
