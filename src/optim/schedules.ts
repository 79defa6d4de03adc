/** Learning rates as pure functions of the step (or epoch) 0, 1, 2, … */
import { ConfigError, checkOptions, describe } from "../base/index.ts";

/** The learning rate of step 0, 1, 2, … */
export type Schedule = (step: number) => number;

/**
 * A constant rate.
 * @example
 * constant(0.1)(1000); // 0.1
 */
export const constant = (lr: number): Schedule => {
  checkRate("constant", lr);
  return () => lr;
};

/**
 * Falls by a factor every `every` steps: lr · factor^⌊step / every⌋.
 *
 * @throws {ConfigError} unless `every` is above 0.
 * @example
 * stepDecay(1, { factor: 0.5, every: 10 })(25); // 0.25
 */
export const stepDecay = (lr: number, options: { factor?: number; every: number }): Schedule => {
  checkRate("stepDecay", lr);
  checkOptions("stepDecay", options ?? null, { factor: "number", every: "number" });
  const { factor = 0.1, every } = options;
  checkSteps("stepDecay", "every", every);
  return (step) => lr * factor ** Math.floor(step / every);
};

/**
 * Falls by the same factor at each step: lr · factor^step.
 * @example
 * exponential(1, { factor: 0.5 })(3); // 0.125
 */
export const exponential = (lr: number, options: { factor: number }): Schedule => {
  checkRate("exponential", lr);
  checkOptions("exponential", options ?? null, { factor: "number" });
  const { factor } = options;
  return (step) => lr * factor ** step;
};

/**
 * Half a cosine from lr down to `min` in `steps` steps, then `min`:
 *
 *   min + ½ (lr − min) (1 + cos(π step / steps))
 *
 * @throws {ConfigError} unless `steps` is above 0.
 * @see Loshchilov & Hutter 2017, "SGDR", §3, without restarts
 * @example
 * cosine(1, { steps: 10 })(5); // 0.5
 * cosine(1, { steps: 10 })(20); // 0
 */
export const cosine = (lr: number, options: { steps: number; min?: number }): Schedule => {
  checkRate("cosine", lr);
  checkOptions("cosine", options ?? null, { steps: "number", min: "number" });
  const { steps, min = 0 } = options;
  checkSteps("cosine", "steps", steps);
  return (step) =>
    min + 0.5 * (lr - min) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps));
};

/**
 * Half cosines from lr down to `min`, one after another: the first in `steps` steps, each following
 * one `growth` times as long.
 *
 * @see Loshchilov & Hutter 2017, "SGDR", §3
 * @example
 * const schedule = cosineRestarts(1, { steps: 2, growth: 2 });
 * [0, 1, 2, 4, 6].map(schedule); // [1, 0.5, 1, 0.5, 1]
 */
export const cosineRestarts = (
  lr: number,
  options: { steps: number; growth?: number; min?: number },
): Schedule => {
  checkRate("cosineRestarts", lr);
  checkOptions("cosineRestarts", options ?? null, {
    steps: "number",
    growth: "number",
    min: "number",
  });
  const { steps, growth = 1, min = 0 } = options;
  if (!(steps > 0 && growth >= 1))
    throw new ConfigError({
      subject: "cosineRestarts",
      problem: `steps is ${steps} and growth ${growth}.`,
      fix: "give steps above 0 and a growth of 1 or more.",
    });
  return (step) => {
    let [from, length] = [0, steps];
    while (step >= from + length) [from, length] = [from + length, length * growth];
    return cosine(lr, { steps: length, min })(step - from);
  };
};

/**
 * lr / (1 + step): with it Σ lr diverges and Σ lr² does not, as stochastic descent needs to converge.
 *
 * @see Robbins & Monro 1951
 * @example
 * inverseTime(1)(3); // 0.25
 */
export const inverseTime = (lr: number): Schedule => {
  checkRate("inverseTime", lr);
  return (step) => lr / (1 + step);
};

/**
 * lr / √(1 + step), the rate for convex functions that are not smooth.
 *
 * @example
 * inverseSqrt(1)(3); // 0.5
 */
export const inverseSqrt = (lr: number): Schedule => {
  checkRate("inverseSqrt", lr);
  return (step) => lr / Math.sqrt(1 + step);
};

/**
 * Up and down once: half a cosine from lr / `divide` up to lr in the first part of `steps` steps,
 * then half a cosine down to a `finalDivide`-th of the initial rate; constant afterwards.
 *
 * High rates in the middle move far and avoid sharp minima. As PyTorch's OneCycleLR; momentum is
 * not changed.
 *
 * @param lr the highest rate, after `rise` · steps, where 0 ≤ rise ≤ 1.
 * @throws {ConfigError} unless `steps` is above 0 and `rise` a share.
 * @see Smith & Topin 2019, "Super-convergence"
 * @example
 * const schedule = oneCycle(1, { steps: 11, rise: 0.6 });
 * [schedule(0), schedule(5.6)]; // [0.04, 1]
 */
export const oneCycle = (
  lr: number,
  options: { steps: number; rise?: number; divide?: number; finalDivide?: number },
): Schedule => {
  checkRate("oneCycle", lr);
  checkOptions("oneCycle", options ?? null, {
    steps: "number",
    rise: "number",
    divide: "number",
    finalDivide: "number",
  });
  const { steps, rise = 0.3, divide = 25, finalDivide = 1e4 } = options;
  checkSteps("oneCycle", "steps", steps);
  checkRise(rise);
  const first = lr / divide;
  const [top, end] = [rise * steps - 1, steps - 1];
  const along = (from: number, to: number, part: number) =>
    to + 0.5 * (from - to) * (1 + Math.cos(Math.PI * part));
  return (step) => {
    if (step < top) return along(first, lr, step / top);
    if (top === end) return lr; // there are no steps to fall in
    return along(lr, first / finalDivide, (Math.min(step, end) - top) / (end - top));
  };
};

/**
 * Linear warm-up to the first rate of another schedule in `steps` steps, then follows it from its
 * beginning.
 * @example
 * const schedule = warmup(constant(1), { steps: 4 });
 * [0, 1, 2, 3, 4].map(schedule); // [0.25, 0.5, 0.75, 1, 1]
 */
export const warmup = (then: Schedule, options: { steps: number }): Schedule => {
  if (typeof then !== "function") throw noSchedule(then);
  checkOptions("warmup", options ?? null, { steps: "number" });
  const { steps } = options;
  return (step) => (step < steps ? (then(0) * (step + 1)) / steps : then(step - steps));
};

/**
 * @throws {ConfigError} for an invalid rate: strings and undefined would give NaN, or be
 * concatenated.
 */
function checkRate(subject: string, lr: unknown): void {
  if (typeof lr === "number" && lr >= 0 && lr < Number.POSITIVE_INFINITY) return;
  throw new ConfigError({
    subject,
    problem: `the rate is ${describe(lr)}.`,
    fix: "give a finite number of 0 or more, such as 0.1.",
  });
}

const noSchedule = (given: unknown): ConfigError =>
  new ConfigError({
    subject: "warmup",
    problem: `what follows is ${describe(given)}, not a schedule.`,
    fix: "give a function of the step, such as constant(0.1).",
  });

function checkSteps(subject: string, name: string, steps: number): void {
  if (steps > 0) return;
  throw new ConfigError({
    subject,
    problem: `${name} is ${steps}.`,
    fix: "give a number of steps above 0.",
  });
}

function checkRise(rise: number): void {
  if (rise >= 0 && rise <= 1) return;
  throw new ConfigError({
    subject: "oneCycle",
    problem: `rise is ${rise}.`,
    fix: "give the share of the steps in which the rate rises, 0 to 1.",
  });
}
