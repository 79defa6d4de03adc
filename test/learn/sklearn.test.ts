/** Learners against scikit-learn's, on data that tools/fixtures/sklearn-learn.py made. */
import type { Tensor } from "gradus";
import {
  BernoulliNB,
  ElasticNet,
  GaussianNB,
  KernelRidge,
  KMeans,
  KNeighborsClassifier,
  KNeighborsRegressor,
  kernelMatrix,
  Lasso,
  LinearRegression,
  LinearSVC,
  LogisticRegression,
  MinMaxScaler,
  MultinomialNB,
  PCA,
  PolynomialFeatures,
  Ridge,
  SoftmaxRegression,
  StandardScaler,
  SVC,
} from "gradus/learn";
import { describe, expect, test } from "vitest";
import fixtures from "./sklearn.json" with { type: "json" };

const { x, y2, y3, target, weights, counts, new: rows } = fixtures;
const sampleWeight = weights;
const options = { sampleWeight };

/** Equal element by element, up to `tolerance` times 1 + |b|. */
function near(a: Tensor | number | readonly unknown[], b: unknown, tolerance: number): void {
  const flat = (v: unknown): number[] => (Array.isArray(v) ? v.flatMap(flat) : [v as number]);
  const [left, right] = [typeof a === "object" && "toArray" in a ? a.toArray() : a, b].map(flat);
  expect(left!.length).toBe(right!.length);
  for (const [i, value] of left!.entries())
    expect(Math.abs(value - right![i]!) / (1 + Math.abs(right![i]!))).toBeLessThan(tolerance);
}

describe("closed forms, to 1e-10", () => {
  const cases = [
    ["linear", new LinearRegression(), {}, 80],
    ["linearWeighted", new LinearRegression(), options, 80],
    ["linearThroughZero", new LinearRegression({ fitIntercept: false }), {}, 80],
    ["ridge", new Ridge({ alpha: 2.5 }), {}, 80],
    ["ridgeWeighted", new Ridge({ alpha: 2.5 }), options, 80],
    ["ridgeWide", new Ridge({ alpha: 0.5 }), {}, 3],
  ] as const;
  for (const [name, model, given, size] of cases)
    test(name, async () => {
      await model.fit(x.slice(0, size), target.slice(0, size), given);
      near(model.coef, fixtures[name].coef, 1e-10);
      near(model.intercept, fixtures[name].intercept, 1e-10);
    });
  test("the ridge of the least leave-one-out error", async () => {
    const model = await new Ridge({ alpha: [0.1, 1, 10, 100] }).fit(x, target);
    expect(model.alpha).toBe(fixtures.ridgeCV.alpha);
    near(model.errors!, fixtures.ridgeCV.errors, 1e-10);
    near(model.coef, fixtures.ridgeCV.coef, 1e-10);
  });
});

describe("logistic and softmax regression, to 1e-8", () => {
  const tolerance = 1e-11;
  const cases = [
    ["logistic", LogisticRegression, {}, y2, {}],
    ["logisticBalanced", LogisticRegression, { classWeight: "balanced", C: 0.3 }, y2, {}],
    ["logisticWeighted", LogisticRegression, {}, y2, options],
    ["softmax", LogisticRegression, {}, y3, {}],
    ["softmax", SoftmaxRegression, {}, y3, {}],
    ["softmaxWeighted", SoftmaxRegression, { C: 3 }, y3, options],
  ] as const;
  for (const [name, Learner, settings, y, given] of cases)
    test(`${Learner.name}: ${name}`, async () => {
      const model = await new Learner({ ...settings, tolerance }).fit(x, y, given);
      const { coef, intercept, proba } = fixtures[name];
      near(model.coef, coef, 1e-8);
      near(model.intercept, intercept, 1e-8);
      near(model.predictProba(rows), proba, 1e-8);
      expect(model.converged).toBe(true);
    });
  test("the other solvers end at the same place", async () => {
    const byLbfgs = await new LogisticRegression({ solver: "lbfgs", tolerance: 1e-8 }).fit(x, y3);
    near(byLbfgs.coef, fixtures.softmax.coef, 1e-5);
    const l1 = { penalty: "l1", C: 0.2, tolerance: 1e-10 } as const;
    const sparse = await new LogisticRegression(l1).fit(x, y2);
    near(sparse.coef, fixtures.logisticL1.coef, 1e-6);
    near(sparse.intercept, fixtures.logisticL1.intercept, 1e-6);
    const scaled = (await new StandardScaler().fitTransform(x)).toArray() as number[][];
    const exact = await new LogisticRegression({ tolerance }).fit(scaled, y2);
    const few = { solver: "steps", lr: 1e-3, maxIterations: 2000 } as const;
    const bySteps = await new LogisticRegression(few).fit(scaled, y2);
    near(bySteps.coef, exact.coef.toArray(), 0.01); // it wanders around the minimum by η
  });
});

test("lasso and elastic net, to 1e-8", async () => {
  const tight = { alpha: 0.4, tolerance: 1e-14 };
  const cases = [
    ["lasso", new Lasso(tight), {}],
    ["lassoWeighted", new Lasso(tight), options],
    ["elasticNet", new ElasticNet({ ...tight, l1Ratio: 0.3 }), {}],
  ] as const;
  for (const [name, model, given] of cases) {
    await model.fit(x, target, given);
    near(model.coef, fixtures[name].coef, 1e-8);
    near(model.intercept, fixtures[name].intercept, 1e-8);
    expect(model.dualGap).toBeLessThan(1e-10);
  }
});

describe("support vector machines and kernels", () => {
  const { scaled, newScaled, kernels, kernelRidge, svc } = fixtures;
  test("linear, by the dual problem to 1e-7 and by subgradients roughly", async () => {
    const cases = [
      ["svcSquared", "squared-hinge", y2],
      ["svcHinge", "hinge", y2],
      ["svcSquared3", "squared-hinge", y3],
    ] as const;
    for (const [name, loss, y] of cases) {
      const settings = { loss, tolerance: 1e-10, maxIterations: 100_000 };
      const model = await new LinearSVC(settings).fit(scaled, y);
      near(model.coef, fixtures[name].coef, 1e-7);
      near(model.intercept, fixtures[name].intercept, 1e-7);
      const rough = { loss, solver: "subgradient", maxIterations: 500 } as const;
      near((await new LinearSVC(rough).fit(scaled, y)).coef, fixtures[name].coef, 0.05);
    }
  });
  test("kernels, also rectangular", () => {
    const [a, b] = [scaled.slice(0, 5), newScaled.slice(0, 4)];
    const numbers = { gamma: 0.3, degree: 3, coef0: 1 };
    for (const kernel of ["polynomial", "rbf", "laplacian"] as const)
      near(kernelMatrix(a, b, { kernel, ...numbers }), kernels[kernel], 1e-12);
  });
  test("kernel ridge, to 1e-10", async () => {
    const model = await new KernelRidge({ alpha: 0.3, kernel: "rbf" }).fit(scaled, target, options);
    near(model.dualCoef, kernelRidge.dualCoef, 1e-10);
    near(model.predict(newScaled), kernelRidge.predicted, 1e-10);
  });
  test("with a kernel: two classes, several, weights", async () => {
    const model = await new SVC({ tolerance: 1e-10 }).fit(scaled, y2);
    expect(model.support).toEqual(svc.support);
    near(model.decisionFunction(newScaled), svc.decision, 1e-7);
    near(model.intercept, svc.intercept, 1e-7);
    const settings = { kernel: "polynomial", degree: 2, coef0: 1, C: 3, tolerance: 1e-10 } as const;
    const several = await new SVC(settings).fit(scaled, y3);
    expect(several.predict(newScaled)).toEqual(svc.several);
    // LIBSVM keeps its kernel in float32; there the first of a pair is above 0
    near(several.decisionFunction(newScaled).neg(), svc.pairs, 1e-5);
    const weighted = new SVC({ tolerance: 1e-10, C: 2, classWeight: "balanced" });
    await weighted.fit(scaled, y2, options);
    near(weighted.decisionFunction(newScaled), svc.weighted, 1e-5);
  });
});

describe("naive Bayes, to 1e-12", () => {
  test("Gaussian, at once and in parts", async () => {
    const whole = await new GaussianNB().fit(x, y3, options);
    const parts = new GaussianNB();
    for (const [from, to] of [
      [0, 20],
      [20, 21],
      [21, 80],
    ] as const)
      await parts.partialFit(x.slice(from, to), y3.slice(from, to), {
        classes: ["low", "mid", "top"],
        sampleWeight: weights.slice(from, to),
      });
    for (const model of [whole, parts]) {
      near(model.theta, fixtures.gaussianNB.theta, 1e-12);
      near(model.predictLogProba(rows), fixtures.gaussianNB.proba, 1e-6); // ε is of unweighted variances there
    }
    near(parts.variances, whole.variances.toArray(), 1e-12);
  });
  const cases = [
    ["multinomialNB", new MultinomialNB({ alpha: 0.5 })],
    ["bernoulliNB", new BernoulliNB({ binarize: 1 })],
  ] as const;
  for (const [name, model] of cases)
    test(name, async () => {
      await model.fit(counts, y3, options);
      near(model.featureLogProb, fixtures[name].featureLogProb, 1e-12);
      const whole = rows.map((row) => row.map((v) => Math.floor(Math.abs(v))));
      near(model.predictLogProba(whole), fixtures[name].proba, 1e-12);
    });
});

describe("nearest neighbors, exactly", () => {
  for (const metric of ["euclidean", "manhattan", "chebyshev", "cosine"] as const)
    for (const by of ["uniform", "distance"] as const)
      test(`${metric}, ${by}`, async () => {
        const expected = fixtures.neighbors[`${metric} ${by}`];
        const settings = { nNeighbors: 7, metric, weights: by };
        const classifier = await new KNeighborsClassifier(settings).fit(x, y3);
        const { distances, indices } = classifier.kneighbors(rows);
        expect(indices).toEqual(expected.indices);
        near(distances, expected.distances, 1e-12);
        expect(classifier.predict(rows)).toEqual(expected.predicted);
        near(classifier.predictProba(rows), expected.proba, 1e-12);
        const regressor = await new KNeighborsRegressor(settings).fit(x, target);
        near(regressor.predict(rows), expected.numbers, 1e-12);
      });
});

describe("without targets", () => {
  test("PCA by all solvers", async () => {
    const { components, explainedVariance, ratio, white, share } = fixtures.pca;
    for (const solver of ["svd", "covariance", "randomized"] as const) {
      const model = await new PCA({ solver }).fit(x);
      near(model.components, components, 1e-10);
      near(model.explainedVariance, explainedVariance, 1e-10);
      near(model.explainedVarianceRatio, ratio, 1e-10);
      near(model.inverseTransform(model.transform(rows)), rows, 1e-10);
    }
    const whitened = await new PCA({ nComponents: 2, whiten: true }).fit(x);
    near(whitened.transform(rows), white, 1e-10);
    expect((await new PCA({ nComponents: 0.9 }).fit(x)).components.shape[0]).toBe(share);
  });
  test("k-means finds the clusters that are there", async () => {
    const { x: blobs, centers, inertia } = fixtures.kmeans;
    const model = await new KMeans({ nClusters: 3, nInit: 3 }).fit(blobs);
    const found = (model.clusterCenters.toArray() as number[][]).sort((a, b) => a[0]! - b[0]!);
    near(found, centers, 1e-10);
    near(model.inertia, inertia, 1e-10);
    expect([...model.predict(blobs)]).toEqual([...model.labels]);
  });
  test("scalers and products", async () => {
    near(
      (await new StandardScaler().fit(x, undefined, options)).transform(rows),
      fixtures.standard,
      1e-12,
    );
    const range = await new MinMaxScaler({ featureRange: [-1, 2] }).fit(x);
    near(range.transform(rows), fixtures.minMax, 1e-12);
    near(range.inverseTransform(range.transform(rows)), rows, 1e-12);
    const some = rows.slice(0, 2).map((row) => row.slice(0, 3));
    near(
      await new PolynomialFeatures({ degree: 3 }).fitTransform(some),
      fixtures.polynomial,
      1e-12,
    );
    const pairs = new PolynomialFeatures({ degree: 3, interactionOnly: true, includeBias: false });
    near(await pairs.fitTransform(rows.slice(0, 2)), fixtures.interactions, 1e-12);
  });
});
