/** The initialization of UMAP: eigenvectors of the graph's Laplacian. */
import type { RandomStream } from "../../base/index.ts";
import { eigenTridiagonal } from "../../base/symmetric.ts";
import { dot, norm } from "../../base/vectors.ts";
import type { Sparse } from "./graph.ts";

/**
 * This many steps resolve the large-scale shape of a graph, which is all that an initialization
 * needs.
 */
const steps = 150;

/** Whether the graph is connected. */
export function isConnected({ starts, columns }: Sparse): boolean {
  const rows = starts.length - 1;
  const seen = new Uint8Array(rows);
  const found = [0];
  seen[0] = 1;
  for (let at = 0; at < found.length; at++)
    for (let to = starts[found[at]!]!; to < starts[found[at]! + 1]!; to++) {
      const j = columns[to]!;
      if (seen[j]) continue;
      seen[j] = 1;
      found.push(j);
    }
  return found.length === rows;
}

/**
 * Coordinates `[N, dimensions]` from the eigenvectors of the smallest nonzero eigenvalues of the
 * normalized Laplacian I − D^−½ W D^−½, by Lanczos' method with full orthogonalization.
 *
 * @param graph connected, with more rows than dimensions + 1.
 * @see Belkin & Niyogi 2003, "Laplacian eigenmaps"
 */
export function spectralStart(
  graph: Sparse,
  dimensions: number,
  random: RandomStream,
): Float64Array {
  const rows = graph.starts.length - 1;
  const scale = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let degree = 0;
    for (let at = graph.starts[i]!; at < graph.starts[i + 1]!; at++) degree += graph.values[at]!;
    scale[i] = 1 / Math.sqrt(degree);
  }
  // the vector of eigenvalue 0 is known, and all others are orthogonal to it
  const known = unit(scale.map((s) => 1 / s));
  const { basis, diagonal, off } = lanczos(graph, scale, known, random);
  const { vectors } = eigenTridiagonal(diagonal, off);
  const start = new Float64Array(rows * dimensions);
  for (let d = 0; d < Math.min(dimensions, vectors.length); d++)
    for (const [n, q] of basis.entries()) {
      const share = vectors[d]![n]!;
      for (let i = 0; i < rows; i++) start[i * dimensions + d]! += share * q[i]!;
    }
  return start;
}

/** A basis of the Krylov space of D^−½ W D^−½ without the known vector, and the tridiagonal matrix in it. */
function lanczos(graph: Sparse, scale: Float64Array, known: Float64Array, random: RandomStream) {
  const rows = scale.length;
  const basis: Float64Array[] = [];
  const diagonal: number[] = [];
  const off: number[] = [];
  let next = Float64Array.from({ length: rows }, () => random.normal());
  takeOut(next, known);
  next = unit(next);
  while (basis.length < Math.min(steps, rows - 1)) {
    const q = next;
    basis.push(q);
    next = multiplied(graph, scale, q);
    diagonal.push(dot(next, q));
    for (let again = 0; again < 2; again++) {
      takeOut(next, known);
      for (const each of basis) takeOut(next, each);
    }
    const length = norm(next);
    if (!(length > 1e-10)) break;
    off.push(length);
    next = unit(next);
  }
  return {
    basis,
    diagonal: Float64Array.from(diagonal),
    off: Float64Array.from(off.slice(0, basis.length - 1)),
  };
}

function multiplied({ starts, columns, values }: Sparse, scale: Float64Array, x: Float64Array) {
  const y = new Float64Array(x.length);
  for (let i = 0; i < y.length; i++) {
    let sum = 0;
    for (let at = starts[i]!; at < starts[i + 1]!; at++) {
      const j = columns[at]!;
      sum += values[at]! * scale[j]! * x[j]!;
    }
    y[i] = scale[i]! * sum;
  }
  return y;
}

/** x ← x − q (qᵀx) */
function takeOut(x: Float64Array, q: Float64Array): void {
  const along = dot(q, x);
  for (let i = 0; i < x.length; i++) x[i]! -= along * q[i]!;
}

function unit(x: Float64Array): Float64Array<ArrayBuffer> {
  const length = norm(x);
  return Float64Array.from(x, (value) => value / length);
}
