/** Data for a trained network, prepared as in its training. */
import { DataError, sameShape, show } from "../../base/index.ts";
import {
  classesOf,
  completeRows,
  labelAt,
  type PrepareTableOptions,
  prepareInputs,
  prepareTable,
  type RowsWithout,
  readTableFor,
  type Split,
  type Table,
  targetColumn,
} from "../../data/index.ts";
import { isAutoencoder } from "../../models/index.ts";
import { reconstruction } from "../../train/index.ts";
import type { AnyRunConfig, DataConfig } from "../run/run-config.ts";
import { contentHash, shownPath } from "./data-file.ts";
import { isArchive, kindOf, loadSource, type Source } from "./data-source.ts";
import { asLearned } from "./own-targets.ts";
import { isSet } from "./readers/set.ts";
import { inOwnUnits } from "./readers/table-parts.ts";

/** Examples for evaluating a network, and notes for the user. */
export interface Judged {
  readonly test: Split;
  /** The training split, if the data are the network's own. */
  readonly train?: Split;
  readonly notes: readonly string[];
}

/**
 * The data of a run, prepared and split as in training. Its test split is in the data's own units.
 */
export async function loadTrained(
  { data: { source: trained, preparation }, settings, model }: AnyRunConfig,
  source = trained,
  options: PrepareTableOptions = {},
): Promise<Source> {
  if (source === trained && !isSet(source)) await checkThere(source);
  const stored = { preparation, inputsOnly: false };
  const { seed } = settings.training;
  const all = await loadSource(source, { ...settings.data, seed, ...options }, stored);
  return asLearned(model.name, all);
}

/** Whether data are those of a run's training, wherever they are. */
export async function isSameData(source: string, { source: trained, sha256 }: DataConfig) {
  if (isSet(source) || sha256 === null) return source === trained;
  if (source === trained) await checkThere(source);
  await kindOf(source); // reports missing data
  return (await contentHash(source)) === sha256;
}

/**
 * Data for evaluating a trained network: the test split of its own data, wherever they are; all of
 * another table; or the test split of another set.
 *
 * @throws {DataError} if its examples are not like those of the training.
 */
export async function loadTest(
  source: string | undefined,
  run: AnyRunConfig,
  options: PrepareTableOptions = {},
): Promise<Judged> {
  const { data } = run;
  const path = source ?? data.source;
  const isSame = await isSameData(path, data);
  const { resolve } = await import("node:path");
  const isChanged = !isSame && !isSet(path) && resolve(path) === data.source;
  const notes = isChanged
    ? [
        `${shownPath(path)} has changed since the training; its rows are cut anew, so that rows of the training may be among those measured`,
      ]
    : [];
  if (isSame && source !== undefined && !isSet(path) && resolve(path) !== data.source)
    notes.push(
      `${shownPath(path)} holds the data of the training; measured are the examples that it held out for testing`,
    );
  const isOther = !isSame && !isChanged;
  const isTable = data.preparation.inputs.kind === "table";
  if (isOther && isTable) return loadTable(path, run, options);
  if (isOther && isAutoencoder(run.model.name)) return loadUnlabelled(path, run);
  const { train, test, warnings } = await loadTrained(run, path, options);
  return { test, ...(!isOther && { train }), notes: [...notes, ...warnings] };
}

/**
 * The test split of data whose classes do not matter. @throws {DataError} for examples of another
 * shape.
 */
async function loadUnlabelled(source: string, { data, settings }: AnyRunConfig): Promise<Judged> {
  const { classes: _, ...options } = settings.data;
  const { preparation } = data;
  const { test, config, warnings } = await loadSource(source, options, {
    ...{ preparation, inputsOnly: true },
  });
  const { inputShape } = config.preparation;
  if (sameShape(inputShape, preparation.inputShape))
    return { test: reconstruction(test.inputs), notes: warnings };
  throw new DataError({
    subject: shownPath(source),
    problem: `its examples are ${show(inputShape)}, the network was trained on ${show(preparation.inputShape)}.`,
    fix: "give data of the same shape.",
  });
}

/** @throws {DataError} if the data of a run have moved. */
async function checkThere(path: string): Promise<void> {
  const { stat } = await import("node:fs/promises");
  if (await stat(path).catch(() => undefined)) return;
  throw new DataError({
    subject: path,
    problem: "the data that the run was trained on are no longer there.",
    fix: "say where they are with --data.",
  });
}

async function loadTable(
  source: string,
  run: AnyRunConfig,
  options: PrepareTableOptions,
): Promise<Judged> {
  const { data, settings, model } = run;
  const { preparation } = data;
  const { inputs } = preparation;
  const columns = inputs.kind === "table" ? inputs.columns.map(({ name }) => name) : [];
  if (isSet(source) || (await kindOf(source)) === "folder" || isArchive(source))
    throw new DataError({
      subject: shownPath(source),
      problem: `the network was trained on a table, ${shownPath(data.source)}, and this is none.`,
      fix: `give a CSV file with the same columns, ${columns.slice(0, 5).join(", ")}.`,
    });
  const table = await readTableFor(preparation, source);
  const isUnlabelled = isAutoencoder(model.name);
  const complete = completeRows(preparation, table, { target: !isUnlabelled });
  const isStrict = settings.data.missing === "refuse";
  const all = isStrict ? Int32Array.from({ length: table.size }, (_, n) => n) : complete.rows;
  const rows = isUnlabelled ? all : ofClasses(table, all, run);
  if (rows.length === 0)
    throw new DataError({
      subject: shownPath(source),
      problem: `none of its ${table.size} rows can be used: ${gapsIn(complete)} is missing.`,
      fix: "fill the gaps.",
    });
  const lost = table.size - rows.length;
  const notes =
    lost === 0
      ? []
      : [`${lost} of ${table.size} rows are left out, as ${gapsIn(complete)} is missing in them`];
  const test = isUnlabelled
    ? reconstruction(prepareInputs(preparation, table, rows, options))
    : prepareTable(inOwnUnits(preparation), table, rows, options);
  return { test, notes };
}

/** The rows of the classes that a run was trained on, if it was trained on some. */
function ofClasses(table: Table, rows: Int32Array, { data, settings }: AnyRunConfig): Int32Array {
  const { preparation } = data;
  const names = settings.data.classes && classesOf(preparation);
  const target = targetColumn(table, preparation.target.column ?? undefined);
  return names ? rows.filter((row) => names.includes(labelAt(target, row))) : rows;
}

/** `income`, `age` */
const gapsIn = ({ gaps }: RowsWithout): string =>
  [...gaps.keys()].map((name) => `\`${name}\``).join(", ");
