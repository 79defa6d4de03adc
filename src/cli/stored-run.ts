import { DataError } from "../base/index.ts";
import { createModel } from "../models/index.ts";
import type { Module } from "../nn/index.ts";
import { loadCheckpoint, RunFolder, restore } from "../train/index.ts";
import { type RunConfig, readRunConfig } from "./run-config.ts";

/** A run with its trained network. */
export interface StoredRun {
  readonly path: string;
  readonly config: RunConfig;
  readonly model: Module;
}

/**
 * Opens a run and loads its best weights, or the last where there are no best ones.
 *
 * @throws {DataError} if there is no run, or it has no checkpoint yet.
 * @throws {FormatError} if a file in it is damaged.
 */
export async function openRun(path: string): Promise<StoredRun> {
  const run = await RunFolder.open(path);
  const config = await readRunConfig(run);
  const model = createModel(config.model);
  restore(await loadCheckpoint(await weightsOf(run)), { model });
  return { path, config, model };
}

async function weightsOf(run: RunFolder): Promise<string> {
  for (const name of ["best.safetensors", "last.safetensors"] as const)
    if (await run.has(name)) return run.file(name);
  throw new DataError({
    subject: run.path,
    problem: "the run has no checkpoint yet.",
    fix: "wait for the end of its first epoch, or train again.",
  });
}
