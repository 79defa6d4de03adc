import { ConfigError, compile, hessian, hvp, jvp, setEngine, type Tensor, tensor } from "gradus";
import {
  functional,
  Linear,
  Module,
  meanSquaredError,
  Parameter,
  Sequential,
  Sigmoid,
  squaredError,
  Tanh,
  valueAndGrad,
  valuesOf,
} from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const dtype = "float64";
const f64 = (x: Parameters<typeof tensor>[0]) => tensor(x as number[], dtype);

/** Two inputs, three hidden units, one output, with weights of our own. */
function twoLayers() {
  const w = [
    [0.3, -0.2],
    [0.7, 0.5],
    [-0.4, 0.1],
  ];
  const v = [0.6, -0.9, 0.8];
  const model = new Sequential(
    new Linear(2, 3, { bias: false, dtype }),
    new Sigmoid(),
    new Linear(3, 1, { bias: false, dtype }),
    new Sigmoid(),
  );
  model.state()["layers.0.weight"]!.value = f64(w);
  model.state()["layers.2.weight"]!.value = f64([v]);
  return { model, w, v };
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));

    test("the gradient of two sigmoid layers is the one derived by hand", () => {
      // h = σ(W x), ŷ = σ(v·h), f = ½ (ŷ − y)²
      // δ = (ŷ − y) ŷ (1 − ŷ),   ∂f/∂v = δ h,   ∂f/∂W = δ v h (1 − h) xᵀ
      const { model, w, v } = twoLayers();
      const x = [0.5, -1.5];
      const y = 0.2;
      const h = w.map((row) => sigmoid(row[0]! * x[0]! + row[1]! * x[1]!));
      const yHat = sigmoid(h.reduce((sum, hi, i) => sum + v[i]! * hi, 0));
      const delta = (yHat - y) * yHat * (1 - yHat);
      const dv = h.map((hi) => delta * hi);
      const dw = h.flatMap((hi, i) => x.map((xj) => delta * v[i]! * hi * (1 - hi) * xj));

      const both = valueAndGrad(model, (input: Tensor) =>
        squaredError(model.forward(input), f64([[y]])),
      );
      for (const f of [both, compile(both).sync]) {
        const { value, grads } = f(f64([x]));
        expectClose("f", value.dataSync(), [0.5 * (yHat - y) ** 2], 1e-14);
        expectClose("∂f/∂v", grads["layers.2.weight"]!.dataSync(), dv, 1e-13, 0);
        expectClose("∂f/∂W", grads["layers.0.weight"]!.dataSync(), dw, 1e-13, 0);
      }
    });

    test("gradients of a model agree with central differences", () => {
      const model = new Sequential(
        new Linear(3, 4, { dtype }),
        new Tanh(),
        new Linear(4, 2, { dtype }),
      );
      const [x, y] = [f64([[0.1, -0.4, 0.9]]), f64([[1, -1]])];
      const loss = () => meanSquaredError(model.forward(x), y);
      const { grads } = valueAndGrad(model, loss)();
      const h = 1e-5;
      for (const [path, parameter] of Object.entries(model.parameters())) {
        const { value } = parameter;
        const differences = Array.from({ length: value.size }, (_, i) => {
          const at = (shift: number) => {
            const data = value.dataSync();
            data[i]! += shift;
            parameter.value = tensor(data).reshape(value.shape);
            return loss().item();
          };
          return (at(h) - at(-h)) / (2 * h);
        });
        parameter.value = value;
        expectClose(path, grads[path]!.dataSync(), differences, 1e-8);
      }
    });

    test("frozen parameters get no gradient, and the others the same one", () => {
      const { model } = twoLayers();
      const both = valueAndGrad(model, (x: Tensor) => model.forward(x).sum());
      const x = f64([[1, 2]]);
      const all = both(x).grads;
      model.freeze("layers.0.*");
      const some = both(x).grads;
      expect(Object.keys(some)).toEqual(["layers.2.weight"]);
      expect(some["layers.2.weight"]!.toArray()).toEqual(all["layers.2.weight"]!.toArray());
    });

    test("what the loss computes on the way can be returned from the same step", () => {
      const { model } = twoLayers();
      const step = compile((x: Tensor) => {
        let output!: Tensor;
        const { value } = valueAndGrad(model, () => {
          output = model.forward(x);
          return output.sum();
        })();
        return { value, output };
      });
      const { value, output } = step.sync(f64([[1, 2]]));
      expect(output.item()).toBe(value.item());
    });

    test("functional leaves the model as it is, and takes some of its parameters", () => {
      const { model, v } = twoLayers();
      const f = functional(model);
      const x = f64([[1, 2]]);
      const own = model.forward(x).item();
      expect(f({ "layers.2.weight": f64([[0, 0, 0]]) }, x).item()).toBe(0.5);
      expect(model.forward(x).item()).toBe(own);
      expect(f(valuesOf(model.parameters()), x).item()).toBe(own);
      expect(model.parameters()["layers.2.weight"]!.value.toArray()).toEqual([v]);
    });

    test("hessian, hvp and jvp of a model: f = a x² + 3 a b", () => {
      class Product extends Module {
        readonly a = new Parameter(f64(2));
        readonly b = new Parameter(f64(5));
        forward(x: Tensor): Tensor {
          const a = this.a.value;
          return a.mul(x.square()).add(a.square().mul(this.b.value).mul(3));
        }
      }
      const model = new Product();
      const f = functional(model);
      const x = f64(7);
      // ∂a = x² + 6ab = 109, ∂b = 3a² = 12; ∂aa = 6b = 30, ∂ab = 6a = 12, ∂bb = 0
      const { grads } = valueAndGrad(model, (input: Tensor) => model.forward(input))(x);
      expect([grads.a!.item(), grads.b!.item()]).toEqual([109, 12]);
      const tangent = jvp((w: Record<string, Tensor>) => f(w, x), valuesOf(model.parameters()), {
        a: f64(1),
        b: f64(10),
      }).tangent;
      expect(tangent.item()).toBe(229);
      const along = { b: f64(10), a: f64(1) }; // matched by name, in any order
      const hv = hvp(f, valuesOf(model.parameters()), along, x);
      expect([hv.a!.item(), hv.b!.item()]).toEqual([150, 12]);
      const ab = (w: Tensor) => f({ a: w.slice(0), b: w.slice(1) }, x);
      expect(hessian(ab, f64([2, 5])).toArray()).toEqual([
        [30, 12],
        [12, 0],
      ]);
    });

    test("a transform within a compiled step sees the variables of the step", () => {
      const model = new Linear(1, 1, { bias: false, dtype });
      model.weight.value = f64([[3]]);
      const both = valueAndGrad(model, (x: Tensor) => model.forward(x).square().sum());
      const twice = compile((x: Tensor) => {
        const first = both(x).grads.weight!;
        model.weight.value = model.weight.value.sub(first.mul(0.5)); // 3 − ½·6
        return both(x).value;
      });
      expect(twice.sync(f64([[1]])).item()).toBe(0);
      expect(model.weight.value.item()).toBe(0);
    });
  });

test("an unknown path is an error with the nearest one", () => {
  const f = functional(new Linear(1, 1));
  expect(() => f({ wieght: tensor([[1]]) }, tensor([[1]]))).toThrow(ConfigError);
  expect(() => f({ wieght: tensor([[1]]) }, tensor([[1]]))).toThrow(/did you mean "weight"/);
});
