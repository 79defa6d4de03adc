/**
 * Buffer assignment: where values are stored. Inputs of a concatenation get sub-buffers of it from
 * the start wherever possible.
 */
import { type Shape, stridesOf } from "../base/index.ts";
import type { Node, Strided } from "../graph/index.ts";
import { keepsOrder, type Lowering, loweringOf, reshapeView } from "../ops/index.ts";
import type { Fusion } from "./fuse.ts";
import { Buffer, type Location } from "./kernel.ts";
import { batchInnermostStrides } from "./layout.ts";

type Assemble = Extract<Lowering, { kind: "assemble" }>;

/**
 * Rows at least this long are read and written in a sub-buffer; shorter ones are concatenated by a
 * copy.
 */
const leastRow = 64;

/** A whole buffer, row-major. */
export const dense = (buffer: Buffer, shape: Shape): Location => ({
  buffer,
  offset: 0,
  strides: stridesOf(shape),
});

/** A whole buffer, with the first axis innermost. */
export const batchInnermost = (buffer: Buffer, shape: Shape): Location => ({
  buffer,
  offset: 0,
  strides: batchInnermostStrides(shape),
});

/** Whether a kernel stores the node. */
export const isComputed = (node: Node): boolean => {
  const { kind } = loweringOf(node);
  return kind !== "leaf" && kind !== "view" && kind !== "constant" && kind !== "index";
};

/** Where each computed node is written, once that is decided, and where inputs lie. */
export class BufferAssignment {
  readonly #batchInnermost: ReadonlySet<Node>;
  readonly #locations = new Map<Node, Location>();
  readonly #slices = new Map<Node, readonly Location[]>();
  /** By concatenated node and input: the slices where the input belongs, possibly several. */
  readonly #targets = new Map<Node, Map<Node, Location[]>>();

  constructor(batchInnermost: ReadonlySet<Node>) {
    this.#batchInnermost = batchInnermost;
  }

  get(node: Node): Location | undefined {
    return this.#locations.get(node);
  }

  set(node: Node, location: Location): void {
    this.#locations.set(node, location);
  }

  /** The node's location; a buffer of its own if it has none yet. */
  of(node: Node): Location {
    const known = this.#locations.get(node);
    if (known) return known;
    const order = this.#batchInnermost.has(node) ? batchInnermost : dense;
    const location = order(new Buffer(node.dtype, node.size), node.shape);
    this.#locations.set(node, location);
    return location;
  }

  /** Where the inputs of a concatenated node belong. */
  slicesOf(node: Node): readonly Location[] {
    const known = this.#slices.get(node);
    if (known) return known;
    const { buffer, ...whole } = this.of(node);
    const slices = (loweringOf(node) as Assemble)
      .slices(node, whole)
      .map((x) => ({ buffer, ...x }));
    this.#slices.set(node, slices);
    return slices;
  }

  /**
   * Gives inputs of concatenated nodes sub-buffers, so that their kernels write straight into the
   * result. An input of several such nodes goes to the one with the longest rows, then to the
   * largest. The users of a node come after it, so the last nodes decide first.
   */
  assignSubBuffers({ nodes, users }: Fusion, outputs: ReadonlySet<Node>): void {
    for (const node of [...nodes].reverse()) {
      if (this.#locations.has(node) || !isComputed(node)) continue;
      const row = (target: Location) => rowOf(target, node.shape);
      const alone = () => isOnlyAssembled(node, users, outputs);
      const [target] = this.#targetsFor(node, users)
        .filter((x) => suits(node, row(x), alone))
        .sort((a, b) => row(b) - row(a) || b.buffer.size - a.buffer.size);
      if (!target) continue;
      const buffer = new Buffer(node.dtype, node.size, { parent: target.buffer });
      this.#locations.set(node, { ...target, buffer });
    }
  }

  /** Where a concatenated node needs its input `node`. Listed once, because each input asks. */
  #targetsIn(assembled: Node, node: Node): readonly Location[] {
    let targets = this.#targets.get(assembled);
    if (!targets) {
      targets = new Map();
      for (const [i, slice] of this.slicesOf(assembled).entries()) {
        const input = assembled.inputs[i]!;
        const others = targets.get(input);
        if (others) others.push(slice);
        else targets.set(input, [slice]);
      }
      this.#targets.set(assembled, targets);
    }
    return targets.get(node)!;
  }

  /** Where concatenated nodes need this node, directly or reshaped. */
  #targetsFor(node: Node, users: Fusion["users"]): Location[] {
    return users.get(node)!.flatMap((user) => {
      if (isAssembled(user)) return this.#targetsIn(user, node);
      if (!keepsOrder(user)) return [];
      return this.#targetsFor(user, users).flatMap(({ buffer, ...target }) => {
        const view = reshapeView(target, user.shape, node.shape);
        return view ? [{ buffer, ...view }] : [];
      });
    });
  }
}

/** Whether the node's kernel can write rows of this length and all readers accept them. */
function suits(node: Node, row: number, isOnlyAssembled: () => boolean): boolean {
  if (row === node.size) return true;
  return loweringOf(node).kind !== "kernel" && (row >= leastRow || isOnlyAssembled());
}

function isOnlyAssembled(node: Node, users: Fusion["users"], outputs: ReadonlySet<Node>): boolean {
  const isPart = (user: Node) =>
    isAssembled(user) || (keepsOrder(user) && isOnlyAssembled(user, users, outputs));
  return !outputs.has(node) && users.get(node)!.every(isPart);
}

const assembled = new WeakMap<Node, boolean>();
/** Whether the inputs fill the whole node. Computed once, because each input asks. */
function isAssembled(node: Node): boolean {
  const lower = loweringOf(node);
  if (lower.kind !== "assemble") return false;
  const known = assembled.get(node) ?? lower.fill(node) === null;
  assembled.set(node, known);
  return known;
}

/** Elements that are contiguous along the last axes. */
function rowOf({ strides }: Strided, shape: Shape): number {
  let row = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== row) break;
    row *= shape[axis]!;
  }
  return row;
}

export const isSameLocation = (a: Location, b: Location, shape: Shape): boolean =>
  a.buffer.root === b.buffer.root &&
  a.offset === b.offset &&
  shape.every((size, axis) => size === 1 || a.strides[axis] === b.strides[axis]);

/**
 * A concatenated node as a view of other memory, if its inputs are already stored there (`at`) in
 * the same order at even distances: the second of two concatenations of the same inputs needs no
 * copies.
 */
export function viewOfInputs(node: Node, at: readonly Location[]): Strided | undefined {
  const { slices } = loweringOf(node) as Assemble;
  const { inputs, shape } = node;
  const [first] = at;
  if (!isAssembled(node) || node.size === 0 || !first) return undefined;
  // starts[axis][i]: where input i begins along the axis
  const starts = shape.map((_, axis) =>
    slices(node, { offset: 0, strides: shape.map((_, i) => Number(i === axis)) }).map(
      ({ offset }) => offset,
    ),
  );
  const strides = shape.map((_, axis) => {
    const long = inputs.findIndex((x) => x.shape[axis]! > 1);
    if (long >= 0) return at[long]!.strides[axis]!;
    // from the first input to one that differs along this axis alone
    const next = at.findIndex((_, i) =>
      starts.every((from, other) => (from[i] !== from[0]) === (other === axis)),
    );
    const steps = next < 0 ? 1 : starts[axis]![next]! - starts[axis]![0]!;
    return next < 0 ? 0 : (at[next]!.offset - first.offset) / steps;
  });
  const start = slices(node, { offset: 0, strides })[0]!.offset;
  const whole = { offset: first.offset - start, strides };
  const { buffer } = first;
  const even = slices(node, whole).every((slice, i) =>
    isSameLocation({ buffer, ...slice }, at[i]!, inputs[i]!.shape),
  );
  return even ? whole : undefined;
}
