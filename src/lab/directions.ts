/** Directions in parameter space along which a loss is worth plotting. */
import { ConfigError, checkOptions, RandomStream } from "../base/index.ts";
import { eigenSymmetric } from "../base/symmetric.ts";
import { checkCount, lanczos } from "./lanczos.ts";
import type { LossSurface } from "./surface.ts";
import {
  addTo,
  checkLength,
  dot,
  norm,
  normalVector,
  plus,
  scaled,
  type Vector,
} from "./vectors.ts";

/**
 * A random direction in which every filter has the same norm as in the net,
 *
 *   dᵢⱼ ← dᵢⱼ / ‖dᵢⱼ‖ · ‖θᵢⱼ‖,   d normal, filter j of layer i
 *
 * so that slices of nets whose weights differ in scale can be compared: with ReLUs, weights that
 * are twice as large compute much the same but would look twice as flat. A filter is a row of a
 * parameter along its first axis: the incoming weights of one unit. Parameters of one axis (biases,
 * scales of normalisation) do not move.
 *
 * @throws {ConfigError} if all parameters have fewer than two axes.
 * @see Li et al. 2018, "Visualizing the loss landscape of neural nets", §4
 * @example
 * const surface = LossSurface.of((w: Tensor) => w.square().sum(), tensor([[3, 4], [0, 2]]));
 * const d = filterDirection(surface, [3, 4, 0, 2], { seed: 1 });
 * Math.hypot(d[0], d[1]); // 5
 * Math.hypot(d[2], d[3]); // 2
 */
export function filterDirection(
  surface: LossSurface,
  point: Vector,
  options: { readonly seed?: number | undefined } = {},
): Float64Array {
  checkOptions("filterDirection", options, { seed: "number" });
  const { seed = 0 } = options;
  checkLength("filterDirection", "θ", point, surface.size);
  const random = new RandomStream(seed);
  const theta = Float64Array.from(point);
  const direction = new Float64Array(surface.size);
  const weights = surface.leaves.filter(({ shape }) => shape.length > 1);
  if (weights.length === 0)
    throw new ConfigError({
      subject: "filterDirection",
      problem: "no parameter has two axes, so there are no filters.",
      fix: "use another direction, such as one of topDirections.",
    });
  for (const { shape, offset, size } of weights) {
    const each = size / shape[0]!;
    for (let at = offset; at < offset + size; at += each) {
      const d = normalVector(each, random);
      direction.set(scaled(norm(theta.subarray(at, at + each)) / norm(d), d), at);
    }
  }
  return direction;
}

/**
 * The directions of largest curvature: unit eigenvectors of the largest eigenvalues of the Hessian,
 * by {@link lanczos}.
 *
 * @example
 * const surface = LossSurface.of((x: Tensor) => x.square().mul(tensor([1, 5])).sum(), tensor([0, 0]));
 * const [{ value, vector }] = topDirections(surface, [0, 0], 1);
 * value; // 10
 * Math.abs(vector[1]); // 1
 */
export const topDirections = (surface: LossSurface, point: Vector, count = 2) =>
  lanczos(surface.hessianAt(point), { count, end: "largest" }).largest;

/** The result of {@link trajectoryDirections}. */
export interface Components {
  /** Orthonormal, the one of most variance first. */
  readonly directions: readonly Float64Array[];
  /** The variance along each, over the points. */
  readonly variances: Float64Array;
  /** The same as a fraction of the total variance. */
  readonly explained: Float64Array;
}

/**
 * The directions in which a trajectory of parameters moves most: its principal components,
 *
 *   C = (1/m) Σₜ (θₜ − θ̄)(θₜ − θ̄)ᵀ,   C dₖ = σₖ² dₖ
 *
 * from the m × m matrix of inner products, so that n may be large. Random directions show almost
 * nothing of a trajectory: in many dimensions they are nearly orthogonal to it.
 *
 * @param points θₜ `[n]`, at least two; a few hundred at most.
 * @param count how many, at most the rank of the points.
 * @see Li et al. 2018, §7.2
 * @throws {ConfigError} if the points do not span that many directions.
 * @example
 * const { directions, explained } = trajectoryDirections([[0, 0], [1, 0], [2, 0]], 1);
 * Math.abs(directions[0][0]); // 1
 * explained; // [1]
 */
export function trajectoryDirections(points: readonly Vector[], count = 2): Components {
  checkCount("trajectoryDirections", "count", count);
  const n = points[0]?.length ?? 0;
  const m = points.length;
  const mean = new Float64Array(n);
  points.forEach((x, t) => {
    checkLength("trajectoryDirections", `point ${t}`, x, n);
    addTo(mean, 1 / m, x);
  });
  const centered = points.map((x) => plus(x, -1, mean));
  const { values, vectors } = eigenSymmetric(
    centered.map((x) => Float64Array.from(centered, (y) => dot(x, y) / m)),
  );
  const rank = values.filter((x) => x > 1e-14 * m * values[0]!).length;
  if (count > rank)
    throw new ConfigError({
      subject: "trajectoryDirections",
      problem: `${m} points span ${rank} directions, not ${count}.`,
      fix: rank > 0 ? `ask for ${rank}, or give more points.` : "give points that differ.",
    });
  const whole = values.reduce((sum, x) => sum + Math.max(0, x), 0);
  const directions = Array.from({ length: count }, (_, k) => {
    const direction = new Float64Array(n);
    centered.forEach((x, t) => {
      addTo(direction, vectors[k]![t]!, x);
    });
    return scaled(1 / norm(direction), direction);
  });
  const variances = values.slice(0, count);
  return { directions, variances, explained: variances.map((x) => x / whole) };
}

/**
 * Projects points onto the plane (or line, or space) through `origin` along `directions`, which
 * need not be orthogonal: the coordinates c of the nearest point origin + Σ cₖ dₖ. Used to draw the
 * path of an optimizer on a slice.
 *
 * @returns a row of coordinates per point.
 * @throws {ConfigError} if the directions are linearly dependent.
 * @example
 * project([[3, 2, 9]], [0, 0, 0], [[1, 0, 0], [1, 1, 0]]); // [[1, 2]]
 */
export function project(
  points: readonly Vector[],
  origin: Vector,
  directions: readonly Vector[],
): Float64Array[] {
  for (const x of [...points, ...directions])
    checkLength("project", "a point or direction", x, origin.length);
  const gram = directions.map((d) => Float64Array.from(directions, (e) => dot(d, e)));
  const { values, vectors } = eigenSymmetric(gram);
  if (directions.length === 0 || values.at(-1)! <= 1e-12 * values[0]!)
    throw new ConfigError({
      subject: "project",
      problem: `${directions.length} directions do not span as many dimensions.`,
      fix: "give directions of which none is a sum of the others.",
    });
  return points.map((x) => {
    const shift = plus(x, -1, origin);
    const b = Float64Array.from(directions, (d) => dot(d, shift));
    const coordinates = new Float64Array(directions.length);
    vectors.forEach((q, k) => {
      addTo(coordinates, dot(q, b) / values[k]!, q);
    });
    return coordinates;
  });
}
