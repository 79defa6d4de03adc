import { ConfigError, tensor } from "gradus";
import { Linear, type Module, ReLU, Sequential } from "gradus/nn";
import { expect, test } from "vitest";

test("layers come one by one or as an array, with the same paths", () => {
  const layers: Module[] = [new Linear(2, 3), new ReLU()];
  const x = tensor([[1, -2]]);
  const [one, other] = [new Sequential(...layers), new Sequential(layers)];
  expect(Object.keys(other.parameters())).toEqual(["layers.0.weight", "layers.0.bias"]);
  expect(other.forward(x).toArray()).toEqual(one.forward(x).toArray());
  expect(new Sequential([]).forward(x)).toBe(x);
});

test.each([
  [[new Linear(2, 2), ReLU], /layer 1 is the function ReLU, not a module[\s\S]*new ReLU\(…\)/],
  [[undefined], /layer 0 is undefined/],
  [[(x: unknown) => x], /layer 0 is .*not a module[\s\S]*give modules/],
  [["relu"], /layer 0 is "relu"/],
  [[[new ReLU(), "relu"]], /layer 1 is "relu"/],
  [[null], /layer 0 is null/],
])("what is no layer is an error: %#", (layers, message) => {
  const make = () => new Sequential(...(layers as never[]));
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(message);
});
