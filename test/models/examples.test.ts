import { ConfigError, ShapeError, type Tensor, tensor, zeros } from "gradus";
import { createModel, digitsNet, lenet, mlp, vgg } from "gradus/models";
import type { Module } from "gradus/nn";
import { describe, expect, test } from "vitest";

const rgb = { inputShape: [3, 20, 24], classes: 4 };
const gray = { inputShape: [1, 20, 20], classes: 4 };
const failing = (model: Module, shape: number[]) => expect(() => model.forward(zeros(shape)));

describe.each([
  ["conv", digitsNet],
  ["lenet", lenet],
  ["vgg", vgg],
  ["mlp", mlp],
] as const)("%s", (_, make) => {
  const color = make({ ...rgb, seed: 1 }).eval();
  test("takes whole examples and flat ones, with the same outputs", () => {
    const x = tensor(Float32Array.from({ length: 2 * 1440 }, (_, i) => Math.sin(i)));
    const whole = color.forward(x.reshape([2, 3, 20, 24]) as Tensor);
    expect(whole.shape).toEqual([2, 4]);
    expect(color.forward(x.reshape([2, 1440]) as Tensor).toArray()).toEqual(whole.toArray());
  });
  test("refuses an image without the axis of the batch, and says how to add it", () => {
    failing(color, [3, 20, 24]).toThrow(ShapeError);
    failing(color, [3, 20, 24]).toThrow(
      /takes examples \[N, 3, 20, 24\] or \[N, 1440\], got \[3, 20, 24\]/,
    );
    failing(color, [3, 20, 24]).toThrow(/x\.unsqueeze\(0\)/);
    failing(make(gray), [1, 20, 20]).toThrow(/x\.unsqueeze\(0\)/); // as many elements as a batch of one
  });
  test("refuses channels behind height and width, and says how to move them", () => {
    failing(color, [2, 20, 24, 3]).toThrow(
      /got \[2, 20, 24, 3\][\s\S]*x\.transpose\(\[0, 3, 1, 2\]\)/,
    );
    failing(color, [20, 24, 3]).toThrow(/x\.transpose\(\[2, 0, 1\]\)\.unsqueeze\(0\)/);
    const moved = zeros([2, 20, 24, 3]).transpose([0, 3, 1, 2]);
    expect(color.forward(moved as Tensor).shape).toEqual([2, 4]);
    const one = zeros([20, 24, 3]).transpose([2, 0, 1]).unsqueeze(0);
    expect(color.forward(one as Tensor).shape).toEqual([1, 4]);
  });
  test("says what size it takes", () => {
    failing(color, [2, 3, 32, 32]).toThrow(
      /got \[2, 3, 32, 32\][\s\S]*give examples of \[3, 20, 24\], or make the model for others: inputShape: \[3, 32, 32\]/,
    );
    failing(color, [2, 3, 24, 20]).toThrow(/x\.reshape\(\[2, 3, 20, 24\]\)/);
    failing(color, []).toThrow(ShapeError);
  });
});

test("examples declared as [H, W] are taken as they are declared", () => {
  for (const make of [lenet, mlp]) {
    const model = make({ inputShape: [20, 20], classes: 4 });
    expect(model.forward(zeros([3, 20, 20])).shape).toEqual([3, 4]);
    failing(model, [20, 20]).toThrow(/x\.unsqueeze\(0\)/);
  }
  // declared flat, they have no order of axes to mistake
  expect(mlp({ inputShape: [400], classes: 4 }).forward(zeros([3, 1, 20, 20])).shape).toEqual([
    3, 4,
  ]);
});

test("options of models", () => {
  const config = (options: unknown, name = "lenet") =>
    expect(() => createModel({ name, options } as never));
  config({ ...gray, clases: 3 }).toThrow(/model "lenet": unknown option "clases"[\s\S]*"classes"/);
  config({ ...gray, classes: "4" }).toThrow(/classes is "4", expected a whole number of 1 or more/);
  config(undefined).toThrow(ConfigError);
  config({ ...gray, hidden: [3] }).toThrow(/hidden layers cannot be chosen/);
  expect(createModel({ name: "lenet", options: { ...gray, hidden: undefined } })).toBeDefined();
});
