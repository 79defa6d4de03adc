/** A four-layer convolutional net, trained until it has learned part of its examples. */
import { compile, fromHost, type Tensor } from "gradus";
import { batches, type Split } from "gradus/data";
import * as nn from "gradus/nn";
import { momentum, Optimizer } from "gradus/optim";

export type Activation = "ReLU" | "tanh";

export interface NetOptions {
  readonly activation: Activation;
  readonly initializer: nn.Initializer;
  readonly channels: number;
  readonly seed: number;
}

/**
 * Three times 5 × 5 convolution, activation and 3 × 3 max pooling by 2, with c, c and 2c channels;
 * then a linear layer to ten classes. No regularisation.
 */
function fourLayers(
  shape: readonly number[],
  { activation, initializer, channels: c, seed }: NetOptions,
) {
  const [depth, side] = shape as readonly [number, number];
  const act = () => (activation === "ReLU" ? new nn.ReLU() : new nn.Tanh());
  const block = (from: number, to: number) => [
    new nn.Conv2d(from, to, 5, { padding: "same", init: initializer }),
    act(),
    new nn.MaxPool2d(3, { stride: 2 }),
  ];
  const last = [1, 2, 3].reduce((n) => Math.floor((n - 3) / 2) + 1, side);
  return nn.seeded(
    seed,
    () =>
      new nn.Sequential(
        ...block(depth, c),
        ...block(c, c),
        ...block(c, 2 * c),
        new nn.Flatten(),
        new nn.Linear(2 * c * last * last, 10, { init: initializer }),
      ),
  );
}

/**
 * Training error of epochs 1, 2, … by SGD with momentum 0.9, each batch evaluated before its step;
 * it ends below the goal or after `most` epochs.
 */
export async function errorsOf(
  data: Split,
  options: NetOptions & { lr: number; goal: number; most: number; batchSize: number },
) {
  const { lr, goal, most, batchSize, seed } = options;
  const model = fourLayers(data.inputs.shape.slice(1), options);
  const optimizer = new Optimizer(model, momentum({ rho: 0.9 }), { lr });
  const step = compile((x: Tensor, y: Tensor) => {
    let logits: Tensor | undefined;
    const loss = (x: Tensor, y: Tensor) => {
      logits = model.forward(x);
      return nn.crossEntropy(logits, y);
    };
    optimizer.update(nn.valueAndGrad(model, loss)(x, y).grads);
    return logits!.argmax({ axis: 1 }).notEqual(y).cast("int32").sum();
  });
  const errors: number[] = [];
  for (let epoch = 0; epoch < most; epoch++) {
    let wrong = 0;
    for (const batch of batches(data, { batchSize, shuffle: true, seed, epoch }))
      wrong += (await step(fromHost(batch.inputs), fromHost(batch.targets))).item();
    errors.push(wrong / data.size);
    if (errors.at(-1)! < goal) break;
  }
  return errors;
}

/**
 * When the curve of errors, each placed at the middle of its epoch, crosses the goal; ∞ if it does
 * not.
 */
export function crossing(errors: readonly number[], goal: number): number {
  const after = errors.findIndex((e) => e < goal);
  if (after < 0) return Number.POSITIVE_INFINITY;
  if (after === 0) return 0.5;
  const [high, low] = [errors[after - 1]!, errors[after]!];
  return after - 0.5 + (high - goal) / (high - low);
}
