/** Arrays of the caller: what becomes of a tensor when its array is given away. */
import { describe, expect, test } from "vitest";
import { DataError, hostArray } from "../../src/base/index.ts";
import { compile, fromHost, setEngine, type Tensor, Variable } from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

const give = (array: { readonly buffer: ArrayBufferLike }) =>
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });

/** A sum that takes some milliseconds, of n² equal values: (x x)ᵢⱼ = n v², summed n³ v². */
const slow = () => compile((x: Tensor) => x.matmul(x).sum());
const n = 256;
const halves = () => new Float32Array(n * n).fill(0.5);

describe.each(engines)("%s: a tensor whose array", (engine) => {
  test("is transferred while an asynchronous call reads it keeps its values", async () => {
    setEngine(engine);
    const f = engine === "reference" ? compile((x: Tensor) => x.square().sum()) : slow();
    const want = engine === "reference" ? (n * n) / 4 : n ** 3 / 4;
    for (let i = 0; i < 4; i++) {
      const data = halves();
      const x = fromHost(hostArray([n, n], data));
      const call = f(x);
      give(data);
      expect((await call).item()).toBe(want);
      if (engine === "native") expect((await f(x)).item()).toBe(want); // its own copy by now
    }
  });

  test("is transferred while its value is read asynchronously", async () => {
    setEngine(engine);
    const data = halves();
    const reading = fromHost(hostArray([n, n], data))
      .add(1)
      .data();
    give(data);
    expect((await reading).every((x) => x === 1.5)).toBe(true);
  });

  test("was transferred before is an error wherever it is read", async () => {
    setEngine(engine);
    const f = compile((x: Tensor) => x.sum());
    const data = Float32Array.of(1, 2, 3);
    const x = fromHost(hostArray([3], data));
    expect(f.sync(x).item()).toBe(6);
    give(data);
    expect(() => f.sync(x)).toThrow(DataError);
    expect(() => f.sync(x)).toThrow("3 values has 0 now: the buffer was transferred");
    await expect(f(x)).rejects.toThrow(DataError);
    expect(() => x.toArray()).toThrow(DataError);
    expect(() => x.add(1).toArray()).toThrow(DataError);
    const w = new Variable(x);
    expect(() =>
      compile(() => {
        w.value = w.value.mul(2);
      }).sync(),
    ).toThrow(DataError);
    expect(f.sync(fromHost(hostArray([3], Float32Array.of(1, 2, 4)))).item()).toBe(7);
  });

  test("lies in memory that can shrink or grow is copied", async () => {
    setEngine(engine);
    const f = compile((x: Tensor) => x.sum());
    type Resizable = ArrayBuffer & { resize(bytes: number): void };
    const make = ArrayBuffer as unknown as new (
      bytes: number,
      options: { maxByteLength: number },
    ) => Resizable;
    const buffer = new make(16, { maxByteLength: 64 });
    const data = new Float32Array(buffer).fill(1);
    const x = fromHost(hostArray([4], data));
    buffer.resize(0);
    expect(f.sync(x).item()).toBe(4);
    expect((await f(x)).item()).toBe(4);
  });

  test("is shared between threads is read where it is", async () => {
    setEngine(engine);
    const data = new Float32Array(new SharedArrayBuffer(16)).fill(2);
    const x = fromHost(hostArray([4], data));
    const f = compile((y: Tensor) => y.sum());
    expect(f.sync(x).item()).toBe(8);
    expect((await f(x)).item()).toBe(8);
    expect(x.add(1).toArray()).toEqual([3, 3, 3, 3]);
  });
});
