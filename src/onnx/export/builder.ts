/** Writes the parts of a graph: nodes, constants, names. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { DType } from "../../base/index.ts";
import type { HostTensor } from "../host.ts";
import { int64s } from "../host.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from "../proto/onnx_pb.ts";
import { infoOf } from "../types.ts";
import type { Size } from "./recording.ts";

type AttributeValue = number | string | readonly number[];

export class GraphBuilder {
  readonly nodes: NodeProto[] = [];
  readonly initializers = new Map<string, TensorProto>();
  readonly #scalars = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  readonly #makers = new Map<string, NodeProto>();
  /** The scalar `[1]` int64 that holds the size of the batch. */
  readonly #batchOf: string;
  #batch: string | null = null;

  /** @param input whose first axis is the batch. */
  constructor(input: string) {
    this.#batchOf = input;
  }

  #fresh(kind: string): string {
    const n = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, n + 1);
    return `${kind}_${n}`;
  }

  /** A node with one output, whose name comes back. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string {
    const name = this.#fresh(op);
    const list = Object.entries(attributes).map(([key, value]) => attributeOf(key, value));
    const proto = create(NodeProtoSchema, {
      name,
      opType: op,
      input: [...inputs],
      output: [name],
      attribute: list,
    });
    this.nodes.push(proto);
    this.#makers.set(name, proto);
    return name;
  }

  /** The node that makes a value, if it is one of an operator. */
  maker(name: string, op: string): NodeProto | undefined {
    const found = this.#makers.get(name);
    return found?.opType === op ? found : undefined;
  }

  /** The convolution that gave a value, with a list that is added to its channels as its bias. */
  convolutionWithBias(value: string, added: string): string | null {
    const made = this.maker(value, "Conv") ?? this.maker(value, "ConvTranspose");
    const reshape = this.maker(added, "Reshape");
    const [list, shape] = reshape?.input ?? [];
    const [bias, weight] = [
      this.initializers.get(list ?? ""),
      this.initializers.get(made?.input[1] ?? ""),
    ];
    if (!made || made.input.length > 2 || bias?.dims.length !== 1 || !weight) return null;
    const target = this.initializers.get(shape!)?.rawData;
    const sizes = target && [...new BigInt64Array(target.slice().buffer)]; // [C, 1, …], a 1 per spatial axis
    if (sizes?.length !== weight.dims.length - 1 || sizes.slice(1).some((d) => d !== 1n))
      return null;
    const group = Number(made.attribute.find(({ name }) => name === "group")?.i ?? 1);
    const channels =
      made.opType === "Conv" ? Number(weight.dims[0]) : Number(weight.dims[1]) * group;
    if (Number(bias.dims[0]) !== channels) return null;
    const name = this.node(made.opType, [...made.input, list!]);
    this.nodes.at(-1)!.attribute = made.attribute;
    return name;
  }
  /** Whether a value that is multiplied is known to have two axes. */
  isMatrix(name: string): boolean {
    return this.#matrices.has(name);
  }
  noteMatrix(name: string): void {
    this.#matrices.add(name);
  }
  readonly #matrices = new Set<string>();

  /** A constant under a name of its own. */
  initializer(name: string, host: HostTensor): string {
    this.initializers.set(name, create(TensorProtoSchema, protoOf(name, host)));
    return name;
  }

  /** A constant, the same one for the same few values. */
  constant(host: HostTensor): string {
    if (host.data.length > 64) return this.initializer(this.#fresh("constant"), host);
    const key = `${host.type}:${host.shape}:${[...(host.data as Iterable<unknown>)].map((x) => (Object.is(x, -0) ? "-0" : String(x)))}`;
    let name = this.#scalars.get(key);
    if (name === undefined) {
      name = this.initializer(this.#fresh("constant"), host);
      this.#scalars.set(key, name);
    }
    return name;
  }
  scalar(value: number, dtype: DType): string {
    const data = infoOf(dtype).make(1) as Float32Array;
    data[0] = value;
    return this.constant({ type: dtype, shape: [], data });
  }
  ints(values: readonly number[]): string {
    return this.constant(int64s(values));
  }

  /** Sizes as an int64 list: a constant, or reckoned from the batch. */
  sizes(sizes: readonly Size[]): string {
    if (sizes.every(({ a }) => a === 0)) return this.ints(sizes.map(({ b }) => b));
    const parts = sizes.map((size) => this.size(size));
    return parts.length === 1 ? parts[0]! : this.node("Concat", parts, { axis: 0 });
  }
  /** One size as a list of one. */
  size({ a, b }: Size): string {
    if (a === 0) return this.ints([b]);
    this.#batch ??= this.node("Shape", [this.#batchOf], { start: 0, end: 1 });
    const scaled = a === 1 ? this.#batch : this.node("Mul", [this.#batch, this.ints([a])]);
    return b === 0 ? scaled : this.node("Add", [scaled, this.ints([b])]);
  }

  /** The nodes that lead to these names, and the constants that they read; all others are dropped. */
  leadingTo(outputs: readonly string[]): { nodes: NodeProto[]; initializers: TensorProto[] } {
    const needed = new Set(outputs);
    const kept = [...this.nodes].reverse().filter((node) => {
      if (!node.output.some((name) => needed.has(name))) return false;
      for (const name of node.input) needed.add(name);
      return true;
    });
    return {
      nodes: kept.reverse(),
      initializers: [...this.initializers.values()].filter(({ name }) => needed.has(name)),
    };
  }
}

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  const make = (init: MessageInitShape<typeof AttributeProtoSchema>) =>
    create(AttributeProtoSchema, { name, ...init });
  if (typeof value === "string")
    return make({ type: Kind.STRING, s: new TextEncoder().encode(value) });
  if (typeof value === "number")
    return Number.isInteger(value)
      ? make({ type: Kind.INT, i: BigInt(value) })
      : make({ type: Kind.FLOAT, f: value });
  return make({ type: Kind.INTS, ints: value.map(BigInt) });
}

/** A tensor of the file; a copy of the bytes is made when the file is written. */
export function protoOf(
  name: string,
  { type, shape, data }: HostTensor,
): MessageInitShape<typeof TensorProtoSchema> {
  const bytes = data as Float32Array;
  return {
    name,
    dims: shape.map(BigInt),
    dataType: infoOf(type).code,
    rawData: new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength),
  };
}
