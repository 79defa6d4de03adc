import { ConfigError, checkOptions, describe, nearest } from "../base/index.ts";

/** Numbers by name: `loss`, `accuracy`, `val_loss`, `val_accuracy`, `lr`, … */
export type Logs = Readonly<Record<string, number>>;

/** Whether smaller or larger values of a quantity are better. */
export type Mode = "min" | "max";

/** The quantity that a callback monitors. */
export interface Monitor {
  /** A name in the logs. Default `val_loss`. */
  readonly monitor?: string;
  /**
   * Whether smaller ("min") or larger ("max") is better. Default: max for accuracies and other
   * scores, else min.
   */
  readonly mode?: Mode;
}

/** Scores should be large, everything else (losses, errors) small. */
export const modeOf = (monitor: string): Mode => (scores.test(monitor) ? "max" : "min");
const scores = /(accuracy|(precision|recall|f1)(Micro|Weighted|OfClass\d+)?|auc|r2|exactMatch)$/i;

/** @throws {ConfigError} for another mode. */
export function checkMode(subject: string, mode: Mode): void {
  if (mode === "min" || mode === "max") return;
  throw new ConfigError({
    subject,
    problem: `mode is ${describe(mode)}.`,
    fix: 'give "min" or "max", or leave it out: scores should be large, everything else small.',
  });
}

/**
 * The results of a training, epoch by epoch, and why it ended. Plain data, stored in checkpoints.
 * @example
 * const history = new History([{ loss: 0.7 }, { loss: 0.4 }, { loss: 0.5 }]);
 * history.get("loss"); // [0.7, 0.4, 0.5]
 * history.best("loss"); // { epoch: 1, value: 0.4 }
 */
export class History {
  /** Per epoch: the averages over training data, over validation data (`val_…`), and `lr`. */
  readonly epochs: Logs[];
  /** Why training ended, as a clause: "all 5 epochs are done". Empty while it runs. */
  stopped = "";

  constructor(epochs: readonly Logs[] = []) {
    this.epochs = [...epochs];
  }

  /** One quantity over the epochs. */
  get(name: string): number[] {
    return this.epochs.map((logs) => quantity(logs, name));
  }

  /** The logs of the last epoch, `{}` before the first. */
  get last(): Logs {
    return this.epochs.at(-1) ?? {};
  }

  /**
   * The first epoch at which `monitor` was best by more than `minDelta`, NaN never being best;
   * undefined before the first epoch.
   *
   * @throws {ConfigError} if there is no such quantity.
   */
  best(
    monitor: string,
    options: { mode?: Mode; minDelta?: number } = {},
  ): { epoch: number; value: number } | undefined {
    checkOptions("History.best", options, { mode: true, minDelta: "number" });
    const { mode = modeOf(monitor), minDelta = 0 } = options;
    const sign = mode === "min" ? 1 : -1;
    let best: { epoch: number; value: number } | undefined;
    this.get(monitor).forEach((value, epoch) => {
      if (Number.isNaN(value)) return;
      if (!best || sign * (best.value - value) > minDelta) best = { epoch, value };
    });
    return best;
  }
}

function quantity(logs: Logs, name: string): number {
  const value = logs[name];
  if (value !== undefined) return value;
  throw unknownQuantity("History", `there is no "${name}"`, name, Object.keys(logs));
}

/**
 * @param subject the callback that monitors the quantity.
 * @throws {ConfigError} if no epoch of the training will log it.
 */
export function checkMonitor(
  subject: string,
  monitor: string,
  { quantities }: { readonly quantities: readonly string[] },
): void {
  if (quantities.includes(monitor)) return;
  throw unknownQuantity(
    subject,
    `it monitors ${describe(monitor)}, which is not`,
    monitor,
    quantities,
  );
}

function unknownQuantity(
  subject: string,
  problem: string,
  name: string,
  names: readonly string[],
): ConfigError {
  const isHeld = (x: string) => x.startsWith("val_");
  const near =
    isHeld(String(name)) && !names.some(isHeld) ? undefined : nearest(String(name), names);
  return new ConfigError({
    subject,
    problem: `${problem} among ${names.join(", ")}.`,
    fix: near
      ? `did you mean "${near}"?`
      : isHeld(String(name))
        ? "give validation data to fit, such as validation: 0.2, or name another quantity."
        : "name one of these quantities.",
  });
}
