import { describe, expect, test } from "vitest";
import {
  ConfigError,
  DataError,
  DTypeError,
  GradusError,
  ShapeError,
} from "../../src/base/index.ts";
import {
  arange,
  bernoulli,
  eye,
  full,
  linspace,
  normal,
  oneHot,
  ones,
  onesLike,
  scatterAdd,
  setEngine,
  tensor,
  topK,
  uniform,
  zeros,
  zerosLike,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

type Dtype = "int32" | "float32" | "float64";

for (const engine of engines)
  describe(engine, () => {
    const on = (name: string, run: () => void) =>
      test(name, () => {
        setEngine(engine);
        run();
      });

    describe("arange: start + i · step in float64, rounded once", () => {
      test.each<[number, number | undefined, number | undefined, Dtype, number[]]>([
        // as NumPy 1.26 gives them
        [4, undefined, undefined, "int32", [0, 1, 2, 3]],
        [2, 11, 3, "int32", [2, 5, 8]],
        [3, 0, -1, "int32", [3, 2, 1]],
        [0, 1, 0.25, "float32", [0, 0.25, 0.5, 0.75]],
        [1, 0, -0.25, "float32", [1, 0.75, 0.5, 0.25]],
        [0.5, 3, undefined, "float32", [0.5, 1.5, 2.5]],
        [-1.5, 1.5, 1.5, "float32", [-1.5, 0]],
        [0, -3, undefined, "int32", []],
        [0, 3, -1, "int32", []],
        [5, 5, undefined, "int32", []],
        [2.5, undefined, undefined, "int32", [0, 1, 2]],
        [2147483645, 2147483648, undefined, "int32", [2147483645, 2147483646, 2147483647]],
        [-2147483648, 2147483647, 2147483647, "int32", [-2147483648, -1, 2147483646]],
        [-2147483648, 2147483648, 4294967295, "int32", [-2147483648, 2147483647]],
        [7, 8, 3e9, "int32", [7]],
      ])("%s %s %s is %s", (start, stop, step, dtype, values) => {
        setEngine(engine);
        const x = arange(start, stop, step);
        expect([x.dtype, x.toArray()]).toEqual([dtype, values]);
      });
      on("in every element, far from 0 and of many steps", () => {
        for (const [start, step] of [
          [0, 0.1],
          [1e6, 0.1],
          [-3.3, 1e-3],
          [1e15, 0.125],
          [0.1, -0.7],
        ] as const)
          for (const dtype of ["float32", "float64"] as const) {
            const n = 1000;
            const got = arange(start, start + step * (n - 0.5), step, { dtype }).dataSync();
            const want = Float64Array.from({ length: n }, (_, i) => start + i * step);
            expect(got).toEqual(dtype === "float32" ? Float32Array.from(want) : want);
          }
        expect(arange(3e9, 3e9 + 3, 1, { dtype: "float64" }).toArray()).toEqual([
          3e9,
          3e9 + 1,
          3e9 + 2,
        ]);
      });
      on("what means nothing is an error", () => {
        for (const step of [0, -0])
          expect(() => arange(0, 5, step)).toThrow("arange: the step is 0.");
        for (const bad of [Number.NaN, Infinity, "3", null, 3n, [1]] as number[]) {
          expect(() => arange(bad)).toThrow(ConfigError);
          expect(() => arange(0, bad)).toThrow(ConfigError);
          expect(() => arange(0, 5, bad)).toThrow(ConfigError);
        }
        expect(() => arange(3e9, 3e9 + 3)).toThrow(DataError);
        expect(() => arange(0, 3e9, 1e9)).not.toThrow();
        expect(() => arange(0, 4e9, 1e9)).toThrow(
          "the last value is 3000000000, which int32 does not hold",
        );
        expect(() => arange(0, 1, 0.25, { dtype: "int32" })).toThrow(DataError);
        expect(() => arange(0, 2, 1, { dtype: "bool" })).toThrow(DTypeError);
        expect(() => arange(0, 1e12)).toThrow(GradusError);
        expect(() => arange(0, 1, 1e-300)).toThrow(ConfigError);
      });
    });

    describe("linspace", () => {
      on("ends exactly at stop, whatever the count", () => {
        for (const [a, b] of [
          [0, 1],
          [1, 0],
          [-0.1, 0.3],
          [1e-3, 1e3],
          [5, 5],
          [-1e300, 1e300],
        ] as const)
          for (const dtype of ["float32", "float64"] as const)
            for (const n of [2, 3, 7, 50, 199]) {
              const x = linspace(a, b, n, { dtype }).dataSync();
              const round = dtype === "float32" ? Math.fround : Number;
              expect([x.length, x[0], x.at(-1)]).toEqual([n, round(a), round(b)]);
              const step = (b - a) / (n - 1); // NumPy's formula
              for (let i = 0; i < n - 1; i++) expect(x[i]).toBe(round(a + i * step));
            }
        expect(linspace(2, 3, 1).toArray()).toEqual([2]);
        expect(linspace(2, 3, 0).shape).toEqual([0]);
      });
      on("of integers rounds down, as NumPy does", () => {
        const ints = (a: number, b: number, n: number) =>
          linspace(a, b, n, { dtype: "int32" }).toArray();
        expect(ints(0, 10, 5)).toEqual([0, 2, 5, 7, 10]);
        expect(ints(-10, 0, 5)).toEqual([-10, -8, -5, -3, 0]);
        expect(ints(0.5, 3.5, 4)).toEqual([0, 1, 2, 3]);
        expect(ints(-2147483648, 2147483647, 2)).toEqual([-2147483648, 2147483647]);
      });
      on("what means nothing is an error", () => {
        for (const n of [-1, 2.5, Number.NaN, Infinity, "3", 2 ** 31, undefined] as number[])
          expect(() => linspace(0, 1, n)).toThrow(ConfigError);
        for (const x of [Number.NaN, Infinity, "1", undefined] as number[]) {
          expect(() => linspace(x, 1, 3)).toThrow(ConfigError);
          expect(() => linspace(0, x, 3)).toThrow(ConfigError);
        }
        expect(() => linspace(-1.7e308, 1.7e308, 3)).toThrow(ConfigError);
        expect(() => linspace(0, 3e9, 3, { dtype: "int32" })).toThrow(DataError);
        expect(() => linspace(0, 1, 3, { dtype: "bool" })).toThrow(DTypeError);
      });
    });

    describe("oneHot and scatterAdd", () => {
      on("refuse an index that is outside", () => {
        for (const k of [-1, 3, 2147483647])
          expect(() => oneHot(tensor([0, k], "int32"), 3).dataSync()).toThrow(DataError);
        expect(() => oneHot(tensor([[0, 5]], "int32"), 3, { dtype: "bool" }).dataSync()).toThrow(
          DataError,
        );
        expect(oneHot(tensor([[2], [0]], "int32"), 3).toArray()).toEqual([
          [[0, 0, 1]],
          [[1, 0, 0]],
        ]);
        expect(oneHot(tensor(1, "int32"), 2, { dtype: "int32" }).toArray()).toEqual([0, 1]);
        expect(oneHot(tensor([], "int32"), 2).shape).toEqual([0, 2]);
        const add = (k: number) =>
          scatterAdd(tensor([0, k], "int32"), tensor([1, 2]), { axis: 0, size: 3 }).dataSync();
        for (const k of [-1, 3]) expect(() => add(k)).toThrow(DataError);
      });
      on("and sizes and dtypes that mean nothing", () => {
        const labels = tensor([0, 1], "int32");
        for (const depth of [0, -1, 2.5, Number.NaN, "3", undefined, 2 ** 31] as number[])
          expect(() => oneHot(labels, depth)).toThrow(ConfigError);
        expect(() => oneHot(tensor([0, 1]), 2)).toThrow(DTypeError);
        for (const size of [-1, 2.5, Number.NaN, "3", undefined, 2 ** 31] as number[])
          expect(() => scatterAdd(labels, tensor([1, 2]), { axis: 0, size })).toThrow(ConfigError);
        expect(() => scatterAdd(labels, tensor([1, 2]), undefined as never)).toThrow(ConfigError);
        expect(() => scatterAdd(labels, tensor([1, 2]), { axis: 2, size: 3 })).toThrow(ShapeError);
        expect(() => scatterAdd(labels, tensor([1]), { axis: 0, size: 3 })).toThrow(ShapeError);
        expect(() => scatterAdd(tensor([0.5]), tensor([1]), { axis: 0, size: 3 })).toThrow(
          DTypeError,
        );
      });
    });
  });

describe("sizes that mean nothing are errors", () => {
  const shapes = [
    [-2],
    [2, 2.5],
    [Number.NaN],
    ["2"],
    [2 ** 53, 2],
    [null],
    3,
    "2",
    null,
    undefined,
    [[2]],
    [Infinity],
  ];
  test.each(shapes.map((shape) => [JSON.stringify(shape) ?? "undefined", shape]))(
    "%s",
    (_, bad) => {
      const shape = bad as number[];
      for (const make of [
        () => zeros(shape),
        () => ones(shape),
        () => full(shape, 1),
        () => uniform(shape, { key: 1 }),
        () => normal(shape, { key: 1 }),
        () => bernoulli(0.5, shape, { key: 1 }),
        () => tensor([1]).reshape(shape),
        () => tensor([1]).broadcastTo(shape),
      ])
        expect(make).toThrow(ShapeError);
    },
  );
  test("eye", () => {
    for (const n of [-1, 1.5, Number.NaN, "2", undefined, [2]] as number[])
      expect(() => eye(n)).toThrow(ConfigError);
    expect(eye(0).shape).toEqual([0, 0]);
  });
  test("topK", () => {
    for (const k of [-1, 4, 1.5, Number.NaN, "2", undefined] as number[])
      expect(() => topK(tensor([1, 2, 3]), k)).toThrow(ShapeError);
    expect(() => topK(tensor(1), 0)).toThrow(ShapeError);
    expect(() => topK([1, 2] as never, 1)).toThrow(DTypeError);
  });
});

describe("values that mean nothing are errors", () => {
  test("full", () => {
    for (const value of ["x", null, undefined, [1], tensor(1), 3n, true] as never[])
      expect(() => full([2], value)).toThrow(ConfigError);
    for (const value of [0.5, 3e9, Number.NaN])
      expect(() => full([2], value, { dtype: "int32" })).toThrow(DataError);
    expect(() => full([2], 2, { dtype: "bool" })).toThrow(DataError);
    expect(full([2], Number.NaN).toArray()).toEqual([Number.NaN, Number.NaN]);
    expect(() => full([2], 1, { dtype: "float16" as "float32" })).toThrow(DTypeError);
    expect(() => full([2], 1, { dtyp: "int32" } as never)).toThrow('did you mean "dtype"?');
    expect(() => full([2], 1, "int32" as never)).toThrow(ConfigError);
  });
  test("bernoulli", () => {
    for (const p of [-0.1, 1.1, Number.NaN, "0.5", undefined, null] as number[])
      expect(() => bernoulli(p, [2], { key: 1 })).toThrow(ConfigError);
    expect(bernoulli(1, [3], { key: 1 }).toArray()).toEqual([1, 1, 1]);
    expect(bernoulli(0, [3], { key: 1 }).toArray()).toEqual([0, 0, 0]);
  });
  test("random numbers without a key, with another dtype, with misspelt options", () => {
    for (const draw of [uniform, normal]) {
      expect(() => draw([2], undefined as never)).toThrow(ConfigError);
      expect(() => draw([2], {} as never)).toThrow(ConfigError);
      expect(() => draw([2], { key: 1, dtype: "int32" as "float32" })).toThrow(DTypeError);
      expect(() => draw([2], { key: 1, dtpye: "float64" } as never)).toThrow(
        'did you mean "dtype"?',
      );
      expect(() => draw([2], { seed: 1 } as never)).toThrow('unknown option "seed"');
    }
  });
  test("likes of what is no tensor", () => {
    for (const like of [zerosLike, onesLike])
      expect(() => like([1, 2] as never)).toThrow(DTypeError);
    expect(onesLike(tensor([2], "int32")).dtype).toBe("int32");
    expect(zerosLike(tensor([true])).dtype).toBe("bool");
  });
});

test("a shape array that is changed later changes no tensor", () => {
  const shape = [2, 3];
  const made = [
    zeros(shape),
    uniform(shape, { key: 1 }),
    tensor(1).broadcastTo(shape),
    zeros([6]).reshape(shape),
  ];
  shape[0] = 7;
  for (const x of made) expect([x.shape, x.sum().shape]).toEqual([[2, 3], []]);
});
