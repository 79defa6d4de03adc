import { evaluate, type Logs } from "../train/index.ts";
import { loadTest } from "./data-source.ts";
import type { Define } from "./program.ts";
import { showLogs } from "./progress.ts";
import { openRun } from "./stored-run.ts";

export const define: Define = (command, terminal) => {
  command
    .argument("<run>", "the folder of a run, such as runs/digits-conv")
    .option("--data <source>", "other data: a set, a folder of IDX files or a CSV file")
    .option("--json", "one JSON object instead of text")
    .action(async (path: string, { data, json }: { data?: string; json?: boolean }) => {
      const { config, model } = await openRun(path);
      const source = data ?? config.data.source;
      const split = await loadTest(source, config);
      const result: Logs = await evaluate(model, split);
      if (json)
        terminal.out(JSON.stringify({ event: "evaluate", run: path, data: source, test: result }));
      else terminal.out(`${source}: ${showLogs(result)} - examples: ${split.size}`);
    });
};
