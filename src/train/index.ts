export {
  EarlyStopping,
  ModelCheckpoint,
  type Monitor,
  TerminateOnDivergence,
  TerminateOnNaN,
} from "./callbacks.ts";
export {
  type Checkpoint,
  loadCheckpoint,
  restore,
  type Saved,
  saveCheckpoint,
} from "./checkpoint.ts";
export { type EvaluateOptions, evaluate, type HeadOptions, predict } from "./evaluate.ts";
export { type FitOptions, fit } from "./fit.ts";
export {
  binary,
  classification,
  type Head,
  headFor,
  type Loss,
  type Metric,
  regression,
} from "./head.ts";
export { History, type Logs, type Mode } from "./history.ts";
export { Averages, confusionMatrix, type Sums } from "./metrics.ts";
export { type Json, type RunFile, RunFolder } from "./run-folder.ts";
export { RunRecorder } from "./run-recorder.ts";
export type { Callback, Position, Settings, Training } from "./training.ts";
