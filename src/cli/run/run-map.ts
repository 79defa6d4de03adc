/** The codes of an autoencoder's test data, for a map of them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, type HostArray } from "../../base/index.ts";
import { classesOf } from "../../data/index.ts";
import { Autoencoder } from "../../models/index.ts";
import { some } from "../sources/data-source.ts";
import type { MapSource } from "../sources/map-source.ts";
import { labelsOf } from "../sources/own-targets.ts";
import { loadTrained } from "../sources/stored-data.ts";
import { codesOf } from "./reconstructions.ts";
import { openRun } from "./stored-run.ts";

/** Whether a path is a run folder, rather than data. */
export const isRun = (path: string): boolean => existsSync(join(path, "config.json"));

/** @throws {ConfigError} if the run is not an autoencoder's. */
export async function loadRunMap(path: string, examples: number | undefined): Promise<MapSource> {
  const { config, model } = await openRun(path);
  if (!(model instanceof Autoencoder))
    throw new ConfigError({
      subject: path,
      problem: `it holds the model "${config.model.name}", and a map is of data, or of the codes of an autoencoder.`,
      fix: `give data, such as ${config.data.source}, or the run of an autoencoder.`,
    });
  const { test } = await loadTrained(config);
  const labelled = { ...test, targets: labelsOf(test)! };
  const { inputs, targets, size } = examples === undefined ? labelled : some(labelled, examples);
  const classes = classesOf(config.data.preparation);
  return {
    name: path,
    inputs,
    codes: (await codesOf(model, inputs)).toHost(),
    labels: labelsIn(targets, classes),
    labelName: config.data.preparation.target.column ?? "class",
    classes,
    ids: Array.from({ length: size }, (_, n) => n + 1),
    idName: "example",
    cells: [],
    notes: [`the codes of the test data of ${path}`],
  };
}

/** Names of classes, or numbers if there are none. */
const labelsIn = ({ data }: HostArray, classes: readonly string[]): (string | number)[] =>
  Array.from(data, (k) => (classes.length > 0 ? classes[k]! : k));
