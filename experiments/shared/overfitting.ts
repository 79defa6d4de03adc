/** Small nets that memorize their few examples, and methods against it. */
import { compile, fromHost, type Tensor } from "gradus";
import type { Split } from "gradus/data";
import * as nn from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { integers } from "./random.ts";

export const side = 28;
const shift = 2; // pixels, each way
const every = 10; // steps from one evaluation on the validation set to the next

/** How a net is regularized. */
export interface Manner {
  readonly shifts?: boolean;
  readonly dropout?: number;
  readonly decay?: number;
  /** Stops where the validation loss is smallest. */
  readonly early?: boolean;
  /** Another random start of the same net. */
  readonly another?: boolean;
}

interface Sizes {
  readonly hidden: number;
  readonly steps: number;
}

/** Mean cross-entropy in nats, and the share of wrong answers. */
type Score = readonly [loss: number, wrong: number];
export interface Result {
  readonly train: Score;
  readonly test: Score;
}
type Examples = readonly [images: Tensor, labels: Tensor];

/** Images `[N, 784]`, each moved by a random −2 … 2 pixels along each axis; ink never leaves. */
function moved(images: Tensor, seed: number, step: number): Tensor {
  const n = images.shape[0]!;
  const wide = side + 2 * shift;
  const frame: [number, number][] = [
    [0, 0],
    [shift, shift],
    [shift, shift],
  ];
  const padded = images
    .reshape([n, side, side])
    .pad(frame)
    .reshape([n, wide * wide]);
  const by = integers(2 * shift + 1, [2, n], seed, step).dataSync();
  const places = new Int32Array(n * side * side);
  for (let i = 0, k = 0; i < n; i++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) places[k++] = (y + by[i]!) * wide + x + by[n + i]!;
  return padded.takeAlong(fromHost({ dtype: "int32", shape: [n, side * side], data: places }));
}

/** Trains `[N, 784] → hidden → 10` on all examples at once, by Adam. */
export function learn(
  manner: Manner,
  data: Readonly<Record<"train" | "validation" | "test", Examples>>,
  sizes: Sizes,
  seed: number,
): Result {
  const { shifts, dropout = 0, decay = 0, early, another } = manner;
  const { hidden, steps } = sizes;
  const model = nn.seeded(
    another ? seed + 1000 : seed,
    () =>
      new nn.Sequential(
        new nn.Dropout(dropout / 2),
        new nn.Linear(side * side, hidden),
        new nn.ReLU(),
        new nn.Dropout(dropout),
        new nn.Linear(hidden, 10),
      ),
  );
  const optimizer = new Optimizer(model, adam(), { lr: 0.002 });
  const loss = (x: Tensor, y: Tensor) =>
    nn.crossEntropy(model.forward(x), y).add(nn.l2(nn.select(model, "*.weight"), decay));
  const step = compile((x: Tensor, y: Tensor) => {
    model.train();
    optimizer.update(nn.valueAndGrad(model, loss)(x, y).grads);
  });
  const scores = compile((x: Tensor, y: Tensor) => {
    const z = nn.evaluating(model, () => model.forward(x));
    return [
      nn.crossEntropy(z, y),
      z.argmax({ axis: 1 }).notEqual(y).cast("float32").mean(),
    ] as const;
  });
  const score = (data: Examples): Score => {
    const [loss, wrong] = scores.sync(...data);
    return [loss.item(), wrong.item()];
  };
  const now = (): Result => ({ train: score(data.train), test: score(data.test) });
  const [images, labels] = data.train;
  let best = Number.POSITIVE_INFINITY;
  let result: Result | undefined;
  for (let k = 0; k < steps; k++) {
    step.sync(shifts ? moved(images, seed, k) : images, labels);
    if (!early || k % every !== 0) continue;
    const [loss] = score(data.validation);
    if (loss < best) [best, result] = [loss, now()];
  }
  return result ?? now();
}

/** Rows first … first + count − 1. */
export function examples({ inputs, targets }: Split, first: number, count: number): Examples {
  const rows = [first, first + count] as const;
  const images = fromHost(inputs)
    .slice(rows)
    .reshape([count, side * side]);
  return [images.evalSync(), fromHost(targets).slice(rows).evalSync()];
}
