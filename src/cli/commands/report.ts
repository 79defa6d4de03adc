import { RunFolder } from "../../train/index.ts";
import { writeLearnerReport } from "../pages/learner/report.ts";
import { writeReport } from "../pages/report/report.ts";
import { openLearner, type StoredLearner } from "../run/learner-run.ts";
import { openRun } from "../run/stored-run.ts";
import { loadTest, loadTrained } from "../sources/stored-data.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { Define } from "./define.ts";

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .option("--data <source>", "other data to measure on: a set, a folder or a CSV file")
    .action(async (path: string, { data }: { data?: string }) => {
      const learned = await openLearner(path);
      if (learned) return terminal.out(await learnerReport(learned, data, terminal));
      const { config, model } = await openRun(path);
      const judged = await loadTest(data, config);
      for (const note of judged.notes) terminal.error(`note: ${note}`);
      terminal.out(await writeReport(await RunFolder.open(path), config, model, judged));
    });
};

/** For the run's own data all splits, so that figures of the training data can be drawn again. */
async function learnerReport(
  { path, config, learner }: StoredLearner,
  data: string | undefined,
  terminal: Terminal,
): Promise<string> {
  const folder = await RunFolder.open(path);
  if (data === undefined) {
    const source = await loadTrained(config, undefined, { dtype: "float64" });
    return writeLearnerReport(folder, config, learner, source);
  }
  const { test, notes } = await loadTest(data, config, { dtype: "float64" });
  for (const note of notes) terminal.error(`note: ${note}`);
  return writeLearnerReport(folder, config, learner, test);
}
