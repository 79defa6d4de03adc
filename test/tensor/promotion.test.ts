import fs from "node:fs";
import { describe, expect, test } from "vitest";
import { type DType, holds, roundTo } from "../../src/base/index.ts";
import {
  avgPool,
  compile,
  concat,
  pad,
  scatterAdd,
  setEngine,
  stack,
  Tensor,
  tensor,
  where,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

const dtypes = ["bool", "int32", "float32", "float64"] as const;

/** The table in docs/ops.md: what is on the left of a row → the dtype in each column. */
const page = fs.readFileSync(new URL("../../docs/ops.md", import.meta.url), "utf8");
const block = /<!-- promotion.*?-->\n(.*?)<!-- \/promotion -->/s.exec(page)![1]!;
const table = new Map(
  [...block.matchAll(/^\| (.+?) \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$/gm)]
    .slice(1)
    .map(([, name, ...cells]) => [name!, cells as DType[]] as const),
);

/** Values that narrower dtypes do not hold. */
const arrays: Record<DType, number[]> = {
  bool: [0, 1, 1],
  int32: [-3, 16777217, 2147483647],
  float32: [0.5, -2.25, 3],
  float64: [0.1, -1 / 3, 2e9],
};
const scalars: Record<DType, number> = { bool: 1, int32: 16777217, float32: 0.5, float64: 0.1 };

interface Case {
  readonly name: string;
  readonly row: string;
  readonly values: number[];
  readonly make: () => Tensor | number;
}
const plain = (x: number, row: string): Case => ({
  name: `${x}`,
  row,
  values: [x],
  make: () => x,
});
const cases: readonly Case[] = [
  ...dtypes.map((dtype) => ({
    name: `${dtype} array`,
    row: `${dtype} array`,
    values: arrays[dtype].map((x) => roundTo(dtype, x)),
    make: () => tensor(arrays[dtype], dtype),
  })),
  ...dtypes.map((dtype) => ({
    name: `${dtype} scalar`,
    row: `${dtype} scalar tensor`,
    values: [roundTo(dtype, scalars[dtype])],
    make: () => tensor(scalars[dtype], dtype),
  })),
  ...[0, 1, -0].map((x) => plain(x, "number 0 or 1")),
  ...[2, -1, 2147483647, -2147483648].map((x) => plain(x, "whole number that int32 holds")),
  ...[0.5, 3e9, 2147483648, -2147483649, Number.NaN, Infinity, -Infinity].map((x) =>
    plain(x, "any other number"),
  ),
];

/** C arithmetic of int32 wraps around; floats are computed in float64 and rounded once. */
const computed = (dtype: DType, f: (a: number, b: number) => number, a: number, b: number) => {
  const exact = f(roundTo(dtype, a), roundTo(dtype, b));
  return dtype === "int32" ? Number(BigInt.asIntN(32, BigInt(exact))) : roundTo(dtype, exact);
};
const exactProduct = (dtype: DType, a: number, b: number) =>
  dtype === "int32" ? Math.imul(a, b) : a * b;
const bool2int = (dtype: DType): DType => (dtype === "bool" ? "int32" : dtype);
const int2float = (dtype: DType): DType =>
  dtype === "bool" || dtype === "int32" ? "float32" : dtype;

type Method = "add" | "sub" | "mul" | "maximum" | "minimum" | "floorDiv" | "mod" | "div" | "pow";
const arithmetic: Partial<Record<Method, (a: number, b: number, dtype: DType) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b, dtype) => exactProduct(dtype, a, b),
  maximum: (a, b) => Math.max(a, b),
  minimum: (a, b) => Math.min(a, b),
};
const comparisons = {
  equal: (a: number, b: number) => a === b,
  notEqual: (a: number, b: number) => a !== b,
  less: (a: number, b: number) => a < b,
  lessEqual: (a: number, b: number) => a <= b,
  greater: (a: number, b: number) => a > b,
  greaterEqual: (a: number, b: number) => a >= b,
};

test("the table is read whole", () => {
  expect([...table.keys()]).toHaveLength(12);
  expect(new Set(cases.map(({ row }) => row)).size).toBe(11); // and numbers of compiled functions
});

for (const engine of engines)
  describe(engine, () => {
    for (const [column, dtype] of dtypes.entries())
      for (const other of cases) {
        const met = table.get(other.row)![column]!;
        const a = arrays[dtype].map((x) => roundTo(dtype, x));
        const at = (i: number) => other.values[i % other.values.length]!;
        const each = (f: (a: number, b: number) => number) => a.map((x, i) => f(x, at(i)));

        test(`${dtype} array with ${other.name} meet in ${met}`, () => {
          setEngine(engine);
          const [x, y] = [tensor(arrays[dtype], dtype), other.make()];
          const check = (what: string, got: Tensor, type: DType, values: number[]) =>
            expect([what, got.dtype, ...got.dataSync()]).toEqual([
              ...[what, type],
              ...values.map((v) => (type === "int32" || type === "bool" ? v + 0 : v)), // no −0
            ]);

          const sums = bool2int(met);
          for (const [name, f] of Object.entries(arithmetic)) {
            const want = (p: number, q: number) => computed(sums, (u, v) => f(u, v, sums), p, q);
            check(name, x[name as "add"](y), sums, each(want));
            if (y instanceof Tensor)
              check(
                `${name}, reversed`,
                y[name as "add"](x),
                sums,
                each((p, q) => want(q, p)),
              );
          }
          for (const name of ["floorDiv", "mod"] as const)
            expect([name, x[name](y).dtype]).toEqual([name, sums]);

          const quotients = int2float(met);
          check(
            "div",
            x.div(y),
            quotients,
            each((p, q) => computed(quotients, (u, v) => u / v, p, q)),
          );
          expect(x.pow(y).dtype).toBe(quotients);

          for (const [name, f] of Object.entries(comparisons)) {
            // what is compared is rounded to the common dtype, but int32 never is
            const hasInt = dtype === "int32" || (y instanceof Tensor && y.dtype === "int32");
            const by: DType = hasInt && met.startsWith("float") ? "float64" : met;
            const want = (p: number, q: number) => Number(f(roundTo(by, p), roundTo(by, q)));
            check(name, x[name as "less"](y), "bool", each(want));
            if (y instanceof Tensor)
              check(
                `${name}, reversed`,
                y[name as "less"](x),
                "bool",
                each((p, q) => want(q, p)),
              );
          }
          const truth = (p: number) => p !== 0;
          check(
            "and",
            x.logicalAnd(y),
            "bool",
            each((p, q) => Number(truth(p) && truth(q))),
          );
          check(
            "or",
            x.logicalOr(y),
            "bool",
            each((p, q) => Number(truth(p) || truth(q))),
          );

          const choice = tensor([1, 0, 1], "bool");
          const kept = (x: number) => roundTo(met, x);
          check(
            "where",
            where(choice, x, y),
            met,
            a.map((p, i) => kept(i === 1 ? at(i) : p)),
          );
          check(
            "where, reversed",
            where(choice, y, x),
            met,
            a.map((p, i) => kept(i === 1 ? p : at(i))),
          );

          if (typeof y === "number") {
            check("pad", x.pad([[1, 0]], y), met, [kept(y), ...a.map(kept)]);
            check("pad function", pad(x, [[0, 1]], { value: y }), met, [...a.map(kept), kept(y)]);
            const limited = bool2int(met);
            const clip = (p: number, low: number) =>
              Math.max(roundTo(limited, low), roundTo(limited, p));
            check(
              "clip",
              x.clip(y, y),
              limited,
              each((p, q) => Math.min(clip(p, q), roundTo(limited, q))),
            );
          } else if (y.rank > 0) {
            const [left, right] = [a.map(kept), other.values.map(kept)];
            check("concat", concat([x, y]), met, [...left, ...right]);
            check("stack", stack([y, x]), met, [...right, ...left]);
            expect(x.matmul(y).dtype).toBe(sums);
            expect(x.reshape([1, 3]).matmul(y.reshape([3, 1])).dtype).toBe(sums);
          }
        });
      }

    test("a number of a compiled function meets each dtype as the table says", () => {
      setEngine(engine);
      const row = table.get("number given to a compiled function")!;
      for (const [column, dtype] of dtypes.entries())
        for (const value of [2, 0.5, 3e9]) {
          const f = compile((x: Tensor, n: number) => [
            x.add(n),
            x.div(n),
            x.maximum(n),
            where(x.equal(x), x, n),
            x.less(n),
            where(x.equal(x), n, x),
          ]);
          const [sum, quotient, larger, chosen, isLess, number] = f.sync(
            tensor(arrays[dtype], dtype),
            value,
          ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
          const met = row[column]!;
          expect([sum, quotient, larger, chosen, number].map((x) => x.dtype)).toEqual(
            Array(5).fill(met),
          );
          expect(isLess.toArray()).toEqual(
            arrays[dtype].map((x) => Number(roundTo(dtype, x) < value)),
          );
          expect(sum.toArray()).toEqual(
            arrays[dtype].map((x) => computed(met, (p, q) => p + q, roundTo(dtype, x), value)),
          );
        }
    });

    test("numbers alone are float32", () => {
      setEngine(engine);
      expect(where(tensor([true, false]), 1, 0.5).dtype).toBe("float32");
      expect(where(tensor([true, false]), 1, 0).dtype).toBe("float32");
    });

    test("three scalars and more meet in the widest of the widest kind", () => {
      setEngine(engine);
      const [i, f, d] = [tensor(1, "int32"), tensor(0.5), tensor(0.1, "float64")];
      expect(stack([i, f, d]).toArray()).toEqual([1, 0.5, 0.1]);
      expect(stack([d, i, f]).dtype).toBe("float64");
      expect(stack([tensor(true), i]).dtype).toBe("int32");
    });

    const unary = (dtype: DType) => tensor(arrays[dtype], dtype);
    test("functions of one tensor have the dtype that the page says", () => {
      setEngine(engine);
      const all = (f: (x: Tensor) => Tensor) => dtypes.map((dtype) => f(unary(dtype)).dtype);
      const same = ["int32", "int32", "float32", "float64"];
      for (const f of [
        "neg",
        "abs",
        "sign",
        "square",
        "relu",
        "floor",
        "ceil",
        "round",
        "sum",
        "prod",
        "max",
        "min",
        "cumsum",
      ] as const)
        expect([f, ...all((x) => x[f]())]).toEqual([f, ...same]);
      const real = ["float32", "float32", "float32", "float64"];
      for (const f of [
        "sqrt",
        "rsqrt",
        "exp",
        "expm1",
        "log",
        "log1p",
        "sin",
        "cos",
        "tanh",
        "sigmoid",
        "softplus",
        "erf",
        "leakyRelu",
        "softmax",
        "logSoftmax",
        "logSumExp",
      ] as const)
        expect([f, ...all((x) => x[f]())]).toEqual([f, ...real]);
      const means = ["float32", "float64", "float32", "float64"];
      for (const f of ["mean", "variance", "std"] as const)
        expect([f, ...all((x) => x[f]())]).toEqual([f, ...means]);
      expect(all((x) => avgPool(x.reshape([1, 1, 3]), { size: 3 }))).toEqual(means);
      for (const f of ["logicalNot", "any", "all", "isNaN", "isFinite"] as const)
        expect([f, ...all((x) => x[f]())]).toEqual([f, ...Array(4).fill("bool")]);
      for (const f of ["argmax", "argmin", "argsort"] as const)
        expect([f, ...all((x) => x[f]())]).toEqual([f, ...Array(4).fill("int32")]);
      const index = tensor([0, 2, 2], "int32");
      for (const f of [
        (x: Tensor) => x.sort(),
        (x: Tensor) => x.take(index),
        (x: Tensor) => x.takeAlong(index),
        (x: Tensor) => x.flip(0),
        (x: Tensor) => x.slice([0, 2]),
        (x: Tensor) => x.pad([[1, 1]]),
      ])
        expect(all(f)).toEqual(dtypes);
      expect(all((x) => scatterAdd(index, x, { axis: 0, size: 3 }))).toEqual(same);
    });

    test("and the right values", () => {
      setEngine(engine);
      const flags = tensor([true, false, true, true]);
      expect(flags.sum().item()).toBe(3);
      expect(flags.add(flags).toArray()).toEqual([2, 0, 2, 2]);
      expect(flags.cumsum().toArray()).toEqual([1, 1, 2, 3]);
      expect(flags.mean().item()).toBe(0.75);
      expect(flags.max().item()).toBe(1);
      expect(flags.neg().toArray()).toEqual([-1, 0, -1, -1].map((x) => x + 0));
      expect(flags.argsort().toArray()).toEqual([1, 0, 2, 3]);
      expect(
        scatterAdd(tensor([0, 0, 1, 0], "int32"), flags, { axis: 0, size: 2 }).toArray(),
      ).toEqual([2, 1]);
      expect(flags.matmul(flags).item()).toBe(3);
      const large = tensor([2147483647, 2147483645], "int32");
      expect(large.mean().item()).toBe(2147483646); // the sum is beyond int32
      expect(large.variance().item()).toBe(1);
      expect(large.std().item()).toBe(1);
      expect(avgPool(large.reshape([1, 1, 2]), { size: 2 }).item()).toBe(2147483646);
      for (const f of ["floor", "ceil", "round"] as const)
        expect(large[f]().toArray()).toEqual([2147483647, 2147483645]);
      expect(large.equal(2147483648).any().item()).toBe(0); // in float32 both are 2³¹
      expect(
        tensor([16777217], "int32")
          .equal(tensor([16777216]))
          .item(),
      ).toBe(0);
      expect(tensor([7, -7, 0], "int32").floorDiv(0).toArray()).toEqual([0, 0, 0]);
      expect(tensor([2, 4], "int32").pow(-1).toArray()).toEqual([0.5, 0.25]);
      expect(tensor([3], "int32").mod(0.75).item()).toBe(0);
      expect(
        tensor([2, 3], "float32")
          .logicalAnd(tensor([0, 3], "int32"))
          .toArray(),
      ).toEqual([0, 1]);
      expect(holds("int32", 2147483648)).toBe(false);
    });
  });
