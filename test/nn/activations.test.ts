/** Every activation is a function, a method and a layer, and they compute the same. */
import { setEngine, type Tensor, tensor } from "gradus";
import * as nn from "gradus/nn";
import { describe, expect, test } from "vitest";
import { engines } from "../support/engines.ts";

const x = () => tensor([-4, -3, -1, -0.5, 0, 0.5, 1, 3, 4, Number.NaN, Infinity, -Infinity]);

/** By name: the layer, and the value at 1 by its formula. */
const activations: Record<string, readonly [layer: nn.Module, at1: number]> = {
  relu: [new nn.ReLU(), 1],
  leakyRelu: [new nn.LeakyReLU(), 1],
  elu: [new nn.ELU(), 1],
  gelu: [new nn.GELU(), 0.8413447460685429], // Φ(1)
  silu: [new nn.SiLU(), 1 / (1 + Math.exp(-1))],
  softplus: [new nn.Softplus(), Math.log(1 + Math.E)],
  sigmoid: [new nn.Sigmoid(), 1 / (1 + Math.exp(-1))],
  tanh: [new nn.Tanh(), Math.tanh(1)],
  sign: [new nn.Sign(), 1],
  step: [new nn.Step(), 1],
  hardTanh: [new nn.HardTanh(), 1],
  hardSigmoid: [new nn.HardSigmoid(), 1 / 6 + 0.5],
  softmax: [new nn.Softmax(), 1],
  logSoftmax: [new nn.LogSoftmax(), 0],
};
const functionOf = (name: string) => (nn as Record<string, unknown>)[name] as (x: Tensor) => Tensor;
const methodOf = (x: Tensor, name: string) =>
  (x as unknown as Record<string, () => Tensor>)[name]!();

describe.each(engines)("%s", (engine) => {
  test.each(Object.entries(activations))("%s", (name, [layer, at1]) => {
    setEngine(engine);
    const expected = layer.forward(x()).dataSync();
    expect(functionOf(name)(x()).dataSync()).toEqual(expected);
    expect(methodOf(x(), name).dataSync()).toEqual(expected);
    expect(functionOf(name)(tensor([1])).item()).toBeCloseTo(at1, 6);
  });
});

test("options reach the function as they reach the method", () => {
  expect(nn.leakyRelu(tensor([-10]), 0.5).item()).toBe(-5);
  expect(nn.elu(tensor([-1]), 2).item()).toBeCloseTo(2 * Math.expm1(-1), 6);
  expect(nn.gelu(tensor([1]), "tanh").item()).toBeCloseTo(0.8411919906082768, 6);
  expect(() => tensor([1]).gelu("sigmoid" as "erf")).toThrow(/unknown form "sigmoid"/);
  expect(() => tensor([1]).elu(tensor(1) as unknown as number)).toThrow(/alpha/);
});

test("functions of what is no tensor say so", () => {
  for (const name of Object.keys(activations))
    expect(() => functionOf(name)([1] as unknown as Tensor), name).toThrow(
      new RegExp(`${name}: takes a tensor, got .*tensor\\(\\[…\\]\\)`, "s"),
    );
});
