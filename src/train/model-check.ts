import { ConfigError, describe } from "../base/index.ts";
import { Module } from "../nn/index.ts";

/**
 * @param call how the function is to be called. @throws {ConfigError} for anything that is not a
 * model.
 */
export function checkModel(subject: string, model: unknown, call: string): void {
  if (model instanceof Module) return;
  const isData =
    typeof model === "object" && model !== null && ("train" in model || "inputs" in model);
  throw new ConfigError({
    subject,
    problem: `the first argument is ${isData ? "data" : describe(model)}, not a model.`,
    fix:
      model instanceof Promise
        ? "await the model first."
        : `give an instance of a Module: ${call}.`,
  });
}
