/**
 * Layers, losses and models as functions of their parameters.
 *
 * @module gradus/nn
 */

export type { GeluForm } from "../tensor/index.ts";
export {
  elu,
  gelu,
  hardSigmoid,
  hardTanh,
  leakyRelu,
  logSoftmax,
  relu,
  sigmoid,
  sign,
  silu,
  softmax,
  softplus,
  step,
  tanh,
} from "./activations.ts";
export * as init from "./initialise.ts";
export { fans, type Initializer, type InitOptions, manualSeed, seeded } from "./initialise.ts";
export { formatSummary } from "./inspect/format-summary.ts";
export { denseAgainstConvolution, type LayerCosts, type LayerPair } from "./inspect/layer-costs.ts";
export { type ReceptiveField, receptiveField } from "./inspect/receptive-field.ts";
export {
  type Sizes,
  type Summary,
  type SummaryOptions,
  type SummaryRow,
  summary,
} from "./inspect/summary.ts";
export {
  type LayerVariance,
  type VarianceOptions,
  variancesThroughDepth,
} from "./inspect/variances.ts";
export {
  ELU,
  GELU,
  HardSigmoid,
  HardTanh,
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
  Tanh,
} from "./layers/activation.ts";
export {
  type AttentionOptions,
  attention,
  causalMask,
  lengthMask,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
  TransformerBlock,
  type TransformerBlockOptions,
} from "./layers/attention.ts";
export {
  type CellOptions,
  GRUCell,
  type HiddenState,
  LSTMCell,
  type MemoryState,
  RecurrentCell,
  RNNCell,
} from "./layers/cells.ts";
export { Parallel, Residual } from "./layers/composition.ts";
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from "./layers/conv.ts";
export { Dropout } from "./layers/dropout.ts";
export { Embedding, type EmbeddingOptions } from "./layers/embedding.ts";
export { Linear, type WeightOptions } from "./layers/linear.ts";
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
} from "./layers/normalisation.ts";
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
} from "./layers/pooling.ts";
export {
  GRU,
  LSTM,
  Recurrent,
  type RecurrentOptions,
  RNN,
  type SequenceOptions,
} from "./layers/recurrent.ts";
export { Sequential } from "./layers/sequential.ts";
export { Flatten, Reshape } from "./layers/shape.ts";
export {
  MaxUnpool1d,
  MaxUnpool2d,
  MaxUnpool3d,
  type UnpoolLayerOptions,
} from "./layers/unpooling.ts";
export { type ContrastiveLossOptions, ntXent } from "./losses/contrastive.ts";
export { type CrossEntropyOptions, crossEntropy } from "./losses/cross-entropy.ts";
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
} from "./losses/losses.ts";
export {
  exponentialLoss,
  hinge,
  logisticLoss,
  multiClassHinge,
  squaredHinge,
  zeroOneLoss,
} from "./losses/margins.ts";
export { elasticNet, l1, l2 } from "./losses/regularisers.ts";
export { type AnyModule, evaluating, Module, select, trainable } from "./module.ts";
export { type ExampleLosses, hasOwnLoss, type OwnLoss } from "./own-loss.ts";
export { Parameter, valuesOf } from "./parameter.ts";
export type { Reach } from "./reach.ts";
export { replaceHead } from "./replace-head.ts";
export { functional, type ParameterTensors, valueAndGrad } from "./transforms.ts";
