import { ConfigError, checkOptions, DataError, type HostArray } from "../base/index.ts";
import { type AnyModule, Module, type Parameter } from "../nn/index.ts";
import { flushed } from "../tensor/flush.ts";
import { fromHost, full, tensor, Variable, where, zerosLike } from "../tensor/index.ts";
import { mapValues, write } from "./write.ts";

/** The kind of average that {@link WeightAverage} keeps. */
export interface WeightAverageOptions {
  /** β of an exponential average, 0 ≤ β < 1. Without it, the mean of all weights. */
  readonly decay?: number | undefined;
}

/**
 * Averages the weights during training: the noise of the batches averages out.
 *
 *   Polyak–Ruppert:        w̄ ← w̄ + (w − w̄) / t                t = 1, 2, …
 *   with `decay`, β:       w̄ ← β w̄ + (1 − β) w,               w̄₁ = w₁
 *
 * Call `update` after each step, within the compiled step or outside, or make it one of the
 * callbacks of `fit`. The mean of all weights is for steps near a minimum; create a new average
 * then. Only parameters are averaged: the running statistics of batch norm belong to w, not to w̄.
 *
 * @see Ruppert 1988; Polyak & Juditsky 1992, "Acceleration of stochastic approximation by
 *   averaging"; Izmailov et al. 2018, "Averaging weights leads to wider optima and better
 *   generalization"
 * @example
 * const model = new Linear(1, 1, { bias: false });
 * const average = new WeightAverage(model);
 * for (const w of [1, 2, 6]) {
 *   model.weight.value = tensor([[w]]);
 *   average.update();
 * }
 * average.apply(() => model.weight.value.item()); // 3
 * model.weight.value.item(); // 6
 */
export class WeightAverage {
  readonly #parameters: Readonly<Record<string, Parameter>>;
  readonly #averages: Readonly<Record<string, Variable>>;
  /** Updates done so far, int32. */
  readonly #count: Variable;
  readonly #decay: number | undefined;

  /**
   * @param target a model, or some of its parameters with their paths.
   * @throws {ConfigError} for a decay outside 0 … 1.
   */
  constructor(
    target: AnyModule | Readonly<Record<string, Parameter>>,
    options: WeightAverageOptions = {},
  ) {
    checkOptions("WeightAverage", options, { decay: true });
    const { decay } = options;
    if (decay !== undefined && !(decay >= 0 && decay < 1))
      throw new ConfigError({
        subject: "WeightAverage",
        problem: `decay is ${decay}.`,
        fix: "give a share of 0 or more and below 1, such as 0.999, or none for the mean of all.",
      });
    this.#parameters = target instanceof Module ? target.parameters() : target;
    this.#averages = mapValues(this.#parameters, (p) => new Variable(zerosLike(p.value)));
    this.#count = new Variable(tensor(0, "int32"));
    this.#decay = decay;
  }

  /** The number of weights in the average. */
  get count(): number {
    return this.#count.value.item();
  }

  /** Its entire state, as plain data: the count, and the averages by path. For checkpoints. */
  state(): { readonly json: number; readonly arrays: Readonly<Record<string, HostArray>> } {
    return { json: this.count, arrays: mapValues(this.#averages, (x) => x.value.toHost()) };
  }

  /**
   * Restores what `state` returned.
   *
   * @throws {DataError} if it is not the state of an average of these parameters.
   */
  restore({
    json,
    arrays = {},
  }: {
    readonly json: unknown;
    readonly arrays?: Readonly<Record<string, HostArray>>;
  }): void {
    const missing = Object.keys(this.#averages).find((path) => !arrays[path]);
    if (typeof json !== "number" || missing !== undefined)
      throw new DataError({
        subject: "WeightAverage",
        problem: missing
          ? `the state has no "${missing}".`
          : `the count is ${JSON.stringify(json)}.`,
        fix: "give the state of an average of the same model.",
      });
    this.#count.value = tensor(json, "int32");
    for (const [path, average] of Object.entries(this.#averages))
      average.value = fromHost(arrays[path]!);
  }

  /** Adds the current weights to the average. */
  update(): void {
    const count = this.#count.value.add(1);
    const t = count.cast("float64");
    const all = full([], 1, { dtype: "float64" });
    const share =
      this.#decay === undefined ? all.div(t) : where(t.equal(1), all, all.mul(1 - this.#decay));
    const writes = Object.entries(this.#averages).map(([path, variable]) => {
      const [mean, w] = [variable.value, this.#parameters[path]!.value];
      return [variable, flushed(mean.add(w.sub(mean).mul(share)).cast(mean.dtype))] as const;
    });
    write([[this.#count, count], ...writes]);
  }

  /** As a callback of `fit`, whose checkpoints carry its state: an update after each step. */
  onBatchEnd(): void {
    this.update();
  }

  /**
   * Swaps weights and averages: the model then is the average; call it again to continue training.
   *
   * @throws {ConfigError} before the first update.
   */
  swap(): void {
    if (this.count === 0)
      throw new ConfigError({
        subject: "WeightAverage",
        problem: "there is no average yet.",
        fix: "call update after each step of training.",
      });
    write(
      Object.entries(this.#averages).flatMap(([path, average]) => {
        const parameter = this.#parameters[path]!;
        return [[parameter, average.value] as const, [average, parameter.value] as const];
      }),
    );
  }

  /** Runs `f` while the model is the average. `f` may return a promise. */
  apply<R>(f: () => R): R {
    this.swap();
    let result: R;
    try {
      result = f();
    } catch (error) {
      this.swap();
      throw error;
    }
    if (!(result instanceof Promise)) {
      this.swap();
      return result;
    }
    return result.finally(() => this.swap()) as R;
  }
}
