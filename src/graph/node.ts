/** A value of the graph and the contract of the op that computes it; they refer to each other. */
import { checkSteps, type DType, type Shape, type Storage, sizeOf } from "../base/index.ts";
import { type Watch, watchesOf } from "./watch.ts";

export type Attr = number | string | boolean | readonly number[];
export type Attrs = Readonly<Record<string, Attr>>;

/** A complex number, for the complex-step check of derivatives. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

/** The layout of a value within a buffer, in elements. */
export interface Strided {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** A value of the reference engine: row-major float64, whatever the dtype. */
export interface RefArray {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: Float64Array;
}

/** How an op is computed by the reference engine. */
export type Reference =
  /** Element by element; `int` if int32 needs another formula than rounding the float result. */
  | {
      readonly kind: "scalar";
      readonly real: (...x: number[]) => number;
      readonly int?: (...x: number[]) => number;
      /** Present if the op is analytic. */
      readonly complex?: (...x: Complex[]) => Complex;
    }
  /** Whole arrays; linear ops process the real and imaginary parts of complex values separately. */
  | {
      readonly kind: "array";
      readonly real: (node: Node, inputs: readonly RefArray[]) => Float64Array;
      /**
       * The imaginary part, for an op that is not linear and selects elements by their real parts.
       */
      readonly imaginary?: Imaginary;
    };

/** The imaginary part of a result, from the real and the imaginary parts of the inputs. */
export type Imaginary = (
  node: Node,
  re: readonly RefArray[],
  im: readonly RefArray[],
) => Float64Array;

/**
 * Why a derivative contains structural zeros, which no arithmetic produced: an op selected other
 * elements, or another branch. If it selected by a `condition`, the unselected values may be
 * anything, even NaN; if it compared the `value`s themselves, as max and relu do, they are numbers.
 */
export type Masking = "value" | "condition";

/** Whether an op is linear in its differentiable inputs, in all `together` or in `each` alone. */
export type Linearity = "together" | "each" | null;

/**
 * Everything about an op. Passes ask the record and never name ops.
 *
 * `Lowering` is the compiler's part of the record; the graph does not look into it.
 */
export interface Op<Lowering = unknown> {
  readonly name: string;
  /** A formula for people. */
  readonly formula: string;
  readonly arity: number | "any";
  /**
   * Shape and dtype of the result. @throws {ShapeError} {DTypeError} when the inputs do not fit.
   */
  infer(inputs: readonly Node[], attrs: Attrs): { shape: Shape; dtype: DType };
  /**
   * Cotangents of the inputs for cotangent `g` of the result; null where there is no derivative. A
   * `masking` means that g contains structural zeros, which stay 0 whatever they are multiplied by.
   */
  vjp(node: Node, g: Node, masking?: Masking): readonly (Node | null)[];
  /** Tangent of the result for tangents of the inputs (null: zero); null when it is zero. */
  jvp(node: Node, tangents: readonly (Node | null)[], masking?: Masking): Node | null;
  /** Present if the op selects some elements of input i, or selects between inputs. */
  masks?(node: Node, i: number): Masking | undefined;
  /** False for ops through which no derivative flows at all (comparisons, argmax, stopGradient). */
  readonly differentiable: boolean;
  readonly linearity: Linearity;
  readonly reference: Reference;
  readonly lower: Lowering;
  /**
   * A cheaper node with the same value, or undefined. Looks only at this op; relations between
   * several ops are rewrites of the compiler.
   */
  simplify?(node: Node): Node | undefined;
  /** True for the op whose value comes from outside. */
  readonly leaf?: boolean;
  /** The dtypes that the op accepts, for the support matrix and the test sweep. */
  readonly dtypes: readonly DType[];
}

let nextId = 0;
let epoch = 0;

/** Starts a new epoch: nodes created from now on can be distinguished from earlier ones. */
export const nextEpoch = (): number => ++epoch;

/** A frozen copy: users read shapes, and may still change the arrays that they passed in. */
const frozen = (shape: Shape): Shape =>
  Object.isFrozen(shape) ? shape : Object.freeze(shape.slice());

/**
 * One value of the graph: an op applied to earlier nodes. Nodes are immutable except for `storage`,
 * which is set when the value has been computed. Ids grow with creation, so a node's inputs always
 * have smaller ids: sorting by id is a topological order.
 */
export class Node {
  readonly id: number = nextId++;
  /** The number of evaluations before this node was created. */
  readonly epoch: number = epoch;
  readonly op: Op;
  readonly attrs: Attrs;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The computed value, if there is one; a leaf without it is a placeholder. */
  storage: Storage | null = null;
  /** The active transforms that may still need this node's history. */
  readonly watches: readonly Watch[];
  #inputs: readonly Node[];

  constructor(
    op: Op,
    inputs: readonly Node[],
    attrs: Attrs,
    shape: Shape,
    dtype: DType,
    watch: Watch | null = null,
  ) {
    this.op = op;
    this.#inputs = inputs;
    this.attrs = attrs;
    this.shape = frozen(shape);
    this.dtype = dtype;
    this.watches = watchesOf(inputs, watch);
  }

  get inputs(): readonly Node[] {
    return this.#inputs;
  }

  /** Elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** True while a transform may still need this node's history. */
  get watched(): boolean {
    return this.watches.some((w) => w.active);
  }

  /** Stores the value and drops the history, unless a transform watches it. */
  realize(storage: Storage): void {
    this.storage = storage;
    this.forget();
  }

  /** Drops the history, now or when the last transform that watches it has finished. */
  forget(): void {
    const watch = this.watches.find((w) => w.active);
    if (watch) watch.keep(this);
    else this.#inputs = [];
  }
}

/** Applies an op: checks shapes, sizes and dtypes, then creates the node. */
export function apply(op: Op, inputs: readonly Node[], attrs: Attrs = {}): Node {
  const { shape, dtype } = op.infer(inputs, attrs);
  checkSteps(op.name, shape);
  return new Node(op, inputs, attrs, shape, dtype);
}

/**
 * The nodes that `outputs` depend on, in topological order. The walk does not go past nodes for
 * which `stop` is true (they are still part of the result).
 */
export function collect(outputs: readonly Node[], stop: (node: Node) => boolean): Node[] {
  const seen = new Set<Node>();
  const stack = [...outputs];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (!stop(node)) for (const input of node.inputs) stack.push(input);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
