/** Nets as ONNX files that `gradus export` made of runs: what a run folder says is in their notes. */
import { DataError, FormatError, sameShape } from "../../base/index.ts";
import { createModel } from "../../models/index.ts";
import type { Module } from "../../nn/index.ts";
import { checkedConfig, isLearnerRun, type RunConfig } from "./run-config.ts";

/** The note that holds the configuration of the run. */
export const configNote = "gradus.config";

/** Whether a path is that of an ONNX file: by its first field, the version of the format, not by its name. */
export async function isNetFile(path: string): Promise<boolean> {
  const { open, stat } = await import("node:fs/promises");
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) return false;
  const file = await open(path);
  try {
    const head = new Uint8Array(2);
    await file.read(head, 0, 2, 0);
    return head[0] === 0x08 && head[1]! > 0 && head[1]! < 0x80;
  } finally {
    await file.close();
  }
}

/** Where pages about a run go by default: into its folder, or for a file into one beside it. */
export const pagesOf = async (path: string): Promise<string> =>
  (await isNetFile(path)) ? path.replace(/(\.onnx)?$/, "-pages") : path;

/**
 * The network of an exported run, built as the run's and with the weights of the file.
 *
 * @throws {DataError} if it is a net of another program. @throws {FormatError} if it is damaged.
 */
export async function openNet(
  path: string,
): Promise<{ path: string; config: RunConfig; model: Module }> {
  const { loadOnnx } = await import("../../onnx/index.ts");
  const net = await loadOnnx(path);
  const note = net.metadata[configNote];
  if (note === undefined)
    throw new DataError({
      subject: path,
      problem: "the net does not define how its inputs are prepared and what its outputs mean.",
      fix: "this needs a net that `gradus export` wrote; `gradus summary` and gradus/onnx take any.",
    });
  const config = checkedConfig(parsed(note, path), path);
  if (isLearnerRun(config)) throw damaged(path, "its notes are those of a learner.");
  const model = createModel(config.model);
  const weights = net.state();
  for (const [name, variable] of Object.entries(model.state())) {
    // outputs in the data's own units come from the network inside
    const weight = (weights[name] ?? weights[`model.${name}`])?.value;
    if (weight && sameShape(weight.shape, variable.shape) && weight.dtype === variable.dtype)
      variable.value = weight;
    else if (weight || model.parameters()[name])
      throw damaged(path, `its "${name}" is not that of the model "${config.model.name}".`);
  }
  return { path, config, model };
}

function parsed(note: string, path: string): unknown {
  try {
    return JSON.parse(note);
  } catch {
    throw damaged(path, "its notes cannot be read.");
  }
}

const damaged = (subject: string, problem: string): FormatError =>
  new FormatError({
    subject,
    problem,
    fix: "export the run again: gradus export RUN --to net.onnx.",
  });
