/**
 * Layout propagation: which values have the batch-innermost (CHWN) layout. Convolutions of many
 * small images with few channels then load a vector of images at every position: nothing is
 * transposed, no lane is idle however narrow the planes are, and pooling and its gradient read
 * neighboring vectors.
 */
import type { Shape } from "../base/index.ts";
import type { Node, Strided } from "../graph/index.ts";
import { loweringOf } from "../ops/index.ts";
import type { Fusion } from "./fuse.ts";

export interface Layout {
  /** Nodes that are stored batch-innermost: their first axis has stride 1. All others are row-major. */
  readonly batchInnermost: ReadonlySet<Node>;
  /**
   * Other values that get a batch-innermost copy, because the gradient of a layer's weights reads
   * them.
   */
  readonly copied: ReadonlySet<Node>;
}

const rowMajor: Layout = { batchInnermost: new Set(), copied: new Set() };

/** Strides with the first axis innermost, the others in order. */
export function batchInnermostStrides(shape: Shape): number[] {
  const strides = shape.map(() => 1);
  let step = shape[0] ?? 1;
  for (let axis = shape.length - 1; axis > 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** The node that `x` is a view of. */
function baseOf(x: Node): Node {
  let base = x;
  while (loweringOf(base).kind === "view") base = base.inputs[0]!;
  return base;
}

/** The layout of `x` if its base is batch-innermost; null if strides cannot express it. */
function viewed(x: Node): Strided | null {
  const lower = loweringOf(x);
  if (lower.kind !== "view") return { offset: 0, strides: batchInnermostStrides(x.shape) };
  const inner = viewed(x.inputs[0]!);
  return inner && lower.view(inner, x);
}

/** The axis of `x` that is the batch of its base; −1 if there is none. */
function batchAxis(x: Node): number {
  const batch = baseOf(x).shape[0] ?? 1;
  if (batch === 1) return -1;
  const strides = viewed(x)?.strides ?? [];
  return strides.findIndex((step, axis) => step === 1 && x.shape[axis] === batch);
}

/**
 * What the node's lowering declares about the batch of a convolution; undefined for other nodes.
 */
const batchOf = (node: Node) => {
  const lower = loweringOf(node);
  return lower.kind === "fused" ? lower.batch : undefined;
};

/**
 * Whether the node convolves image by image. A gradient of weights does not: it sums over the
 * batch.
 */
const isLayer = (node: Node): boolean =>
  batchOf(node) !== undefined && batchAxis(node.inputs[0]!) === 0;

/**
 * All convolutional layers of a program decide together, because a change of layout between two of
 * them costs more than it gains. From them the layout propagates to elementwise nodes, reductions
 * and products.
 */
export function chooseLayout(
  fusion: Fusion,
  inputs: readonly Node[],
  outputs: readonly Node[],
): Layout {
  const isInput = new Set(inputs);
  const nodes = fusion.nodes.filter((x) => !isInput.has(x));
  const layers = nodes.filter(isLayer);
  if (layers.length === 0 || !layers.every((x) => batchOf(x)!.prefersInnermost(x))) return rowMajor;
  return new LayoutPropagation(nodes, fusion.users, outputs).from(layers);
}

class LayoutPropagation {
  readonly #nodes: readonly Node[];
  readonly #users: Fusion["users"];
  readonly #outputs: ReadonlySet<Node>;
  readonly #batchInnermost = new Set<Node>();

  constructor(nodes: readonly Node[], users: Fusion["users"], outputs: readonly Node[]) {
    this.#nodes = nodes;
    this.#users = users;
    this.#outputs = new Set(outputs);
  }

  /** Forward and backward alternately, until nothing changes. */
  from(layers: readonly Node[]): Layout {
    for (const layer of layers) this.#add(layer);
    for (let before = 0; before < this.#batchInnermost.size; ) {
      before = this.#batchInnermost.size;
      for (const node of this.#nodes) if (this.#propagatesForward(node)) this.#add(node);
      for (const node of [...this.#nodes].reverse())
        if (this.#propagatesBackward(node)) this.#add(node);
    }
    return { batchInnermost: this.#batchInnermost, copied: this.#copied() };
  }

  #add(node: Node): void {
    // the caller expects outputs to be row-major
    if (!this.#outputs.has(node)) this.#batchInnermost.add(node);
  }

  /** Whether the node computes image by image from an input that is batch-innermost. */
  #propagatesForward(node: Node): boolean {
    const { kind } = loweringOf(node);
    if (kind !== "map" && kind !== "reduce") return false;
    if (kind === "reduce" && (node.attrs.axes as readonly number[]).includes(0)) return false;
    return node.inputs.some((x) => this.#batchInnermost.has(baseOf(x)) && batchAxis(x) === 0);
  }

  /** Whether a user that computes image by image is batch-innermost. */
  #propagatesBackward(node: Node): boolean {
    const { kind } = loweringOf(node);
    const isProduct = kind === "fused" && !batchOf(node);
    return (kind === "map" || isProduct) && this.#isReadSo(node);
  }

  #isReadSo(x: Node): boolean {
    if (batchAxis(x) !== 0) return false;
    return this.#users.get(x)!.some((user) => {
      const { kind } = loweringOf(user);
      if (kind === "view") return this.#isReadSo(user);
      return kind === "map"
        ? this.#batchInnermost.has(user)
        : isLayer(user) && user.inputs[0] === x;
    });
  }

  /** The other operands of gradients of weights that read a batch-innermost value. */
  #copied(): Set<Node> {
    const copied = new Set<Node>();
    for (const node of this.#nodes) {
      const batch = batchOf(node);
      if (!batch || !node.inputs.every((x) => batchAxis(x) === batch.summed)) continue;
      const bases = node.inputs.map(baseOf);
      const others = bases.filter((x) => !this.#batchInnermost.has(x));
      if (others.length === 1) copied.add(others[0]!);
    }
    return copied;
  }
}
