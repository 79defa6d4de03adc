/** A graph as the interpreter walks it, parsed and checked once. */
import { FormatError, nearest } from "../base/index.ts";
import type { HostTensor } from "./host.ts";
import type { Attribute, Graph, GraphNode } from "./ir.ts";
import {
  type AttributeProto,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
  type NodeProto,
} from "./proto/onnx_pb.ts";
import { type Signature, signatureOf } from "./signature.ts";
import { decodeTensor } from "./tensor-proto.ts";

/** How deep graphs may lie in each other: beyond it a file is an attack on the stack. */
const mostLevels = 64;

/** @param outer names that enclosing graphs define, which nodes may read. */
export function parseGraph(
  proto: GraphProto,
  outer: ReadonlySet<string> = new Set(),
  level = 0,
): Graph {
  const subject = `the graph "${proto.name}"`;
  if (level > mostLevels)
    throw new FormatError({ subject, problem: `lies in more than ${mostLevels} others.` });
  if (proto.sparseInitializer.length > 0)
    throw new FormatError({
      subject,
      problem: `has sparse initializers, such as "${proto.sparseInitializer[0]!.values?.name}".`,
      fix: "save the net with dense weights.",
    });
  const constants = new Map<string, HostTensor>();
  for (const tensor of proto.initializer) {
    if (constants.has(tensor.name)) throw twice(subject, "initializer", tensor.name);
    constants.set(tensor.name, decodeTensor(tensor, `the initializer "${tensor.name}"`));
    tensor.rawData = new Uint8Array(0); // it is not needed twice
  }
  const inputs = proto.input
    .map((info) => signatureOf(info))
    .filter(({ name }) => !constants.has(name)); // an initializer may be listed as an input with a default
  const known = new Set([...inputs.map(({ name }) => name), ...constants.keys()]);
  if (new Set(inputs.map(({ name }) => name)).size < inputs.length)
    throw twice(
      subject,
      "input",
      inputs.find((x, i) => inputs.findIndex((y) => y.name === x.name) !== i)!.name,
    );
  const nodes = sorted(proto.node, known, outer, subject, level);
  const outputs = proto.output.map((info) => signatureOf(info));
  checkOutputs(subject, outputs, nodes, new Set([...known, ...outer]));
  return { name: proto.name, inputs, outputs, constants, nodes };
}

const twice = (subject: string, what: string, name: string): FormatError =>
  new FormatError({
    subject,
    problem: `defines "${name}" twice, the second time as ${what}.`,
    fix: "every name of a graph must be unique; the file is damaged, or was put together wrongly.",
  });

/** Nodes in topological order, by Kahn's algorithm, which keeps the order of the file where it is one. */
export function sorted(
  protos: readonly NodeProto[],
  given: ReadonlySet<string>,
  outer: ReadonlySet<string>,
  subject: string,
  level = 0,
): GraphNode[] {
  const maker = new Map<string, number>();
  protos.forEach((node, i) => {
    for (const name of node.output) {
      if (name === "") continue;
      if (maker.has(name) || given.has(name))
        throw twice(subject, `an output of ${title(node, i)}`, name);
      maker.set(name, i);
    }
  });
  const visible = new Set([...outer, ...given, ...maker.keys()]);
  const reads = protos.map((node, i) => {
    const names = [...node.input, ...node.attribute.flatMap((a) => [...freeNames(a, level)])];
    const missing = node.input.find((name) => name !== "" && !visible.has(name));
    if (missing !== undefined) throw unknownName(subject, title(node, i), missing, visible);
    return new Set(names.flatMap((name) => maker.get(name) ?? []));
  });
  const order = topological(reads);
  if (order.length < protos.length) {
    const stuck = reads.findIndex((_, i) => !order.includes(i));
    throw new FormatError({
      subject,
      problem: `has a cycle: ${title(protos[stuck]!, stuck)} needs its own output.`,
      fix: "a graph of ONNX has no cycles; recurrence is a Loop, a Scan or an LSTM.",
    });
  }
  return order.map((i) => parseNode(protos[i]!, visible, i, level));
}

const title = (node: NodeProto, i: number): string => `node "${node.name || i}" (${node.opType})`;

function unknownName(
  subject: string,
  node: string,
  name: string,
  known: ReadonlySet<string>,
): FormatError {
  const near = nearest(name, known);
  return new FormatError({
    subject,
    problem: `${node} reads "${name}", which nothing defines.`,
    ...(near && { fix: `is "${near}" meant? The file is damaged, or was put together wrongly.` }),
  });
}

function topological(reads: readonly ReadonlySet<number>[]): number[] {
  const readers = reads.map((): number[] => []);
  reads.forEach((from, i) => {
    for (const j of from) readers[j]!.push(i);
  });
  const waiting = reads.map(({ size }) => size);
  if (reads.every((from, i) => [...from].every((j) => j < i))) return reads.map((_, i) => i);
  const order = waiting.flatMap((n, i) => (n === 0 ? [i] : []));
  for (let at = 0; at < order.length; at++)
    for (const reader of readers[order[at]!]!) if (--waiting[reader]! === 0) order.push(reader);
  return order;
}

/** What a graph in an attribute reads from outside. */
function freeNames(attribute: AttributeProto, level: number): Set<string> {
  const free = new Set<string>();
  const graphs = [...(attribute.g ? [attribute.g] : []), ...attribute.graphs];
  for (const graph of level > mostLevels ? [] : graphs) {
    const own = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
    for (const node of graph.node) for (const name of node.output) own.add(name);
    for (const node of graph.node)
      for (const name of [
        ...node.input,
        ...node.attribute.flatMap((a) => [...freeNames(a, level + 1)]),
      ])
        if (!own.has(name)) free.add(name);
    for (const { name } of graph.output) if (!own.has(name)) free.add(name);
  }
  return free;
}

function parseNode(
  proto: NodeProto,
  visible: ReadonlySet<string>,
  i: number,
  level: number,
): GraphNode {
  const attributes = new Map<string, Attribute>();
  const name = proto.name || `${proto.opType}_${i}`;
  for (const attribute of proto.attribute)
    attributes.set(attribute.name, parseAttribute(attribute, visible, `node "${name}"`, level));
  return {
    ...{ name, operator: proto.opType, overload: proto.overload, attributes },
    domain: proto.domain === "ai.onnx" ? "" : proto.domain,
    inputs: proto.input,
    outputs: proto.output,
  };
}

export function parseAttribute(
  proto: AttributeProto,
  visible: ReadonlySet<string>,
  subject: string,
  level = 0,
): Attribute {
  if (proto.refAttrName !== "") return { kind: "reference", value: proto.refAttrName };
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  switch (kindOf(proto)) {
    case Kind.INT:
      return { kind: "int", value: proto.i };
    case Kind.FLOAT:
      return { kind: "float", value: proto.f };
    case Kind.STRING:
      return { kind: "string", value: text(proto.s) };
    case Kind.INTS:
      return { kind: "ints", value: proto.ints };
    case Kind.FLOATS:
      return { kind: "floats", value: proto.floats };
    case Kind.STRINGS:
      return { kind: "strings", value: proto.strings.map(text) };
  }
  const where = `the attribute "${proto.name}" of ${subject}`;
  if (proto.t) return { kind: "tensor", value: decodeTensor(proto.t, where) };
  if (proto.g) return { kind: "graph", value: parseGraph(proto.g, visible, level + 1) };
  return { kind: "other", value: `number ${proto.type}` };
}

/** The kind that the file names; files of the first versions do not, and one field tells. */
function kindOf(proto: AttributeProto): number {
  if (proto.type !== Kind.UNDEFINED) return proto.type;
  if (proto.ints.length > 0) return Kind.INTS;
  if (proto.floats.length > 0) return Kind.FLOATS;
  if (proto.strings.length > 0) return Kind.STRINGS;
  if (proto.s.length > 0) return Kind.STRING;
  return proto.f !== 0 ? Kind.FLOAT : Kind.INT;
}

function checkOutputs(
  subject: string,
  outputs: readonly Signature[],
  nodes: readonly GraphNode[],
  known: Set<string>,
): void {
  for (const node of nodes) for (const name of node.outputs) known.add(name);
  for (const { name } of outputs)
    if (!known.has(name)) throw unknownName(subject, "the list of outputs", name, known);
}
