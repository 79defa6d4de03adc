import { arange, compile, realizeSync, setEngine, type Tensor, uniform } from "gradus";
import { describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compiler/compile-graph.ts";
import { type Fusion, fuse } from "../../src/compiler/fuse.ts";
import { verifyFusion } from "../../src/compiler/verify.ts";
import type { Node } from "../../src/graph/index.ts";
import * as op from "../../src/ops/index.ts";
import { grad, hvp, jvp, vjp } from "../../src/tensor/index.ts";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const x = uniform([64], { key: 1 }).evalSync();
const y = uniform([64], { key: 2 }).evalSync();
const m = uniform([32, 10], { key: 3 }).evalSync();
const p = x.greater(0.5).cast("float32");
const t = y.greater(0.5).cast("float32");

/** Functions with several results that need the same two instructions: each is plain arithmetic. */
const everyday: Record<string, () => Tensor[]> = {
  "range and mid-range"() {
    const [a, b] = [x.max(), x.min()];
    return [a.sub(b), a.add(b)];
  },
  "precision, recall and F1"() {
    const [hits, claimed, there] = [p.mul(t).sum(), p.sum(), t.sum()];
    return [hits.div(claimed), hits.div(there), hits.mul(2).div(claimed.add(there))];
  },
  "Dice and Jaccard"() {
    const [both, all] = [x.mul(y).sum(), x.add(y).sum()];
    return [both.mul(2).div(all), both.div(all.sub(both))];
  },
  "mean and variance by sums"() {
    const [s, q] = [x.sum(), x.square().sum()];
    return [s.div(64), q.div(64).sub(s.div(64).square())];
  },
  "sum, difference and ratio of norms"() {
    const [a, b] = [x.square().sum(), y.square().sum()];
    return [a.add(b), a.sub(b), a.div(b)];
  },
  "three reductions, each beside each"() {
    const [a, b, c] = [x.max(), x.min(), x.sum()];
    return [a.sub(b), b.sub(c), c.sub(a), a.add(b), b.add(c), c.add(a)];
  },
  "reductions by rows"() {
    const [a, b] = [m.max({ axis: 1 }), m.min({ axis: 1 })];
    return [a.sub(b), a.add(b).mul(0.5)];
  },
  "two products"() {
    const [a, b] = [m.matmul(m.transpose()), m.square().matmul(m.transpose())];
    return [a.add(b), a.sub(b), a.sum().add(b.max())];
  },
  "a product and a reduction"() {
    const [a, b] = [m.transpose().matmul(m), m.square().sum({ axis: 0 }).broadcastTo([10, 10])];
    return [a.mul(b), b.div(a.add(1))];
  },
  "a chain of levels, crossed twice"() {
    const [a, b] = [x.max(), y.max()];
    const [c, d] = [x.mul(a.add(b)).sum(), y.mul(a.sub(b)).sum()];
    return [c.sub(d), c.add(d), a.sub(b).mul(c), a.add(b).mul(d)];
  },
};

/** Each value by a program of its own, on the reference engine. */
function apart(f: () => Tensor[]) {
  setEngine("reference");
  return f().map((_, i) => f()[i]!.dataSync());
}

describe.each(engines)("%s: functions with several results", (engine) => {
  test.each(Object.keys(everyday))("%s", (name) => {
    const f = everyday[name]!;
    const want = apart(f);
    setEngine(engine);
    const results = { compiled: compile(f).sync(), "read together": f() };
    realizeSync(results["read together"].map(({ node }) => node));
    for (const [how, got] of Object.entries(results))
      got.forEach((value, i) => {
        expectClose(`${how}, result ${i}`, value.dataSync(), want[i]!, 1e-5);
      });
  });

  /** Σ ((x − mean) / deviation)³: its derivatives of every order have many sums that need each other. */
  const skew = (x: Tensor) => x.sub(x.mean()).mul(x.variance().rsqrt()).pow(3).sum();

  // 64 and fewer stay constants of the program, larger sizes become its inputs
  test.each([64, 65, 200])("third derivatives through a normalization of %i elements", (n) => {
    setEngine(engine);
    const at = arange(n).cast("float64").sin();
    const [u, v] = [at.cos(), at.add(1).sin()];
    const along = (f: (x: Tensor) => Tensor, d: Tensor) => (x: Tensor) => jvp(f, x, d).tangent;
    const twice = along(along(skew, v), u)(at).item();
    expectClose("jvp of jvp", [twice], [hvp(skew, at, u).mul(v).sum().item()], 1e-9);
    const third = along(along(along(skew, v), u), v)(at).item();
    const back = (x: Tensor) => hvp(skew, x, u).mul(v).sum();
    expectClose("jvp of hvp", [along(back, v)(at).item()], [third], 1e-8);
    expectClose("grad of hvp", [grad(back)(at).mul(v).sum().item()], [third], 1e-8);
    // by central differences of the second derivative
    const h = 1e-4;
    const side = (s: number) => along(along(skew, v), u)(at.add(v.mul(s))).item();
    expectClose("differences", [third], [(side(h) - side(-h)) / (2 * h)], 1e-5);
  });

  test("several derivatives of several orders, returned together", () => {
    setEngine(engine);
    const at = arange(70).cast("float64").sin();
    const all = (x: Tensor) => {
      const forward = jvp(skew, x, x.cos());
      const backward = vjp(skew, x);
      return [forward.value, forward.tangent, backward.value, hvp(skew, x, x.cos()), x.mean()];
    };
    const together = compile(all).sync(at);
    setEngine("reference");
    const want = all(at).map((value) => value.dataSync());
    together.forEach((value, i) => {
      expectClose(`result ${i}`, value.dataSync(), want[i]!, 1e-9);
    });
  });
});

describe("the verifier", () => {
  const leaf = op.placeholder([64], "float32");
  const [a, b] = [op.max(leaf, [0]), op.min(leaf, [0])];
  const [difference, sum] = [op.sub(a, b), op.add(a, b)];
  const outputs = [difference, sum];
  const fusion = fuse([leaf], outputs);
  const behind = (...pairs: (readonly [root: Node, member: Node])[]): Fusion => ({
    ...fusion,
    epilogues: new Map(pairs.map(([root, node]) => [root, { members: [node], shape: [] }])),
    groups: outputs
      .filter((node) => !pairs.some(([, member]) => member === node))
      .map((node) => ({ members: [node], shape: [] })),
  });

  test("accepts a group behind one of two reductions, and what fusion chooses", () => {
    for (const one of [behind(), behind([a, difference]), behind([b, sum])])
      expect(() => verifyFusion(one)).not.toThrow();
    verifyFusion(fusion);
    compileGraph([leaf], outputs);
  });

  test("refuses two reductions whose groups each need the other's result", () => {
    for (const pairs of [
      [[a, difference] as const, [b, sum] as const],
      [[a, sum] as const, [b, difference] as const],
    ])
      expect(() => verifyFusion(behind(...pairs))).toThrow(
        /the instruction of reduceM(ax|in) and another need each other's results/,
      );
  });

  test("refuses a group that a path leaves and comes back to", () => {
    const scaled = op.mul(leaf, 2);
    const total = op.broadcastInto(op.sum(scaled, [0]), [64], [0]);
    const shifted = op.sub(scaled, total);
    const known = fuse([leaf], [shifted]);
    verifyFusion(known);
    const group = { members: [scaled, shifted], shape: [64] };
    expect(() =>
      verifyFusion({ ...known, prologues: new Map(), epilogues: new Map(), groups: [group] }),
    ).toThrow(/need each other's results/);
  });
});
