/** Spoken digits as spectrograms, and a small convolutional net for them. */
import { compile, fromHost, type Tensor } from "gradus";
import { logMel, readWavFolder } from "gradus/data";
import * as nn from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { integers } from "./random.ts";

export interface Speech {
  readonly train: readonly [spectrograms: Tensor, labels: Tensor];
  readonly test: readonly [spectrograms: Tensor, labels: Tensor];
  readonly classes: readonly string[];
}

/** Recordings of half a second as spectrograms `[N, 1, 32, 31]`, standardized; held out: the first five of each voice and digit. */
export async function speech(archive: string): Promise<Speech> {
  const { train, test, sampleRate, classes } = await readWavFolder(archive, { length: 4096 });
  const spectrograms = (samples: typeof train.inputs): Tensor => {
    const mel = logMel(samples, { sampleRate, window: 256, count: 32, floor: 1e-6 });
    return fromHost({ ...mel, shape: [mel.shape[0]!, 1, ...mel.shape.slice(1)] });
  };
  const [x, z] = [spectrograms(train.inputs), spectrograms(test!.inputs)];
  const [centre, scale] = [x.mean().item(), x.std().item()];
  const standard = (s: Tensor) => s.sub(centre).div(scale).evalSync();
  return {
    train: [standard(x), fromHost(train.targets)],
    test: [standard(z), fromHost(test!.targets)],
    classes: classes!,
  };
}

/** The predictions `[N]` for the test set of a net trained for some steps of 32 recordings. */
export function listen({ train, test }: Speech, labels: Tensor, steps: number, seed: number) {
  const model = nn.seeded(
    seed,
    () =>
      new nn.Sequential(
        new nn.Conv2d(1, 12, 3, { stride: 2, padding: 1 }),
        new nn.BatchNorm2d(12),
        new nn.ReLU(),
        new nn.Conv2d(12, 24, 3, { stride: 2, padding: 1 }),
        new nn.BatchNorm2d(24),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Flatten(),
        new nn.Dropout(0.3),
        new nn.Linear(24 * 16, 10),
      ),
  );
  const optimizer = new Optimizer(model, adam());
  const loss = (x: Tensor, y: Tensor) => nn.crossEntropy(model.forward(x), y);
  const step = compile((x: Tensor, y: Tensor, rows: Tensor, lr: number) => {
    model.train();
    optimizer.update(nn.valueAndGrad(model, loss)(x.take(rows), y.take(rows)).grads, { lr });
  });
  for (let k = 0; k < steps; k++) {
    const rows = integers(labels.size, [32], seed, 1000 + k);
    step.sync(train[0], labels, rows, 0.004 * (1 - k / steps));
  }
  return nn.evaluating(model, () => model.forward(test[0]).argmax({ axis: 1 }).evalSync());
}
