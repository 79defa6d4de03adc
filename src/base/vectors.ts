/** Vectors in float64 on the host. */

/** A read-only row of numbers. */
export type Vector = ArrayLike<number>;

/** xᵀy */
export function dot(x: Vector, y: Vector): number {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i]! * y[i]!;
  return total;
}

/**
 * The smallest and the largest number; ∞ and −∞ for none. A loop, because a call takes at most some
 * 100 000 arguments.
 */
export function extent(x: Vector): [least: number, greatest: number] {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < x.length; i++) {
    least = Math.min(least, x[i]!);
    greatest = Math.max(greatest, x[i]!);
  }
  return [least, greatest];
}

/** ‖x‖₂ */
export const norm = (x: Vector): number => Math.sqrt(dot(x, x));

/** x + a y, as a new vector. A loop: `Float64Array.from` with a function takes ten times as long. */
export function plus(x: Vector, a: number, y: Vector): Float64Array {
  const z = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) z[i] = x[i]! + a * y[i]!;
  return z;
}

/** a x, as a new vector. */
export function scaled(a: number, x: Vector): Float64Array {
  const z = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) z[i] = a * x[i]!;
  return z;
}
