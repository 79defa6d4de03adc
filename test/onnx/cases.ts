/** Test vectors of ONNX: a net, inputs, and the outputs that it must give. */
import { fromBinary } from "@bufbuild/protobuf";
import { loadOnnx, type OnnxArray, type OnnxInput } from "../../src/onnx/index.ts";
import {
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type TypeProto,
} from "../../src/onnx/proto/onnx_pb.ts";
import {
  type OptionalProto,
  OptionalProtoSchema,
  type SequenceProto,
  SequenceProtoSchema,
} from "../../src/onnx/proto/onnx-data_pb.ts";
import { decodeTensor } from "../../src/onnx/tensor-proto.ts";
import { foreignTypes } from "../../src/onnx/types.ts";
import { Value } from "../../src/onnx/value.ts";
import { isTensor, type Tensor } from "../../src/tensor/index.ts";

export interface Case {
  readonly name: string;
  readonly model: ModelProto;
  readonly bytes: Uint8Array;
  /** Inputs and outputs of each run. */
  readonly sets: readonly { readonly inputs: Uint8Array[]; readonly outputs: Uint8Array[] }[];
}

export interface Verdict {
  readonly name: string;
  readonly kind: "passes" | "differs" | "type" | "operator" | "fails";
  readonly reason: string;
}

/** The cases of an archive: a folder each, with `model.onnx` and `test_data_set_…`. */
export function casesOf(files: ReadonlyMap<string, Uint8Array>): Case[] {
  const cases = new Map<string, Uint8Array>();
  for (const [path, bytes] of files)
    if (path.endsWith("/model.onnx")) cases.set(path.slice(0, -"/model.onnx".length), bytes);
  return [...cases].map(([folder, bytes]) => {
    const sets: Case["sets"][number][] = [];
    for (let i = 0; files.has(`${folder}/test_data_set_${i}/output_0.pb`); i++) {
      const all = (what: string) => {
        const found: Uint8Array[] = [];
        for (let k = 0; files.has(`${folder}/test_data_set_${i}/${what}_${k}.pb`); k++)
          found.push(files.get(`${folder}/test_data_set_${i}/${what}_${k}.pb`)!);
        return found;
      };
      sets.push({ inputs: all("input"), outputs: all("output") });
    }
    const model = fromBinary(ModelProtoSchema, bytes);
    return { name: folder.split("/").at(-1)!, model, bytes, sets };
  });
}

/** Names of the operators in a graph and those in it. */
export function operatorsOf(graph: GraphProto | undefined): string[] {
  const names = (graph?.node ?? []).flatMap((node) => [
    node.domain ? `${node.domain}.${node.opType}` : node.opType,
    ...node.attribute.flatMap(({ g }) => operatorsOf(g)),
  ]);
  return [...new Set(names)];
}

/** A type of the graph's edges that is not among those that are computed here, if there is one. */
function foreignType({ graph, functions }: ModelProto): string | undefined {
  const codes = [
    ...(graph?.input ?? []),
    ...(graph?.output ?? []),
    ...(graph?.valueInfo ?? []),
  ].flatMap(({ type }) => codesOf(type));
  const nodes = [...(graph?.node ?? []), ...functions.flatMap(({ node }) => node)];
  for (const node of nodes)
    if (node.opType === "Cast")
      codes.push(Number(node.attribute.find(({ name }) => name === "to")?.i ?? 0));
  const found = codes.find((code) => foreignTypes[code] || code === 8);
  return found === undefined ? undefined : (foreignTypes[found] ?? "string");
}

function codesOf(type: TypeProto | undefined): number[] {
  const value = type?.value;
  if (value?.case === "tensorType") return [value.value.elemType];
  if (value?.case === "sequenceType" || value?.case === "optionalType")
    return codesOf(value.value.elemType);
  return [];
}

type Kind = "tensorType" | "sequenceType" | "optionalType";
const kindOf = (type: TypeProto | undefined): Kind => (type?.value.case as Kind) ?? "tensorType";

type Data = OnnxArray | readonly Data[] | null;
const arrayOf = (proto: TensorProto): OnnxArray => decodeTensor(proto, `"${proto.name}"`);
const sequenceOf = (proto: SequenceProto): Data[] =>
  proto.elemType === 3 ? proto.sequenceValues.map(sequenceOf) : proto.tensorValues.map(arrayOf);
function optionalOf(proto: OptionalProto): Data {
  if (proto.tensorValue) return arrayOf(proto.tensorValue);
  return proto.sequenceValue ? sequenceOf(proto.sequenceValue) : null;
}

export function decodeData(bytes: Uint8Array, type: TypeProto | undefined): Data {
  const kind = kindOf(type);
  if (kind === "sequenceType") return sequenceOf(fromBinary(SequenceProtoSchema, bytes));
  if (kind === "optionalType") return optionalOf(fromBinary(OptionalProtoSchema, bytes));
  return arrayOf(fromBinary(TensorProtoSchema, bytes));
}

/** Tensors of all that tensors hold. */
function inputOf(data: Data): OnnxInput {
  if (data === null) return null;
  if (Array.isArray(data)) return data.map(inputOf);
  const array = data as OnnxArray;
  try {
    return Value.of(array).tensor;
  } catch {
    return array;
  }
}

/** Runs a case. Outputs must be equal within rtol = 10⁻³ and atol = 10⁻⁶; ONNX's own runner has 10⁻³ and 10⁻⁷, below the rounding of its float32 outputs. */
export async function judge(test: Case): Promise<Verdict> {
  const { name, model } = test;
  const type = foreignType(model);
  try {
    const net = await loadOnnx(test.bytes);
    for (const { inputs, outputs } of test.sets) {
      const named = Object.fromEntries(
        net.inputs.map(({ name }, i) => [
          name,
          inputOf(decodeData(inputs[i]!, model.graph!.input[i]?.type)),
        ]),
      );
      const found = net.run(named);
      const wanted = outputs.map((bytes, i) => decodeData(bytes, model.graph!.output[i]?.type));
      const differs = wanted
        .map((data, i) => difference(found[net.outputs[i]!.name]!, data))
        .find(Boolean);
      if (differs) return { name, kind: type ? "type" : "differs", reason: type ?? differs };
    }
    return { name, kind: "passes", reason: "" };
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0]!;
    if (type) return { name, kind: "type", reason: type };
    return { name, kind: reason.includes("is not supported") ? "operator" : "fails", reason };
  }
}

/** How an output differs from what it must be, or undefined. */
export function difference(
  found: OnnxInput,
  wanted: Data,
  rtol = 1e-3,
  atol = 1e-6,
): string | undefined {
  if (wanted === null || Array.isArray(wanted)) {
    if (wanted === null) return found === null ? undefined : "an optional has a value";
    if (!Array.isArray(found) || found.length !== wanted.length)
      return "a sequence differs in length";
    return wanted.map((data, i) => difference(found[i]!, data, rtol, atol)).find(Boolean);
  }
  const { shape, data, type } = wanted as OnnxArray;
  const y = found as Tensor | OnnxArray;
  if (found === null || Array.isArray(found)) return "there is no array";
  if (y.shape.join() !== shape.join()) return `the shape is [${y.shape}], not [${shape}]`;
  const values = isTensor(y) ? y.dataSync() : y.data;
  for (let i = 0; i < data.length; i++) {
    const [a, b] = [values[i]!, data[i]!];
    const [x, t] = [Number(a), Number(b)];
    const isEqual =
      a === b ||
      (typeof b !== "string" &&
        (Object.is(x, t) || x === t || Math.abs(x - t) <= atol + rtol * Math.abs(t)));
    if (!isEqual) return `element ${i} of ${type} is ${a}, not ${b}`;
  }
  return undefined;
}
