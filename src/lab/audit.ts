/** Detects bad units in a live net: dead, saturated, or identical ones. */
import { checkOptions, isFloat, sizeOf } from "../base/index.ts";
import { captureCalls } from "../inspect/capture.ts";
import {
  type AnyModule,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  evaluating,
  Linear,
  type Module,
  PReLU,
} from "../nn/index.ts";
import { gradientsAt } from "../tensor/backward.ts";
import { fromHost, isTensor, type Tensor } from "../tensor/index.ts";
import { type LabData, type Leaf, LossSurface } from "./surface.ts";
import { norm } from "./vectors.ts";

/** The units of one activation, over the examples and, after a convolution, over all positions. */
export interface ActivationAudit {
  readonly path: string;
  readonly kind: string;
  /** The name of the function's method: "relu"; "leakyRelu" for a PReLU as well. */
  readonly activation: string;
  /** Features, or channels after a convolution. */
  readonly units: number;
  /** Units whose slope is 0 on every example: nothing before them can learn through them. */
  readonly dead: readonly number[];
  /** Units, including dead ones, whose slope is small on nearly every example. */
  readonly saturated: readonly number[];
  /** The mean slope over units and examples; the steepest slope is 1. */
  readonly meanSlope: number;
}

/** The trainable parameters of one layer. */
export interface LayerAudit {
  readonly path: string;
  /** ‖θ‖ */
  readonly weightNorm: number;
  /** ‖∂L/∂θ‖ */
  readonly gradientNorm: number;
}

/** Units of a layer with the same incoming weights and bias: they compute the same value. */
export interface UnitGroup {
  readonly path: string;
  readonly units: readonly number[];
  /** Their gradients are the same too, so gradient descent will never separate them. */
  readonly locked: boolean;
}

/** The result of {@link auditModel}, layers in the order of the model. */
export interface ModelAudit {
  readonly loss: number;
  readonly activations: readonly ActivationAudit[];
  readonly layers: readonly LayerAudit[];
  readonly identical: readonly UnitGroup[];
}

/** The thresholds of {@link auditModel}. */
export interface AuditOptions {
  /** A slope below this fraction of the steepest is small, default 0.05. */
  readonly slope?: number | undefined;
  /** The fraction of examples with a small slope that makes a unit saturated, default 0.95. */
  readonly share?: number | undefined;
  /** Relative difference up to which weights, or gradients, count as equal, default 1e-6. */
  readonly tolerance?: number | undefined;
}

/**
 * The steepest slope of each activation. For GELU and SiLU it is that of the linear part; the step
 * and the sign have slope 0 everywhere.
 */
const steepest: Readonly<Record<string, number>> = {
  relu: 1,
  leakyRelu: 1,
  elu: 1,
  gelu: 1,
  silu: 1,
  tanh: 1,
  softplus: 1,
  sigmoid: 1 / 4,
  step: 1,
  sign: 1,
  hardTanh: 1,
  hardSigmoid: 1 / 6,
};

/**
 * Examines a net on a batch, in evaluation mode, without changing it.
 *
 * Dead and saturated units are those of every activation, whether it is a layer or called as a
 * function or method inside a module of your own; its slope is its derivative, relative to the
 * steepest. Identical units are searched for in `Linear` and `Conv` layers; locked ones call for
 * another initialization.
 *
 * @param data a batch that represents the data: `inputs` and `targets`.
 * @see Goodfellow, Bengio & Courville 2016, §6.3, §8.4
 * @example
 * const model = new Sequential(new Linear(1, 2, { init: init.zeros }), new ReLU(), new Linear(2, 1));
 * const data = { inputs: tensor([[1], [2]]), targets: tensor([[1], [0]]) };
 * const { activations, identical } = auditModel(model, meanSquaredError, data);
 * activations[0].dead; // [0, 1]
 * identical[0]; // { path: "layers.0", units: [0, 1], locked: true }
 */
export function auditModel(
  model: Module,
  loss: (outputs: Tensor, targets: Tensor) => Tensor,
  data: LabData,
  options: AuditOptions = {},
): ModelAudit {
  checkOptions("auditModel", options, { slope: "number", share: "number", tolerance: "number" });
  const { slope = 0.05, share = 0.95, tolerance = 1e-6 } = options;
  const surface = LossSurface.ofModel(model, loss, data);
  const theta = surface.point();
  const { value, gradient } = surface.valueAndGradient(theta);
  return {
    loss: value,
    activations: auditActivations(model, data, slope, share),
    layers: layersOf(surface.leaves).map(([path, leaves]) => ({
      path,
      weightNorm: norm(leaves.map((leaf) => norm(part(theta, leaf)))),
      gradientNorm: norm(leaves.map((leaf) => norm(part(gradient, leaf)))),
    })),
    identical: identicalUnits(model, surface, theta, gradient, tolerance),
  };
}

const part = (theta: Float64Array, { offset, size }: Leaf): Float64Array =>
  theta.subarray(offset, offset + size);

/** The leaves by the module that owns them. */
function layersOf(leaves: readonly Leaf[]): [string, Leaf[]][] {
  const layers = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    const path = leaf.path.slice(0, Math.max(0, leaf.path.lastIndexOf(".")));
    layers.set(path, [...(layers.get(path) ?? []), leaf]);
  }
  return [...layers];
}

const isConv = (module: AnyModule): module is Conv1d | Conv2d | Conv3d =>
  module instanceof Conv1d || module instanceof Conv2d || module instanceof Conv3d;

const isConvTranspose = (module: AnyModule): boolean =>
  module instanceof ConvTranspose1d ||
  module instanceof ConvTranspose2d ||
  module instanceof ConvTranspose3d;

/**
 * The group of a convolution to which a unit belongs: units of different groups see different
 * inputs.
 */
function partOf(module: AnyModule, units: number): (unit: number) => number {
  const parts = isConv(module) ? (module.options.groups ?? 1) : 1;
  return (unit) => Math.floor((unit * parts) / units);
}

function auditActivations(
  model: Module,
  data: LabData,
  slope: number,
  share: number,
): ActivationAudit[] {
  const inputs = isTensor(data.inputs) ? data.inputs : fromHost(data.inputs);
  const { activations } = evaluating(model, () => captureCalls(model, () => model.forward(inputs)));
  const found: { path: string; kind: string; activation: string; axis: number; slopes: Tensor }[] =
    [];
  let channels = false; // axis 1 holds the units since the last convolution, else the last axis
  for (const { path, kind, output, input, module, activation } of activations) {
    if (module && (isConv(module) || isConvTranspose(module))) channels = true;
    if (module instanceof Linear) channels = false;
    const name = module instanceof PReLU ? "leakyRelu" : activation;
    const most = name === undefined ? undefined : steepest[name];
    if (name === undefined || most === undefined || !isTensor(input)) continue;
    if (output.rank === 0 || !isFloat(output.dtype)) continue;
    const [gradient] = gradientsAt(output.sum(), [input]) as [Tensor];
    const axis = channels ? 1 : output.rank - 1;
    found.push({ path, kind, activation: name, axis, slopes: gradient.div(most) });
  }
  return found.map(({ path, kind, activation, axis, slopes }) => ({
    path,
    kind,
    activation,
    ...unitSlopes(slopes, axis, slope, share),
  }));
}

function unitSlopes(slopes: Tensor, axis: number, small: number, share: number) {
  const units = slopes.shape[axis]!;
  const after = sizeOf(slopes.shape.slice(axis + 1));
  const each = slopes.size / units;
  const zero = new Float64Array(units);
  const low = new Float64Array(units);
  const values = slopes.dataSync();
  let total = 0;
  for (let start = 0; start < values.length; start += after) {
    const unit = (start / after) % units;
    for (let i = start; i < start + after; i++) {
      const s = values[i]!;
      total += s;
      if (s === 0) zero[unit]!++;
      if (Math.abs(s) < small) low[unit]!++;
    }
  }
  const indices = Array.from({ length: units }, (_, i) => i);
  return {
    units,
    dead: indices.filter((i) => zero[i] === each),
    saturated: indices.filter((i) => low[i]! >= share * each),
    meanSlope: total / slopes.size,
  };
}

/** Groups of equal rows [weights, bias], in every layer whose weight is trainable. */
function identicalUnits(
  model: Module,
  surface: LossSurface,
  theta: Float64Array,
  gradient: Float64Array,
  tolerance: number,
): UnitGroup[] {
  const modules = model.modules();
  return layersOf(surface.leaves).flatMap(([path, leaves]) => {
    const module = modules[path];
    const weight = leaves.find(({ path }) => /(^|\.)weight$/.test(path));
    if (!module || !weight || !(module instanceof Linear || isConv(module))) return [];
    const rows = rowsOf(theta, leaves, weight.shape[0]!);
    const slopes = rowsOf(gradient, leaves, weight.shape[0]!);
    return groups(rows, tolerance, partOf(module, rows.length)).map((units) => ({
      path,
      units,
      locked: units.every((i) => same(slopes[i]!, slopes[units[0]!]!, tolerance)),
    }));
  });
}

/** The parameters of each unit: its row of the weight, and its bias. */
function rowsOf(values: Float64Array, leaves: readonly Leaf[], units: number): Float64Array[] {
  const size = leaves.reduce((sum, leaf) => sum + leaf.size / units, 0);
  return Array.from({ length: units }, (_, unit) => {
    const row = new Float64Array(size);
    let at = 0;
    for (const leaf of leaves) {
      const each = leaf.size / units;
      row.set(part(values, leaf).subarray(unit * each, (unit + 1) * each), at);
      at += each;
    }
    return row;
  });
}

/** Sets of two or more equal rows. Only rows of nearly the same norm are compared. */
function groups(
  rows: readonly Float64Array[],
  tolerance: number,
  partOf: (unit: number) => number,
): number[][] {
  const norms = rows.map(norm);
  const order = [...rows.keys()].sort((i, j) => norms[i]! - norms[j]!);
  const taken = new Set<number>();
  const found: number[][] = [];
  order.forEach((i, at) => {
    if (taken.has(i)) return;
    const group = [i];
    for (const j of order.slice(at + 1)) {
      if (norms[j]! - norms[i]! > tolerance * norms[j]!) break;
      if (taken.has(j) || partOf(i) !== partOf(j) || !same(rows[i]!, rows[j]!, tolerance)) continue;
      taken.add(j);
      group.push(j);
    }
    if (group.length > 1) found.push(group.sort((a, b) => a - b));
  });
  return found.sort((a, b) => a[0]! - b[0]!);
}

const same = (x: Float64Array, y: Float64Array, tolerance: number): boolean =>
  norm(x.map((xi, i) => xi - y[i]!)) <= tolerance * Math.max(norm(x), norm(y));
