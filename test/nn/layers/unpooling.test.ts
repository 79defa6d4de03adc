/** An unpooling that stands in a model takes the positions of the pooling that it mirrors. */
import { arange, compile, grad, setEngine, type Tensor, tensor } from "gradus";
import {
  Conv2d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  MaxUnpool1d,
  MaxUnpool2d,
  MaxUnpool3d,
  Module,
  ReLU,
  Sequential,
  summary,
} from "gradus/nn";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../support/engines.ts";

const mirrored = (...given: ConstructorParameters<typeof MaxPool2d>) => {
  const pool = new MaxPool2d(...given);
  return new Sequential(pool, new MaxUnpool2d(pool));
};

describe.each(engines)("on %s", (engine) => {
  beforeAll(() => setEngine(engine));
  afterAll(() => setEngine(engines.at(-1)!));

  test("maxima return to their places, compiled and not, batch after batch", () => {
    const model = mirrored(2);
    const f = compile((x: Tensor) => model.forward(x));
    for (const rows of [
      [
        [1, 2],
        [4, 3],
      ],
      [
        [9, 2],
        [4, 3],
      ],
    ]) {
      const x = tensor([[rows]]);
      const most = Math.max(...rows.flat());
      const wanted = [[rows.map((row) => row.map((v) => (v === most ? v : 0)))]];
      expect(model.forward(x).toArray()).toEqual(wanted);
      expect(f.sync(x).toArray()).toEqual(wanted);
    }
  });

  test("nested poolings unpool in the opposite order, and layers between change the values", () => {
    const [a, b] = [new MaxPool2d(2), new MaxPool2d(2)];
    class Twice extends Module {
      forward(x: Tensor): Tensor {
        return x.mul(2);
      }
    }
    const model = new Sequential(a, b, new Twice(), new MaxUnpool2d(b), new MaxUnpool2d(a));
    const y = model.forward(arange(16).cast("float32").reshape([1, 1, 4, 4]));
    expect(y.sum().item()).toBe(30);
    expect(y.slice(0, 0, 3, 3).item()).toBe(30);
  });

  test.each([
    ["a rest", [2, {}], 5],
    ["padding", [3, { stride: 2, padding: 1 }], 6],
    [
      "uneven padding",
      [
        2,
        {
          stride: 2,
          padding: [
            [1, 0],
            [0, 1],
          ],
        },
      ],
      5,
    ],
    ['padding "same"', [3, { stride: 2, padding: "same" }], 5],
    ["windows that overlap", [3, { stride: 1 }], 5],
  ] as const)(
    "%s: the size comes back, with the maxima where they were",
    (_, [size, options], n) => {
      const x = tensor(
        Array.from({ length: n * n }, (_, i) => ((i * 37) % 101) + 1), // no two alike
      ).reshape([1, 1, n, n]);
      const pool = new MaxPool2d(size, options as object);
      const y = new Sequential(pool, new MaxUnpool2d(pool)).forward(x);
      expect(y.shape).toEqual(x.shape);
      const maxima = new Set(pool.forward(x).dataSync());
      const wanted = Array.from(x.dataSync(), (v) => (maxima.has(v) ? v : 0));
      expect(Array.from(y.dataSync())).toEqual(wanted);
    },
  );

  test("one and three axes", () => {
    const p1 = new MaxPool1d(2);
    expect(
      new Sequential(p1, new MaxUnpool1d(p1)).forward(tensor([[[3, 1, 2, 5]]])).toArray(),
    ).toEqual([[[3, 0, 0, 5]]]);
    const p3 = new MaxPool3d(2);
    const x = arange(8).cast("float32").reshape([1, 1, 2, 2, 2]);
    const y = new Sequential(p3, new MaxUnpool3d(p3)).forward(x);
    expect(Array.from(y.dataSync())).toEqual([0, 0, 0, 0, 0, 0, 0, 7]);
  });

  test("the gradient goes to the maxima alone", () => {
    const g = grad((x: Tensor) => mirrored(2).forward(x).square().sum());
    expect(
      g(
        tensor([
          [
            [
              [1, 2],
              [4, 3],
            ],
          ],
        ]),
      ).toArray(),
    ).toEqual([
      [
        [
          [0, 0],
          [8, 0],
        ],
      ],
    ]);
  });
});

test("positions of an earlier pass are not used: the decoder alone is an error", () => {
  const model = mirrored(2);
  model.forward(
    tensor([
      [
        [
          [1, 2],
          [4, 3],
        ],
      ],
    ]),
  );
  expect(() => model.layers[1]!.forward(tensor([[[[7]]]]))).toThrow(
    /MaxPool2d 2×2, which it mirrors, has not run in this forward pass/,
  );
  const failing = new Sequential(model.layers[0]!, new Conv2d(5, 5, 1));
  expect(() =>
    failing.forward(
      tensor([
        [
          [
            [1, 2],
            [4, 3],
          ],
        ],
      ]),
    ),
  ).toThrow(/Conv2d/);
  expect(() => model.layers[1]!.forward(tensor([[[[7]]]]))).toThrow(/has not run/);
});

test("a pooling that ran twice has no single answer", () => {
  const pool = new MaxPool2d(1);
  const model = new Sequential(pool, pool, new MaxUnpool2d(pool));
  expect(() =>
    model.forward(
      tensor([
        [
          [
            [1, 2],
            [4, 3],
          ],
        ],
      ]),
    ),
  ).toThrow(/has run 2 times/);
});

test("errors of what cannot mirror", () => {
  const pool = new MaxPool2d(2);
  expect(() => new MaxUnpool1d(pool as never)).toThrow(/pools 2 spatial axes, not 1/);
  expect(() => new MaxUnpool2d(pool, { stride: 2 })).toThrow(
    /stride is given, but the pooling determines it/,
  );
  expect(() => new MaxUnpool2d(2).forward(tensor([[[[7]]]]))).toThrow(/no indices are given/);
  const uneven = new Sequential(pool, new Conv2d(1, 1, 2), new MaxUnpool2d(pool));
  expect(() => uneven.forward(arange(16).cast("float32").reshape([1, 1, 4, 4]))).toThrow(
    /gave \[1, 1, 2, 2\], and \[1, 1, 1, 1\] are to be unpooled/,
  );
});

test("a model with both is summed up, moved and listed once", () => {
  const pool = new MaxPool2d(2);
  const model = new Sequential(
    new Conv2d(1, 2, 3, { padding: 1 }),
    pool,
    new ReLU(),
    new MaxUnpool2d(pool),
  );
  expect(Object.keys(model.modules())).toEqual(["", ...[0, 1, 2, 3].map((i) => `layers.${i}`)]);
  expect(summary(model, [1, 4, 4]).rows.at(-1)).toMatchObject({ outputShape: [2, 4, 4] });
});
