/** The number that an attribution explains: one per example. */
import { ConfigError, describe, ShapeError, show } from "../base/index.ts";
import { evaluating, type Module } from "../nn/index.ts";
import { grad, oneHot, type Tensor, tensor } from "../tensor/index.ts";

/**
 * Which number of a model's outputs is explained: a class for all examples, one for each, or a
 * function of the outputs `[N, …]` that returns one number per example, `[N]`. By default the class
 * with the largest output of each example.
 */
export type ScoreTarget = number | readonly number[] | ((outputs: Tensor) => Tensor);

/**
 * The scores of outputs `[M, …]`, where row i belongs to example `examples[i]`; by default to
 * example i.
 */
export type Scorer = (outputs: Tensor, examples?: readonly number[]) => Tensor;

/** The scorer of a target; without one, the predicted classes are computed once. */
export function scorerOf(
  subject: string,
  model: Module,
  inputs: Tensor,
  target: ScoreTarget | undefined,
): Scorer {
  const examples = inputs.shape[0];
  if (examples === undefined || inputs.rank < 2)
    throw new ShapeError({
      subject,
      problem: `takes a batch [N, …], got ${show(inputs.shape)}.`,
      fix: "add the axis of the batch: x.unsqueeze(0).",
    });
  if (typeof target === "function")
    return (outputs) => checkedScores(subject, target(outputs), outputs.shape[0]!);
  const outputs = evaluating(model, () => model.forward(inputs));
  const [, classes] = outputs.shape;
  if (outputs.rank !== 2 || classes === undefined)
    throw new ShapeError({
      subject,
      problem: `the model gives ${show(outputs.shape)}, not [N, classes].`,
      fix: "give target: a function of the outputs with one number per example.",
    });
  const chosen = classesOf(subject, target, outputs, classes);
  return (scored, rows) => pick(scored, rows ? rows.map((i) => chosen[i]!) : chosen, classes);
}

function classesOf(
  subject: string,
  target: number | readonly number[] | undefined,
  outputs: Tensor,
  classes: number,
): number[] {
  const examples = outputs.shape[0]!;
  if (target === undefined) return [...outputs.argmax({ axis: 1 }).dataSync()];
  const list = typeof target === "number" ? Array<number>(examples).fill(target) : [...target];
  if (list.length !== examples)
    throw new ConfigError({
      subject,
      problem: `there are ${examples} examples and ${list.length} targets.`,
      fix: "give one class for all, or one for each example.",
    });
  for (const one of list)
    if (!Number.isInteger(one) || one < 0 || one >= classes)
      throw new ConfigError({
        subject,
        problem: `target ${describe(one)} is not a class: the model has ${classes} outputs.`,
        fix: `give a class from 0 to ${classes - 1}.`,
      });
  return list;
}

/** The output of each row's class. */
function pick(outputs: Tensor, classes: readonly number[], width: number): Tensor {
  const mask = oneHot(tensor(classes, "int32"), width).cast(outputs.dtype);
  return outputs.mul(mask).sum({ axis: 1 });
}

function checkedScores(subject: string, scores: Tensor, examples: number): Tensor {
  if (scores.rank === 1 && scores.shape[0] === examples) return scores;
  throw new ShapeError({
    subject,
    problem: `target gives ${show(scores.shape)} for ${examples} examples.`,
    fix: `return one number per example, [${examples}].`,
  });
}

/** Scores `[M]` of inputs `[M, …]`. */
export const scoresOf = (
  model: Module,
  scorer: Scorer,
  inputs: Tensor,
  examples?: readonly number[],
): Tensor => evaluating(model, () => scorer(model.forward(inputs), examples));

/**
 * ∂(sum of the scores)/∂x for inputs `[M, …]`: rows of a batch are independent in evaluation mode.
 */
export const gradientsOf = (
  model: Module,
  scorer: Scorer,
  inputs: Tensor,
  examples?: readonly number[],
): Tensor => grad((x: Tensor) => scoresOf(model, scorer, x, examples).sum())(inputs);
