import { ConfigError, checkOptions, show, sizeOf } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { gradientsOf, type Scorer, type ScoreTarget, scorerOf, scoresOf } from "./score.ts";

/** The baseline, and the accuracy of the integral. */
export interface IntegratedGradientsOptions {
  /** By default the predicted class. */
  readonly target?: ScoreTarget | undefined;
  /**
   * The baseline input, which carries no information: a number for all elements (default 0), or a
   * tensor that broadcasts to the inputs.
   */
  readonly baseline?: number | Tensor | undefined;
  /** The largest gap of completeness, relative to the change of the score (and at least 1), default 1e-6. */
  readonly tolerance?: number | undefined;
  /** The most gradients per example, default 4096. */
  readonly maxGradients?: number | undefined;
}

/** Attributions, and how exactly they add up. */
export interface IntegratedGradients {
  /** The shape of the inputs. */
  readonly attributions: Tensor;
  /** s(x) − s(baseline) of each example: the total of the attributions. */
  readonly change: readonly number[];
  /** |Σ attributions − change| of each example. */
  readonly gap: readonly number[];
  /** Gradients computed for each example. */
  readonly gradients: readonly number[];
}

/** Nodes and weights of Gauss and Legendre on 0 … 1: exact for polynomials of degree 7. */
const rule = [-1, 1].flatMap((sign) =>
  [-1, 1].map((inner): readonly [node: number, weight: number] => {
    const root = Math.sqrt(3 / 7 + inner * (2 / 7) * Math.sqrt(6 / 5));
    return [(1 + sign * root) / 2, (18 - inner * Math.sqrt(30)) / 72];
  }),
);

/**
 * Distributes the change of the score, from an uninformative baseline to the input, among the
 * elements:
 *
 *   IGᵢ(x) = (xᵢ − x′ᵢ) ∫₀¹ ∂s/∂xᵢ (x′ + α (x − x′)) dα,   Σᵢ IGᵢ = s(x) − s(x′)
 *
 * The sum is known, so the error of each segment of the path is known too, and segments with a
 * large one are halved: at the kinks of ReLU an even grid would need some hundred thousand
 * gradients for the same accuracy.
 *
 * @param inputs `[N, …]`
 * @throws {ConfigError} for a target that is not a class of the model, or a baseline of another
 * shape.
 * @see Sundararajan, Taly & Yan 2017, "Axiomatic attribution for deep networks", §3
 * @example
 * const square = (outputs: Tensor) => outputs.square().sum({ axis: 1 });
 * const model = new Linear(2, 1, { bias: false, init: init.constant(1) });
 * const { attributions, change } = integratedGradients(model, tensor([[1, 2]]), { target: square });
 * attributions.toArray(); // [[3, 6]]
 * change; // [9]
 */
export function integratedGradients(
  model: Module,
  inputs: Tensor,
  options: IntegratedGradientsOptions = {},
): IntegratedGradients {
  checkOptions("integratedGradients", options, {
    target: true,
    baseline: true,
    tolerance: "number",
    maxGradients: "count",
  });
  const { target, baseline = 0, tolerance = 1e-6, maxGradients = 4096 } = options;
  const scorer = scorerOf("integratedGradients", model, inputs, target);
  const start = baselineOf(inputs, baseline);
  const path = new StraightPath(model, scorer, start, inputs);
  path.integrate(tolerance, maxGradients);
  const total = tensor(path.attributions, "float64");
  return {
    attributions: total.reshape(inputs.shape).cast(inputs.dtype),
    change: path.change,
    gap: path.change.map((change, n) => Math.abs(path.sumOf(n) - change)),
    gradients: path.gradients,
  };
}

function baselineOf(inputs: Tensor, baseline: number | Tensor): Tensor {
  const start = inputs.mul(0).add(baseline);
  if (start.shape.length === inputs.rank && start.shape.every((d, i) => d === inputs.shape[i]))
    return start;
  throw new ConfigError({
    subject: "integratedGradients",
    problem: `the baseline is ${typeof baseline === "number" ? baseline : show(baseline.shape)} for inputs ${show(inputs.shape)}.`,
    fix: "give a number, or a tensor that broadcasts to the inputs.",
  });
}

/** A segment of one example's path, with the score at both ends. */
interface Stretch {
  readonly example: number;
  readonly from: number;
  readonly to: number;
  readonly scoreFrom: number;
  readonly scoreTo: number;
}

/** A point of one example's path, from 0 to 1. */
interface Point {
  readonly example: number;
  readonly at: number;
}

/** The path from the baseline to the input of each example, integrated segment by segment. */
class StraightPath {
  /** Rows of the batches in which gradients are computed. */
  static readonly rows = 256;
  readonly #model: Module;
  readonly #scorer: Scorer;
  readonly #start: ArrayLike<number>;
  readonly #way: Float64Array;
  readonly #like: Tensor;
  readonly #size: number;
  readonly attributions: Float64Array;
  readonly change: number[];
  readonly gradients: number[];
  readonly #ends: { first: ArrayLike<number>; last: ArrayLike<number> };

  constructor(model: Module, scorer: Scorer, start: Tensor, inputs: Tensor) {
    this.#model = model;
    this.#scorer = scorer;
    this.#like = inputs;
    this.#start = start.dataSync();
    const end = inputs.dataSync();
    this.#way = Float64Array.from(end, (x, i) => x - this.#start[i]!);
    this.#size = sizeOf(inputs.shape.slice(1));
    this.attributions = new Float64Array(end.length);
    const scores = (x: Tensor) => scoresOf(model, scorer, x).dataSync();
    this.#ends = { first: scores(start), last: scores(inputs) };
    this.change = Array.from(this.#ends.last, (s, n) => s - this.#ends.first[n]!);
    this.gradients = this.change.map(() => 0);
  }

  sumOf(example: number): number {
    const from = example * this.#size;
    return this.attributions.subarray(from, from + this.#size).reduce((a, b) => a + b, 0);
  }

  integrate(tolerance: number, most: number): void {
    let open: Stretch[] = this.change.map((_, example) => ({
      example,
      from: 0,
      to: 1,
      scoreFrom: this.#ends.first[example]!,
      scoreTo: this.#ends.last[example]!,
    }));
    while (open.length > 0) open = this.#halve(this.#accept(open, tolerance, most));
  }

  /**
   * Adds the segments that are accurate enough, or may not be halved further, and returns the
   * others.
   */
  #accept(stretches: readonly Stretch[], tolerance: number, most: number): Stretch[] {
    const points = stretches.flatMap((s) =>
      rule.map(([node]) => ({ example: s.example, at: s.from + node * (s.to - s.from) })),
    );
    const gradients = this.#gradientsAt(points);
    return stretches.filter((stretch, k) => {
      const { example, from, to } = stretch;
      const part = new Float64Array(this.#size);
      rule.forEach(([, weight], j) => {
        const row = gradients[rule.length * k + j]!;
        for (let i = 0; i < this.#size; i++) part[i]! += weight * (to - from) * row[i]!;
      });
      this.gradients[example]! += rule.length;
      let sum = 0;
      for (let i = 0; i < this.#size; i++) sum += part[i]! * this.#way[example * this.#size + i]!;
      const gap = Math.abs(sum - (stretch.scoreTo - stretch.scoreFrom));
      if (
        gap > this.#allowed(stretch, tolerance) &&
        this.gradients[example]! + 2 * rule.length <= most
      )
        return true;
      for (let i = 0; i < this.#size; i++) {
        const at = example * this.#size + i;
        this.attributions[at]! += part[i]! * this.#way[at]!;
      }
      return false;
    });
  }

  /**
   * A part of half the tolerance, never below a 64th of it, nor below the rounding error of the
   * scores.
   */
  #allowed({ example, from, to, scoreFrom, scoreTo }: Stretch, tolerance: number): number {
    const scale = Math.max(1, Math.abs(this.change[example]!));
    const epsilon = this.#like.dtype === "float64" ? 2 ** -52 : 2 ** -23;
    const rounding = 4 * epsilon * Math.max(Math.abs(scoreFrom), Math.abs(scoreTo));
    return Math.max(tolerance * scale * 0.5 * Math.max(to - from, 1 / 64), rounding);
  }

  #halve(stretches: readonly Stretch[]): Stretch[] {
    const middles = stretches.map(({ example, from, to }) => ({ example, at: (from + to) / 2 }));
    const scores = this.#scoresAt(middles);
    return stretches.flatMap((s, k) => {
      const { at } = middles[k]!;
      return [
        { ...s, to: at, scoreTo: scores[k]! },
        { ...s, from: at, scoreFrom: scores[k]! },
      ];
    });
  }

  #scoresAt(points: readonly Point[]): number[] {
    return this.#batches(points).flatMap(({ inputs, examples }) => [
      ...scoresOf(this.#model, this.#scorer, inputs, examples).dataSync(),
    ]);
  }

  #gradientsAt(points: readonly Point[]): ArrayLike<number>[] {
    return this.#batches(points).flatMap(({ inputs, examples }) => {
      const data = gradientsOf(this.#model, this.#scorer, inputs, examples).dataSync();
      return examples.map((_, k) => data.subarray(k * this.#size, (k + 1) * this.#size));
    });
  }

  /** Points of the paths as inputs of the model, in batches. */
  #batches(points: readonly Point[]): { inputs: Tensor; examples: number[] }[] {
    const starts = Array.from(
      { length: Math.ceil(points.length / StraightPath.rows) },
      (_, i) => i * StraightPath.rows,
    );
    return starts.map((first) => {
      const some = points.slice(first, first + StraightPath.rows);
      const x = new Float64Array(some.length * this.#size);
      some.forEach(({ example, at }, k) => {
        for (let i = 0; i < this.#size; i++) {
          const place = example * this.#size + i;
          x[k * this.#size + i] = this.#start[place]! + at * this.#way[place]!;
        }
      });
      const shape = [some.length, ...this.#like.shape.slice(1)];
      const inputs = tensor(x, this.#like.dtype).reshape(shape);
      return { inputs, examples: some.map(({ example }) => example) };
    });
  }
}
