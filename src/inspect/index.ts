/**
 * Looking into a trained model: what its layers compute, what its units respond to, and what its
 * decisions depend on.
 *
 * @module gradus/inspect
 */

export {
  type Activation,
  type Captured,
  type CaptureOptions,
  captureActivations,
} from "./capture.ts";
export { type ConfusionTree, confusionTree } from "./confusion-tree.ts";
export { type Filters, firstFilters } from "./filters.ts";
export { type GradCamOptions, gradCam } from "./grad-cam.ts";
export {
  type IntegratedGradients,
  type IntegratedGradientsOptions,
  integratedGradients,
} from "./integrated-gradients.ts";
export {
  type LinearProbe,
  linearProbes,
  type ProbeData,
  type ProbeOptions,
} from "./linear-probes.ts";
export {
  type MaximizedActivation,
  type MaximizeOptions,
  maximizeActivation,
} from "./maximize-activation.ts";
export { type Patch, type PatchOptions, topPatches } from "./patches.ts";
export { type ProjectionOptions, projectActivation } from "./projection.ts";
export {
  type OcclusionOptions,
  occlusion,
  type SaliencyOptions,
  type SmoothGradOptions,
  saliency,
  smoothGrad,
} from "./saliency.ts";
export type { ScoreTarget } from "./score.ts";
export {
  type CkaOptions,
  cka,
  type LayerSimilarity,
  type LayerSimilarityOptions,
  layerSimilarity,
} from "./similarity.ts";
