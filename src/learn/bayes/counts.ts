/** Naive Bayes for counts and for booleans. */
import { checkOptions, DataError, type HostArray } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { checkNumber } from "../checks.ts";
import type { ClassifiedRows, ClassifierState } from "../estimator.ts";
import { type Features, type Label, type Matrix, rowOf, vectorTensor } from "../input.ts";
import { linearScores } from "../linear/linear-classifier.ts";
import { logPriors, NaiveBayes } from "./naive-bayes.ts";

/** Σw `[K]` and Σw x `[K, D]` of each class. */
type CountState = ClassifierState & {
  readonly classCount: HostArray;
  readonly featureCount: HostArray;
};

/** Options of {@link MultinomialNB}. */
export interface MultinomialNBOptions {
  /** Laplace's and Lidstone's smoothing: the number added to every count. Default 1. */
  readonly alpha?: number | undefined;
  /** P(class) in ascending order of the classes. Default: their fractions of the examples. */
  readonly classPrior?: readonly number[] | undefined;
}

/** Options of {@link BernoulliNB}. */
export interface BernoulliNBOptions extends MultinomialNBOptions {
  /** A feature above this is true. Default 0. */
  readonly binarize?: number | undefined;
}

/** A model whose log probabilities are linear in the features. */
abstract class CountingBayes extends NaiveBayes<CountState> {
  abstract override readonly options: { readonly alpha: number } & Pick<
    MultinomialNBOptions,
    "classPrior"
  >;

  protected get givenPriors(): readonly number[] | undefined {
    return this.options.classPrior;
  }

  /** log P(class), `[K]`. */
  get classLogPrior(): Tensor {
    return vectorTensor(logPriors(this.options.classPrior, this.state.classCount.data));
  }

  protected features({ featureCount }: CountState): number {
    return featureCount.shape[1]!;
  }

  protected empty(classes: readonly Label[], d: number): CountState {
    const k = classes.length;
    return {
      classes,
      classCount: { dtype: "float64", shape: [k], data: new Float64Array(k) },
      featureCount: { dtype: "float64", shape: [k, d], data: new Float64Array(k * d) },
    };
  }

  /** Features as what is counted. */
  protected abstract counted(x: Matrix): Matrix;

  protected plus(state: CountState, { x, classes, indices, weights }: ClassifiedRows): CountState {
    const counts = this.counted(x);
    const classCount = Float64Array.from(state.classCount.data);
    const featureCount = Float64Array.from(state.featureCount.data);
    for (let i = 0; i < x.rows; i++) {
      const [k, w, row] = [indices[i]!, weights[i]!, rowOf(counts, i)];
      classCount[k]! += w;
      for (let j = 0; j < row.length; j++) featureCount[k * row.length + j]! += w * row[j]!;
    }
    return {
      classes,
      classCount: { ...state.classCount, data: classCount },
      featureCount: { ...state.featureCount, data: featureCount },
    };
  }

  /** The weight of each feature and the constant of each class. */
  protected abstract linear(): { weights: Float64Array; constants: Float64Array };

  protected logJoint(x: Features): { values: Float64Array; rows: number } {
    const { featureCount } = this.state;
    const matrix = this.counted(this.rows(x, featureCount.shape[1]!));
    const { weights, constants } = this.linear();
    const coef = { ...featureCount, data: weights };
    const intercept: HostArray = { dtype: "float64", shape: [constants.length], data: constants };
    return { values: linearScores(matrix, coef, intercept), rows: matrix.rows };
  }
}

/**
 * Multinomial naive Bayes, for counts such as those of words:
 *
 *   log P(class | x) = log P(class) + Σⱼ xⱼ log θⱼ + constant,   θⱼ = (Nⱼ + α) / (Σ N + αD)
 *
 * where Nⱼ is the sum of feature j over the examples of the class. O(NDK). For texts and other
 * counts, as a fast baseline that needs few examples.
 *
 * @see Manning, Raghavan & Schütze 2008, "Introduction to information retrieval", §13.2
 * @example
 * const model = await new MultinomialNB().fit([[2, 0], [3, 1], [0, 2]], ["sport", "sport", "music"]);
 * model.predict([[1, 0], [0, 1]]); // ["sport", "music"]
 */
export class MultinomialNB extends CountingBayes {
  readonly name = "MultinomialNB";
  readonly options: CountingBayes["options"];

  /** @throws {ConfigError} if α is negative. */
  constructor(options: MultinomialNBOptions = {}) {
    super();
    checkOptions("MultinomialNB", options, { alpha: true, classPrior: true });
    const { alpha = 1, classPrior } = options;
    checkNumber("MultinomialNB", "alpha", alpha, "of 0 or more");
    this.options = { alpha, classPrior };
  }

  /** log θ, `[K, D]`. */
  get featureLogProb(): Tensor {
    return vectorTensor(this.linear().weights, this.state.featureCount.shape);
  }

  protected counted(x: Matrix): Matrix {
    const at = x.data.findIndex((value) => value < 0);
    if (at < 0) return x;
    throw new DataError({
      subject: this.name,
      problem: `the feature in row ${Math.floor(at / x.columns)}, column ${at % x.columns} is ${x.data[at]}.`,
      fix: "give counts, which are not negative; for other numbers use GaussianNB.",
    });
  }

  protected linear(): { weights: Float64Array; constants: Float64Array } {
    const { featureCount, classCount } = this.state;
    const { alpha, classPrior } = this.options;
    const [k, d] = featureCount.shape as readonly [number, number];
    const weights = new Float64Array(k * d);
    for (let c = 0; c < k; c++) {
      const row = (featureCount.data as Float64Array).subarray(c * d, (c + 1) * d);
      const total = row.reduce((a, b) => a + b, 0) + alpha * d;
      for (let j = 0; j < d; j++) weights[c * d + j] = Math.log((row[j]! + alpha) / total);
    }
    return { weights, constants: logPriors(classPrior, classCount.data) };
  }
}

/**
 * Bernoulli naive Bayes, for boolean features:
 *
 *   log P(class | x) = log P(class) + Σⱼ [xⱼ log pⱼ + (1 − xⱼ) log(1 − pⱼ)] + constant,   pⱼ = (Nⱼ + α) / (N + 2α)
 *
 * where Nⱼ of the N examples of the class have feature j. Unlike in {@link MultinomialNB} absent
 * features count as well. O(NDK). For short texts and yes-or-no features.
 *
 * @see Manning, Raghavan & Schütze 2008, "Introduction to information retrieval", §13.3
 * @example
 * const model = await new BernoulliNB().fit([[1, 0], [1, 1], [0, 1], [0, 0]], [1, 1, 0, 0]);
 * model.predict([[1, 0]]); // [1]
 */
export class BernoulliNB extends CountingBayes {
  readonly name = "BernoulliNB";
  readonly options: CountingBayes["options"] & { readonly binarize: number };

  /** @throws {ConfigError} if α is negative. */
  constructor(options: BernoulliNBOptions = {}) {
    super();
    checkOptions("BernoulliNB", options, { alpha: true, classPrior: true, binarize: true });
    const { alpha = 1, classPrior, binarize = 0 } = options;
    checkNumber("BernoulliNB", "alpha", alpha, "of 0 or more");
    this.options = { alpha, classPrior, binarize };
  }

  /** log p, `[K, D]`. */
  get featureLogProb(): Tensor {
    return vectorTensor(this.#probabilities().map(Math.log), this.state.featureCount.shape);
  }

  protected counted({ rows, columns, data }: Matrix): Matrix {
    return { rows, columns, data: data.map((value) => Number(value > this.options.binarize)) };
  }

  #probabilities(): Float64Array {
    const { featureCount, classCount } = this.state;
    const { alpha } = this.options;
    const d = featureCount.shape[1]!;
    return Float64Array.from(
      featureCount.data,
      (count, at) => (count + alpha) / (classCount.data[Math.floor(at / d)]! + 2 * alpha),
    );
  }

  protected linear(): { weights: Float64Array; constants: Float64Array } {
    const { featureCount, classCount } = this.state;
    const d = featureCount.shape[1]!;
    const p = this.#probabilities();
    const constants = logPriors(this.options.classPrior, classCount.data);
    for (let at = 0; at < p.length; at++) constants[Math.floor(at / d)]! += Math.log1p(-p[at]!);
    return { weights: p.map((pj) => Math.log(pj) - Math.log1p(-pj)), constants };
  }
}
