import { invariant, type Shape, stridesOf } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { type Lowering, loweringOf, reshapeView } from "../ops/index.ts";
import type { Epilogue, View } from "../runtime/program.ts";
import { ExpressionBuilder } from "./expression.ts";
import type { Fusion } from "./fuse.ts";
import { Buffer, type Kernel, type Location, type Read } from "./kernel.ts";

type ViewOf = (location: Location) => View;
const none: ReadonlySet<Node> = new Set();

/** Rows at least this long are read and written where they are; shorter ones are first copied together. */
const leastRow = 128;

/**
 * Turns a fused graph into kernels over buffers: decides which nodes are stored, lays views over
 * buffers, and leaves one kernel per instruction (with its fills and copies). The kernels come in a
 * valid order.
 */
export function lower(inputs: readonly Node[], outputs: readonly Node[], fusion: Fusion) {
  return new Lowerer(inputs, outputs, fusion).run();
}

class Lowerer {
  readonly #given: ReadonlySet<Node>;
  readonly #outputs: readonly Node[];
  readonly #fusion: Fusion;
  readonly #inputSlots: Buffer[];
  readonly #outputSlots: Buffer[];
  /** Where computed nodes are written, once it is decided, and inputs lie. */
  readonly #stores = new Map<Node, Location>();
  readonly #parts = new Map<Node, readonly Location[]>();
  readonly #locations = new Map<Node, Location>();
  readonly #kernels: Kernel[] = [];
  /** What adds the kernel of each stored node, once; whoever needs the node first calls it. */
  readonly #makers = new Map<Node, () => void>();
  readonly #wanted: ReadonlySet<Node>;

  constructor(inputs: readonly Node[], outputs: readonly Node[], fusion: Fusion) {
    this.#given = new Set(inputs);
    this.#outputs = outputs;
    this.#fusion = fusion;
    this.#wanted = new Set(outputs);
    this.#inputSlots = inputs.map((x, slot) => new Buffer(x.dtype, x.size, { slot }));
    this.#outputSlots = outputs.map(
      (y, j) => new Buffer(y.dtype, y.size, { slot: inputs.length + j }),
    );
    inputs.forEach((x, i) => {
      this.#stores.set(x, dense(this.#inputSlots[i]!, x.shape));
    });
  }

  run(): { kernels: Kernel[]; slots: Buffer[] } {
    this.#claimSlots();
    this.#claimPlaces();
    for (const makeUnit of this.#planUnits()) makeUnit();
    this.#outputs.forEach((node, j) => {
      const slot = this.#outputSlots[j]!;
      if (this.#stores.get(node)?.buffer !== slot) this.#copyInto(node, slot);
    });
    return { kernels: this.#kernels, slots: [...this.#inputSlots, ...this.#outputSlots] };
  }

  /** A computed output is written straight into its slot. */
  #claimSlots(): void {
    this.#outputs.forEach((node, j) => {
      if (this.#stores.has(node) || !isComputed(node)) return;
      this.#stores.set(node, dense(this.#outputSlots[j]!, node.shape));
    });
  }

  /**
   * What is assembled from parts without gaps is written part by part, by the kernels that compute
   * them. The users of a node come after it, so the last nodes decide first.
   */
  #claimPlaces(): void {
    for (const node of [...this.#fusion.nodes].reverse()) {
      if (this.#stores.has(node) || !isComputed(node)) continue;
      const places = this.#placesFor(node).filter((place) => this.#suits(node, place));
      const [place] = places.sort((a, b) => rowOf(b, node.shape) - rowOf(a, node.shape));
      if (!place) continue;
      const buffer = new Buffer(node.dtype, node.size, { within: place.buffer });
      this.#stores.set(node, { ...place, buffer });
    }
  }

  /** Where assembled values want the node, as it is or reshaped. */
  #placesFor(node: Node): Location[] {
    return this.#fusion.users.get(node)!.flatMap((user) => {
      if (isWhole(user)) return this.#partsOf(user).filter((_, i) => user.inputs[i] === node);
      if (!isReshape(user)) return [];
      return this.#placesFor(user).flatMap(({ buffer, ...place }) => {
        const view = reshapeView(place, user.shape, node.shape);
        return view ? [{ buffer, ...view }] : [];
      });
    });
  }

  /** Where the inputs of an assembled value belong. */
  #partsOf(node: Node): readonly Location[] {
    const known = this.#parts.get(node);
    if (known) return known;
    const lower = loweringOf(node) as Extract<Lowering, { kind: "place" }>;
    const { buffer, ...whole } = this.#allocate(node);
    const parts = lower.parts(node, whole).map((part) => ({ buffer, ...part }));
    this.#parts.set(node, parts);
    return parts;
  }

  /** Whether the node's kernel can write there, and whoever else reads it finds rows that are long enough. */
  #suits(node: Node, place: Location): boolean {
    const row = rowOf(place, node.shape);
    if (row === node.size) return true;
    return loweringOf(node).kind !== "kernel" && (row >= leastRow || this.#isOnlyAssembled(node));
  }

  #isOnlyAssembled(node: Node): boolean {
    if (this.#wanted.has(node)) return false;
    const users = this.#fusion.users.get(node)!;
    return users.every((user) => isWhole(user) || (isReshape(user) && this.#isOnlyAssembled(user)));
  }

  /** The kernels to be, in the order of their last nodes. */
  #planUnits(): (() => void)[] {
    const { nodes, groups, after, before } = this.#fusion;
    const units: { last: number; make: () => void }[] = [];
    const unit = (members: readonly Node[], build: () => void) => {
      let done = false;
      const make = () => {
        if (!done) {
          done = true;
          build();
        }
      };
      for (const node of members) this.#makers.set(node, make);
      units.push({ last: members.at(-1)!.id, make });
    };
    const inlined = new Set([...before.values()].flatMap((set) => [...set]));
    for (const { members, shape } of groups) unit(members, () => this.#mapKernel(members, shape));
    for (const [host, { members }] of after)
      unit([host, ...members], () => this.#hostKernel(host, members));
    for (const node of nodes) {
      if (this.#makers.has(node) || this.#given.has(node) || inlined.has(node)) continue;
      const { kind } = loweringOf(node);
      if (kind === "fused" || kind === "reduce") unit([node], () => this.#hostKernel(node, []));
      else if (kind === "kernel") unit([node], () => this.#plainKernel(node));
      else if (kind === "place") unit([node], () => this.#placeKernel(node));
    }
    return units.sort((a, b) => a.last - b.last).map(({ make }) => make);
  }

  /** Where a value can be read. Constants and indices get memory of their own when they must. */
  #locate(node: Node): Location {
    const known = this.#locations.get(node);
    if (known) return known;
    const location = this.#findLocation(node);
    this.#locations.set(node, location);
    return location;
  }

  #findLocation(node: Node): Location {
    this.#makers.get(node)?.();
    const stored = this.#stores.get(node);
    if (stored) return stored;
    const lower = loweringOf(node);
    if (lower.kind === "view") {
      const source = node.inputs[0]!;
      const from = this.#locate(source);
      const view = lower.view(from, node);
      if (view) return { buffer: from.buffer, ...view };
      // no strides show it: a copy in order does, under any shape
      const copy = new Buffer(node.dtype, node.size);
      this.#copy(from, source.shape, dense(copy, source.shape));
      return dense(copy, node.shape);
    }
    const isFree = lower.kind === "constant" || lower.kind === "index";
    invariant(isFree, `${node.op.name} is read but nothing stores it`);
    this.#mapKernel([], node.shape, [node]);
    return this.#allocate(node);
  }

  /** Nodes of a kernel that somebody outside of it reads. */
  #stored(members: readonly Node[], inside: ReadonlySet<Node>): Node[] {
    return members.filter(
      (n) => this.#wanted.has(n) || this.#fusion.users.get(n)!.some((user) => !inside.has(user)),
    );
  }

  #allocate(node: Node): Location {
    const known = this.#stores.get(node);
    if (known) return known;
    const store = dense(new Buffer(node.dtype, node.size), node.shape);
    this.#stores.set(node, store);
    return store;
  }

  #mapKernel(members: readonly Node[], shape: Shape, stores?: readonly Node[]): void {
    const inside = new Set(members);
    const results = stores ?? this.#stored(members, inside);
    const builder = new ExpressionBuilder({ inside, locate: (x) => this.#locate(x) });
    const expression = builder.expression(results);
    const writes = results.map((node) => this.#allocate(node));
    this.#add({
      name: "map",
      reads: builder.loads.map((location) => ({ location, inStep: shape })),
      writes: writes.map((location) => ({ location, shape })),
      emit: (view) => [
        {
          kind: "map",
          shape,
          inputs: builder.loads.map(view),
          outputs: writes.map(view),
          expression,
        },
      ],
    });
  }

  /** A reduction, product or convolution, with the group that is computed on its results. */
  #hostKernel(host: Node, group: readonly Node[]): void {
    const inside = new Set(group);
    const stored = this.#stored([host, ...group], inside);
    const builder = new ExpressionBuilder({
      inside,
      locate: (x) => this.#locate(x),
      result: host,
    });
    const expression = builder.expression(stored);
    const core = loweringOf(host).kind === "reduce" ? this.#reduce(host) : this.#product(host);
    const writes = stored.map((node) => this.#allocate(node));
    this.#add({
      name: host.op.name,
      reads: [
        ...core.reads,
        ...builder.loads.map((location): Read => ({ location, inStep: host.shape })),
      ],
      writes: writes.map((location) => ({ location, shape: host.shape })),
      emit: (view) => [
        core.emit(view, {
          inputs: builder.loads.map(view),
          outputs: writes.map(view),
          expression,
        }),
      ],
    });
  }

  #reduce(host: Node) {
    const lower = loweringOf(host) as Extract<Lowering, { kind: "reduce" }>;
    const source = host.inputs[0]!;
    const axes = host.attrs.axes as readonly number[];
    const order = [...source.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
    const builder = new ExpressionBuilder({
      inside: this.#fusion.before.get(host) ?? none,
      locate: (x) => this.#locate(x),
      axis: (axis) => order.indexOf(axis),
    });
    const before = builder.expression([source]);
    const loads = builder.loads.map((location) => ({
      ...location,
      strides: order.map((axis) => location.strides[axis]!),
    }));
    const shape = order.map((axis) => source.shape[axis]!);
    return {
      reads: loads.map((location): Read => ({ location, inStep: null })),
      emit: (view: ViewOf, epilogue: Epilogue) => ({
        kind: "reduce" as const,
        shape,
        kept: host.shape.length,
        reducer: lower.reducer,
        inputs: loads.map(view),
        before,
        epilogue,
      }),
    };
  }

  #product(host: Node) {
    const lower = loweringOf(host) as Extract<Lowering, { kind: "fused" }>;
    const sources = host.inputs.map((x) => this.#locate(x));
    return {
      reads: sources.map((location): Read => ({ location, inStep: null })),
      emit: (view: ViewOf, epilogue: Epilogue) => lower.emit(host, sources.map(view), epilogue),
    };
  }

  #plainKernel(node: Node): void {
    const lower = loweringOf(node) as Extract<Lowering, { kind: "kernel" }>;
    const sources = node.inputs.map((x) => this.#locate(x));
    const target = this.#allocate(node);
    this.#add({
      name: node.op.name,
      reads: sources.map((location) => ({ location, inStep: null })),
      writes: [{ location: target, shape: node.shape }],
      emit: (view) => [lower.emit(node, sources.map(view), view(target))],
    });
  }

  /** A fill, then a copy of each input that was not computed at its place. */
  #placeKernel(node: Node): void {
    const lower = loweringOf(node) as Extract<Lowering, { kind: "place" }>;
    const sources = node.inputs.map((x) => this.#locate(x));
    const target = this.#allocate(node);
    const value = lower.fill(node);
    const places = this.#partsOf(node);
    const { dtype } = node;
    this.#add({
      name: node.op.name,
      reads: sources.map((location) => ({ location, inStep: null })),
      writes: [{ location: target, shape: node.shape }],
      emit: (view) => [
        ...(value === null
          ? []
          : [
              {
                kind: "map" as const,
                shape: node.shape,
                inputs: [],
                outputs: [view(target)],
                expression: { values: [{ kind: "constant" as const, dtype, value }], results: [0] },
              },
            ]),
        ...node.inputs.flatMap(({ shape }, i) =>
          isSamePlace(sources[i]!, places[i]!, shape)
            ? []
            : [copyInstruction(view(sources[i]!), view(places[i]!), shape)],
        ),
      ],
    });
  }

  #copyInto(node: Node, slot: Buffer): void {
    const { kind } = loweringOf(node);
    if (kind === "constant" || kind === "index") {
      const builder = new ExpressionBuilder({ inside: none, locate: (x) => this.#locate(x) });
      const expression = builder.expression([node]);
      const target = dense(slot, node.shape);
      this.#add({
        name: "fill",
        reads: [],
        writes: [{ location: target, shape: node.shape }],
        emit: (view) => [
          { kind: "map", shape: node.shape, inputs: [], outputs: [view(target)], expression },
        ],
      });
    } else this.#copy(this.#locate(node), node.shape, dense(slot, node.shape));
  }

  #copy(from: Location, shape: Shape, to: Location): void {
    this.#add({
      name: "copy",
      reads: [{ location: from, inStep: shape }],
      writes: [{ location: to, shape }],
      emit: (view) => [copyInstruction(view(from), view(to), shape)],
    });
  }

  #add(kernel: Kernel): void {
    this.#kernels.push(kernel);
  }
}

const dense = (buffer: Buffer, shape: Shape): Location => ({
  buffer,
  offset: 0,
  strides: stridesOf(shape),
});

const isComputed = (node: Node): boolean => {
  const { kind } = loweringOf(node);
  return kind !== "leaf" && kind !== "view" && kind !== "constant" && kind !== "index";
};

/** Elements that lie one after another along the last axes. */
function rowOf({ strides }: Location, shape: Shape): number {
  let row = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== row) break;
    row *= shape[axis]!;
  }
  return row;
}

const isSamePlace = (a: Location, b: Location, shape: Shape): boolean =>
  a.buffer.root === b.buffer.root &&
  a.offset === b.offset &&
  shape.every((size, axis) => size === 1 || a.strides[axis] === b.strides[axis]);

/** Whether parts fill the whole node. */
const isWhole = (node: Node): boolean => {
  const lower = loweringOf(node);
  return lower.kind === "place" && lower.fill(node) === null;
};

const isReshape = (node: Node): boolean => {
  const lower = loweringOf(node);
  return lower.kind === "view" && lower.keepsOrder === true;
};

const copyInstruction = (from: View, to: View, shape: Shape) => ({
  kind: "map" as const,
  shape,
  inputs: [from],
  outputs: [to],
  expression: {
    values: [{ kind: "input" as const, dtype: from.dtype, input: 0 }],
    results: [0],
  },
});
