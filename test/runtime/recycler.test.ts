import { existsSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test, vi } from "vitest";
import type { TypedArray } from "../../src/base/index.ts";
import type { Storage } from "../../src/runtime/engine.ts";
import { loadNative } from "../../src/runtime/native.ts";
import type { Program } from "../../src/runtime/program.ts";
import { Recycler } from "../../src/runtime/recycler.ts";
import { setEngine, type Tensor, tensor } from "../../src/tensor/index.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const MiB = 2 ** 20;
const array = (mebibytes: number) => new Float32Array((mebibytes * MiB) / 4);

/** Owners that die when the test says so. */
class Owners {
  readonly #watched = new Map<number, object>();
  readonly #dead = new Set<object>();
  kill(owner: object): void {
    this.#dead.add(owner);
  }
  watch(place: number, owner: object): void {
    this.#watched.set(place, owner);
  }
  ended(): number {
    let bits = 0;
    for (const [place, owner] of this.#watched) if (this.#dead.has(owner)) bits |= 1 << place;
    return bits >>> 0;
  }
}

describe("recycler", () => {
  test("an array is lent again after its owner's death, and once", () => {
    const owners = new Owners();
    const recycler = new Recycler(owners);
    const [a, first, second] = [array(1), {}, {}];
    recycler.lend(a, first);
    const fresh = array(1);
    expect(recycler.take(fresh)).toBe(fresh);
    owners.kill(first);
    expect(recycler.take(array(2))).not.toBe(a);
    expect(recycler.take(fresh)).toBe(a);
    expect(recycler.take(fresh)).toBe(fresh);
    recycler.lend(a, second);
    expect(recycler.take(fresh)).toBe(fresh);
    owners.kill(second);
    expect(recycler.take(fresh)).toBe(a);
  });

  test("an array that others may hold is never lent again", () => {
    const owners = new Owners();
    const recycler = new Recycler(owners);
    const owner = {};
    recycler.lend(array(1), owner).array = null;
    owners.kill(owner);
    const fresh = array(1);
    expect(recycler.take(fresh)).toBe(fresh);
  });

  test("the newest of several, which caches may still hold", () => {
    const owners = new Owners();
    const recycler = new Recycler(owners);
    const arrays = [array(1), array(1), array(1)];
    for (const a of arrays) {
      recycler.lend(a, a);
      owners.kill(a);
    }
    const order = arrays.map(() => recycler.take(array(1)));
    expect(order.map((a) => arrays.indexOf(a as Float32Array<ArrayBuffer>))).toEqual([2, 1, 0]);
  });

  test.each([
    [1, 32], // of small ones, as many as there are places
    [32, 8], // of large ones, 256 MiB
    [100, 2],
    [256, 1],
  ])("of arrays of %d MiB the last %d are kept", (mebibytes, kept) => {
    const owners = new Owners();
    const recycler = new Recycler(owners);
    const buffer = new ArrayBuffer(mebibytes * MiB); // never written, so that none has pages
    const arrays = Array.from({ length: 40 }, () => new Uint8Array(buffer));
    for (const a of arrays) recycler.lend(a, a);
    for (const a of arrays) owners.kill(a);
    vi.spyOn(Uint8Array.prototype, "fill").mockReturnThis(); // what is lent again is wiped in tests
    const fresh = new Uint8Array(buffer);
    const taken: TypedArray[] = [];
    for (let a = recycler.take(fresh); a !== fresh; a = recycler.take(fresh)) taken.push(a);
    vi.restoreAllMocks();
    expect(taken).toHaveLength(kept);
    expect(taken.every((a, i) => a === arrays[39 - i])).toBe(true);
    expect(recycler.takes(mebibytes * MiB)).toBe(true);
    expect(recycler.takes(257 * MiB)).toBe(false);
  });

  test("nothing is left after `clear`", () => {
    const owners = new Owners();
    const recycler = new Recycler(owners);
    const owner = {};
    recycler.lend(array(1), owner);
    owners.kill(owner);
    recycler.clear();
    const fresh = array(1);
    expect(recycler.take(fresh)).toBe(fresh);
  });
});

const native = loadNative();
if ("missing" in native) console.info(`recycling not tested with programs: ${native.missing}`);

describe.skipIf("missing" in native)("memory of the native engine", () => {
  const engine = native as Exclude<typeof native, { missing: string }>;
  const size = MiB / 4;
  /** Bits of 0xff: what wiped memory holds in tests, and fresh memory does not. */
  const isWiped = (storage: Storage) => new Uint8Array(storage.read().buffer).at(-65) === 0xff;

  test("of a dead buffer goes to the next of its length, of any dtype", () => {
    (() => engine.allocate("float32", size))();
    collectGarbage();
    expect(isWiped(engine.allocate("int32", size))).toBe(true);
    collectGarbage();
    expect(isWiped(engine.allocate("float32", size))).toBe(false); // the one before was read
  });

  test("of a buffer that was read stays the reader's", () => {
    const kept = (() => engine.allocate("float32", size).read())();
    kept.fill(7);
    collectGarbage();
    const later = Array.from({ length: 40 }, () => engine.allocate("float32", size));
    for (const storage of later) storage.read().fill(8);
    expect(kept.every((x) => x === 7)).toBe(true);
  });

  test("of many pages begins with a line and is as long as asked", () => {
    for (const length of [4 * MiB, 4 * MiB + 1, 5 * MiB - 1]) {
      const storage = engine.allocate("float32", length);
      expect(engine.relocate?.(storage)).toBe(storage);
      expect(storage.read().fill(1)).toHaveLength(length);
    }
  });

  test.runIf(existsSync("/sys/kernel/mm/transparent_hugepage/enabled"))(
    "of a large result lies in large pages",
    () => {
      /** MiB of the process for which large pages were asked. */
      const asked = () => {
        const areas = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
        const large = areas.filter((area) => /^VmFlags:.* hg/m.test(area));
        return large.reduce(
          (sum, area) => sum + Number(/^Size:\s+(\d+)/m.exec(area)?.[1]) / 1024,
          0,
        );
      };
      const before = asked();
      const long = engine.allocate("float32", 200 * size); // never written; what dies meanwhile is less
      expect(asked() - before).toBeGreaterThan(100);
      expect(long.size).toBe(200 * size);
    },
  );

  test("that is kept for later goes before an allocation fails", () => {
    (() => engine.allocate("float32", size))();
    collectGarbage();
    vi.spyOn(Buffer, "allocUnsafeSlow").mockImplementationOnce(() => {
      throw new RangeError("Array buffer allocation failed");
    });
    expect(isWiped(engine.allocate("float32", size))).toBe(false);
    vi.restoreAllMocks();
  });

  test("stays with a run that is under way, though its caller forgot it", async () => {
    const n = 1024;
    const matrix = (buffer: number) => ({
      buffer,
      dtype: "float32" as const,
      offset: 0,
      strides: [n, 1],
    });
    const slot = (role: "input" | "output") => ({ role, dtype: "float32" as const, size: n * n });
    const program: Program = {
      slots: [slot("input"), slot("output")],
      arenaBytes: 0,
      instructions: [
        {
          kind: "matmul",
          shape: [n, n],
          k: n,
          a: matrix(1),
          b: matrix(1),
          epilogue: {
            inputs: [],
            outputs: [matrix(2)],
            expression: { values: [{ kind: "input", dtype: "float32", input: 0 }], results: [0] },
          },
        },
      ],
    };
    const executable = engine.load(program);
    const started = (() => {
      const slots = [engine.allocate("float32", n * n), engine.allocate("float32", n * n)];
      const refs = slots.map((storage) => new WeakRef(storage));
      return { refs, runs: Array.from({ length: 20 }, () => executable.run(slots)) };
    })();
    await started.runs[0];
    collectGarbage();
    expect(started.refs.every((ref) => ref.deref())).toBe(true);
    await Promise.all(started.runs);
    await new Promise(setImmediate);
    collectGarbage();
    expect(started.refs.some((ref) => ref.deref())).toBe(false);
  });

  test("is never written while a tensor holds it, whatever dies around it", async () => {
    setEngine("native");
    const one = tensor(new Float32Array(size).fill(1)).evalSync();
    const held: { value: number; x: Tensor }[] = [];
    for (let i = 1; i <= 600; i++) {
      const x = one.mul(i).evalSync();
      const y = i % 3 === 0 ? await x.add(i).eval() : x.add(i).evalSync();
      if (i % 7 === 0) held.push({ value: 2 * i, x: y });
      if (i % 11 === 0) held.push({ value: i, x });
      if (held.length > 12) held.splice((i * 5) % held.length, 1);
      if (i % 50 === 0) collectGarbage();
      if (i % 60 === 0)
        for (const { value, x } of held) {
          expect(x.min().item()).toBe(value);
          expect(x.max().item()).toBe(value);
        }
    }
  });

  test.each([4, 16])("of a synchronous loop's results of %d MiB stays flat", (mebibytes) => {
    setEngine("native");
    const x = tensor(new Float32Array(mebibytes * size)).evalSync();
    const resident = () => process.memoryUsage.rss() / MiB;
    let before = 0;
    for (let i = 0; i < 400; i++) {
      x.add(i).evalSync();
      if (i === 200) before = resident();
    }
    expect(resident() - before).toBeLessThan(64);
  });
});
