import { checkOptions, RandomStream, type Shape } from "../base/index.ts";
import { type Module, Parameter } from "../nn/index.ts";
import { adam, Optimizer } from "../optim/index.ts";
import { compile, grad, normal, type Tensor, tensor } from "../tensor/index.ts";
import { checkUnit, outputAt } from "./capture.ts";

/** Which unit, how many steps, and the regularization that keeps the image legible. */
export interface MaximizeOptions {
  /** Shape of one input, without the batch axis. */
  readonly inputShape: Shape;
  /** The path of the layer; by default the outputs of the model. */
  readonly path?: string | undefined;
  /** The unit, or the channel of a map, whose mean activation is maximized. */
  readonly unit: number;
  /** Default 200. */
  readonly steps?: number | undefined;
  /** Adam's learning rate, default 0.05. */
  readonly lr?: number | undefined;
  /** λ₂, the weight of the mean square, default 0.1. */
  readonly l2?: number | undefined;
  /** λ_TV, the weight of the total variation of an image, default 0.1. */
  readonly totalVariation?: number | undefined;
  /** The largest shift of an image before each step, down and right, in pixels, default 2. */
  readonly jitter?: number | undefined;
  /** σ of the normal noise at the start, default 0.1. */
  readonly noise?: number | undefined;
  readonly seed?: number | undefined;
}

/** An input that maximizes the activation of a unit. */
export interface MaximizedActivation {
  /** `[1, …inputShape]` */
  readonly input: Tensor;
  /** The unit's mean activation before each step, and at the end. */
  readonly activations: readonly number[];
}

/**
 * An input that maximizes the activation of a unit, by gradient ascent from noise:
 *
 *   x* = argmax a(x) − λ₂ Σ xᵢ²/D − λ_TV Σ (xᵢ − xⱼ)²/D,   i, j neighbours in height or width
 *
 * Without penalties and jitter the result is mostly a pattern of high frequencies.
 *
 * @throws {ConfigError} for a unit that the layer does not have, or a path without outputs.
 * @see Simonyan, Vedaldi & Zisserman 2014, "Deep inside convolutional networks", §2; Mahendran &
 * Vedaldi 2016, "Visualizing deep convolutional neural networks using natural pre-images", §3
 * @example
 * const model = new Linear(2, 1, { bias: false });
 * model.weight.value = tensor([[3, -1]]);
 * const { input } = await maximizeActivation(model, { inputShape: [2], unit: 0, l2: 1, lr: 0.2 });
 * input.round().toArray(); // [[3, -1]]
 */
export async function maximizeActivation(
  model: Module,
  options: MaximizeOptions,
): Promise<MaximizedActivation> {
  checkOptions("maximizeActivation", options, {
    inputShape: true,
    path: "text",
    unit: "number",
    steps: "count",
    lr: "number",
    l2: "number",
    totalVariation: "number",
    jitter: "number",
    noise: "number",
    seed: "number",
  });
  const { inputShape, path = "", unit, steps = 200, lr = 0.05 } = options;
  const { l2 = 0.1, totalVariation = 0.1, jitter = 2, noise = 0.1, seed = 0 } = options;
  const activationOf = (x: Tensor) => meanActivation(model, x, path, unit);
  const dtype = Object.values(model.parameters())[0]?.dtype ?? "float32";
  const image = new Parameter(
    normal([1, ...inputShape], { key: seed })
      .mul(noise)
      .cast(dtype),
  );
  const optimizer = new Optimizer({ image }, adam(), { lr });
  const shifts = new Shifts(inputShape, jitter, seed);
  const step = compile((rows: Tensor, columns: Tensor) => {
    let activation: Tensor | undefined;
    const cost = (x: Tensor): Tensor => {
      activation = activationOf(shifts.apply(x, rows, columns));
      const penalties = x.square().mean().mul(l2).add(roughness(x).mul(totalVariation));
      return penalties.sub(activation);
    };
    optimizer.update({ image: grad(cost)(image.value) });
    return activation!;
  });
  const activations: number[] = [];
  for (let i = 0; i < steps; i++) activations.push((await step(...shifts.next())).item());
  activations.push(activationOf(image.value).item());
  return { input: image.value, activations };
}

function meanActivation(model: Module, x: Tensor, path: string, unit: number): Tensor {
  const output = outputAt("maximizeActivation", model, x, path);
  checkUnit("maximizeActivation", unit, output);
  return output.slice(null, unit).mean();
}

/**
 * (1/D) Σ of the squared differences of neighbours in height and width; 0 if it is not an image.
 */
function roughness(x: Tensor): Tensor {
  if (x.rank !== 4) return tensor(0, "float32").cast(x.dtype);
  const [, , height, width] = x.shape as [number, number, number, number];
  const down = x.slice(null, null, [1, height]).sub(x.slice(null, null, [0, height - 1]));
  const [from, to] = [
    x.slice(null, null, null, [1, width]),
    x.slice(null, null, null, [0, width - 1]),
  ];
  return down.square().sum().add(from.sub(to).square().sum()).div(x.size);
}

/** Random circular shifts of an image, by gathering rows and columns. */
class Shifts {
  readonly #random: RandomStream;
  readonly #shape: Shape;
  readonly #most: number;

  constructor(shape: Shape, most: number, seed: number) {
    this.#random = new RandomStream(seed, 1);
    this.#shape = shape;
    this.#most = most;
  }

  /** Rows and columns in the order of the next shift. */
  next(): [Tensor, Tensor] {
    const [, height = 1, width = 1] = this.#shape;
    return [this.#shifted(height), this.#shifted(width)];
  }
  #shifted(length: number): Tensor {
    const by = this.#random.integer(2 * this.#most + 1) - this.#most;
    const order = Array.from({ length }, (_, i) => (((i + by) % length) + length) % length);
    return tensor(order, "int32");
  }

  /** Images `[1, C, H, W]` are shifted, other inputs are not. */
  apply(x: Tensor, rows: Tensor, columns: Tensor): Tensor {
    if (x.rank !== 4 || this.#most === 0) return x;
    return x.take(rows, { axis: 2 }).take(columns, { axis: 3 });
  }
}
