import { ConfigError, checkOptions, show } from "../base/index.ts";
import { evaluating, type Module } from "../nn/index.ts";
import { gradientsAt } from "../tensor/backward.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { captureCalls, checkPath } from "./capture.ts";
import { type ScoreTarget, scorerOf } from "./score.ts";

/** Which layer's feature maps, and what they explain. */
export interface GradCamOptions {
  /** The path of a layer with feature maps `[N, C, H, W]`; by default the last one. */
  readonly path?: string | undefined;
  /** By default the predicted class. */
  readonly target?: ScoreTarget | undefined;
  /** True (the default) enlarges the maps to the size of the input, bilinearly. */
  readonly resize?: boolean | undefined;
}

/**
 * Where in the image the feature maps of a layer support a class:
 *
 *   αc = mean over positions of ∂s/∂Ac,   M = max(0, Σc αc Ac)
 *
 * @param inputs `[N, C, H, W]`
 * @returns `[N, H, W]`, or the size of the maps with `resize: false`.
 * @throws {ConfigError} for a path without feature maps.
 * @see Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based
 * localization", §3
 * @example
 * const model = new Sequential(new Conv2d(1, 4, 3, { padding: 1 }), new GlobalAvgPool(), new Linear(4, 2));
 * gradCam(model, ones([2, 1, 8, 8]), { target: 1 }).shape; // [2, 8, 8]
 */
export function gradCam(model: Module, inputs: Tensor, options: GradCamOptions = {}): Tensor {
  checkOptions("gradCam", options, { path: "text", target: true, resize: "boolean" });
  const { path, target, resize = true } = options;
  const scorer = scorerOf("gradCam", model, inputs, target);
  const { result, activations } = evaluating(model, () =>
    captureCalls(model, () => model.forward(inputs)),
  );
  if (path !== undefined) checkPath("gradCam", path, activations);
  const maps = activations.filter(({ output }) => output.rank === 4);
  const layer = path === undefined ? maps.at(-1) : maps.find((found) => found.path === path);
  if (!layer || inputs.rank !== 4)
    throw new ConfigError({
      subject: "gradCam",
      problem: `${path === undefined ? "no layer" : `"${path}"`} gives maps [N, C, H, W] of inputs ${show(inputs.shape)}.`,
      fix:
        maps.length > 0
          ? `choose one of ${maps.map((found) => `"${found.path}"`).join(", ")}.`
          : "it takes images and a convolutional net.",
    });
  const [gradient] = gradientsAt(scorer(result).sum(), [layer.output]) as [Tensor];
  const alpha = gradient.mean({ axis: [2, 3], keepDims: true });
  const map = layer.output.mul(alpha).sum({ axis: 1 }).relu();
  return resize ? resizeBilinear(map, inputs.shape[2]!, inputs.shape[3]!) : map;
}

/** `[N, h, w]` → `[N, height, width]`; pixels are areas, as in PyTorch with `align_corners=False`. */
export function resizeBilinear(map: Tensor, height: number, width: number): Tensor {
  const [n, h, w] = map.shape as [number, number, number];
  const data = map.dataSync();
  const rows = positions(h, height);
  const columns = positions(w, width);
  const out = new Float64Array(n * height * width);
  for (let k = 0; k < n; k++)
    rows.forEach(([y, y1, fy], i) => {
      columns.forEach(([x, x1, fx], j) => {
        const at = (r: number, c: number) => data[(k * h + r) * w + c]!;
        const above = at(y, x) * (1 - fx) + at(y, x1) * fx;
        const below = at(y1, x) * (1 - fx) + at(y1, x1) * fx;
        out[(k * height + i) * width + j] = above * (1 - fy) + below * fy;
      });
    });
  return tensor(out, map.dtype).reshape([n, height, width]);
}

/** For each of `to` positions the two of `from` between which it lies, and the weight. */
function positions(from: number, to: number): [number, number, number][] {
  return Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const low = Math.floor(at);
    return [low, Math.min(low + 1, from - 1), at - low];
  });
}
