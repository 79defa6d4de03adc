/** All examples of data, for a map of them. */
import { basename } from "node:path";
import { type HostArray, sizeOf } from "../../base/index.ts";
import {
  classesOf,
  fitTable,
  labelAt,
  prepareTable,
  readTable,
  type Split,
  type Table,
  targetColumn,
  usableRows,
} from "../../data/index.ts";
import { checkLearnable, isArchive, kindOf, loadSource, some } from "./data-source.ts";
import type { SourceOptions } from "./readers/reader.ts";
import { isSet } from "./readers/set.ts";
import { fitOptions, inputNotes, keptRows, usedNote, writtenOf } from "./readers/table-parts.ts";

/** Examples to draw a map of. */
export interface MapSource {
  readonly name: string;
  /** `[N, …]` */
  readonly inputs: HostArray;
  /** What is mapped in their place, `[N, …]`: their codes. */
  readonly codes?: HostArray;
  /** A class or a number for each; none if there is no label. */
  readonly labels: readonly (string | number)[] | undefined;
  /** The name of the labels, such as a column. */
  readonly labelName: string;
  /** Classes in order; none if labels are numbers. */
  readonly classes: readonly string[];
  /** The name of each example: `row 7`, `example 7`. */
  readonly ids: readonly number[];
  readonly idName: "row" | "example";
  /** Values of the rows of a table, by column. */
  readonly cells: readonly {
    readonly name: string;
    readonly values: readonly (string | number)[];
  }[];
  readonly notes: readonly string[];
}

/** The placeholder for the target of a table that has none. */
const none = "(no target)";

/** @param target whether one column is the label. */
export async function loadMapSource(
  source: string,
  options: SourceOptions,
  target: boolean,
): Promise<MapSource> {
  const isTable = !isSet(source) && (await kindOf(source)) === "file" && !isArchive(source);
  return isTable ? ofTable(source, options, target) : ofExamples(source, options);
}

async function ofTable(path: string, options: SourceOptions, target: boolean): Promise<MapSource> {
  const read = await readTable(path, writtenOf(options));
  const table = target ? read : withoutTarget(read);
  const fit = fitOptions(target ? options : { ...options, target: none }, undefined);
  const usable = usableRows(table, fit);
  const all = keptRows(table, usable, options);
  const rows = options.examples ? Int32Array.from(someOf(all, options.examples)) : all;
  const preparation = fitTable(table, { ...fit, used: rows });
  const { inputs } = prepareTable(preparation, table, rows, { dtype: "float64" });
  const column = targetColumn(table, preparation.target.column ?? undefined);
  const label = (row: number) =>
    preparation.target.task === "regression" && column.type === "number"
      ? column.values[row]!
      : labelAt(column, row);
  return {
    name: basename(path),
    inputs,
    labels: target ? Array.from(rows, label) : undefined,
    labelName: target ? column.name : "",
    classes: target ? classesOf(preparation) : [],
    ids: Array.from(rows, (row) => row + 1),
    idName: "row",
    cells: read.columns.flatMap((each) =>
      each.type === "empty"
        ? []
        : [
            {
              name: each.name,
              values: Array.from(rows, (row) =>
                each.type === "number" ? each.values[row]! : (each.words[each.codes[row]!] ?? ""),
              ),
            },
          ],
    ),
    notes: [usedNote(table, all, usable), ...inputNotes(preparation, table)],
  };
}

/** The table with an empty column in place of the target. */
const withoutTarget = (table: Table): Table => ({
  ...table,
  columns: [
    ...table.columns,
    {
      name: none,
      index: table.columns.length,
      type: "text",
      codes: new Int32Array(table.size),
      words: [none],
    },
  ],
  format: { ...table.format, names: [...table.format.names, none] },
});

/** An even selection of rows. */
function someOf(rows: Int32Array, count: number): number[] {
  const kept = Math.min(count, rows.length);
  return Array.from({ length: kept }, (_, n) => rows[Math.floor((n * rows.length) / kept)]!);
}

async function ofExamples(path: string, options: SourceOptions): Promise<MapSource> {
  const { examples, ...rest } = options;
  const { train, validation, test, config, notes } = await loadSource(path, rest);
  checkLearnable(config);
  const whole = joined([train, validation, test]);
  const { inputs, targets, size } = examples === undefined ? whole : some(whole, examples);
  const classes = classesOf(config.preparation);
  return {
    name: basename(path),
    inputs,
    labels: Array.from(targets.data, (k) => classes[k]!),
    labelName: "class",
    classes,
    ids: Array.from({ length: size }, (_, n) => n + 1),
    idName: "example",
    cells: [],
    notes,
  };
}

function joined(parts: readonly Split[]): Split {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  const { inputs } = parts[0]!;
  const shape = inputs.shape.slice(1);
  const data = new Float32Array(size * sizeOf(shape));
  const labels = new Int32Array(size);
  let at = 0;
  for (const part of parts) {
    data.set(part.inputs.data, at * sizeOf(shape));
    labels.set(part.targets.data, at);
    at += part.size;
  }
  return {
    inputs: { dtype: "float32", shape: [size, ...shape], data },
    targets: { dtype: "int32", shape: [size], data: labels },
    size,
  };
}
