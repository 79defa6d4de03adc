/**
 * Update rules, what comes before them, and learning rates.
 *
 * @module gradus/optim
 */
export { type AdadeltaOptions, type AdagradOptions, adadelta, adagrad } from "./adagrad.ts";
export { type AdamOptions, adam, adamW } from "./adam.ts";
export { chain, clipByGlobalNorm, clipByValue, globalNorm, weightDecay } from "./chain.ts";
export { type LeastSquaresOptions, leastSquares } from "./least-squares.ts";
export { type LionOptions, lion } from "./lion.ts";
export { type Iteration, type MinimizeOptions, type Minimum, minimize } from "./minimize.ts";
export {
  decayedAverage,
  exponentialMovingAverage,
  simpleMovingAverage,
} from "./moving-average.ts";
export { type NadamOptions, nadam } from "./nadam.ts";
export type { RuleLike, RuleName } from "./named.ts";
export {
  type NonFinite,
  Optimizer,
  type OptimizerOptions,
  type ParameterGroup,
} from "./optimizer.ts";
export { type PlateauOptions, type PlateauState, plateau } from "./plateau.ts";
export { type RmspropOptions, rmsprop } from "./rmsprop.ts";
export type { GradientTransform, Hyper, Rule, RuleState, Tensors } from "./rule.ts";
export {
  constant,
  cosine,
  cosineRestarts,
  exponential,
  inverseSqrt,
  inverseTime,
  oneCycle,
  type Schedule,
  stepDecay,
  warmup,
} from "./schedules.ts";
export { heavyBall, type MomentumOptions, momentum, nesterov, sgd, subgradient } from "./sgd.ts";
export { WeightAverage, type WeightAverageOptions } from "./weight-average.ts";
