import { compile, setEngine, type Tensor, uniform } from "gradus";
import { Linear, MaxPool1d, meanSquaredError, Sequential, Tanh, valueAndGrad } from "gradus/nn";
import { momentum, Optimizer } from "gradus/optim";
import { describe, expect, test } from "vitest";
import { engines } from "../support/engines.ts";

/** The instructions of a step that trains the model on random data. */
function stepOf(model: Sequential, x: Tensor, y: Tensor) {
  const optimizer = new Optimizer(model, momentum(), { lr: 0.1 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = (x: Tensor, y: Tensor) => meanSquaredError(model.forward(x), y);
    const { value, grads } = valueAndGrad(model, loss)(x, y);
    optimizer.update(grads);
    return value;
  });
  step.sync(x, y);
  return step.profile(x, y)!.program;
}

const random = (...shape: number[]) => uniform(shape, { key: shape[0]! }).evalSync();

describe.each(engines.filter((engine) => engine !== "reference"))(
  "%s: kernels that free memory",
  (engine) => {
    test("come when they can: where maxima stood is found with the maxima", () => {
      setEngine(engine);
      const model = new Sequential(
        new Linear(64, 256),
        new Tanh(),
        new MaxPool1d(2),
        new Linear(128, 64),
      );
      const { instructions } = stepOf(model, random(40, 8, 64), random(40, 8, 64));
      const kinds = instructions.map((i) => (i.kind === "reduce" ? i.reducer : i.kind));
      expect(kinds).toContain("max");
      expect(kinds[kinds.indexOf("max") + 1]).toBe("argmax");
    });

    test("come when they can: weights are updated as soon as nobody reads the old ones", () => {
      setEngine(engine);
      const sizes = [300, 301, 302, 303];
      const layers = sizes.slice(1).map((n, i) => new Linear(sizes[i]!, n));
      const { instructions } = stepOf(new Sequential(...layers), random(50, 300), random(50, 303));
      const updates = instructions.flatMap((i) =>
        i.kind === "matmul" && i.k === 50 ? [i.shape] : [],
      );
      expect(updates).toHaveLength(3);
      expect(updates[0]).toEqual([303, 302]); // of the last layer
    });
  },
);
