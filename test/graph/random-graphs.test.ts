import fc from "fast-check";
import { describe, test } from "vitest";
import { type DType, RandomStream } from "../../src/base/index.ts";
import { type Node, printGraph, verifyGraph } from "../../src/graph/index.ts";
import { evaluate } from "../../src/runtime/reference.ts";
import { compile, grad, hvp, realizeSync, setEngine, Tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";
import { complexStep } from "../support/op-sweep.ts";
import { grow, leafTensor, type Recipe } from "../support/random-graph.ts";
import { recipes, runs } from "../support/random-recipes.ts";

const long = { minLength: 10, maxLength: 40 };
const leavesOf = (recipe: Recipe) => recipe.leaves.map(leafTensor);
const valuesOf = (tensors: readonly Tensor[]) => tensors.map((t) => t.dataSync());
/** The reference engine's own values, by the graph and not by the library around it. */
const expectedOf = (tensors: readonly Tensor[]) =>
  evaluate(
    tensors.map((t) => t.node),
    (leaf) => leaf.storage!.read(),
  );

/** Throws with the graph where two engines differ. */
function expectSame(
  what: string,
  tensors: readonly Tensor[],
  graph: string,
  actual: readonly ArrayLike<number>[],
  expected: readonly ArrayLike<number>[],
  bounds: Record<DType, number>,
) {
  tensors.forEach((t, i) => {
    try {
      expectClose(`${what}, tensor ${i} ${t}`, actual[i]!, expected[i]!, bounds[t.dtype]);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${graph}`);
    }
  });
}

const exact = { float32: 0, float64: 0, int32: 0, bool: 0 };
const oneOp = { float32: 1e-5, float64: 1e-13, int32: 0, bool: 0 };
const close64 = { float32: 0, float64: 1e-12, int32: 0, bool: 0 };

describe("random graphs keep the rules of the graph, and", () => {
  test("the reference engine gives the same as one program and op by op", () => {
    setEngine("reference");
    fc.assert(
      fc.property(recipes(["float64", "int32"], long), (recipe) => {
        const tensors = grow(recipe, leavesOf(recipe), "any");
        const graph = printGraph(tensors.map((t) => t.node));
        verifyGraph(tensors.map((t) => t.node));
        // float32 parts are left out: one program does not round them between its ops
        const kept = tensors.filter((t) => t.dtype !== "float32" && !graph.includes("f32"));
        const stepwise = valuesOf(grow(recipe, leavesOf(recipe), "any").map((t) => t.evalSync()));
        const at = kept.map((t) => tensors.indexOf(t));
        realizeSync(tensors.map((t) => t.node));
        expectSame(
          "op by op",
          kept,
          graph,
          at.map((i) => stepwise[i]!),
          valuesOf(kept),
          exact,
        );
      }),
      runs(100),
    );
  });

  for (const engine of engines) {
    if (engine === "reference") continue;
    test.each(["compiled", "at once", "op by op"] as const)(
      `${engine}: float64 and int32 parts agree with the reference, %s`,
      (how) => {
        fc.assert(
          fc.property(recipes(["float64", "int32"], long), (recipe) => {
            setEngine(engine);
            const tensors = grow(recipe, leavesOf(recipe), "smooth");
            const nodes = tensors.map((t) => t.node);
            const graph = printGraph(nodes);
            const expected = expectedOf(tensors);
            const actual = run(how, recipe, "smooth");
            expectSame(how, tensors, graph, actual, expected, close64);
          }),
          runs(60),
        );
      },
    );

    test(`${engine}: steps and kinks: compiled and at once give the same bits, and so does the reference, op by op`, () => {
      fc.assert(
        fc.property(recipes(["float32", "float64", "int32"], long), (recipe) => {
          setEngine(engine);
          const tensors = grow(recipe, leavesOf(recipe), "any");
          const graph = printGraph(tensors.map((t) => t.node));
          const [compiled, atOnce] = (["compiled", "at once"] as const).map((how) =>
            run(how, recipe, "any"),
          );
          expectSame("compiled and at once", tensors, graph, compiled!, atOnce!, exact);
          // each op by itself, on the values that the engine found for its operands
          const expected: Float64Array[] = [];
          const steps = grow(recipe, leavesOf(recipe), "any", (t) => {
            expected.push(expectedOf([t])[0]!);
            return t.evalSync();
          });
          const actual = valuesOf(steps.slice(recipe.leaves.length));
          const rest = steps.slice(recipe.leaves.length);
          expectSame("op by op", rest, graph, actual, expected, oneOp);
        }),
        runs(60),
      );
    });

    test(`${engine}: float32 stays within float32's error of the reference`, () => {
      setEngine(engine);
      fc.assert(
        fc.property(recipes(["float32"], { minLength: 5, maxLength: 15 }), (recipe) => {
          const tensors = grow(recipe, leavesOf(recipe), "smooth");
          const graph = printGraph(tensors.map((t) => t.node));
          const expected = expectedOf(tensors);
          const bounds = { float32: 2e-4, float64: 2e-4, int32: 0, bool: 0 };
          expectSame("float32", tensors, graph, run("at once", recipe, "smooth"), expected, bounds);
        }),
        runs(60),
      );
    });
  }
});

function run(how: "compiled" | "at once" | "op by op", recipe: Recipe, kinds: "smooth" | "any") {
  const leaves = leavesOf(recipe);
  if (how === "compiled")
    return valuesOf(compile((xs: Tensor[]) => grow(recipe, xs, kinds)).sync(leaves));
  const tensors = grow(recipe, leaves, kinds);
  if (how === "at once") realizeSync(tensors.map((t) => t.node));
  else for (const t of tensors) t.evalSync();
  return valuesOf(tensors);
}

describe("derivatives of random graphs", () => {
  const f64 = recipes(["float64"], { minLength: 8, maxLength: 25 });
  const loss = (recipe: Recipe) => (xs: Tensor[]) =>
    grow(recipe, xs, "smooth")
      .slice(xs.length)
      .reduce((sum, x, i) => sum.add(x.mul(Math.cos(i)).sum()), xs[0]!.sum());
  const direction = (xs: readonly Tensor[], seed: number) =>
    xs.map((x) => {
      const random = new RandomStream(seed, x.size);
      return Float64Array.from({ length: x.size }, () => 2 * random.uniform() - 1);
    });
  const pair = (a: readonly ArrayLike<number>[], b: readonly ArrayLike<number>[]) =>
    a.reduce((s, x, i) => Array.from(x).reduce((t, v, j) => t + v * b[i]![j]!, s), 0);

  test("the gradient agrees with the complex step", () => {
    setEngine("reference");
    fc.assert(
      fc.property(f64, (recipe) => {
        const xs = leavesOf(recipe).map((x) => x.evalSync());
        const v = direction(xs, 3);
        const y = loss(recipe)(xs);
        verifyGraph([y.node]);
        const at = new Map<Node, Float64Array>();
        const along = new Map<Node, Float64Array>();
        collectLeaves(y.node, at);
        xs.forEach((x, i) => {
          along.set(x.node, v[i]!);
        });
        const expected = complexStep([y.node], at, along)[0]![0]!;
        const g = grad(loss(recipe))(xs);
        verifyGraph(g.map((x) => x.node));
        const actual = pair(valuesOf(g), v);
        expectClose(printGraph([y.node]), [actual], [expected], 1e-11, 10);
      }),
      runs(80),
    );
  });

  test("the Hessian-vector product agrees with central differences of the gradient", () => {
    setEngine("reference");
    fc.assert(
      fc.property(f64, (recipe) => {
        const xs = leavesOf(recipe).map((x) => x.evalSync());
        const v = xs.map(
          (x, i) =>
            new Tensor(
              leafTensor({ dtype: "float64", shape: x.shape, values: [...direction(xs, 4)[i]!] })
                .node,
            ),
        );
        const h = 1e-5;
        const side = (s: number) => grad(loss(recipe))(xs.map((x, i) => x.add(v[i]!.mul(s))));
        const [up, down] = [side(h), side(-h)];
        const hv = hvp(loss(recipe), xs, v);
        hv.forEach((row, i) => {
          const expected = up[i]!.sub(down[i]!).div(2 * h);
          expectClose("hvp", row.dataSync(), expected.dataSync(), 1e-5, 10);
        });
      }),
      runs(30),
    );
  });
});

/** The data below a node: what a complex evaluation binds. */
function collectLeaves(y: Node, into: Map<Node, Float64Array>): void {
  const stack = [y];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (into.has(node)) continue;
    if (node.storage) into.set(node, Float64Array.from(node.storage.read()));
    else stack.push(...node.inputs);
  }
}
