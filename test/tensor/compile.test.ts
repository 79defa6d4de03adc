import { afterEach, describe, expect, test, vi } from "vitest";
import { ConfigError, DTypeError, hostArray, ShapeError } from "../../src/base/index.ts";
import { collect } from "../../src/graph/index.ts";
import {
  backend,
  compile,
  fromHost,
  full,
  Generator,
  grad,
  hvp,
  setEngine,
  type Tensor,
  tensor,
  uniform,
  Variable,
  valueAndGrad,
  vjp,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

const f64 = (values: Parameters<typeof tensor>[0]) => tensor(values, "float64");
/** Nodes that can be reached from a tensor, values included. */
const reachable = (x: Tensor) => collect([x.node], () => false).length;

afterEach(() => vi.restoreAllMocks());

for (const engine of engines)
  describe(engine, () => {
    const on = (name: string, run: () => void | Promise<void>) =>
      test(name, () => {
        setEngine(engine);
        return run();
      });

    describe("lazy evaluation", () => {
      on("a loop whose numbers change makes one program", () => {
        const prepare = vi.spyOn(backend(), "prepare");
        let w = f64([1, 2, 3]);
        const losses: number[] = [];
        for (let t = 1; t <= 30; t++) {
          const { value, grads: g } = valueAndGrad((p: Tensor) => p.square().sum())(w);
          w = w.sub(g.mul(0.1 / t));
          losses.push(value.item());
          w.evalSync();
        }
        expect(losses[29]).toBeLessThan(losses[0]!);
        expect(prepare.mock.calls.length).toBeLessThanOrEqual(4);
      });

      on("a hand-written training loop forgets its past", () => {
        const sizes: number[] = [];
        const prepare = vi.spyOn(backend(), "prepare");
        let w = f64([1, -2]);
        let m = f64([0, 0]);
        for (let t = 1; t <= 12; t++) {
          const { value, grads: g } = valueAndGrad((p: Tensor) => p.mul(p.sin()).sum())(w);
          m = m.mul(0.9).add(g.mul(0.1));
          w = w.sub(m.mul(0.01));
          value.item(); // only the loss is read: w and m are kept because the next step needs them
          sizes.push(reachable(w));
        }
        expect(sizes.at(-1)).toBe(sizes[2]);
        expect(prepare.mock.calls.length).toBeLessThanOrEqual(4);
        w.evalSync();
        expect(reachable(w)).toBe(1);
      });

      on("a Hessian-vector product in a loop forgets its past", () => {
        let w = f64([1, -2]);
        for (let t = 0; t < 4; t++) {
          w = w.sub(hvp((p: Tensor) => p.pow(4).sum(), w, f64([1, 1])).mul(0.01)).evalSync();
          expect(reachable(w)).toBe(1);
        }
      });

      on("a pullback in a loop forgets its past, and is kept by nothing but its caller", () => {
        let w = f64([1, -2]);
        for (let t = 0; t < 4; t++) {
          const { pullback } = vjp((p: Tensor) => p.pow(4).sum(), w);
          w = w.sub(pullback(f64(0.01))).evalSync();
          expect(reachable(w)).toBe(1);
        }
      });

      on("a pullback may be called after everything was read", () => {
        const { value, pullback } = vjp((x: Tensor) => x.sin().mul(x), f64([1, 2]));
        value.evalSync();
        const g = pullback(f64([1, 1])).toArray() as number[];
        [1, 2].forEach((x, i) => {
          expect(g[i]).toBeCloseTo(Math.sin(x) + x * Math.cos(x), 12);
        });
      });

      on("values are computed once: reading twice gives the same storage", () => {
        const x = uniform([4], { key: 1 }).mul(2);
        x.evalSync();
        const storage = x.node.storage;
        x.toArray();
        expect(x.node.storage).toBe(storage);
        expect(x.dataSync()).not.toBe(x.dataSync()); // copies
      });

      on("asynchronous reads of overlapping graphs agree", async () => {
        const x = uniform([100], { key: 3, dtype: "float64" });
        const y = x.exp();
        const [a, b, c] = await Promise.all([y.data(), y.mul(2).data(), x.data()]);
        a.forEach((value, i) => {
          expect(b[i]).toBe(2 * value);
          expect(value).toBeCloseTo(Math.exp(c[i]!), 12);
        });
      });
    });

    describe("compile", () => {
      on("traces once per signature; numbers are inputs", () => {
        let traced = 0;
        const f = compile((x: Tensor, scale: number, mode: string) => {
          traced++;
          return mode === "twice" ? x.mul(scale).mul(2) : x.mul(scale);
        });
        const x = tensor([1, 2]);
        for (let i = 0; i < 5; i++) expect(f.sync(x, i, "once").toArray()).toEqual([i, 2 * i]);
        expect(traced).toBe(1);
        expect(f.sync(x, 3, "twice").toArray()).toEqual([6, 12]);
        expect(f.sync(tensor([1, 2, 3]), 1, "once").shape).toEqual([3]);
        expect(f.sync(f64([1, 2]), 1, "once").dtype).toBe("float64");
        expect([traced, f.traces]).toEqual([4, 4]);
      });

      on("signatures tell apart trees, strings, booleans, null and undefined", () => {
        const f = compile((a: unknown, b: unknown) => tensor(String([a, b]).length));
        f.sync('a;"b', "c");
        f.sync("a", 'b;"c');
        f.sync(true, "true");
        f.sync(null, undefined);
        f.sync(undefined, null);
        f.sync({ a: null }, [null]);
        f.sync([null], { a: null });
        expect(f.traces).toBe(7);
        expect(() => f.sync(Math.sin, 1)).toThrow(ConfigError);
        expect(() => f.sync(Math.sin, 1)).toThrow("an argument is a function");
      });

      on("a number takes the dtype that it meets, as outside of compile", () => {
        const body = (x: Tensor, lr: number) => {
          const rate = tensor(2).mul(lr as number); // float32 scalar with a number
          return [x.mul(lr), x.mul(lr).sum().mul(lr), rate, x.sum().sub(lr)];
        };
        const f = compile(body);
        for (const x of [tensor([1, 2]), f64([1, 2]), tensor(3), tensor([1, 2], "int32")])
          expect(f.sync(x, 0.5).map((y) => y.dtype)).toEqual(body(x, 0.5).map((y) => y.dtype));
        // and so does what is computed from numbers
        const decayed = compile((x: Tensor, t: number) => {
          const lr = tensor(0.5, "float64").mul(0).add(1); // float64 data is no number
          const rate = (t as unknown as Tensor).mul(2).add(1).pow(2);
          return [x.mul(rate), x.mul(lr)];
        });
        expect(decayed.sync(tensor(2), 1).map((y) => y.dtype)).toEqual(["float32", "float64"]);
        expect(decayed.sync(tensor(2), 1)[0]!.item()).toBe(18);
      });

      on("a long chain of scalars does not overflow the stack", () => {
        let x = f64(0);
        for (let i = 0; i < 20_000; i++) x = x.add(1);
        expect(x.mul(tensor(2)).dtype).toBe("float64");
      });

      on("a scalar variable is trained in its own dtype", () => {
        const w = new Variable(tensor(3));
        const step = compile((lr: number) => {
          w.value = w.value.sub(grad((p: Tensor) => p.square())(w.value).mul(lr));
        });
        step.sync(0.5);
        expect(w.value.item()).toBe(0);
      });

      on("arguments and results are trees", () => {
        const f = compile(({ a, b }: { a: Tensor; b: Tensor[] }, k: number) => ({
          sum: b.reduce((s, x) => s.add(x), a),
          parts: [a.mul(k), "text", null, 7] as const,
        }));
        const r = f.sync({ a: tensor([1]), b: [tensor([2]), tensor([3])] }, 10);
        expect(r.sum.toArray()).toEqual([6]);
        expect(r.parts[0].toArray()).toEqual([10]);
        expect(r.parts.slice(1)).toEqual(["text", null, 7]);
      });

      on("returns an argument, a constant and the same tensor twice", () => {
        const f = compile((x: Tensor) => {
          const y = x.add(1);
          return [x, y, y, tensor([5]), full([2], 3)];
        });
        const x = tensor([1, 2]);
        const results = f.sync(x);
        expect(results.map((r) => r.toArray())).toEqual([[1, 2], [2, 3], [2, 3], [5], [3, 3]]);
      });

      on("captured tensors are constants, lazy ones too", () => {
        const c = tensor([1, 2]).add(1);
        const f = compile((x: Tensor) => x.mul(c));
        expect(f.sync(tensor([10, 10])).toArray()).toEqual([20, 30]);
        c.toArray(); // its value appearing changes nothing
        expect(f.sync(tensor([1, 1])).toArray()).toEqual([2, 3]);
      });

      on("a captured value may come from any op", () => {
        const cast = tensor([1, 2]).cast("float64").evalSync();
        const f = compile((x: Tensor) => x.sub(cast).square().mean());
        expect(f.sync(tensor([1, 4], "float64")).item()).toBe(2);
      });

      on("captured values are computed once, not in every call", () => {
        const c = uniform([8], { key: 1 }).exp().sum();
        const f = compile((x: Tensor) => x.add(c));
        expect(f.graph(tensor([1]))).not.toContain("exp");
      });

      on("a tensor that leaks out of a trace is named when it is used", () => {
        let leaked: Tensor | undefined;
        const f = compile((x: Tensor) => {
          leaked = x.mul(2);
          return leaked;
        });
        f.sync(tensor([1]));
        expect(() => leaked!.item()).toThrow(
          "its value is not known while a function is being traced",
        );
        const g = compile((x: Tensor) => x.add(leaked!));
        expect(() => g.sync(tensor([1]))).toThrow("a tensor that was traced in another call");
        expect(() => g.sync(tensor([1]))).toThrow(ConfigError);
      });

      on("item() in a trace is an error that says what to do; the next call works", () => {
        let read = true;
        const f = compile((x: Tensor) => (read ? x.mul(x.sum().item()) : x));
        expect(() => f.sync(tensor([1, 2]))).toThrow(ConfigError);
        expect(() => f.sync(tensor([1, 2]))).toThrow(
          "fix: return it from the compiled function and read it there.",
        );
        read = false;
        expect(f.sync(tensor([1, 2])).toArray()).toEqual([1, 2]);
      });

      on("an error inside a trace leaves variables as they were", async () => {
        const w = new Variable(tensor([1]));
        const f = compile((x: Tensor) => {
          w.value = w.value.add(x.sum());
          if (x.size > 1) throw new RangeError("mine");
          return w.value.matmul(x);
        });
        expect(() => f.sync(tensor([1, 2]))).toThrow(new RangeError("mine"));
        await expect(f(tensor([1, 2]))).rejects.toThrow("mine");
        expect(w.value.toArray()).toEqual([1]);
        expect(f.sync(tensor([2])).item()).toBe(6);
        expect(w.value.toArray()).toEqual([3]);
      });

      on(
        "the array that a variable began with is never written, wherever it lies in memory",
        () => {
          const memory = new Float32Array(4096).fill(1);
          for (let at = 0; at < 16; at++) {
            const first = fromHost(hostArray([2048], memory.subarray(at, at + 2048)));
            const w = new Variable(first);
            const step = compile(() => {
              w.value = w.value.mul(2);
            });
            for (let t = 0; t < 3; t++) step.sync();
            expect(w.value.sum().item()).toBe(8 * 2048);
            expect(first.sum().item()).toBe(2048);
          }
          expect(memory.every((x) => x === 1)).toBe(true);
        },
      );

      on("an error while running leaves variables as they were", () => {
        const w = new Variable(f64([1, 2, 3]));
        const f = compile((at: Tensor) => {
          w.value = w.value.add(w.value.take(at).sum());
        });
        expect(() => f.sync(tensor([7], "int32"))).toThrow("outside");
        expect(w.value.toArray()).toEqual([1, 2, 3]);
        f.sync(tensor([1], "int32"));
        expect(w.value.toArray()).toEqual([3, 4, 5]);
      });

      on("inside a trace or a transform a compiled function is what it computes", () => {
        const inner = compile((x: Tensor, k: number) => x.square().mul(k));
        const outer = compile((x: Tensor) => inner.sync(x, 3).add(1));
        expect(outer.sync(tensor([2])).toArray()).toEqual([13]);
        expect(grad((x: Tensor) => inner.sync(x, 3).sum())(tensor([1, 2])).toArray()).toEqual([
          6, 12,
        ]);
        expect(inner.sync(tensor(2), 1).item()).toBe(4);
      });

      on("asynchronous calls run in order", async () => {
        const w = new Variable(f64([0]));
        const step = compile((k: number) => {
          w.value = w.value.mul(2).add(k);
          return w.value;
        });
        const results = await Promise.all([step(1), step(2), step(3)]);
        expect(results.map((r) => r.item())).toEqual([1, 4, 11]);
        expect(w.value.item()).toBe(11);
      });
    });

    describe("variables", () => {
      on("a value that was handed out is never overwritten", () => {
        const w = new Variable(f64([1, 2]));
        const step = compile((lr: number) => {
          w.value = w.value.sub(w.value.mul(lr));
        });
        const seen: Tensor[] = [];
        for (let i = 0; i < 6; i++) {
          seen.push(w.value);
          step.sync(0.5);
          step.sync(0); // in place, nobody holds it
        }
        expect(seen.map((x) => x.toArray())).toEqual(
          Array.from({ length: 6 }, (_, i) => [2 ** -i, 2 * 2 ** -i]),
        );
      });

      on("what was computed from it lazily keeps the old value", () => {
        const w = new Variable(f64([1, 2]));
        const before = w.value.mul(10);
        compile(() => {
          w.value = w.value.add(1);
        }).sync();
        expect(before.toArray()).toEqual([10, 20]);
        expect(w.value.toArray()).toEqual([2, 3]);
      });

      on("results of a step are not overwritten by the next", () => {
        const w = new Variable(f64([1]));
        const step = compile(() => {
          const old = w.value;
          w.value = old.add(1);
          return { old, now: w.value };
        });
        const all = [step.sync(), step.sync(), step.sync()];
        expect(all.map(({ old, now }) => [old.item(), now.item()])).toEqual([
          [1, 2],
          [2, 3],
          [3, 4],
        ]);
      });

      on("variables that swap, chain and feed each other read the old values", () => {
        const [a, b] = [new Variable(f64([1, 2])), new Variable(f64([10, 20]))];
        const swap = compile(() => {
          const [x, y] = [a.value, b.value];
          a.value = y;
          b.value = x;
        });
        for (let i = 0; i < 3; i++) swap.sync();
        expect([a.value.toArray(), b.value.toArray()]).toEqual([
          [10, 20],
          [1, 2],
        ]);
        const mix = compile(() => {
          const [x, y] = [a.value, b.value];
          a.value = x.add(y.flip(0));
          b.value = x.sub(y).flip(0);
        });
        mix.sync();
        mix.sync();
        expect([a.value.toArray(), b.value.toArray()]).toEqual([
          [21, 39],
          [12, -6],
        ]);
      });

      on("written without being read, read after being written, written twice", () => {
        const w = new Variable(f64([1]));
        const f = compile((x: Tensor) => {
          w.value = x;
          w.value = w.value.mul(2);
          return w.value.add(1);
        });
        expect(f.sync(f64([5])).toArray()).toEqual([11]);
        expect(w.value.toArray()).toEqual([10]);
        const x = f64([7]);
        const hold = compile((y: Tensor) => {
          w.value = y;
        });
        hold.sync(x);
        compile(() => {
          w.value = w.value.mul(3);
        }).sync();
        expect([x.toArray(), w.value.toArray()]).toEqual([[7], [21]]); // the argument is untouched
      });

      on("a transposed update of itself is not computed in place", () => {
        const w = new Variable(
          f64([
            [1, 2],
            [3, 4],
          ]),
        );
        const step = compile(() => {
          w.value = w.value.transpose().add(w.value);
        });
        step.sync();
        expect(w.value.toArray()).toEqual([
          [2, 5],
          [5, 8],
        ]);
        step.sync();
        expect(w.value.toArray()).toEqual([
          [4, 10],
          [10, 16],
        ]);
      });

      on("a value of another shape or dtype is refused with both", () => {
        const w = new Variable(tensor([1, 2]));
        expect(() => {
          w.value = tensor([1]);
        }).toThrow(ShapeError);
        expect(() => {
          w.value = tensor([1]);
        }).toThrow("Variable: holds [2], got [1].");
        expect(() => {
          w.value = f64([1, 2]);
        }).toThrow(DTypeError);
        expect(() =>
          compile(() => {
            w.value = f64([1, 2]);
          }).sync(),
        ).toThrow(DTypeError);
      });

      on("a generator draws fresh keys in a compiled step, and repeats them from its state", () => {
        const g = new Generator(7);
        const draw = compile(() => uniform([3], { key: g.next() }));
        const first = [draw.sync(), draw.sync()].map((x) => x.toArray());
        expect(first[0]).not.toEqual(first[1]);
        g.state.value = tensor([7, 0], "int32");
        expect([draw.sync(), draw.sync()].map((x) => x.toArray())).toEqual(first);
        expect(new Generator(7).next().toArray()).toEqual([7, 0]);
      });

      on("reading while a step runs is an error that says so", async () => {
        const w = new Variable(uniform([64, 64], { key: 1 }));
        const step = compile(() => {
          w.value = w.value.matmul(w.value).mul(0.01);
        });
        const running = step();
        try {
          expect(w.value.shape).toEqual([64, 64]); // not begun: still the old value
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
        await running;
        expect(w.value.shape).toEqual([64, 64]);
      });
    });
  });
