/** What runs in a page and in Node alike, so that the two can be compared bit for bit. */
import { compile, engineInfo, fromHost, loadEngine, type Tensor } from "gradus";
import { batches, digits, type Split, xor } from "gradus/data";
import { lenet } from "gradus/models";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  Linear,
  type Module,
  Sequential,
  seeded,
  Tanh,
  valueAndGrad,
} from "gradus/nn";
import { Optimizer, sgd } from "gradus/optim";

export interface Losses {
  readonly isa: string;
  readonly threads: number;
  readonly mlp: readonly number[];
  readonly conv: readonly number[];
}

type EngineOptions = NonNullable<Parameters<typeof loadEngine>[0]>;

/** The losses of a few steps of two small networks. */
export async function train(options: EngineOptions = {}): Promise<Losses> {
  await loadEngine(options);
  const mlp = seeded(
    1,
    () =>
      new Sequential(
        new Linear(2, 16),
        new Tanh(),
        new Linear(16, 16),
        new Tanh(),
        new Linear(16, 1),
      ),
  );
  const bce = (logits: Tensor, targets: Tensor) =>
    binaryCrossEntropyWithLogits(logits.reshape([-1]), targets.cast("float32"));
  const conv = lenet({ inputShape: [1, 28, 28], classes: 10, seed: 2 });
  return {
    mlp: await lossesOf(mlp, bce, xor({ size: 256, noise: 0.1, seed: 1 }), 25),
    conv: await lossesOf(conv, crossEntropy, digits({ train: 256, test: 0, seed: 1 }).train, 4),
    isa: String(engineInfo().isa),
    threads: Number(engineInfo().threads),
  };
}

async function lossesOf(
  model: Module,
  loss: (outputs: Tensor, targets: Tensor) => Tensor,
  split: Split,
  epochs: number,
): Promise<number[]> {
  const optimizer = new Optimizer(model, sgd(), { lr: 0.1 });
  const gradients = valueAndGrad(model, (inputs: Tensor, targets: Tensor) =>
    loss(model.forward(inputs), targets),
  );
  const step = compile((inputs: Tensor, targets: Tensor) => {
    const { value, grads } = gradients(inputs, targets);
    optimizer.update(grads);
    return value;
  });
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for (const { inputs, targets } of batches(split, { batchSize: 32, shuffle: true, epoch }))
      losses.push((await step(fromHost(inputs), fromHost(targets))).item());
  return losses;
}
