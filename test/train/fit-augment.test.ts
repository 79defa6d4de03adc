import { zeros } from "gradus";
import { augment, digits, horizontalFlip, mixup, noise, randomCrop } from "gradus/data";
import { Flatten, Linear, Sequential } from "gradus/nn";
import { type Callback, classification, fit, saveCheckpoint } from "gradus/train";
import { expect, test } from "vitest";
import { stateOf, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const { train } = digits({ train: 48, test: 1 });
const model = () => {
  const layer = new Linear(784, 10);
  layer.weight.value = zeros([10, 784]);
  return new Sequential(new Flatten(), layer);
};
const losses = async (transforms: Parameters<typeof augment>[0], workers = 1) => {
  const history = await fit(model(), train, {
    epochs: 2,
    batchSize: 16,
    augment: augment(transforms, { workers }),
  });
  return history.get("loss");
};

test("training sees the changed examples, the same ones whatever makes them", async () => {
  const plain = (await fit(model(), train, { epochs: 2, batchSize: 16 })).get("loss");
  expect(await losses([])).toEqual(plain);
  expect(await losses([horizontalFlip({ probability: 0 })])).toEqual(plain);
  const changed = await losses([randomCrop({ padding: 3 }), noise({ std: 0.1 })]);
  expect(changed).not.toEqual(plain);
  expect(await losses([randomCrop({ padding: 3 }), noise({ std: 0.1 })], 0)).toEqual(changed);
});

test("mixup's rows of probabilities are targets of classification", async () => {
  const history = await fit(model(), train, {
    epochs: 1,
    batchSize: 16,
    objective: classification,
    augment: augment([mixup({ alpha: 1, classes: 10 })]),
  });
  expect(history.get("loss")[0]).toBeGreaterThan(0);
});

test("resumes exactly in the middle of an epoch", async () => {
  const path = `${folder}/half.safetensors`;
  const options = { epochs: 2, batchSize: 16, augment: augment([randomCrop({ padding: 3 })]) };
  const stop: Callback = {
    onBatchEnd: (_batch, _logs, training) => training.position.step === 4 && training.stop("half"),
    onTrainEnd: (training) => saveCheckpoint(path, training),
  };
  const [whole, resumed] = [model(), model()];
  await fit(whole, train, options);
  await fit(model(), train, { ...options, callbacks: [stop] });
  await fit(resumed, train, { ...options, resume: path });
  expect(stateOf(resumed)).toEqual(stateOf(whole));
});
