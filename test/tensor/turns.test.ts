/** A loop that awaits compiled steps leaves timers, frames and signals their turns, on every engine. */
import { expect, test } from "vitest";
import { compile, setEngine, type Tensor, tensor, Variable } from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

test.each(engines)("%s: timers are heard between awaited steps", async (engine) => {
  setEngine(engine);
  const w = new Variable(tensor([1, 2, 3]));
  const step = compile((x: Tensor) => {
    w.value = w.value.mul(0.9).add(x);
    return w.value.sum();
  });
  await step(tensor([0, 0, 0]));
  await w.value.add(1).data();
  let heard = 0;
  const timer = setInterval(() => heard++, 1);
  const end = performance.now() + 200;
  while (performance.now() < end) await step(tensor([0, 0, 0]));
  clearInterval(timer);
  expect(heard).toBeGreaterThan(1);
  heard = 0;
  const other = setInterval(() => heard++, 1);
  const later = performance.now() + 200;
  while (performance.now() < later) await w.value.add(1).data();
  clearInterval(other);
  expect(heard).toBeGreaterThan(1);
});
