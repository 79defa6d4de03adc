/**
 * Instruments for studying the surface of a loss: curvature, critical points, symmetries, slices.
 *
 * @module gradus/lab
 */

export { type Eigen, eigenSymmetric } from "../base/symmetric.ts";
export {
  type ActivationAudit,
  type AuditOptions,
  auditModel,
  type LayerAudit,
  type ModelAudit,
  type UnitGroup,
} from "./audit.ts";
export {
  type ConvexityCertificate,
  type ConvexityJudgement,
  certifyConvexity,
  judgeConvexity,
} from "./certificate.ts";
export {
  type ChordCounterExample,
  type ConvexityCheck,
  type ConvexityOptions,
  type CurvatureCounterExample,
  checkConvexity,
} from "./convexity.ts";
export {
  type Classification,
  type ClassifyOptions,
  type CriticalKind,
  type CriticalPointOptions,
  classify,
  findCriticalPoint,
} from "./critical.ts";
export { bezier, type CurveOptions, sliceCurve, trainCurve } from "./curve.ts";
export { centralDifference, complexStep, type StepOptions } from "./derivative-checks.ts";
export { diagnose, type Finding } from "./diagnosis.ts";
export {
  type Components,
  filterDirection,
  project,
  topDirections,
  trajectoryDirections,
} from "./directions.ts";
export {
  type Escape,
  type EscapeOptions,
  measureEscape,
  measurePlateau,
  measureSymmetryBreaking,
  type Plateau,
  type SymmetryBreaking,
} from "./escape.ts";
export type { Experiment, Measured, Outcome, Setup } from "./experiment.ts";
export { type GridOptions, type GridSlice, resumablePlane } from "./grid.ts";
export {
  type DensityOptions,
  type EigenPair,
  type Extremes,
  hutchinsonTrace,
  type LanczosOptions,
  type LinearOperator,
  lanczos,
  type SpectralDensity,
  spectralDensity,
  type TraceEstimate,
  type TraceOptions,
} from "./lanczos.ts";
export type { Search } from "./newton.ts";
export {
  averageUnits,
  type HiddenLayer,
  hiddenLayers,
  measureSymmetry,
  permuteUnits,
  type SymmetryMeasure,
} from "./permutation.ts";
export { type BestDescent, type DescentOptions, Quadratic } from "./quadratic.ts";
export {
  type Axis,
  type LineSlice,
  type PathSlice,
  type PlaneSlice,
  sliceBetween,
  sliceLine,
  slicePlane,
} from "./slices.ts";
export { principalAngles } from "./subspace.ts";
export { type LabData, type Leaf, LossSurface } from "./surface.ts";
export {
  curvature,
  type Definiteness,
  type DefinitenessKind,
  definiteness,
  TaylorModel,
  type TaylorSample,
} from "./taylor.ts";
export { equivarianceError, invarianceError, type Shift } from "./translation.ts";
export type { Vector } from "./vectors.ts";
