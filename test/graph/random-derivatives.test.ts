import fc from "fast-check";
import { describe, test } from "vitest";
import { RandomStream } from "../../src/base/index.ts";
import { printGraph } from "../../src/graph/index.ts";
import { evaluate } from "../../src/runtime/reference.ts";
import { compile, grad, jvp, realizeSync, setEngine, type Tensor } from "../../src/tensor/index.ts";
import { expectClose, largest } from "../support/compare.ts";
import { engines } from "../support/engines.ts";
import { grow, leafTensor, type Recipe } from "../support/random-graph.ts";
import { recipes, runs } from "../support/random-recipes.ts";

type Scalar = (xs: Tensor[]) => Tensor;

const inner = (a: readonly Tensor[], b: readonly Tensor[]) =>
  a.map((x, i) => x.mul(b[i]!).sum()).reduce((s, x) => s.add(x));

/** The derivative along v, in the two ways there are. */
const modes = {
  forward:
    (f: Scalar, v: Tensor[]): Scalar =>
    (xs) =>
      jvp(f, xs, v).tangent,
  reverse:
    (f: Scalar, v: Tensor[]): Scalar =>
    (xs) =>
      inner(grad(f)(xs), v),
};
const mixes = [0, 1, 2, 3, 4, 5, 6, 7].map((n) =>
  [4, 2, 1].map((bit) => (n & bit ? modes.reverse : modes.forward)),
);

const loss =
  (recipe: Recipe): Scalar =>
  (xs) =>
    grow(recipe, xs, "smooth")
      .slice(xs.length)
      .reduce((sum, x, i) => sum.add(x.mul(Math.cos(i) / Math.max(1, x.size)).sum()), xs[0]!.sum());

/** A direction for each order. */
const directions = (xs: readonly Tensor[]) =>
  [1, 2, 3].map((seed) => {
    const random = new RandomStream(seed, 5);
    return xs.map(({ shape, size }) => {
      const values = Array.from({ length: size }, () => 2 * random.uniform() - 1);
      return leafTensor({ dtype: "float64", shape, values });
    });
  });

/** Some of the values, at least one. */
function some<T>(values: readonly T[], random: RandomStream): T[] {
  const chance = [0.1, 0.4, 0.8][random.integer(3)]!;
  const chosen = values.filter(() => random.uniform() < chance);
  return chosen.length > 0 ? chosen : [values[random.integer(values.length)]!];
}

/** Values and derivatives of the first, second and third order, by one mix of modes. */
function everything(recipe: Recipe, xs: Tensor[], mix: (typeof mixes)[number]): Tensor[] {
  const f = loss(recipe);
  const v = directions(xs);
  const [first, second, third] = mix;
  const once = first!(f, v[0]!);
  const twice = second!(once, v[1]!);
  const thrice = third!(twice, v[2]!);
  const values = grow(recipe, xs, "smooth").slice(xs.length);
  return [...values, f(xs), ...grad(f)(xs), once(xs), ...grad(once)(xs), twice(xs), thrice(xs)];
}

const small = recipes(["float64"], { minLength: 2, maxLength: 7 });

describe("derivatives up to the third order", () => {
  test("all mixes of forward and reverse mode agree, on the reference engine", () => {
    setEngine("reference");
    fc.assert(
      fc.property(small, (recipe) => {
        const xs = recipe.leaves.map(leafTensor);
        const thirds = mixes.map((mix) => everything(recipe, xs, mix).at(-1)!);
        realizeSync(thirds.map(({ node }) => node));
        const [want, ...others] = thirds.map((x) => x.item());
        for (const other of others)
          expectClose(printGraph([loss(recipe)(xs).node]), [other], [want!], 1e-8);
      }),
      runs(15),
    );
  });

  for (const engine of engines) {
    if (engine === "reference") continue;
    test.each(["compiled", "at once"] as const)(
      `${engine}: random subsets of values and derivatives, %s, agree with the reference`,
      (how) => {
        setEngine(engine);
        fc.assert(
          fc.property(small, fc.nat(1e6), (recipe, seed) => {
            const xs = recipe.leaves.map(leafTensor);
            const f = (leaves: Tensor[]) => {
              const random = new RandomStream(seed, 2);
              return some(everything(recipe, leaves, mixes[random.integer(8)]!), random);
            };
            const wanted = f(xs);
            const nodes = wanted.map((x) => x.node);
            const expected = evaluate(nodes, (leaf) => leaf.storage!.read());
            const got = how === "compiled" ? compile(f).sync(xs) : wanted;
            if (how === "at once") realizeSync(nodes);
            got.forEach((x, i) => {
              const scale = Math.max(1, ...expected.map(largest));
              expectClose(`${how}, ${x}`, x.dataSync(), expected[i]!, 1e-9, scale);
            });
          }),
          runs(60),
        );
      },
    );
  }
});
