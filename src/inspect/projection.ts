/** What in the input a unit responds to: gradients with modified backward rules for ReLU. */
import { ConfigError, checkOptions, describe, sizeOf } from "../base/index.ts";
import type { Module } from "../nn/index.ts";
import { lessEqual, relu, reluInput, where } from "../ops/index.ts";
import { gradientsAt } from "../tensor/backward.ts";
import { type Tensor, tensor } from "../tensor/index.ts";
import { checkUnit, outputAt } from "./capture.ts";

/** Which activations are projected back, and how. */
export interface ProjectionOptions {
  /** The path of the layer; by default the outputs of the model. */
  readonly path?: string | undefined;
  /**
   * The unit, or the channel of a map `[N, C, …]`, of which the largest activation of each example is projected.
   * By default each example's largest of all.
   */
  readonly unit?: number | undefined;
  /**
   * The backward rule of ReLU for a cotangent g: "deconvnet" (the default) max(g, 0), whatever the
   * input; "guided" max(g, 0) where the input was positive; "gradient" g where the input was
   * positive.
   */
  readonly method?: "deconvnet" | "guided" | "gradient" | undefined;
}

/**
 * Projects an activation back to the input: through convolutions by their transposes, through
 * max-pooling to the positions of the maxima, through ReLU by a rule:
 *
 *   deconvnet: ∂ReLU(x) ↦ max(g, 0),   guided: max(g, 0) · [x > 0],   gradient: g · [x > 0]
 *
 * It starts from the activation itself, as a feature map with all other values set to 0.
 *
 * @param inputs `[N, …]`
 * @returns the shape of the inputs.
 * @throws {ConfigError} for a path without outputs, or a unit that the layer does not have.
 * @see Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks", §2.1;
 * Springenberg et al. 2015, "Striving for simplicity", §3.4
 * @example
 * const model = new Sequential(new Linear(2, 2, { bias: false }), new ReLU(), new Linear(2, 1, { bias: false }));
 * model.parameters()["layers.0.weight"].value = tensor([[1, 3], [2, -4]]);
 * model.parameters()["layers.2.weight"].value = tensor([[1, 1]]);
 * const x = tensor([[1, 1]]); // hidden units 4 and −2 → 4 and 0, output 4
 * projectActivation(model, x, { method: "gradient" }).toArray(); // [[4, 12]]
 * projectActivation(model, x).toArray(); // [[12, -4]]
 */
export function projectActivation(
  model: Module,
  inputs: Tensor,
  options: ProjectionOptions = {},
): Tensor {
  checkOptions("projectActivation", options, { path: "text", unit: "number", method: true });
  const { path = "", unit, method = "deconvnet" } = options;
  if (!Object.hasOwn(rules, method))
    throw new ConfigError({
      subject: "projectActivation",
      problem: `method is ${describe(method)}.`,
      fix: `use ${Object.keys(rules)
        .map((name) => `"${name}"`)
        .join(", ")}.`,
    });
  const run = () => outputAt("projectActivation", model, inputs, path);
  const start = largestOf(run(), unit);
  const output = run(); // tensors that were read have dropped their history
  const [projected] = gradientsAt(output.mul(start).sum(), [inputs], rules[method]);
  return projected!;
}

type Rule = NonNullable<Parameters<typeof gradientsAt>[2]>;
type Node = Parameters<Rule>[0];

/**
 * A backward rule for ReLU only, from its input x and the cotangent of its output; `where(x ≤ 0, 0,
 * x)` has x as its third input.
 */
const ofReLU =
  (rule: (x: Node, g: Node) => Node): Rule =>
  (node, g) => {
    const x = reluInput(node);
    return x ? [null, null, rule(x, g)] : undefined;
  };

const rules: Record<NonNullable<ProjectionOptions["method"]>, Rule | undefined> = {
  deconvnet: ofReLU((_, g) => relu(g)),
  guided: ofReLU((x, g) => where(lessEqual(x, 0), 0, relu(g))),
  gradient: undefined,
};

/** The activations themselves where each example has its largest, of a unit or of all; 0 elsewhere. */
function largestOf(output: Tensor, unit: number | undefined): Tensor {
  if (unit !== undefined) checkUnit("projectActivation", unit, output);
  const each = sizeOf(output.shape.slice(1));
  const places = sizeOf(output.shape.slice(2));
  const values = output.dataSync();
  const start = new Float64Array(values.length);
  const [first, last] = unit === undefined ? [0, each] : [unit * places, (unit + 1) * places];
  for (let n = 0; n < output.shape[0]!; n++) {
    let best = n * each + first;
    for (let i = n * each + first; i < n * each + last; i++)
      if (values[i]! > values[best]!) best = i;
    start[best] = values[best]!;
  }
  return tensor(start, output.dtype).reshape(output.shape);
}
