/** One neuron whose labels come from planted weights, as in Mei, Bai & Montanari 2018. */
import { randomKey, type Tensor, tensor, uniform } from "gradus";
import { eigenSymmetric } from "gradus/lab";
import { type Derivatives, derivatives, table } from "./newton.ts";
import { gaussian } from "./random.ts";
import { norm, tuples } from "./vectors.ts";

/** ‖w*‖. It lies along the first axis: x ~ N(0, I) is isotropic. */
export const planted = 1;

/**
 * The squared losses of R samples of n examples in d dimensions, each at its own weights, `[R, d]`
 * to `[R]`; one sample serves any number of weights. y is 1 with probability σ(w*ᵀx), or with ½ for
 * labels that are independent of x.
 */
export function samples(R: number, n: number, d: number, seed: number, coin = false) {
  const x = gaussian([R, n, d], seed, n);
  const p = x
    .slice(null, null, 0)
    .mul(coin ? 0 : planted)
    .sigmoid();
  const u = uniform([R, n], { key: randomKey(seed, n + 1), dtype: "float64" });
  const y = u.less(p).cast("float64").evalSync();
  return (w: Tensor) =>
    x.matmul(w.unsqueeze(2)).squeeze(-1).sigmoid().sub(y).square().mean({ axis: 1 });
}

/** The trapezoidal rule for x ~ N(0, I) in 3 dimensions: accurate to 1e-5 here. */
function quadrature() {
  const nodes = tuples(
    Array.from({ length: 25 }, (_, i) => (i - 12) / 2),
    3,
  );
  const weights = nodes.map(
    (x) => Math.exp(-(norm(x) ** 2) / 2) * (0.5 / Math.sqrt(2 * Math.PI)) ** 3,
  ); // prettier-ignore
  return { x: table(nodes).transpose().evalSync(), weights: tensor(Float64Array.from(weights)) };
}

/**
 * Value (up to a constant), gradient and Hessian of the expected loss, at many points. Rotated so
 * that w* is along the first axis and w in the plane of the first two; a third axis represents all
 * others.
 */
export function population(): (points: readonly (readonly number[])[]) => Derivatives[] {
  const { x, weights } = quadrature();
  const truth = x.slice(0).mul(planted).sigmoid();
  const look = derivatives((w) =>
    w.matmul(x).sigmoid().sub(truth).square().mul(weights).sum({ axis: 1 }),
  );
  return (points) => {
    const plane = points.map(([first, ...rest]) => [first!, norm(rest), 0]);
    return look(plane).map(({ value, gradient, hessian }, b) => {
      const beta = plane[b]![1]! || 1;
      /** Rows e₁ and e₂, the axes of the plane. */
      const axes = [
        points[b]!.map((_, i) => Number(i === 0)),
        points[b]!.map((w, i) => i && w / beta),
      ]; // prettier-ignore
      const others = hessian[2]![2]!;
      return {
        value,
        gradient: points[b]!.map(
          (_, i) => gradient[0]! * axes[0]![i]! + gradient[1]! * axes[1]![i]!,
        ),
        hessian: points[b]!.map((_, i) =>
          points[b]!.map((_, j) =>
            [0, 1].reduce(
              (sum, k) =>
                [0, 1].reduce((s, l) => {
                  const inPlane = hessian[k]![l]! - (k === l ? others : 0);
                  return s + axes[k]![i]! * inPlane * axes[l]![j]!;
                }, sum),
              i === j ? others : 0,
            ),
          ),
        ),
      };
    });
  };
}

/** The largest differences of gradient and Hessian (spectral norm) over points. */
export function deviation(a: readonly Derivatives[], b: readonly Derivatives[]) {
  const gradient = a.map((at, i) => norm(at.gradient.map((g, k) => g - b[i]!.gradient[k]!)));
  const hessian = a.map((at, i) => {
    const rest = at.hessian.map((row, k) => row.map((h, l) => h - b[i]!.hessian[k]![l]!));
    const { values } = eigenSymmetric(rest);
    return Math.max(values[0]!, -values.at(-1)!);
  });
  return { gradient: Math.max(...gradient), hessian: Math.max(...hessian) };
}

/** Points of a ball: random directions, radii spread evenly. */
export function ball(count: number, radius: number, d: number, seed: number): number[][] {
  const directions = gaussian([count, d], seed, 1).toArray() as number[][];
  return directions.map((v, i) => v.map((x) => (x * radius * (i + 1)) / count / norm(v)));
}
