import { vjp } from "../../autodiff/index.ts";
import { checkOptions, isFloat } from "../../base/index.ts";
import { filled } from "../../ops/index.ts";
import { isTensor, normal, realizeSync, Tensor } from "../../tensor/index.ts";
import { listenToCalls } from "../listen.ts";
import { type AnyModule, evaluating, type Module } from "../module.ts";

/** The variance of one layer's outputs and of their gradients. */
export interface LayerVariance {
  readonly path: string;
  readonly kind: string;
  /** Variance of the outputs over examples and units. */
  readonly activations: number;
  /** Variance of ∂L/∂output over the same; 0 where L does not depend on them. */
  readonly gradients: number;
}

/** The loss whose gradients {@link variancesThroughDepth} follows. */
export interface VarianceOptions {
  /**
   * L; by default the outputs times standard normal numbers, so that gradients start with variance
   * 1.
   */
  readonly loss?: ((outputs: Tensor) => Tensor) | undefined;
  /** Seed of those numbers, default 0. */
  readonly seed?: number | undefined;
}

/**
 * Variances of activations and gradients from layer to layer. A good initializer preserves them: if
 * they shrink or grow by a factor per layer, a deep net starts dead or explodes.
 *
 *   Var y_l ≈ (n_in Var w · s)^l Var x     forward,   s = 1 for linear layers, ½ for ReLUs
 *   Var ∂L/∂y_l ≈ (n_out Var w · s)^{L−l}   backward
 *
 * The model is measured in evaluation mode and is not changed. Layers are the modules that contain
 * no others, in the order in which they are computed.
 *
 * @param inputs a batch, `[N, …]`.
 * @see Glorot & Bengio 2010, §4.2.1; He et al. 2015, "Delving deep into rectifiers", §2.2
 * @example
 * const model = new Sequential(new Linear(1, 1, { init: init.constant(3) }), new Linear(1, 1, { init: init.constant(2) }));
 * const layers = variancesThroughDepth(model, tensor([[1], [-1]]));
 * layers.map((layer) => layer.activations); // [9, 36]
 */
export function variancesThroughDepth(
  model: Module,
  inputs: Tensor,
  options: VarianceOptions = {},
): LayerVariance[] {
  checkOptions("variancesThroughDepth", options, { loss: "function", seed: "number" });
  const { loss, seed = 0 } = options;
  const paths = new Map(Object.entries(model.modules()).map(([path, m]) => [m, path]));
  const calls: { module: AnyModule; output: Tensor }[] = [];
  const onCall = (module: AnyModule, output: unknown) => {
    const isLayer = Object.keys(module.modules()).length === 1;
    if (isLayer && isTensor(output) && isFloat(output.dtype)) calls.push({ module, output });
  };
  const outputs = evaluating(model, () => listenToCalls(onCall, () => model.forward(inputs)));
  const total = loss ? loss(outputs) : outputs.mul(normal(outputs.shape, { key: seed })).sum();
  const one = filled(1, total.node);
  const variances = calls.map(({ output }) => {
    // one sweep for each: a single sweep would stop at the last of them
    const [gradient] = vjp([total.node], [one], [output.node]);
    return [output.variance(), gradient ? new Tensor(gradient).variance() : null] as const;
  });
  realizeSync(variances.flat().flatMap((x) => (x ? [x.node] : [])));
  return calls.map(({ module }, i) => {
    const [activations, gradients] = variances[i]!;
    return {
      path: paths.get(module) ?? "",
      kind: module.constructor.name,
      activations: activations.item(),
      gradients: gradients?.item() ?? 0,
    };
  });
}
