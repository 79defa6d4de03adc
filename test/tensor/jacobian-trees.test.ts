import { DTypeError, hessian, jacobian, setEngine, type Tensor, tensor } from "gradus";
import { functional, Linear } from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../support/engines.ts";

const f64 = (x: Parameters<typeof tensor>[0]) => tensor(x as number[], "float64");

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("jacobian of a record to a record has a block for each pair", () => {
      // y = a b (elementwise, b a number), z = Σ a²
      const f = ({ a, b }: { a: Tensor; b: Tensor }) => ({ y: a.mul(b), rest: [a.square().sum()] });
      const j = jacobian(f, { a: f64([1, 2]), b: f64(3) });
      expect(j.y.a.toArray()).toEqual([
        [3, 0],
        [0, 3],
      ]);
      expect(j.y.b.toArray()).toEqual([1, 2]);
      expect(j.rest[0]!.a.toArray()).toEqual([2, 4]);
      expect(j.rest[0]!.b.toArray()).toBe(0);
    });

    test("hessian of a record has the tree in the tree: f = Σ a² b + b³", () => {
      const f = ({ a, b }: { a: Tensor; b: Tensor }) => a.square().sum().mul(b).add(b.pow(3));
      const h = hessian(f, { a: f64([1, 2]), b: f64(5) });
      expect(h.a.a.toArray()).toEqual([
        [10, 0],
        [0, 10],
      ]);
      expect(h.a.b.toArray()).toEqual([2, 4]);
      expect(h.b.a.toArray()).toEqual([2, 4]);
      expect(h.b.b.item()).toBeCloseTo(30, 12);
    });

    test("hessian of a model's loss, by its parameters: L = ½ Σ (w x + b)²", () => {
      const model = new Linear(2, 1, { dtype: "float64" });
      const x = f64([[1, 3]]);
      const loss = functional(model, (x: Tensor) => model.forward(x).square().sum().mul(0.5));
      const h = hessian((w: { weight: Tensor; bias: Tensor }) => loss(w, x), {
        weight: f64([[0.1, 0.2]]),
        bias: f64([0.3]),
      });
      expect(h.weight.weight.reshape([2, 2]).toArray()).toEqual([
        [1, 3],
        [3, 9],
      ]);
      expect(h.weight.bias.flatten().toArray()).toEqual([1, 3]);
      expect(h.bias.bias.toArray()).toEqual([[1]]);
    });

    test("an infinite derivative stays on the diagonal", () => {
      expect(jacobian((x: Tensor) => x.sqrt(), f64([0, 1])).toArray()).toEqual([
        [Number.POSITIVE_INFINITY, 0],
        [0, 0.5],
      ]);
    });

    test("empty sides give empty blocks, and integers an error", () => {
      const none = (x: Tensor) => x.slice([0, 0]);
      expect(jacobian(none, f64([1, 2])).shape).toEqual([0, 2]);
      expect(() => jacobian((x: Tensor) => x.argmax(), f64([1, 2]))).toThrow(DTypeError);
    });
  });
