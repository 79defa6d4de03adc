/** A net as the interpreter walks it: graphs of nodes with attributes, parsed and checked. */
import type { HostTensor } from "./host.ts";
import type { Signature } from "./signature.ts";

/** What an attribute may hold, by its kind. */
export interface AttributeValues {
  readonly int: bigint;
  readonly float: number;
  readonly string: string;
  readonly ints: readonly bigint[];
  readonly floats: readonly number[];
  readonly strings: readonly string[];
  readonly tensor: HostTensor;
  readonly graph: Graph;
}
export type AttributeKind = keyof AttributeValues;

interface Of<K, V> {
  readonly kind: K;
  readonly value: V;
}

/** A value; the attribute of the enclosing function that stands for it; or the name of what is not read. */
export type Attribute =
  | { [K in AttributeKind]: Of<K, AttributeValues[K]> }[AttributeKind]
  | Of<"reference" | "other", string>;

export type Attributes = ReadonlyMap<string, Attribute>;

/** One application of an operator. An input or output that is left out is "". */
export interface GraphNode {
  readonly name: string;
  readonly operator: string;
  /** "" is ONNX's own. */
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** Nodes in an order in which each comes after what it reads. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Signature[];
  readonly outputs: readonly Signature[];
  readonly constants: ReadonlyMap<string, HostTensor>;
  readonly nodes: readonly GraphNode[];
}
