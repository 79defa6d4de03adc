/** Vectors in float64 on the host, for the algorithms of the lab. */
import { type RandomStream, ShapeError } from "../base/index.ts";
import { dot, type Vector } from "../base/vectors.ts";

export { dot, norm, plus, scaled, type Vector } from "../base/vectors.ts";

/** x += a y, in place. */
export function addTo(x: Float64Array, a: number, y: Vector): void {
  for (let i = 0; i < x.length; i++) x[i]! += a * y[i]!;
}

/** Independent standard normal numbers. */
export const normalVector = (n: number, random: RandomStream): Float64Array =>
  Float64Array.from({ length: n }, () => random.normal());

/** Independent signs ±1 (the Rademacher distribution). */
export const signVector = (n: number, random: RandomStream): Float64Array =>
  Float64Array.from({ length: n }, () => (random.bits() & 1 ? 1 : -1));

/** A matrix times a vector. @param a rows. */
export const times = (a: readonly Vector[], x: Vector): Float64Array =>
  Float64Array.from(a, (row) => dot(row, x));

/** Throws unless `x` has `size` elements. */
export function checkLength(subject: string, what: string, x: Vector, size: number): void {
  if (x.length === size) return;
  throw new ShapeError({
    subject,
    problem: `${what} has ${x.length} numbers, not ${size}.`,
    fix: `give one number per parameter, ${size}.`,
  });
}
