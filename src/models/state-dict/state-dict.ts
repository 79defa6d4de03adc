/** Weights by PyTorch's names, in and out. */
import {
  allocate,
  ConfigError,
  checkOptions,
  FormatError,
  type HostArray,
  isFloat,
  type Shape,
  sameShape,
  show,
  sizeOf,
} from "../../base/index.ts";
import { openSafetensors, type SafetensorsReader, writeSafetensors } from "../../formats/index.ts";
import type { AnyModule } from "../../nn/index.ts";
import { fromHost, type Variable } from "../../tensor/index.ts";
import type { Link } from "./link.ts";
import { linksOf } from "./links.ts";
import { writeShards } from "./shards.ts";

/** How {@link loadStateDict} takes what does not fit. */
export interface LoadStateDictOptions {
  /** Default true: every tensor must fit. Otherwise those that fit are taken, and the rest is reported. */
  readonly strict?: boolean | undefined;
  /** The model is a part of the file's: only names that begin like this count, such as `"bert."`. */
  readonly prefix?: string | undefined;
}

/** What {@link loadStateDict} did, by the names in the file. */
export interface LoadReport {
  readonly loaded: readonly string[];
  /** Of the model, and not in the file: they keep their values. */
  readonly missing: readonly string[];
  /** In the file, and not of the model. */
  readonly unexpected: readonly string[];
  /** Of both, with another shape or type: a sentence each. */
  readonly unfit: readonly string[];
}

/**
 * Loads weights that PyTorch or Hugging Face stored, as `model.load_state_dict` does.
 *
 * Names and layouts are PyTorch's: `layers.0.weight` of a `Sequential` is `0.weight` there,
 * running statistics are `running_mean` and `running_var`, an LSTM has `weight_ih_l0`, attention
 * `in_proj_weight`. Fields of other classes have their names in snake_case; a class may say its own
 * with a static `torch` ({@link TorchNames}). Floats of any width become the model's.
 *
 * Names, shapes and types are checked before anything is changed; then one tensor at a time is read.
 *
 * @param source a .safetensors file, an index of shards, a folder with either (see
 * {@link openSafetensors}), or arrays by name.
 * @throws {FormatError} if a tensor is missing, unexpected or does not fit, unless `strict` is false.
 * @throws {DataError} if a file is missing or damaged.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.load_state_dict
 * @example
 * const model = new Sequential(new Linear(4, 8), new BatchNorm1d(8), new Linear(8, 2));
 * await saveStateDict(model, "model.safetensors");
 * const report = await loadStateDict(model, "model.safetensors");
 * report.loaded[0]; // "0.weight"
 * const other = new Sequential(new Linear(4, 8), new BatchNorm1d(8), new Linear(8, 3));
 * (await loadStateDict(other, "model.safetensors", { strict: false })).unfit[0]; // "2.weight is [2, 8] in the file and [3, 8] in the model"
 */
export async function loadStateDict(
  model: AnyModule,
  source: string | ReadonlyMap<string, HostArray>,
  options: LoadStateDictOptions = {},
): Promise<LoadReport> {
  checkOptions("loadStateDict", options, { strict: "boolean", prefix: "text" });
  const { strict = true, prefix = "" } = options;
  const file = typeof source === "string" ? await openSafetensors(source) : inMemory(source);
  try {
    const plan = planOf(model, file, prefix);
    const { report } = plan;
    if (strict && report.missing.length + report.unexpected.length + report.unfit.length > 0)
      throw misfit(typeof source === "string" ? source : "loadStateDict", report, plan.shapes);
    for (const link of plan.links) {
      const theirs: HostArray[] = [];
      for (const name of link.names) theirs.push(await file.read(prefix + name));
      const ours = link.read(asFloats(theirs, link.variables[0]!));
      for (const [i, variable] of link.variables.entries()) variable.value = fromHost(ours[i]!);
    }
    return report;
  } finally {
    await file.close();
  }
}

const inMemory = (arrays: ReadonlyMap<string, HostArray>): SafetensorsReader => ({
  tensors: new Map([...arrays].map(([name, { dtype, shape }]) => [name, { code: dtype, shape }])),
  metadata: {},
  read: async (name) => arrays.get(name)!,
  close: async () => {},
});

interface LoadPlan {
  /** Those whose tensors all fit. */
  readonly links: readonly Link[];
  readonly report: LoadReport;
  readonly shapes: ReadonlyMap<string, Shape>;
}

function planOf(model: AnyModule, { tensors }: SafetensorsReader, prefix: string): LoadPlan {
  const { links, ignored } = linksOf(model);
  const [loaded, missing, unfit]: string[][] = [[], [], []] as [string[], string[], string[]];
  const known = new Set(ignored.map((name) => prefix + name));
  const shapes = new Map<string, Shape>();
  const fitting = links.filter(({ names, shapes: wanted, variables }) => {
    const problems = names.filter((name, i) => {
      known.add(prefix + name);
      shapes.set(name, wanted[i]!);
      const found = tensors.get(prefix + name);
      if (!found) return missing!.push(name);
      const isOther = !sameShape(found.shape, wanted[i]!);
      if (isOther)
        return unfit!.push(
          `${name} is ${show(found.shape)} in the file and ${show(wanted[i]!)} in the model`,
        );
      if (fitsType(found.code, variables[0]!)) return false;
      return unfit!.push(
        `${name} is of ${found.code} in the file and ${variables[0]!.dtype} in the model`,
      );
    });
    if (problems.length > 0) return false;
    loaded!.push(...names);
    return true;
  });
  const unexpected = [...tensors.keys()].filter(
    (name) => name.startsWith(prefix) && !known.has(name),
  );
  const report = { loaded: loaded!, missing: missing!, unexpected, unfit: unfit! };
  return { links: fitting, report, shapes };
}

/** Whether elements of the file's type can become the variable's without another meaning. */
const fitsType = (code: string, { dtype }: Variable): boolean =>
  /^(float|B?F\d)/.test(code)
    ? isFloat(dtype)
    : /^bool$/i.test(code)
      ? dtype === "bool"
      : dtype === "int32" && /^(int|[IU]\d)/.test(code);

/** Floats in the variable's width. */
const asFloats = (arrays: readonly HostArray[], { dtype }: Variable): HostArray[] =>
  arrays.map((array) => {
    if (array.dtype === dtype) return array;
    const data = allocate(dtype, sizeOf(array.shape));
    data.set(array.data);
    return { dtype, shape: array.shape, data };
  });

/** The most names that an error lists of each kind. */
const most = 20;

function misfit(
  subject: string,
  { missing, unexpected, unfit }: LoadReport,
  shapes: ReadonlyMap<string, Shape>,
): FormatError {
  const list = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0
      ? []
      : [
          `\n  ${title} (${lines.length}):`,
          ...lines.slice(0, most).map((line) => `\n    ${line}`),
          ...(lines.length > most ? [`\n    … and ${lines.length - most} more`] : []),
        ];
  const lines = [
    ...list(
      "missing in the file",
      missing.map((name) => `${name} ${show(shapes.get(name)!)}`),
    ),
    ...list("unexpected in the file", unexpected),
    ...list("of another shape or type", unfit),
  ];
  return new FormatError({
    subject,
    problem: `its tensors are not those of the model.${lines.join("")}`,
    fix: "build the model as it was when the file was written; a part of it may have a prefix; or take what fits with { strict: false }.",
  });
}

/** How {@link saveStateDict} writes. */
export interface SaveStateDictOptions {
  /** Put before all names, such as `"bert."`. */
  readonly prefix?: string | undefined;
  /** Splits the weights into files of at most so many bytes, with an index beside them. */
  readonly shardBytes?: number | undefined;
}

/**
 * Writes a model's weights under PyTorch's names, as {@link loadStateDict} reads them: PyTorch takes
 * them with `model.load_state_dict(safetensors.torch.load_file(path))`.
 *
 * The two biases of PyTorch's recurrent layers, of which the sum matters, are the bias and 0.
 *
 * @param path a file that ends in `.safetensors`. With `shardBytes` the shards are
 * `…-00001-of-00003.safetensors` beside it, and `….safetensors.index.json` lists them.
 * @throws {ConfigError} for another ending. @throws {DataError} if it cannot be written.
 * @example
 * await saveStateDict(new LSTM(3, 2), "lstm.safetensors");
 * [...(await readSafetensors("lstm.safetensors")).tensors.keys()]; // ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
 */
export async function saveStateDict(
  model: AnyModule,
  path: string,
  options: SaveStateDictOptions = {},
): Promise<void> {
  checkOptions("saveStateDict", options, { prefix: "text", shardBytes: "count" });
  if (!path.endsWith(".safetensors"))
    throw new ConfigError({
      subject: "saveStateDict",
      problem: `"${path}" does not end in .safetensors, the format that is written.`,
      fix: `write to "${path.replace(/\.(pt|pth|bin)$/, "")}.safetensors".`,
    });
  const { prefix = "", shardBytes } = options;
  const tensors = new Map<string, HostArray>();
  for (const { names, variables, write } of linksOf(model).links) {
    const theirs = write(variables.map(({ value }) => value.toHost()));
    for (const [i, name] of names.entries()) tensors.set(prefix + name, theirs[i]!);
  }
  const metadata = { format: "pt" }; // Hugging Face's libraries ask for it
  if (shardBytes === undefined) await writeSafetensors(path, tensors, metadata);
  else await writeShards(path, tensors, metadata, shardBytes);
}
