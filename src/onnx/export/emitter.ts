/** Values of the graph as values of the file. */
import type { Node } from "../../graph/index.ts";
import type { GraphBuilder } from "./builder.ts";
import { type Recorded, type Size, sameSize } from "./recording.ts";

/** A value of the file that broadcasts to the value of a node. */
export interface Ref {
  readonly name: string;
  readonly sizes: readonly Size[];
}

/** Emits nodes; each remembers the value that it became. */
export class Emitter {
  readonly b: GraphBuilder;
  readonly recorded: Recorded;
  readonly #refs = new Map<Node, Ref>();

  constructor(builder: GraphBuilder, recorded: Recorded) {
    this.b = builder;
    this.recorded = recorded;
  }

  set(node: Node, ref: Ref): void {
    this.#refs.set(node, ref);
  }
  has(node: Node): boolean {
    return this.#refs.has(node);
  }
  sizes(node: Node): readonly Size[] {
    return this.recorded.sizes.get(node)!;
  }
  /** The value as it is: it may lack axes, or have 1 where the node is wider. */
  ref(node: Node): Ref {
    return this.#refs.get(node)!;
  }
  /** The name of the value in the whole shape of the node. */
  full(node: Node): string {
    const ref = this.ref(node);
    const sizes = this.sizes(node);
    if (sameSizes(ref.sizes, sizes)) return ref.name;
    const name = this.b.node("Expand", [ref.name, this.b.sizes(sizes)]);
    this.set(node, { name, sizes });
    return name;
  }

  /** A value under another shape; shapes in between are left out. */
  reshaped(name: string, sizes: readonly Size[], from: readonly Size[]): string {
    const before = this.b.maker(name, "Reshape");
    const source = before ? before.input[0]! : name;
    const origin = this.#shapes.get(source) ?? (before ? null : from);
    if (origin && sameSizes(origin, sizes)) return source;
    if (origin) this.#shapes.set(source, origin);
    const open = sizes.filter(({ a }) => a !== 0).length;
    // one size that follows the batch is what is left; no other may be 0 then
    const isSimple = open <= 1 && sizes.every(({ a, b }) => a !== 0 || b > 0);
    const shape = isSimple
      ? this.b.ints(sizes.map(({ a, b }) => (a === 0 ? b : -1)))
      : this.b.sizes(sizes);
    const y = this.b.node("Reshape", [source, shape], isSimple ? {} : { allowzero: 1 });
    this.#shapes.set(y, sizes);
    return y;
  }
  readonly #shapes = new Map<string, readonly Size[]>();

  transposed(name: string, perm: readonly number[]): string {
    const before = this.b.maker(name, "Transpose");
    const inner = before?.attribute[0]?.ints.map(Number);
    const order = inner ? perm.map((axis) => inner[axis]!) : perm;
    const source = before ? before.input[0]! : name;
    return order.every((axis, i) => axis === i)
      ? source
      : this.b.node("Transpose", [source], { perm: order });
  }

  flipped(name: string, axes: readonly number[]): string {
    const key = `${axes}`;
    const before = this.#flips.get(name);
    if (before?.axes === key) return before.source;
    const all = (n: number) => axes.map(() => n);
    const bounds = [all(-1), all(-(2 ** 31)), axes, all(-1)].map((list) => this.b.ints(list));
    const y = this.b.node("Slice", [name, ...bounds]);
    this.#flips.set(y, { source: name, axes: key });
    return y;
  }
  readonly #flips = new Map<string, { source: string; axes: string }>();
}

export const sameSizes = (x: readonly Size[], y: readonly Size[]): boolean =>
  x.length === y.length && x.every((size, i) => sameSize(size, y[i]!));
