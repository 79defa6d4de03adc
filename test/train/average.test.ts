import { moons } from "gradus/data";
import { WeightAverage } from "gradus/optim";
import {
  type Callback,
  EarlyStopping,
  evaluate,
  type FitOptions,
  fit,
  loadCheckpoint,
  ModelCheckpoint,
  restore,
  saveCheckpoint,
} from "gradus/train";
import { expect, test } from "vitest";
import { smallNet, stateOf, temporaryFolder } from "./support.ts";

const folder = temporaryFolder();
const data = moons({ size: 40, noise: 0.1 });
const validation = moons({ size: 20, noise: 0.1, seed: 1 });
const options = {
  epochs: 3,
  batchSize: 8,
  lr: 0.1,
  validation,
  average: { decay: 0.8 },
} satisfies FitOptions;

test("is that of the weights after every step; validation, files for use and the model are of it", async () => {
  const model = smallNet();
  const best = `${folder}/best.safetensors`;
  const raw: Record<string, number[]>[] = [];
  const callbacks: Callback[] = [
    { onBatchEnd: (_batch, _logs, { model }) => raw.push(stateOf(model)) },
    new ModelCheckpoint(best, { saveWeightsOnly: true }),
  ];
  const history = await fit(model, data, { ...options, callbacks });
  const path = "layers.0.weight";
  const expected = raw
    .map((state) => state[path]!)
    .reduce((mean, w) => mean.map((x, i) => 0.8 * x + 0.2 * w[i]!));
  stateOf(model)[path]!.forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i]!, 5);
  });
  expect(stateOf(model)[path]).not.toEqual(raw.at(-1)![path]);
  expect((await evaluate(model, validation)).loss).toBe(history.last.val_loss);
  const other = smallNet();
  restore(await loadCheckpoint(best), { model: other });
  expect(stateOf(other)).toEqual(stateOf(model));
});

test("does not change the way of the weights themselves, with parts of batches as well", async () => {
  for (const accumulate of [1, 2]) {
    const last = `${folder}/raw-${accumulate}.safetensors`;
    const save: Callback = { onTrainEnd: (training) => saveCheckpoint(last, training) };
    await fit(smallNet(), data, { ...options, accumulate, callbacks: [save] });
    const raw = smallNet();
    restore(await loadCheckpoint(last), { model: raw });
    const plain = smallNet();
    await fit(plain, data, { ...options, accumulate, average: undefined });
    expect(stateOf(raw)).toEqual(stateOf(plain));
  }
});

test("resumes exactly in the middle of an epoch, with the best weights of before", async () => {
  const path = `${folder}/half.safetensors`;
  const stop: Callback = {
    onBatchEnd: (_batch, _logs, training) => training.position.step === 8 && training.stop("half"),
    onTrainEnd: (training) => saveCheckpoint(path, training),
  };
  const stopping = () => new EarlyStopping({ patience: 9, restoreBestWeights: true });
  const [whole, resumed] = [smallNet(), smallNet()];
  const history = await fit(whole, data, { ...options, callbacks: [stopping()] });
  await fit(smallNet(), data, { ...options, callbacks: [stopping(), stop] });
  await fit(resumed, data, { ...options, resume: path, callbacks: [stopping()] });
  expect(stateOf(resumed)).toEqual(stateOf(whole));
  const { value } = history.best("val_loss")!;
  expect((await evaluate(whole, validation)).loss).toBe(value);
  const without = fit(smallNet(), data, { ...options, average: undefined, resume: path });
  await expect(without).rejects.toThrow(/with an average of its weights/);
  const average = new WeightAverage(resumed);
  average.restore((await loadCheckpoint(path)).states.average as never);
  expect(average.count).toBe(8);
});
