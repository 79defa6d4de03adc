/** Weights of examples. */
import { ConfigError, type HostArray, ShapeError } from "../base/index.ts";
import type { Split } from "../data/index.ts";
import type { Objective } from "./objective.ts";

/** A weight per class, 1 by default; "balanced" gives every class the same total weight. */
export type ClassWeight = Readonly<Record<number, number>> | "balanced";

/** Weights of examples and classes. */
export interface SampleWeightOptions {
  /**
   * The weight of an example's loss by its class: the loss is (1/N) Σₙ wₙ Lₙ, where PyTorch's
   * cross-entropy divides by Σₙ wₙ of the batch. "balanced" is w_c = N / (C N_c), C the classes
   * that occur, whose mean over the examples is 1. Validation is unweighted.
   */
  readonly classWeight?: ClassWeight | undefined;
  /** The weight of each training example's loss; multiplied by `classWeight` if both are given. */
  readonly sampleWeight?: ArrayLike<number> | undefined;
}

/**
 * The weights of all examples, `[N]` float32; undefined if all are equal.
 *
 * @throws {ConfigError} if the objective has no classes, for an unknown class, or weights that are
 * negative or not finite. @throws {ShapeError} if there is not one weight per example.
 */
export function exampleWeights(
  split: Split,
  objective: Objective,
  { classWeight, sampleWeight }: SampleWeightOptions,
): HostArray | undefined {
  if (classWeight === undefined && sampleWeight === undefined) return undefined;
  if (!objective.losses)
    throw new ConfigError({
      subject: "fit",
      problem: "weights need the loss of each example, and a loss of your own gives their mean.",
      fix: "give an objective with `losses`, or weigh in your loss.",
    });
  const data = new Float32Array(split.size).fill(1);
  if (classWeight !== undefined) multiply(data, weightsByClass(split, objective, classWeight));
  if (sampleWeight !== undefined) multiply(data, checkSampleWeight(sampleWeight, split.size));
  return { dtype: "float32", shape: [split.size], data };
}

/** The weights of some rows. */
export const weightsAt = ({ data }: HostArray, rows: Int32Array): HostArray => ({
  dtype: "float32",
  shape: [rows.length],
  data: Float32Array.from(rows, (n) => data[n]!),
});

function multiply(data: Float32Array, by: ArrayLike<number>): void {
  for (let n = 0; n < data.length; n++) data[n]! *= checkWeight("sampleWeight", n, by[n]!);
}

function checkWeight(option: string, of: number | string, weight: number): number {
  if (weight >= 0 && Number.isFinite(weight)) return weight;
  throw new ConfigError({
    subject: "fit",
    problem: `${option} of ${of} is ${weight}.`,
    fix: "give finite weights of 0 or more.",
  });
}

function checkSampleWeight(weights: ArrayLike<number>, size: number): ArrayLike<number> {
  if (weights.length === size) return weights;
  throw new ShapeError({
    subject: "fit",
    problem: `there are ${weights.length} sample weights for ${size} training examples.`,
    fix: "give one weight for each training example.",
  });
}

function weightsByClass(split: Split, objective: Objective, classWeight: ClassWeight): number[] {
  const labels = labelsOf(split, objective);
  const most = labels.reduce((a, b) => Math.max(a, b), 0);
  const counts = new Array<number>(most + 1).fill(0);
  for (const label of labels) counts[label]!++;
  if (classWeight === "balanced") {
    const present = counts.filter((n) => n > 0).length;
    return labels.map((label) => split.size / (present * counts[label]!));
  }
  for (const [label, weight] of Object.entries(classWeight)) {
    checkWeight("classWeight", `class ${label}`, weight);
    if (counts[Number(label)]) continue;
    throw new ConfigError({
      subject: "fit",
      problem: `classWeight names class ${label}, of which there is no training example.`,
      fix: `name classes from 0 to ${most} that occur.`,
    });
  }
  return labels.map((label) => classWeight[label] ?? 1);
}

/** The class of each example; for rows, the first of the largest elements. */
function labelsOf({ targets, size }: Split, objective: Objective): number[] {
  const [, columns = 1] = targets.shape;
  if (objective.name !== "binary" && objective.name !== "classification")
    throw new ConfigError({
      subject: "fit",
      problem: `classWeight is given, and the objective is ${objective.name}.`,
      fix: "use it with binary or classification; sampleWeight weighs examples of any objective.",
    });
  return Array.from({ length: size }, (_, n) => {
    if (columns === 1) return targets.data[n]!;
    const row = targets.data.subarray(n * columns, (n + 1) * columns);
    return row.indexOf(Math.max(...row));
  });
}
