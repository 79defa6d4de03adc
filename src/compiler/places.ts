/** Where the parts of assembled values lie: in the whole from the start, wherever that can be. */
import { type Shape, stridesOf } from "../base/index.ts";
import type { Node, Strided } from "../graph/index.ts";
import { keepsOrder, type Lowering, loweringOf, reshapeView } from "../ops/index.ts";
import type { Fusion } from "./fuse.ts";
import { Buffer, type Location } from "./kernel.ts";
import { innermostStrides } from "./layout.ts";

type Place = Extract<Lowering, { kind: "place" }>;

/** Rows at least this long are read and written where they are; shorter ones are first copied together. */
const leastRow = 64;

/** The whole of a buffer, in order. */
export const dense = (buffer: Buffer, shape: Shape): Location => ({
  buffer,
  offset: 0,
  strides: stridesOf(shape),
});

/** The whole of a buffer, with the first axis innermost. */
export const imagesInnermost = (buffer: Buffer, shape: Shape): Location => ({
  buffer,
  offset: 0,
  strides: innermostStrides(shape),
});

/** Whether a kernel stores the node. */
export const isComputed = (node: Node): boolean => {
  const { kind } = loweringOf(node);
  return kind !== "leaf" && kind !== "view" && kind !== "constant" && kind !== "index";
};

/** Where each computed node is written, once that is decided, and where inputs lie. */
export class Stores {
  readonly #innermost: ReadonlySet<Node>;
  readonly #stores = new Map<Node, Location>();
  readonly #parts = new Map<Node, readonly Location[]>();
  readonly #places = new Map<Node, Map<Node, Location[]>>();

  /** @param innermost nodes whose first axis is to be innermost */
  constructor(innermost: ReadonlySet<Node>) {
    this.#innermost = innermost;
  }

  get(node: Node): Location | undefined {
    return this.#stores.get(node);
  }

  set(node: Node, location: Location): void {
    this.#stores.set(node, location);
  }

  /** The node's place; memory of its own if it has none yet. */
  of(node: Node): Location {
    const known = this.#stores.get(node);
    if (known) return known;
    const order = this.#innermost.has(node) ? imagesInnermost : dense;
    const store = order(new Buffer(node.dtype, node.size), node.shape);
    this.#stores.set(node, store);
    return store;
  }

  /** Where the inputs of an assembled value belong. */
  partsOf(node: Node): readonly Location[] {
    const known = this.#parts.get(node);
    if (known) return known;
    const { buffer, ...whole } = this.of(node);
    const parts = (loweringOf(node) as Place).parts(node, whole).map((x) => ({ buffer, ...x }));
    this.#parts.set(node, parts);
    return parts;
  }

  /**
   * Lets kernels write parts where they belong, if their whole has no gaps. A part of several wholes
   * is written to one, with the longest rows, then to the largest. The users of a node come after it,
   * so the last nodes decide first.
   */
  claimParts({ nodes, users }: Fusion, wanted: ReadonlySet<Node>): void {
    for (const node of [...nodes].reverse()) {
      if (this.#stores.has(node) || !isComputed(node)) continue;
      const row = (place: Location) => rowOf(place, node.shape);
      const alone = () => isOnlyAssembled(node, users, wanted);
      const [place] = this.#placesFor(node, users)
        .filter((x) => suits(node, row(x), alone))
        .sort((a, b) => row(b) - row(a) || b.buffer.size - a.buffer.size);
      if (!place) continue;
      const buffer = new Buffer(node.dtype, node.size, { within: place.buffer });
      this.#stores.set(node, { ...place, buffer });
    }
  }

  /** Where a whole wants the node: each of its inputs asks, so they are listed once. */
  #placesIn(whole: Node, node: Node): readonly Location[] {
    let places = this.#places.get(whole);
    if (!places) {
      places = new Map();
      for (const [i, place] of this.partsOf(whole).entries()) {
        const input = whole.inputs[i]!;
        const others = places.get(input);
        if (others) others.push(place);
        else places.set(input, [place]);
      }
      this.#places.set(whole, places);
    }
    return places.get(node)!;
  }

  /** Where wholes want the node, as it is or reshaped. */
  #placesFor(node: Node, users: Fusion["users"]): Location[] {
    return users.get(node)!.flatMap((user) => {
      if (isWhole(user)) return this.#placesIn(user, node);
      if (!keepsOrder(user)) return [];
      return this.#placesFor(user, users).flatMap(({ buffer, ...place }) => {
        const view = reshapeView(place, user.shape, node.shape);
        return view ? [{ buffer, ...view }] : [];
      });
    });
  }
}

/** Whether the node's kernel can write rows of this length, and all who read it find them long enough. */
function suits(node: Node, row: number, isOnlyAssembled: () => boolean): boolean {
  if (row === node.size) return true;
  return loweringOf(node).kind !== "kernel" && (row >= leastRow || isOnlyAssembled());
}

function isOnlyAssembled(node: Node, users: Fusion["users"], wanted: ReadonlySet<Node>): boolean {
  const isPart = (user: Node) =>
    isWhole(user) || (keepsOrder(user) && isOnlyAssembled(user, users, wanted));
  return !wanted.has(node) && users.get(node)!.every(isPart);
}

const wholes = new WeakMap<Node, boolean>();
/** Whether parts make up all of the node. Each part asks. */
function isWhole(node: Node): boolean {
  const lower = loweringOf(node);
  if (lower.kind !== "place") return false;
  const known = wholes.get(node) ?? lower.fill(node) === null;
  wholes.set(node, known);
  return known;
}

/** Elements that lie one after another along the last axes. */
function rowOf({ strides }: Strided, shape: Shape): number {
  let row = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== row) break;
    row *= shape[axis]!;
  }
  return row;
}

export const isSamePlace = (a: Location, b: Location, shape: Shape): boolean =>
  a.buffer.root === b.buffer.root &&
  a.offset === b.offset &&
  shape.every((size, axis) => size === 1 || a.strides[axis] === b.strides[axis]);

/**
 * The view that shows an assembled value whose parts already lie evenly, each `at` its place in other
 * memory, if they do: of two wholes with the same parts, one needs no copies.
 */
export function showing(node: Node, at: readonly Location[]): Strided | undefined {
  const { parts } = loweringOf(node) as Place;
  const { inputs, shape } = node;
  const [first] = at;
  if (!isWhole(node) || node.size === 0 || !first) return undefined;
  // starts[axis][i]: where part i begins along the axis
  const starts = shape.map((_, axis) =>
    parts(node, { offset: 0, strides: shape.map((_, i) => Number(i === axis)) }).map(
      ({ offset }) => offset,
    ),
  );
  const strides = shape.map((_, axis) => {
    const long = inputs.findIndex((x) => x.shape[axis]! > 1);
    if (long >= 0) return at[long]!.strides[axis]!;
    // from the first part to one that is elsewhere along this axis alone
    const next = at.findIndex((_, i) =>
      starts.every((from, other) => (from[i] !== from[0]) === (other === axis)),
    );
    const steps = next < 0 ? 1 : starts[axis]![next]! - starts[axis]![0]!;
    return next < 0 ? 0 : (at[next]!.offset - first.offset) / steps;
  });
  const start = parts(node, { offset: 0, strides })[0]!.offset;
  const whole = { offset: first.offset - start, strides };
  const { buffer } = first;
  const even = parts(node, whole).every((part, i) =>
    isSamePlace({ buffer, ...part }, at[i]!, inputs[i]!.shape),
  );
  return even ? whole : undefined;
}
