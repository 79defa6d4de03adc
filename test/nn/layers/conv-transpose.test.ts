import {
  ConfigError,
  conv,
  convTranspose,
  maxPoolWithIndices,
  maxUnpool,
  ShapeError,
  tensor,
  zeros,
} from "gradus";
import { Conv2d, ConvTranspose1d, ConvTranspose2d, Sequential, summary } from "gradus/nn";
import { describe, expect, test } from "vitest";
import { expectClose } from "../../support/compare.ts";

const sines = (shape: number[], shift: number) =>
  tensor(
    Float64Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i + shift)),
  ).reshape(shape);

describe("convTranspose", () => {
  test("is the adjoint of conv: ⟨conv(x, w), y⟩ = ⟨x, convTranspose(y, w)⟩", () => {
    const options = { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 2 };
    const x = sines([2, 4, 5, 6], 0);
    const w = sines([6, 2, 3, 2], 1);
    const y = sines([2, 6, 3, 4], 2);
    const back = convTranspose(y, w, options);
    expect(back.shape).toEqual(x.shape);
    const left = conv(x, w, options).mul(y).sum().item();
    expectClose("inner products", [back.mul(x).sum().item()], [left], 1e-13);
  });
  test("output padding chooses among the sizes that a convolution maps to one", () => {
    const w = zeros([1, 1, 3]);
    const sizes = [0, 1].map((outputPadding) => {
      const big = convTranspose(zeros([1, 1, 4]), w, { stride: 2, outputPadding });
      expect(conv(big, w, { stride: 2 }).shape).toEqual([1, 1, 4]);
      return big.shape[2];
    });
    expect(sizes).toEqual([9, 10]);
  });
  test("errors name sizes and the fix", () => {
    const x = zeros([1, 2, 4]);
    const bad = () => convTranspose(x, zeros([3, 1, 2]));
    expect(bad).toThrow(ShapeError);
    expect(bad).toThrow("input [1, 2, 4] has 2 channels, kernel [3, 1, 2] takes 3 (2 ≠ 3).");
    const extra = () => convTranspose(x, zeros([2, 1, 2]), { stride: 2, outputPadding: 2 });
    expect(extra).toThrow(ConfigError);
    expect(extra).toThrow("output padding [2] with stride [2] and dilation [1].");
    expect(() => convTranspose(x, zeros([2, 1, 2]), { padding: 3 })).toThrow(
      "padding [3] leaves nothing of input [4] and kernel [2] (output size s(n − 1) + d(f − 1) + 1 − 2p = [-1]).",
    );
    expect(() => new ConvTranspose1d(3, 4, 2, { groups: 2 })).toThrow(
      "3 → 4 channels do not divide into 2 groups.",
    );
    expect(() => new ConvTranspose2d(3, 4, 2).forward(x)).toThrow(
      "takes [N, 3, ·, ·], got [1, 2, 4].",
    );
  });
  test("connections: each input unit meets every weight of its group, as in the convolution it transposes", () => {
    const options = { stride: 2, padding: 1 };
    const model = new Sequential(
      new Conv2d(3, 8, 4, options),
      new ConvTranspose2d(8, 3, 4, options),
    );
    const { rows } = summary(model, [3, 32, 32]);
    expect(rows.map((row) => row.outputShape)).toEqual([
      [8, 16, 16],
      [3, 32, 32],
    ]);
    expect(rows.map((row) => row.connections)).toEqual([98304, 98304]); // 8·16²·3·4²
  });
});

describe("maxUnpool", () => {
  test("windows that overlap on a maximum restore it once", () => {
    const x = tensor([[[0, 1, 9, 2, 3]]]);
    const options = { size: 3, stride: 1 };
    const { values, indices } = maxPoolWithIndices(x, options);
    expect(values.toArray()).toEqual([[[9, 9, 9]]]);
    expect(maxUnpool(values, indices, options).toArray()).toEqual([[[0, 0, 9, 0, 0]]]);
    // values that differ by then: their mean
    expect(maxUnpool(tensor([[[1, 2, 6]]]), indices, options).toArray()).toEqual([
      [[0, 0, 3, 0, 0]],
    ]);
  });
  test("a size that pooling does not map to these values is an error", () => {
    const { values, indices } = maxPoolWithIndices(zeros([1, 1, 5]), { size: 2 });
    expect(maxUnpool(values, indices, { size: 2, outputSize: [5] }).shape).toEqual([1, 1, 5]);
    expect(() => maxUnpool(values, indices, { size: 2, outputSize: [7] })).toThrow(
      "values [1, 1, 2] and indices [1, 1, 2], but pooling [7] gives [3].",
    );
  });
});
