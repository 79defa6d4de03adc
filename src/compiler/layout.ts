/**
 * Which values lie with their images innermost. Convolutions of many small images with few channels
 * then find a vector of images wherever they look: nothing is turned round, no lane is idle however
 * narrow the planes are, and pooling and its gradient read neighbouring vectors.
 */
import type { Shape } from "../base/index.ts";
import type { Node, Strided } from "../graph/index.ts";
import { loweringOf } from "../ops/index.ts";
import type { Fusion } from "./fuse.ts";

export interface Layout {
  /** Nodes that are stored with their first axis, the images, innermost. */
  readonly innermost: ReadonlySet<Node>;
  /** Inputs and other values that are copied so, because the gradient of a layer's weights reads them. */
  readonly copied: ReadonlySet<Node>;
}

const usual: Layout = { innermost: new Set(), copied: new Set() };

/** The first axis innermost, the others in order. */
export function innermostStrides(shape: Shape): number[] {
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

/** How `x` lies if what it is a view of lies with its images innermost; null where no strides show it. */
function viewed(x: Node): Strided | null {
  const lower = loweringOf(x);
  if (lower.kind !== "view") return { offset: 0, strides: innermostStrides(x.shape) };
  const inner = viewed(x.inputs[0]!);
  return inner && lower.view(inner, x);
}

/** The axis of `x` along which the images of its base then lie; −1 if they do not lie along one. */
function imagesAxis(x: Node): number {
  const images = baseOf(x).shape[0] ?? 1;
  if (images === 1) return -1;
  const strides = viewed(x)?.strides ?? [];
  return strides.findIndex((step, axis) => step === 1 && x.shape[axis] === images);
}

const convolving = (node: Node) => {
  const lower = loweringOf(node);
  return lower.kind === "fused" ? lower.images : undefined;
};

/** Whether the node convolves image by image; else it may sum over images, as gradients of weights do. */
const isLayer = (node: Node): boolean =>
  convolving(node) !== undefined && imagesAxis(node.inputs[0]!) === 0;

/**
 * All layers of a program that convolve images decide together, as a change of layout between two of
 * them costs more than it gains. From their results the layout spreads to the elementwise nodes and
 * reductions that read them, and to the products and elementwise nodes that these read beside them.
 */
export function chooseLayout(
  fusion: Fusion,
  inputs: readonly Node[],
  outputs: readonly Node[],
): Layout {
  const given = new Set(inputs);
  const nodes = fusion.nodes.filter((x) => !given.has(x));
  const layers = nodes.filter(isLayer);
  if (layers.length === 0 || !layers.every((x) => convolving(x)!.pays(x))) return usual;
  return new Spread(nodes, fusion.users, outputs).from(layers);
}

class Spread {
  readonly #nodes: readonly Node[];
  readonly #users: Fusion["users"];
  readonly #fixed: ReadonlySet<Node>;
  readonly #innermost = new Set<Node>();

  constructor(nodes: readonly Node[], users: Fusion["users"], outputs: readonly Node[]) {
    this.#nodes = nodes;
    this.#users = users;
    this.#fixed = new Set(outputs); // where these lie is agreed with the caller
  }

  from(layers: readonly Node[]): Layout {
    for (const layer of layers) this.#add(layer);
    for (let before = 0; before < this.#innermost.size; ) {
      before = this.#innermost.size;
      for (const node of this.#nodes) if (this.#follows(node)) this.#add(node);
      for (const node of [...this.#nodes].reverse()) if (this.#leads(node)) this.#add(node);
    }
    return { innermost: this.#innermost, copied: this.#copied() };
  }

  #add(node: Node): void {
    if (!this.#fixed.has(node)) this.#innermost.add(node);
  }

  /** Whether the node computes image by image what lies so. */
  #follows(node: Node): boolean {
    const { kind } = loweringOf(node);
    if (kind !== "map" && kind !== "reduce") return false;
    if (kind === "reduce" && (node.attrs.axes as readonly number[]).includes(0)) return false;
    return node.inputs.some((x) => this.#innermost.has(baseOf(x)) && imagesAxis(x) === 0);
  }

  /** Whether something that computes image by image, with the images innermost, reads the node. */
  #leads(node: Node): boolean {
    const { kind } = loweringOf(node);
    const isProduct = kind === "fused" && !convolving(node);
    return (kind === "map" || isProduct) && this.#isRead(node);
  }

  #isRead(x: Node): boolean {
    if (imagesAxis(x) !== 0) return false;
    return this.#users.get(x)!.some((user) => {
      const { kind } = loweringOf(user);
      if (kind === "view") return this.#isRead(user);
      return kind === "map" ? this.#innermost.has(user) : isLayer(user) && user.inputs[0] === x;
    });
  }

  /** What gradients of weights read beside values that have their images innermost. */
  #copied(): Set<Node> {
    const copied = new Set<Node>();
    for (const node of this.#nodes) {
      const images = convolving(node);
      if (!images || !node.inputs.every((x) => imagesAxis(x) === images.sum)) continue;
      const bases = node.inputs.map(baseOf);
      const others = bases.filter((x) => !this.#innermost.has(x));
      if (others.length === 1) copied.add(others[0]!);
    }
    return copied;
  }
}
