/** The measurements of `gradus landscape` on a trained net. */
import { ConfigError, GradusError, RandomStream } from "../../../base/index.ts";
import { extent } from "../../../base/vectors.ts";
import { type Split, subset } from "../../../data/index.ts";
import {
  type Axis,
  auditModel,
  definiteness,
  filterDirection,
  type GridSlice,
  hutchinsonTrace,
  type LinearOperator,
  LossSurface,
  lanczos,
  type ModelAudit,
  project,
  resumablePlane,
  type SpectralDensity,
  sliceBetween,
  sliceCurve,
  spectralDensity,
  trainCurve,
  trajectoryDirections,
} from "../../../lab/index.ts";
import type { Module } from "../../../nn/index.ts";
import type { Objective, Trajectory } from "../../../train/index.ts";
import { objectiveOf } from "../../run/stored-run.ts";

export type Directions = "pca" | "random" | "eigen";

/** How much work each part takes; see the defaults of {@link measureLandscape}. */
export interface Effort {
  readonly points: number;
  readonly samples: number;
  readonly seed: number;
}

/** A part of the work that takes a while. */
export type Stage = (name: string, total: number) => (done?: number) => void;

/** Up to this many parameters the Hessian is formed, at the cost of a product for each. */
const denseLimit = 400;
const [largestCount, lanczosSteps, lanczosTolerance] = [5, 60, 1e-3];
const [densityProbes, densitySteps, traceProbes] = [3, 40, 16];
/** Margin around the trajectory, as a fraction of its extent. */
const margin = 0.25;
const curveSteps = 60;

/** The loss of a model on a sample of its training data. */
export interface Scene {
  readonly model: Module;
  readonly surface: LossSurface;
  readonly point: Float64Array;
  readonly sample: Split;
  readonly loss: Objective["loss"];
}

/** @param data of which `samples` examples are drawn, or all if there are fewer. */
export function sceneOf(model: Module, data: Split, effort: Effort): Scene {
  const order = new RandomStream(effort.seed).permutation(data.size);
  const sample =
    effort.samples < data.size ? subset(data, [...order].slice(0, effort.samples)) : data;
  const { loss } = objectiveOf(model, sample);
  const surface = LossSurface.ofModel(model, loss, sample);
  return { model, surface, point: surface.point(), sample, loss };
}

/** The plane of the contour. */
export interface Plane {
  readonly kind: Directions;
  readonly directions: readonly [Float64Array, Float64Array];
  readonly axes: readonly [Axis, Axis];
  /** Fractions of the trajectory's variance, for the plane of the trajectory. */
  readonly explained?: readonly number[];
  /** The trajectory projected onto the plane. */
  readonly path: readonly (readonly [number, number])[];
}

/** @throws {ConfigError} if the plane of a trajectory is requested and there is none. */
export function planeOf(
  { surface, point }: Scene,
  kind: Directions,
  trajectory: Trajectory | undefined,
  { points, seed }: Effort,
  stage: Stage,
): Plane {
  const path = trajectory?.points ?? [];
  const finish = (
    directions: Plane["directions"],
    reach: (coordinates: readonly (readonly [number, number])[]) => readonly [Axis, Axis],
    explained?: readonly number[],
  ): Plane => {
    const coordinates = project(path, point, directions).map(([a, b]) => [a!, b!] as const);
    return {
      kind,
      directions,
      axes: reach(coordinates),
      path: coordinates,
      ...(explained && { explained }),
    };
  };
  const square = (reach: number): readonly [Axis, Axis] => {
    const axis = { from: -reach, to: reach, points };
    return [axis, axis];
  };
  if (kind === "random") {
    const [a, b] = [0, 1].map((k) => filterDirection(surface, point, { seed: seed + k }));
    return finish([a!, b!], () => square(1));
  }
  if (kind === "eigen") {
    const tick = stage("directions", lanczosSteps);
    const operator = counted(surface.hessianAt(point), tick);
    const options = { count: 2, end: "largest", maxSteps: lanczosSteps, seed } as const;
    const { largest } = lanczos(operator, { ...options, tolerance: lanczosTolerance });
    tick(lanczosSteps);
    const [a, b] = largest as [(typeof largest)[0], (typeof largest)[0]];
    // as far as the quadratic model rises by 1 along the steeper direction
    return finish([a.vector, b.vector], () => square(Math.sqrt(2 / Math.max(a.value, 1e-6))));
  }
  if (path.length < 3) throw noPath(path.length);
  const { directions, explained } = planeOfPath(path);
  return finish([directions[0]!, directions[1]!], (at) => around(at, points), [...explained]);
}

/** @throws {ConfigError} if the trajectory is a line: the weights hardly moved. */
function planeOfPath(path: Trajectory["points"]): ReturnType<typeof trajectoryDirections> {
  try {
    return trajectoryDirections(path, 2);
  } catch (thrown) {
    if (!(thrown instanceof GradusError)) throw thrown;
    throw new ConfigError({
      subject: "--directions pca",
      problem: `the run's path has no plane: ${thrown.problem}`,
      fix: "choose --directions random or eigen.",
    });
  }
}

const noPath = (found: number): ConfigError =>
  new ConfigError({
    subject: "--directions pca",
    problem: `the run has ${found === 0 ? "no trajectory" : `a trajectory of ${found} points`}, and so no plane of its path.`,
    fix: "choose --directions random or eigen, or train again.",
  });

/** Axes that contain the trajectory and the net, with a margin. */
function around(path: readonly (readonly [number, number])[], points: number) {
  return [0, 1].map((k) => {
    const values = [0, ...path.map((at) => at[k]!)];
    const [low, high] = extent(values);
    const room = margin * (high - low || 1);
    return { from: low - room, to: high + room, points };
  }) as [Axis, Axis];
}

/** The operator, reporting each product. */
const counted = (
  { size, apply }: LinearOperator,
  tick: (done?: number) => void,
): LinearOperator => ({
  size,
  apply: (v) => {
    const y = apply(v);
    tick();
    return y;
  },
});

/** The Hessian at the net: formed if it is small, else an operator. */
function hessianOf({ surface, point }: Scene, stage: Stage): LinearOperator & { dense: boolean } {
  const operator = surface.hessianAt(point);
  if (surface.size > denseLimit) return { ...operator, dense: false };
  const tick = stage("Hessian", surface.size);
  const rows = Array.from({ length: surface.size }, (_, i) => {
    const unit = new Float64Array(surface.size);
    unit[i] = 1;
    return counted(operator, tick).apply(unit);
  });
  const apply = (v: Float64Array) =>
    Float64Array.from(rows, (row) => row.reduce((sum, x, j) => sum + x * v[j]!, 0));
  return { size: surface.size, apply, dense: true };
}

interface Eigenvalue {
  readonly value: number;
  readonly residual: number;
}

/** The curvature of the loss at the net. */
export interface Curvature {
  readonly loss: number;
  readonly gradientNorm: number;
  /** The largest and the smallest eigenvalues of the Hessian, each with ‖Hv − λv‖. */
  readonly largest: readonly Eigenvalue[];
  readonly smallest: readonly Eigenvalue[];
  /** λ_max / λ_min, if the Hessian is certainly positive definite. */
  readonly conditionNumber: number | null;
  readonly definiteness: string;
  readonly trace: { readonly value: number; readonly standardError: number };
  readonly spectrum: SpectralDensity;
  /** Whether the whole Hessian was formed. */
  readonly dense: boolean;
}

export function measureCurvature(scene: Scene, { seed }: Effort, stage: Stage): Curvature {
  const { surface, point } = scene;
  const { value: loss, gradient } = surface.valueAndGradient(point);
  const operator = hessianOf(scene, stage);
  const [steps, probes, traces] = operator.dense
    ? [surface.size, 20, 200]
    : [lanczosSteps, densityProbes, traceProbes];
  const count = Math.min(largestCount, surface.size);
  const part = <T>(name: string, total: number, f: (operator: LinearOperator) => T): T => {
    const tick = stage(name, total);
    const result = f(operator.dense ? operator : counted(operator, tick));
    tick(total);
    return result;
  };
  const tolerance = operator.dense ? 1e-10 : lanczosTolerance;
  const extremes = part("eigenvalues", steps + 2 * count, (h) =>
    lanczos(h, { count, maxSteps: steps, tolerance, seed }),
  );
  const density = { probes, steps: Math.min(densitySteps, surface.size), seed };
  const spectrum = part("spectrum", probes * density.steps, (h) => spectralDensity(h, density));
  const { trace, standardError } = part("trace", traces, (h) =>
    hutchinsonTrace(h, { probes: traces, seed }),
  );
  const pairs = (all: typeof extremes.largest): Eigenvalue[] =>
    all.map(({ value, residual }) => ({ value, residual }));
  const [top, bottom] = [extremes.largest[0]!, extremes.smallest[0]!];
  const scale = Math.max(Math.abs(top.value), Math.abs(bottom.value));
  const doubt = Math.max(1e-8, ...[top, bottom].map(({ residual }) => residual / (scale || 1)));
  const signs = definiteness([top.value, bottom.value], doubt);
  const positive = signs.kind === "positive definite";
  return {
    loss,
    gradientNorm: Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0)),
    largest: pairs(extremes.largest),
    smallest: pairs(extremes.smallest),
    conditionNumber: positive ? top.value / bottom.value : null,
    definiteness: signs.kind,
    trace: { value: trace, standardError },
    spectrum,
    dense: operator.dense,
  };
}

export const measurePlane = (
  file: string,
  { surface, point }: Scene,
  plane: Plane,
  stage: Stage,
  signal: AbortSignal,
): Promise<GridSlice> => {
  const [x, y] = plane.axes;
  const tick = stage("plane", x.points! * y.points!);
  const options = { axes: plane.axes, signal, onPoint: (done: number) => tick(done) };
  return resumablePlane(file, surface, point, plane.directions, options);
};

export const measureAudit = ({ model, loss, sample }: Scene): ModelAudit =>
  auditModel(model, loss, sample);

/** The loss on the line and on a trained curve between two nets. */
export interface Between {
  readonly t: readonly number[];
  readonly line: readonly number[];
  readonly curve: readonly number[];
  readonly lineBarrier: number;
  readonly curveBarrier: number;
}

/** @throws {ConfigError} if the other net has other parameters. */
export function checkSameNet(scene: Scene, other: Scene): void {
  const shapes = ({ surface }: Scene) =>
    JSON.stringify(surface.leaves.map(({ path, shape }) => [path, shape]));
  if (shapes(scene) !== shapes(other))
    throw new ConfigError({
      subject: "--to",
      problem: `the nets have other parameters (${scene.surface.size} and ${other.surface.size} in all).`,
      fix: "give a run of the same model on data of the same shape.",
    });
}

/** Both nets have the same parameters: see {@link checkSameNet}. */
export function measureBetween(
  { surface, point }: Scene,
  other: Scene,
  { seed }: Effort,
  stage: Stage,
): Between {
  const tick = stage("curve", curveSteps);
  const c = trainCurve(surface, point, other.point, { steps: curveSteps, seed, onStep: tick });
  const axis = { points: 31 };
  const ticks = stage("between", 2);
  const line = sliceBetween(surface, point, other.point, axis);
  ticks(1);
  const curve = sliceCurve(surface, point, c, other.point, axis);
  ticks(2);
  return {
    t: [...line.t],
    line: [...line.losses],
    curve: [...curve.losses],
    lineBarrier: line.barrier,
    curveBarrier: curve.barrier,
  };
}
