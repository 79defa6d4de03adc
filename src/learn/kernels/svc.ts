/** Support vector machines with kernels. */
import { checkOptions, type HostArray, warnOnce } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber, checkWhole } from "../checks.ts";
import {
  type ClassifiedRows,
  Classifier,
  type ClassifierState,
  classified,
  type LabelWeights,
  type LearnOptions,
} from "../estimator.ts";
import { type Examples, type Features, type Targets, takeRows, vectorTensor } from "../input.ts";
import { largest } from "../linear/linear-classifier.ts";
import { matrixFrom } from "./kernel-ridge.ts";
import { PairKernels } from "./kernel-rows.ts";
import {
  checkKernel,
  type Kernel,
  type KernelOptions,
  kernelFor,
  kernelOptionNames,
  kernelValues,
} from "./kernels.ts";
import { type DualSolution, solveDual } from "./smo.ts";

/** Options of {@link SVC}. */
export interface SVCOptions extends KernelOptions {
  /** C > 0, the weight of the examples against ½ ‖w‖². Default 1. */
  readonly C?: number | undefined;
  /** The tolerance of the optimality conditions. Default 1e-3. */
  readonly tolerance?: number | undefined;
  /** The most steps, of two examples each. Default 10 000 000. */
  readonly maxIterations?: number | undefined;
  /** Weights of the classes, or "balanced". Default: all 1. */
  readonly classWeight?: LabelWeights;
}

/** Support vectors `[S, D]`, and for each pair of classes their weights and b. */
type SVCState = ClassifierState & {
  readonly kernel: Kernel;
  readonly vectors: HostArray;
  readonly support: readonly number[];
  /** α y of each pair and support vector, `[P, S]`. */
  readonly weights: HostArray;
  readonly intercept: HostArray;
  readonly objectives: readonly number[];
};

/**
 * A support vector machine:
 *
 *   minimise ½ ‖w‖² + C Σ sₙ max(0, 1 − yₙ (w·φ(xₙ) + b))
 *
 * in the feature space φ of a kernel, by sequential minimal optimisation (SMO) of the dual problem.
 * Only the examples at or within the margin, the support vectors, are kept. More than two classes
 * are decided by the votes of a machine for each pair.
 *
 * Defaults are scikit-learn's: the Gaussian kernel with γ = 1/(D Var(x)). Between O(N²D) and O(N³),
 * a prediction O(SD) for S support vectors. For nonlinear boundaries and up to some 10⁴ examples;
 * with more, {@link RandomFeatures} before {@link LinearSVC}. Standardize the features first.
 *
 * @see Cortes & Vapnik 1995; Platt 1998; Chang & Lin 2011, "LIBSVM"
 * @example
 * const xor = await new SVC({ C: 100, gamma: 1 }).fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]);
 * xor.predict([[0.1, 0.9], [0.9, 0.9]]); // [1, 0]
 * xor.support; // [0, 1, 2, 3]
 */
export class SVC extends Classifier<SVCState> {
  readonly name = "SVC";
  readonly options: KernelOptions & {
    readonly C: number;
    readonly tolerance: number;
    readonly maxIterations: number;
    readonly classWeight?: LabelWeights;
  };

  /** @throws {ConfigError} for invalid options. */
  constructor(options: SVCOptions = {}) {
    super();
    checkOptions("SVC", options, {
      ...kernelOptionNames,
      ...{ C: true, tolerance: true, maxIterations: true, classWeight: true },
    });
    const { C = 1, tolerance = 1e-3, maxIterations = 10_000_000, classWeight, ...given } = options;
    const { kernel = "rbf", gamma = "scale", degree, coef0, layers } = given;
    this.options = {
      ...{ C, tolerance, maxIterations, classWeight },
      ...{ kernel, gamma, degree, coef0, layers },
    };
    checkNumber("SVC", "C", C, "above 0");
    checkNumber("SVC", "tolerance", tolerance, "above 0");
    checkWhole("SVC", "maxIterations", maxIterations);
    checkKernel("SVC", this.options);
  }

  /** Indices of the support vectors among the examples of `fit`, ascending. */
  get support(): readonly number[] {
    return this.state.support;
  }
  /** The support vectors, `[S, D]`. */
  get supportVectors(): Tensor {
    return vectorTensor(this.state.vectors.data as Float64Array, this.state.vectors.shape);
  }
  /** α y of each pair of classes and support vector, `[P, S]`; pairs in the order 0–1, 0–2, …, 1–2, …. */
  get dualCoef(): Tensor {
    return vectorTensor(this.state.weights.data as Float64Array, this.state.weights.shape);
  }
  /** b of each pair, `[P]`. */
  get intercept(): Tensor {
    return vectorTensor(this.state.intercept.data as Float64Array);
  }
  /** The dual objective Σα − ½ αᵀQα of each pair. */
  get objectives(): readonly number[] {
    return this.state.objectives;
  }

  /**
   * Solves the dual problem of each pair of classes. @throws {DataError} if all examples have one
   * class.
   */
  async fit(x: Features | Examples, y?: Targets, options: LearnOptions = {}): Promise<this> {
    const rows = classified(this.name, x, y, options, this.options.classWeight);
    const kernel = kernelFor(this.options, rows.x);
    const groups = groupsOf(rows.indices, rows.classes.length);
    const kernels = new PairKernels(
      kernel,
      groups.map((group) => takeRows(rows.x, group)),
    );
    const machines = pairs(rows.classes.length).map((pair) =>
      this.#machine(groups, rows, kernels, pair),
    );
    const used = new Set(machines.flatMap(({ weights }) => [...weights.keys()]));
    const support = [...used].sort((a, b) => a - b);
    const at = new Map(support.map((row, s) => [row, s]));
    const weights = new Float64Array(machines.length * support.length);
    for (const [p, machine] of machines.entries())
      for (const [row, weight] of machine.weights)
        weights[p * support.length + at.get(row)!] = weight;
    const { data } = takeRows(rows.x, support);
    return this.learn({
      ...{ classes: rows.classes, kernel, support },
      vectors: { dtype: "float64", shape: [support.length, rows.x.columns], data },
      weights: { dtype: "float64", shape: [machines.length, support.length], data: weights },
      intercept: {
        dtype: "float64",
        shape: [machines.length],
        data: Float64Array.from(machines, ({ b }) => b),
      },
      objectives: machines.map(({ objective }) => objective),
    });
  }

  /** For a pair of classes, the second against the first: α y by example. */
  #machine(
    groups: readonly (readonly number[])[],
    { weights }: ClassifiedRows,
    kernels: PairKernels,
    [first, second]: readonly [number, number],
  ): Pick<DualSolution, "b" | "objective"> & { weights: Map<number, number> } {
    const { C, tolerance, maxIterations } = this.options;
    const members = [...groups[first]!, ...groups[second]!];
    const y = Float64Array.from(members, (_, n) => (n < groups[first]!.length ? -1 : 1));
    const c = Float64Array.from(members, (i) => C * weights[i]!);
    if (c.every((each) => each === 0)) return { b: 0, objective: 0, weights: new Map() };
    const problem = { rows: kernels.of(first, second), y, c };
    const solution = solveDual(problem, tolerance, maxIterations);
    if (!solution.converged) warnOnce(unfinished(maxIterations));
    const found = new Map<number, number>();
    for (const [n, i] of members.entries())
      if (solution.alpha[n]! > 0) found.set(i, solution.alpha[n]! * y[n]!);
    return { b: solution.b, objective: solution.objective, weights: found };
  }

  /**
   * f = Σ α y k + b of each pair: `[N]` for two classes, else `[N, P]`; positive for the second of
   * the pair.
   */
  decisionFunction(x: Features): Tensor {
    const { values, rows, machines } = this.#scores(x);
    return vectorTensor(values, machines === 1 ? [rows] : [rows, machines]);
  }

  #scores(x: Features): { values: Float64Array; rows: number; machines: number } {
    const { kernel, vectors, weights, intercept } = this.state;
    const known = matrixFrom(vectors);
    const rows = this.rows(x, known.columns);
    const k = vectorTensor(kernelValues(kernel, rows, known), [rows.rows, known.rows]);
    const w = vectorTensor(weights.data as Float64Array, weights.shape);
    const values = k.matmul(w.transpose()).dataSync() as Float64Array;
    const machines = intercept.data.length;
    for (let at = 0; at < values.length; at++) values[at]! += intercept.data[at % machines]!;
    return { values, rows: rows.rows, machines };
  }

  protected indicesOf(x: Features): Int32Array {
    const { values, rows, machines } = this.#scores(x);
    const among = pairs(this.classes.length);
    return Int32Array.from({ length: rows }, (_, i) => {
      const votes = new Float64Array(this.classes.length);
      for (const [p, [a, b]] of among.entries()) votes[values[i * machines + p]! > 0 ? b : a]! += 1;
      return largest(votes);
    });
  }
}

/** The examples of each class, ascending. */
const groupsOf = (indices: Int32Array, classes: number): number[][] => {
  const groups: number[][] = Array.from({ length: classes }, () => []);
  for (const [i, k] of indices.entries()) groups[k]!.push(i);
  return groups;
};

const pairs = (classes: number): (readonly [number, number])[] =>
  Array.from({ length: classes }, (_, a) => a).flatMap((a) =>
    Array.from({ length: classes - a - 1 }, (_, n) => [a, a + 1 + n] as const),
  );

const unfinished = (steps: number) => ({
  subject: "SVC",
  problem: `after ${steps} steps an example still violates the conditions of the optimum.`,
  fix: "standardize the features, allow more maxIterations, or take a smaller C.",
});
