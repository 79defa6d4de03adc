/** Nets as ONNX files that `gradus export` made of runs: what a run folder says is in their notes. */
import {
  ConfigError,
  DataError,
  FormatError,
  type Shape,
  sameShape,
  show,
} from "../../base/index.ts";
import { createModel } from "../../models/index.ts";
import { type Module, replaceHead, seeded } from "../../nn/index.ts";
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

/** The name of a foreign net in the folder of its run. */
export const netName = "net.onnx";

/** Whether a path is that of a net whose file says nothing about a run. */
export async function isForeignNet(path: string): Promise<boolean> {
  if (!(await isNetFile(path))) return false;
  const { loadOnnx } = await import("../../onnx/index.ts");
  return (await loadOnnx(path)).metadata[configNote] === undefined;
}

/**
 * A net of another program with a new last layer.
 *
 * @throws {ConfigError} if it takes other examples than these, several inputs, or ends in no dense layer.
 */
export async function openForeignNet(
  path: string,
  inputShape: Shape,
  outputs: number,
  seed: number,
): Promise<Module> {
  const { loadOnnx } = await import("../../onnx/index.ts");
  const net = await loadOnnx(path, { openBatch: true });
  const [input, ...others] = net.inputs;
  const shape = input?.shape?.slice(1);
  const fits =
    others.length === 0 &&
    input?.dtype === "float32" &&
    (!shape ||
      (shape.length === inputShape.length &&
        shape.every((size, i) => typeof size !== "number" || size === inputShape[i])));
  if (!fits || net.outputs.length !== 1)
    throw new ConfigError({
      subject: path,
      problem: `the net takes ${net.inputs.map((x) => `"${x.name}" of ${x.elementType} ${x.shape ? `[${x.shape.join(", ")}]` : "of any shape"}`).join(", ")} and gives ${net.outputs.length} ${net.outputs.length === 1 ? "output" : "outputs"}; the examples are float32 ${show(inputShape)}.`,
      fix: "give data of the net's shape (data.size scales images of a folder), and a net of one input and output.",
    });
  seeded(seed, () => replaceHead(net, outputs));
  return net as unknown as Module;
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
  if (config.model.name === "onnx") return { path, config, model: await ownNet(path, config) };
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

/** The exported net of a run that began with a net of another program. */
async function ownNet(path: string, { data }: RunConfig): Promise<Module> {
  const { target } = data.preparation;
  if (target.task === "regression" && target.scale)
    throw new DataError({
      subject: path,
      problem: "the file has the outputs in the data's own units, and only those.",
      fix: "give the run that it was exported from.",
    });
  const { loadOnnx } = await import("../../onnx/index.ts");
  return (await loadOnnx(path)) as unknown as Module;
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
