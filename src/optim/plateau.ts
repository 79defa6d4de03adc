/** A learning rate that follows a measurement instead of a schedule. */
import { ConfigError, checkOptions } from "../base/index.ts";

/** When {@link plateau} lowers the rate, and by how much. */
export interface PlateauOptions {
  /** The factor that multiplies the rate, between 0 and 1; default 0.1. */
  readonly factor?: number | undefined;
  /** How many measurements without improvement are tolerated; default 10. */
  readonly patience?: number | undefined;
  /** The relative improvement over the best value that counts; default 10⁻⁴. */
  readonly threshold?: number | undefined;
  /** The cooldown: how many measurements after a reduction are ignored; default 0. */
  readonly cooldown?: number | undefined;
  /** The minimum rate; default 0. */
  readonly min?: number | undefined;
  /** Whether larger is better, as for accuracy. */
  readonly maximize?: boolean | undefined;
}

/** Its entire state: plain data, to be saved with a checkpoint. */
export interface PlateauState {
  readonly lr: number;
  /** The best value so far; null before the first. */
  readonly best: number | null;
  /** Measurements since then, or since the last reduction. */
  readonly bad: number;
  /** Measurements still to be ignored. */
  readonly cooling: number;
}

/**
 * Lowers the learning rate when a measurement, such as the validation loss, has stopped improving:
 *
 *   lr ← max(min, factor · lr)   after more than `patience` values that are not below best · (1 − threshold)
 *
 * As PyTorch's ReduceLROnPlateau, except that PyTorch makes no reduction smaller than 10⁻⁸.
 *
 * @throws {ConfigError} for a factor outside 0 … 1.
 * @example
 * const rate = plateau({ factor: 0.5, patience: 1 });
 * let state = rate.init(0.1);
 * for (const loss of [3, 2, 2, 2]) state = rate.update(state, loss);
 * state.lr; // 0.05
 */
export function plateau(options: PlateauOptions = {}): {
  /** The state before the first measurement. */
  init(lr: number): PlateauState;
  /** The state after one more; its `lr` is the rate from now on. */
  update(state: PlateauState, value: number): PlateauState;
} {
  checkOptions("plateau", options, {
    factor: "number",
    patience: "number",
    threshold: "number",
    cooldown: "number",
    min: "number",
    maximize: "boolean",
  });
  const {
    factor = 0.1,
    patience = 10,
    threshold = 1e-4,
    cooldown = 0,
    min = 0,
    maximize = false,
  } = options;
  if (!(factor > 0 && factor < 1))
    throw new ConfigError({
      subject: "plateau",
      problem: `the factor is ${factor}.`,
      fix: "give a factor between 0 and 1, which lowers the rate.",
    });
  const isBetter = (value: number, best: number) =>
    maximize ? value > best * (1 + threshold) : value < best * (1 - threshold);
  return {
    init: (lr) => ({ lr, best: null, bad: 0, cooling: 0 }),
    update({ lr, best, bad, cooling }, value) {
      if (best === null ? !Number.isNaN(value) : isBetter(value, best)) [best, bad] = [value, 0];
      else bad++;
      if (cooling > 0) [cooling, bad] = [cooling - 1, 0];
      if (bad > patience)
        return { lr: Math.max(min, factor * lr), best, bad: 0, cooling: cooldown };
      return { lr, best, bad, cooling };
    },
  };
}
