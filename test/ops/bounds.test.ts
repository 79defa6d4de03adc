import { describe, expect, test } from "vitest";
import {
  allocate,
  ConfigError,
  checkExtent,
  checkSteps,
  GradusError,
  ShapeError,
} from "../../src/base/index.ts";
import { setEngine } from "../../src/tensor/engine.ts";
import {
  avgPool,
  conv,
  convTranspose,
  fromHost,
  grad,
  maxPool,
  maxPoolWithIndices,
  maxUnpool,
  ones,
  pad,
  type Tensor,
  zeros,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

const big = 2 ** 30;
const x = () => ones([1, 2, 7, 7]);
const w = () => ones([3, 2, 3, 3]);

/** What asks for more positions or steps than engines count, and the number that the error names. */
const refused: Readonly<Record<string, readonly [() => Tensor, string]>> = {
  "conv, stride and padding": [() => conv(x(), w(), { stride: big, padding: big }), "1073741824"],
  "conv, stride": [() => conv(x(), w(), { stride: big + 1 }), `${big + 1}`],
  "conv, dilation": [() => conv(x(), w(), { dilation: big, padding: big }), "1073741824"],
  "conv, asymmetric padding": [
    () => conv(x(), w(), { stride: big / 2, padding: [[big, 0], [0, 0]] }), // biome-ignore format: pairs
    "1073741824",
  ],
  "conv in 1 dimension": [
    () => conv(ones([1, 1, 5]), ones([1, 1, 3]), { stride: big, padding: big }),
    "1073741824",
  ],
  "conv in 3 dimensions": [
    () => conv(ones([1, 1, 2, 2, 2]), ones([1, 1, 2, 2, 2]), { stride: big, padding: big }),
    "1073741824",
  ],
  "convTranspose, stride": [() => convTranspose(x(), ones([2, 3, 3, 3]), { stride: big }), "10737"],
  "convTranspose, padding": [
    () => convTranspose(x(), ones([2, 3, 3, 3]), { stride: big, padding: 3 * big - 1 }),
    "1073741824",
  ],
  "avgPool, stride and padding": [
    () => avgPool(x(), { size: 3, stride: big, padding: big }),
    "2147483647",
  ],
  "avgPool of a wide plane": [
    () => avgPool(zeros([1, 1, 2 ** 31 - 1]), { size: 2 ** 30 + 2, stride: 1 }),
    "1073741824",
  ],
  "maxPool of a wide plane": [
    () => maxPool(zeros([1, 1, 2 ** 31 - 1]), { size: 2, stride: 1 }),
    "1073741824",
  ],
  "maxPoolWithIndices, stride": [
    () => maxPoolWithIndices(x(), { size: 3, stride: big + 1 }).indices,
    `${big + 1}`,
  ],
  "maxUnpool of a plane too large": [
    () => maxUnpool(ones([1, 1, 2, 2]), ones([1, 1, 2, 2], { dtype: "int32" }), { size: big }),
    "2147483647",
  ],
  "pad too wide": [() => pad(ones([2]), [[2 ** 31, 0]]), "2147483647"],
  "pad in two axes": [() => pad(ones([2, 2]), [[big, 0], [big, 0]]), "70368744177664"], // biome-ignore format: pairs
  "matmul over much": [
    () =>
      ones([1, 2 ** 30])
        .broadcastTo([2 ** 10, 2 ** 30])
        .matmul(ones([2 ** 30, 2 ** 10])),
    "70368744177664",
  ],
  "broadcast to much": [
    () =>
      ones([1])
        .broadcastTo([2 ** 24, 2 ** 24])
        .sum(),
    "70368744177664",
  ],
  "an axis beyond 32 bits": [() => zeros([2 ** 31]), "2147483647"],
};

describe("more than an engine counts is refused when the graph is built", () => {
  test.each(Object.entries(refused))("%s", (_, [make, number]) => {
    expect(make).toThrow(ShapeError);
    expect(make).toThrow(number);
  });

  test("the bounds themselves are allowed", () => {
    checkExtent("conv", 0, [[2, big - 1]]);
    expect(() => checkExtent("conv", 0, [[2, big - 1]], 1)).toThrow("1073741825 positions");
    checkSteps("map", [2 ** 23, 2 ** 23]);
    expect(() => checkSteps("map", [2 ** 23, 2 ** 23], [2])).toThrow("140737488355328 steps");
  });
});

describe("what is extreme and allowed is right", () => {
  for (const engine of engines)
    test(engine, () => {
      setEngine(engine);
      // one window at position 0 of x, two in the padding
      const far = conv(ones([1, 1, 4]), ones([1, 1, 2]), { stride: 2 ** 28, padding: 2 ** 28 });
      expect([...far.dataSync()]).toEqual([0, 2, 0]);
      // kernel positions 0 and 1 stand 2²⁸ apart: each result meets one of them
      const wide = conv(fromArray([1, 2, 3]), fromArray([10, 1]), {
        dilation: 2 ** 28,
        padding: [[2 ** 28, 0]],
      });
      expect([...wide.dataSync()]).toEqual([1, 2, 3]);
      const slope = grad((k: Tensor) =>
        conv(fromArray([1, 2, 3]), k, { dilation: 2 ** 28, padding: [[2 ** 28, 0]] }).sum(),
      )(fromArray([10, 1]));
      expect([...slope.dataSync()]).toEqual([0, 6]);
      expect([...avgPool(fromArray([2, 4, 6]), { size: 2, stride: 2 ** 29 }).dataSync()]).toEqual([
        3,
      ]);
    });
});

const fromArray = (values: number[]): Tensor =>
  fromHost({
    shape: [1, 1, values.length],
    dtype: "float32",
    data: Float32Array.from(values),
  });

describe("memory that is not there", () => {
  for (const engine of engines)
    test(`${engine}: says how much`, () => {
      setEngine(engine);
      const huge = zeros([2 ** 17, 2 ** 18], { dtype: "float64" }); // no array has so many elements
      expect(() => huge.dataSync()).toThrow(GradusError);
      expect(() => huge.dataSync()).toThrow("34359738368 elements");
      expect([...ones([2]).dataSync()]).toEqual([1, 1]);
    });

  test("an array that cannot be had is an error with its bytes", () => {
    expect(() => allocate("float64", 2 ** 40)).toThrow(ConfigError);
    expect(() => allocate("float64", 2 ** 40)).toThrow("8796093022208 bytes (8192.0 GiB)");
  });
});

describe.each(engines)("%s", (engine) => {
  test("windows that reach over thousands of positions take no longer than what they meet", () => {
    setEngine(engine);
    // Each of 20 inputs adds 6 weights. Natively it took minutes, with the square of the dilation.
    const dilation = engine === "reference" ? 300 : 60_000;
    const y = convTranspose(ones([1, 1, 4, 5]), ones([1, 2, 3, 1]), { dilation, outputPadding: 1 });
    expect(y.shape).toEqual([1, 2, 2 * dilation + 5, 6]);
    expect(y.sum().item()).toBe(120);
  });
});
