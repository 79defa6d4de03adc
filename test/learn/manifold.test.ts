/** t-SNE and UMAP: their quality beside openTSNE, scikit-learn and umap-learn, and their parts by formula. */
import { readFileSync } from "node:fs";
import { ConfigError, ShapeError } from "gradus";
import {
  learnerFromJSON,
  PCA,
  pipeline,
  standardScaler,
  TSNE,
  trustworthiness,
  UMAP,
} from "gradus/learn";
import { beforeAll, describe, expect, test } from "vitest";
import { RandomStream } from "../../src/base/index.ts";
import { matrixOf } from "../../src/learn/input.ts";
import { affinities } from "../../src/learn/manifold/affinities.ts";
import { curveOf, Forces } from "../../src/learn/manifold/curve.ts";
import { repelAll } from "../../src/learn/manifold/descent.ts";
import { fuzzySet } from "../../src/learn/manifold/fuzzy-set.ts";
import { QuadTree } from "../../src/learn/manifold/quad-tree.ts";
import { isConnected, spectralStart } from "../../src/learn/manifold/spectral.ts";
import { nearestOthers } from "../../src/learn/neighbors/neighbors.ts";

const fixtures = JSON.parse(readFileSync(new URL("manifold.json", import.meta.url), "utf8"));
const x: number[][] = fixtures.x;
const rows = x.length;

/** The share of the 15 nearest neighbors that are neighbors on the map. */
function recall(points: number[][]): number {
  const near = nearestOthers(matrixOf("x", x), 15, "euclidean").indices;
  const there = nearestOthers(matrixOf("map", points), 15, "euclidean").indices;
  let kept = 0;
  for (let i = 0; i < rows; i++) {
    const own = new Set(near.subarray(i * 15, (i + 1) * 15));
    for (const j of there.subarray(i * 15, (i + 1) * 15)) kept += Number(own.has(j));
  }
  return kept / near.length;
}

/** KL(P ‖ Q) over all pairs, by its definition. */
function divergence(perplexity: number, k: number, points: number[][]): number {
  const p = affinities(nearestOthers(matrixOf("x", x), k, "euclidean"), perplexity);
  const q = (i: number, j: number) =>
    1 / (1 + points[i]!.reduce((sum, y, d) => sum + (y - points[j]![d]!) ** 2, 0));
  let z = 0;
  for (let i = 0; i < rows; i++) for (let j = 0; j < rows; j++) if (i !== j) z += q(i, j);
  let total = 0;
  for (let i = 0; i < rows; i++)
    for (let at = p.starts[i]!; at < p.starts[i + 1]!; at++)
      total += p.values[at]! * Math.log((p.values[at]! * z) / q(i, p.columns[at]!));
  return total;
}

describe("t-SNE", () => {
  const model = new TSNE();
  let map: number[][];
  beforeAll(async () => {
    map = (await model.fitTransform(x)).toArray() as number[][];
  });
  test("is as good as openTSNE and scikit-learn", () => {
    const { openTSNE, sklearnTSNE } = fixtures; // local minima of starts differ by a percent
    const trust = trustworthiness(x, map);
    for (const other of [openTSNE, sklearnTSNE]) {
      expect(divergence(30, 90, map)).toBeLessThan(other.klDivergence * 1.02);
      expect(trust).toBeGreaterThan(other.trustworthiness - 0.002);
      expect(recall(map)).toBeGreaterThan(other.recall - 0.02);
    }
    expect(recall(map)).toBeGreaterThan(fixtures.pca.recall + 0.2);
  });
  test("its divergence is that of the definition", async () => {
    // the tree sums the normalizer to about a percent
    expect(model.klDivergence).toBeCloseTo(divergence(30, 90, map), 2);
    const exact = new TSNE({ method: "exact", iterations: 300, perplexity: 12 });
    const points = (await exact.fitTransform(x)).toArray() as number[][];
    expect(exact.klDivergence).toBeCloseTo(divergence(12, rows - 1, points), 10);
  });
  test("comes back, with its map; the same seed gives the same map", async () => {
    const again = learnerFromJSON(JSON.stringify(model)) as TSNE;
    expect(again.embedding.toArray()).toEqual(map);
    expect(again.klDivergence).toBe(model.klDivergence);
    const some = x.slice(0, 60);
    const fit = async (seed: number) =>
      (
        await new TSNE({ perplexity: 10, init: "random", iterations: 90, seed }).fitTransform(some)
      ).toArray();
    expect(await fit(3)).toEqual(await fit(3));
    expect(await fit(3)).not.toEqual(await fit(4));
  });
  test("one, three dimensions, other metrics, equal rows, constant columns, hardly any rows", async () => {
    const some = [...x.slice(0, 60), ...x.slice(0, 20)].map((row) => [...row, 5]);
    for (const nComponents of [1, 3])
      for (const metric of ["euclidean", "cosine", "manhattan"] as const) {
        const options = { nComponents, metric, perplexity: 10, iterations: 200 };
        const points = await new TSNE(options).fitTransform(some);
        expect(points.shape).toEqual([80, nComponents]);
        expect(trustworthiness(some, points, { metric })).toBeGreaterThan(0.85);
      }
    const same = await new TSNE({ perplexity: 2 }).fitTransform([[1], [1], [1], [1]]);
    expect(same.dataSync().every(Number.isFinite)).toBe(true);
    expect(
      (
        await new TSNE({ perplexity: 1 }).fitTransform([
          [1, 2],
          [3, 4],
        ])
      ).shape,
    ).toEqual([2, 2]);
  });
  test("refuses what it cannot do", async () => {
    await expect(new TSNE().fit(x.slice(0, 30))).rejects.toThrow(
      /the perplexity is 30, and there are 30 rows \(30 ≥ 30\)/,
    );
    await expect(new TSNE().fit([[1, 2]])).rejects.toThrow(/30 ≥ 1/);
    await expect(new TSNE().fit([[Number.NaN]])).rejects.toThrow(/row 0, column 0 is NaN/);
    expect(() => new TSNE().embedding).toThrow(/has not learned anything/);
    for (const options of [
      { perplexity: 0.5 },
      { nComponents: 3, method: "barnes-hut" },
      { method: "fft" },
      { learningRate: "fast" },
      { iterations: 0 },
      { earlyExaggeration: 0 },
      { theta: -1 },
      { metric: "l2" },
      { seed: 0.5 },
      { perplexty: 5 },
    ])
      expect(() => new TSNE(options as never)).toThrow(ConfigError);
    const model = pipeline(standardScaler(), new TSNE({ perplexity: 5, iterations: 30 }));
    await model.fit(x.slice(0, 30));
    expect(() => model.transform(x)).toThrow(/TSNE, has no transform/);
  });
});

describe("parts of t-SNE", () => {
  test("each row's probabilities have the chosen perplexity", () => {
    const neighbors = nearestOthers(matrixOf("x", x), 90, "euclidean");
    for (const perplexity of [2, 30, 80]) {
      const p = affinities(neighbors, perplexity);
      let total = 0;
      for (const value of p.values) total += value;
      expect(total).toBeCloseTo(1, 12);
      // of one row alone, whose probabilities nobody returns
      const { distances, indices } = neighbors;
      const one = affinities(
        {
          k: 90,
          distances: distances.slice(0, 90),
          indices: Int32Array.from(indices.slice(0, 90), () => 0),
        },
        perplexity,
      );
      expect(one.values.length).toBe(1);
    }
  });
  test.each([1, 2])("the tree sums over all pairs, in %i dimensions", (dimensions) => {
    const random = new RandomStream(5, 0);
    const points = Float64Array.from({ length: 700 * dimensions }, () => 20 * random.normal());
    points.fill(3, 0, 40 * dimensions); // points in one place
    const exact = new Float64Array(points.length);
    const z = repelAll(points, dimensions, exact);
    const tree = new QuadTree(700, dimensions);
    for (const [theta, most] of [
      [0, 1e-12],
      [0.5, 0.02],
    ] as const) {
      tree.build(points);
      const forces = new Float64Array(points.length);
      expect(Math.abs(tree.repel(theta, forces) / z - 1)).toBeLessThan(most);
      const largest = exact.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      for (const [at, force] of forces.entries())
        expect(Math.abs(force - exact[at]!) / largest).toBeLessThan(most);
    }
  });
});

describe("UMAP", () => {
  test("is as good as umap-learn", async () => {
    const found: { trust: number; recall: number }[] = [];
    for (const seed of [0, 1, 2, 3]) {
      const map = await new UMAP({ seed }).fitTransform(x);
      found.push({ trust: trustworthiness(x, map), recall: recall(map.toArray() as number[][]) });
    }
    const mean = (name: "trust" | "recall") => found.reduce((sum, each) => sum + each[name] / 4, 0);
    expect(mean("trust")).toBeGreaterThan(fixtures.umap.trustworthiness - 0.001);
    expect(mean("recall")).toBeGreaterThan(fixtures.umap.recall - 0.01);
  });
  test("places new rows among the digits that they resemble, wherever else they stand", async () => {
    const model = await new UMAP().fit(x);
    const places = model.transform(fixtures.new).toArray() as number[][];
    const all = [...x, ...fixtures.new];
    const map = [...(model.embedding.toArray() as number[][]), ...places];
    expect(trustworthiness(all, map)).toBeGreaterThan(0.985);
    const again = learnerFromJSON(JSON.stringify(model)) as UMAP;
    expect(again.transform(fixtures.new).toArray()).toEqual(places);
    expect(again.embedding.toArray()).toEqual(model.embedding.toArray());
  });
  test("the fuzzy set and the curve are umap-learn's", () => {
    const graph = fuzzySet(nearestOthers(matrixOf("x", x.slice(0, 60)), 7, "euclidean"));
    for (const [i, row] of (fixtures.graph as number[][]).entries()) {
      const own = new Float64Array(60);
      for (let at = graph.starts[i]!; at < graph.starts[i + 1]!; at++)
        own[graph.columns[at]!] = graph.values[at]!;
      for (const [j, value] of row.entries()) expect(own[j]).toBeCloseTo(value, 4);
    }
    for (const [minDist, spread, a, b] of fixtures.curves as [number, number, number, number][]) {
      const curve = curveOf(minDist, spread);
      expect(curve.a).toBeCloseTo(a, 5);
      expect(curve.b).toBeCloseTo(b, 5);
    }
  });
  test("the tables of its forces hold the formulas", () => {
    const { a, b } = { a: 1.577, b: 0.895 };
    const forces = new Forces({ a, b });
    for (let s = 1e-9; s < 1e6; s *= 1.37) {
      const pull = (2 * a * b * s ** (b - 1)) / (1 + a * s ** b);
      const push = (2 * b) / ((0.001 + s) * (1 + a * s ** b));
      expect(Math.abs(forces.pull(s) / pull - 1)).toBeLessThan(5e-5);
      expect(Math.abs(forces.push(s) / push - 1)).toBeLessThan(5e-5);
    }
    expect(Number.isFinite(forces.pull(1e-300) + forces.push(1e-300))).toBe(true);
    expect(forces.pull(1e300)).toBeLessThan(1e-9);
  });
  test("the spectral start of a path is a wave along it", () => {
    // of D^−½ W D^−½ the vectors are √dᵢ cos(πki/(n − 1))
    const n = 40;
    const starts = Int32Array.from({ length: n + 1 }, (_, i) =>
      Math.min(Math.max(2 * i - 1, 0), 2 * n - 2),
    );
    const columns: number[] = [];
    for (let i = 0; i < n; i++) columns.push(...[i - 1, i + 1].filter((j) => j >= 0 && j < n));
    const path = {
      starts,
      columns: Int32Array.from(columns),
      values: new Float64Array(2 * n - 2).fill(0.7),
    };
    expect(isConnected(path)).toBe(true);
    const start = spectralStart(path, 2, new RandomStream(1, 0));
    for (const k of [1, 2]) {
      const wave = Float64Array.from({ length: n }, (_, i) => {
        const degree = i === 0 || i === n - 1 ? 1 : 2;
        return Math.sqrt(degree / (n - 1)) * Math.cos((Math.PI * k * i) / (n - 1));
      });
      const sign = Math.sign(start[k - 1]!);
      for (const [i, value] of wave.entries())
        expect(sign * start[2 * i + k - 1]!).toBeCloseTo(value, 8);
    }
    // without the way between 19 and 20
    const broken = { ...path, columns: path.columns.slice() };
    [broken.columns[38], broken.columns[39]] = [18, 21];
    expect(isConnected(broken)).toBe(false);
  });
  test("other starts, dimensions and metrics; parts without a way between them, equal rows, hardly any rows", async () => {
    const some = [...x.slice(0, 60), ...x.slice(0, 20)].map((row) => [...row, 5]);
    for (const init of ["spectral", "pca", "random"] as const)
      for (const nComponents of [1, 2, 3]) {
        const options = { init, nComponents, nNeighbors: 10, metric: "cosine" } as const;
        const map = await new UMAP(options).fitTransform(some);
        expect(map.shape).toEqual([80, nComponents]);
        expect(trustworthiness(some, map, { metric: "cosine" })).toBeGreaterThan(0.85);
      }
    const apart = x.slice(0, 80).map((row, i) => row.map((value) => value + (i % 2) * 1e4));
    expect(
      trustworthiness(apart, await new UMAP({ nNeighbors: 8 }).fitTransform(apart)),
    ).toBeGreaterThan(0.9);
    const same = await new UMAP({ nNeighbors: 3 }).fitTransform([[1], [1], [1], [1]]);
    expect(same.dataSync().every(Number.isFinite)).toBe(true);
    const two = await new UMAP({ nNeighbors: 2 }).fit([
      [1, 2],
      [3, 4],
    ]);
    expect(
      two
        .transform([[3, 4]])
        .dataSync()
        .every(Number.isFinite),
    ).toBe(true);
  });
  test("refuses what it cannot do", async () => {
    await expect(new UMAP().fit(x.slice(0, 14))).rejects.toThrow(/15 > 14/);
    await expect(new UMAP({ nNeighbors: 2 }).fit([[1]])).rejects.toThrow(/2 > 1/);
    expect(() => new UMAP().transform(x)).toThrow(/has not learned anything/);
    for (const options of [
      { nNeighbors: 1 },
      { minDist: 2 },
      { spread: 0 },
      { init: "umap" },
      { iterations: 0 },
      { negativeSampleRate: 0.5 },
      { learningRate: -1 },
      { metric: "l2" },
      { neighbors: 5 },
    ])
      expect(() => new UMAP(options as never)).toThrow(ConfigError);
  });
});

describe("trustworthiness", () => {
  test("is scikit-learn's", () => {
    const part = x.map((row) => row.slice(20, 30));
    // whole numbers give ties, which each breaks in its own way
    for (const metric of ["euclidean", "manhattan", "cosine"] as const)
      expect(trustworthiness(x, part, { nNeighbors: 7, metric })).toBeCloseTo(fixtures[metric], 2);
    expect(trustworthiness(x, x)).toBe(1);
  });
  test("by hand, by definition on random rows, and refusals", async () => {
    const random = new RandomStream(9, 0);
    const draw = (columns: number) =>
      Array.from({ length: 50 }, () =>
        Array.from({ length: columns }, () => 1e6 + random.normal()),
      );
    const [data, map] = [draw(5), draw(2)];
    const to = (rows: number[][], i: number, j: number) =>
      Math.hypot(...rows[i]!.map((value, d) => value - rows[j]![d]!));
    let penalty = 0;
    for (let i = 0; i < 50; i++) {
      const others = [...data.keys()].filter((j) => j !== i);
      const near = others.toSorted((a, b) => to(map, i, a) - to(map, i, b)).slice(0, 4);
      const ranks = others.toSorted((a, b) => to(data, i, a) - to(data, i, b));
      for (const j of near) penalty += Math.max(0, ranks.indexOf(j) + 1 - 4);
    }
    const expected = 1 - (2 / (50 * 4 * (100 - 12 - 1))) * penalty;
    expect(trustworthiness(data, map, { nNeighbors: 4 })).toBeCloseTo(expected, 12);
    expect(() => trustworthiness(data, map.slice(1))).toThrow(ShapeError);
    expect(() => trustworthiness(data, map, { nNeighbors: 25 })).toThrow(/25 ≥ 50\/2/);
    expect((await new PCA({ nComponents: 2 }).fitTransform(data)).shape).toEqual([50, 2]);
  });
});
