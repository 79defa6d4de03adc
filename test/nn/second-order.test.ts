/** Second derivatives of layers and losses against differences of their gradients, in float64. */
import { grad, hvp, setEngine, type Tensor, tensor } from "gradus";
import {
  type AnyModule,
  Conv1d,
  Conv2d,
  Conv3d,
  ConvTranspose3d,
  ELU,
  functional,
  GELU,
  GlobalMaxPool,
  hardSigmoid,
  LeakyReLU,
  logisticLoss,
  MaxPool2d,
  MaxPool3d,
  MaxUnpool2d,
  type ParameterTensors,
  PReLU,
  SiLU,
  Softplus,
  valuesOf,
} from "gradus/nn";
import { beforeAll, describe, test } from "vitest";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";
import { wave } from "./oracle.ts";

const dtype = "float64";
type F = (inputs: Record<string, Tensor>) => Tensor;

/** A layer as a function of its input and its parameters, and values for all of them. */
function ofLayer(model: AnyModule, shape: readonly number[]): [F, Record<string, Tensor>] {
  const parameters = valuesOf(model.parameters());
  const f = functional(model, (x: Tensor) => model.forward(...([x] as never[])) as Tensor);
  const values = Object.entries(parameters).map(
    ([path, value], k) => [path, wave(value.shape, { shift: k + 1 })] as const,
  );
  return [
    ({ x, ...rest }) => f(rest as ParameterTensors, x!),
    { x: wave(shape, { shift: 0.5 }), ...Object.fromEntries(values) },
  ];
}

const of = (f: (x: Tensor) => Tensor, shape: readonly number[]): [F, Record<string, Tensor>] => [
  ({ x }) => f(x!),
  { x: wave(shape, { scale: 2, shift: 0.5 }) },
];

const cases: Record<string, () => [F, Record<string, Tensor>]> = {
  "Conv1d, reflect": () =>
    ofLayer(new Conv1d(2, 2, 3, { padding: 2, paddingMode: "reflect", dtype }), [2, 2, 4]),
  "Conv2d, circular": () =>
    ofLayer(new Conv2d(1, 2, 2, { padding: "same", paddingMode: "circular", dtype }), [1, 1, 3, 4]),
  "Conv3d, replicate": () =>
    ofLayer(new Conv3d(1, 1, 2, { padding: 1, paddingMode: "replicate", dtype }), [1, 1, 2, 2, 3]),
  ConvTranspose3d: () =>
    ofLayer(new ConvTranspose3d(2, 1, 2, { stride: 2, dtype }), [1, 2, 2, 1, 2]),
  PReLU: () => ofLayer(new PReLU(3, { dtype }), [2, 3, 2]),
  "GELU, tanh": () => ofLayer(new GELU("tanh"), [7]),
  GELU: () => ofLayer(new GELU(), [7]),
  ELU: () => ofLayer(new ELU(0.5), [7]),
  SiLU: () => ofLayer(new SiLU(), [7]),
  Softplus: () => ofLayer(new Softplus(), [7]),
  "LeakyReLU, 0.1": () => ofLayer(new LeakyReLU(0.1), [7]),
  hardSigmoid: () => of(hardSigmoid, [7]),
  GlobalMaxPool: () => ofLayer(new GlobalMaxPool(), [2, 2, 5]),
  MaxPool3d: () => ofLayer(new MaxPool3d(2), [1, 1, 4, 2, 3]),
  MaxUnpool2d: () =>
    of(
      (x) => {
        const { values, indices } = new MaxPool2d(2).withIndices(x);
        return new MaxUnpool2d(2).forward(values, indices);
      },
      [1, 2, 4, 4],
    ),
  logisticLoss: () =>
    of((x) => logisticLoss(x, wave([7], { shift: 2 }).sign(), { reduction: "none" }), [7]),
};

for (const engine of engines)
  describe(engine, () => {
    beforeAll(() => setEngine(engine));
    test.each(Object.keys(cases))("%s", (name) => {
      const [f, at] = cases[name]!();
      const loss: F = (inputs) => f(inputs).pow(3).sum(); // curved even where f is linear
      const direction = Object.fromEntries(
        Object.entries(at).map(([key, x], k) => [key, wave(x.shape, { shift: 3 + k })]),
      );
      const moved = (h: number) =>
        grad(loss)(
          Object.fromEntries(Object.entries(at).map(([k, x]) => [k, x.add(direction[k]!.mul(h))])),
        );
      const [above, below] = [moved(1e-5), moved(-1e-5)];
      const product = hvp(loss, at, direction);
      for (const key of Object.keys(at)) {
        const difference = above[key]!.sub(below[key]!).div(tensor(2e-5, dtype));
        expectClose(key, product[key]!.dataSync(), difference.dataSync(), 1e-8);
      }
    });
  });
