import { ConfigError } from "../../base/index.ts";
import { classesOf } from "../../data/index.ts";
import { openLearner } from "../run/learner-run.ts";
import { configNote } from "../run/net-file.ts";
import { judgedModel, openRun } from "../run/stored-run.ts";
import type { Define } from "./define.ts";

interface Options {
  readonly to: string;
}

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .requiredOption("--to <file>", "the file to write, such as net.onnx")
    .addHelpText(
      "after",
      "\nThe net takes batches of any size. The file's notes say how inputs are prepared and what the classes" +
        "\nare called, so evaluate, predict and train --from take the file where they take the run.",
    )
    .action(async (path: string, { to }: Options) => {
      checkEnding(to);
      if (await openLearner(path)) throw learner(path);
      const { config, model } = await openRun(path);
      const { preparation } = config.data;
      const { saveOnnx } = await import("../../onnx/index.ts");
      const isText = preparation.inputs.kind === "text";
      const shape = ["batch", ...preparation.inputShape];
      await saveOnnx(judgedModel(model, config), to, {
        inputs: { input: { shape, dtype: isText ? "int32" : "float32" } },
        metadata: {
          [configNote]: JSON.stringify(config),
          classes: JSON.stringify(classesOf(preparation)),
          preparation: JSON.stringify(preparation),
        },
      });
      const { size } = await (await import("node:fs/promises")).stat(to);
      terminal.out(
        `wrote ${to}: ${config.model.name}, input [${shape.join(", ")}], ${(size / 2 ** 10).toFixed(1)} KiB`,
      );
    });
};

function checkEnding(to: string): void {
  if (to.endsWith(".onnx")) return;
  throw new ConfigError({
    subject: "--to",
    problem: `${to} is of no format that networks are written in.`,
    fix: "give a name that ends in .onnx.",
  });
}

const learner = (path: string): ConfigError =>
  new ConfigError({
    subject: path,
    problem: "it holds a learner, and networks are exported.",
    fix: "give the run of a network.",
  });
