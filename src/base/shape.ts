import { ShapeError } from "./errors.ts";

/** Sizes per axis; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements. */
export const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

/** `[2, 3]`, as errors print it. */
export const show = (shape: Shape): string => `[${shape.join(", ")}]`;

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** The shape that NumPy's broadcasting gives: axes aligned at the end, 1 stretches. */
export function broadcastShapes(subject: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((d, i) => {
      const axis = rank - shape.length + i;
      if (d === 1) return;
      if (result[axis] !== 1 && result[axis] !== d)
        throw new ShapeError({
          subject,
          problem: `shapes do not broadcast, ${shapes.map(show).join(" with ")} (${result[axis]} ≠ ${d} on axis ${axis - rank}).`,
          fix: "sizes must be equal or 1, aligned at the last axis; reshape one side.",
        });
      result[axis] = d;
    });
  }
  return result;
}

/** `axis` counted from the front; −1 is the last. */
export function normalizeAxis(subject: string, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank)
    throw new ShapeError({
      subject,
      problem: `axis ${axis} does not exist in ${rank} dimension${rank === 1 ? "" : "s"}.`,
      fix: rank === 0 ? "a scalar has no axis." : `use an axis from ${-rank} to ${rank - 1}.`,
    });
  return positive;
}

/** Sorted, distinct, non-negative axes; `undefined` means all. */
export function normalizeAxes(
  subject: string,
  axes: number | readonly number[] | undefined,
  rank: number,
): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : axes).map((a) =>
    normalizeAxis(subject, a, rank),
  );
  const sorted = [...new Set(list)].sort((a, b) => a - b);
  if (sorted.length !== list.length)
    throw new ShapeError({
      subject,
      problem: `axis given twice in ${show(list)}.`,
      fix: "name each axis once.",
    });
  return sorted;
}

/** Throws unless every size is a non-negative integer. */
export function checkShape(subject: string, shape: Shape): void {
  for (const d of shape)
    if (!Number.isInteger(d) || d < 0)
      throw new ShapeError({
        subject,
        problem: `${show(shape)} is not a shape (${d} is not a non-negative integer).`,
        fix: "give whole sizes of 0 or more.",
      });
}

/** `shape` with the axes in `axes` set to 1 (`keepDims`) or removed. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  return keepDims
    ? shape.map((d, i) => (axes.includes(i) ? 1 : d))
    : shape.filter((_, i) => !axes.includes(i));
}

/** The permutation that undoes `perm`. */
export function inversePermutation(perm: readonly number[]): number[] {
  const inverse = new Array<number>(perm.length);
  perm.forEach((axis, i) => {
    inverse[axis] = i;
  });
  return inverse;
}

/** Calls `visit` with every index of `shape` in row-major order; the array is reused. */
export function forEachIndex(shape: Shape, visit: (index: number[], position: number) => void) {
  const index = new Array<number>(shape.length).fill(0);
  const total = sizeOf(shape);
  for (let position = 0; position < total; position++) {
    visit(index, position);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
}
