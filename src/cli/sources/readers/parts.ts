/** Data sets split in three, with the fitted or stored preparation. */
import { DataError, sameShape, show } from "../../../base/index.ts";
import {
  classesOf,
  type Dataset,
  type Preparation,
  preparationVersion,
  type Split,
  splitDataset,
  subset,
} from "../../../data/index.ts";
import { shownPath } from "../data-file.ts";
import { checkClasses } from "./classes.ts";
import type { Parts, Reading, SourceOptions, Stored } from "./reader.ts";

/** Fractions held out if the data have no such split. The split does not depend on --seed. */
export const testShare = 0.2;
export const validationShare = 0.1;
export const splitSeed = 0;
/** Fewer cannot be split in three by these fractions. */
const leastExamples = 6;

/** Examples split in three, with the fitted or stored preparation. */
export function ofDataset(
  source: string,
  data: Dataset,
  inputsOf: (train: Split) => Preparation["inputs"],
  { classes }: SourceOptions,
  stored: Stored | undefined,
): Reading {
  const shown = shownPath(source);
  const parts = cut(shown, data);
  const preparation: Preparation = {
    version: preparationVersion,
    inputs: inputsOf(parts.train),
    inputShape: parts.train.inputs.shape.slice(1),
    target: { task: "classification", column: null, classes: data.classes ?? [] },
  };
  const whole: Reading = { ...parts, preparation, notes: data.notes ?? [], warnings: [] };
  const chosen = classes ? onlyClasses(shown, whole, classes) : whole;
  return stored ? adopted(shown, chosen, stored) : chosen;
}

/**
 * The same data as an earlier training prepared them. @throws {DataError} if they are of another
 * kind.
 */
function adopted(shown: string, data: Reading, { preparation, inputsOnly }: Stored): Reading {
  const { preparation: own } = data;
  if (inputsOnly) {
    const inputs = own.inputs.kind === preparation.inputs.kind ? preparation.inputs : own.inputs;
    return { ...data, preparation: { ...own, inputs } };
  }
  const [names, known] = [classesOf(own), classesOf(preparation)];
  const isKnown = names.every((name) => known.includes(name));
  if (!sameShape(own.inputShape, preparation.inputShape) || !isKnown)
    throw otherExamples(shown, own, preparation, isKnown);
  const renumber = (split: Split) => renumbered(split, names, known);
  return {
    ...data,
    train: renumber(data.train),
    validation: renumber(data.validation),
    test: renumber(data.test),
    preparation,
  };
}

function otherExamples(
  source: string,
  own: Preparation,
  trained: Preparation,
  isKnown: boolean,
): DataError {
  const named = (preparation: Preparation) =>
    describe(preparation) + (isKnown ? "" : ` (${firstOf(classesOf(preparation))})`);
  return new DataError({
    subject: source,
    problem: `its examples are ${named(own)}, the network was trained on ${named(trained)}.`,
    fix: "give data of the same shape and classes.",
  });
}

const firstOf = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? ", …" : "");

/** The same examples, their classes numbered as in training: a folder may lack some. */
function renumbered(split: Split, from: readonly string[], to: readonly string[]): Split {
  const index = from.map((name) => to.indexOf(name));
  if (index.every((to, from) => to === from)) return split;
  const { shape, data } = split.targets;
  const labels = Int32Array.from(data, (label) => index[label]!);
  return { ...split, targets: { dtype: "int32", shape, data: labels } };
}

/** The examples of some classes, which are renumbered in the given order. */
function onlyClasses(shown: string, data: Reading, names: readonly string[]): Reading {
  const { preparation } = data;
  const known = classesOf(preparation);
  checkClasses(names, known, shown);
  const kept = names.map((name) => known.indexOf(name));
  const only = (split: Split): Split => {
    const rows = [...split.targets.data.keys()].filter((n) =>
      kept.includes(split.targets.data[n]!),
    );
    const some = subset(split, rows);
    const labels = Int32Array.from(some.targets.data, (label) => kept.indexOf(label));
    return { ...some, targets: { dtype: "int32", shape: some.targets.shape, data: labels } };
  };
  const target = { task: "classification", column: null, classes: [...names] } as const;
  return {
    ...data,
    train: only(data.train),
    validation: only(data.validation),
    test: only(data.test),
    preparation: { ...preparation, target },
  };
}

/** The splits in the data, and those that are held out of the rest. */
export function cut(source: string, data: Dataset): Parts {
  checkCount(source, data.train.size);
  const [rest, test] = data.test
    ? [data.train, data.test]
    : splitDataset(data.train, testShare, splitSeed);
  const [train, validation] = data.validation
    ? [rest, data.validation]
    : splitDataset(rest, validationShare, splitSeed);
  return { train, validation, test };
}

/** The same split for the rows of a table. */
export function cutRows(source: string, rows: Int32Array) {
  checkCount(source, rows.length);
  const all = { dtype: "int32", shape: [rows.length], data: rows } as const;
  const { train, validation, test } = cut(source, {
    name: source,
    task: "classification",
    train: { inputs: all, targets: all, size: rows.length },
  });
  const rowsOf = ({ inputs }: Split) => inputs.data as Int32Array;
  return { train: rowsOf(train), validation: rowsOf(validation), test: rowsOf(test) };
}

export function checkCount(source: string, size: number): void {
  if (size >= leastExamples) return;
  throw new DataError({
    subject: source,
    problem: `${size} ${size === 1 ? "example" : "examples"}, too few to hold some out for validation and test.`,
    fix: `give ${leastExamples} or more.`,
  });
}

/** `[1, 28, 28] in 10 classes`. */
export const describe = (preparation: Preparation): string =>
  `${show(preparation.inputShape)} ${preparation.target.task === "regression" ? "with a number to predict" : `in ${classesOf(preparation).length} classes`}`;
