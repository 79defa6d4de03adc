/** What the layers of a net compute for examples, as numbers. */
import { sizeOf } from "../../../base/index.ts";
import { dot } from "../../../base/vectors.ts";
import { type Call, captureCalls } from "../../../inspect/capture.ts";
import { type Patch, topPatches } from "../../../inspect/index.ts";
import type { ActivationAudit, ModelAudit } from "../../../lab/index.ts";
import { Conv1d, Conv2d, evaluating, Linear, type Module } from "../../../nn/index.ts";
import type { Tensor } from "../../../tensor/index.ts";
import type { Plane } from "../sheet.ts";

/** Patches per unit. */
const patchesPerUnit = 6;
/** Kernels shown per unit: those with the largest weights. */
const mostKernels = 8;
/** Weights of a dense unit in one row. */
const mostInRow = 16;

/** One call of a layer, or of an activation as a function. */
export interface LayerView {
  readonly path: string;
  readonly kind: string;
  /** Without the batch axis. */
  readonly outputShape: readonly number[];
  readonly parameters: number;
  /** Its visible units; undefined for layers that only pass values on, such as dropout. */
  readonly units?: UnitViews;
}

export interface UnitViews {
  readonly all: number;
  /** Their indices; one without an index stands for the entire sequence. */
  readonly shown: readonly number[];
  /** The outputs of each shown unit for each chosen example. */
  readonly maps: (unit: number, example: number) => Plane;
  /** The range of each shown unit over the chosen examples. */
  readonly ranges: readonly (readonly [number, number])[];
  /** Weights of each shown unit: kernels with their maximum, or undefined if the layer has none. */
  readonly weights?: readonly (readonly Plane[])[];
  /** Patches of each shown unit, in a sample of the test data. */
  readonly patches?: readonly (readonly Patch[])[];
  readonly audit?: ActivationAudit;
}

/** The inputs of {@link viewLayers}. */
export interface LayerInput {
  readonly model: Module;
  /** The chosen examples, and a sample of the data. */
  readonly chosen: Tensor;
  readonly sample: Tensor;
  readonly audit: ModelAudit;
  readonly mostUnits: number;
  readonly onLayer: (done: number) => void;
}

/** The calls of layers that contain no others, in order. */
export function leafCalls(model: Module, inputs: Tensor): readonly Call[] {
  const { activations } = evaluating(model, () => captureCalls(model, () => model.forward(inputs)));
  const paths = activations.map(({ path }) => path);
  return activations.filter(
    ({ path }) => path !== "" && !paths.some((inner) => inner.startsWith(`${path}.`)),
  );
}

const parametersOf = (call: Call): number =>
  Object.values(call.module?.parameters() ?? {}).reduce((sum, p) => sum + sizeOf(p.shape), 0);

/** Whether it changes its input, and has at most one map per unit. */
export function isSeen(call: Call): boolean {
  const input = call.input as Tensor | undefined;
  const isSame =
    call.activation === undefined && parametersOf(call) === 0 && input?.size === call.output.size;
  return !isSame && call.output.rank >= 2 && call.output.rank <= 4;
}

/** Examines every layer from the examples to the outputs. */
export function viewLayers(input: LayerInput): LayerView[] {
  const calls = leafCalls(input.model, input.chosen);
  let space: readonly number[] = input.chosen.shape.slice(1);
  return calls.map((call, k) => {
    const view = {
      path: call.path,
      kind: call.kind,
      outputShape: call.output.shape.slice(1),
      parameters: parametersOf(call),
      ...(isSeen(call) && { units: unitsOf(call, space, input) }),
    };
    if (call.output.rank === 4) space = call.output.shape.slice(1);
    else if (call.output.size !== call.output.shape[0]! * sizeOf(space)) space = [];
    input.onLayer(k + 1);
    return view;
  });
}

function unitsOf(call: Call, space: readonly number[], input: LayerInput): UnitViews {
  const { output, path } = call;
  const isSequence = output.rank === 3; // [N, L, D]: one map, in which no axis is known to hold units
  const shape = isSequence ? [1, ...output.shape.slice(1)] : output.shape.slice(1);
  const [all, height = 1, width = 1] = shape as [number, number?, number?];
  const shown = Array.from({ length: Math.min(all, input.mostUnits) }, (_, u) => u);
  const values = output.dataSync();
  const size = height * width;
  const maps = (unit: number, example: number): Plane => {
    const from = (example * all + unit) * size;
    return { channels: 1, height, width, values: values.subarray(from, from + size) };
  };
  const weights = weightsOf(call, space, shown);
  const audit = input.audit.activations.find((found) => found.path === path);
  return {
    ...{ all, shown, maps, ranges: rangesOf(shown, output.shape[0]!, size, maps) },
    ...(weights && { weights }),
    ...(!isSequence && { patches: patchesOf(input, path, shown) }),
    ...(audit && audit.units === all && { audit }),
  };
}

/** Minimum and maximum of each unit; for single numbers, of all units together. */
function rangesOf(
  shown: readonly number[],
  examples: number,
  size: number,
  maps: UnitViews["maps"],
): [number, number][] {
  const each = shown.map((unit): [number, number] => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let n = 0; n < examples; n++)
      for (const value of Array.from(maps(unit, n).values)) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    return [low, high];
  });
  if (size > 1) return each;
  const low = Math.min(...each.map(([l]) => l));
  const high = Math.max(...each.map(([, h]) => h));
  return each.map(() => [low, high]);
}

/** Patches in which units are active: a ReLU may be 0 everywhere. */
const patchesOf = ({ model, sample }: LayerInput, path: string, units: readonly number[]) =>
  topPatches(model, sample, { path, units, count: patchesPerUnit }).map((found) =>
    found.filter(({ activation }) => activation !== 0),
  );

/** Kernels of a convolution; weights of a dense layer in the shape of its input. */
function weightsOf(
  { module }: Call,
  space: readonly number[],
  shown: readonly number[],
): Plane[][] | undefined {
  if (!(module instanceof Conv2d || module instanceof Conv1d || module instanceof Linear)) return;
  const { value } = module.weight;
  const rest = value.shape.slice(1);
  const shape = module instanceof Linear ? meets(sizeOf(rest), space) : rest;
  const [channels, height, width] = shape.length === 2 ? [shape[0]!, 1, shape[1]!] : shape;
  const data = value.dataSync();
  const plane = height! * width!;
  const each = channels! * plane;
  return shown.map((unit) => {
    const all = data.subarray(unit * each, (unit + 1) * each);
    if (channels === 3) return [{ channels: 3, height: height!, width: width!, values: all }];
    const kernels = Array.from({ length: channels! }, (_, c) => ({
      ...{ channels: 1, height: height!, width: width! },
      values: all.subarray(c * plane, (c + 1) * plane),
    }));
    if (kernels.length <= mostKernels) return kernels;
    const sizes = kernels.map(({ values }) => dot(values, values));
    const order = kernels.map((_, c) => c).sort((a, b) => sizes[b]! - sizes[a]! || a - b);
    const kept = order.slice(0, mostKernels).sort((a, b) => a - b);
    return kept.map((c) => kernels[c]!);
  });
}

/**
 * `[channels, height, width]` of the inputs of a dense layer; if they are not maps, a block at
 * least as wide as high.
 */
function meets(features: number, space: readonly number[]): readonly number[] {
  if (space.length === 3 && sizeOf(space) === features) return space;
  let rows = features < mostInRow ? 1 : Math.floor(Math.sqrt(features));
  while (features % rows !== 0) rows--;
  return [1, rows, features / rows];
}
