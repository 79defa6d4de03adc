import { checkSteps, type DType, type Shape, type Storage, sizeOf } from "../base/index.ts";
import type { Op } from "./op.ts";
import { type Watch, watchesOf } from "./watch.ts";

export type Attr = number | string | boolean | readonly number[];
export type Attrs = Readonly<Record<string, Attr>>;

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
