/** Layers and losses beside PyTorch: cases as the scripts in tools/fixtures write them. */
import { readFileSync } from "node:fs";
import { grad, type Shape, setEngine, type Tensor, tensor } from "gradus";
import { type AnyModule, functional, type ParameterTensors } from "gradus/nn";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

interface Case {
  readonly shapes: Record<string, number[]>;
  readonly scale: number;
  readonly shape: number[];
  readonly values: number[];
  readonly gradients: Record<string, number[]>;
}

export type Float = "float64" | "float32";
export type Inputs = Record<string, Tensor>;
export type Computation = (inputs: never) => Tensor;
/** Made after an engine is chosen, for a dtype. */
export type Computations = (dtype: Float) => Record<string, () => Computation>;

/** scale · sin(1.7 i + shift), as the scripts make their numbers. */
export const wave = (
  shape: Shape,
  { scale = 1, shift = 0, dtype = "float64" as Float } = {},
): Tensor =>
  tensor(
    Float64Array.from(
      { length: shape.reduce((n, d) => n * d, 1) },
      (_, i) => scale * Math.sin(1.7 * i + shift),
    ),
  )
    .cast(dtype)
    .reshape(shape);

/** A layer as a function of its inputs "x", … and of its parameters. */
export const layer =
  (model: AnyModule, ...inputs: string[]): Computation =>
  (all: Inputs) => {
    const parameters = Object.entries(all).filter(([name]) => !inputs.includes(name));
    const f = functional(model, (...xs: Tensor[]) => model.forward(...(xs as never[])) as Tensor);
    return f(Object.fromEntries(parameters) as ParameterTensors, ...inputs.map((x) => all[x]!));
  };

/** Rounding alone parts us from PyTorch's float64. */
const bounds = { float64: 1e-12, float32: 2e-5 };

/** Compares values and gradients of every case of a file, on every engine, in both dtypes. */
export function compareWithTorch(file: string, computations: Computations): void {
  const oracle: Record<string, Case> = JSON.parse(
    readFileSync(new URL(file, import.meta.url), "utf8"),
  ).cases;
  test("every case is compared", () => {
    expect(Object.keys(computations("float64"))).toEqual(Object.keys(oracle));
  });
  for (const engine of engines)
    for (const dtype of ["float64", "float32"] as const)
      describe(`${engine}, ${dtype}, to ${bounds[dtype]}`, () => {
        beforeAll(() => setEngine(engine));
        test.each(Object.keys(oracle))("%s", (name) => {
          const { shapes, scale, shape, values, gradients } = oracle[name]!;
          const f = computations(dtype)[name]!() as (inputs: Inputs) => Tensor;
          const inputs = Object.fromEntries(
            Object.entries(shapes).map(([key, s], k) => [key, wave(s, { scale, shift: k, dtype })]),
          );
          const y = f(inputs);
          expect([y.shape, y.dtype]).toEqual([shape, dtype]);
          expectClose("values", y.dataSync(), values, bounds[dtype]);
          const weights = wave(shape, { shift: 1, dtype });
          const grads = grad((all: Inputs) => f(all).mul(weights).sum())(inputs) as Inputs;
          for (const [key, expected] of Object.entries(gradients))
            expectClose(key, grads[key]!.dataSync(), expected, bounds[dtype]);
        });
      });
}
