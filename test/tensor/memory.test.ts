import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import {
  compile,
  Generator,
  setEngine,
  type Tensor,
  tensor,
  uniform,
  Variable,
  valueAndGrad,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

// Every test file has a process of its own; this one may call the garbage collector.
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const MiB = 2 ** 20;
/** Resident memory, and the live part of the heap and of array buffers, in MiB. */
function used(): { resident: number; live: number } {
  collectGarbage();
  collectGarbage();
  const { rss, heapUsed, arrayBuffers, external } = process.memoryUsage();
  return { resident: rss / MiB, live: (heapUsed + Math.max(arrayBuffers, external)) / MiB };
}

/** Runs `step` in two halves, the first to warm up, and expects that the second adds nothing. */
function expectFlat(steps: number, step: (t: number) => void): void {
  for (let t = 1; t <= steps / 2; t++) step(t);
  const before = used();
  for (let t = steps / 2 + 1; t <= steps; t++) step(t);
  const after = used();
  expect(after.live - before.live).toBeLessThan(2);
  expect(after.resident - before.resident).toBeLessThan(32);
}

const loss = (x: Tensor) => (w: Tensor) => w.mul(x).sum().sub(1).square();

for (const engine of engines) {
  const [compiledSteps, plainSteps] = engine === "reference" ? [4000, 1500] : [100_000, 10_000];

  test(`${engine}: ${compiledSteps} compiled steps keep memory flat`, () => {
    setEngine(engine);
    const w = new Variable(uniform([64], { key: 1 }));
    const m = new Variable(uniform([64], { key: 2 }).mul(0));
    const random = new Generator(3);
    const train = compile((x: Tensor, lr: number) => {
      const noisy = x.add(uniform([64], { key: random.next() }).mul(0.01));
      const { value, grads: grad } = valueAndGrad(loss(noisy))(w.value);
      m.value = m.value.mul(0.9).add(grad);
      w.value = w.value.sub(m.value.mul(lr));
      return value;
    });
    const x = uniform([64], { key: 4 });
    let last = 0;
    expectFlat(compiledSteps, (t) => {
      const value = train.sync(x, 1e-3 / Math.sqrt(t));
      if (t % 100 === 0) last = value.item();
    });
    expect(train.traces).toBe(1);
    expect(last).toBeLessThan(0.01);
  });

  test(`${engine}: ${plainSteps} steps without compile keep memory flat`, () => {
    setEngine(engine);
    const x = uniform([64], { key: 4 });
    let w = uniform([64], { key: 1 });
    let m = tensor(new Float32Array(64));
    let last = 0;
    expectFlat(plainSteps, (t) => {
      const { value, grads: grad } = valueAndGrad(loss(x))(w);
      m = m.mul(0.9).add(grad);
      w = w.sub(m.mul(1e-3 / Math.sqrt(t)));
      last = value.item();
    });
    expect(last).toBeLessThan(0.01);
  });

  test(`${engine}: big buffers are returned before the machine runs out`, async () => {
    setEngine(engine);
    // 1 MiB each: without the collector's knowledge of native memory this would hold 1 GiB or more
    const [rounds, size] = engine === "reference" ? [60, 2 ** 18] : [2000, 2 ** 18];
    const x = uniform([size], { key: 1 }).evalSync();
    let peak = 0;
    for (let i = 0; i < rounds; i++) {
      x.add(i).evalSync();
      if (i % 100 === 0) {
        peak = Math.max(peak, process.memoryUsage().rss / MiB);
        await new Promise(setImmediate);
      }
    }
    expect(peak).toBeLessThan(1024);
  });
}
