/** max relu(z) = relu(max z): the pool goes first, in programs and before derivatives. */
import { compile, grad, hvp, jvp, maxPool, normal, type Tensor, uniform, where } from "gradus";
import { describe, expect, test } from "vitest";
import { simplify } from "../../../src/compiler/simplify.ts";
import { collect, type Node } from "../../../src/graph/index.ts";
import { setEngine } from "../../../src/tensor/index.ts";
import { engines } from "../../support/engines.ts";

const z = () => normal([2, 3, 8, 8], { key: 5 }).evalSync();
const isGiven = (x: Node) => x.storage !== null;
const simple = (...outputs: Tensor[]) => {
  const nodes = outputs.map((y) => y.node);
  return simplify(collect(nodes, isGiven).filter(isGiven), nodes);
};
/** Shapes of all comparisons with 0. */
const masks = (outputs: readonly Node[]) =>
  collect(outputs, isGiven)
    .filter((x) => x.op.name === "le")
    .map((x) => x.shape.join("×"));

describe("the comparison with 0 is of the maxima alone", () => {
  test("in a program without derivatives, with padding and without", () => {
    expect(masks(simple(maxPool(z().relu(), { size: 2 })))).toEqual(["2×3×4×4"]);
    expect(masks(simple(maxPool(z().relu(), { size: 3, padding: 1 })))).toEqual(["2×3×3×3"]);
  });

  test("in derivatives of first and second order, through two poolings", () => {
    const net = (w: Tensor) => {
      const y = maxPool(z().mul(w).relu(), { size: 2 });
      return maxPool(y.mul(w).relu(), { size: 2 }).square().sum();
    };
    const w = uniform([1], { key: 1 }).evalSync();
    const expected = ["2×3×4×4", "2×3×2×2"];
    expect(masks(simple(grad(net)(w)))).toEqual(expected);
    expect(masks(simple(hvp(net, w, w)))).toEqual(expected);
    expect(masks(simple(jvp(net, w, w).tangent))).toEqual(expected);
  });

  test("but not where relu(z) is read by others, too", () => {
    const y = z().relu();
    const both = simple(maxPool(y, { size: 2 }).sum().add(y.sum()));
    expect(masks(both)).toEqual(["2×3×8×8"]);
    expect(masks(simple(maxPool(y, { size: 2 }), y))).toEqual(["2×3×8×8"]);
  });

  test("nor where −0 or another number stands in the place of 0", () => {
    const negative = (zero: number) => where(z().lessEqual(0), zero, z());
    for (const zero of [-0, 0.5])
      expect(masks(simple(maxPool(negative(zero), { size: 2 })))).toEqual(["2×3×8×8"]);
  });
});

describe.each(engines)("%s", (engine) => {
  test("what a loss keeps on its way is computed once, with the same values", () => {
    setEngine(engine);
    const images = z();
    const step = (w: Tensor) => {
      let kept: Tensor | undefined;
      const g = grad((w: Tensor) => {
        kept = maxPool(images.mul(w).relu(), { size: 2 });
        return kept.square().sum();
      })(w);
      return { g, kept: kept! };
    };
    const w = uniform([1], { key: 1 }).evalSync();
    const { g, kept } = compile(step).sync(w);
    const pooled = maxPool(images.mul(w).relu().evalSync(), { size: 2 });
    expect(kept.toArray()).toEqual(pooled.toArray());
    // dL/dw = Σ 2 y · max z, as y = w max z where that is positive
    const top = maxPool(images, { size: 2 });
    const expected = pooled.mul(2).mul(top).sum().item();
    expect(g.item()).toBeCloseTo(expected, 2);
    if (engine === "reference") return;
    const { kept: again } = step(w);
    expect(masks(simple(g, again))).toEqual(["2×3×4×4"]);
  });
});
