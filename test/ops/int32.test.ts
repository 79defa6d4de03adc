import { compile, fromHost, setEngine, type Tensor } from "gradus";
import { describe, expect, test } from "vitest";
import { RandomStream } from "../../src/base/index.ts";
import { apply } from "../../src/graph/index.ts";
import * as op from "../../src/ops/index.ts";
import { Tensor as Wrapped } from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

/** The lowest 32 bits of an integer of any length: two's complement, as C and NumPy wrap. */
const wrap = (x: bigint) => Number(BigInt.asIntN(32, x));
const big = (xs: ArrayLike<number>) => Array.from(xs, BigInt);
const least = -(2 ** 31);

const random = new RandomStream(11, 3);
const draw = (n: number) =>
  Int32Array.from({ length: n }, (_, i) =>
    i < 3 ? [least, 2 ** 31 - 1, -1][i]! : (random.integer(2 ** 32) | 0) + least,
  );
const of = (data: Int32Array, ...shape: number[]) => fromHost({ dtype: "int32", shape, data });

const [p, q] = [draw(60), draw(60)];
const [P, Q] = [big(p), big(q)];
const [a, b] = [of(p, 60), of(q, 60)];
const sum = (xs: readonly bigint[]) => xs.reduce((s, x) => s + x, 0n);
const indices = of(
  Int32Array.from(p, (_, i) => i % 4),
  60,
);
const windows = { size: [3], stride: [2], dilation: [1] };

/** Each op, and its value from integers without bound, wrapped at the end. */
const cases: Record<string, readonly [() => Tensor, () => bigint[]]> = {
  add: [() => a.add(b), () => P.map((x, i) => x + Q[i]!)],
  sub: [() => a.sub(b), () => P.map((x, i) => x - Q[i]!)],
  mul: [() => a.mul(b), () => P.map((x, i) => x * Q[i]!)],
  square: [() => a.square(), () => P.map((x) => x * x)],
  "a polynomial": [() => a.mul(b).add(a).mul(b), () => P.map((x, i) => (x * Q[i]! + x) * Q[i]!)],
  neg: [() => a.neg(), () => P.map((x) => -x)],
  abs: [() => a.abs(), () => P.map((x) => (x < 0n ? -x : x))],
  sum: [() => a.sum(), () => [sum(P)]],
  "sum of products": [() => a.mul(b).sum(), () => [sum(P.map((x, i) => x * Q[i]!))]],
  "sum by columns": [
    () => a.reshape([6, 10]).sum({ axis: 0 }),
    () => Array.from({ length: 10 }, (_, j) => sum(P.filter((_, i) => i % 10 === j))),
  ],
  prod: [() => a.prod(), () => [P.reduce((y, x) => y * x, 1n)]],
  "prod of odd numbers": [
    () => a.mul(2).add(1).prod(),
    () => [P.reduce((y, x) => y * (2n * x + 1n), 1n)],
  ],
  cumsum: [() => a.cumsum({ axis: 0 }), () => P.map((_, i) => sum(P.slice(0, i + 1)))],
  "cumsum from the end": [
    () => a.cumsum({ axis: 0, reverse: true }),
    () => P.map((_, i) => sum(P.slice(i))),
  ],
  dot: [() => a.matmul(b), () => [sum(P.map((x, i) => x * Q[i]!))]],
  matmul: [
    () => a.reshape([6, 10]).matmul(b.reshape([10, 6])),
    () =>
      Array.from({ length: 36 }, (_, at) => {
        const [i, j] = [Math.floor(at / 6), at % 6];
        return sum(Array.from({ length: 10 }, (_, k) => P[i * 10 + k]! * Q[k * 6 + j]!));
      }),
  ],
  "matmul by a constant": [
    () =>
      a.reshape([6, 10]).matmul(
        b
          .mul(0)
          .add(2 ** 30 + 1)
          .slice([0, 10]),
      ),
    () => Array.from({ length: 6 }, (_, i) => sum(P.slice(10 * i, 10 * i + 10)) * (2n ** 30n + 1n)),
  ],
  scatterAdd: [
    () => new Wrapped(op.scatterAdd(indices.node, a.node, 0, 4)),
    () => [0, 1, 2, 3].map((j) => sum(P.filter((_, i) => i % 4 === j))),
  ],
  fold: [
    () => {
      const node = op.window(a.node, windows);
      return new Wrapped(apply(op.foldOp, [node], { ...windows, extent: [60] }));
    },
    // position i is in windows 2k … 2k + 2, of which there are 29
    () => P.map((x, i) => x * BigInt(i === 59 ? 0 : i % 2 === 1 || i === 0 || i === 58 ? 1 : 2)),
  ],
};

describe.each(engines)("%s: int32 wraps around", (engine) => {
  test.each(Object.entries(cases))("%s", (_, [f, want]) => {
    setEngine(engine);
    const expected = want().map(wrap);
    expect([...f().dataSync()]).toEqual(expected);
    expect([...compile(f).sync().dataSync()]).toEqual(expected);
  });

  test("constants fold to the same numbers", () => {
    setEngine(engine);
    const lowest = () => fromHost({ dtype: "int32", shape: [], data: Int32Array.of(least) });
    const folded = (f: (x: Tensor) => Tensor) =>
      f(new Wrapped(op.constant(least, [], "int32"))).item();
    for (const f of [
      (x: Tensor) => x.neg(),
      (x: Tensor) => x.abs(),
      (x: Tensor) => x.sub(1),
      (x: Tensor) => x.mul(3),
      (x: Tensor) => x.floorDiv(-1),
    ])
      expect(folded(f)).toBe(f(lowest()).item());
    expect(folded((x) => x.neg())).toBe(least);
    expect(folded((x) => x.sub(1))).toBe(2 ** 31 - 1);
  });
});
