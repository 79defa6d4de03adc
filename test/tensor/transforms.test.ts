import { describe, expect, expectTypeOf, test } from "vitest";
import { DTypeError, ShapeError } from "../../src/base/index.ts";
import {
  conv,
  eye,
  grad,
  hessian,
  hvp,
  jacobian,
  jvp,
  maxPool,
  normal,
  setEngine,
  stopGradient,
  type Tensor,
  tensor,
  uniform,
  valueAndGrad,
  vjp,
} from "../../src/tensor/index.ts";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const f64 = (values: Parameters<typeof tensor>[0]) => tensor(values, "float64");
const close = (what: string, actual: Tensor, expected: Tensor, bound = 1e-12) => {
  expect(actual.shape).toEqual(expected.shape);
  expectClose(what, actual.dataSync(), expected.dataSync(), bound);
};

/** A smooth scalar function of a vector that mixes its entries. */
const bumpy = (x: Tensor) =>
  x.mul(x.sin()).sum().mul(x.square().sum().add(1).log()).add(x.exp().cumsum().tanh().prod());

for (const engine of engines)
  describe(engine, () => {
    const on = (name: string, run: () => void) =>
      test(name, () => {
        setEngine(engine);
        run();
      });

    describe("derivatives of derivatives", () => {
      on("d³/dx³ of x⁵ is 60 x², of sin x is −cos x, of order 6 of x⁵ is 0", () => {
        const third = (f: (x: Tensor) => Tensor) => grad(grad(grad(f)));
        for (const x of [-1.5, 0, 0.7, 2]) {
          const at = f64(x);
          expect(third((t) => t.pow(5))(at).item()).toBeCloseTo(60 * x * x, 10);
          expect(third((t) => t.sin())(at).item()).toBeCloseTo(-Math.cos(x), 12);
          expect(third(third((t: Tensor) => t.pow(5)))(at).item()).toBe(0);
        }
      });

      on("all orders of mixing forward and reverse agree", () => {
        const f = (x: Tensor) => x.sin().mul(x.exp()).add(x.pow(3));
        const forward = (g: (x: Tensor) => Tensor) => (x: Tensor) => jvp(g, x, f64(1)).tangent;
        const reverse = (g: (x: Tensor) => Tensor) => grad(g);
        const x = 0.6;
        const expected = 2 * Math.exp(x) * (Math.cos(x) - Math.sin(x)) + 6; // third derivative
        for (const a of [forward, reverse])
          for (const b of [forward, reverse])
            for (const c of [forward, reverse])
              expect(a(b(c(f)))(f64(x)).item()).toBeCloseTo(expected, 11);
      });

      on("hvp is the Hessian times the vector, and the Hessian is symmetric", () => {
        const x = f64([0.3, -1.2, 0.8, 2]);
        const h = hessian(bumpy, x);
        close("symmetry", h, h.transpose(), 1e-14);
        const v = f64([1, -2, 0.5, 0.25]);
        close("hvp", hvp(bumpy, x, v), h.matmul(v), 1e-13);
        // reverse over reverse and reverse over forward give the same
        const g = grad((y: Tensor) => grad(bumpy)(y).mul(v).sum())(x);
        const r = grad((y: Tensor) => jvp(bumpy, y, v).tangent)(x);
        close("reverse over reverse", g, h.matmul(v), 1e-13);
        close("reverse over forward", r, h.matmul(v), 1e-13);
      });

      on("no perturbation confusion: d/dx (x · d/dy (x + y)) = 1", () => {
        const inner = (x: Tensor) => grad((y: Tensor) => x.add(y))(f64(1));
        expect(grad((x: Tensor) => x.mul(inner(x)))(f64(3)).item()).toBe(1);
        const forward = (x: Tensor) => jvp((y: Tensor) => x.add(y), f64(1), f64(1)).tangent;
        expect(jvp((x: Tensor) => x.mul(forward(x)), f64(3), f64(1)).tangent.item()).toBe(1);
        // d/dx (x · d/dy (x · y²) at y = x) = d/dx 2x³ = 6x²
        const nested = (x: Tensor) => x.mul(grad((y: Tensor) => x.mul(y.square()))(x));
        expect(grad(nested)(f64(2)).item()).toBe(24);
      });

      on("the same tensor as argument and as surroundings is two things", () => {
        const x = f64(3);
        expect(grad((y: Tensor) => y.mul(x))(x).item()).toBe(3);
      });
    });

    describe("closed forms", () => {
      on("the Jacobian of sigmoid is diag(σ(1 − σ)), of softmax Sᵢ(δᵢⱼ − Sⱼ)", () => {
        const x = f64([-2, -0.5, 0, 1, 3]);
        const s = x.sigmoid();
        const n = x.size;
        const identity = eye(n, { dtype: "float64" });
        close(
          "sigmoid",
          jacobian((t) => t.sigmoid(), x),
          identity.mul(s.mul(f64(1).sub(s))),
          1e-15,
        );
        const p = x.softmax();
        const softmax = p.reshape([n, 1]).mul(identity.sub(p.reshape([1, n])));
        close(
          "softmax",
          jacobian((t) => t.softmax(), x),
          softmax,
          1e-15,
        );
        const logSoftmax = identity.sub(p.reshape([1, n]));
        close(
          "logSoftmax",
          jacobian((t) => t.logSoftmax(), x),
          logSoftmax,
          1e-15,
        );
        close(
          "tanh",
          jacobian((t) => t.tanh(), x),
          identity.mul(f64(1).sub(x.tanh().square())),
          1e-15,
        );
      });

      // f = ½(y − ŷ)², ŷ = σ(v·h), h = σ(Wx): δ = (ŷ − y) ŷ(1 − ŷ), ∂f/∂v = δh, ∂f/∂W = δ v h(1 − h) xᵀ
      on("back-propagation through two layers is the hand-derived formula (D1)", () => {
        const [inputs, hidden] = [4, 3];
        const x = normal([inputs], { key: 1, dtype: "float64" });
        const net = {
          w: normal([hidden, inputs], { key: 2, dtype: "float64" }),
          v: normal([hidden], { key: 3, dtype: "float64" }),
        };
        const y = 0.8;
        const loss = ({ w, v }: typeof net) => {
          const h = w.matmul(x).sigmoid();
          return v.matmul(h).sigmoid().sub(y).square().mul(0.5);
        };
        const g = grad(loss)(net);
        const h = net.w.matmul(x).sigmoid();
        const out = net.v.matmul(h).sigmoid();
        const delta = out.sub(y).mul(out).mul(f64(1).sub(out));
        close("∂f/∂v", g.v, delta.mul(h), 1e-15);
        const back = delta.mul(net.v).mul(h).mul(f64(1).sub(h));
        close("∂f/∂W", g.w, back.reshape([hidden, 1]).mul(x.reshape([1, inputs])), 1e-15);
      });

      on("Jacobian and vjp take tensors of any rank", () => {
        const x = f64([
          [1, 2, 3],
          [4, 5, 6],
        ]);
        const j = jacobian((t) => t.square().sum({ axis: 0 }), x);
        expect(j.shape).toEqual([3, 2, 3]);
        expect(j.slice(1).toArray()).toEqual([
          [0, 4, 0],
          [0, 10, 0],
        ]);
        expect(jacobian((t) => t.sum(), f64(2)).toArray()).toBe(1);
        expect(hessian((t) => t.square().sum(), f64([[1, 2]])).shape).toEqual([1, 2, 1, 2]);
      });
    });

    describe("second order through a network", () => {
      on("convolution, max pool, softmax: hvp against central differences of the gradient", () => {
        const x = normal([2, 2, 6, 6], { key: 4, dtype: "float64" });
        const net = {
          kernel: normal([3, 2, 3, 3], { key: 5, dtype: "float64" }).mul(0.3),
          weight: normal([27, 4], { key: 6, dtype: "float64" }).mul(0.3),
        };
        const loss = ({ kernel, weight }: typeof net) => {
          const h = maxPool(conv(x, kernel, { padding: 1 }).tanh(), { size: 2 });
          return h.reshape([2, 27]).matmul(weight).logSoftmax().slice(null, 1).mean().neg();
        };
        const v = {
          kernel: normal([3, 2, 3, 3], { key: 7, dtype: "float64" }),
          weight: normal([27, 4], { key: 8, dtype: "float64" }),
        };
        const hv = hvp(loss, net, v);
        const h = 1e-5;
        const side = (s: number) =>
          grad(loss)({
            kernel: net.kernel.add(v.kernel.mul(s)),
            weight: net.weight.add(v.weight.mul(s)),
          });
        const [up, down] = [side(h), side(-h)];
        for (const name of ["kernel", "weight"] as const)
          close(name, hv[name], up[name].sub(down[name]).div(2 * h), 1e-7);
        // symmetric: ⟨u, Hv⟩ = ⟨Hu, v⟩
        const u = { kernel: uniform([3, 2, 3, 3], { key: 9, dtype: "float64" }), weight: v.weight };
        const hu = hvp(loss, net, u);
        const inner = (a: typeof net, b: typeof net) =>
          a.kernel.mul(b.kernel).sum().add(a.weight.mul(b.weight).sum());
        close("symmetry", inner(u, hv), inner(hu, v), 1e-12);
      });
    });

    describe("what flows and what does not", () => {
      on("stopGradient is a constant of every derivative, in trees too", () => {
        expect(grad((x: Tensor) => x.mul(x.stopGradient()))(f64(3)).item()).toBe(3);
        const f = (x: Tensor) => x.mul(stopGradient({ a: [x] }).a[0]!);
        expect(grad(f)(f64(3)).item()).toBe(3);
        expect(jvp(f, f64(3), f64(1)).tangent.item()).toBe(3);
      });

      on("an argument that is not used, and steps and comparisons, have gradient 0", () => {
        const g = grad(({ a }: { a: Tensor; b: Tensor }) => a.square().sum())({
          a: f64([1, 2]),
          b: f64([3]),
        });
        expect([g.a.toArray(), g.b.toArray()]).toEqual([[2, 4], [0]]);
        expect(grad((x: Tensor) => x.floor().sum())(f64([0.5])).toArray()).toEqual([0]);
        expect(
          grad((x: Tensor) => x.greater(0).cast("float64").sum())(f64([0.5])).toArray(),
        ).toEqual([0]);
      });

      on("derivatives pass through casts between floats, and stop at integers", () => {
        const f = (x: Tensor) => x.cast("float32").square().cast("float64").sum();
        expect(grad(f)(f64([1.5, -2])).toArray()).toEqual([3, -4]);
        expect(jvp(f, f64([1.5, -2]), f64([1, 1])).tangent.item()).toBe(-1);
        const stepped = (x: Tensor) => x.cast("int32").cast("float64").mul(x).sum();
        expect(grad(stepped)(f64([1.5])).toArray()).toEqual([1]);
      });

      on("reading a value inside a transform does not cut the derivative", () => {
        const f = (x: Tensor) => {
          const y = x.square();
          return y.mul(y.item() > 3 ? 10 : 1);
        };
        expect(grad(f)(f64(2)).item()).toBe(40);
        expect(grad(grad(f))(f64(2)).item()).toBe(20);
        expect(hvp(f, f64(2), f64(1)).item()).toBe(20);
        const { value, pullback } = vjp((x: Tensor) => x.square(), f64([1, 2]));
        expect(value.toArray()).toEqual([1, 4]); // read before it is pulled back
        expect(pullback(f64([1, 10])).toArray()).toEqual([2, 40]);
      });

      on("pullbacks are differentiated in their turn, in x and in the cotangent", () => {
        // d/dx of the pullback of sin x along c, which is c cos x
        const f = (x: Tensor) => vjp((t: Tensor) => t.sin(), x).pullback(f64(3));
        expect(grad(f)(f64(0.5)).item()).toBeCloseTo(-3 * Math.sin(0.5), 14);
        const { pullback } = vjp((t: Tensor) => t.sin(), f64(0.5));
        expect(grad(pullback)(f64(7)).item()).toBeCloseTo(Math.cos(0.5), 14);
        const outer = (x: Tensor) => {
          const inner = vjp((t: Tensor) => t.mul(x).sin(), f64(2));
          inner.value.evalSync();
          return inner.pullback(f64(1)); // x cos 2x
        };
        expect(grad(outer)(f64(0.5)).item()).toBeCloseTo(Math.cos(1) - Math.sin(1), 14);
      });

      on("the pullback is linear and may be called often", () => {
        const { value, pullback } = vjp(
          (t: { a: Tensor; b: Tensor }) => [t.a.mul(t.b), t.a.sum()] as const,
          { a: f64([1, 2]), b: f64([3, 4]) },
        );
        const zero = f64([0, 0]);
        expect(pullback([f64([1, 1]), f64(0)]).a.toArray()).toEqual([3, 4]);
        expect(pullback([zero, f64(5)]).a.toArray()).toEqual([5, 5]);
        expect(pullback([f64([0, 1]), f64(1)]).b.toArray()).toEqual([0, 2]);
        expect(value[1].item()).toBe(3);
      });
    });
  });

describe("trees and types", () => {
  test("the gradient is a tree like the argument", () => {
    const model = {
      layers: [
        { w: f64([1, 2]), name: "first" },
        { w: f64([3]), name: "second" },
      ],
    };
    const loss = (m: typeof model, scale: number) =>
      m.layers.reduce((sum, { w }) => sum.add(w.square().sum()), f64(0)).mul(scale);
    const { value, grads: g } = valueAndGrad(loss)(model, 2);
    expect(value.item()).toBe(28);
    expect(g.layers.map(({ w, name }) => [w.toArray(), name])).toEqual([
      [[4, 8], "first"],
      [[12], "second"],
    ]);
    expectTypeOf(g).toEqualTypeOf(model);
    expectTypeOf(grad(loss)).toEqualTypeOf<(m: typeof model, scale: number) => typeof model>();
    expectTypeOf(grad((x: Tensor) => x)).toEqualTypeOf<(x: Tensor) => Tensor>();
    expectTypeOf(grad((p: readonly [Tensor, { b: Tensor }]) => p[0]))
      .parameter(0)
      .toEqualTypeOf<readonly [Tensor, { b: Tensor }]>();
    expectTypeOf(stopGradient({ a: f64(1), n: 3 })).toEqualTypeOf<{ a: Tensor; n: number }>();
    expectTypeOf(vjp((x: Tensor) => ({ y: x }), f64(1)).pullback).toEqualTypeOf<
      (cotangent: { y: Tensor }) => Tensor
    >();
    // @ts-expect-error: the function must return a tensor
    expect(() => grad((x: Tensor) => x.size)(f64(1))).toThrow(ShapeError);
  });

  test("an integer argument and a result that is no scalar are named", () => {
    const f = ({ w }: { w: Tensor }) => w.sum();
    expect(() => grad(f)({ w: tensor([1, 2], "int32") })).toThrow(DTypeError);
    expect(() => grad(f)({ w: tensor([1, 2], "int32") })).toThrow(
      "grad: cannot differentiate with respect to w of dtype int32.",
    );
    expect(() => grad((x: Tensor) => x)(f64([1, 2]))).toThrow(
      "grad: the function must return a float scalar, got float64[2].",
    );
    expect(() => grad((x: Tensor) => x.cast("int32"))(f64(1))).toThrow(ShapeError);
    expect(() => jvp((x: Tensor) => x, f64([1, 2]), f64([1]))).toThrow(
      "jvp: tangent is float64[1], not float64[2].",
    );
    expect(() => vjp((x: Tensor) => x, f64([1, 2])).pullback(tensor([1, 2]))).toThrow(
      "vjp: cotangent is float32[2], not float64[2].",
    );
  });
});
