import { RunFolder } from "../../train/index.ts";
import { writeReport } from "../pages/report.ts";
import { openRun } from "../run/stored-run.ts";
import { loadTest } from "../sources/stored-data.ts";
import type { Define } from "./define.ts";

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
