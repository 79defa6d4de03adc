import { type HostArray, RandomStream } from "../../base/index.ts";
import type { Module } from "../../nn/index.ts";
import { classification, predict } from "../../train/index.ts";

/**
 * Continues a text: each character is sampled from the network's probabilities.
 *
 * @param context `[1, L]`, the numbers of the last characters.
 * @returns the numbers of the following characters. The same seed gives the same ones.
 */
export async function continueText(
  model: Module,
  context: HostArray,
  count: number,
  seed: number,
): Promise<Int32Array> {
  const random = new RandomStream(seed);
  const window = Int32Array.from(context.data);
  const drawn = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const logits = await predict(model, { dtype: "int32", shape: context.shape, data: window });
    drawn[i] = draw(classification.read(logits).dataSync(), random.uniform());
    window.copyWithin(0, 1);
    window[window.length - 1] = drawn[i]!;
  }
  return drawn;
}

/** The k with F(k − 1) ≤ u < F(k), F the sums of the probabilities. */
function draw(probabilities: ArrayLike<number>, u: number): number {
  let k = 0;
  for (let sum = probabilities[0]!; sum <= u && k + 1 < probabilities.length; k++)
    sum += probabilities[k + 1]!;
  return k;
}
