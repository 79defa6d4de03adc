export { Optimizer, type OptimizerOptions } from "./optimizer.ts";
export type { GradientTransform, Hyper, Rule, RuleState, Tensors } from "./rule.ts";
export { sgd } from "./sgd.ts";
