import { expect, test } from "vitest";
import { Viewer } from "../../playground/src/engine/frame.ts";
import { Session } from "../../playground/src/engine/session.ts";
import type { Frame } from "../../playground/src/engine/view.ts";
import { presets } from "../../playground/src/state/presets.ts";
import { fromHash } from "../../playground/src/state/url.ts";

/** What each net reaches in 1500 steps. */
const claims: Readonly<Record<string, (frame: Frame) => boolean>> = {
  "XOR, one neuron": ({ train }) => train.accuracy! <= 0.75 && train.loss > 0.69,
  "XOR, a hidden layer": ({ train }) => train.accuracy === 1,
  Perceptron: ({ train, mistakes }) => train.accuracy === 1 && mistakes > 0 && mistakes < 50,
  "Two moons": ({ test }) => test.accuracy! >= 0.97,
  Spiral: ({ test }) => test.accuracy! >= 0.95,
  "Spiral with ReLU": ({ test }) => test.accuracy! >= 0.95,
  "Five blobs": ({ test }) => test.accuracy! >= 0.85,
  Waves: ({ test }) => test.loss < 0.01,
};

test.each(presets)("$name: $about", ({ name, hash }) => {
  const session = new Session(fromHash(hash));
  session.advance({ steps: 1500, milliseconds: 20_000 });
  const frame = new Viewer(session).frame();
  expect(session.step).toBe(1500);
  expect([name, frame.train, frame.test, claims[name]!(frame)]).toContain(true);
});
