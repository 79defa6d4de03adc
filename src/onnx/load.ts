/** Files → modules. */
import { fromBinary } from "@bufbuild/protobuf";
import { checkOptions, describe, FormatError } from "../base/index.ts";
import { readBytes, reasonOf } from "../formats/files.ts";
import { readExternal } from "./external.ts";
import { parseAttribute, parseGraph, sorted } from "./graph.ts";
import type { HostTensor } from "./host.ts";
import { functionKey, known, type Net, type NetFunction } from "./interpreter.ts";
import type { Attribute, Graph, GraphNode } from "./ir.ts";
import { OnnxModule, type Role } from "./module.ts";
import { operatorOf } from "./operators/index.ts";
import { type FunctionProto, type ModelProto, ModelProtoSchema } from "./proto/onnx_pb.ts";
import type { Signature } from "./signature.ts";
import { isFloatType } from "./types.ts";

/** Of {@link loadOnnx}. */
export interface LoadOnnxOptions {
  /** Where external data lie, for a net that is given as bytes; default: the folder of the file. */
  readonly folder?: string | undefined;
  /**
   * Opens the first size of all inputs and outputs, for a net that was exported for batches of one size;
   * reshapes to that size keep the size that comes in. Default false.
   */
  readonly openBatch?: boolean | undefined;
}

/** The newest version of ONNX's own operators that is known here. */
const newest = 28;

/**
 * A net from an ONNX file, as a trainable module.
 *
 * Operators of the versions 7 to 28; weights in initializers, in Constant nodes and in external files.
 * Operators and types that are not supported are an error that names the node.
 *
 * @param source a path, or the bytes of a file.
 * @throws {FormatError} if it is no ONNX file, is damaged, or has a node that is not supported.
 * @throws {DataError} if it cannot be read.
 * @see https://onnx.ai/onnx/intro/
 * @example
 * const model = new Sequential(new Linear(4, 2), new Softmax());
 * await saveOnnx(model, "classifier.onnx", { inputs: { x: { shape: ["batch", 4] } } });
 * const net = await loadOnnx("classifier.onnx");
 * net.inputs[0].shape; // ["batch", 4]
 * const { output } = net.run({ x: zeros([3, 4]) });
 * output.shape; // [3, 2]
 */
export async function loadOnnx(
  source: string | Uint8Array,
  options: LoadOnnxOptions = {},
): Promise<OnnxModule> {
  checkOptions("loadOnnx", options, { folder: "text", openBatch: "boolean" });
  const isPath = typeof source === "string";
  if (!isPath && !(source instanceof Uint8Array))
    throw new FormatError({
      subject: "loadOnnx",
      problem: `got ${describe(source)}.`,
      fix: "give the path of an ONNX file, or its bytes.",
    });
  const file = isPath ? source : "the bytes";
  const model = decodeModel(isPath ? await readBytes(source) : source, file);
  const folder = options.folder ?? (isPath ? (await import("node:path")).dirname(source) : null);
  await readExternal(model, folder);
  return moduleOf(model, file, options.openBatch);
}

function decodeModel(bytes: Uint8Array, file: string): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (thrown) {
    throw notOnnx(file, `it cannot be decoded (${reasonOf(thrown)})`);
  }
  if (!model.graph || model.opsetImport.length === 0) throw notOnnx(file, "it has no graph");
  return model;
}

const notOnnx = (file: string, why: string): FormatError =>
  new FormatError({
    subject: file,
    problem: `this is no whole ONNX file: ${why}.`,
    fix: "export the net anew; a file that was cut off on its way must be fetched again.",
  });

/** @throws {FormatError} naming what in the file is wrong or not supported. */
export function moduleOf(model: ModelProto, file: string, openBatch = false): OnnxModule {
  const versions = versionsOf(model.opsetImport, file);
  const functions = new Map(
    model.functions.map((f) => [functionKey(f.domain, f.name, f.overload), parseFunction(f, file)]),
  );
  const whole = hoisted(parseGraph(model.graph!));
  const graph = openBatch ? opened(whole) : whole;
  const net: Net = { file, graph, versions, functions };
  const uses = usesOf(net);
  const roleOf = (name: string, value: HostTensor): Role => {
    const found = uses.get(name) ?? new Set<Role>();
    if (!isFloatType(value.type) || value.shape.length === 0 || value.data.length === 0)
      return "constant";
    return found.has("statistic") ? "statistic" : found.has("parameter") ? "parameter" : "constant";
  };
  const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
  return new OnnxModule(net, roleOf, metadata);
}

function versionsOf(
  sets: readonly { domain: string; version: bigint }[],
  file: string,
): Map<string, number> {
  const versions = new Map(
    sets.map(({ domain, version }) => [domain === "ai.onnx" ? "" : domain, Number(version)]),
  );
  const own = versions.get("") ?? 1;
  if (own > newest)
    throw new FormatError({
      subject: file,
      problem: `uses version ${own} of ONNX's operators, and ${newest} is the newest that is known here.`,
      fix: `export the net with opset ${newest} or less.`,
    });
  return versions;
}

function parseFunction(proto: FunctionProto, file: string): NetFunction {
  const subject = `the function "${proto.name}"`;
  const names = new Set(proto.input);
  const defaults = new Map<string, Attribute>(
    proto.attributeProto.map((a) => [a.name, parseAttribute(a, names, subject)]),
  );
  const nodes = sorted(proto.node, names, new Set(), subject);
  return {
    ...{ inputs: proto.input, outputs: proto.output, defaults, nodes },
    versions: versionsOf(proto.opsetImport, file),
  };
}

/** Constants of nodes beside those of the graph: exporters write weights as either. */
function hoisted(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.filter((node) => {
    const value =
      node.operator === "Constant" && node.domain === "" ? node.attributes.get("value") : undefined;
    if (value?.kind === "tensor") constants.set(node.outputs[0]!, value.value);
    return value?.kind !== "tensor";
  });
  return { ...graph, constants, nodes };
}

/** The graph for batches of any size. */
function opened(graph: Graph): Graph {
  const size = graph.inputs[0]?.shape?.[0];
  if (typeof size !== "number") return graph;
  const open = (all: readonly Signature[]) =>
    all.map((x) => (x.shape?.[0] === size ? { ...x, shape: ["batch", ...x.shape.slice(1)] } : x));
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    const shape =
      node.operator === "Reshape" ? graph.constants.get(node.inputs[1] ?? "") : undefined;
    if (
      shape?.type !== "int64" ||
      Number(shape.data[0]) !== size ||
      node.attributes.has("allowzero")
    )
      return node;
    const data = (shape.data as BigInt64Array).slice();
    data[0] = 0n; // keeps the size that comes in
    const name = `${node.inputs[1]}:open`;
    constants.set(name, { ...shape, data });
    return { ...node, inputs: [node.inputs[0]!, name] };
  });
  return { ...graph, inputs: open(graph.inputs), outputs: open(graph.outputs), constants, nodes };
}

/** As what each name is used, by the nodes of the graph and of those in it; every node must be supported. */
function usesOf(net: Net): Map<string, Set<Role>> {
  const uses = new Map<string, Set<Role>>();
  const use = (name: string, role: Role) => {
    uses.set(name, (uses.get(name) ?? new Set()).add(role));
  };
  const visit = (nodes: readonly GraphNode[]): void => {
    for (const node of nodes) {
      const operator = operatorOf(node.domain, node.operator);
      const isOwn = net.functions.has(functionKey(node.domain, node.operator, node.overload));
      if (!operator && !isOwn) checkKnown(net, node);
      node.inputs.forEach((name, i) => {
        const role = operator?.settings?.includes(i)
          ? "constant"
          : operator?.statistics?.includes(i)
            ? "statistic"
            : "parameter";
        use(name, role);
      });
      for (const attribute of node.attributes.values())
        if (attribute.kind === "graph") visit(attribute.value.nodes);
    }
  };
  visit(net.graph.nodes);
  for (const { nodes } of net.functions.values()) visit(nodes);
  return uses;
}

function checkKnown(net: Net, node: GraphNode): void {
  try {
    known(node, undefined);
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    const { subject, problem, fix } = thrown;
    throw new FormatError({ subject, problem, fix, where: `node "${node.name}" of ${net.file}` });
  }
}
