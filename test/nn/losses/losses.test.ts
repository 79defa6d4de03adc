import {
  type Compiled,
  compile,
  DataError,
  DTypeError,
  grad,
  hessian,
  ShapeError,
  setEngine,
  type Tensor,
  tensor,
  zeros,
} from "gradus";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huber,
  type LossOptions,
  meanAbsoluteError,
  meanSquaredError,
  squaredError,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";
import { engines } from "../../support/engines.ts";

const f64 = (x: Parameters<typeof tensor>[0]) => tensor(x as number[], "float64");
const labels = (...y: number[]) => tensor(y, "int32");
const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
const none: LossOptions = { reduction: "none" };

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    describe("cross-entropy", () => {
      const z = [
        [1, 2, 3],
        [0, -1, 4],
      ];
      const logSoftmax = z.map((row) => {
        const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
        return row.map((x) => x - total);
      });
      const expected = [-logSoftmax[0]![2]!, -logSoftmax[1]![0]!];

      test("is −log softmax of the true class, in every reduction", () => {
        const y = labels(2, 0);
        const values = crossEntropy(f64(z), y, none);
        expectClose("none", values.dataSync(), expected, 1e-14);
        const [a, b] = expected as [number, number];
        expect(crossEntropy(f64(z), y).item()).toBeCloseTo((a + b) / 2, 13);
        expect(crossEntropy(f64(z), y, { reduction: "sum" }).item()).toBeCloseTo(a + b, 13);
      });
      test("one-hot rows and probabilities give what their formula says", () => {
        const p = [
          [0, 0, 1],
          [0.25, 0.5, 0.25],
        ];
        const byFormula = p.map((row, n) =>
          row.reduce((sum, x, c) => sum - x * logSoftmax[n]![c]!, 0),
        );
        expectClose("p", crossEntropy(f64(z), f64(p), none).dataSync(), byFormula, 1e-14);
      });
      test("any leading axes", () => {
        const y = tensor([[0, 1]], "int32");
        expect(crossEntropy(zeros([1, 2, 4]), y, none).shape).toEqual([1, 2]);
        expect(crossEntropy(zeros([4]), tensor(3, "int32")).item()).toBeCloseTo(Math.log(4), 6);
      });
      test("is finite and precise where a probability is 0 in float32", () => {
        const far = tensor([[1000, 0, -1000]]);
        expectClose("far", crossEntropy(far, labels(2)).dataSync(), [2000], 1e-7);
        expect(crossEntropy(far, tensor([[1, 0, 0]])).item()).toBe(0);
        expect(crossEntropy(tensor([[0, -Infinity]]), tensor([[1, 0]])).item()).toBe(0);
        // logSumExp(z) − z[y] would give 0.0625 or 0 here
        const big = tensor([[1e6, 1e6 - 3]]);
        expectClose(
          "big",
          crossEntropy(big, labels(0)).dataSync(),
          [Math.log1p(Math.exp(-3))],
          1e-6,
        );
      });
      test("the gradient is softmax(z) − y, the Hessian diag(s) − s sᵀ, also for equal logits", () => {
        const f = (y: Tensor) => (x: Tensor) => crossEntropy(x.reshape([1, 3]), y);
        for (const y of [labels(1), f64([[0, 1, 0]])]) {
          const g = grad(f(y))(f64([0, 0, 0]));
          expectClose("gradient", g.dataSync(), [1 / 3, -2 / 3, 1 / 3], 1e-15);
          const h = hessian(f(y), f64([0, 0, 0]));
          const [d, o] = [2 / 9, -1 / 9];
          expectClose("Hessian", h.dataSync(), [d, o, o, o, d, o, o, o, d], 1e-15);
        }
      });
      test("labels outside of the classes are an error when it is computed", () => {
        expect(() => crossEntropy(zeros([1, 3]), labels(3)).item()).toThrow(DataError);
        expect(() => crossEntropy(zeros([1, 3]), labels(-1)).item()).toThrow(DataError);
        const step: Compiled<[Tensor, Tensor], Tensor> = compile((x, y) => crossEntropy(x, y));
        expect(() => step.sync(zeros([1, 3]), labels(7)).item()).toThrow(DataError);
        expect(step.sync(zeros([1, 3]), labels(2)).item()).toBeCloseTo(Math.log(3), 6);
      });
    });

    describe("binary cross-entropy", () => {
      test("is −y log σ(z) − (1 − y) log(1 − σ(z)), for probabilities too", () => {
        const z = [-2, -0.5, 0, 0.5, 3];
        const y = [0, 1, 0.25, 1, 0];
        const expected = z.map(
          (x, i) => -y[i]! * Math.log(sigmoid(x)) - (1 - y[i]!) * Math.log(1 - sigmoid(x)),
        );
        const losses = binaryCrossEntropyWithLogits(f64(z), f64(y), none);
        expectClose("values", losses.dataSync(), expected, 1e-14);
      });
      test("both tails are precise: no overflow, no cancellation", () => {
        const losses = binaryCrossEntropyWithLogits(
          tensor([1000, -1000, 1000, -1000, 30]),
          labels(1, 0, 0, 1, 1),
          none,
        );
        const [a, b, c, d, e] = losses.dataSync();
        expect([a, b, c, d]).toEqual([0, 0, 1000, 1000]);
        expect(e! / Math.exp(-30)).toBeCloseTo(1, 5);
      });
      test("gradient σ(z) − y and second derivative σ(z)(1 − σ(z)), also at 0", () => {
        for (const z of [-3, 0, 2])
          for (const y of [0, 1]) {
            const f = (x: Tensor) => binaryCrossEntropyWithLogits(x, f64(y));
            const s = sigmoid(z);
            expect(grad(f)(f64(z)).item()).toBeCloseTo(s - y, 14);
            expect(grad(grad(f))(f64(z)).item()).toBeCloseTo(s * (1 - s), 14);
          }
      });
    });

    describe("regression", () => {
      const p = [1, -2, 3, 0];
      const y = [0, 0, 3, 0.5];
      const cases: [string, typeof huber, number[], number[]][] = [
        ["mean squared", meanSquaredError, [1, 4, 0, 0.25], [2, -4, 0, -1]],
        ["squared", squaredError, [0.5, 2, 0, 0.125], [1, -2, 0, -0.5]],
        ["absolute", meanAbsoluteError, [1, 2, 0, 0.5], [1, -1, 0, -1]],
        ["Huber", huber, [0.5, 1.5, 0, 0.125], [1, -1, 0, -0.5]],
      ];
      for (const [name, loss, values, slopes] of cases)
        test(`${name}: values, reductions, gradient`, () => {
          expect([...loss(f64(p), f64(y), none).dataSync()]).toEqual(values);
          const total = values.reduce((a, b) => a + b);
          expect(loss(f64(p), f64(y)).item()).toBe(total / 4);
          expect(loss(f64(p), f64(y), { reduction: "sum" }).item()).toBe(total);
          const f = (x: Tensor) => loss(x, f64(y), { reduction: "sum" });
          expect([...grad(f)(f64(p)).dataSync()].map((x) => x + 0)).toEqual(slopes);
        });
      test("Huber's δ bounds the force; the Hessian is 1 inside and 0 outside", () => {
        const f = (x: Tensor) => huber(x, f64([0, 0]), { delta: 2, reduction: "sum" });
        expect(f(f64([1, 5])).item()).toBe(0.5 + 8);
        expect(grad(f)(f64([1, -5])).toArray()).toEqual([1, -2]);
        expect(hessian(f, f64([1, 5])).toArray()).toEqual([
          [1, 0],
          [0, 0],
        ]);
      });
      test("targets take the dtype of the predictions", () => {
        expect(meanSquaredError(tensor([1, 2]), labels(1, 4)).dtype).toBe("float32");
        expect(meanSquaredError(tensor([1, 2]), f64([1, 4])).dtype).toBe("float32");
      });
    });
  });

describe("what does not fit is said", () => {
  test("[N] and [N, 1] do not broadcast silently", () => {
    expect(() => meanSquaredError(zeros([3]), zeros([3, 1]))).toThrow(
      /meanSquaredError: predictions \[3\] and targets \[3, 1\] differ/,
    );
  });
  test("batch sizes that differ", () => {
    const f = () => crossEntropy(zeros([4, 3]), labels(0, 1));
    expect(f).toThrow(ShapeError);
    expect(f).toThrow(/logits \[4, 3\] do not fit targets \[2\]/);
  });
  test("class indices as floats, integers as predictions", () => {
    expect(() => crossEntropy(zeros([1, 3]), tensor([1]))).toThrow(DTypeError);
    expect(() => huber(labels(1), tensor([1]))).toThrow(/cast them: x\.cast\("float32"\)/);
  });
  test("options that mean nothing", () => {
    const f = (options: object) => () => huber(zeros([1]), zeros([1]), options);
    expect(f({ reduction: "avg" })).toThrow('unknown reduction "avg"');
    expect(f({ delta: 0 })).toThrow("huber: delta is 0.");
    expect(f({ delta: Number.NaN })).toThrow("huber: delta is NaN.");
  });
});
