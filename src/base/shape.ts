import { ShapeError } from "./errors.ts";
import { describe } from "./options.ts";

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

/** The shape that NumPy's broadcasting gives: axes aligned at the end, size 1 stretches. */
export function broadcastShapes(subject: string, shapes: readonly Shape[]): Shape {
  const rank = shapes.reduce((most, { length }) => Math.max(most, length), 0);
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
  const positive = Number.isInteger(axis) && axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank)
    throw new ShapeError({
      subject,
      problem: `axis ${describe(axis)} does not exist in ${rank} dimension${rank === 1 ? "" : "s"}.`,
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
  const given = Array.isArray(axes) ? Array.from<number>(axes) : [axes as number];
  const list = given.map((axis) => normalizeAxis(subject, axis, rank));
  const sorted = [...new Set(list)].sort((a, b) => a - b);
  if (sorted.length !== list.length)
    throw new ShapeError({
      subject,
      problem: `axis given twice in ${show(list)}.`,
      fix: "name each axis once.",
    });
  return sorted;
}

/** Throws unless `shape` is an array of integers ≥ 0 whose product is exact. */
export function checkShape(subject: string, shape: Shape): void {
  if (!Array.isArray(shape))
    throw new ShapeError({
      subject,
      problem: `the shape is ${describe(shape)}, not an array of sizes.`,
      fix: "give a shape such as [2, 3]; [] is that of a single number.",
    });
  for (let i = 0; i < shape.length; i++) {
    const d: unknown = shape[i];
    if (!Number.isInteger(d) || (d as number) < 0)
      throw new ShapeError({
        subject,
        problem: `[${shape.map(describe).join(", ")}] is not a shape (${describe(d)} is not a non-negative integer).`,
        fix: "give whole sizes of 0 or more.",
      });
  }
  if (!Number.isSafeInteger(sizeOf(shape)))
    throw new ShapeError({
      subject,
      problem: `${show(shape)} has ${sizeOf(shape)} elements, more than any memory holds.`,
      fix: "give smaller sizes.",
    });
}

/** The index of the element at a row-major position, as printed in errors: `[2][0]`. */
export function placeOf(position: number, shape: Shape): string {
  let place = "";
  let rest = position;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place = `[${rest % shape[axis]!}]${place}`;
    rest = Math.floor(rest / shape[axis]!);
  }
  return place || "the value";
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
