/** What a net's predictions depend on, by several methods, as numbers. */
import type { HostArray, Shape } from "../../../base/index.ts";
import {
  gradCam,
  integratedGradients,
  occlusion,
  projectActivation,
  type ScoreTarget,
  saliency,
  smoothGrad,
} from "../../../inspect/index.ts";
import type { Autoencoder } from "../../../models/index.ts";
import type { Module } from "../../../nn/index.ts";
import { fromHost, type Tensor } from "../../../tensor/index.ts";
import { reconstructionsOf } from "../../run/reconstructions.ts";

/** The attributions of all examples, by one method. */
export interface Attribution {
  readonly name: string;
  /** What it shows, in a sentence. */
  readonly about: string;
  /** Whether its signs distinguish evidence for the prediction from evidence against it. */
  readonly signed: boolean;
  /** Whether the values are an example themselves, `[N, C, H, W]`. */
  readonly isExample?: true;
  /** `[N, H, W]` for images, `[N, D]` for rows and texts. */
  readonly values: Tensor;
}

/** From this side length on, windows do not overlap; below they overlap by half. */
const largeSide = 64;

/** The explained score: that of the predicted class; for a model with one output, that output. */
export const targetFor = (outputs: Shape): ScoreTarget | undefined =>
  outputs.length === 2 && outputs[1]! > 1
    ? undefined
    : (y: Tensor) => y.reshape([y.shape[0]!, -1]).sum({ axis: 1 });

/** One map of `[N, C, H, W]`; rows unchanged. */
const overChannels = (x: Tensor, how: "max" | "sum"): Tensor =>
  x.rank === 4 ? x[how]({ axis: 1 }) : x;

interface Method {
  readonly name: string;
  readonly about: string;
  readonly signed: boolean;
  readonly of: (model: Module, inputs: Tensor, target: ScoreTarget | undefined) => Tensor;
}

const byGradient: readonly Method[] = [
  {
    name: "saliency",
    about: "How much the score changes with each element: the gradient's size.",
    signed: false,
    of: (model, x, target) => overChannels(saliency(model, x, { target }), "max"),
  },
  {
    name: "integrated gradients",
    about: "Shares that add up to the change of the score from an input of zeros.",
    signed: true,
    of: (model, x, target) =>
      overChannels(
        integratedGradients(model, x, { target, tolerance: 1e-3, maxGradients: 512 }).attributions,
        "sum",
      ),
  },
  {
    name: "SmoothGrad",
    about: "The gradient's mean over noisy copies.",
    signed: true,
    of: (model, x, target) => overChannels(smoothGrad(model, x, { target, samples: 25 }), "sum"),
  },
];

/** Windows of a seventh of the side: about the size of a stroke or a part of an object. */
const covering: Method = {
  name: "occlusion",
  about: "How far the score falls when a window is covered with zeros.",
  signed: true,
  of(model, x, target) {
    const space = x.shape.slice(2);
    if (space.length === 0) return occlusion(model, x, { target, size: 1 });
    const size = space.map((side) => Math.max(1, Math.round(side / 7)));
    const isLarge = Math.max(...space) >= largeSide;
    const stride = isLarge ? size : size.map((n) => Math.max(1, n >> 1));
    return occlusion(model, x, { target, size, stride });
  },
};

const ofMaps: readonly Method[] = [
  {
    name: "Grad-CAM",
    about: "Where the last feature maps speak for the class.",
    signed: false,
    of: (model, x, target) => gradCam(model, x, { target }),
  },
  {
    name: "deconvnet",
    about: "The largest output projected back to the pixels that it came from.",
    signed: true,
    of: (model, x) => overChannels(projectActivation(model, x), "sum"),
  },
];

/** The number of methods for the inputs. */
const methodsFor = (isDifferentiable: boolean, hasMaps: boolean): readonly Method[] => [
  ...(isDifferentiable ? byGradient : []),
  covering,
  ...(hasMaps ? ofMaps : []),
];

/**
 * All methods that make sense for the inputs: images with feature maps get all, rows of a table
 * those without maps; texts have no gradient and get occlusion.
 */
export function attribute(
  model: Module,
  inputs: Tensor,
  outputs: Shape,
  hasMaps: boolean,
  onMethod: (done: number, of: number) => void,
): Attribution[] {
  const target = targetFor(outputs);
  const methods = methodsFor(inputs.dtype !== "int32", hasMaps);
  return methods.map(({ of, ...method }, k) => {
    const values = of(model, inputs, target);
    values.dataSync();
    onMethod(k + 1, methods.length);
    return { ...method, values };
  });
}

/** What an autoencoder makes of examples, and what it misses. */
export async function reconstructionOf(
  model: Autoencoder,
  inputs: HostArray,
): Promise<Attribution[]> {
  const values = await reconstructionsOf(model, inputs);
  const difference = fromHost(inputs).sub(values.reshape(inputs.shape));
  return [
    {
      ...{ name: "reconstruction", about: "What the decoder makes of the code.", signed: true },
      ...{ isExample: true, values: values.reshape(inputs.shape) },
    },
    {
      ...{ name: "difference", about: "Input minus reconstruction.", signed: true },
      values: difference.rank === 4 ? difference.mean({ axis: 1 }) : difference,
    },
  ];
}
