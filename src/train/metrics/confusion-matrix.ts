import { ConfigError, DataError, describe, ShapeError } from "../../base/index.ts";

/**
 * Counts of class i (row) predicted as class j (column). The diagonal counts correct predictions.
 *
 * @param actual `[N]` class indices. @param predicted `[N]` class indices.
 * @param classes the number of classes; by default one more than the largest index.
 * @throws {ShapeError} if the lengths differ. @throws {DataError} if an index is not a class.
 * @example
 * confusionMatrix([0, 0, 1], [0, 1, 1]); // [[1, 1], [0, 1]]
 */
export function confusionMatrix(
  actual: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes = 1 + Math.max(largest(actual), largest(predicted)),
): number[][] {
  if (!Number.isSafeInteger(classes) || classes < 0)
    throw new ConfigError({
      subject: "confusionMatrix",
      problem: `classes is ${describe(classes)}, not a whole number of 0 or more.`,
      fix: "give the number of classes, or leave it out.",
    });
  if (actual.length !== predicted.length)
    throw new ShapeError({
      subject: "confusionMatrix",
      problem: `${actual.length} true classes and ${predicted.length} predicted ones.`,
      fix: "give one prediction for each example.",
    });
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let n = 0; n < actual.length; n++) {
    const [i, j] = [actual[n]!, predicted[n]!];
    const row = isClass(i) ? matrix[i] : undefined;
    if (!row || !isClass(j) || j >= classes)
      throw new DataError({
        subject: "confusionMatrix",
        problem: `example ${n} is of class ${describe(i)} and predicted as ${describe(j)}, with ${classes} classes.`,
        fix: `use whole class indices from 0 to ${Math.max(0, classes - 1)}.`,
      });
    row[j]!++;
  }
  return matrix;
}

const isClass = (x: number): boolean => Number.isSafeInteger(x) && x >= 0;

/** The range of valid classes. */
const largest = (indices: ArrayLike<number>): number => {
  let most = -1;
  for (let n = 0; n < indices.length; n++)
    if (isClass(indices[n]!)) most = Math.max(most, indices[n]!);
  return most;
};
