export type { GeluForm } from "./activations.ts";
export { type Compiled, compile } from "./compile.ts";
export type { ReduceOptions } from "./composite.ts";
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv,
  convTranspose,
} from "./convolution.ts";
export {
  arange,
  checkedValues,
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
  where,
  zeros,
  zerosLike,
} from "./create.ts";
export { einsum } from "./einsum.ts";
export {
  backend,
  type EngineName,
  engineInfo,
  listEngines,
  loadEngine,
  setEngine,
} from "./engine.ts";
export {
  convOutputSize,
  convTransposeOutputSize,
  type Padding,
  type PerAxis,
  samePadding,
  type TransposeOptions,
  type WindowOptions,
} from "./geometry.ts";
export { fromHost, keepHost } from "./host.ts";
export type { Range } from "./indexing.ts";
export type { TensorData } from "./nested.ts";
export { type PaddingMode, type PadOptions, pad } from "./padding.ts";
export {
  avgPool,
  type MaxUnpoolOptions,
  maxPool,
  maxPoolWithIndices,
  maxUnpool,
  type PoolOptions,
} from "./pooling.ts";
export { bernoulli, Generator, normal, type RandomKey, randomKey, uniform } from "./random.ts";
export type { ArrayOfRank, JointRank, NestedArray, RankOfData, RankOfShape } from "./rank.ts";
export { realize, realizeSync } from "./realize.ts";
export {
  batchToSpace,
  type DepthOptions,
  type DepthOrder,
  depthToSpace,
  repeat,
  roll,
  spaceToBatch,
  spaceToDepth,
  split,
  tile,
  tril,
  triu,
  unstack,
} from "./rearrange.ts";
export { cummax, cummin, type Indexed, type RunningOptions } from "./scans.ts";
export {
  type GatherNdOptions,
  gatherElements,
  gatherNd,
  type Reduction,
  type ScatterOptions,
  scatterElements,
  scatterNd,
  segmentSum,
} from "./scatter.ts";
export {
  nonzero,
  type SearchSortedOptions,
  searchSorted,
  type TopKOptions,
  topK,
  type Unique,
  unique,
} from "./search.ts";
export {
  type CumulativeOptions,
  isTensor,
  Tensor,
  type TensorLike,
} from "./tensor.ts";
export {
  grad,
  hessian,
  hvp,
  type Jacobian,
  jacobian,
  jvp,
  stopGradient,
  type TensorTree,
  valueAndGrad,
  vjp,
} from "./transforms.ts";
export { isTracing, isVariable, Variable, type VariableTrace, withTrace } from "./variable.ts";
