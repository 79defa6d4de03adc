import { ConfigError, formatJson } from "../../base/index.ts";
import { type Logs, type MetricName, metricsByName } from "../../train/index.ts";
import { showLogs } from "../../train/progress.ts";
import { measure, outputsOf } from "../run/learner-outputs.ts";
import { openLearner, type StoredLearner } from "../run/learner-run.ts";
import { judge, openRun } from "../run/stored-run.ts";
import { oneOf } from "../settings/options.ts";
import { shownPath } from "../sources/data-file.ts";
import { loadTest } from "../sources/stored-data.ts";
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
      const learned = await openLearner(path);
      const { source, size, notes, result } = learned
        ? await measuredLearner(learned, data, metrics)
        : await measuredNetwork(path, data, metrics);
      for (const note of notes) terminal.error(`note: ${note}`);
      if (json)
        terminal.out(formatJson({ event: "evaluate", run: path, data: source, test: result }));
      else terminal.out(`${source}: ${showLogs(result)} - examples: ${size}`);
    });
};

interface Measured {
  readonly source: string;
  readonly size: number;
  readonly notes: readonly string[];
  readonly result: Logs;
}

async function measuredNetwork(
  path: string,
  data: string | undefined,
  metrics: Options["metrics"],
): Promise<Measured> {
  const { config, model } = await openRun(path);
  const { test, notes } = await loadTest(data, config);
  const result = await judge(model, config, test, metrics);
  return { source: data ?? shownPath(config.data.source), size: test.size, notes, result };
}

async function measuredLearner(
  { path, config, learner }: StoredLearner,
  data: string | undefined,
  metrics: Options["metrics"],
): Promise<Measured> {
  if (config.model.name === "k-means")
    throw new ConfigError({
      subject: path,
      problem: "k-means makes groups without labels, so that no answer is right or wrong.",
      fix: "look at its report, or let it name groups with predict.",
    });
  const { test, notes } = await loadTest(data, config, { dtype: "float64" });
  const { preparation } = config.data;
  const result = measure(outputsOf(learner, test.inputs, preparation), test, preparation, metrics);
  return { source: data ?? shownPath(config.data.source), size: test.size, notes, result };
}
