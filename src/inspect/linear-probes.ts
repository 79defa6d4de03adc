import { checkOptions } from "../base/index.ts";
import { LogisticRegression, type Targets } from "../learn/index.ts";
import type { Module } from "../nn/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { layerActivations } from "./capture.ts";

/** Examples and their classes. */
export interface ProbeData {
  /** `[N, …]`, the model's inputs. */
  readonly inputs: Tensor;
  readonly labels: Targets;
}

/** Which layers are probed, and how. */
export interface ProbeOptions {
  /** By default every layer that contains no other. */
  readonly paths?: readonly string[] | undefined;
  /** The inverse strength of the probes' L2 penalty, default 1. */
  readonly C?: number | undefined;
  /**
   * True (the default) averages maps `[N, C, …]` over their positions first; false uses every
   * element.
   */
  readonly pool?: boolean | undefined;
}

/** How well a linear classifier can read the classes from a layer. */
export interface LinearProbe {
  readonly path: string;
  readonly features: number;
  /** On the training examples of the probe. */
  readonly trainAccuracy: number;
  readonly accuracy: number;
}

/**
 * A logistic regression from every layer's activations, standardized, to the classes: where in the
 * net do they become linearly separable? The net itself is not changed.
 *
 * @param train the probes' training examples. @param test their test examples.
 * @see Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes"
 * @example
 * const model = new Sequential(new Linear(1, 2, { init: init.constant(1) }), new ReLU());
 * const data = { inputs: tensor([[-2], [-1], [1], [2]]), labels: [0, 0, 1, 1] };
 * const [first] = await linearProbes(model, data, data);
 * first; // { path: "layers.0", features: 2, trainAccuracy: 1, accuracy: 1 }
 */
export async function linearProbes(
  model: Module,
  train: ProbeData,
  test: ProbeData,
  options: ProbeOptions = {},
): Promise<LinearProbe[]> {
  checkOptions("linearProbes", options, { paths: true, C: "positive", pool: "boolean" });
  const { paths, C = 1, pool = true } = options;
  const before = layerActivations(model, train.inputs, paths);
  const after = layerActivations(model, test.inputs, paths);
  const probes: LinearProbe[] = [];
  for (const [i, { path, output }] of before.entries()) {
    const x = featuresOf(output, pool);
    const scale = standardization(x);
    const probe = await new LogisticRegression({ C }).fit(scale(x), train.labels);
    probes.push({
      path,
      features: x.shape[1]!,
      trainAccuracy: await probe.score(scale(x), train.labels),
      accuracy: await probe.score(scale(featuresOf(after[i]!.output, pool)), test.labels),
    });
  }
  return probes;
}

/** `[N, features]` in float64. */
function featuresOf(output: Tensor, pool: boolean): Tensor {
  const rows = output.cast("float64");
  const positions = rows.shape.slice(2).map((_, i) => i + 2);
  const pooled = pool && positions.length > 0 ? rows.mean({ axis: positions }) : rows;
  return pooled.reshape([pooled.shape[0]!, -1]);
}

/** Standardizes columns to mean 0 and deviation 1; constant ones to 0. */
function standardization(x: Tensor): (x: Tensor) => Tensor {
  const mean = x.mean({ axis: 0 });
  const deviation = x.std({ axis: 0 });
  const isConstant = deviation.lessEqual(0);
  return (rows) => rows.sub(mean).div(deviation.add(isConstant.cast("float64")));
}
