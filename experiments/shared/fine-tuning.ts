/** A small convolutional net trained on five digits, and then on five others with few examples. */
import { avgPool, compile, fromHost, type Tensor } from "gradus";
import { type Dataset, digits, readIdxFolder, type Split } from "gradus/data";
import * as nn from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { lineChart } from "./line-chart.ts";
import { integers } from "./random.ts";
import { mean, standardError } from "./statistics.ts";

export type Examples = readonly [images: Tensor, labels: Tensor];

/** Handwritten digits if available, else generated ones. */
export const someDigits = async (folder: string | undefined, seed: number): Promise<Dataset> =>
  folder === undefined
    ? digits({ train: 12_000, test: 2000, seed })
    : await readIdxFolder(`${folder}/mnist`);

/**
 * Random examples `[N, 1, 14, 14]`, at half the size, of the digits from … from + 4, as 0 … 4: the
 * same number of each.
 */
export function draw(
  { inputs, targets }: Split,
  from: number,
  each: number,
  seed: number,
  stream: number,
): Examples {
  const size = inputs.data.length / inputs.shape[0]!;
  const count = targets.shape[0]!;
  const order = integers(count, [20 * each + 500], seed, stream).dataSync();
  const taken = [0, 1, 2, 3, 4].flatMap((digit) =>
    Array.from(order)
      .filter((i) => targets.data[i] === from + digit)
      .slice(0, each),
  );
  const data = new Float32Array(taken.length * size);
  taken.forEach((i, n) => {
    data.set(inputs.data.subarray(i * size, (i + 1) * size) as Float32Array, n * size);
  });
  const labels = Int32Array.from(taken, (i) => targets.data[i]! - from);
  return [
    avgPool(fromHost({ dtype: "float32", shape: [taken.length, 1, 28, 28], data }), {
      size: 2,
    }).evalSync(),
    fromHost({ dtype: "int32", shape: [taken.length], data: labels }),
  ];
}

/** Two convolutions and two dense layers: layers 0, 2, 5 and 7 have weights. */
export const convNet = (seed: number): nn.Sequential =>
  nn.seeded(
    seed,
    () =>
      new nn.Sequential(
        new nn.Conv2d(1, 8, 3, { stride: 2 }),
        new nn.ReLU(),
        new nn.Conv2d(8, 16, 3),
        new nn.ReLU(),
        new nn.Flatten(),
        new nn.Linear(256, 64),
        new nn.ReLU(),
        new nn.Linear(64, 5),
      ),
  );

/** A net with its optimizer, compiled once: each run loads other weights. */
export class Learner {
  readonly model: nn.Sequential;
  readonly #optimizer: Optimizer;
  readonly #fresh: readonly Tensor[];
  readonly #step: (x: Tensor, y: Tensor, lr: number) => unknown;
  readonly #wrong: (x: Tensor, y: Tensor) => Tensor;

  constructor(model: nn.Sequential) {
    this.model = model;
    const optimizer = new Optimizer(model, adam());
    this.#optimizer = optimizer;
    this.#fresh = Object.values(optimizer.state()).map((x) => x.value);
    const loss = (x: Tensor, y: Tensor) => nn.crossEntropy(model.forward(x), y);
    const step = compile((x: Tensor, y: Tensor, lr: number) => {
      optimizer.update(nn.valueAndGrad(model, loss)(x, y).grads, { lr });
    });
    const wrong = compile((x: Tensor, y: Tensor) =>
      model.forward(x).argmax({ axis: 1 }).notEqual(y).cast("float32").mean(),
    );
    this.#step = (x, y, lr) => step.sync(x, y, lr);
    this.#wrong = (x, y) => wrong.sync(x, y);
  }

  /** Starts from the weights of a net with the same layers. */
  start(from: nn.Sequential): void {
    const values = Object.values(from.parameters());
    Object.values(this.model.parameters()).forEach((p, i) => {
      p.value = values[i]!.value;
    });
    Object.values(this.#optimizer.state()).forEach((x, i) => {
      x.value = this.#fresh[i]!;
    });
  }

  /** A number of steps, each on all examples or on consecutive batches. */
  learn([x, y]: Examples, lr: number, steps: number, batch = Number.POSITIVE_INFINITY): void {
    const n = x.shape[0]!;
    const parts = Math.max(1, Math.floor(n / batch));
    const cut = Array.from({ length: parts }, (_, i): Examples => {
      const every = integers(n, [Math.min(n, batch)], i, 77);
      return parts === 1 ? [x, y] : [x.take(every).evalSync(), y.take(every).evalSync()];
    });
    for (let k = 0; k < steps; k++) this.#step(...cut[k % parts]!, lr);
  }

  /** The share of wrong answers. */
  wrong([x, y]: Examples): number {
    return this.#wrong(x, y).item();
  }
}

/** Nets trained on five digits, with true or shuffled labels, with new last layers. */
export type Pretrained = Readonly<Record<"real" | "shuffled", nn.Sequential>>;

/** Trains on 0 … 4, once with the true labels and once with shuffled ones. */
export function pretrain(
  learner: Learner,
  [x, labels]: Examples,
  steps: number,
  seed: number,
): Pretrained {
  const net = (y: Tensor) => {
    learner.start(convNet(seed));
    learner.learn([x, y], 0.002, steps, 64);
    const model = convNet(seed);
    new Learner(model).start(learner.model);
    nn.seeded(seed + 1, () => nn.replaceHead(model, 5));
    return model;
  };
  const order = integers(labels.size, [labels.size], seed, 2);
  return { real: net(labels), shuffled: net(labels.take(order).evalSync()) };
}

/** Errors against the number of examples, with two standard errors; one variant dashed. */
export const errorChart = (
  counts: readonly number[],
  results: Readonly<Record<string, readonly { readonly errors: readonly number[] }[]>>,
  dashed: string,
) =>
  lineChart({
    title: "Old digits help to learn new ones from few examples",
    subtitle:
      "Test error on five new digits, each at its best rate, ± 2 s.e.; shuffled: labels before",
    x: "examples of each new digit",
    y: "error (%)",
    log: "x",
    curves: Object.entries(results).map(([name, all]) => ({
      name,
      dots: true,
      dashed: name === dashed,
      points: counts.map((n, i): [number, number, number] => {
        const { errors } = all[i]!;
        return [n, 100 * mean(errors), 100 * standardError(errors)];
      }),
    })),
  });
