import { loadExperiment } from "gradus/experiments";
import { expect, test } from "vitest";
import { Savings } from "../../experiments/shared/likeness.ts";

test("E27: digits help with digits, waves with waves", async () => {
  const { run } = await loadExperiment("E27");
  const outcome = await run({ quick: true, seed: 0, data: undefined, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});

test("E27: shares are of the error from scratch, each at its best rate on average", () => {
  const size = {
    ...{ counts: [5], each: 1, pretrainSteps: 1, repeats: 2, same: 1, steps: 1 },
    ...{ rates: [0.1, 1], frozen: false },
  };
  const errors = (nothing: number, like: number, unlike: number) => ({
    "digits, nothing, free": [[nothing, 0.9]],
    "digits, digits, free": [[0.9, like]], // the second rate is better
    "digits, others, free": [[unlike, 0.9]],
    "others, nothing, free": [[0.8, 0.9]],
    "others, digits, free": [[0.8, 0.9]],
    "others, others, free": [[0.6, 0.9]],
  });
  const all = new Savings([errors(0.4, 0.3, 0.4), errors(0.5, 0.2, 0.6)], size);
  expect(all.saved("digits", "digits")[0]).toEqual([
    expect.closeTo(0.25, 12),
    expect.closeTo(0.6, 12),
  ]);
  // ((0.25 − 0) + (0.25 − 0)) / 2 and ((0.6 + 0.2) + (0.25 − 0)) / 2
  expect(all.lead()).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.525, 12)]);
});
