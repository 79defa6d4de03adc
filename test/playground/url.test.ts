import { expect, test } from "vitest";
import { presets } from "../../playground/src/state/presets.ts";
import { defaults, repaired } from "../../playground/src/state/settings.ts";
import { fromHash, toHash } from "../../playground/src/state/url.ts";

test("an address says what differs from the defaults, and is read back", () => {
  expect(toHash(defaults)).toBe("#v=1");
  const settings = repaired({ ...defaults, data: "spiral", lr: 0.01, layers: [] });
  expect(toHash(settings)).toBe("#v=1&data=spiral&lr=0.01&net=none");
  expect(fromHash(toHash(settings))).toEqual(settings);
});

test("whatever an address says, the settings can be trained", () => {
  expect(fromHash("#v=9&data=spiral")).toEqual(defaults);
  expect(fromHash("#v=1&data=digits&net=conv8x5.relu,pool2")).toMatchObject({
    ...{ data: "moons", layers: [] },
  });
  const wild = fromHash("#v=1&data=cats&lr=abc&size=1e9&batch=-3&net=5000.swish,conv8x5.relu,x");
  expect(wild).toMatchObject({ data: "moons", lr: 0.03, size: 4000, batch: 1 });
  expect(wild.layers).toEqual([{ kind: "dense", units: 128, activation: "relu" }]);
});

test.each(presets)("the address of $name means what it says", ({ hash }) => {
  const given = new URLSearchParams(hash.slice(1));
  const kept = new URLSearchParams(toHash(fromHash(hash)).slice(1));
  for (const [name, value] of kept) expect([name, value]).toEqual([name, given.get(name)]);
});
