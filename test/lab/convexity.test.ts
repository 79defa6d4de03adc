/** Losses that the textbooks prove convex stay undecided; for the others the counter-example holds. */
import { ConfigError, type Tensor, tensor } from "gradus";
import { checkConvexity, curvature, LossSurface } from "gradus/lab";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  Linear,
  meanSquaredError,
  Sequential,
  Sigmoid,
} from "gradus/nn";
import { describe, expect, test } from "vitest";
import { norm } from "../../src/lab/vectors.ts";
import { data, smallSurface } from "./support.ts";

const yesNo = { inputs: data.inputs, targets: tensor([[1], [0], [1], [0], [1]]) };
const classes = { inputs: data.inputs, targets: tensor([0, 2, 1, 1, 0], "int32") };
const affine = (outputs: number) => new Linear(2, outputs);

describe("convex", () => {
  const cases: Record<string, LossSurface> = {
    "linear regression": LossSurface.ofModel(affine(1), meanSquaredError, data),
    "logistic regression": LossSurface.ofModel(affine(1), binaryCrossEntropyWithLogits, yesNo),
    "softmax regression": LossSurface.ofModel(affine(3), crossEntropy, classes),
  };
  for (const [name, surface] of Object.entries(cases))
    for (const radius of [0.1, 1, 10])
      test(`${name}, radius ${radius}: no counter-example`, () => {
        const found = checkConvexity(surface, { radius });
        expect(found).toMatchObject({
          verdict: "undecided",
          counterExample: null,
          chords: 200,
          hessians: 10,
        });
        expect(found.smallest).toBeGreaterThan(-1e-12);
      });
});

describe("not convex", () => {
  const { surface: hidden } = smallSurface();
  const sigmoid = LossSurface.ofModel(
    new Sequential(affine(1), new Sigmoid()),
    meanSquaredError,
    yesNo,
  );
  for (const [name, surface] of Object.entries({
    "squares behind a sigmoid": sigmoid,
    "a hidden layer": hidden,
  })) {
    test(`${name}: a chord below the loss, which another evaluation confirms`, () => {
      const { verdict, counterExample } = checkConvexity(surface, { radius: 3, hessians: 0 });
      expect(verdict).toBe("not convex");
      if (counterExample?.kind !== "chord") throw new Error("expected a chord");
      const { a, b, t, loss, chord } = counterExample;
      const between = a.map((x, i) => (1 - t) * x + t * b[i]!);
      expect(surface.value(between)).toBe(loss);
      expect((1 - t) * surface.value(a) + t * surface.value(b)).toBeCloseTo(chord, 14);
      expect(loss).toBeGreaterThan(chord);
    });

    test(`${name}: a direction that bends down`, () => {
      const { counterExample, smallest } = checkConvexity(surface, { radius: 3, chords: 0 });
      if (counterExample?.kind !== "curvature") throw new Error("expected a curvature");
      const { point, direction, eigenvalue } = counterExample;
      expect(norm(direction)).toBeCloseTo(1, 12);
      expect(curvature(surface, point, direction)).toBeCloseTo(eigenvalue, 10);
      expect(eigenvalue).toBeLessThan(0);
      expect(smallest).toBeLessThanOrEqual(eigenvalue);
    });
  }

  test("beyond 300 parameters by Lanczos", () => {
    const weights = tensor(Array.from({ length: 320 }, (_, i) => (i === 7 ? -0.01 : 1)));
    const surface = LossSurface.of(
      (x: Tensor) => x.square().mul(weights).sum(),
      tensor(Array(320).fill(0)),
    );
    const { counterExample } = checkConvexity(surface, { chords: 5, hessians: 1 });
    expect(counterExample).toMatchObject({ kind: "curvature" });
  });
});

test("refuses counts that mean nothing", () => {
  expect(() => checkConvexity(smallSurface().surface, { chords: -1 })).toThrow(ConfigError);
});
