/** The parts of inputs to which a layer's units respond most. */
import { ConfigError, checkOptions, show, sizeOf } from "../base/index.ts";
import { type Module, summary } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { captureActivations, checkUnit } from "./capture.ts";

/** A part of an input to which a unit responds. */
export interface Patch {
  /** The input's index. */
  readonly example: number;
  readonly activation: number;
  /**
   * The position in the layer's map: one number per spatial axis, none for a unit without a map.
   */
  readonly position: readonly number[];
  /**
   * The unit's receptive field there, within the input: `[start, stop]` along each spatial axis.
   */
  readonly box: readonly (readonly [number, number])[];
}

/** Which layer and units, and how many patches. */
export interface PatchOptions {
  readonly path: string;
  /** Patches per unit, default 9. */
  readonly count?: number | undefined;
  /** Default: all. */
  readonly units?: readonly number[] | undefined;
  /** Batch size, default 256. */
  readonly batchSize?: number | undefined;
}

/**
 * The inputs in which each unit of a layer is most active, each input once, with the position of
 * its largest activation and the unit's receptive field there.
 *
 * @param inputs `[N, C, …spatial]`
 * @returns for each unit its patches, the most active first.
 * @throws {ConfigError} for a path without outputs, or a unit that the layer does not have.
 * @see Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", figure 2
 * @example
 * const model = new Sequential(new Conv2d(1, 1, 2, { init: init.constant(1), bias: false }));
 * const images = tensor([[[[0, 0, 0], [0, 1, 5], [0, 0, 0]]]]);
 * const [[patch]] = topPatches(model, images, { path: "layers.0" });
 * patch; // { example: 0, activation: 6, position: [0, 1], box: [[0, 2], [1, 3]] }
 */
export function topPatches(model: Module, inputs: Tensor, options: PatchOptions): Patch[][] {
  checkOptions("topPatches", options, {
    path: "text",
    count: "count",
    units: true,
    batchSize: "count",
  });
  const { path, count = 9, batchSize = 256 } = options;
  const best = new Map<number, { example: number; activation: number; place: number }[]>();
  let grid: readonly number[] = [];
  for (let first = 0; first < inputs.shape[0]!; first += batchSize) {
    const some = inputs.slice([first, Math.min(first + batchSize, inputs.shape[0]!)]);
    const [activation] = captureActivations(model, some, { paths: [path] }).activations;
    const { output } = activation!;
    grid = output.shape.slice(2);
    const units = checkedUnits(options.units, output);
    for (const unit of units) {
      const found = largestPlaces(output, unit).map((f) => ({ ...f, example: first + f.example }));
      const all = [...(best.get(unit) ?? []), ...found];
      all.sort((a, b) => b.activation - a.activation || a.example - b.example);
      best.set(unit, all.slice(0, count));
    }
  }
  const space = inputs.shape.slice(2);
  const field = summary(model, inputs.shape.slice(1)).rows.find(
    (row) => row.path === path,
  )?.receptiveField;
  return [...best.values()].map((found) =>
    found.map(({ example, activation, place }) => {
      const position = positionOf(place, grid);
      const box = space.map((size, axis): [number, number] => {
        if (!field || position.length !== space.length) return [0, size];
        const start = field.start[axis]! + position[axis]! * field.jump[axis]!;
        const stop = start + field.size[axis]!;
        return [Math.max(0, Math.floor(start)), Math.min(size, Math.ceil(stop))];
      });
      return { example, activation, position, box };
    }),
  );
}

function checkedUnits(wanted: readonly number[] | undefined, output: Tensor): readonly number[] {
  const units = output.shape[1];
  if (units === undefined)
    throw new ConfigError({
      subject: "topPatches",
      problem: `the layer gives ${show(output.shape)}, which has no units.`,
      fix: "choose a layer that gives [N, units, …].",
    });
  for (const unit of wanted ?? []) checkUnit("topPatches", unit, output);
  return wanted ?? Array.from({ length: units }, (_, unit) => unit);
}

/** Each example's largest activation of a unit, and its position. */
function largestPlaces(output: Tensor, unit: number) {
  const [examples, units] = output.shape as [number, number];
  const places = sizeOf(output.shape.slice(2));
  const values = output.dataSync();
  return Array.from({ length: examples }, (_, example) => {
    const from = (example * units + unit) * places;
    let place = 0;
    for (let i = 1; i < places; i++) if (values[from + i]! > values[from + place]!) place = i;
    return { example, activation: values[from + place]!, place };
  });
}

function positionOf(place: number, grid: readonly number[]): number[] {
  const position: number[] = [];
  let rest = place;
  for (const size of [...grid].reverse()) {
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return position;
}
