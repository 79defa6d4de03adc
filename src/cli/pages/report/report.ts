import { writeFileAtomic } from "../../../formats/index.ts";
import type { Module } from "../../../nn/index.ts";
import type { RunFolder } from "../../../train/index.ts";
import type { RunConfig } from "../../run/run-config.ts";
import { type Judging, measureRun } from "./data.ts";
import { reportPage } from "./page.ts";

/** Writes report.html into a run's folder. @returns its path. */
export async function writeReport(
  folder: RunFolder,
  config: RunConfig,
  model: Module,
  data: Judging,
): Promise<string> {
  const lines = await folder.readMetrics();
  const results = await measureRun(model, config, data);
  const html = await reportPage({ name: folder.path, config, lines, model, results });
  const path = `${folder.path}/report.html`;
  await writeFileAtomic(path, html);
  return path;
}
