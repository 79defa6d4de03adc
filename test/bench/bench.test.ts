import { compile, type DType, fromHost, type Tensor } from "gradus";
import { crossEntropy, Linear, type Module, ReLU, Sequential, valueAndGrad } from "gradus/nn";
import { describe, expect, test } from "vitest";
import { costOf } from "../../bench/lib/cost.mjs";
import { dataOf, parameterCount } from "../../bench/lib/data.mjs";
import { agreeing } from "../../bench/lib/measure.mjs";
import { memoryOf } from "../../bench/lib/memory.mjs";
import { paceOf } from "../../bench/lib/serve.mjs";
import { median, quantile, quartiles } from "../../bench/lib/stats.mjs";
import { loadWorkload, workloadNames } from "../../bench/workloads/index.mjs";

describe("statistics", () => {
  test("a median is the middle, or the mean of the two in the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
  test("quantiles are linear between neighbours", () => {
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(quartiles([1, 2, 3, 4, 5])).toEqual([2, 4]);
    expect(quantile([7], 0.9)).toBe(7);
  });
  test("an infinite rate stays one", () => expect(median([Infinity, Infinity, 1])).toBe(Infinity));
  test("values agree to rounding of float32, and NaN never does", () => {
    expect(agreeing([1, 2], [1.001, 2])).toBe(true);
    expect(agreeing([1, 2], [1.01, 2])).toBe(false);
    expect(agreeing([Number.NaN], [Number.NaN])).toBe(false);
    expect(agreeing([1], [1, 2])).toBe(false);
  });
  test("the pace of a step is its time", async () => {
    let steps = 0;
    const step = () => {
      const end = performance.now() + 2;
      while (performance.now() < end);
      return ++steps;
    };
    const pace = await paceOf({ name: "busy", step, read: (n) => n }, 0.05);
    expect(pace).toBeGreaterThan(0.0019);
    expect(steps).toBeGreaterThan(3);
  });
});

describe("workloads", () => {
  test("W5 is the AlexNet of 61 million parameters", async () => {
    const [task] = (await loadWorkload("W5")).tasks;
    expect(parameterCount(task!)).toBe(61_100_840);
  });
  for (const name of workloadNames.filter((n) => n !== "W5"))
    test(`${name}: the file has the parameters of the net, with their shapes`, async () => {
      const { tasks, model } = await loadWorkload(name);
      expect(tasks.length).toBeGreaterThan(0);
      for (const task of tasks) {
        expect(task.workload).toBe(name);
        if (!model || parameterCount(task) > 3e6) continue;
        const data = dataOf(task);
        const parameters = Object.entries(model(task).parameters());
        const shapes = (entries: [string, { shape: readonly number[] }][]) =>
          entries.map(([path, { shape }]) => [path, [...shape]]).sort();
        const stored = Object.entries(data).filter(([path]) => path.startsWith("layers."));
        expect(shapes(stored)).toEqual(shapes(parameters));
      }
    });
  for (const name of ["W1", "W6", "W7"])
    test(`${name}: the net takes the batch, and the data are the same every time`, async () => {
      const { tasks, model } = await loadWorkload(name);
      const [task] = tasks;
      const data = dataOf(task!);
      const net = model!(task!) as unknown as Module;
      const y = net.forward(fromHost(data.x as Parameters<typeof fromHost>[0]));
      expect(y.shape[0]).toBe(task!.input![0]);
      if (task!.loss === "mse") expect([...y.shape]).toEqual([...task!.input!]);
      expect(dataOf(task!)).toEqual(data);
    });
});

describe("what instructions cost", () => {
  const view = (strides: number[], dtype: DType = "float32") => ({
    buffer: 1,
    dtype,
    offset: 0,
    strides,
  });
  const nothing = { inputs: [], outputs: [], expression: { values: [], results: [] } };
  test("a product of 2×3 and 3×4 is 24 multiply-adds over 18 numbers", () => {
    const matmul = { kind: "matmul", shape: [2, 4], k: 3, a: view([3, 1]), b: view([4, 1]) };
    expect(costOf({ ...matmul, epilogue: nothing })).toEqual({ flop: 48, bytes: 4 * 18 });
  });
  test("an element that is broadcast is read once", () => {
    const values = [{ kind: "input" }, { kind: "op", op: "neg" }];
    const map = { kind: "map", shape: [5, 6], inputs: [view([0, 1])], outputs: [view([6, 1])] };
    expect(costOf({ ...map, expression: { values, results: [1] } })).toEqual({
      flop: 30,
      bytes: 4 * (6 + 30),
    });
  });
  test("no program's arena is smaller than what is alive in it", () => {
    const model = new Sequential(new Linear(8, 16), new ReLU(), new Linear(16, 4));
    const loss = (x: Tensor, y: Tensor) => crossEntropy(model.forward(x), y);
    const step = compile((x: Tensor, y: Tensor) => valueAndGrad(model, loss)(x, y));
    const x = fromHost({ dtype: "float32", shape: [2, 8], data: new Float32Array(16) });
    const y = fromHost({ dtype: "int32", shape: [2], data: new Int32Array(2) });
    const profile = step.profile(x, y);
    if (!profile) return; // the reference engine has no instructions
    const { arenaBytes, boundBytes } = memoryOf(profile.program);
    expect(boundBytes).toBeGreaterThan(0);
    expect(boundBytes).toBeLessThanOrEqual(arenaBytes);
    expect(profile.nanoseconds).toHaveLength(profile.program.instructions.length);
  });
});
