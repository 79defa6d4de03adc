/** Cross-validation and grids of learners, and nets as learners. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, DataError, FormatError, hostArray, ShapeError, tensor } from "gradus";
import {
  columnTransformer,
  crossValidate,
  GaussianNB,
  gridSearch,
  KMeans,
  KNeighborsClassifier,
  LogisticRegression,
  learnerFromJSON,
  loadLearner,
  type NeuralClassifier,
  neuralClassifier,
  neuralRegressor,
  OneVsRestClassifier,
  oneHotEncoder,
  Perceptron,
  type Pipeline,
  pipeline,
  Ridge,
  SVC,
  standardScaler,
} from "gradus/learn";
import { Conv2d, Flatten, Linear, Sequential, Tanh } from "gradus/nn";
import { adam, Optimizer } from "gradus/optim";
import { choice, kFold } from "gradus/train";
import { afterAll, describe, expect, test } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "gradus-selection-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const x = Array.from({ length: 60 }, (_, i) => [Math.cos(i) * 2, Math.sin(1.7 * i), i % 4]);
const labels = x.map(([a, b]) => (a! + b! > 0.8 ? "far off" : a! < -0.5 ? " low" : "mid"));
const numbers = x.map(([a, b, c]) => 3 * a! - b! + 0.5 * c! + 100);

describe("crossValidate", () => {
  test("is what fitting and scoring by the folds of train gives, for all kinds of rows", async () => {
    const classes = [...new Set(labels)].sort();
    const split = {
      inputs: hostArray(
        [60, 1],
        Float64Array.from(x, (_, i) => i),
      ),
      targets: hostArray(
        [60],
        Int32Array.from(labels, (label) => classes.indexOf(label)),
      ),
      size: 60,
    };
    const scores: number[] = [];
    for (const { train, validation } of kFold(split, 4, { seed: 7, stratified: true })) {
      const rows = (part: typeof train) => Array.from(part.inputs.data, (i) => x[i]!);
      const names = (part: typeof train) => Array.from(part.inputs.data, (i) => labels[i]!);
      const model = await pipeline(standardScaler(), new LogisticRegression()).fit(
        rows(train),
        names(train),
      );
      scores.push(model.score(rows(validation), names(validation)));
    }
    const model = pipeline(standardScaler(), new LogisticRegression());
    const host = hostArray([60, 3], Float64Array.from(x.flat()));
    for (const rows of [x, host, tensor(x, "float64")]) {
      const { folds, mean, deviation } = await crossValidate(model, rows, labels, {
        folds: 4,
        seed: 7,
      });
      expect(folds.map(({ score }) => score)).toEqual(scores);
      expect(mean.score).toBeCloseTo(scores.reduce((a, b) => a + b) / 4, 12);
      expect(deviation.score).toBeGreaterThanOrEqual(0);
    }
    expect(model.isFitted).toBe(false);
  });
  test("metrics are those of train: accuracy is the score, of numbers r2", async () => {
    const options = { metrics: ["accuracy", "f1", "auc"] } as const;
    const { folds } = await crossValidate(new GaussianNB(), x, labels, options);
    for (const { score, accuracy, f1, auc } of folds) {
      expect(accuracy).toBeCloseTo(score!, 12);
      expect(f1).toBeGreaterThan(0.3);
      expect(auc).toBeGreaterThan(0.8);
    }
    const ridge = await crossValidate(new Ridge({ alpha: 1e-6 }), x, numbers, {
      metrics: ["r2"],
      folds: 3,
    });
    for (const { score, r2 } of ridge.folds) expect(r2).toBeCloseTo(score!, 6);
    await expect(crossValidate(new SVC(), x, labels, { metrics: ["f1"] })).rejects.toThrow(
      /SVC gives no probabilities/,
    );
  });
  test("rows of texts, weights, several learners in one", async () => {
    const cells = x.map(([a], i) => [a!, ["red", "green", "blue"][i % 3]!]);
    const prices = cells.map(([a, color]) => (a as number) + (color === "red" ? 5 : 0));
    const steps = [
      [standardScaler(), [0]],
      [oneHotEncoder(), [1]],
    ] as const;
    const model = pipeline(columnTransformer(steps), new Ridge({ alpha: 1e-3 }));
    expect((await crossValidate(model, cells, prices)).mean.score).toBeGreaterThan(0.99);
    expect(model.isFitted).toBe(false);
    expect(steps[0][0].isFitted).toBe(false);
    const sampleWeight = x.map((_, i) => i % 3);
    const several = new OneVsRestClassifier(new LogisticRegression());
    const weighed = await crossValidate(several, x, labels, { sampleWeight });
    expect(weighed.mean.score).toBeGreaterThan(0.7);
    expect(weighed.mean).not.toEqual((await crossValidate(several, x, labels)).mean);
  });
  test("refuses what it cannot judge", async () => {
    await expect(crossValidate(new KMeans() as never, x, labels)).rejects.toThrow(
      /KMeans has no score/,
    );
    await expect(crossValidate(new Ridge(), x, numbers, { folds: 61 })).rejects.toThrow(
      /k is 61 for 60 examples/,
    );
    await expect(crossValidate(new Ridge(), x, numbers, { fold: 3 } as never)).rejects.toThrow(
      ConfigError,
    );
    await expect(crossValidate(new Ridge(), x, labels)).rejects.toThrow(DataError);
    await expect(crossValidate(new Ridge(), x.slice(1), numbers)).rejects.toThrow(ShapeError);
    await expect(
      crossValidate(
        new GaussianNB(),
        x,
        labels.map(() => "a"),
      ),
    ).rejects.toThrow(/one class/);
  });
});

describe("gridSearch", () => {
  test("tries all, takes the best mean, and fits it on all rows", async () => {
    const grid = { nNeighbors: [1, 5, 40], weights: choice(["uniform", "distance"]) } as const;
    const make = (options: { nNeighbors: number; weights: "uniform" | "distance" }) =>
      pipeline(standardScaler(), new KNeighborsClassifier(options));
    const { parameters, value, model, trials } = await gridSearch(make, grid, x, labels, {
      seed: 2,
    });
    expect(trials.length).toBe(6);
    const means: number[] = [];
    for (const { parameters: each } of trials)
      means.push(
        (await crossValidate(make(each as typeof parameters), x, labels, { seed: 2 })).mean.score!,
      );
    expect(trials.map((trial) => trial.value)).toEqual(means);
    expect(value).toBe(Math.max(...means));
    expect(parameters).toEqual(trials[means.indexOf(value)]!.parameters);
    const again = await make(parameters).fit(x, labels);
    expect(model.predict(x)).toEqual(again.predict(x));
  });
  test("by another measure, and refusals", async () => {
    const make = ({ varSmoothing }: { varSmoothing: number }) => new GaussianNB({ varSmoothing });
    const grid = { varSmoothing: [1e-9, 10] };
    const options = { metrics: ["f1"], by: "f1" } as const;
    expect((await gridSearch(make, grid, x, labels, options)).parameters.varSmoothing).toBe(1e-9);
    await expect(gridSearch(make, grid, x, labels, { by: "f2" })).rejects.toThrow(
      /no measure "f2".*score/s,
    );
    await expect(gridSearch(make, { varSmoothing: [] }, x, labels)).rejects.toThrow(
      /nothing to choose from/,
    );
    await expect(gridSearch(new GaussianNB() as never, grid, x, labels)).rejects.toThrow(
      /not a function/,
    );
  });
});

describe("nets as learners", () => {
  const net = (outputs: number) =>
    new Sequential(new Linear(3, 16), new Tanh(), new Linear(16, outputs));
  const options = { epochs: 60, lr: 0.02, seed: 1 };
  test("a classifier: names, probabilities, pipelines, folds; each fit begins anew", async () => {
    const model = neuralClassifier(net(3), options);
    expect(() => model.predict(x)).toThrow(/has not learned anything/);
    await model.fit(x, labels);
    expect(model.classes).toEqual([" low", "far off", "mid"]);
    expect(model.score(x, labels)).toBeGreaterThan(0.9);
    expect(model.history!.get("loss").length).toBe(60);
    const proba = model.predictProba(x).toArray() as number[][];
    for (const [i, row] of proba.entries()) {
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
      expect(model.classes[row.indexOf(Math.max(...row))]).toBe(model.predict(x)[i]);
    }
    await model.fit(x, labels);
    expect(model.predictProba(x).toArray()).toEqual(proba);
    expect(() => model.predict([[1]])).toThrow(/1 ≠ 3/);
    const scaled = pipeline(standardScaler(), neuralClassifier(net(3), options));
    const { mean } = await crossValidate(scaled, x, labels, { folds: 3, metrics: ["auc"] });
    expect(mean.score).toBeGreaterThan(0.7);
    expect(mean.auc).toBeGreaterThan(0.8);
  });
  test("two learners of one model keep their own weights", async () => {
    const shared = net(3);
    const one = await neuralClassifier(shared, options).fit(x, labels);
    const before = one.predictProba(x).toArray();
    const other = await neuralClassifier(shared, { ...options, epochs: 1 }).fit(x, labels);
    expect(other.predictProba(x).toArray()).not.toEqual(before);
    expect(one.predictProba(x).toArray()).toEqual(before);
  });
  test("one logit for two classes; weights; examples with a shape", async () => {
    const yes = x.map(([a]) => (a! > 0 ? "yes" : "no"));
    const model = await neuralClassifier(net(1), options).fit(x, yes);
    expect(model.score(x, yes)).toBeGreaterThan(0.95);
    expect(model.predictProba(x).shape).toEqual([60, 2]);
    expect(model.decisionFunction(x).shape).toEqual([60]);
    const sampleWeight = yes.map((label) => (label === "yes" ? 1 : 0));
    const count = () => model.predict(x).filter((label) => label === "yes").length;
    const before = count();
    await model.fit(x, yes, { sampleWeight });
    expect(count()).toBeGreaterThan(before);
    const images = hostArray(
      [8, 1, 4, 4],
      Float32Array.from({ length: 128 }, (_, at) => (at >> 4) % 2),
    );
    const seen = Array.from({ length: 8 }, (_, i) => i % 2);
    const conv = new Sequential(new Conv2d(1, 2, 3), new Flatten(), new Linear(8, 2));
    expect(
      (await neuralClassifier(conv, { epochs: 50, lr: 0.1 }).fit(images, seen)).score(images, seen),
    ).toBe(1);
  });
  test("a regressor", async () => {
    const model = pipeline(standardScaler(), neuralRegressor(net(1), { epochs: 300, lr: 0.05 }));
    const centered = numbers.map((t) => t - 100);
    await model.fit(x, centered);
    expect(model.score(x, centered)).toBeGreaterThan(0.97);
    expect(model.predict(x).shape).toEqual([60]);
  });
  test("comes back with a model that is built alike, and not without", async () => {
    const model = pipeline(standardScaler(), neuralClassifier(net(3), options));
    await model.fit(x, labels);
    const path = join(folder, "net.safetensors");
    await model.save(path);
    const again = (await loadLearner(path, net(3))) as Pipeline<NeuralClassifier>;
    expect(again.predict(x)).toEqual(model.predict(x));
    expect(again.predictProba(x).toArray()).toEqual(model.predictProba(x).toArray());
    expect(again.last.options).toEqual(options);
    const json = JSON.stringify(model);
    expect((learnerFromJSON(json, net(3)) as typeof model).predict(x)).toEqual(model.predict(x));
    await expect(loadLearner(path)).rejects.toThrow(
      /weights of a net, and no code.*loadLearner\(path, model\)/s,
    );
    await expect(loadLearner(path, net(2))).rejects.toThrow(FormatError);
  });
  test("refuses what is no model, or does not fit", async () => {
    expect(() => neuralClassifier({} as never)).toThrow(ConfigError);
    expect(() => neuralClassifier(net(3), { epoch: 3 } as never)).toThrow(/did you mean "epochs"/);
    const model = net(3);
    expect(() => neuralClassifier(model, { optimizer: new Optimizer(model, adam()) })).toThrow(
      /has no state yet/,
    );
    const rule = await neuralClassifier(net(3), { ...options, optimizer: adam() }).fit(x, labels);
    expect(() => rule.toJSON()).toThrow(/the option optimizer is .*, which a file cannot hold/);
    const heavy = { classWeight: { mid: 2 }, callbacks: [], validation: 0.2 };
    const plain = await neuralClassifier(net(3), { epochs: 1, ...heavy }).fit(x, labels);
    expect(plain.toJSON().options).toEqual({ epochs: 1, classWeight: heavy.classWeight });
    const none = neuralClassifier(net(3), { classWeight: { middle: 2 } });
    await expect(none.fit(x, labels)).rejects.toThrow(/class "middle" the weight 2; the classes/);
    expect(() => neuralRegressor(net(1), { classWeight: "balanced" })).toThrow(/no classes/);
    await expect(neuralClassifier(net(5)).fit(x, labels)).rejects.toThrow(/5 ≠ 3/);
    await expect(neuralRegressor(net(2)).fit(x, numbers)).rejects.toThrow(/2 ≠ 1/);
    await expect(neuralClassifier(net(2)).fit([[1, 2]], ["a"])).rejects.toThrow(/one class/);
    expect(new OneVsRestClassifier(new Perceptron()).fresh().estimator.isFitted).toBe(false);
  });
});
