/** Which part of the input one unit of a layer sees. */
import { type Shape, sameShape } from "../../base/index.ts";
import { concatOp, keepsOrder, loweringOf } from "../../ops/index.ts";
import { windows } from "../../tensor/geometry.ts";
import {
  isTensor,
  type PerAxis,
  type Tensor,
  type WindowOptions,
  zeros,
} from "../../tensor/index.ts";
import { listenToCalls } from "../listen.ts";
import { type AnyModule, evaluating, type Module } from "../module.ts";
import type { Reach } from "../reach.ts";

/**
 * Along each spatial axis of the input, unit i sees elements start + i · jump to start + i · jump +
 * size − 1; those in the padding do not exist, and a dilated kernel skips some in between.
 */
export interface ReceptiveField {
  /** Input elements that one unit sees. */
  readonly size: readonly number[];
  /**
   * Distance between the fields of neighbouring units: the product of the strides; 0 if all units
   * see the same.
   */
  readonly jump: readonly number[];
  /** Where the first unit's field begins: negative in the padding. */
  readonly start: readonly number[];
}

/** Of windows over an input `[C, …spatial]`. */
export function windowReach(
  name: string,
  input: Shape,
  size: PerAxis,
  options: WindowOptions,
): Reach {
  const { kernel, stride, dilation, padding } = windows(name, input.slice(1), size, options);
  return {
    span: kernel.map((f, i) => dilation[i]! * (f - 1) + 1),
    step: stride,
    start: padding.map(([before]) => -before),
  };
}

/** The field of a value's units, and their number along each axis. */
interface Seen {
  readonly field: ReceptiveField;
  readonly grid: Shape;
  /** The spatial sizes of the input. */
  readonly input: Shape;
}
/** "none" does not depend on the input; null depends on it in an unknown way. */
type Found = Seen | "none" | null;

type Node = Tensor["node"];

/** Tracks the receptive fields of values while a model runs; `onCall` follows every call. */
export class Fields {
  readonly #input: Node;
  readonly #found = new Map<Node, Found>();

  /**
   * @param x the model's input `[N, C, …spatial]`, or `[N, D]`, whose last axis counts as spatial.
   */
  constructor(x: Tensor) {
    this.#input = x.node;
    this.#found.set(x.node, untouched(x.shape));
  }

  onCall(module: AnyModule, inputs: readonly unknown[], output: unknown): void {
    const [x] = inputs;
    if (!isTensor(x) || !isTensor(output) || this.#found.has(output.node)) return;
    const reach = module.reach(x.shape.slice(1));
    if (!reach) return;
    const from = this.#find(x.node);
    const isSeen = from !== null && from !== "none";
    const seen = isSeen ? through(from, reach, output.shape.slice(2)) : from;
    this.#found.set(output.node, seen);
  }

  of(x: Tensor): ReceptiveField | null {
    const found = this.#find(x.node);
    return found && found !== "none" ? found.field : null;
  }

  /** Fields that no layer has declared follow from the graph, back to known ones. */
  #find(node: Node): Found {
    const known = this.#found.get(node);
    if (known !== undefined) return known;
    const found = this.#follow(node);
    this.#found.set(node, found);
    return found;
  }

  #follow(node: Node): Found {
    const inputs = node.inputs.map((x) => this.#find(x));
    if (inputs.every((x) => x === "none")) return "none";
    const lowering = loweringOf(node);
    if (keepsOrder(node)) return reshaped(node.inputs[0] === this.#input, inputs[0]!, node.shape);
    const pointwise = node.op.reference.kind === "scalar" || lowering.kind === "map";
    return pointwise || (node.op === concatOp && node.attrs.axis === 1) ? merged(inputs) : null;
  }
}

function untouched(shape: Shape): Seen {
  const grid = shape.length === 2 ? shape.slice(1) : shape.slice(2);
  const field = { size: grid.map(() => 1), jump: grid.map(() => 1), start: grid.map(() => 0) };
  return { field, grid, input: grid };
}

const same = ({ field }: Seen): boolean => field.jump.every((jump) => jump === 0);

function reshaped(isInput: boolean, seen: Found, shape: Shape): Found {
  if (isInput && shape.length > 2) return untouched(shape);
  if (!seen || seen === "none" || same(seen)) return seen;
  // channels regrouped, or everything flattened: each unit keeps its field
  return shape.length === 2 || sameShape(shape.slice(2), seen.grid) ? seen : null;
}

/** The union of fields, from the first beginning to the last end. */
function merged(all: readonly Found[]): Found {
  const seen = all.filter((x) => x !== "none");
  return seen.reduce((one, other) => {
    if (!one || !other) return null;
    const isAll = same(one) || same(other); // combined with a value that sees everything, all do
    const [a, b] = isAll ? [everything(one), everything(other)] : [one, other];
    const { field: f } = a;
    const { field: g } = b;
    if (!sameShape(f.jump, g.jump) || !sameShape(a.grid, b.grid)) return null;
    const start = f.start.map((s, i) => Math.min(s, g.start[i]!));
    const ends = [f, g].map(({ start: s, size }) => s.map((from, i) => from + size[i]!));
    const size = start.map((s, i) => Math.max(ends[0]![i]!, ends[1]![i]!) - s);
    return { field: { size, jump: f.jump, start }, grid: a.grid, input: a.input };
  });
}

/** The field of units that see other units. @param grid of the output. */
function through(seen: Seen, reach: Reach, grid: Shape): Seen | null {
  const { field } = seen;
  if (reach === "each" || same(seen)) return seen;
  const { span, step, start } =
    reach === "all"
      ? { span: seen.grid, step: seen.grid.map(() => 0), start: seen.grid.map(() => 0) }
      : reach;
  if (span.length !== field.size.length) return null;
  const next: ReceptiveField = {
    size: field.size.map((size, i) => size + (span[i]! - 1) * field.jump[i]!),
    jump: field.jump.map((jump, i) => jump * step[i]!),
    start: field.start.map((from, i) => from + start[i]! * field.jump[i]!),
  };
  return reach === "all"
    ? { ...seen, field: clipped(next, seen.input), grid: seen.grid.map(() => 1) }
    : { ...seen, field: next, grid };
}

/** The field of a unit that sees all of these. */
const everything = (seen: Seen): Seen => through(seen, "all", []) ?? seen;

/** A field shared by all units, without the padding. */
function clipped({ size, jump, start }: ReceptiveField, input: Shape): ReceptiveField {
  const from = start.map((s) => Math.max(0, s));
  const to = start.map((s, i) => Math.min(input[i]!, s + size[i]!));
  return { size: to.map((end, i) => end - from[i]!), jump, start: from };
}

/**
 * Which part of the input one unit of a model's output sees. Through a layer with windows of f
 * (with dilation d, d(f − 1) + 1), stride s and padding p:
 *
 *   size ← size + (f − 1) jump,   start ← start − p · jump,   jump ← jump · s
 *
 * so that strides and pooling widen the effect of every later kernel. After a dense layer or a
 * global pooling every unit sees all that any earlier unit sees. Branches that are added or
 * concatenated count together. After a transposed convolution, whose jump is 1/s, sizes and starts
 * can be fractions, which count the elements in between. The fields of all layers are in {@link
 * summary}.
 *
 * @param inputShape `[C, …spatial]` of one example; a single axis `[D]` counts as spatial.
 * @returns null if values of different positions are combined in a way that no layer declares:
 * attention, recurrence, reductions and products in a custom `forward`.
 * @see Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks"
 * @example
 * const model = new Sequential(new Conv2d(1, 4, 5), new MaxPool2d(2), new Conv2d(4, 8, 5));
 * receptiveField(model, [1, 28, 28]); // { size: [14, 14], jump: [2, 2], start: [0, 0] }
 */
export function receptiveField(model: Module, inputShape: Shape): ReceptiveField | null {
  const dtype = Object.values(model.parameters())[0]?.dtype ?? "float32";
  const x = zeros([1, ...inputShape], { dtype });
  const fields = new Fields(x);
  const onCall = (module: AnyModule, output: unknown, inputs: readonly unknown[]) =>
    fields.onCall(module, inputs, output);
  return fields.of(evaluating(model, () => listenToCalls(onCall, () => model.forward(x))));
}
