/**
 * Checks that targets are valid for a task; every error names an example, its value and the fix.
 */
import {
  ConfigError,
  DataError,
  DTypeError,
  type HostArray,
  type Shape,
  ShapeError,
  sizeOf,
  warnOnce,
} from "../base/index.ts";

export function badShapes(
  name: string,
  outputs: Shape,
  targets: HostArray,
  wantedOutputs: string,
  wantedTargets: string,
): ShapeError {
  const batch = (shape: Shape) => `[${["N", ...shape.slice(1)].join(", ")}]`;
  return new ShapeError({
    subject: name,
    problem: `the model gives ${batch(outputs)} for targets ${batch(targets.shape)}.`,
    fix: `let the model end in ${wantedOutputs}${wantedTargets && ` and give targets ${wantedTargets}`}.`,
  });
}

/** Class indices, 0…classes−1; one logit accepts 0 and 1 of any dtype, several require integers. */
export function checkLabels(name: string, { data, dtype }: HostArray, classes: number): void {
  if (name === "classification" && dtype !== "int32" && dtype !== "bool")
    throw new DTypeError({
      subject: name,
      problem: `the targets are ${dtype}, not int32 class indices.`,
      fix: "give an Int32Array of classes, or take the objective regression for numbers to hit.",
    });
  for (let n = 0; n < data.length; n++) {
    const label = data[n]!;
    if (Number.isInteger(label) && label >= 0 && label < classes) continue;
    throw new DataError({
      subject: name,
      problem: `the target of example ${n} is ${label}, but the model knows ${classes} classes, 0 to ${classes - 1}.`,
      fix: Number.isInteger(label)
        ? "number the classes from 0, and give the model as many outputs as there are classes."
        : "give whole numbers from 0 as classes, or take the objective regression or unitRegression for numbers to hit.",
    });
  }
}

/**
 * How far the sum of a row's probabilities may be from 1: float32 sums of thousands stay below it.
 */
const slack = 1e-3;

/** Rows of probabilities that sum to 1; one-hot rows qualify. */
export function checkRows(name: string, targets: HostArray): void {
  checkRange(name, targets, (p) => p >= 0 && p <= 1, "a probability");
  const classes = targets.shape[1]!;
  for (let start = 0; start < targets.data.length; start += classes) {
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += targets.data[start + c]!;
    if (Math.abs(sum - 1) <= slack) continue;
    throw new DataError({
      subject: name,
      problem: `the row of targets of example ${start / classes} sums to ${Number(sum.toPrecision(4))}, not 1.`,
      fix: "give one class per example, or take the objective multiLabel for any number of labels at once.",
    });
  }
}

/** Values that the task allows. @param wanted the requirement, for the message. */
export function checkRange(
  name: string,
  { data, shape }: HostArray,
  fits: (y: number) => boolean,
  wanted: string,
): void {
  const at = data.findIndex((y) => !fits(y));
  if (at < 0) return;
  throw new DataError({
    subject: name,
    problem: `a target of example ${Math.floor(at / sizeOf(shape.slice(1)))} is ${data[at]}, not ${wanted}.`,
    fix: `give targets that are each ${wanted}, or take the objective regression for any numbers.`,
  });
}

/** Finite numbers. */
export function checkFinite(name: string, { data, shape }: HostArray): void {
  const at = data.findIndex((y) => !Number.isFinite(y));
  if (at < 0) return;
  throw new DataError({
    subject: name,
    problem: `a target of example ${Math.floor(at / sizeOf(shape.slice(1)))} is ${data[at]}.`,
    fix: "leave out examples whose target is missing, or fill it in.",
  });
}

/**
 * Float targets make a regression, unless an objective is named; if they look like classes, that is
 * probably a mistake.
 *
 * @throws {DTypeError} for class indices as floats against a logit per class.
 */
export function checkGuess(outputs: Shape, targets: HostArray): void {
  const { dtype, shape, data } = targets;
  if (dtype !== "float32" && dtype !== "float64") return;
  const [logits, columns] = [sizeOf(outputs.slice(1)), sizeOf(shape.slice(1))];
  const wholes = (most: number) => data.every((y) => Number.isInteger(y) && y >= 0 && y <= most);
  if (columns === 1 && logits > 1 && outputs.length === 2 && wholes(logits - 1))
    throw new DTypeError({
      subject: "targets",
      problem: `they are whole numbers from 0 to ${logits - 1} as ${dtype}, and the model gives ${logits} outputs: classes are int32.`,
      fix: "give an Int32Array of class indices: hostArray(shape, Int32Array.from(targets.data)).",
    });
  if (columns !== logits || !wholes(1)) return;
  if (columns === 1)
    warnOnce({
      subject: "targets",
      problem: `they are all 0 or 1 as ${dtype}, and so numbers to hit by squared error, without an accuracy.`,
      fix: 'for yes or no give int32, or objective: "binary"; if numbers are meant, say objective: "regression".',
    });
  else if (shape.length === 2 && isOneHot(targets))
    warnOnce({
      subject: "targets",
      problem: `they are one-hot rows as ${dtype}, and so numbers to hit by squared error, without an accuracy.`,
      fix: 'for classes say objective: "classification"; if numbers are meant, say objective: "regression".',
    });
}

/** One-hot rows of 0 and 1. */
function isOneHot({ data, shape }: HostArray): boolean {
  const width = shape[1]!;
  for (let start = 0; start < data.length; start += width) {
    let sum = 0;
    for (let c = 0; c < width; c++) sum += data[start + c]!;
    if (sum !== 1) return false;
  }
  return true;
}

/** A model that ends in the activation which its loss already contains would apply it twice. */
export function checkEnd(name: string, activation: string | undefined, last: string): void {
  if (activation === undefined || last.toLowerCase() !== activation) return;
  throw new ConfigError({
    subject: name,
    problem: `the model ends in ${last}, and the loss of this objective takes logits: it has the ${activation} in it.`,
    fix: `leave out the ${last} at the end; the objective's read() applies it to outputs.`,
  });
}
