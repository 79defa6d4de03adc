import { resolve } from "node:path";
import { loadExperiment } from "gradus/experiments";
import { expect } from "vitest";
import { testOnRealData } from "../data/real-data.ts";

testOnRealData("E25: a net hears digits and another spells names", "fsdd", async (path) => {
  const { run } = await loadExperiment("E25");
  const data = resolve(path, "..");
  const outcome = await run({ quick: true, seed: 0, data, progress: () => {} });
  expect(outcome).toMatchObject({ holds: true, control: true });
  const [unigram] = outcome.figures[
    "bits per character, counts after 0, 1, 2, 3 characters"
  ] as number[];
  expect(unigram).toBeCloseTo(4.06, 1);
  for (const svg of Object.values(outcome.charts)) expect(svg).toMatch(/^<svg/);
});
