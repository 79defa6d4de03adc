/**
 * Layers, losses and models as functions of their parameters.
 *
 * @module gradus/nn
 */
export {
  ELU,
  elu,
  GELU,
  type GeluForm,
  gelu,
  HardSigmoid,
  HardTanh,
  hardSigmoid,
  hardTanh,
  Identity,
  LeakyReLU,
  LogSoftmax,
  PReLU,
  type PReLUOptions,
  ReLU,
  Sigmoid,
  Sign,
  SiLU,
  Softmax,
  Softplus,
  Step,
  silu,
  step,
  Tanh,
} from "./activation.ts";
export {
  type AttentionOptions,
  attention,
  causalMask,
  lengthMask,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
  TransformerBlock,
  type TransformerBlockOptions,
} from "./attention.ts";
export {
  type CellOptions,
  GRUCell,
  type HiddenState,
  LSTMCell,
  type MemoryState,
  RecurrentCell,
  RNNCell,
} from "./cells.ts";
export { Parallel, Residual } from "./composition.ts";
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from "./conv.ts";
export { type CrossEntropyOptions, crossEntropy } from "./cross-entropy.ts";
export { Dropout } from "./dropout.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { formatSummary } from "./format-summary.ts";
export * as init from "./initialise.ts";
export { fans, type Initializer, type InitOptions, seeded } from "./initialise.ts";
export { denseAgainstConvolution, type LayerCosts, type LayerPair } from "./layer-costs.ts";
export { Linear, type WeightOptions } from "./linear.ts";
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type HuberOptions,
  huber,
  klDivergence,
  type LossOptions,
  meanAbsoluteError,
  meanSquaredError,
  type Reduction,
  squaredError,
} from "./losses.ts";
export {
  exponentialLoss,
  hinge,
  logisticLoss,
  multiClassHinge,
  squaredHinge,
  zeroOneLoss,
} from "./margins.ts";
export { type AnyModule, evaluating, Module, select, trainable } from "./module.ts";
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  GroupNorm,
  LayerNorm,
  LocalResponseNorm,
  type LocalResponseNormOptions,
  type NormOptions,
} from "./normalisation.ts";
export { Parameter, valuesOf } from "./parameter.ts";
export {
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  GlobalAvgPool,
  GlobalMaxPool,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type PoolLayerOptions,
} from "./pooling.ts";
export { type Reach, type ReceptiveField, receptiveField } from "./receptive-field.ts";
export {
  GRU,
  LSTM,
  Recurrent,
  type RecurrentOptions,
  RNN,
  type SequenceOptions,
} from "./recurrent.ts";
export { elasticNet, l1, l2 } from "./regularisers.ts";
export { replaceHead } from "./replace-head.ts";
export { Sequential } from "./sequential.ts";
export { Flatten, Reshape } from "./shape.ts";
export {
  type Sizes,
  type Summary,
  type SummaryOptions,
  type SummaryRow,
  summary,
} from "./summary.ts";
export { functional, hvp, type ParameterTensors, valueAndGrad } from "./transforms.ts";
export { MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, type UnpoolLayerOptions } from "./unpooling.ts";
export {
  type LayerVariance,
  type VarianceOptions,
  variancesThroughDepth,
} from "./variances.ts";
