/** Logistic and softmax regression. */
import { checkOptions, NumericError, warnOnce } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber, checkWhole, checkWord } from "../checks.ts";
import {
  type ClassifiedRows,
  classified,
  type Filled,
  type LabelWeights,
  type LearnOptions,
} from "../estimator.ts";
import { type Examples, type Features, type Targets, vectorTensor } from "../input.ts";
import { LinearClassifier, type LinearClassifierState } from "./linear-classifier.ts";
import {
  byLbfgs,
  byNewton,
  byProximalSteps,
  bySteps,
  type Problem,
  type Solution,
} from "./logistic-solvers.ts";

/** Options of {@link LogisticRegression} and {@link SoftmaxRegression}. */
export interface LogisticOptions {
  /** The penalty on weights: ‖w‖², Σ|w|, or none. b is never penalized. Default "l2". */
  readonly penalty?: "l2" | "l1" | "none" | undefined;
  /** C > 0, the weight of the examples against the penalty. Default 1. */
  readonly C?: number | undefined;
  /**
   * The solver; see {@link LogisticRegression}. Default: whatever suits the penalty and the size.
   */
  readonly solver?: "newton" | "lbfgs" | "proximal" | "steps" | undefined;
  /**
   * The tolerance: the norm of the gradient of the mean loss that counts as 0; for `proximal` that
   * of the step. Default 1e-8.
   */
  readonly tolerance?: number | undefined;
  /** The most iterations; for `steps` the number of epochs. Default 1000. */
  readonly maxIterations?: number | undefined;
  /** η of `steps`. Default 0.1. */
  readonly lr?: number | undefined;
  /** Weights of the classes, or "balanced". Default: all 1. */
  readonly classWeight?: LabelWeights;
}

type LogisticState = LinearClassifierState & {
  readonly loss: number;
  readonly iterations: number;
  readonly converged: boolean;
};

const solvers = { newton: byNewton, lbfgs: byLbfgs, proximal: byProximalSteps, steps: bySteps };
/** Up to this many weights a Hessian is cheaper than the iterations that it saves. */
const mostForNewton = 600;

abstract class LogisticLearner extends LinearClassifier<LogisticState> {
  abstract override readonly options: Omit<Filled<LogisticOptions>, "solver" | "classWeight"> &
    Pick<LogisticOptions, "solver" | "classWeight">;

  /** Whether two classes share one score; the other class has its negative. */
  protected abstract readonly isBinary: (classes: number) => boolean;

  /** The objective at the end, without the penalty: the mean loss in nats. */
  get loss(): number {
    return this.state.loss;
  }
  /** Iterations of the solver. */
  get iterations(): number {
    return this.state.iterations;
  }
  /** Whether the gradient reached the tolerance; `steps` uses all of its epochs. */
  get converged(): boolean {
    return this.state.converged;
  }

  /**
   * @throws {DataError} if all examples have one class. @throws {NumericError} if the weights
   * overflow.
   */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const { classWeight } = this.options;
    const rows = classified(this.name, x, y, options, classWeight);
    const problem = this.#problemOf(rows);
    const solution = this.#solve(problem);
    if (!solution.w.every(Number.isFinite)) throw unusable(this.name, this.options.lr);
    const { iterations, converged } = solution;
    if (!converged) warnOnce(unfinished(this.name, iterations));
    return this.learn({ ...stateOf(rows, problem, solution), iterations, converged });
  }

  #problemOf({ x, indices, weights, classes }: ClassifiedRows): Problem {
    const { penalty, C } = this.options;
    const total = weights.reduce((a, b) => a + b, 0);
    const strength = penalty === "none" ? 0 : 1 / (C * total);
    const outputs = this.isBinary(classes.length) ? 1 : classes.length;
    return {
      ...{ x, indices, outputs, total },
      weights: weights.map((w) => w / total),
      l1: penalty === "l1" ? strength : 0,
      l2: penalty === "l2" ? strength : 0,
    };
  }

  #solve(problem: Problem): Solution {
    const { penalty, solver } = this.options;
    const { x, outputs } = problem;
    const isSmall = outputs * (x.columns + 1) <= mostForNewton;
    const usual = penalty === "l1" ? "proximal" : isSmall ? "newton" : "lbfgs";
    return solvers[solver ?? usual](problem, this.options);
  }

  /** The probability of each class, `[N, K]`; rows sum to 1. */
  predictProba(x: Features): Tensor {
    const { values, width, rows } = this.scores(x);
    const z = vectorTensor(values, [rows, width]);
    if (width > 1) return z.softmax(1);
    const both = new Float64Array(2 * rows);
    for (const [i, score] of values.entries()) {
      both[2 * i] = sigmoid(-score);
      both[2 * i + 1] = sigmoid(score);
    }
    return vectorTensor(both, [rows, 2]);
  }
}

/** 1/(1 + e⁻ᶻ), in the form whose exponential does not overflow. */
const sigmoid = (z: number): number =>
  z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));

function stateOf(
  { classes, x: { columns } }: ClassifiedRows,
  { outputs, l1, l2 }: Problem,
  { w, loss }: Solution,
) {
  const coef = new Float64Array(outputs * columns);
  const intercept = new Float64Array(outputs);
  for (let k = 0; k < outputs; k++) {
    coef.set(w.subarray(k * (columns + 1), k * (columns + 1) + columns), k * columns);
    intercept[k] = w[k * (columns + 1) + columns]!;
  }
  if (outputs > 1) center(intercept, 1);
  if (outputs > 1 && l1 === 0 && l2 === 0) center(coef, columns);
  return {
    classes,
    loss,
    coef: { dtype: "float64", shape: [outputs, columns], data: coef },
    intercept: { dtype: "float64", shape: [outputs], data: intercept },
  } as const;
}

/** A constant added to all scores changes nothing: each column is shifted to mean 0. */
function center(values: Float64Array, columns: number): void {
  const rows = values.length / columns;
  for (let j = 0; j < columns; j++) {
    let sum = 0;
    for (let k = 0; k < rows; k++) sum += values[k * columns + j]!;
    for (let k = 0; k < rows; k++) values[k * columns + j]! -= sum / rows;
  }
}

function filled(subject: string, options: LogisticOptions): LogisticLearner["options"] {
  checkOptions(subject, options, {
    ...{ penalty: true, C: true, solver: true, tolerance: true },
    ...{ maxIterations: true, lr: true, classWeight: true },
  });
  const {
    penalty = "l2",
    C = 1,
    solver,
    tolerance = 1e-8,
    maxIterations = 1000,
    lr = 0.1,
  } = options;
  checkWord(subject, "penalty", penalty, ["l2", "l1", "none"]);
  checkNumber(subject, "C", C, "above 0");
  if (solver !== undefined) checkWord(subject, "solver", solver, Object.keys(solvers));
  checkNumber(subject, "tolerance", tolerance, "above 0");
  checkWhole(subject, "maxIterations", maxIterations);
  checkNumber(subject, "lr", lr, "above 0");
  if (penalty === "l1" && solver !== undefined)
    checkWord(subject, "solver with an L1 penalty", solver, ["proximal"]);
  return { penalty, C, solver, tolerance, maxIterations, lr, classWeight: options.classWeight };
}

const unusable = (subject: string, lr: number) =>
  new NumericError({
    subject,
    problem: `the weights left the finite numbers with lr ${lr}.`,
    fix: "take a smaller lr, or standardize the features.",
  });

const unfinished = (subject: string, iterations: number) => ({
  subject,
  problem: `after ${iterations} iterations the gradient is not below the tolerance.`,
  fix: "standardize the features, allow more maxIterations, or a penalty: without one, classes that a line parts have no minimum.",
});

/**
 * Logistic regression: P(second class | x) = σ(wᵀx + b), by
 *
 *   minimise C Σ sₙ ℓₙ + ½ ‖w‖²   (or + Σ|wⱼ|),   ℓₙ = log(1 + e^(−yₙ(wᵀxₙ + b))), yₙ = ±1
 *
 * with sample weights sₙ. With more than two classes, each has a w, with the loss of {@link
 * SoftmaxRegression}. Solvers:
 *
 * - `newton`: Newton's method, here iteratively reweighted least squares, with a line search.
 *   O(ND²K² + D³K³) per iteration, few iterations.
 * - `lbfgs`: for many features or classes. O(NDK) per iteration.
 * - `proximal`: accelerated proximal gradient steps with restarts, for the L1 penalty.
 * - `steps`: as in course texts (with `penalty: "none"`), from zero weights w ← w + η (y − σ(wᵀx +
 *   b)) x for each example in turn, y ∈ {0, 1}, with the gradient of the penalty distributed over
 *   the examples. The first thing to try for classification: a unique solution, probabilities,
 *   interpretable weights.
 *
 * @see Cox 1958; Hastie, Tibshirani & Friedman 2009, §4.4; Nocedal & Wright 2006, algorithm 7.5;
 * Beck & Teboulle 2009; O'Donoghue & Candès 2015
 * @example
 * const points = [[0], [1], [2], [3]];
 * const model = await new LogisticRegression().fit(points, ["low", "low", "high", "high"]);
 * model.classes; // ["high", "low"]
 * model.predict([[0.5], [2.5]]); // ["low", "high"]
 * model.predictProba([[1.5]]).toArray(); // [[0.5…, 0.5…]]
 */
export class LogisticRegression extends LogisticLearner {
  readonly name = "LogisticRegression";
  readonly options: LogisticLearner["options"];
  protected readonly isBinary = (classes: number) => classes === 2;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: LogisticOptions = {}) {
    super();
    this.options = filled("LogisticRegression", options);
  }
}

/**
 * Softmax regression: P(class k | x) = e^(zₖ) / Σ e^(zⱼ) with z = Wx + b, by
 *
 *   minimise C Σ sₙ (log Σₖ e^(zₙₖ) − zₙᵧ) + ½ ‖W‖²   (or + Σ|W|)
 *
 * Two classes have a w each as well. Solvers and costs as for {@link LogisticRegression}, which has
 * half the weights for two classes; this one has weights for every class, like the last layer of a
 * net.
 *
 * @see Hastie, Tibshirani & Friedman 2009, §4.4
 * @example
 * const model = await new SoftmaxRegression().fit([[0], [1], [5], [6]], ["a", "a", "b", "b"]);
 * model.coef.shape; // [2, 1]
 * model.predict([[-1], [7]]); // ["a", "b"]
 */
export class SoftmaxRegression extends LogisticLearner {
  readonly name = "SoftmaxRegression";
  readonly options: LogisticLearner["options"];
  protected readonly isBinary = () => false;

  /** @throws {ConfigError} for invalid options. */
  constructor(options: LogisticOptions = {}) {
    super();
    this.options = filled("SoftmaxRegression", options);
  }
}
