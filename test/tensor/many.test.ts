/** Many tensors, deep graphs and ever new programs: no stack overflows, and what is kept is bounded. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { ConfigError } from "../../src/base/index.ts";
import {
  backend,
  bernoulli,
  compile,
  concat,
  grad,
  normal,
  ones,
  setEngine,
  stack,
  type Tensor,
  tensor,
  uniform,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

afterEach(() => vi.restoreAllMocks());

const n = 2000;
const repeat = (x: Tensor, f: (x: Tensor, i: number) => Tensor): Tensor => {
  let y = x;
  for (let i = 0; i < n; i++) y = f(y, i);
  return y;
};

describe.each(engines)("%s", (engine) => {
  test("thousands of tensors are stacked and joined", () => {
    setEngine(engine);
    expect(
      stack(Array.from({ length: n }, (_, i) => tensor(i)))
        .slice(n - 1)
        .item(),
    ).toBe(n - 1);
    const x = tensor([[1], [2]]);
    const all = concat(
      Array.from({ length: n }, () => x),
      { axis: 1 },
    );
    expect(all.sum({ axis: 1 }).toArray()).toEqual([n, 2 * n]);
  });

  test("deep chains of operations, views and products", () => {
    setEngine(engine);
    expect(repeat(tensor(0), (x) => x.add(1)).item()).toBe(n);
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const turned = repeat(x, (y, i) => y.flip(0).reshape(i % 2 ? [2, 3] : [3, 2]));
    expect(turned.sum().item()).toBe(21);
    expect(repeat(x, (y) => y.transpose()).toArray()).toEqual(x.toArray());
    const half = tensor([
      [0.5, 0.5],
      [0.5, 0.5],
    ]);
    expect(repeat(half, (y) => y.matmul(half)).toArray()).toEqual(half.toArray());
    expect(grad((y: Tensor) => repeat(y, (z) => z.add(y)))(tensor(1)).item()).toBe(n + 1);
  });

  test("thousands of arguments and results", () => {
    setEngine(engine);
    const sum = compile((xs: Tensor[]) => xs.reduce((a, b) => a.add(b)));
    expect(sum.sync(Array.from({ length: n }, () => tensor(1))).item()).toBe(n);
    const many = compile((x: Tensor) => Array.from({ length: n }, (_, i) => x.add(i)));
    expect(many.sync(tensor(1))[n - 1]!.item()).toBe(n);
  });

  test("lists within lists, deeper than any tree, are an error", () => {
    setEngine(engine);
    const f = compile((x: unknown) => x);
    let deep: unknown = tensor(1);
    for (let i = 0; i < 100_000; i++) deep = [deep];
    expect(() => f.sync(deep)).toThrow(ConfigError);
    expect(() => f.sync(deep)).toThrow("nested deeper than 1000 levels, or contains itself");
    const round: unknown[] = [];
    round.push(round);
    expect(() => f.sync(round)).toThrow(ConfigError);
    expect(() => grad(() => tensor(1))(round)).toThrow(ConfigError);
  });

  test("a promise among the arguments says what to do", async () => {
    setEngine(engine);
    const f = compile((x: Tensor) => x.add(1));
    const promise = f(tensor(1)) as unknown as Tensor;
    expect(() => f.sync(promise)).toThrow("await it");
    await expect(f(promise)).rejects.toThrow(ConfigError);
    await promise;
  });

  test("ever new shapes leave a bounded number of programs, and the last ones stay", () => {
    setEngine(engine);
    const f = compile((x: Tensor) => x.mul(2).sum());
    for (let i = 1; i <= 600; i++) expect(f.sync(ones([i])).item()).toBe(2 * i);
    expect(f.traces).toBe(256);
    const prepare = vi.spyOn(backend(), "prepare");
    for (let i = 600; i > 400; i--) expect(f.sync(ones([i])).item()).toBe(2 * i);
    expect(prepare.mock.calls.length).toBeLessThan(10); // ones of a size, perhaps
    f.sync(ones([1]));
    expect(f.traces).toBe(256);
  });

  test("another key is no other program", () => {
    setEngine(engine);
    const draw = (key: number) => [
      uniform([4], { key }).toArray(),
      normal([4], { key, dtype: "float64" }).mul(2).toArray(),
      bernoulli(0.5, [40], { key }).toArray(),
    ];
    const first = draw(0);
    const prepare = vi.spyOn(backend(), "prepare");
    const others = [1, 2, 64, 65, 1000, 2 ** 31 - 1].map(draw);
    expect(prepare.mock.calls.length).toBe(0);
    expect(new Set([first, ...others].flat().map(String)).size).toBe(21);
    expect(draw(0)).toEqual(first);
  });
});
