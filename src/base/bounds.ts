/** Size limits. The engine's verifier, `kernel/src/verify.cc`, enforces the same ones. */
import { ShapeError } from "./errors.ts";
import { type Shape, show } from "./shape.ts";

/** Elements along one axis: the range of 32-bit counts. */
export const mostAlongAxis = 2 ** 31 - 1;
/** Positions along one axis of a convolution or of windows, from the first one used to the last. */
export const mostExtent = 2 ** 30;
/** Steps of one op: elements, or multiplications. */
export const mostSteps = 2 ** 46;

/** Throws if an axis, or the product of `shape` and `factors`, exceeds what an engine can count. */
export function checkSteps(subject: string, shape: Shape, factors: Shape = []): void {
  const axis = shape.find((d) => d > mostAlongAxis);
  if (axis !== undefined)
    throw new ShapeError({
      subject,
      problem: `shape ${show(shape)} has an axis of ${axis} elements, of which there may be ${mostAlongAxis} (2³¹ − 1).`,
      fix: "make it shorter, or cut it into several.",
    });
  const count = (sizes: Shape) => sizes.reduce((n, d) => n * Math.max(d, 1), 1);
  const steps = count(shape) * count(factors);
  if (steps <= mostSteps) return;
  throw new ShapeError({
    subject,
    problem: `shape ${show(shape)} takes ${steps} steps, of which one op may take ${mostSteps} (2⁴⁶).`,
    fix: "make the tensors smaller, or cut the work into several ops.",
  });
}

/** `count` positions along an axis, `step` apart. */
export type Places = readonly [count: number, step: number];

/**
 * Throws if positions along a spatial axis, including strides, dilations and padding, exceed what
 * an engine can count:
 *
 *   Σ (count − 1)·step + padding + 1 ≤ 2³⁰, and no step above 2³⁰
 */
export function checkExtent(
  subject: string,
  axis: number,
  places: readonly Places[],
  padding = 0,
): void {
  const reach = places.map(([count, step]) => Math.max(count - 1, 0) * step);
  const extent = reach.reduce((sum, r) => sum + r, Math.abs(padding) + 1);
  const step = Math.max(...places.map(([, step]) => step));
  if (Math.max(extent, step) <= mostExtent) return;
  const what =
    extent > mostExtent
      ? `reaches over ${extent} positions`
      : `has a stride or dilation of ${step}`;
  throw new ShapeError({
    subject,
    problem: `spatial axis ${axis} ${what}, strides, dilations and padding included, of which there may be ${mostExtent} (2³⁰).`,
    fix: "use smaller strides, dilations or padding.",
  });
}
