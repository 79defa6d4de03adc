import { compile, fromHost, type Tensor } from "gradus";
import { batches, digits } from "gradus/data";
import { createModel } from "gradus/models";
import { crossEntropy, valueAndGrad } from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { expect, test } from "vitest";
import { loadNative } from "../../src/runtime/native.ts";

const native = loadNative();
if ("missing" in native) console.log(`threads: skipped, no native engine: ${native.missing}`);

/** Losses and final weights of a few steps of the convolutional net. */
function trained(): number[] {
  const options = { inputShape: [1, 28, 28], classes: 10, seed: 3 };
  const model = createModel({ name: "conv", options });
  const optimizer = new Optimizer(model, adam(), { lr: 0.01 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = (a: Tensor, b: Tensor) => crossEntropy(model.forward(a), b);
    const { value, grads } = valueAndGrad(model, loss)(x, y);
    optimizer.update(grads);
    return value;
  });
  const { train } = digits({ train: 320, test: 0, seed: 5 });
  const numbers: number[] = [];
  for (const { inputs, targets } of batches(train, { batchSize: 64, shuffle: true, seed: 1 }))
    numbers.push(step.sync(fromHost(inputs), fromHost(targets)).item());
  for (const parameter of Object.values(model.parameters()))
    for (const x of parameter.value.dataSync()) numbers.push(x);
  return numbers;
}

test.skipIf("missing" in native)("one thread and two threads train to the same bits", () => {
  if ("missing" in native) return;
  native.setThreads(1);
  const one = trained();
  native.setThreads(2);
  expect(trained()).toEqual(one);
  expect(trained()).toEqual(one); // and from run to run
});
