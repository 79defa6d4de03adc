/** A tensor that is posted to a worker, and a result that was not awaited, say what to do. */
import { expect, test } from "vitest";
import { ConfigError, DataError, DTypeError } from "../../src/base/index.ts";
import { Linear } from "../../src/nn/index.ts";
import {
  compile,
  concat,
  fromHost,
  setEngine,
  type Tensor,
  tensor,
  Variable,
  where,
} from "../../src/tensor/index.ts";

test("tensors, variables and models are not posted; their values are", () => {
  const x = tensor([1, 2]);
  const { port1, port2 } = new MessageChannel();
  for (const item of [x, x.add(1), [x], { x }, new Variable(x), new Linear(2, 3)]) {
    expect(() => structuredClone(item)).toThrow(DataError);
    expect(() => port1.postMessage(item)).toThrow(/post (x|w\.value)\.toHost\(\)/);
  }
  port1.close();
  port2.close();
  expect(fromHost(structuredClone(x.toHost())).toArray()).toEqual([1, 2]);
});

test.each(["reference", "native"] as const)("%s: a forgotten await", async (engine) => {
  setEngine(engine);
  const f = compile((x: Tensor) => x.mul(2));
  const call = f(tensor([3])) as unknown as Tensor;
  for (const use of [
    () => call.item(),
    () => call.add(1),
    () => call.shape,
    () => call.toArray(),
    () => call.dataSync(),
  ]) {
    expect(use).toThrow(ConfigError);
    expect(use).toThrow("await it");
  }
  const x = tensor([1]);
  const w = new Variable(x);
  for (const use of [
    () => x.add(call),
    () => x.matmul(call),
    () => concat([x, call]),
    () => where(x.greater(0), call, x),
    () => new Variable(call),
    () => {
      w.value = call;
    },
  ]) {
    expect(use).toThrow(DTypeError);
    expect(use).toThrow("await it first");
  }
  expect(call).toBeInstanceOf(Promise);
  expect(Object.keys(call)).toEqual([]);
  const [y, z] = await Promise.all([call, f(tensor([4]))]);
  expect([y.item(), z.item()]).toEqual([6, 8]);
});
