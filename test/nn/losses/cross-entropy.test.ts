/** Options of cross-entropy against PyTorch's documented formulas, written out on plain numbers. */
import {
  ConfigError,
  compile,
  DataError,
  grad,
  hvp,
  ShapeError,
  setEngine,
  type Tensor,
  tensor,
} from "gradus";
import { centralDifference, complexStep } from "gradus/lab";
import { type CrossEntropyOptions, crossEntropy } from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../support/engines.ts";

const f64 = (x: Parameters<typeof tensor>[0]) => tensor(x as number[], "float64");
const int = (...y: number[]) => tensor(y, "int32");
const z = [
  [1, -2, 0.5],
  [0, 3, -1],
  [2, 2, 4],
  [-1, 0, 1],
];
const y = [2, 0, -100, 1];
const w = [0.5, 2, 1.25];
const logP = z.map((row) => {
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
  return row.map((x) => x - total);
});

/** torch.nn.CrossEntropyLoss, "the target contains class indices" and `label_smoothing`. */
function byIndex(options: { e?: number; w?: number[]; ignore?: number }): number[] {
  const { e = 0, w = [1, 1, 1], ignore } = options;
  return y.map((c, n) => {
    if (c === ignore) return 0;
    const smooth = logP[n]!.reduce((sum, l, k) => sum - (w[k]! * l) / 3, 0);
    return (1 - e) * -w[c]! * logP[n]![c]! + e * smooth;
  });
}
const total = (x: number[]) => x.reduce((a, b) => a + b, 0);

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    const ignored = { ignoreIndex: -100 };
    const cases: [string, CrossEntropyOptions, number[], number][] = [
      ["ignored examples", ignored, byIndex({ ignore: -100 }), 3],
      ["weights", { ...ignored, weights: w }, byIndex({ ignore: -100, w }), 1.25 + 0.5 + 2],
      ["smoothing", { ...ignored, labelSmoothing: 0.1 }, byIndex({ ignore: -100, e: 0.1 }), 3],
      [
        "all three",
        { ...ignored, labelSmoothing: 0.2, weights: f64(w) },
        byIndex({ ignore: -100, e: 0.2, w }),
        3.75,
      ],
    ];
    for (const [name, options, losses, mass] of cases)
      test(`${name}: none, sum and mean; derivatives`, () => {
        const near = losses.map((x) => expect.closeTo(x, 12));
        const of = (reduction: "none" | "sum" | "mean") => (x: Tensor) =>
          crossEntropy(x, int(...y), { ...options, reduction });
        expect(of("none")(f64(z)).toArray()).toEqual(near);
        expect(of("sum")(f64(z)).item()).toBeCloseTo(total(losses), 12);
        expect(of("mean")(f64(z)).item()).toBeCloseTo(total(losses) / mass, 12);
        const f = of("mean");
        const v = f64(z.map((row, n) => row.map((_, c) => Math.cos(3 * n + c))));
        const g = grad(f)(f64(z));
        const along = g.mul(v).sum().item();
        expect(complexStep(f, f64(z), v).item()).toBeCloseTo(along, 12);
        expect(centralDifference(f, f64(z), v).item()).toBeCloseTo(along, 8);
        expect(g.toArray()).toHaveProperty("2", [0, 0, 0]);
        const h = hvp(f, f64(z), v).mul(v).sum().item();
        const slope = (x: Tensor) => grad(f)(x).mul(v).sum();
        expect(complexStep(slope, f64(z), v).item()).toBeCloseTo(h, 12);
      });

    test("probabilities are smoothed and weighed, and averaged over the examples", () => {
      const p = [
        [0.2, 0.3, 0.5],
        [1, 0, 0],
        [0, 0, 1],
        [0.5, 0.5, 0],
      ];
      const e = 0.3;
      const losses = p.map((row, n) =>
        row.reduce((sum, q, c) => sum - w[c]! * ((1 - e) * q + e / 3) * logP[n]![c]!, 0),
      );
      const got = crossEntropy(f64(z), f64(p), { labelSmoothing: e, weights: w });
      expect(got.item()).toBeCloseTo(total(losses) / 4, 12);
    });

    test("an ignored row may hold anything; if all are ignored the mean is NaN, the sum 0", () => {
      const bad = f64([[Number.NaN, 1, Number.POSITIVE_INFINITY], z[0]!]);
      const f = (x: Tensor) => crossEntropy(x, int(7, 1), { ignoreIndex: 7 });
      expect(f(bad).item()).toBeCloseTo(-logP[0]![1]!, 12);
      expect(grad(f)(bad).slice(0).toArray()).toEqual([0, 0, 0]);
      const none = (reduction: "mean" | "sum") =>
        crossEntropy(f64(z), int(7, 7, 7, 7), { ignoreIndex: 7, reduction }).item();
      expect([none("mean"), none("sum")]).toEqual([Number.NaN, 0]);
    });

    test("in a compiled step, more axes, and a class that weighs nothing", () => {
      const step = compile((x: Tensor, y: Tensor) =>
        crossEntropy(x, y, { ignoreIndex: 0, weights: [1, 0, 3] }),
      );
      const x = f64(z).reshape([2, 2, 3]);
      const labels = int(2, 0, 1, 1).reshape([2, 2]);
      expect(step.sync(x, labels).item()).toBeCloseTo(-logP[0]![2]!, 12);
    });

    test("float32 logits take plain weights; large logits keep their digits", () => {
      const loss = crossEntropy(tensor([[1e4, 1e4]]), int(0), { weights: [2, 1] });
      expect(loss.item()).toBeCloseTo(Math.LN2, 6);
    });

    test("options that mean nothing are errors", () => {
      const of =
        (options: object, targets = int(...y)) =>
        () =>
          crossEntropy(f64(z), targets, options as CrossEntropyOptions).item();
      expect(of({ ignore_index: -100 })).toThrow(/unknown option "ignore_index".*ignoreIndex/s);
      expect(of({ labelSmoothing: 1.5 })).toThrow(ConfigError);
      expect(of({ ignoreIndex: 0.5 })).toThrow(/ignoreIndex is 0.5/);
      expect(of({ weights: [1, 2] })).toThrow(ShapeError);
      expect(of({ weights: [1, 2, -1] })).toThrow(/weight 2 is -1/);
      expect(of({ weights: [1, "2", 1] })).toThrow(ConfigError);
      expect(of({ weights: { 0: 1 } })).toThrow(/weights are an object/);
      expect(of({ labelSmoothing: "0.1" })).toThrow(ConfigError);
      expect(of({ reduction: "avg" })).toThrow(/unknown reduction "avg"/);
      expect(of({ ignoreIndex: 1 }, f64(z))).toThrow(/rows of probabilities/);
      expect(of({})).toThrow(DataError);
    });
  });
