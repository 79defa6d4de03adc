import type { Split } from "../data/index.ts";
import { writeFileAtomic } from "../formats/index.ts";
import type { Module } from "../nn/index.ts";
import { RunFolder } from "../train/index.ts";
import type { Define } from "./program.ts";
import { measureRun } from "./report-data.ts";
import { reportPage } from "./report-page.ts";
import type { RunConfig } from "./run-config.ts";
import { loadTest } from "./stored-data.ts";
import { openRun } from "./stored-run.ts";

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .option("--data <source>", "other data to measure on: a set, a folder or a CSV file")
    .action(async (path: string, { data }: { data?: string }) => {
      const { config, model } = await openRun(path);
      const { test, notes } = await loadTest(data, config);
      for (const note of notes) terminal.error(`note: ${note}`);
      terminal.out(await writeReport(await RunFolder.open(path), config, model, test));
    });
};

/** Writes report.html into a run's folder. @returns its path. */
export async function writeReport(
  folder: RunFolder,
  config: RunConfig,
  model: Module,
  test: Split,
): Promise<string> {
  const lines = await folder.readMetrics();
  const results = await measureRun(model, config, test);
  const html = await reportPage({ name: folder.path, config, lines, model, results });
  const path = `${folder.path}/report.html`;
  await writeFileAtomic(path, html);
  return path;
}
