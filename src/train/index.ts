/**
 * Trainings: `fit`, objectives and metrics, callbacks, run folders, folds, searches.
 *
 * @module gradus/train
 */
export {
  ModelCheckpoint,
  type ModelCheckpointOptions,
  TerminateOnDivergence,
  TerminateOnNaN,
} from "./callbacks/checkpoints.ts";
export { CSVLogger } from "./callbacks/csv-logger.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./callbacks/early-stopping.ts";
export {
  LearningRateScheduler,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
} from "./callbacks/learning-rate.ts";
export { ProgressBar } from "./callbacks/progress-bar.ts";
export { RunRecorder } from "./callbacks/run-recorder.ts";
export { TensorBoard } from "./callbacks/tensorboard.ts";
export { readTrajectory, type Trajectory, TrajectoryRecorder } from "./callbacks/trajectory.ts";
export { GradualUnfreezing, layerwiseLr, type UnfreezingSchedule } from "./callbacks/transfer.ts";
export {
  type Checkpoint,
  loadCheckpoint,
  type Platform,
  restore,
  type Saved,
  saveCheckpoint,
} from "./checkpoint.ts";
export { type EvaluateOptions, evaluate, type ObjectiveOptions, predict } from "./evaluate.ts";
export { fit } from "./fit.ts";
export type { FitOptions } from "./fit-options.ts";
export {
  type CrossValidateOptions,
  type CrossValidation,
  crossValidate,
  type Fold,
  type FoldOptions,
  kFold,
  stratifiedSplit,
} from "./folds.ts";
export { History, type Logs, type Mode, type Monitor } from "./history.ts";
export { Averages, type Sums } from "./metrics/averages.ts";
export { confusionMatrix } from "./metrics/confusion-matrix.ts";
export type { CountMetric, EpochMetric, Metric, SumMetric } from "./metrics/metric.ts";
export {
  accuracy,
  auc,
  exactMatch,
  f1,
  type MetricLike,
  type MetricName,
  type Metrics,
  meanAbsolute,
  meanSquared,
  metricsByName,
  type NamedMetric,
  precision,
  r2,
  recall,
  type ScoreOptions,
  topKAccuracy,
} from "./metrics/named.ts";
export {
  type Average,
  type ClassificationReport,
  type ClassScore,
  classificationReport,
  rocAuc,
  rSquared,
} from "./metrics/scores.ts";
export type { LossName } from "./named-losses.ts";
export {
  binary,
  classification,
  type Decision,
  type Loss,
  multiLabel,
  type Objective,
  type ObjectiveName,
  objectiveFor,
  objectiveNamed,
  objectives,
  regression,
  smoothedClassification,
  unitRegression,
  unitRegressionBySquares,
} from "./objective.ts";
export type { LiveLine, Screen } from "./progress.ts";
export { reconstruction } from "./reconstruction.ts";
export { type Json, type RunFile, RunFolder } from "./run-folder.ts";
export { type FindLrOptions, findLr, type LrPoint, type LrSweep } from "./search/lr-finder.ts";
export {
  type SearchObjective,
  type SearchOptions,
  type SearchResult,
  search,
} from "./search/search.ts";
export {
  choice,
  type Dimension,
  float,
  int,
  logUniform,
  type Point,
  type Space,
} from "./search/space.ts";
export type { Trial, TrialInfo } from "./search/trial.ts";
export type { Callback, CallbackState, Position, Settings, Training } from "./training.ts";
export type { ClassWeight, SampleWeightOptions } from "./weights.ts";
