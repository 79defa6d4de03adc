import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ConfigError, ShapeError } from "../../src/base/index.ts";
import { Parameter } from "../../src/nn/index.ts";
import {
  arange,
  compile,
  full,
  normal,
  oneHot,
  setEngine,
  Tensor,
  tensor,
  Variable,
  zeros,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

for (const engine of engines)
  describe(engine, () => {
    const on = (name: string, run: () => void) =>
      test(name, () => {
        setEngine(engine);
        run();
      });
    on("a tensor shows dtype, shape and values", () => {
      expect(String(tensor(3.5))).toBe("Tensor(float32[]) 3.5");
      expect(String(tensor([1, 2]).add(1))).toBe("Tensor(float32[2]) [2, 3]");
      expect(`${tensor([true, false])}`).toBe("Tensor(bool[2]) [ true, false]");
      expect(String(tensor([0.1, 1 / 3, -0, Number.NaN, -Infinity]))).toBe(
        "Tensor(float32[5]) [      0.1,  0.333333,        -0,       NaN, -Infinity]",
      );
      expect(String(zeros([0]))).toBe("Tensor(float32[0]) []");
      expect(String(zeros([2, 0]))).toBe("Tensor(float32[2, 0])\n[[],\n []]");
      expect(String(arange(6).reshape([2, 3]).mul(-10))).toBe(
        "Tensor(int32[2, 3])\n[[  0, -10, -20],\n [-30, -40, -50]]",
      );
      expect(String(arange(4).reshape([2, 1, 2]))).toBe(
        "Tensor(int32[2, 1, 2])\n[[[0, 1]],\n [[2, 3]]]",
      );
    });
    on("many values are abridged to three on either side of an axis", () => {
      expect(String(arange(2000))).toBe(
        "Tensor(int32[2000]) [   0,    1,    2, …, 1997, 1998, 1999]",
      );
      const rows = String(arange(10_000).reshape([100, 100])).split("\n");
      expect(rows).toHaveLength(8);
      expect(rows[1]).toBe("[[   0,    1,    2, …,   97,   98,   99],");
      expect(rows[4]).toBe(" …,");
      expect(rows[7]).toBe(" [9900, 9901, 9902, …, 9997, 9998, 9999]]");
    });
    on("long rows are wrapped", () => {
      const lines = String(arange(100)).split("\n");
      expect(lines.length).toBeGreaterThan(4);
      for (const line of lines.slice(1)) expect(line.length).toBeLessThanOrEqual(80);
    });
    on("what would take long is not computed, and what fails says why", () => {
      const x = normal([500, 500], { key: 1 });
      expect(String(x.matmul(x))).toBe(
        "Tensor(float32[500, 500]) (not computed yet: await its eval() first)",
      );
      expect(String(x.matmul(x).evalSync())).toContain("…");
      expect(String(oneHot(tensor([5], "int32"), 2))).toContain("(no values: ");
    });
    on("a traced tensor says so, and tracing goes on", () => {
      const said: string[] = [];
      const f = compile((x: Tensor) => {
        said.push(String(x.add(1)), inspect(x));
        return x.add(1);
      });
      expect(f.sync(tensor([1])).toArray()).toEqual([2]);
      expect(said).toEqual(Array(2).fill("Tensor(float32[1]) (traced: without values)"));
    });
    on("variables and parameters show what they hold", () => {
      expect(String(new Variable(tensor([1, 2])))).toBe("Variable(float32[2]) [1, 2]");
      expect(inspect(new Parameter(tensor(2)))).toBe("Parameter(float32[]) 2");
    });
    on("console.log shows the same, alone and inside", () => {
      expect(inspect(tensor([1, 2]))).toBe("Tensor(float32[2]) [1, 2]");
      expect(inspect({ x: tensor(1) })).toBe("{ x: Tensor(float32[]) 1 }");
    });
    on("JSON has the values, and the names of what is not finite", () => {
      expect(
        JSON.stringify(
          tensor([
            [1, 2],
            [3, 4],
          ]),
        ),
      ).toBe("[[1,2],[3,4]]");
      expect(JSON.stringify({ loss: tensor(0.5) })).toBe('{"loss":0.5}');
      expect(JSON.stringify(tensor([Number.NaN, Infinity, -Infinity]))).toBe(
        '["NaN","Infinity","-Infinity"]',
      );
      expect(JSON.stringify(new Variable(tensor([1])))).toBe("[1]");
    });
  });

describe("operators of JavaScript", () => {
  const a = tensor([1, 2]) as unknown as number;
  const w = new Parameter(tensor(1)) as unknown as number;
  const codes = ["x > 1", "x <= 1", "x + 1", "x - 1", "x * x", "x ** 2", "-x", "x == 1"];
  codes.push("'loss: ' + x", "Math.max(x, 0)", "Number(x)", "isNaN(x)", "Math.sqrt(x)");
  test.each(codes)("%s throws, with the methods to call", (code) => {
    const use = new Function("x", `return ${code}`);
    for (const x of [a, w]) {
      expect(() => use(x)).toThrow(ConfigError);
      expect(() => use(x)).toThrow(/\.add\(b\).*\.greater\(1\)/);
    }
    const f = compile((x: Tensor) => [x, use(x) as Tensor]);
    expect(() => f.sync(tensor([1]))).toThrow(ConfigError);
  });
  test("a number of a compiled function is a tensor, too", () => {
    const f = compile((x: Tensor, n: number) => (n > 1 ? x : x.neg()));
    expect(() => f.sync(tensor([1]), 2)).toThrow(ConfigError);
  });
});

test("nobody writes to a shape", () => {
  const given = [2, 2];
  const x = full(given, 1);
  for (const shape of [
    x.shape,
    x.add(1).shape,
    x.evalSync().shape,
    new Variable(x).shape,
    x.toHost().shape,
  ]) {
    expect(() => Object.assign(shape, [7])).toThrow(TypeError);
    expect(() => (shape as number[]).push(1)).toThrow(TypeError);
    expect(shape).toEqual([2, 2]);
  }
  given[0] = 7;
  expect(x.shape).toEqual([2, 2]);
  const f = compile((y: Tensor) => y.add(1));
  expect(Object.isFrozen(f.sync(x).shape)).toBe(true);
  expect(() => x.reshape([3])).toThrow(ShapeError);
  expect(x).toBeInstanceOf(Tensor);
});
