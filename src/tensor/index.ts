export { type Compiled, compile } from "./compile.ts";
export type { ReduceOptions } from "./composite.ts";
export {
  avgPool,
  type ConvOptions,
  type ConvTransposeOptions,
  conv,
  convTranspose,
  type MaxUnpoolOptions,
  maxPool,
  maxPoolWithIndices,
  maxUnpool,
  type Padding,
  type PerAxis,
  type PoolOptions,
} from "./convolution.ts";
export {
  arange,
  concat,
  eye,
  full,
  linspace,
  oneHot,
  ones,
  onesLike,
  scatterAdd,
  stack,
  tensor,
  topK,
  where,
  zeros,
  zerosLike,
} from "./create.ts";
export {
  backend,
  type EngineName,
  engineInfo,
  listEngines,
  loadEngine,
  setEngine,
} from "./engine.ts";
export type { Range } from "./indexing.ts";
export { bernoulli, Generator, normal, type RandomKey, uniform } from "./random.ts";
export { realize, realizeSync } from "./realize.ts";
export { fromHost, isTensor, type NestedArray, Tensor, type TensorLike } from "./tensor.ts";
export {
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  stopGradient,
  type TensorTree,
  valueAndGrad,
  vjp,
} from "./transforms.ts";
export { isTracing, isVariable, Variable, type VariableTrace, withTrace } from "./variable.ts";
