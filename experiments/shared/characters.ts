/** A recurrent net that predicts the next character of a name, and a baseline by counting. */
import { compile, fromHost, oneHot, type Tensor } from "gradus";
import { characterSequences } from "gradus/data";
import * as nn from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { integers } from "./random.ts";

const length = 24;

/** The text with its order destroyed: each character stays as frequent as it is. */
export function shuffledText(codes: Int32Array, seed: number): Int32Array {
  const result = codes.slice();
  const draws = integers(2 ** 30, [codes.length], seed, 60).dataSync();
  for (let i = result.length - 1; i > 0; i--) {
    const j = draws[i]! % (i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/**
 * Bits per character of the test text, from counts of each character after the preceding `order`
 * characters, with add-one smoothing.
 */
export function bitsOfCounts(
  train: Int32Array,
  test: Int32Array,
  size: number,
  order: number,
): number {
  const counts = new Map<string, Float64Array>();
  const after = (text: Int32Array, i: number) => text.subarray(i - order, i).join(" ");
  for (let i = order; i < train.length; i++) {
    const key = after(train, i);
    const row = counts.get(key) ?? new Float64Array(size).fill(1);
    row[train[i]!]!++;
    counts.set(key, row);
  }
  let bits = 0;
  for (let i = order; i < test.length; i++) {
    const row = counts.get(after(test, i)) ?? new Float64Array(size).fill(1);
    bits -= Math.log2(row[test[i]!]! / row.reduce((a, b) => a + b, 0));
  }
  return bits / (test.length - order);
}

/** Bits per character of the test text by a GRU trained on sequences of the other. */
export function bitsOfGru(
  train: Int32Array,
  test: Int32Array,
  size: number,
  {
    hidden,
    steps,
    seed,
  }: { readonly hidden: number; readonly steps: number; readonly seed: number },
): number {
  const { gru, head } = nn.seeded(seed, () => ({
    gru: new nn.GRU(size, hidden),
    head: new nn.Linear(hidden, size),
  }));
  const model = new nn.Sequential(gru, head);
  const optimizer = new Optimizer(model, adam());
  const loss = (x: Tensor, y: Tensor) =>
    nn.crossEntropy(model.forward(oneHot(x, size)).reshape([-1, size]), y.flatten());
  const step = compile((x: Tensor, y: Tensor, rows: Tensor, lr: number) => {
    optimizer.update(nn.valueAndGrad(model, loss)(x.take(rows), y.take(rows)).grads, { lr });
  });
  const [x, y] = pieces(train);
  for (let k = 0; k < steps; k++) {
    const rows = integers(x.shape[0]!, [64], seed, 2000 + k);
    step.sync(x, y, rows, 0.01 * (1 - k / steps));
  }
  const [u, v] = pieces(test);
  return loss(u, v).item() / Math.LN2;
}

function pieces(text: Int32Array): readonly [Tensor, Tensor] {
  const { inputs, targets } = characterSequences(text, { length });
  return [fromHost(inputs), fromHost(targets)];
}
