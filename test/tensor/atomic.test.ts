/** A call of a compiled function is all or nothing, and takes effect when its turn comes. */
import { describe, expect, test } from "vitest";
import { ConfigError, DataError } from "../../src/base/index.ts";
import {
  compile,
  grad,
  scatterAdd,
  setEngine,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  zeros,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

const int = (...values: number[]) => tensor(values, "int32");

/** Ways in which a run of the engine fails: an index that is too large. */
const failing: Record<string, (at: Tensor) => Tensor> = {
  take: (at) => tensor([1, 2, 3]).take(at).sum(),
  takeAlong: (at) => tensor([1, 2, 3]).takeAlong(at).sum(),
  scatterAdd: (at) => scatterAdd(at, tensor([1]), { axis: 0, size: 3 }).sum(),
  "take of what a take found": (at) =>
    tensor([0, 1, 9])
      .take(int(0, 1, 2).take(at))
      .sum(),
};

describe.each(engines)("%s: a call that fails changes no variable", (engine) => {
  for (const [name, fail] of Object.entries(failing))
    for (const order of ["before", "between", "after"] as const)
      test(`${name}, ${order} the writes, now and later`, async () => {
        setEngine(engine);
        const [w, u] = [new Variable(tensor([0])), new Variable(zeros([1000]))];
        const step = compile((at: Tensor) => {
          const early = order === "before" ? fail(at) : tensor(0);
          w.value = w.value.add(1);
          const middle = order === "between" ? fail(at) : tensor(0);
          u.value = u.value.add(w.value);
          return [early, middle, order === "after" ? fail(at).add(u.value.sum()) : tensor(0)];
        });
        const seen = () => [w.value.item(), u.value.slice(999).item()];
        for (let i = 0; i < 3; i++) step.sync(int(0));
        expect(() => step.sync(int(9))).toThrow(DataError);
        expect(seen()).toEqual([3, 6]); // 1 + 2 + 3
        for (let i = 0; i < 3; i++) await step(int(2));
        expect(seen()).toEqual([6, 21]);
        await expect(step(int(-1))).rejects.toThrow(DataError);
        expect(seen()).toEqual([6, 21]);
        step.sync(int(1));
        expect(seen()).toEqual([7, 28]);
      });

  test("what a value depends on may fail: the value is its own old one", () => {
    setEngine(engine);
    const table = new Variable(zeros([3, 2]));
    const step = compile((at: Tensor) => {
      table.value = scatterAdd(
        at.reshape([-1, 1]).broadcastTo([at.size, 2]),
        tensor([[1, 1]]).broadcastTo([at.size, 2]),
        { axis: 0, size: 3 },
      );
    });
    for (let i = 0; i < 3; i++) step.sync(int(0, 2, 2));
    expect(() => step.sync(int(1, 3, 1))).toThrow(DataError);
    expect(table.value.toArray()).toEqual([
      [1, 1],
      [0, 0],
      [2, 2],
    ]);
  });

  test("a training step with an embedding: weights, statistics and the count of steps", () => {
    setEngine(engine);
    const table = new Variable(tensor([[1], [2], [3]]));
    const [mean, count] = [new Variable(tensor([0])), new Variable(tensor(0, "int32"))];
    const step = compile((at: Tensor) => {
      const { value, grads: g } = valueAndGrad((p: Tensor) => p.take(at).square().sum())(
        table.value,
      );
      count.value = count.value.add(1);
      mean.value = mean.value.mul(0.5).add(value);
      table.value = table.value.sub(g.mul(0.25));
      return value;
    });
    const seen = () => [table, mean, count].map((v) => v.value.toArray());
    step.sync(int(0, 1)); // p ← p − p/2 where it was taken
    step.sync(int(0, 1));
    const before = seen();
    expect(before).toEqual([[[0.25], [0.5], [3]], [3.75], 2]); // 5/2 + 5/4
    expect(() => step.sync(int(0, 3))).toThrow(DataError);
    expect(seen()).toEqual(before);
  });

  test("inside a transform, too: what runs at once is written at the end", () => {
    setEngine(engine);
    const [w, u] = [new Variable(tensor(1)), new Variable(tensor(1))];
    const inner = compile((x: Tensor, fails: boolean) => {
      w.value = w.value.add(1);
      const y = x.mul(w.value);
      if (fails) throw new RangeError("mine");
      u.value = w.value;
      return y;
    });
    const outer = (fails: boolean) => grad((x: Tensor) => inner.sync(x, fails))(tensor(1));
    expect(outer(false).item()).toBe(2);
    expect(() => outer(true)).toThrow("mine");
    expect([w.value.item(), u.value.item()]).toEqual([2, 2]);
  });

  test("an argument that cannot be computed, a result that cannot be made", async () => {
    setEngine(engine);
    const w = new Variable(tensor(1));
    const step = compile((x: Tensor) => {
      w.value = w.value.add(x);
    });
    const bad = () => tensor([1]).take(int(5)).sum();
    expect(() => step.sync(bad())).toThrow(DataError);
    await expect(step(bad())).rejects.toThrow(DataError);
    expect(w.value.item()).toBe(1); // and nobody claims it any more
  });
});

/** An int that is not computed yet. */
const lazy = (x: number) => tensor(x - 1).add(1);

describe.each(engines)("%s: asynchronous calls take effect in their order", (engine) => {
  const fresh = () => {
    setEngine(engine);
    const v = new Variable(tensor(0));
    return {
      v,
      set: compile((x: Tensor) => {
        v.value = x.mul(1);
        return v.value;
      }),
      twice: compile(() => {
        v.value = v.value.mul(2);
        return v.value;
      }),
      read: compile(() => v.value.add(0)),
      fail: compile((at: Tensor) => {
        v.value = v.value.add(tensor([1, 2]).take(at).sum());
        return v.value;
      }),
    };
  };
  const items = (tensors: readonly Tensor[]) => tensors.map((x) => x.item());

  test("when an argument is lazy, at the first call and later", async () => {
    const { v, set, twice } = fresh();
    for (let i = 0; i < 3; i++) {
      expect(items(await Promise.all([set(lazy(5)), twice(), twice()]))).toEqual([5, 10, 20]);
      expect(v.value.item()).toBe(20);
    }
  });

  test("when a read, a failure or another function comes between", async () => {
    const { v, set, twice, read, fail } = fresh();
    const all = await Promise.allSettled([
      set(lazy(3)),
      read(),
      fail(int(7)),
      twice(),
      fail(int(1)),
      read(),
      set(tensor([1]).take(int(4)).sum()),
      twice(),
    ]);
    const seen = all.map((x) => (x.status === "fulfilled" ? x.value.item() : x.reason.name));
    expect(seen).toEqual([3, 3, "DataError", 6, 8, 8, "DataError", 16]);
    expect(v.value.item()).toBe(16);
  });

  test("a read sees what was there when it was called, whatever is written then", async () => {
    const { v, set, twice, read } = fresh();
    await set(tensor(5));
    await twice();
    const other = new Variable(tensor(0));
    const slow = compile((x: Tensor) => {
      other.value = x;
    });
    const first = slow(lazy(1)); // the queue is not empty now
    const old = read();
    twice.sync(); // nobody before writes v
    const older = read();
    v.value = tensor(7);
    const newest = read();
    twice.sync();
    expect(items(await Promise.all([old, older, newest]))).toEqual([10, 20, 7]);
    expect(v.value.item()).toBe(14);
    await first;
  });

  test("what a call will write cannot be touched meanwhile; what it reads can", async () => {
    const { v, set, twice, read } = fresh();
    const call = set(lazy(4));
    expect(() => v.value).toThrow(ConfigError);
    expect(() => {
      v.value = tensor(1);
    }).toThrow("await the running call first");
    expect(() => twice.sync()).toThrow(ConfigError);
    expect(() => read.sync()).toThrow(ConfigError);
    await call;
    expect(twice.sync().item()).toBe(8);
  });

  test("a loop that is awaited at its end gives what one gives that waits", async () => {
    const { v, twice } = fresh();
    v.value = tensor(1);
    const add = compile((x: Tensor) => {
      v.value = v.value.add(x);
    });
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 10; i++) calls.push(add(lazy(i)), twice());
    await Promise.all(calls);
    let want = 1;
    for (let i = 0; i < 10; i++) want = (want + i) * 2;
    expect(v.value.item()).toBe(want);
  });
});
