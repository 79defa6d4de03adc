/** A model that says itself what it learns: fit minimises that, weighs it, adds it up, and evaluate measures it. */
import { type Tensor, tensor } from "gradus";
import { makeSplit } from "gradus/data";
import { type ExampleLosses, Linear, l2, type OwnLoss } from "gradus/nn";
import { sgd } from "gradus/optim";
import { evaluate, fit } from "gradus/train";
import { expect, test } from "vitest";

/** y = w x with a pull of 1/2 λ w² per batch, and of w² x for each example. */
class Pulled extends Linear implements OwnLoss {
  readonly objective = "regression";
  constructor(w: number) {
    super(1, 1, { bias: false });
    this.weight.value = tensor([[w]]);
  }
  learn(x: Tensor, targets: Tensor, losses: ExampleLosses) {
    const outputs = this.forward(x);
    const ofExamples = x.flatten().mul(this.weight.value.square().flatten());
    const plain = losses(outputs, targets);
    return { outputs, losses: plain.add(l2(this.parameters(), 0.5)).add(ofExamples) };
  }
}
const data = makeSplit(tensor([[1], [2]]).toHost(), tensor([[0], [1]]).toHost());
// w = 3: (3 − 0)² + (6 − 1)² = 34 → 17; ½ ½ 9 = 2.25; 9 (1 + 2)/2 = 13.5

test("evaluate gives the objective, the metrics are those of the outputs", async () => {
  const logs = await evaluate(new Pulled(3), data, { metrics: ["meanSquaredError"] });
  expect(logs.loss).toBeCloseTo(17 + 2.25 + 13.5, 5);
  expect(logs.meanSquaredError).toBeCloseTo(17, 5);
});

// ∂/∂w: mean 2 x (w x − y) = (2·3 + 4·5)/2 = 13; ½ w = 1.5; 2 w · 1.5 = 9
const gradient = 13 + 1.5 + 9;
const oneStep = { epochs: 1, batchSize: 2, optimizer: sgd(), lr: 0.01 };

test("fit descends its gradient, in parts as at once", async () => {
  for (const options of [oneStep, { ...oneStep, batchSize: 1, accumulate: 2 }]) {
    const model = new Pulled(3);
    const history = await fit(model, data, options);
    expect(history.get("loss")[0]).toBeCloseTo(32.75, 4);
    expect(model.weight.value.item()).toBeCloseTo(3 - 0.01 * gradient, 5);
  }
});

test("weights weigh each example's share of it", async () => {
  const model = new Pulled(3);
  await fit(model, data, { ...oneStep, sampleWeight: [2, 0] });
  // of the first example alone: 2 · 1 · 3 = 6, 1.5, 2 · 3 · 1 = 6
  expect(model.weight.value.item()).toBeCloseTo(3 - 0.01 * (6 + 1.5 + 6), 5);
});

test("a loss of one's own takes the place of the objective's in it", async () => {
  const model = new Pulled(3);
  const loss = (outputs: Tensor, targets: Tensor) => outputs.sub(targets).sum();
  const logs = await evaluate(model, data, { loss });
  expect(logs.loss).toBeCloseTo(8 + 2.25 + 13.5, 5);
});

test("an objective that is asked for wins, and one that there is not is an error", async () => {
  class Odd extends Pulled {
    override readonly objective = "regresion" as "regression";
  }
  await expect(evaluate(new Odd(1), data)).rejects.toThrow(/did you mean "regression"/);
  expect((await evaluate(new Odd(3), data, { objective: "regression" })).loss).toBeCloseTo(
    32.75,
    4,
  );
});
