/** Losses by name, with the heads that they belong to. */
import { ConfigError, describe, nearest, type Shape, sizeOf } from "../base/index.ts";
import { huber, meanAbsoluteError } from "../nn/index.ts";
import { type Head, type HeadName, heads, ofAsMany } from "./head.ts";

type Losses = Pick<Head, "loss" | "losses">;

const named = {
  mse: { head: "regression", ...heads.regression },
  meanSquaredError: { head: "regression", ...heads.regression },
  mae: { head: "regression", ...ofAsMany(meanAbsoluteError) },
  meanAbsoluteError: { head: "regression", ...ofAsMany(meanAbsoluteError) },
  huber: { head: "regression", ...ofAsMany(huber) },
  crossEntropy: { head: "classification", ...heads.classification },
  binaryCrossEntropyWithLogits: { head: "binary", ...heads.binary },
} satisfies Record<string, Losses & { readonly head: HeadName }>;

/** The name of a loss that `fit` and `evaluate` know. */
export type LossName = keyof typeof named;

/** A loss and the head that it asks for. @throws {ConfigError} for a name that there is not. */
export function lossNamed(name: LossName, outputs: Shape): Losses & { readonly head: HeadName } {
  if (!Object.hasOwn(named, name)) throw unknown(name);
  const { head, loss, losses } = named[name];
  const isMany = name === "binaryCrossEntropyWithLogits" && sizeOf(outputs.slice(1)) > 1;
  return { head: isMany ? "multiLabel" : head, loss, ...(losses && { losses }) };
}

/** @throws {ConfigError} for what is neither a function nor a name. */
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
