export * as init from "./initialise.ts";
export { fans, type Initializer, type InitOptions, seeded } from "./initialise.ts";
export { Linear, type WeightOptions } from "./linear.ts";
export {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huber,
  type LossOptions,
  meanAbsoluteError,
  meanSquaredError,
  type Reduction,
  squaredError,
} from "./losses.ts";
export { type AnyModule, Module, trainable } from "./module.ts";
export { Parameter, valuesOf } from "./parameter.ts";
export { Sequential } from "./sequential.ts";
export { functional, hvp, type ParameterTensors, valueAndGrad } from "./transforms.ts";
