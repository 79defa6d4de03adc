/** One run of one node: its inputs, its attributes, and what operators make of them. */
import { type DType, FormatError, GradusError, isFloat } from "../base/index.ts";
import { type RandomKey, Tensor } from "../tensor/index.ts";
import { attributeOf, exact } from "./attributes.ts";
import type { HostTensor } from "./host.ts";
import type { AttributeKind, Attributes, AttributeValues, Graph, GraphNode } from "./ir.ts";
import { type ElementType, infoOf, isWholeType } from "./types.ts";
import { type Item, Sequence, Value } from "./value.ts";

/** What an operator needs of the run that it is part of. */
export interface Surroundings {
  /** Whether batch normalisation and dropout behave as in training. */
  readonly training: boolean;
  /** Of the domain that the node belongs to. */
  readonly version: number;
  /** Runs a graph that an attribute holds; it sees what the node sees. */
  readonly runGraph: (graph: Graph, inputs: readonly Item[]) => Item[];
  /** Gives the variable behind an input another value, if it is one: the statistics of a normalisation. */
  readonly assign: (input: number, value: Tensor) => void;
  /** Keys of random numbers, from the net's own generator. */
  readonly randomKey: () => RandomKey;
}

/** What operators give back: tensors take the type of the first input where it has their dtype. */
export type Output = Tensor | Item;

export class Call {
  readonly node: GraphNode;
  readonly inputs: readonly (Item | undefined)[];
  readonly around: Surroundings;
  readonly #attributes: Attributes;

  constructor(
    node: GraphNode,
    attributes: Attributes,
    inputs: readonly (Item | undefined)[],
    around: Surroundings,
  ) {
    this.node = node;
    this.#attributes = attributes;
    this.inputs = inputs;
    this.around = around;
  }

  get version(): number {
    return this.around.version;
  }
  /** Whether the graph reads the output at this position. */
  wants(i: number): boolean {
    return (this.node.outputs[i] ?? "") !== "";
  }

  // — inputs —

  /** The array at a position. @throws {FormatError} if it is left out, or no array. */
  x(i: number): Value {
    const found = this.inputs[i];
    if (found instanceof Value) return found;
    throw new FormatError({
      subject: this.node.operator,
      problem: found === undefined ? `input ${i} is missing.` : `input ${i} is not a tensor.`,
      fix: "the file does not follow the operator's definition; export it anew.",
    });
  }
  optional(i: number): Value | undefined {
    return this.inputs[i] === undefined ? undefined : this.x(i);
  }
  /** The tensor at a position. */
  t(i: number): Tensor {
    return this.x(i).tensor;
  }
  /** All inputs as arrays. */
  get all(): Value[] {
    return this.inputs.map((_, i) => this.x(i));
  }
  sequence(i: number): Sequence {
    const found = this.inputs[i];
    if (found instanceof Sequence) return found;
    throw this.error(`input ${i} is not a sequence.`);
  }
  /** Whole numbers of an input, known now; those beyond 2⁵³ are an error, or `clamped` to it. */
  numbers(i: number, clamped = false): number[] | undefined {
    const x = this.optional(i);
    return x && numbersOf(x, `${this.node.operator}'s input ${i}`, clamped);
  }
  /** One whole number of an input. */
  number(i: number): number | undefined {
    return this.numbers(i)?.[0];
  }
  /** Floats of an input, known now. */
  floats(i: number): number[] | undefined {
    const x = this.optional(i);
    return x && Array.from(x.read().data as ArrayLike<number | bigint>, Number);
  }

  // — attributes —

  attribute<K extends AttributeKind>(name: string, kind: K): AttributeValues[K] | undefined {
    return attributeOf(this.#attributes, name, kind);
  }
  has(name: string): boolean {
    return this.#attributes.has(name);
  }
  int(name: string, absent: number): number {
    const found = this.attribute(name, "int");
    return found === undefined ? absent : exact(found, `the attribute "${name}"`);
  }
  ints(name: string): number[] | undefined {
    return this.attribute(name, "ints")?.map((x) => exact(x, `the attribute "${name}"`));
  }
  float(name: string, absent: number): number {
    return this.attribute(name, "float") ?? absent;
  }
  text(name: string, absent: string): string {
    return this.attribute(name, "string") ?? absent;
  }
  /** Whole numbers that newer versions read from an input and older ones from an attribute. */
  list(name: string, input: number): number[] | undefined {
    return this.ints(name) ?? this.numbers(input);
  }

  /** What the operator cannot do without. @throws {FormatError} if the node lacks it. */
  must<T>(x: T | undefined): T {
    if (x !== undefined) return x;
    throw this.error(
      "lacks an input or an attribute that it cannot do without.",
      "the file is damaged, or does not follow the definition; export it anew.",
    );
  }

  // — outputs —

  /** A tensor as a value of a type. */
  value(tensor: Tensor, type: ElementType = this.x(0).type): Value {
    return Value.ofTensor(type, tensor);
  }
  /** A host array as a value. */
  constant(host: HostTensor): Value {
    return Value.of(host);
  }
  /** Outputs as values. */
  wrap(output: Output): Item {
    if (!(output instanceof Tensor)) return output;
    return Value.ofTensor(this.#typeFor(output.dtype), output);
  }
  #typeFor(dtype: DType): ElementType {
    const first = this.inputs[0];
    return first instanceof Value && infoOf(first.type).dtype === dtype ? first.type : dtype;
  }

  error(problem: string, fix?: string): FormatError {
    return new FormatError({ subject: this.node.operator, problem, fix });
  }
}

/** Whole numbers of an array, as numbers. */
export function numbersOf(x: Value, what: string, clamped = false): number[] {
  const { data, type } = x.read();
  if (!isWholeType(type) && type !== "bool")
    throw new FormatError({ subject: what, problem: `is ${type}, not whole numbers.` });
  return Array.from(data as ArrayLike<number | bigint>, (n) => {
    if (typeof n === "number") return n;
    if (!clamped) return exact(n, what);
    return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Number(n)));
  });
}

/** How an operator computes. */
export interface Operator {
  readonly name: string;
  readonly domain?: string;
  /** Positions of inputs that say how to compute, such as axes, and so are never parameters. */
  readonly settings?: readonly number[];
  /** Positions of inputs that training assigns and no gradient changes: running statistics. */
  readonly statistics?: readonly number[];
  /** The result of constants, where it is exact on host arrays; null leaves it to `run`. */
  readonly fold?: (
    call: Call,
    inputs: readonly HostTensor[],
  ) => HostTensor | readonly HostTensor[] | null;
  readonly run: (call: Call) => Output | readonly (Output | undefined)[];
}

/** An error of gradus that says in which node it arose. What else is thrown comes of a node that is not as defined. */
export function located(thrown: unknown, where: string, subject: string): unknown {
  if (!(thrown instanceof GradusError))
    return new FormatError({
      ...{ subject, where },
      problem: `the node does not follow the operator's definition (${(thrown as Error).message}).`,
      fix: "the file is damaged; export it anew.",
    });
  if ((thrown.where ?? "").startsWith("node ")) return thrown;
  const { problem, fix } = thrown;
  const Kind = thrown.constructor as new (parts: object) => GradusError;
  return thrown.subject === "internal"
    ? thrown
    : new Kind({ subject: thrown.subject, problem, fix, where });
}

/** Floats as they are, other numbers as float32: for operators that compute in floats. */
export const asFloat = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : x.cast("float32"));
