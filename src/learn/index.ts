/**
 * Classic learners, with the conventions of scikit-learn.
 *
 * @module gradus/learn
 */
export {
  BernoulliNB,
  type BernoulliNBOptions,
  MultinomialNB,
  type MultinomialNBOptions,
} from "./bayes/counts.ts";
export { GaussianNB, type GaussianNBOptions } from "./bayes/gaussian.ts";
export { NaiveBayes, type PartialOptions } from "./bayes/naive-bayes.ts";
export { KMeans, type KMeansOptions } from "./cluster/k-means.ts";
export { PCA, type PCAOptions } from "./decomposition/pca.ts";
export {
  Classifier,
  type ClassifierState,
  Estimator,
  type FittedValue,
  type LabelWeights,
  type LearnOptions,
  Regressor,
  type State,
} from "./estimator.ts";
export type { Examples, Features, Label, Targets } from "./input.ts";
export {
  Nystroem,
  type NystroemOptions,
  RandomFeatures,
  type RandomFeaturesOptions,
} from "./kernels/approximations.ts";
export { KernelRidge, type KernelRidgeOptions } from "./kernels/kernel-ridge.ts";
export { type KernelName, type KernelOptions, kernelMatrix } from "./kernels/kernels.ts";
export { SVC, type SVCOptions } from "./kernels/svc.ts";
export { learnerFromJSON, learnerNames, loadLearner } from "./learners.ts";
export { Adaline, type AdalineOptions } from "./linear/adaline.ts";
export {
  ElasticNet,
  type ElasticNetOptions,
  Lasso,
  type LassoOptions,
} from "./linear/elastic-net.ts";
export {
  LinearRegression,
  type LinearRegressionOptions,
  LinearRegressor,
  type LinearState,
  Ridge,
  type RidgeOptions,
  type RidgeState,
} from "./linear/least-squares.ts";
export {
  LinearClassifier,
  type LinearClassifierState,
  type OrderOptions,
} from "./linear/linear-classifier.ts";
export { LinearSVC, type LinearSVCOptions } from "./linear/linear-svc.ts";
export { type LogisticOptions, LogisticRegression, SoftmaxRegression } from "./linear/logistic.ts";
export { Perceptron, type PerceptronOptions, type PerceptronReport } from "./linear/perceptron.ts";
export {
  type TrustworthinessOptions,
  trustworthiness,
} from "./manifold/trustworthiness.ts";
export { TSNE, type TSNEOptions } from "./manifold/tsne.ts";
export { UMAP, type UMAPOptions } from "./manifold/umap.ts";
export { type BinaryClassifier, OneVsOneClassifier, OneVsRestClassifier } from "./multiclass.ts";
export {
  KNeighborsClassifier,
  type KNeighborsOptions,
  KNeighborsRegressor,
  type NeighborRows,
} from "./neighbors/k-neighbors.ts";
export type { DistanceMetric } from "./neighbors/neighbors.ts";
export {
  NeuralClassifier,
  NeuralRegressor,
  neuralClassifier,
  neuralRegressor,
} from "./neural.ts";
export type { NeuralOptions } from "./neural-options.ts";
export { type LastStep, Pipeline, type PipelineStep, pipeline } from "./pipeline.ts";
export {
  type ColumnStep,
  ColumnTransformer,
  type ColumnTransformerOptions,
  columnTransformer,
} from "./preprocessing/column-transformer.ts";
export {
  LabelEncoder,
  labelEncoder,
  OneHotEncoder,
  type OneHotEncoderOptions,
  oneHotEncoder,
} from "./preprocessing/encoders.ts";
export {
  MinMaxScaler,
  type MinMaxScalerOptions,
  minMaxScaler,
  PolynomialFeatures,
  type PolynomialFeaturesOptions,
  polynomialFeatures,
  StandardScaler,
  type StandardScalerOptions,
  standardScaler,
} from "./preprocessing/scalers.ts";
export { type Cells, Transformer } from "./preprocessing/transformer.ts";
export {
  crossValidate,
  type Grid,
  type GridPoint,
  type GridResult,
  gridSearch,
  type Judged,
  type JudgeOptions,
} from "./selection.ts";
export type { Snapshot } from "./storage.ts";
