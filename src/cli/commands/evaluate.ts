import { formatJson } from "../../base/index.ts";
import { evaluate, type Logs, type MetricName, metricsByName } from "../../train/index.ts";
import { judgedModel, openRun } from "../run/stored-run.ts";
import { oneOf } from "../settings/options.ts";
import { shownPath } from "../sources/data-file.ts";
import { loadTest } from "../sources/stored-data.ts";
import { showLogs } from "../terminal/progress.ts";
import type { Define } from "./define.ts";

interface Options {
  readonly data?: string;
  readonly metrics?: readonly MetricName[];
  readonly json?: boolean;
}

const metricNames = Object.keys(metricsByName) as MetricName[];
const oneMetric = oneOf("--metrics", metricNames);
/** `accuracy,f1`. */
const namesOf = (text: string): MetricName[] =>
  text.split(",").map((name) => oneMetric(name.trim()));

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .option("--data <source>", "other data: a set, a folder of IDX files or a CSV file")
    .option("--metrics <names>", `what is measured: ${metricNames.join(", ")}`, namesOf)
    .option("--json", "one JSON object instead of text")
    .action(async (path: string, { data, metrics, json }: Options) => {
      const { config, model } = await openRun(path);
      const source = data ?? shownPath(config.data.source);
      const { test: split, notes } = await loadTest(data, config);
      for (const note of notes) terminal.error(`note: ${note}`);
      const judged = judgedModel(model, config);
      const result: Logs = await evaluate(judged, split, metrics ? { metrics } : {});
      if (json)
        terminal.out(formatJson({ event: "evaluate", run: path, data: source, test: result }));
      else terminal.out(`${source}: ${showLogs(result)} - examples: ${split.size}`);
    });
};
