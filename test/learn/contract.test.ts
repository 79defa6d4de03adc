/** What every learner owes its user: inputs of all kinds, errors that help, weights, files. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError, FormatError, hostArray, ShapeError, tensor } from "gradus";
import {
  Adaline,
  BernoulliNB,
  columnTransformer,
  ElasticNet,
  type Estimator,
  GaussianNB,
  KernelRidge,
  KMeans,
  KNeighborsClassifier,
  KNeighborsRegressor,
  kernelMatrix,
  LabelEncoder,
  Lasso,
  LinearRegression,
  LinearSVC,
  LogisticRegression,
  labelEncoder,
  learnerFromJSON,
  learnerNames,
  loadLearner,
  MinMaxScaler,
  MultinomialNB,
  minMaxScaler,
  Nystroem,
  OneHotEncoder,
  OneVsOneClassifier,
  OneVsRestClassifier,
  oneHotEncoder,
  PCA,
  Perceptron,
  type Pipeline,
  PolynomialFeatures,
  pipeline,
  RandomFeatures,
  Ridge,
  SoftmaxRegression,
  StandardScaler,
  SVC,
  standardScaler,
  UMAP,
} from "gradus/learn";
import { afterAll, describe, expect, test } from "vitest";
import { RandomStream } from "../../src/base/index.ts";
import { loadNative } from "../../src/runtime/native.ts";

const folder = mkdtempSync(join(tmpdir(), "gradus-learn-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const x = Array.from({ length: 30 }, (_, i) => [i % 5, Math.abs(Math.sin(i)) * 3, (i * i) % 7]);
const names = x.map(([a, b]) => (a! + b! > 3.5 ? "yes" : "no"));
const numbers = x.map(([a, b, c]) => 2 * a! - b! + 0.5 * c! + 1);

const classifiers = [
  new Perceptron({ epochs: 5000 }),
  new Adaline(),
  new LogisticRegression(),
  new SoftmaxRegression(),
  new GaussianNB(),
  new MultinomialNB(),
  new BernoulliNB(),
  new KNeighborsClassifier(),
  new LinearSVC(),
  new SVC(),
  new OneVsRestClassifier(new Adaline()),
  new OneVsOneClassifier(new LogisticRegression()),
];
const regressors = [
  new LinearRegression(),
  new Ridge(),
  new Lasso({ alpha: 0.01 }),
  new ElasticNet({ alpha: 0.01 }),
  new KernelRidge({ kernel: "arc-cosine", alpha: 0.1 }),
  new KNeighborsRegressor(),
];
const transformers = [
  new StandardScaler(),
  new MinMaxScaler(),
  new PolynomialFeatures(),
  new PCA({ nComponents: 2 }),
  new KMeans({ nClusters: 3 }),
  new RandomFeatures({ kernel: "arc-cosine", nComponents: 7 }),
  new Nystroem({ nComponents: 5 }),
  new UMAP({ nNeighbors: 5 }),
];

describe.each(classifiers.map((model) => [model.name, model] as const))("%s", (name, model) => {
  test("is an error before fit, and for another number of features after it", async () => {
    expect(() => model.predict(x)).toThrow(/it has not learned anything yet.*call fit/s);
    await model.fit(x, names);
    expect(() => model.predict([[1, 2]])).toThrow(ShapeError);
    expect(() => model.predict([[1, 2]])).toThrow(
      /have 2 features, it has learned from 3 \(2 ≠ 3\)/,
    );
  });
  test("takes rows, host arrays, tensors and splits alike", async () => {
    await model.fit(x, names);
    const expected = model.predict(x);
    expect(model.classes).toEqual(["no", "yes"]);
    expect(model.score(x, names)).toBeGreaterThan(0.6);
    const data = Float64Array.from(x.flat());
    const host = hostArray([30, 3], data);
    for (const rows of [host, tensor(x, "float64")])
      expect((await model.fit(rows, names)).predict(rows)).toEqual(expected);
    const targets = hostArray(
      [30],
      Int32Array.from(names, (label) => Number(label === "yes")),
    );
    await model.fit({ inputs: host, targets, classes: ["no", "yes"] });
    expect(model.predict(x)).toEqual(expected);
    expect(model.score({ inputs: host, targets, classes: ["no", "yes"] })).toBe(
      model.score(x, names),
    );
  });
  test("names what it cannot learn from", async () => {
    const holed = x.map((row) => [...row]);
    holed[4]![1] = Number.NaN;
    await expect(model.fit(holed, names)).rejects.toThrow(/in row 4, column 1 is NaN/);
    const ragged = [
      [1, 2, 3],
      [1, 2],
    ];
    await expect(model.fit(ragged, ["a", "b"])).rejects.toThrow(
      /row 1 has 2 features, row 0 has 3/,
    );
    await expect(model.fit(x, names.slice(1))).rejects.toThrow(
      /there are 30 rows, and targets for 29/,
    );
    await expect(
      model.fit(
        x,
        names.map(() => "yes"),
      ),
    ).rejects.toThrow(/all 30 examples are of one class, "yes"/);
    const mixed = names.map((label, i) => (i ? label : 1)) as string[];
    await expect(model.fit(x, mixed)).rejects.toThrow(/some labels are numbers and some are texts/);
    await expect(model.fit(x)).rejects.toThrow(/no targets/);
    await expect(model.fit([], [])).rejects.toThrow(/0 rows/);
    await expect(model.fit([["a"]] as never, ["b"])).rejects.toThrow(/row 0, column 0 is "a"/);
  });
  test("comes back from JSON and from a file", async () => {
    await model.fit(x, names);
    const path = join(folder, `${name}.safetensors`);
    await model.save(path);
    const text = JSON.stringify(model);
    for (const again of [
      learnerFromJSON(text),
      learnerFromJSON(JSON.parse(text)),
      await loadLearner(path),
    ]) {
      expect(again.name).toBe(name);
      expect((again as typeof model).predict(x)).toEqual(model.predict(x));
      expect(JSON.stringify(again)).toBe(text);
    }
  });
});

const weighted = [
  new LogisticRegression({ tolerance: 1e-12 }),
  new SoftmaxRegression({ tolerance: 1e-12 }),
  new GaussianNB(),
  new MultinomialNB(),
  new BernoulliNB(),
];
const scored = [
  new LinearSVC({ tolerance: 1e-12, maxIterations: 100_000 }),
  new SVC({ tolerance: 1e-12, gamma: 0.1 }), // "scale" looks at the rows, not at their weights
];
test.each(scored.map((model) => [model.name, model] as const))(
  "%s: weights are repetitions",
  async (_, model) => {
    const sampleWeight = x.map((_, i) => i % 3);
    const repeated = x.flatMap((_, i) => Array<number>(i % 3).fill(i)).reverse();
    const scores = (await model.fit(x, names, { sampleWeight })).decisionFunction(x).dataSync();
    await model.fit(
      repeated.map((i) => x[i]!),
      repeated.map((i) => names[i]!),
    );
    for (const [i, z] of model.decisionFunction(x).dataSync().entries())
      expect(Math.abs(z - scores[i]!)).toBeLessThan(1e-7);
  },
);
test.each(weighted.map((model) => [model.name, model] as const))(
  "%s: a weight of 2 is a row that stands there twice, 0 one that is not there, whatever the order",
  async (_, model) => {
    const sampleWeight = x.map((_, i) => i % 3);
    const repeated = x.flatMap((_, i) => Array<number>(i % 3).fill(i)).reverse();
    await model.fit(x, names, { sampleWeight });
    const proba = model.predictProba(x).toArray() as number[][];
    await model.fit(
      repeated.map((i) => x[i]!),
      repeated.map((i) => names[i]!),
    );
    const twice = model.predictProba(x).toArray() as number[][];
    for (const [i, row] of proba.entries())
      for (const [k, p] of row.entries()) expect(Math.abs(p - twice[i]![k]!)).toBeLessThan(1e-9);
  },
);

describe.each(regressors.map((model) => [model.name, model] as const))("%s", (name, model) => {
  test("learns, scores, refuses and comes back", async () => {
    expect(() => model.predict(x)).toThrow(DataError);
    await model.fit(x, numbers);
    expect(model.score(x, numbers)).toBeGreaterThan(0.7);
    expect(() => model.predict([[1]])).toThrow(/1 ≠ 3/);
    await expect(model.fit(x, names)).rejects.toThrow(
      /target of row 0 is "\w+", not a finite number/,
    );
    await model.save(join(folder, `${name}.st`));
    const again = (await loadLearner(join(folder, `${name}.st`))) as typeof model;
    expect(again.predict(x).toArray()).toEqual(model.predict(x).toArray());
  });
});

describe.each(transformers.map((model) => [model.name, model] as const))("%s", (name, model) => {
  test("transforms, refuses and comes back", async () => {
    expect(() => model.transform(x)).toThrow(DataError);
    await model.fit(x);
    expect(() => model.transform([[1]])).toThrow(/1 ≠ 3/);
    const again = learnerFromJSON(JSON.stringify(model)) as typeof model;
    expect(again.name).toBe(name);
    expect(again.transform(x).toArray()).toEqual(model.transform(x).toArray());
  });
});

describe("kernels by hand", () => {
  test("arc-cosine of orthogonal and equal directions, composed, and between different rows", () => {
    // J₀(π/2) = π/2, J₁(π/2) = 1, J₂(π/2) = π/2; Jₙ(0)/π = 1, 1, 3
    const [a, b] = [
      [[2, 0]],
      [
        [0, 3],
        [4, 0],
      ],
    ];
    const at = (degree: number, layers = 1) =>
      (kernelMatrix(a, b, { kernel: "arc-cosine", degree, layers }).toArray() as number[][])[0]!;
    const expected = [
      [0.5, 1],
      [6 / Math.PI, 8],
      [18, 3 * 64],
    ];
    for (const [degree, row] of expected.entries())
      for (const [j, value] of at(degree).entries()) expect(value).toBeCloseTo(row[j]!, 10);
    // n = 1 twice: cos θ₁ = J₁(π/2)/π, and k(x, x) stays ‖x‖²
    const theta = Math.acos(1 / Math.PI);
    const twice = (6 * (Math.sin(theta) + (Math.PI - theta) * Math.cos(theta))) / Math.PI;
    expect(at(1, 2)[0]).toBeCloseTo(twice, 12);
    expect(() => kernelMatrix(a, b, { kernel: "arc-cosine", degree: 3 })).toThrow(
      /closed forms for 0, 1 and 2/,
    );
    expect(() => kernelMatrix(a, [[1]])).toThrow(/2 ≠ 1/);
  });
  test("random units approach the kernel that they are drawn for", async () => {
    const points = [
      [1, 0.5],
      [-0.3, 1],
    ];
    for (const degree of [0, 1, 2]) {
      const options = { kernel: "arc-cosine", degree } as const;
      const z = await new RandomFeatures({ ...options, nComponents: 40_000, seed: 3 }).fitTransform(
        points,
      );
      const approached = z.matmul(z.transpose()).toArray() as number[][];
      const exact = kernelMatrix(points, undefined, options).toArray() as number[][];
      for (const i of [0, 1])
        for (const j of [0, 1])
          expect(Math.abs(approached[i]![j]! / exact[i]![j]! - 1)).toBeLessThan(0.05);
    }
  });
});

describe("edges", () => {
  test("one row, constant columns, many columns, labels with blanks", async () => {
    const one = await new LinearRegression().fit([[1, 2]], [3]);
    expect(one.predict([[1, 2]]).toArray()).toEqual([3]);
    expect((await new StandardScaler().fit([[7], [7]])).transform([[7], [8]]).toArray()).toEqual([
      [0],
      [1],
    ]);
    expect((await new PCA().fit([[1, 1]])).explainedVarianceRatio.toArray()).toEqual([0]);
    const wide = [
      Array.from({ length: 20_000 }, (_, j) => j % 3),
      Array.from({ length: 20_000 }, () => 1),
    ];
    const ridge = await new Ridge().fit(wide, [1, 2]);
    expect(ridge.predict(wide).slice(0).item()).toBeCloseTo(1, 3);
    const spaced = await new GaussianNB().fit([[0], [1], [9], [8]], ["a b", "a b", " c", " c"]);
    expect(spaced.predict([[0.5], [9]])).toEqual(["a b", " c"]);
  });
  test("more neighbors, components or clusters than there are", async () => {
    await expect(new KNeighborsClassifier().fit([[1], [2]], [0, 1])).rejects.toThrow(/5 > 2/);
    await expect(new PCA({ nComponents: 4 }).fit(x)).rejects.toThrow(/4 > 3/);
    await expect(new KMeans({ nClusters: 31 }).fit(x)).rejects.toThrow(/31 > 30/);
  });
  test("equal points and ties", async () => {
    const model = await new KNeighborsClassifier({ nNeighbors: 2 }).fit(
      [[0], [0], [0], [1]],
      [1, 0, 1, 0],
    );
    expect(model.kneighbors([[0]]).indices).toEqual([[0, 1]]); // the earlier of equals
    expect(model.predict([[0]])).toEqual([0]); // of equal votes the first class
    const same = await new KMeans({ nClusters: 2 }).fit([[1], [1], [1]]);
    expect(same.inertia).toBe(0);
  });
  test("sample weights that mean nothing", async () => {
    const fit = (sampleWeight: number[]) => new Ridge().fit([[1], [2]], [1, 2], { sampleWeight });
    await expect(fit([1, -1])).rejects.toThrow(/sample weight of row 1 is -1/);
    await expect(fit([0, 0])).rejects.toThrow(/all sample weights are 0/);
    await expect(fit([1])).rejects.toThrow(/there are 2 rows, and 1 sample weights/);
    await expect(fit([1, Number.NaN])).rejects.toThrow(/sample weight of row 1 is NaN/);
    const unknown = new LogisticRegression({ classWeight: { maybe: 2 } });
    await expect(unknown.fit(x, names)).rejects.toThrow(
      /class "maybe" the weight 2; the classes are no, yes/,
    );
  });
  test("classes without a weight, features without a variance", async () => {
    const points = [
      [1, 5],
      [2, 5],
      [3, 5],
      [7, 5],
      [8, 5],
      [9, 5],
    ];
    const labels = ["a b", "a b", "b", "b", "c", "c"];
    const sampleWeight = [1, 1, 1, 1, 0, 0];
    for (const model of [
      new GaussianNB(),
      new MultinomialNB(),
      new BernoulliNB(),
      new LogisticRegression(),
      new SVC(),
      new LinearSVC(),
      new OneVsOneClassifier(new LogisticRegression()),
      new OneVsRestClassifier(new LogisticRegression()),
    ]) {
      await model.fit(points, labels, { sampleWeight });
      expect(model.classes).toEqual(["a b", "b", "c"]);
      const scores =
        "predictProba" in model ? model.predictProba(points) : model.decisionFunction(points);
      expect(scores.dataSync().every(Number.isFinite), model.name).toBe(true);
    }
    const bayes = await new GaussianNB().fit(points, labels, { sampleWeight });
    expect((bayes.predictProba(points).toArray() as number[][]).map((row) => row[2])).toEqual([
      0, 0, 0, 0, 0, 0,
    ]);
    const one = { sampleWeight: [1, 1, 0, 0, 0, 0] };
    expect(
      (await new SVC().fit(points, labels, one))
        .decisionFunction(points)
        .dataSync()
        .every(Number.isFinite),
    ).toBe(true);
    await expect(new OneVsOneClassifier(new LinearSVC()).fit(points, labels, one)).rejects.toThrow(
      /all examples of "b" and "c" have weight 0/,
    );
    // nothing but the shares of the classes is known
    const flat = await new GaussianNB().fit([[3], [3], [3], [3]], ["x", "x", "x", "y"]);
    const [[p, q]] = flat.predictProba([[3]]).toArray() as [[number, number]];
    expect(p).toBeCloseTo(0.75, 12);
    expect(q).toBeCloseTo(0.25, 12);
    const exact = await new GaussianNB({ varSmoothing: 0 }).fit(points, labels);
    expect(() => exact.predict(points)).toThrow(/feature 1 is constant in class "a b"/);
  });
  test("more products than memory holds", async () => {
    const wide = [Array.from({ length: 2000 }, () => 1)];
    await expect(new PolynomialFeatures().fit(wide)).rejects.toThrow(/2003001 > 1000000/);
    await expect(
      new PolynomialFeatures({ interactionOnly: true, degree: 9 }).fit([[1, 2, 3]]),
    ).resolves.toBeDefined();
  });
  test("partialFit wants all classes first, and none that is new", async () => {
    const model = new GaussianNB();
    await expect(model.partialFit(x, names)).rejects.toThrow(/name them all/);
    await model.partialFit(x, names, { classes: ["yes", "no"] });
    await expect(
      model.partialFit(
        x,
        x.map(() => "perhaps"),
      ),
    ).rejects.toThrow(/"perhaps" is not one of the classes no, yes/);
  });
});

describe("several together", () => {
  test("a pipeline is one learner; what it learned is of the training rows", async () => {
    const model = pipeline(standardScaler(), new PCA({ nComponents: 2 }), new LogisticRegression());
    expect(() => model.predict(x)).toThrow(DataError);
    await model.fit(x, names);
    const scaler = await standardScaler().fit(x);
    const scaled = scaler.transform(x).toArray() as number[][];
    const pca = await new PCA({ nComponents: 2 }).fit(scaled);
    const alone = await new LogisticRegression().fit(pca.transform(scaled), names);
    expect(model.predict(x)).toEqual(alone.predict(pca.transform(scaled)));
    expect(model.score(x, names)).toBe(alone.score(pca.transform(scaled), names));
    expect(model.predictProba(x).shape).toEqual([30, 2]);
    await model.save(join(folder, "pipeline.safetensors"));
    const again = (await loadLearner(
      join(folder, "pipeline.safetensors"),
    )) as Pipeline<LogisticRegression>;
    expect(again.predict(x)).toEqual(model.predict(x));
    expect(() => (model as unknown as Pipeline<PCA>).transform(x)).toThrow(
      /LogisticRegression, has no transform/,
    );
    expect(() => pipeline(new Ridge() as never, new Ridge())).toThrow(
      /step 0, a Ridge, has no transform/,
    );
  });
  test("raw rows with texts through a column transformer", async () => {
    const cells = [
      [20, "red", 1],
      [40, "blue", 2],
      [30, "red", 3],
      [10, "blue", 4],
    ];
    const steps = [
      [minMaxScaler(), [0]],
      [oneHotEncoder({ handleUnknown: "ignore" }), [1]],
    ] as const;
    const columns = columnTransformer(steps, { remainder: "passthrough" });
    expect((await columns.fitTransform(cells)).slice(0).toArray()).toEqual([1 / 3, 0, 1, 1]);
    const columnNames = ["age", "color", "rank"];
    const byName = columnTransformer(
      [
        [minMaxScaler(), ["age"]],
        [oneHotEncoder({ handleUnknown: "ignore" }), ["color"]],
      ],
      { remainder: "passthrough", columnNames },
    );
    expect((await byName.fitTransform(cells)).toArray()).toEqual(
      columns.transform(cells).toArray(),
    );
    const restored = learnerFromJSON(JSON.stringify(byName)) as typeof byName;
    expect(restored.transform(cells).toArray()).toEqual(columns.transform(cells).toArray());
    await expect(byName.fit([[1, "red"]])).rejects.toThrow(/2 ≠ 3/);
    expect(() => columnTransformer([[minMaxScaler(), ["agee"]]], { columnNames })).toThrow(
      /no column "agee" among .*did you mean "age"/s,
    );
    expect(() => columnTransformer([[minMaxScaler(), ["age"]]])).toThrow(/option columnNames/);
    expect(() => columnTransformer([...steps], { columnNames: ["a", "a"] })).toThrow(/"a" twice/);
    const model = pipeline(columnTransformer(steps), new LinearRegression());
    await model.fit(cells, [3, 4, 4, 1]);
    const again = learnerFromJSON(JSON.stringify(model)) as typeof model;
    expect(again.predict([[25, "green", 0]]).toArray()).toEqual(
      model.predict([[25, "green", 0]]).toArray(),
    );
    expect(() => columns.transform([[1, "red"]])).toThrow(
      /row 0 has 2 cells, and it has learned from 3/,
    );
  });
  test("encoders keep the given order and say what is unknown", async () => {
    const sizes = await new OneHotEncoder({ categories: [["small", "large"]] }).fit([["large"]]);
    expect(sizes.transform([["small"], ["large"]]).toArray()).toEqual([
      [1, 0],
      [0, 1],
    ]);
    expect(() => sizes.transform([["huge"]])).toThrow(
      /row 0, column 0 is "huge", none of "small", "large"/,
    );
    const labels = await labelEncoder().fit([3, 1, 3]);
    expect([...labels.transform([3, 1])]).toEqual([1, 0]);
    expect(labels.inverseTransform([1])).toEqual([3]);
    expect(() => labels.transform([2])).toThrow(DataError);
    expect(() => labels.inverseTransform([2])).toThrow(/index 2 in place 0 is none of 0 … 1/);
    expect(learnerFromJSON(JSON.stringify(labels))).toBeInstanceOf(LabelEncoder);
  });
});

describe("stored learners", () => {
  test("every learner has a name under which it comes back", () => {
    const all: Estimator[] = [...classifiers, ...regressors, ...transformers];
    for (const { name } of all) expect(learnerNames).toContain(name);
  });
  test("what is none, is damaged, or is of another version", async () => {
    const model = await new Ridge().fit([[1], [2]], [1, 2]);
    const json = JSON.parse(JSON.stringify(model));
    expect(() => learnerFromJSON("{")).toThrow(FormatError);
    expect(() => learnerFromJSON({})).toThrow(/not a stored learner/);
    expect(() => learnerFromJSON({ ...json, version: 2 })).toThrow(/stored in version 2/);
    expect(() => learnerFromJSON({ ...json, name: "Rigde" })).toThrow(/did you mean Ridge/);
    const torn = {
      ...json,
      state: { ...json.state, coef: { $array: "float64", shape: [3], values: [1] } },
    };
    expect(() => learnerFromJSON(torn)).toThrow(/shape \[3\] has 1 values/);
    const path = join(folder, "ridge.safetensors");
    await model.save(path);
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    await expect(loadLearner(path)).rejects.toThrow(/checksum|CRC/i);
  });
});

const engine = loadNative();
test.runIf("setThreads" in engine)(
  "a learner has the same bits on 1, 2 and 3 threads",
  async () => {
    const random = new RandomStream(3, 0);
    const data = Float64Array.from({ length: 700 * 40 }, () => random.normal());
    const wide = hostArray([700, 40], data);
    const labels = Array.from(
      { length: 700 },
      (_, i) => (data[40 * i]! + data[40 * i + 1]! > 0 ? 1 : 0) + (i % 7 === 0 ? 1 : 0),
    );
    const digest = async () => {
      const all = [
        await new Ridge().fit(wide, labels),
        await new PCA({ nComponents: 3, solver: "covariance" }).fit(wide),
        await new KMeans({ nClusters: 4, maxIterations: 10 }).fit(wide),
        await new LogisticRegression({ solver: "lbfgs", tolerance: 1e-4 }).fit(wide, labels),
        await new SVC().fit(wide, labels),
        await new UMAP({ iterations: 10 }).fit(wide),
      ];
      const hash = createHash("sha256");
      for (const model of all) hash.update(JSON.stringify(model));
      return hash.digest("hex");
    };
    if (!("setThreads" in engine)) return;
    const digests: string[] = [];
    try {
      for (const threads of [1, 2, 3]) {
        engine.setThreads(threads);
        digests.push(await digest());
      }
    } finally {
      loadNative(); // takes as many as before
    }
    expect(new Set(digests).size).toBe(1);
  },
);
