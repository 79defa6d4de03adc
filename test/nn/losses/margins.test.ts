import { grad, ones, setEngine, type Tensor, tensor, zeros } from "gradus";
import {
  binaryCrossEntropy,
  Conv2d,
  hardSigmoid,
  hardTanh,
  hinge,
  klDivergence,
  Linear,
  l1,
  l2,
  multiClassHinge,
  Sequential,
  select,
  step,
  valueAndGrad,
  zeroOneLoss,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("at kinks and jumps the derivative is the documented one", () => {
      const slope = (f: (x: Tensor) => Tensor, at: number[]) =>
        [...grad((x: Tensor) => f(x).sum())(tensor(at)).dataSync()].map((g) => g + 0); // −0 is 0
      expect(slope((f) => hinge(f, ones([3]), { reduction: "sum" }), [0.5, 1, 2])).toEqual([
        -1, 0, 0,
      ]);
      expect(slope(step, [-1, 0, 1])).toEqual([0, 0, 0]);
      expect(slope(hardTanh, [-1, 0, 1])).toEqual([0, 1, 0]);
      expect(slope((x) => hardSigmoid(x).mul(6), [-3, 1, 3])).toEqual([0, expect.closeTo(1, 6), 0]);
    });
    test("NaN and infinities pass through the hard activations as through tanh and σ", () => {
      const x = tensor([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
      expect(hardTanh(x).toArray()).toEqual([Number.NaN, 1, -1]);
      expect(hardSigmoid(x).toArray()).toEqual([Number.NaN, 1, 0]);
    });
    test("Kullback–Leibler: p against q by hand, 0 for p itself, ∞-free for p = 0", () => {
      const q = tensor([[Math.log(0.25), Math.log(0.75)]], "float64");
      const p = tensor([[0.5, 0.5]], "float64");
      const expected = 0.5 * Math.log(2) + 0.5 * Math.log(0.5 / 0.75);
      expectClose("KL", klDivergence(q, p).dataSync(), [expected], 1e-15);
      const sure = tensor([[0, 1]], "float64");
      expectClose("KL", klDivergence(q, sure).dataSync(), [-Math.log(0.75)], 1e-15);
    });
    test("certainty costs nothing when right, with a finite derivative, and ∞ when wrong", () => {
      const y = tensor([0, 1]);
      const f = (p: Tensor) => binaryCrossEntropy(p, y);
      expect(f(y).item()).toBe(0);
      expect(grad(f)(y).toArray()).toEqual([0.5, -0.5]);
      expect(f(tensor([1, 1])).item()).toBe(Number.POSITIVE_INFINITY);
    });
    test("0-1 loss counts wrong answers; a score of 0 says yes, and the first of equals wins", () => {
      const f = tensor([0, 0, -1, 2]);
      const y = tensor([1, -1, 1, 1], "int32");
      expect(zeroOneLoss(f, y, { reduction: "none" }).toArray()).toEqual([0, 1, 1, 0]);
      expect(
        zeroOneLoss(
          tensor([
            [1, 1],
            [0, 3],
          ]),
          tensor([1, 1], "int32"),
        ).item(),
      ).toBe(0.5);
      const g = grad((x: Tensor) => zeroOneLoss(x, y))(f);
      expect(g.toArray()).toEqual([0, 0, 0, 0]);
    });
    test("a penalty on weights alone leaves biases alone", () => {
      const model = new Sequential(new Linear(2, 2, { dtype: "float64" }));
      const { grads } = valueAndGrad(model, () => l2(select(model, "*.weight"), 0.5))();
      const weight = model.parameters()["layers.0.weight"]!.value;
      expectClose("λ θ", grads["layers.0.weight"]!.dataSync(), weight.mul(0.5).dataSync(), 1e-15);
      expect(grads["layers.0.bias"]!.toArray()).toEqual([0, 0]);
    });
  });

test("select takes paths, patterns and modules, and knows misspellings", () => {
  const model = new Sequential(new Conv2d(1, 2, 3), new Linear(2, 1));
  expect(Object.keys(select(model, "layers.1"))).toEqual(["layers.1.weight", "layers.1.bias"]);
  expect(() => select(model, "layers.1.weigth")).toThrow('did you mean "layers.1.weight"?');
  expect(l1({}, 1).item()).toBe(0);
});
test("errors name sizes and the fix", () => {
  expect(() => hinge(zeros([2, 1]), zeros([2]))).toThrow(
    "predictions [2, 1] and targets [2] differ.",
  );
  expect(() => multiClassHinge(zeros([2, 3]), zeros([3]))).toThrow(
    "scores [2, 3] do not fit labels [3].",
  );
  expect(() => multiClassHinge(zeros([2, 3]), zeros([2]))).toThrow("class indices are float32.");
  expect(() => zeroOneLoss(zeros([2, 3]), zeros([2]))).toThrow("class indices are float32.");
});
