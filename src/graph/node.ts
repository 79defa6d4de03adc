/** A value of the graph, and the contract of the op that makes it: each is defined by the other. */
import { checkSteps, type DType, type Shape, type Storage, sizeOf } from "../base/index.ts";
import { type Watch, watchesOf } from "./watch.ts";

export type Attr = number | string | boolean | readonly number[];
export type Attrs = Readonly<Record<string, Attr>>;

/** A complex number, for the complex-step check of derivatives. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

/** Where the elements of a value lie within a buffer, in elements. */
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
  /** Element by element; `int` where int32 needs another formula than rounding the float one. */
  | {
      readonly kind: "scalar";
      readonly real: (...x: number[]) => number;
      readonly int?: (...x: number[]) => number;
      /** Present where the op is analytic. */
      readonly complex?: (...x: Complex[]) => Complex;
    }
  /** Whole arrays; complex values go through linear ops by parts. */
  | {
      readonly kind: "array";
      readonly real: (node: Node, inputs: readonly RefArray[]) => Float64Array;
      /** The imaginary part where an op that is not linear chooses elements by their real parts. */
      readonly imaginary?: Imaginary;
    };

/** The imaginary part of a result, from the real and the imaginary parts of the inputs. */
export type Imaginary = (
  node: Node,
  re: readonly RefArray[],
  im: readonly RefArray[],
) => Float64Array;

/**
 * Why a derivative holds zeros that no arithmetic made: an op took other elements than these, or
 * another branch. Where it chose by a `condition`, what it did not take may be anything, NaN too; where
 * it compared the `value`s themselves, as max and relu do, they are numbers.
 */
export type Masking = "value" | "condition";

/** Whether an op is linear in its differentiable inputs, all `together` or `each` alone. */
export type Linearity = "together" | "each" | null;

/**
 * Everything about an op. Passes ask the record and never name ops.
 *
 * `Lowering` is the compiler's part of the record; the graph does not look into it.
 */
export interface Op<Lowering = unknown> {
  readonly name: string;
  /** What it computes, for people. */
  readonly formula: string;
  readonly arity: number | "any";
  /** Shape and dtype of the result. @throws {ShapeError} {DTypeError} when the inputs do not fit. */
  infer(inputs: readonly Node[], attrs: Attrs): { shape: Shape; dtype: DType };
  /**
   * Cotangents of the inputs for cotangent `g` of the result; null where there is no derivative. A
   * `masking` says that g holds zeros of things not taken, which stay 0 whatever they are multiplied by.
   */
  vjp(node: Node, g: Node, masking?: Masking): readonly (Node | null)[];
  /** Tangent of the result for tangents of the inputs (null: zero); null when it is zero. */
  jvp(node: Node, tangents: readonly (Node | null)[], masking?: Masking): Node | null;
  /** Present where the op takes some elements of input i, or input i itself, and others not. */
  masks?(node: Node, i: number): Masking | undefined;
  /** False for ops through which no derivative flows at all (comparisons, argmax, stopGradient). */
  readonly differentiable: boolean;
  readonly linearity: Linearity;
  readonly reference: Reference;
  readonly lower: Lowering;
  /**
   * A cheaper node with the same value, or undefined. It looks at the op itself; what relates several
   * ops is a rewrite of the compiler.
   */
  simplify?(node: Node): Node | undefined;
  /** True for the op whose value comes from outside. */
  readonly leaf?: boolean;
  /** dtypes that the op takes, for the support matrix and the sweep. */
  readonly dtypes: readonly DType[];
}

let nextId = 0;
let epoch = 0;

/** Begins a new epoch: nodes made from now on can be told from those that existed before. */
export const nextEpoch = (): number => ++epoch;

/** A copy that nobody can write to: users read shapes, and the arrays they give are theirs. */
const frozen = (shape: Shape): Shape =>
  Object.isFrozen(shape) ? shape : Object.freeze(shape.slice());

/**
 * One value of the graph: an op applied to earlier nodes. Nodes are immutable but for `storage`,
 * which appears when the value has been computed. Ids grow with creation, so a node's inputs always
 * have smaller ids: sorting by id is a topological order.
 */
export class Node {
  readonly id: number = nextId++;
  /** The number of evaluations before this node was made. */
  readonly epoch: number = epoch;
  readonly op: Op;
  readonly attrs: Attrs;
  readonly shape: Shape;
  readonly dtype: DType;
  /** The computed value, if there is one; a leaf without it is a placeholder. */
  storage: Storage | null = null;
  /** The transforms that may still ask for this node's history. */
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

  /** True while a transform may still ask for this node's history. */
  get watched(): boolean {
    return this.watches.some((w) => w.active);
  }

  /** Keeps the value, and lets go of the history unless a transform watches it. */
  realize(storage: Storage): void {
    this.storage = storage;
    this.forget();
  }

  /** Lets go of the history, now or when the last transform that watches it is done. */
  forget(): void {
    const watch = this.watches.find((w) => w.active);
    if (watch) watch.keep(this);
    else this.#inputs = [];
  }
}

/** Applies an op: checks shapes, sizes and dtypes, then makes the node. */
export function apply(op: Op, inputs: readonly Node[], attrs: Attrs = {}): Node {
  const { shape, dtype } = op.infer(inputs, attrs);
  checkSteps(op.name, shape);
  return new Node(op, inputs, attrs, shape, dtype);
}

/**
 * The nodes that `outputs` need, in topological order. `stop` cuts the walk at nodes whose inputs
 * are not wanted (they are still part of the result).
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
