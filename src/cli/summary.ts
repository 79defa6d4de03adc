import { ConfigError, nearest } from "../base/index.ts";
import { createModel, type ModelName, modelNames } from "../models/index.ts";
import { formatSummary, type Module, summary } from "../nn/index.ts";
import type { Define } from "./program.ts";
import { openRun } from "./stored-run.ts";

/** What a model that has not seen data is shown for: the digits. */
const inputShape = [1, 28, 28];
const classes = 10;

export const define: Define = (command, terminal) => {
  command
    .argument("<run|model>", `the folder of a run, or a model: ${modelNames.join(", ")}`)
    .action(async (name: string) => {
      const [model, shape] = await find(name);
      const sizes = summary(model, shape);
      const { parameterBytes, activationBytes, trainable } = sizes.totals;
      terminal.out(formatSummary(sizes));
      terminal.out(
        `\ninput ${JSON.stringify(shape).replaceAll(",", ", ")}, ${trainable} trainable parameters; ` +
          `${kilobytes(parameterBytes)} of parameters, ${kilobytes(activationBytes)} of outputs per example`,
      );
    });
};

async function find(name: string): Promise<[model: Module, shape: readonly number[]]> {
  if (isModel(name)) return [createModel({ name, options: { inputShape, classes } }), inputShape];
  const { existsSync } = await import("node:fs");
  if (!existsSync(name)) throw unknown(name);
  const { model, config } = await openRun(name);
  return [model, config.data.inputShape];
}

const isModel = (name: string): name is ModelName =>
  (modelNames as readonly string[]).includes(name);

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;

function unknown(name: string): ConfigError {
  const near = nearest(name, modelNames);
  return new ConfigError({
    subject: "summary",
    problem: `"${name}" is no folder of a run, and no model (${modelNames.join(", ")}).`,
    fix: near ? `did you mean ${near}?` : "give the folder of a run, or the name of a model.",
  });
}
