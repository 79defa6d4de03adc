// Weights that stay the same are packed once (`Engine.load`): what an engine keeps of them must
// follow every way in which they can change.
import { expect, test } from "vitest";
import type { TypedArray } from "../../src/base/index.ts";
import type { EngineName } from "../../src/tensor/index.ts";
import {
  compile,
  conv,
  fromHost,
  setEngine,
  type Tensor,
  Variable,
  valueAndGrad,
} from "../../src/tensor/index.ts";
import { expectClose } from "../support/compare.ts";
import { engines, hasNative } from "../support/engines.ts";

/** Numbers in [−1, 1], the same for every engine. */
const numbers = (shape: readonly number[], seed: number): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: size }, (_, i) => Math.sin(seed * 100 + i * i));
  return fromHost({ shape, dtype: "float32", data });
};

/** A layer of 3×3 filters and two products, one with a captured matrix; enough of all to be packed. */
function network() {
  const filters = new Variable(numbers([32, 32, 3, 3], 1).div(10));
  const weights = new Variable(numbers([256, 48], 2).div(10));
  const fixed = numbers([128, 256], 3).div(5);
  const forward = (x: Tensor, w: Tensor) =>
    conv(x, filters.value, { padding: 1 }).reshape([48, 128]).matmul(fixed).matmul(w);
  return {
    filters,
    weights,
    apply: compile((x: Tensor) => forward(x, weights.value)),
    step: compile((x: Tensor) => {
      const loss = (w: Tensor) => forward(x, w).square().mean();
      const { value, grads: grad } = valueAndGrad(loss)(weights.value);
      weights.value = weights.value.sub(grad.mul(0.02));
      return value;
    }),
  };
}

/** What `apply` gives while weights stay, are assigned, and are updated in place, by whichever engine. */
async function results(engine: EngineName, updatesOn = engine): Promise<TypedArray[]> {
  setEngine(engine);
  const { filters, weights, apply, step } = network();
  const found: TypedArray[] = [];
  let seed = 10;
  const input = () => numbers([3, 32, 8, 8], seed++);
  const again = async (times: number) => {
    for (let i = 0; i < times; i++) found.push(apply.sync(input()).dataSync());
    found.push(await (await apply(input())).data());
  };
  await again(3);
  weights.value = numbers([256, 48], 4);
  await again(1);
  filters.value = numbers([32, 32, 3, 3], 5);
  await again(2);
  await step(input());
  await again(2);
  for (const times of [2, 1]) {
    setEngine(updatesOn);
    for (let i = 0; i < times; i++) step.sync(input());
    setEngine(engine);
    await again(1);
  }
  return found;
}

const expected = results("reference");
for (const engine of engines.filter((name) => name !== "reference"))
  for (const updatesOn of [engine, "reference"] as const)
    test(`${engine}, weights updated on ${updatesOn}: kept weights follow`, async () => {
      const [found, wanted] = [await results(engine, updatesOn), await expected];
      expect(found.length).toBe(wanted.length);
      wanted.forEach((want, i) => {
        expectClose(`call ${i}`, found[i]!, want, 1e-4);
      });
    });

test.runIf(hasNative)("constant weights are read until the second call, and not again", () => {
  setEngine("native");
  const shape = [300, 64];
  const data = Float32Array.from({ length: 300 * 64 }, (_, i) => Math.sin(i));
  const weights = fromHost({ shape, dtype: "float32", data });
  const apply = compile((x: Tensor) => x.matmul(weights));
  const x = numbers([70, 300], 1);
  const [first, second] = [apply.sync(x).dataSync(), apply.sync(x).dataSync()];
  expect(second).toEqual(first);
  data.fill(0); // forbidden: so it shows who still reads
  expect(apply.sync(x).dataSync()).toEqual(first);
});
