/**
 * Update rules and the parts of chains, learning-rate schedules, full-batch solvers.
 *
 * @module gradus/optim
 */

export {
  decayedAverage,
  exponentialMovingAverage,
  simpleMovingAverage,
} from "./moving-average.ts";
export {
  type NonFinite,
  Optimizer,
  type OptimizerOptions,
  type ParamGroup,
} from "./optimizer.ts";
export { type PlateauOptions, type PlateauState, plateau } from "./plateau.ts";
export { type AdadeltaOptions, type AdagradOptions, adadelta, adagrad } from "./rules/adagrad.ts";
export { type AdamOptions, adam, adamW } from "./rules/adam.ts";
export {
  type ChainPart,
  chain,
  clipByGlobalNorm,
  clipByValue,
  decoupledDecay,
  globalNorm,
  weightDecay,
} from "./rules/chain.ts";
export { type LionOptions, lion } from "./rules/lion.ts";
export { type NadamOptions, nadam } from "./rules/nadam.ts";
export type { RuleLike, RuleName } from "./rules/named.ts";
export { type RmspropOptions, rmsprop } from "./rules/rmsprop.ts";
export type {
  Direction,
  DirectionTransform,
  GradientTransform,
  Hyper,
  Rule,
  RuleState,
  Tensors,
} from "./rules/rule.ts";
export {
  heavyBall,
  type MomentumOptions,
  momentum,
  nesterov,
  sgd,
  subgradient,
} from "./rules/sgd.ts";
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
export { type LeastSquaresOptions, leastSquares } from "./solvers/least-squares.ts";
export {
  type Iteration,
  type MinimizeOptions,
  type Minimum,
  minimize,
} from "./solvers/minimize.ts";
export { WeightAverage, type WeightAverageOptions } from "./weight-average.ts";
