import {
  ConfigError,
  conv,
  convOutputSize,
  convTranspose,
  convTransposeOutputSize,
  grad,
  hvp,
  jvp,
  type PadOptions,
  pad,
  ShapeError,
  samePadding,
  setEngine,
  type Tensor,
  tensor,
  zeros,
} from "gradus";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const waves = (n: number, shift: number) =>
  Float64Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + shift));

/** Which element stands at place i − low of an endless axis of n; −1 for none. */
const source: Record<string, (i: number, n: number) => number> = {
  constant: (i, n) => (i >= 0 && i < n ? i : -1),
  reflect: (i, n) => n - 1 - Math.abs(n - 1 - Math.abs(i)),
  replicate: (i, n) => Math.min(n - 1, Math.max(0, i)),
  circular: (i, n) => (i + n) % n,
};
const widths = [
  [0, 0],
  [2, 1],
  [1, 3],
] as const;
const shape = [2, 3, 4] as const;
const padded = [2, 6, 8] as const;

/** For each element of the padded tensor, the position in x that it copies, −1 for none. */
function origins(mode: string): number[] {
  const result: number[] = [];
  const at = source[mode]!;
  for (let n = 0; n < padded[0]; n++)
    for (let i = 0; i < padded[1]; i++)
      for (let j = 0; j < padded[2]; j++) {
        const [row, column] = [at(i - widths[1][0], shape[1]), at(j - widths[2][0], shape[2])];
        result.push(row < 0 || column < 0 ? -1 : (n * shape[1] + row) * shape[2] + column);
      }
  return result;
}

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    test.each(Object.keys(source))("%s: values and derivatives to second order", (mode) => {
      const options: PadOptions =
        mode === "constant" ? { value: 0.5 } : { mode: mode as "reflect" };
      const f = (x: Tensor) => pad(x, widths, options);
      const values = waves(24, 0);
      const from = origins(mode);
      const x = tensor(values).reshape(shape);
      const y = f(x);
      expect(y.shape).toEqual(padded);
      const copied = (of: Float64Array, none: number) => from.map((i) => (i < 0 ? none : of[i]!));
      expectClose("values", y.dataSync(), copied(values, 0.5), 0);
      const direction = waves(24, 2);
      const v = tensor(direction).reshape(shape);
      expectClose("jvp", jvp(f, x, v).tangent.dataSync(), copied(direction, 0), 0);
      // L = Σ c y³, so ∂L = Σ over copies of 3 c y², and ∂²L v = Σ over copies of 6 c y v
      const c = waves(96, 1);
      const loss = (z: Tensor) => f(z).pow(3).mul(tensor(c).reshape(padded)).sum();
      const sums = (term: (k: number, i: number) => number) => {
        const total = new Float64Array(24);
        from.forEach((i, k) => {
          if (i >= 0) total[i]! += term(k, i);
        });
        return total;
      };
      const gradient = sums((k, i) => 3 * c[k]! * values[i]! ** 2);
      expectClose("grad", grad(loss)(x).dataSync(), gradient, 1e-14);
      const second = sums((k, i) => 6 * c[k]! * values[i]! * direction[i]!);
      expectClose("hvp", hvp(loss, x, v).dataSync(), second, 1e-14);
    });

    test.each(["reflect", "replicate", "circular"] as const)(
      "%s: a convolution sees it, by width, by pairs and by name",
      (paddingMode) => {
        const x = tensor(waves(48, 0)).reshape([2, 2, 3, 4]);
        const w = tensor(waves(36, 1)).reshape([3, 2, 3, 2]);
        const by = (...spatial: [[number, number], [number, number]]) =>
          conv(pad(x, [[0, 0], [0, 0], ...spatial], { mode: paddingMode }), w).toArray();
        const padding = [
          [1, 1],
          [0, 2],
        ] as const;
        expect(conv(x, w, { padding, paddingMode }).toArray()).toEqual(by([1, 1], [0, 2]));
        expect(conv(x, w, { padding: [2, 1], paddingMode }).toArray()).toEqual(by([2, 2], [1, 1]));
        const same = conv(x, w, { padding: "same", paddingMode });
        expect(same.shape).toEqual([2, 3, 3, 4]);
        expect(same.toArray()).toEqual(by([1, 1], [0, 1]));
        expect(conv(x, w, { padding: "valid", paddingMode }).toArray()).toEqual(by([0, 0], [0, 0]));
      },
    );
  });

test("constants around a mirror of one element, and nothing around nothing", () => {
  expect(pad(tensor([7]), [[2, 3]], { mode: "replicate" }).toArray()).toEqual([7, 7, 7, 7, 7, 7]);
  expect(pad(tensor([7]), [[0, 0]], { mode: "reflect" }).toArray()).toEqual([7]);
  expect(
    pad(
      zeros([0, 2]),
      [
        [0, 0],
        [1, 1],
      ],
      { mode: "circular" },
    ).shape,
  ).toEqual([0, 4]);
});

describe("errors", () => {
  const x = zeros([2, 3]);
  test("more than a mode can go on with", () => {
    const reflect = () =>
      pad(
        x,
        [
          [0, 0],
          [3, 0],
        ],
        { mode: "reflect" },
      );
    expect(reflect).toThrow(ShapeError);
    expect(reflect).toThrow(
      'mode "reflect" goes on for 2 on an axis of 3, not for 3 (axis 1 of [2, 3]).',
    );
    expect(() =>
      pad(
        x,
        [
          [0, 0],
          [3, 3],
        ],
        { mode: "circular" },
      ),
    ).not.toThrow();
    expect(() =>
      pad(
        x,
        [
          [3, 0],
          [0, 0],
        ],
        { mode: "circular" },
      ),
    ).toThrow("goes on for 2");
    expect(() => pad(zeros([0]), [[1, 0]], { mode: "replicate" })).toThrow("goes on for 0");
  });
  test("what means nothing", () => {
    expect(() =>
      pad(
        x,
        [
          [0, 0],
          [1, 1],
        ],
        { mode: "mirror" as "reflect" },
      ),
    ).toThrow(ConfigError);
    expect(() =>
      pad(
        x,
        [
          [0, 0],
          [1, 1],
        ],
        { mode: "reflect", value: 1 },
      ),
    ).toThrow('mode "reflect" with a value of 1.');
    expect(() => pad(x, [[0, 0]], { mode: "reflect" })).toThrow(
      "widths [[0,0]] for 2 axes of [2, 3].",
    );
    expect(() =>
      pad(x, [
        [0, 0],
        [-1, 0],
      ]),
    ).toThrow("not all whole numbers of 0 or more");
  });
});

describe("sizes", () => {
  const inputs = [1, 2, 5, 8, 11].flatMap((n) => [1, 2, 3].map((f) => [n, f] as const));
  test.each(inputs)("n = %i, f = %i: the formulas give the shapes of the ops", (n, f) => {
    const [x, w] = [zeros([1, 1, n]), zeros([1, 1, f])];
    for (const stride of [1, 2, 3])
      for (const dilation of [1, 2])
        for (const padding of [2, "same"] as const) {
          const options = { stride, dilation, padding };
          const out = convOutputSize([n], f, options);
          expect(conv(x, w, options).shape.slice(2)).toEqual(out);
          if (padding === "same") {
            expect(out).toEqual([Math.ceil(n / stride)]);
            const [[before, after]] = samePadding([n], f, { stride, dilation }) as [
              [number, number],
            ];
            expect(after - before === 0 || after - before === 1).toBe(true);
          } else {
            const span = dilation * (f - 1) + 1;
            expect(out).toEqual([Math.floor((n + 4 - span) / stride) + 1]);
          }
          const back = {
            stride,
            dilation,
            padding: 0,
            outputPadding: Math.max(stride, dilation) - 1,
          };
          const expected = stride * (n - 1) + dilation * (f - 1) + 1 + back.outputPadding;
          expect(convTransposeOutputSize([n], f, back)).toEqual([expected]);
          expect(convTranspose(x, w, back).shape.slice(2)).toEqual([expected]);
        }
  });
  test("p = (f − 1)/2 keeps the size at stride 1", () => {
    for (const f of [1, 3, 5, 7])
      expect(samePadding([20], f)).toEqual([[(f - 1) / 2, (f - 1) / 2]]);
    expect(samePadding([20], 3, { dilation: 4 })).toEqual([[4, 4]]);
  });
  test("a window that does not fit", () => {
    expect(() => convOutputSize([8, 3], [3, 5], { padding: [0, 0] })).toThrow(
      /window of \[3, 5\] does not fit into input \[8, 3\] .*⌊\(n \+ 2p − d\(f − 1\) − 1\)\/s⌋ \+ 1[\s\S]*padding of 2 more/,
    );
  });
});
