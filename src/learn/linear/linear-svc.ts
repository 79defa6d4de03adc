/** Linear support vector machines. */
import { checkOptions, RandomStream, warnOnce } from "../../base/index.ts";
import { checkNumber, checkWhole, checkWord } from "../checks.ts";
import {
  type ClassifiedRows,
  classified,
  type Filled,
  type LabelWeights,
  type LearnOptions,
} from "../estimator.ts";
import { type Examples, type Features, type Matrix, rowOf, type Targets } from "../input.ts";
import {
  addAffine,
  affine,
  LinearClassifier,
  type LinearClassifierState,
} from "./linear-classifier.ts";

/** Options of {@link LinearSVC}. */
export interface LinearSVCOptions {
  /** The loss of an example within the margin. Default "squared-hinge". */
  readonly loss?: "hinge" | "squared-hinge" | undefined;
  /** C > 0, the weight of the examples against ½ ‖w‖². Default 1. */
  readonly C?: number | undefined;
  /** See {@link LinearSVC}. Default "dual". */
  readonly solver?: "dual" | "subgradient" | undefined;
  /** For `"dual"`: the tolerance of the optimality conditions. Default 1e-4. */
  readonly tolerance?: number | undefined;
  /** The most epochs. Default 1000. */
  readonly maxIterations?: number | undefined;
  /** Weights of the classes, or "balanced". Default: all 1. */
  readonly classWeight?: LabelWeights;
  /** The seed of the order of the examples. Default 0. */
  readonly seed?: number | undefined;
}

type SVCState = LinearClassifierState & {
  readonly iterations: number;
  readonly converged: boolean;
};

/** One machine: y = ±1, the weight of each example times C. */
interface Machine {
  readonly x: Matrix;
  readonly y: Float64Array;
  readonly c: Float64Array;
}

interface Solved {
  readonly w: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
}

/**
 * A linear support vector machine:
 *
 *   minimise ½ (‖w‖² + b²) + C Σ sₙ ℓ(yₙ (wᵀxₙ + b)),   ℓ(m) = max(0, 1 − m), or its square
 *
 * with y = ±1; b is penalised like a weight of the constant feature 1, as in liblinear. With more
 * than two classes, one machine per class against the rest. Solvers:
 *
 * - `dual`: coordinate descent on the dual problem, in random order. Linear convergence, O(ND) per
 *   pass.
 * - `subgradient`: as in course texts, w ← w − η ∂f at one example after the other, η = 1/(λ t)
 *   with λ = 1/(C N), and the mean of the weights of the second half of the steps.
 *
 * For many features, such as words, when no probabilities are needed; its solution depends only on
 * the examples near the boundary.
 *
 * @see Hsieh et al. 2008, "A dual coordinate descent method for large-scale linear SVM";
 * Shalev-Shwartz et al. 2007, "Pegasos"
 * @example
 * const model = await new LinearSVC({ loss: "hinge", C: 100, tolerance: 1e-8 }).fit([[-3], [-1], [1], [3]], [0, 0, 1, 1]);
 * model.coef.toArray(); // [[1]]
 * model.predict([[-0.5], [0.5]]); // [0, 1]
 */
export class LinearSVC extends LinearClassifier<SVCState> {
  readonly name = "LinearSVC";
  readonly options: Omit<Filled<LinearSVCOptions>, "classWeight"> &
    Pick<LinearSVCOptions, "classWeight">;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: LinearSVCOptions = {}) {
    super();
    checkOptions("LinearSVC", options, {
      ...{ loss: true, C: true, solver: true, tolerance: true },
      ...{ maxIterations: true, classWeight: true, seed: true },
    });
    const { loss = "squared-hinge", C = 1, solver = "dual", tolerance = 1e-4 } = options;
    const { maxIterations = 1000, classWeight, seed = 0 } = options;
    checkWord("LinearSVC", "loss", loss, ["hinge", "squared-hinge"]);
    checkNumber("LinearSVC", "C", C, "above 0");
    checkWord("LinearSVC", "solver", solver, ["dual", "subgradient"]);
    checkNumber("LinearSVC", "tolerance", tolerance, "above 0");
    checkWhole("LinearSVC", "maxIterations", maxIterations);
    this.options = { loss, C, solver, tolerance, maxIterations, classWeight, seed };
  }

  /** Passes through the examples; the maximum over several machines. */
  get iterations(): number {
    return this.state.iterations;
  }
  /** Whether all machines reached the tolerance; `subgradient` uses all of its passes. */
  get converged(): boolean {
    return this.state.converged;
  }

  /** Solves each machine. @throws {DataError} if all examples have one class. */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const rows = classified(this.name, x, y, options, this.options.classWeight);
    const machines = machinesOf(rows, this.options.C);
    const solve = this.options.solver === "dual" ? byDualDescent : bySubgradients;
    const solved = machines.map((machine) => solve(machine, this.options));
    const converged = solved.every((each) => each.converged);
    const iterations = Math.max(...solved.map((each) => each.iterations));
    if (!converged) warnOnce(unfinished(iterations));
    const d = rows.x.columns;
    const coef = new Float64Array(solved.length * d);
    for (const [k, { w }] of solved.entries()) coef.set(w.subarray(0, d), k * d);
    return this.learn({
      ...{ classes: rows.classes, iterations, converged },
      coef: { dtype: "float64", shape: [solved.length, d], data: coef },
      intercept: {
        dtype: "float64",
        shape: [solved.length],
        data: Float64Array.from(solved, ({ w }) => w[d]!),
      },
    });
  }
}

const unfinished = (iterations: number) => ({
  subject: "LinearSVC",
  problem: `after ${iterations} passes an example still violates the conditions of the optimum.`,
  fix: "standardize the features, allow more maxIterations, or take a smaller C.",
});

/** For two classes one machine, for the second; otherwise one for each class. */
function machinesOf({ x, indices, weights, classes }: ClassifiedRows, C: number): Machine[] {
  const c = weights.map((w) => w * C);
  const against = (k: number): Machine => ({
    x,
    y: Float64Array.from(indices, (label) => (label === k ? 1 : -1)),
    c,
  });
  return classes.length === 2 ? [against(1)] : classes.map((_, k) => against(k));
}

/** Minimizes over each α in turn, 0 ≤ α ≤ U, exactly; w = Σ α y (x, 1). */
function byDualDescent(
  { x, y, c }: Machine,
  { loss, tolerance, maxIterations, seed }: LinearSVC["options"],
): Solved {
  const isHinge = loss === "hinge";
  const w = new Float64Array(x.columns + 1);
  const alpha = new Float64Array(x.rows);
  const random = new RandomStream(seed, 0x57c_0001);
  // for the squared hinge the dual has an extra α²/(4 C), and no upper bound
  const extra = c.map((ci) => (isHinge || ci === 0 ? 0 : 1 / (2 * ci)));
  const squares = Float64Array.from({ length: x.rows }, (_, i) => {
    const row = rowOf(x, i);
    return row.reduce((sum, value) => sum + value * value, 1) + extra[i]!;
  });
  for (let iteration = 1; ; iteration++) {
    let [most, least] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const i of random.permutation(x.rows)) {
      if (c[i] === 0) continue;
      const gradient = y[i]! * affine(w, rowOf(x, i)) - 1 + extra[i]! * alpha[i]!;
      const upper = isHinge ? c[i]! : Number.POSITIVE_INFINITY;
      const projected =
        alpha[i] === 0
          ? Math.min(gradient, 0)
          : alpha[i] === upper
            ? Math.max(gradient, 0)
            : gradient;
      most = Math.max(most, projected);
      least = Math.min(least, projected);
      if (projected === 0) continue;
      const next = Math.min(Math.max(alpha[i]! - gradient / squares[i]!, 0), upper);
      addAffine(w, (next - alpha[i]!) * y[i]!, rowOf(x, i));
      alpha[i] = next;
    }
    const converged = most - least <= tolerance;
    if (converged || iteration === maxIterations) return { w, iterations: iteration, converged };
  }
}

/** Pegasos: η = 1/(λ t), one example at a time, and the mean of the second half. */
function bySubgradients(
  { x, y, c }: Machine,
  { loss, maxIterations, seed }: LinearSVC["options"],
): Solved {
  const total = c.reduce((a, b) => a + b, 0);
  const lambda = 1 / total; // of the mean loss, with weights that sum to 1
  const steps = maxIterations * x.rows;
  const w = new Float64Array(x.columns + 1);
  const mean = new Float64Array(x.columns + 1);
  const random = new RandomStream(seed, 0x57c_0002);
  let t = 0;
  for (let epoch = 0; epoch < maxIterations; epoch++)
    for (const i of random.permutation(x.rows)) {
      t++;
      const eta = 1 / (lambda * t);
      const gap = 1 - y[i]! * affine(w, rowOf(x, i));
      const slope = gap <= 0 ? 0 : loss === "hinge" ? 1 : 2 * gap;
      const share = (c[i]! / total) * x.rows;
      for (let j = 0; j < w.length; j++) w[j]! *= 1 - 1 / t;
      // a squared hinge is not Lipschitz: limit the step to the other side of the margin
      const length = Math.min(
        eta * slope * share,
        loss === "hinge" ? Number.POSITIVE_INFINITY : gapStep(x, i, gap),
      );
      if (length > 0) addAffine(w, length * y[i]!, rowOf(x, i));
      if (2 * t > steps) for (let j = 0; j < w.length; j++) mean[j]! += w[j]!;
    }
  const kept = steps - Math.floor(steps / 2);
  return { w: mean.map((sum) => sum / kept), iterations: maxIterations, converged: true };
}

/** The step along an example that closes its gap. */
const gapStep = (x: Matrix, i: number, gap: number): number => {
  const square = rowOf(x, i).reduce((sum, value) => sum + value * value, 1);
  return Math.max(0, gap / square);
};
