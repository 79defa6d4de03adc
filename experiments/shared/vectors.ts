/** Vectors as arrays of numbers, for experiments. */

export const dot = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((sum, xi, i) => sum + xi * y[i]!, 0);

export const norm = (x: readonly number[]): number => Math.hypot(...x);

/** Orthonormal rows with the same span as the given ones (Gram-Schmidt). */
export function orthonormal(rows: readonly (readonly number[])[]): number[][] {
  const basis: number[][] = [];
  for (const row of rows) {
    let rest = [...row];
    for (const q of basis) {
      const along = dot(rest, q);
      rest = rest.map((x, i) => x - along * q[i]!);
    }
    basis.push(rest.map((x) => x / norm(rest)));
  }
  return basis;
}

/** Σⱼ aⱼ qⱼ: the vector with coordinates a along the rows q. */
export const combine = (a: readonly number[], q: readonly (readonly number[])[]): number[] =>
  q[0]!.map((_, i) => a.reduce((sum, aj, j) => sum + aj * q[j]![i]!, 0));

/** All d-tuples of the given numbers. */
export const tuples = (of: readonly number[], d: number): number[][] =>
  d === 0 ? [[]] : tuples(of, d - 1).flatMap((head) => of.map((last) => [...head, last]));
