/** Update rules, what comes before them, and learning rates. */
export { type AdamOptions, adam, adamW } from "./adam.ts";
export { chain, clipByGlobalNorm, clipByValue, globalNorm, weightDecay } from "./chain.ts";
export { Optimizer, type OptimizerOptions } from "./optimizer.ts";
export { type RmspropOptions, rmsprop } from "./rmsprop.ts";
export type { GradientTransform, Hyper, Rule, RuleState, Tensors } from "./rule.ts";
export {
  constant,
  cosine,
  exponential,
  inverseSqrt,
  inverseTime,
  type Schedule,
  stepDecay,
  warmup,
} from "./schedules.ts";
export { heavyBall, type MomentumOptions, momentum, nesterov, sgd } from "./sgd.ts";
