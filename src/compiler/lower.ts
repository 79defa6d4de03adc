import { invariant, type Shape } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { type After, type Lowering, loweringOf } from "../ops/index.ts";
import type { View } from "../runtime/program.ts";
import { activationOf } from "./activation.ts";
import {
  BufferAssignment,
  batchInnermost,
  dense,
  isComputed,
  isSameLocation,
  viewOfInputs,
} from "./buffer-assignment.ts";
import { ExpressionBuilder } from "./expression.ts";
import type { Fusion } from "./fuse.ts";
import { Buffer, type Kernel, type Location, type Read } from "./kernel.ts";
import type { Layout } from "./layout.ts";
import { Summations } from "./summation.ts";

type ViewOf = (location: Location) => View;
const none: ReadonlySet<Node> = new Set();

/**
 * Turns a fused graph into kernels over buffers: decides which nodes are stored, lays views over
 * buffers, and creates one kernel per instruction (with its fills and copies). The kernels come in
 * a valid order.
 */
export function lower(
  inputs: readonly Node[],
  outputs: readonly Node[],
  fusion: Fusion,
  layout: Layout,
) {
  return new Lowerer(inputs, outputs, fusion, layout).run();
}

class Lowerer {
  readonly #isInput: ReadonlySet<Node>;
  readonly #outputs: readonly Node[];
  readonly #fusion: Fusion;
  readonly #inputSlots: Buffer[];
  readonly #outputSlots: Buffer[];
  readonly #layout: Layout;
  readonly #buffers: BufferAssignment;
  readonly #summations: Summations;
  readonly #locations = new Map<Node, Location>();
  readonly #stretched = new Map<Node, Location>();
  readonly #kernels: Kernel[] = [];
  /** Adds the kernel of each stored node, once; called by whichever node needs it first. */
  readonly #makers = new Map<Node, () => void>();
  readonly #isOutput: ReadonlySet<Node>;

  constructor(inputs: readonly Node[], outputs: readonly Node[], fusion: Fusion, layout: Layout) {
    this.#layout = layout;
    this.#buffers = new BufferAssignment(layout.batchInnermost);
    this.#summations = new Summations(layout);
    this.#isInput = new Set(inputs);
    this.#outputs = outputs;
    this.#fusion = fusion;
    this.#isOutput = new Set(outputs);
    this.#inputSlots = inputs.map((x, slot) => new Buffer(x.dtype, x.size, { slot }));
    this.#outputSlots = outputs.map(
      (y, j) => new Buffer(y.dtype, y.size, { slot: inputs.length + j }),
    );
    inputs.forEach((x, i) => {
      this.#buffers.set(x, dense(this.#inputSlots[i]!, x.shape));
    });
  }

  run(): { kernels: Kernel[]; slots: Buffer[] } {
    this.#claimSlots();
    this.#buffers.assignSubBuffers(this.#fusion, this.#isOutput);
    for (const makeUnit of this.#planUnits()) makeUnit();
    this.#outputs.forEach((node, j) => {
      const slot = this.#outputSlots[j]!;
      if (this.#buffers.get(node)?.buffer !== slot) this.#copyInto(node, slot);
    });
    return { kernels: this.#kernels, slots: [...this.#inputSlots, ...this.#outputSlots] };
  }

  /** A computed output is written straight into its slot. */
  #claimSlots(): void {
    this.#outputs.forEach((node, j) => {
      if (this.#buffers.get(node) || !isComputed(node)) return;
      this.#buffers.set(node, dense(this.#outputSlots[j]!, node.shape));
    });
  }

  /** The kernels to emit, in the order of their last nodes. */
  #planUnits(): (() => void)[] {
    const { nodes, groups, epilogues, prologues } = this.#fusion;
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
    const inlined = new Set([...prologues.values()].flatMap((set) => [...set]));
    for (const { members, shape } of groups) unit(members, () => this.#mapKernel(members, shape));
    for (const [root, { members }] of epilogues)
      unit([root, ...members], () => this.#rootKernel(root, members));
    for (const node of nodes) {
      if (this.#makers.has(node) || this.#isInput.has(node) || inlined.has(node)) continue;
      const { kind } = loweringOf(node);
      if (kind === "fused" || kind === "reduce") unit([node], () => this.#rootKernel(node, []));
      else if (kind === "kernel") unit([node], () => this.#plainKernel(node));
      else if (kind === "assemble") unit([node], () => this.#assembleKernel(node));
    }
    return units.sort((a, b) => a.last - b.last).map(({ make }) => make);
  }

  /** Where a value can be read. Constants and indices are stored only when they must be. */
  #locate(node: Node): Location {
    // a view lies where its input lies: from the innermost out, however deep the chain
    const views: Node[] = [];
    let inner = node;
    while (!this.#locations.has(inner) && loweringOf(inner).kind === "view") {
      this.#makers.get(inner)?.();
      if (this.#buffers.get(inner)) break;
      views.push(inner);
      inner = inner.inputs[0]!;
    }
    let location = this.#keep(inner, () => this.#source(inner));
    for (let view = views.pop(); view; view = views.pop())
      location = this.#keep(view, () => this.#viewed(view!, location));
    return location;
  }

  /** The location found before, or computed now. */
  #keep(node: Node, find: () => Location): Location {
    const known = this.#locations.get(node);
    if (known) return known;
    const found = find();
    const location = this.#layout.copied.has(node) ? this.#batchInnermostCopy(found, node) : found;
    this.#locations.set(node, location);
    return location;
  }

  /** Where a stored value lies. */
  #source(node: Node): Location {
    this.#makers.get(node)?.();
    const stored = this.#buffers.get(node);
    if (stored) return stored;
    const { kind } = loweringOf(node);
    invariant(
      kind === "constant" || kind === "index",
      `${node.op.name} is read but nothing stores it`,
    );
    this.#mapKernel([], node.shape, [node]);
    return this.#buffers.of(node);
  }

  /** Where a view of this location lies. */
  #viewed(node: Node, from: Location): Location {
    const lower = loweringOf(node) as Extract<Lowering, { kind: "view" }>;
    const view = lower.view(from, node);
    if (view) return { buffer: from.buffer, ...view };
    // strides cannot express it: a row-major copy can, under any shape
    const { shape } = node.inputs[0]!;
    const copy = new Buffer(node.dtype, node.size);
    this.#copy(from, shape, dense(copy, shape));
    return dense(copy, node.shape);
  }

  /** Nodes of a kernel that another kernel or the caller reads. */
  #stored(members: readonly Node[], inside: ReadonlySet<Node>): Node[] {
    return members.filter(
      (n) => this.#isOutput.has(n) || this.#fusion.users.get(n)!.some((user) => !inside.has(user)),
    );
  }

  #mapKernel(members: readonly Node[], shape: Shape, stores?: readonly Node[]): void {
    const inside = new Set(members);
    const results = stores ?? this.#stored(members, inside);
    const builder = new ExpressionBuilder({ inside, locate: (x) => this.#locate(x) });
    const expression = builder.expression(results);
    const writes = results.map((node) => this.#buffers.of(node));
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

  /** A reduction, product or convolution, with the group fused after it. */
  #rootKernel(root: Node, group: readonly Node[]): void {
    const inside = new Set(group);
    const stored = this.#stored([root, ...group], inside);
    const locate = (x: Node) => this.#locate(x);
    const { users } = this.#fusion;
    const { bias, relu, result } = activationOf({ root, group: inside, stored, users, locate });
    const builder = new ExpressionBuilder({ inside, locate, result });
    const expression = builder.expression(stored);
    const core = loweringOf(root).kind === "reduce" ? this.#reduce(root) : this.#product(root);
    const writes = stored.map((node) => this.#buffers.of(node));
    const loads = bias ? [bias, ...builder.loads] : builder.loads;
    this.#add({
      name: root.op.name,
      reads: [...core.reads, ...loads.map((location): Read => ({ location, inStep: root.shape }))],
      writes: writes.map((location) => ({ location, shape: root.shape })),
      emit: (view) => [
        core.emit(view, {
          bias: bias && view(bias),
          relu,
          epilogue: { inputs: builder.loads.map(view), outputs: writes.map(view), expression },
        }),
      ],
    });
  }

  #reduce(root: Node) {
    const lower = loweringOf(root) as Extract<Lowering, { kind: "reduce" }>;
    const source = root.inputs[0]!;
    const { axes, inner } = this.#summations.of(root);
    const order = [...source.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
    const builder = new ExpressionBuilder({
      inside: this.#fusion.prologues.get(root) ?? none,
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
      emit: (view: ViewOf, { epilogue }: After) => ({
        kind: "reduce" as const,
        shape,
        kept: root.shape.length,
        inner,
        reducer: lower.reducer,
        inputs: loads.map(view),
        before,
        epilogue,
      }),
    };
  }

  #product(root: Node) {
    const lower = loweringOf(root) as Extract<Lowering, { kind: "fused" }>;
    const sources = root.inputs.map((x) => this.#locateOperand(x));
    return {
      reads: sources.map((location): Read => ({ location, inStep: null })),
      emit: (view: ViewOf, after: After) => lower.emit(root, sources.map(view), after),
    };
  }

  /**
   * Where an operand of a product can be read. A broadcast number is stored as an array, because
   * the order of a product's sum depends on the strides of its operands, and a constant has to give
   * the same bits as an array of it.
   */
  #locateOperand(x: Node): Location {
    const known = this.#stretched.get(x);
    if (known) return known;
    const found = this.#locate(x);
    if (x.size <= 1 || found.strides.some((step, axis) => step !== 0 && x.shape[axis] !== 1))
      return found;
    const whole = dense(new Buffer(x.dtype, x.size), x.shape);
    this.#copy(found, x.shape, whole);
    this.#stretched.set(x, whole);
    return whole;
  }

  #plainKernel(node: Node): void {
    const lower = loweringOf(node) as Extract<Lowering, { kind: "kernel" }>;
    const sources = node.inputs.map((x) => this.#locate(x));
    const target = this.#buffers.of(node);
    this.#add({
      name: node.op.name,
      reads: sources.map((location) => ({ location, inStep: null })),
      writes: [{ location: target, shape: node.shape }],
      check: lower.indices && {
        location: sources[lower.indices.input]!,
        shape: node.inputs[lower.indices.input]!.shape,
        bound: lower.indices.bound(node),
      },
      emit: (view) => [lower.emit(node, sources.map(view), view(target))],
    });
  }

  /** A fill, then a copy of each input that was not computed in its slice. */
  #assembleKernel(node: Node): void {
    const lower = loweringOf(node) as Extract<Lowering, { kind: "assemble" }>;
    const sources = node.inputs.map((x) => this.#locate(x));
    const target = this.#viewOfInputs(node, sources) ?? this.#buffers.of(node);
    const value = lower.fill(node);
    const slices = target.buffer.isView ? sources : this.#buffers.slicesOf(node);
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
          isSameLocation(sources[i]!, slices[i]!, shape)
            ? []
            : [copyInstruction(view(sources[i]!), view(slices[i]!), shape)],
        ),
      ],
    });
  }

  /**
   * The node as a view of memory where its inputs already lie, unless it must be stored elsewhere.
   */
  #viewOfInputs(node: Node, at: readonly Location[]): Location | undefined {
    const own = this.#buffers.of(node).buffer;
    const whole = viewOfInputs(node, at);
    const root = at[0]?.buffer.root;
    if (!whole || !root || root === own || own.slot >= 0 || own.parent) return undefined;
    const buffer = new Buffer(node.dtype, node.size, { parent: root, isView: true });
    this.#buffers.set(node, { buffer, ...whole });
    return this.#buffers.get(node);
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

  /** A copy in the batch-innermost layout. */
  #batchInnermostCopy(from: Location, { dtype, size, shape }: Node): Location {
    const to = batchInnermost(new Buffer(dtype, size), shape);
    this.#copy(from, shape, to);
    return to;
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
