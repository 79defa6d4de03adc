/** A value has the same bits whatever else the program returns: nothing in its sums depends on what is stored. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RandomStream, type Shape } from "../../src/base/index.ts";
import { printGraph } from "../../src/graph/index.ts";
import { compile, grad, setEngine, type Tensor, uniform } from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";
import { grow, leafTensor } from "../support/random-graph.ts";
import { recipes, runs } from "../support/random-recipes.ts";

const compiled = engines.filter((engine) => engine !== "reference");

/** Where two arrays differ in a bit. */
function differs(a: ArrayLike<number>, b: ArrayLike<number>): string | undefined {
  for (let i = 0; i < a.length; i++)
    if (!Object.is(a[i], b[i])) return `[${i}]: ${a[i]} and ${b[i]}`;
  return undefined;
}

/** Summands, some of which no strides show or which are read against the order of memory. */
const summands: Record<string, (x: Tensor, y: Tensor) => Tensor> = {
  "one operation": (x) => x.exp(),
  "two arrays": (x, y) => x.mul(y),
  "many operations": (x, y) => {
    const z = x.mul(y).add(x.square()).sub(y.sin());
    return z.mul(x.tanh()).add(y.exp()).mul(x.sub(0.3)).div(y.square().add(1));
  },
  "a row for all": (x, y) => x.mul(y.slice(...y.shape.map((n, i) => range(i === y.rank - 1, n)))),
  "a column for all": (x, y) => x.mul(y.slice(...y.shape.map((n, i) => range(i === 0, n)))),
  "an outer product": (x, y) =>
    x
      .flatten()
      .slice([0, 40])
      .unsqueeze(1)
      .mul(y.flatten().slice([0, 50]).unsqueeze(0)),
  transposed: (x) => x.transpose().exp(),
  "transposed and not": (x, y) => x.transpose().reshape(y.shape).mul(y),
  flipped: (x, y) => x.flip(0).mul(y),
  "every second": (x) => x.slice(...x.shape.map((n) => [0, n, 2] as const)).exp(),
  repeated: (x) =>
    x
      .unsqueeze(0)
      .broadcastTo([3, ...x.shape])
      .mul(0.7),
};
const range = (all: boolean, n: number) => (all ? ([0, n] as const) : ([0, 1] as const));

const reductions: Record<string, (x: Tensor, axis: number[]) => Tensor> = {
  sum: (x, axis) => x.sum({ axis }),
  mean: (x, axis) => x.mean({ axis }),
  variance: (x, axis) => x.variance({ axis }),
  norm: (x, axis) => x.square().sum({ axis }).sqrt(),
  logSumExp: (x, axis) => x.logSumExp({ axis }),
  softmax: (x, axis) => x.softmax(axis[0] ?? 0),
  max: (x, axis) => x.max({ axis }),
};

const shapes: readonly Shape[] = [
  [100],
  [5000],
  [100_003],
  [64, 300],
  [1000, 48],
  [3, 20_000],
  [20_000, 3],
  [40, 8, 5],
  [7, 1, 300],
  [6, 16, 12, 12],
  [2, 40, 7, 7],
];

/** All axes, each one, the first with the last, and all but the second, as in a gradient of a bias. */
const axesOf = (rank: number) => [
  ...new Map(
    [
      [...Array(rank).keys()],
      ...Array.from({ length: rank }, (_, i) => [i]),
      [0, rank - 1],
      [...Array(rank).keys()].filter((i) => i !== 1),
    ].map((axes) => [String([...new Set(axes)]), [...new Set(axes)]]),
  ).values(),
];

describe.each(compiled)(
  "%s: the bits of a result do not depend on what else is returned",
  (engine) => {
    test.each(Object.entries(summands))("reductions of %s", (_, summand) => {
      setEngine(engine);
      shapes.forEach((shape, i) => {
        const dtype = i % 3 === 2 ? "float32" : "float64";
        const [x, y] = [1, 2].map((key) => uniform(shape, { key, dtype }).sub(0.5).evalSync());
        const { rank } = summand(x!, y!);
        for (const [name, reduce] of Object.entries(reductions))
          for (const axes of axesOf(rank)) {
            const alone = compile((x: Tensor, y: Tensor) => reduce(summand(x, y), axes));
            const both = compile((x: Tensor, y: Tensor) => {
              const z = summand(x, y);
              return [reduce(z, axes), z, z.neg()] as const;
            });
            const [a, b] = [alone.sync(x!, y!), both.sync(x!, y!)[0]];
            const where = differs(a.dataSync(), b.dataSync());
            expect(where, `${name} of [${shape}] over ${axes}`).toBeUndefined();
          }
      });
    });

    test("random graphs and their gradients", () => {
      setEngine(engine);
      fc.assert(
        fc.property(
          recipes(["float64", "float32"], { minLength: 4, maxLength: 14 }),
          fc.nat(1e6),
          (recipe, seed) => {
            const leaves = recipe.leaves.map(leafTensor);
            const values = (xs: Tensor[]) => {
              const grown = grow(recipe, xs, "smooth").slice(xs.length);
              const loss = (ys: Tensor[]) =>
                grow(recipe, ys, "smooth")
                  .map((x) => x.cast("float64").sum())
                  .reduce((s, x) => s.add(x));
              return [...grown, ...grad(loss)(xs)];
            };
            const all = compile(values).sync(leaves);
            const random = new RandomStream(seed, 3);
            const at = all.map((_, i) => i).filter(() => random.uniform() < 0.3);
            const some = compile((xs: Tensor[]) => at.map((i) => values(xs)[i]!)).sync(leaves);
            at.forEach((i, j) => {
              const where = differs(all[i]!.dataSync(), some[j]!.dataSync());
              if (where)
                throw new Error(`result ${i}: ${where}\n${printGraph([values(leaves)[i]!.node])}`);
            });
          },
        ),
        runs(80),
      );
    });
  },
);

test.each(engines)("%s: sum, mean, variance and gradient of what is also returned", (engine) => {
  setEngine(engine);
  const x = uniform([37, 53], { key: 5, dtype: "float64" }).sub(0.5).evalSync();
  const summand = (x: Tensor) => x.mul(0.1).add(x.square());
  for (const axis of [[0], [1], [0, 1]]) {
    const results = (x: Tensor) => {
      const z = summand(x);
      const loss = (x: Tensor) => summand(x).mean({ axis }).square().sum();
      return [z.sum({ axis }), z.mean({ axis }), z.variance({ axis }), grad(loss)(x)] as const;
    };
    const alone = results(x).map((_, i) => compile((x: Tensor) => results(x)[i]!).sync(x));
    const both = compile((x: Tensor) => [...results(x), summand(x), summand(x).neg()]).sync(x);
    alone.forEach((value, i) => {
      const where = differs(value.dataSync(), both[i]!.dataSync());
      expect(where, `result ${i} over ${axis}`).toBeUndefined();
    });
  }
});
