/** Newton's method from many starts at once, all in one program. */
import { compile, grad, hvp, type Tensor, tensor } from "gradus";
import { eigenSymmetric } from "gradus/lab";
import { norm } from "./vectors.ts";

/** The end point of one start. */
export interface End {
  readonly point: readonly number[];
  readonly value: number;
  readonly gradient: readonly number[];
  /** Of the Hessian, the largest first. */
  readonly eigenvalues: readonly number[];
  /** ‖H⁻¹g‖/‖w‖: the length of the next Newton step, whatever the units of w. */
  readonly stepLeft: number;
}

/** Functions of d numbers for many points at once: `[B, d]` to `[B]`, each row independent. */
export type Losses = (w: Tensor) => Tensor;

/**
 * Descends from every start by w ← w − t |H|⁻¹ g, with |H| = Q|Λ|Qᵀ: Newton's step near a minimum,
 * and a descent direction everywhere else, so that saddles and maxima do not attract. t is
 * quartered until the loss falls.
 *
 * @see Dauphin et al. 2014, "Identifying and attacking the saddle point problem", §6
 */
export function descend(
  losses: Losses,
  starts: readonly (readonly number[])[],
  steps = 200,
): End[] {
  const look = looker(losses);
  let seen = look(starts);
  const step = seen.map(newtonStep);
  const length = step.map(() => 1);
  for (let k = 0; k < steps; k++) {
    if (seen.every((end) => end.stepLeft < 1e-12)) break;
    const tried = look(
      seen.map(({ point }, b) => point.map((w, i) => w + length[b]! * step[b]![i]!)),
    );
    seen = seen.map((old, b) => {
      const fresh = tried[b]!;
      // a tie within rounding is accepted if the gradient shrinks: the last steps to a minimum
      const tie = Math.abs(fresh.value - old.value) <= 1e-15 * Math.abs(old.value);
      if (fresh.value < old.value || (tie && norm(fresh.gradient) < norm(old.gradient))) {
        step[b] = newtonStep(fresh);
        length[b] = 1;
        return fresh;
      }
      length[b]! /= 4;
      return old;
    });
  }
  return seen.map(({ spectrum: _, ...end }) => end);
}

/**
 * The distinct minima among the end points: where the Hessian is positive definite beyond rounding
 * and Newton's method would not move on.
 */
export function minima(losses: Losses, starts: readonly (readonly number[])[]): End[] {
  const found: End[] = [];
  for (const end of descend(losses, starts)) {
    const [most, least] = [end.eigenvalues[0]!, end.eigenvalues.at(-1)!];
    if (least <= 1e-13 * Math.abs(most) || end.stepLeft > 1e-8) continue;
    const apart = (point: readonly number[]) => norm(point.map((w, i) => w - end.point[i]!));
    if (found.every(({ point }) => apart(point) > 1e-6 * norm(point))) found.push(end);
  }
  return found;
}

export interface Derivatives {
  readonly value: number;
  readonly gradient: readonly number[];
  readonly hessian: readonly (readonly number[])[];
}

/** Value, gradient and Hessian at many points: the Hessians column by column, all rows at once. */
export function derivatives(
  losses: Losses,
): (points: readonly (readonly number[])[]) => Derivatives[] {
  const total = (w: Tensor) => losses(w).sum();
  const program = compile((w: Tensor, units: Tensor) => {
    const columns = Array.from({ length: w.shape[1]! }, (_, i) =>
      hvp(total, w, units.slice(i).unsqueeze(0).broadcastTo(w.shape)),
    );
    return { value: losses(w), gradient: grad(total)(w), columns };
  });
  return (points) => {
    const d = points[0]!.length;
    const units = points[0]!.map((_, i) => points[0]!.map((_, j) => Number(i === j)));
    const out = program.sync(table(points), table(units));
    const [values, gradients] = [out.value.dataSync(), out.gradient.dataSync()];
    const columns = out.columns.map((column) => column.dataSync());
    return points.map((_, b) => ({
      value: values[b]!,
      gradient: Array.from(gradients.subarray(b * d, (b + 1) * d)),
      hessian: columns.map((column, i) =>
        columns.map((other, j) => (column[b * d + j]! + other[b * d + i]!) / 2),
      ),
    }));
  };
}

type Seen = End & { readonly spectrum: Eigen };
type Eigen = ReturnType<typeof eigenSymmetric>;

function looker(losses: Losses): (points: readonly (readonly number[])[]) => Seen[] {
  const look = derivatives(losses);
  return (points) =>
    look(points).map(({ value, gradient, hessian }, b) => {
      const point = points[b]!;
      const spectrum = eigenSymmetric(hessian);
      const stepLeft = norm(newtonStep({ gradient, spectrum })) / norm(point);
      return { point, value, gradient, spectrum, eigenvalues: [...spectrum.values], stepLeft };
    });
}

/** −|H|⁻¹ g, where an eigenvalue that is 0 to rounding counts as the least that is not. */
function newtonStep({ gradient, spectrum }: Pick<Seen, "gradient" | "spectrum">): number[] {
  const { values, vectors } = spectrum;
  const floor = 1e-14 * Math.max(...values.map(Math.abs)) || 1;
  return gradient.map((_, i) =>
    vectors.reduce((sum, q, k) => {
      const along = q.reduce((s, x, j) => s + x * gradient[j]!, 0);
      return sum - (q[i]! * along) / Math.max(Math.abs(values[k]!), floor);
    }, 0),
  );
}

/** Rows as a float64 tensor. */
export const table = (rows: readonly (readonly number[])[]): Tensor =>
  tensor(rows as number[][], "float64");
