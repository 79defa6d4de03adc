/** Modules → files. */
import { create, toBinary } from "@bufbuild/protobuf";
import { ConfigError, checkOptions, type DType, version } from "../base/index.ts";
import { writeFileAtomic } from "../formats/atomic.ts";
import type { AnyModule } from "../nn/module.ts";
import type { Variable } from "../tensor/index.ts";
import { GraphBuilder } from "./export/builder.ts";
import { emit } from "./export/emit.ts";
import { Emitter } from "./export/emitter.ts";
import { type InputShape, type Recorded, recordModel, type Size } from "./export/recording.ts";
import { OnnxModule } from "./module.ts";
import {
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./proto/onnx_pb.ts";
import { infoOf } from "./types.ts";

/** An input of a net that is written. */
export interface OnnxInputShape {
  /** Sizes; the first may be a name, such as "batch", and is open then. */
  readonly shape: readonly (number | string)[];
  /** Default float32. */
  readonly dtype?: DType | undefined;
}

/** Of {@link saveOnnx}. */
export interface SaveOnnxOptions {
  /** The inputs by name, in the order in which the model takes them; those of an imported net are known. */
  readonly inputs?: Readonly<Record<string, OnnxInputShape>> | undefined;
  /** Names of the outputs, default "output", or "output_0", … of several. */
  readonly outputs?: readonly string[] | undefined;
  /** Notes that the file keeps, such as names of classes. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Weights in a file of their own beside the net, as those of more than 1.5 GB are. */
  readonly external?: boolean | undefined;
}

/** The operators that are written, and the format of the file around them. */
const [opset, irVersion] = [18, 8];
/** A protobuf holds 2 GB. */
const mostBytes = 1.5 * 2 ** 30;

/**
 * Writes a module as an ONNX file: what it computes in evaluation mode, as operators of version 18.
 *
 * The model is traced, so every module can be written whose ops ONNX has; recurrent ones for
 * sequences of the length that is given. Parameters keep their paths as names.
 *
 * @param file where to; the file appears whole or not at all.
 * @throws {ConfigError} if the model draws random numbers, depends on the batch in a way that a graph
 * cannot, or options mean nothing.
 * @see https://onnx.ai/onnx/intro/
 * @example
 * const model = new Sequential(new Linear(4, 8), new ReLU(), new Linear(8, 2));
 * await saveOnnx(model, "net.onnx", { inputs: { x: { shape: ["batch", 4] } } });
 * const net = await loadOnnx("net.onnx");
 * Object.keys(net.parameters()); // ["layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"]
 * const x = ones([3, 4]);
 * net.forward(x).sub(model.forward(x)).abs().max().item() < 1e-6; // true
 */
export async function saveOnnx(
  model: AnyModule,
  file: string,
  options: SaveOnnxOptions = {},
): Promise<void> {
  const proto = encodeModel(model, options);
  const size = proto.graph!.initializer.reduce((n, { rawData }) => n + rawData.length, 0);
  if (options.external ?? size > mostBytes) await writeExternal(proto.graph!.initializer, file);
  await writeFileAtomic(file, toBinary(ModelProtoSchema, proto));
}

/**
 * The bytes of the file that {@link saveOnnx} writes, all weights in it.
 *
 * @throws {ConfigError} as `saveOnnx`, and for `external`.
 * @example
 * const bytes = encodeOnnx(new Linear(2, 3), { inputs: { x: { shape: ["batch", 2] } } });
 * const net = await loadOnnx(bytes);
 * net.forward(zeros([5, 2])).shape; // [5, 3]
 */
export function encodeOnnx(model: AnyModule, options: SaveOnnxOptions = {}): Uint8Array {
  if (options.external)
    throw new ConfigError({
      subject: "encodeOnnx",
      problem: "weights beside the net need a file.",
      fix: "call saveOnnx.",
    });
  return toBinary(ModelProtoSchema, encodeModel(model, options));
}

/** The whole file as a message. */
function encodeModel(model: AnyModule, options: SaveOnnxOptions): ModelProto {
  checkOptions("saveOnnx", options, {
    inputs: true,
    outputs: true,
    metadata: true,
    external: "boolean",
  });
  const inputs = inputsOf(model, options);
  const recorded = recordModel(model, inputs);
  const names = Object.keys(inputs);
  const builder = new GraphBuilder(batchInput(inputs));
  const emitter = new Emitter(builder, recorded);
  nameLeaves(emitter, model, names);
  for (const node of recorded.nodes) emit(emitter, node);
  const outputs = outputNames(model, options, recorded.results.length, names);
  recorded.results.forEach((node, i) => {
    const last = builder.node("Identity", [emitter.full(node)]);
    builder.nodes.at(-1)!.output = [outputs[i]!];
    builder.nodes.at(-1)!.name = last;
  });
  const { nodes, initializers } = builder.leadingTo(outputs);
  const infoFor = (name: string, node: Recorded["inputs"][number]) =>
    valueInfo(name, node.dtype, recorded.sizes.get(node)!, recorded.batch);
  return create(ModelProtoSchema, {
    irVersion: BigInt(irVersion),
    producerName: "gradus",
    producerVersion: version,
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    graph: {
      ...{ name: model.constructor.name || "model", node: nodes, initializer: initializers },
      input: recorded.inputs.map((node, i) => infoFor(names[i]!, node)),
      output: recorded.results.map((node, i) => infoFor(outputs[i]!, node)),
    },
    metadataProps: Object.entries(metadataOf(model, options)).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    ),
  });
}

const metadataOf = (
  model: AnyModule,
  { metadata }: SaveOnnxOptions,
): Readonly<Record<string, string>> => ({
  ...((model as AnyModule | OnnxModule) instanceof OnnxModule &&
    (model as unknown as OnnxModule).metadata),
  ...metadata,
});

/** The inputs that are given, or those of an imported net. */
function inputsOf(model: AnyModule, { inputs }: SaveOnnxOptions): Record<string, InputShape> {
  const known = model as unknown;
  const found: Readonly<Record<string, OnnxInputShape>> | undefined =
    inputs ??
    (known instanceof OnnxModule
      ? Object.fromEntries(
          known.inputs.map(({ name, shape, dtype }) => [
            name,
            { shape: (shape ?? []).map((d) => d ?? "batch"), dtype: dtype ?? "float32" },
          ]),
        )
      : undefined);
  if (!found || Object.keys(found).length === 0)
    throw new ConfigError({
      subject: "saveOnnx",
      problem: "the inputs are not given.",
      fix: 'give them by name: { inputs: { x: { shape: ["batch", 3, 32, 32] } } }.',
    });
  for (const [name, { shape }] of Object.entries(found)) checkInput(name, shape);
  return Object.fromEntries(
    Object.entries(found).map(([name, { shape, dtype = "float32" }]) => [name, { shape, dtype }]),
  );
}

function checkInput(name: string, shape: unknown): void {
  const isShape =
    Array.isArray(shape) &&
    shape.every((d, i) =>
      typeof d === "string" ? i === 0 && d !== "" : Number.isSafeInteger(d) && d >= 0,
    );
  if (isShape) return;
  throw new ConfigError({
    subject: "saveOnnx",
    problem: `the input "${name}" has the shape ${JSON.stringify(shape)}.`,
    fix: "give whole sizes, of which the first may be a name.",
  });
}

/** The input that tells how large the batch is. */
const batchInput = (inputs: Readonly<Record<string, InputShape>>): string =>
  Object.entries(inputs).find(([, { shape }]) => typeof shape[0] === "string")?.[0] ??
  Object.keys(inputs)[0]!;

/** Inputs, parameters by their paths, and constants. */
function nameLeaves(e: Emitter, model: AnyModule, names: readonly string[]): void {
  const paths = new Map(Object.entries(model.state()).map(([path, variable]) => [variable, path]));
  const taken = new Set(names);
  const unique = (name: string) => {
    let free = name;
    while (taken.has(free)) free += "_";
    taken.add(free);
    return free;
  };
  e.recorded.inputs.forEach((node, i) => {
    e.set(node, { name: names[i]!, sizes: e.sizes(node) });
  });
  for (const [node, variable] of e.recorded.variables) {
    const { dtype, shape, data } = (variable as Variable).current.toHost();
    const name = unique(paths.get(variable) ?? "weight");
    e.set(node, {
      name: e.b.initializer(name, { type: dtype, shape, data }),
      sizes: e.sizes(node),
    });
  }
  for (const node of e.recorded.nodes)
    if (node.storage !== null && !e.has(node)) {
      const host = { type: node.dtype, shape: node.shape, data: node.storage.read().slice() };
      e.set(node, { name: e.b.constant(host), sizes: e.sizes(node) });
    }
}

function outputNames(
  model: AnyModule,
  { outputs }: SaveOnnxOptions,
  count: number,
  inputs: readonly string[],
): string[] {
  const known = model as unknown;
  const own = known instanceof OnnxModule ? known.outputs.map(({ name }) => name) : undefined;
  const absent = count === 1 ? ["output"] : Array.from({ length: count }, (_, i) => `output_${i}`);
  const names = [...(outputs ?? own ?? absent)];
  if (names.length === count && new Set([...names, ...inputs]).size === count + inputs.length)
    return names;
  throw new ConfigError({
    subject: "saveOnnx",
    problem: `the outputs are called ${names.join(", ") || "nothing"}, and the model has ${count}.`,
    fix: "give one name for each output, none of them twice or an input's.",
  });
}

function valueInfo(
  name: string,
  dtype: DType,
  sizes: readonly Size[],
  batch: string | null,
): ValueInfoProto {
  const dim = sizes.map(({ a, b }) =>
    a === 0
      ? { value: { case: "dimValue" as const, value: BigInt(b) } }
      : {
          value: {
            case: "dimParam" as const,
            value: a === 1 && b === 0 ? batch! : `${a} * ${batch} + ${b}`,
          },
        },
  );
  const tensorType = { elemType: infoOf(dtype).code, shape: { dim } };
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: tensorType } },
  });
}

/** Moves the arrays into `<file>.data`, each from a multiple of 64 bytes on. */
async function writeExternal(tensors: readonly TensorProto[], file: string): Promise<void> {
  const { basename } = await import("node:path");
  const { open, rename } = await import("node:fs/promises");
  const target = `${file}.data`;
  const part = `${target}.part`;
  const handle = await open(part, "w");
  try {
    let offset = 0;
    for (const tensor of tensors) {
      const bytes = tensor.rawData;
      await handle.write(bytes, 0, bytes.length, offset);
      const notes = { location: basename(target), offset, length: bytes.length };
      tensor.externalData = Object.entries(notes).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value: String(value) }),
      );
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      tensor.rawData = new Uint8Array(0);
      offset = Math.ceil((offset + bytes.length) / 64) * 64;
    }
  } finally {
    await handle.close();
  }
  await rename(part, target);
}
