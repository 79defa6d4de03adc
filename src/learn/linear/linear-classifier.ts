import { DataError, type HostArray } from "../../base/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { type ClassifiedRows, Classifier, type ClassifierState } from "../estimator.ts";
import { type Features, type Matrix, tensorOf, vectorTensor } from "../input.ts";

/** W `[K, D]` and b `[K]` float64; for two classes one row, the score of the second. */
export type LinearClassifierState = ClassifierState & {
  readonly coef: HostArray;
  readonly intercept: HostArray;
};

/**
 * A classifier by scores z = Wx + b: for two classes the second if z > 0, otherwise the class with
 * the largest score.
 */
export abstract class LinearClassifier<
  S extends LinearClassifierState = LinearClassifierState,
> extends Classifier<S> {
  /** W, `[K, D]` float64; `[1, D]` of two classes. */
  get coef(): Tensor {
    const { shape, data } = this.state.coef;
    return vectorTensor(data as Float64Array, shape);
  }
  /** b, `[K]` float64; `[1]` of two classes. */
  get intercept(): Tensor {
    return vectorTensor(this.state.intercept.data as Float64Array);
  }

  /** z = Wx + b of each row: `[N]` of two classes, else `[N, K]`. */
  decisionFunction(x: Features): Tensor {
    const { values, width, rows } = this.scores(x);
    return vectorTensor(values, width === 1 ? [rows] : [rows, width]);
  }

  /** Whether a score selects the second of two classes. */
  protected isSecond(z: number): boolean {
    return z > 0;
  }

  protected scores(x: Features): { values: Float64Array; width: number; rows: number } {
    const { coef, intercept } = this.state;
    const [width, features] = coef.shape as readonly [number, number];
    const matrix = this.rows(x, features);
    return { values: linearScores(matrix, coef, intercept), width, rows: matrix.rows };
  }

  protected indicesOf(x: Features): Int32Array {
    const { values, width, rows } = this.scores(x);
    if (width === 1) return Int32Array.from(values, (z) => Number(this.isSecond(z)));
    return Int32Array.from({ length: rows }, (_, i) =>
      largest(values.subarray(i * width, (i + 1) * width)),
    );
  }
}

/** X Wᵀ + b, `[N, K]` row-major. */
export function linearScores(x: Matrix, coef: HostArray, intercept: HostArray): Float64Array {
  const w = vectorTensor(coef.data as Float64Array, coef.shape);
  const z = tensorOf(x).matmul(w.transpose()).dataSync() as Float64Array;
  const width = intercept.data.length;
  for (let i = 0; i < z.length; i++) z[i]! += intercept.data[i % width]!;
  return z;
}

/** The index of the largest element, the first one on ties. */
export function largest(values: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k]! > values[best]!) best = k;
  return best;
}

/** The fitted state of a binary classifier from its weights, the last of which is b. */
export function binaryState(
  classes: ClassifierState["classes"],
  w: Float64Array,
): LinearClassifierState {
  const d = w.length - 1;
  return {
    classes,
    coef: { dtype: "float64", shape: [1, d], data: w.slice(0, d) },
    intercept: { dtype: "float64", shape: [1], data: w.slice(d) },
  };
}

/** Throws unless there are two classes. @throws {DataError} naming their number. */
export function checkTwoClasses(subject: string, { classes }: ClassifiedRows): void {
  if (classes.length === 2) return;
  throw new DataError({
    subject,
    problem: `it parts two classes, and there are ${classes.length} (${classes.slice(0, 5).join(", ")}${classes.length > 5 ? ", …" : ""}).`,
    fix: `wrap it: new OneVsRestClassifier(new ${subject}()).`,
  });
}

/** wᵀx + b, where b is the last weight. */
export function affine(w: Float64Array, x: Float64Array): number {
  let z = w[x.length]!;
  for (let j = 0; j < x.length; j++) z += w[j]! * x[j]!;
  return z;
}

/** w ← w + a (x, 1) */
export function addAffine(w: Float64Array, a: number, x: Float64Array): void {
  for (let j = 0; j < x.length; j++) w[j]! += a * x[j]!;
  w[x.length]! += a;
}

/** The order of the rows in an epoch. */
export interface OrderOptions {
  /** Whether each epoch shuffles the rows. Default false. */
  readonly shuffle?: boolean | undefined;
  /** The seed of the shuffles. Default 0. */
  readonly seed?: number | undefined;
}
