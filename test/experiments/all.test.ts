import { readdirSync, readFileSync } from "node:fs";
import { experimentIds, loadExperiment } from "gradus/experiments";
import { describe, expect, test } from "vitest";

const folder = new URL("../../experiments/", import.meta.url);
const files = readdirSync(folder).filter((name) => /^e\d\d-.*\.ts$/.test(name));

test("ids lie between E1 and E27, in order, and none comes twice", () => {
  const numbers = experimentIds.map((id) => Number(/^E([1-9]\d?)$/.exec(id)?.[1]));
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  for (const number of numbers) expect(number).toBeLessThanOrEqual(27);
});

test("every experiment has one file, and every file is registered", () => {
  const ids = files.map((name) => `E${Number(name.slice(1, 3))}`).sort();
  expect(ids).toEqual([...experimentIds].sort());
});

test.each(files)("%s has less than 160 lines", (name) => {
  const lines = readFileSync(new URL(name, folder), "utf8").trimEnd().split("\n");
  expect(lines.length).toBeLessThan(160);
});

describe.each(experimentIds)("%s", (id) => {
  test("says what it claims, after whom, what it measures and when it fails", async () => {
    const { run, ...said } = await loadExperiment(id);
    expect(said.id).toBe(id);
    expect(said.title).toMatch(/^\S.{9,79}$/);
    expect(said.title).not.toMatch(/\.$/);
    expect(said.source).toMatch(/\p{Lu}\p{L}+.* (1[89]|20)\d\d/u); // a name and a year
    for (const words of [said.claim, said.measured, said.criterion])
      expect(words).toMatch(/^.{40,}\.$/s);
    expect(said.criterion).toMatch(/control/i);
    expect(run).toBeTypeOf("function");
  });
});
