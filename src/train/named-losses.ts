/** Losses by name, with their objectives. */
import { ConfigError, describe, nearest, type Shape, sizeOf } from "../base/index.ts";
import { huber, meanAbsoluteError } from "../nn/index.ts";
import { type Objective, type ObjectiveName, objectives, ofAsMany } from "./objective.ts";

type Losses = Pick<Objective, "loss" | "losses">;

const named = {
  mse: { objective: "regression", ...objectives.regression },
  meanSquaredError: { objective: "regression", ...objectives.regression },
  mae: { objective: "regression", ...ofAsMany(meanAbsoluteError) },
  meanAbsoluteError: { objective: "regression", ...ofAsMany(meanAbsoluteError) },
  huber: { objective: "regression", ...ofAsMany(huber) },
  crossEntropy: { objective: "classification", ...objectives.classification },
  binaryCrossEntropyWithLogits: { objective: "binary", ...objectives.binary },
} satisfies Record<string, Losses & { readonly objective: ObjectiveName }>;

/** The name of a loss that `fit` and `evaluate` know. */
export type LossName = keyof typeof named;

/** A loss and its objective. @throws {ConfigError} for an unknown name. */
export function lossNamed(
  name: LossName,
  outputs: Shape,
): Losses & { readonly objective: ObjectiveName } {
  if (!Object.hasOwn(named, name)) throw unknown(name);
  const { objective, loss, losses } = named[name];
  const isMany = name === "binaryCrossEntropyWithLogits" && sizeOf(outputs.slice(1)) > 1;
  return { objective: isMany ? "multiLabel" : objective, loss, ...(losses && { losses }) };
}

/** @throws {ConfigError} for anything that is neither a function nor a name. */
export function checkLoss(loss: unknown): void {
  if (typeof loss !== "function") throw unknown(loss);
}

function unknown(loss: unknown): ConfigError {
  const names = Object.keys(named);
  const near = typeof loss === "string" ? nearest(loss, names) : undefined;
  return new ConfigError({
    subject: "loss",
    problem: `${describe(loss)} is no loss among ${names.join(", ")}.`,
    fix: near
      ? `did you mean "${near}"?`
      : "name one of these, or give a function of outputs and targets to a scalar.",
  });
}
