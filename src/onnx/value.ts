/** What flows along an edge of the graph. */
import { DataError, type Shape, show, sizeOf } from "../base/index.ts";
import { collect } from "../graph/index.ts";
import { fromHost, isTracing, type Tensor, type TensorLike } from "../tensor/index.ts";
import type { HostTensor, Scalar } from "./host.ts";
import { hostOf } from "./host.ts";
import { type ElementType, infoOf, isFloatType } from "./types.ts";

/** An array of one of ONNX's types: a host array, a tensor, or both once one was made of the other. */
export class Value {
  readonly type: ElementType;
  readonly shape: Shape;
  #tensor: Tensor | null;
  #host: HostTensor | null;

  private constructor(
    type: ElementType,
    shape: Shape,
    tensor: Tensor | null,
    host: HostTensor | null,
  ) {
    this.type = type;
    this.shape = shape;
    this.#tensor = tensor;
    this.#host = host;
  }

  static of(host: HostTensor): Value {
    return new Value(host.type, host.shape, null, host);
  }
  static ofTensor(type: ElementType, tensor: Tensor): Value {
    return new Value(type, tensor.shape, tensor, null);
  }

  get rank(): number {
    return this.shape.length;
  }
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The elements where they are known without computing: constants, shapes, and what follows from these. */
  get host(): HostTensor | null {
    return this.#host;
  }

  /** Whether the elements can be read now. */
  get isKnown(): boolean {
    return this.#host !== null || !collect([this.#tensor!.node], isLeaf).some(isUnknown);
  }

  /** As a tensor. @throws {DataError} for elements that no tensor holds. */
  get tensor(): Tensor {
    this.#tensor ??= tensorOf(this.#host!);
    return this.#tensor;
  }

  /** As an operand: a scalar constant is a number, which the compiler folds. */
  get operand(): TensorLike {
    if (!this.#host || this.rank > 0 || this.#tensor) return this.tensor;
    const x = this.#host.data[0]!;
    return typeof x === "number" && infoOf(this.type).dtype !== "bool" ? x : this.tensor;
  }

  /**
   * The elements, computed now if they must.
   *
   * @throws {DataError} where they follow from what a compiled function is given when it runs.
   */
  read(): HostTensor {
    if (this.#host) return this.#host;
    const tensor = this.#tensor!;
    if (isTracing() && !this.isKnown)
      throw new DataError({
        subject: "the graph",
        problem: `needs the values of a ${this.type} ${show(this.shape)} to go on, and they are known only when the compiled function runs.`,
        fix: "call the net outside of compile, or make a constant of what decides shapes.",
      });
    const data = tensor.dataSync();
    this.#host = hostOf(this.type, this.shape, reader(this.type, data));
    return this.#host;
  }
}

/** A list of items. */
export class Sequence {
  readonly items: readonly Item[];
  constructor(items: readonly Item[]) {
    this.items = items;
  }
}

/** A value, a sequence of some, or an optional that holds none. */
export type Item = Value | Sequence | null;

type Node = Tensor["node"];
const isLeaf = (node: Node): boolean => node.storage !== null || node.inputs.length === 0;
const isUnknown = (node: Node): boolean => node.storage === null && node.op.leaf === true;

const reader = (type: ElementType, data: ArrayLike<number>): ((i: number) => Scalar) =>
  type === "int64" || type === "uint64" ? (i) => BigInt(data[i]!) : (i) => data[i]!;

/** @throws {DataError} for text, and for integers beyond int32. */
function tensorOf({ type, shape, data }: HostTensor): Tensor {
  const { dtype } = infoOf(type);
  if (dtype === null)
    throw new DataError({
      subject: "the graph",
      problem: `computes with ${type}, which tensors do not hold.`,
      fix: "leave the nodes that work on text to the program that calls the net.",
    });
  if (dtype !== "int32") return fromHost({ dtype, shape, data: data as Float32Array });
  const whole = data as unknown as readonly (number | bigint)[];
  const at = whole.findIndex((x) => x > maxInt32 || x < minInt32);
  if (at >= 0)
    throw new DataError({
      subject: "the graph",
      problem: `element ${at} of a ${type} ${show(shape)} is ${data[at]}, and tensors hold integers as int32, −2³¹ … 2³¹ − 1.`,
      fix: "keep indices and counts within int32.",
    });
  return fromHost({
    ...{ dtype, shape },
    data: Int32Array.from(whole, Number),
  });
}
const [minInt32, maxInt32] = [-2147483648, 2147483647];

/** Whether a type is computed in float32 or float64. */
export const isFloatValue = (x: Value): boolean => isFloatType(x.type);
