/**
 * The order in which reductions add up elements. It follows from the graph below a reduction, never
 * from what else the program computes: storing the elements, because something else needs them or
 * because they are returned, changes no bit of their sum.
 */
import { type Shape, stridesOf } from "../base/index.ts";
import type { Node, Strided } from "../graph/index.ts";
import { loweringOf } from "../ops/index.ts";
import { batchInnermostStrides, type Layout } from "./layout.ts";

/** The reduced axes in the order of summation, and how many of the last ones form a line. */
export interface Summation {
  readonly axes: readonly number[];
  readonly inner: number;
}

type Strides = readonly number[];

/** With so few elements, as in pooling, neighbouring results are summed side by side. */
const mostOfWindow = 32;

/** Decides the order for all reductions of a program. */
export class Summations {
  readonly #batchInnermost: ReadonlySet<Node>;
  readonly #walks = new Map<Node, Strides | null>();

  constructor({ batchInnermost }: Pick<Layout, "batchInnermost">) {
    this.#batchInnermost = batchInnermost;
  }

  of(reduction: Node): Summation {
    const source = reduction.inputs[0]!;
    const { shape } = source;
    const axes = reduction.attrs.axes as readonly number[];
    const strides = this.#walk(source) ?? stridesOf(shape);
    const step = (axis: number) => Math.abs(strides[axis]!);
    const short = [...shape.keys()].filter((axis) => shape[axis] === 1);
    const long = [...shape.keys()].filter((axis) => shape[axis] !== 1);
    long.sort((a, b) => step(b) - step(a));
    const inner = lineOf(long, axes, shape, strides);
    const lower = loweringOf(reduction);
    const isPosition =
      lower.kind === "reduce" && (lower.reducer === "argmax" || lower.reducer === "argmin");
    // positions are counted in row-major order, in lines of any length
    if (isPosition) return { axes, inner: inner > 0 ? axes.length : 0 };
    return { axes: [...short, ...long].filter((axis) => axes.includes(axis)), inner };
  }

  /**
   * The strides along which elements are read in memory order; null if none of the stored values
   * below is read along every axis. A value that is only read through a view is stored. An
   * elementwise value may or may not be stored, so its inputs decide.
   */
  #walk(node: Node): Strides | null {
    const known = this.#walks.get(node);
    if (known !== undefined) return known;
    const isFull = (strides: Strides) =>
      strides.every((s, axis) => s !== 0 || node.shape[axis] === 1);
    const strides = this.#steps(node);
    const walk = strides && isFull(strides) ? strides : null;
    this.#walks.set(node, walk);
    return walk;
  }

  #steps(node: Node): Strides | null {
    if (loweringOf(node).kind !== "map" || this.#batchInnermost.has(node))
      return this.#lie(node)?.strides ?? null;
    for (const x of node.inputs) {
      const walk = this.#walk(x);
      if (walk) return walk;
    }
    return null;
  }

  /**
   * The layout of the value where it is stored; null if it is not stored or strides cannot express
   * it.
   */
  #lie(node: Node): Strided | null {
    const lower = loweringOf(node);
    if (lower.kind === "constant" || lower.kind === "index") return null;
    if (lower.kind !== "view") {
      const order = this.#batchInnermost.has(node) ? batchInnermostStrides : stridesOf;
      return { offset: 0, strides: order(node.shape) };
    }
    const inner = this.#lie(node.inputs[0]!);
    return inner && (lower.view(inner, node) ?? { offset: 0, strides: stridesOf(node.shape) });
  }
}

/**
 * How many of the last axes form a line: those after the last kept axis in memory order. 0 if a
 * kept axis is innermost, or if small windows lie side by side.
 *
 * @param long axes of more than one element, the innermost last
 */
function lineOf(
  long: readonly number[],
  reduced: readonly number[],
  shape: Shape,
  strides: Strides,
): number {
  const isReduced = (axis: number) => reduced.includes(axis);
  const step = (axis: number) => Math.abs(strides[axis]!);
  const inside = long.filter(isReduced);
  const kept = long.filter((axis) => !isReduced(axis)).at(-1);
  if (kept === undefined) return inside.length;
  const last = inside.at(-1);
  if (last === undefined || step(kept) < step(last)) return 0;
  const runs = inside.filter((axis, i) => {
    const next = inside[i + 1];
    return next === undefined || strides[axis] !== strides[next]! * shape[next]!;
  });
  const size = inside.reduce((n, axis) => n * shape[axis]!, 1);
  if (size <= mostOfWindow && runs.length > 1 && step(kept) <= 4 * step(last)) return 0;
  return Math.max(1, long.length - 1 - long.indexOf(kept));
}
