import fc from "fast-check";
import {
  compile,
  concat,
  grad,
  realizeSync,
  setEngine,
  stack,
  type Tensor,
  tensor,
  uniform,
  Variable,
} from "gradus";
import { describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compiler/compile-graph.ts";
import type { Node } from "../../src/graph/index.ts";
import * as op from "../../src/ops/index.ts";
import type { Instruction } from "../../src/runtime/program.ts";
import { evaluate } from "../../src/runtime/reference.ts";
import { expectClose } from "../support/compare.ts";
import { engines } from "../support/engines.ts";

const input = (...shape: number[]) => op.placeholder(shape, "float32");
const compiled = (inputs: readonly Node[], ...outputs: Node[]) => compileGraph(inputs, outputs);

/** Instructions that only move values. */
const copies = ({ instructions }: { instructions: readonly Instruction[] }) =>
  instructions.filter(
    (i) => i.kind === "map" && i.expression.values.every(({ kind }) => kind === "input"),
  );

describe("what is assembled", () => {
  test("is written by those who compute its parts, at their places", () => {
    const [a, b, w] = [input(4, 3), input(4, 5), input(5, 2)];
    const program = compiled([a, b, w], op.concat([op.exp(a), op.matmul(b, w)], 1));
    expect(program.instructions.map(({ kind }) => kind)).toEqual(["map", "matmul"]);
    const [map, product] = program.instructions as [
      Extract<Instruction, { kind: "map" }>,
      Extract<Instruction, { kind: "matmul" }>,
    ];
    expect(map.outputs).toMatchObject([{ buffer: 4, offset: 0, strides: [5, 1] }]);
    expect(product.epilogue.outputs).toMatchObject([{ buffer: 4, offset: 3, strides: [5, 1] }]);
    expect(program.arenaBytes).toBe(0);
  });

  test("may be part of another whole, under another shape", () => {
    const steps = [0, 1, 2].map(() => input(4, 3));
    const rows = steps.map((x) => op.reshape(op.concat([op.exp(x), op.neg(x)], 1), [4, 1, 6]));
    expect(copies(compiled(steps, op.concat(rows, 1)))).toEqual([]);
  });

  test("leaves rows together that others read, too", () => {
    const [a, b, w] = [input(4, 3), input(4, 2), input(3, 3)];
    const part = op.exp(a);
    const both = [op.concat([part, op.neg(b)], 1), op.matmul(part, w)];
    expect(copies(compiled([a, b, w], ...both))).toHaveLength(1);
    const [wide, v] = [input(4, 128), input(128, 3)];
    const long = op.exp(wide);
    const whole = op.concat([long, op.neg(b)], 1);
    expect(copies(compiled([wide, b, v], whole, op.matmul(long, v)))).toEqual([]);
  });

  test("copies what lies elsewhere: inputs, outputs, and parts that stand twice", () => {
    const a = input(4, 3);
    const part = op.exp(a);
    expect(copies(compiled([a], op.concat([a, part], 1)))).toHaveLength(1);
    expect(copies(compiled([a], op.concat([part, op.neg(part)], 1), part))).toHaveLength(1);
    expect(copies(compiled([a], op.concat([part, part], 1)))).toHaveLength(1);
  });

  test("a second whole of the same parts is a view of the first", () => {
    const steps = [0, 1, 2].map(() => input(4, 6));
    const parts = steps.map((x) => op.exp(x));
    const stacked = op.concat(
      parts.map((x) => op.reshape(x, [4, 1, 6])),
      1,
    );
    const rows = op.concat(parts, 0);
    const squares = [op.sum(op.mul(stacked, stacked), [0, 1]), op.sum(op.mul(rows, rows), [0])];
    const program = compiled(steps, ...squares);
    expect(copies(program)).toEqual([]);
    expect(program.arenaBytes).toBe(320); // 12 · 6 floats
  });

  test("an earlier whole is a view of a later one that has all of its parts", () => {
    const [y, u] = [input(2, 128), input(256, 2)];
    const long = op.exp(y);
    const pair = op.concat([long, op.neg(y)], 1);
    const all = op.concat([long, op.neg(y), op.matmul(pair, u)], 1);
    expect(copies(compiled([y, u], op.neg(all)))).toEqual([]);
  });

  test("the gradients of a recurrent net's weights read one array", () => {
    const step = (w: Tensor, u: Tensor, x: Tensor) => {
      const gates = x.matmul(u); // [N, T, H]
      let h = gates.slice(null, 0).tanh();
      for (let t = 1; t < 5; t++) h = gates.slice(null, t).add(h.matmul(w)).tanh();
      return h.square().sum();
    };
    const [w, u, x] = [
      uniform([32, 32], { key: 1 }).evalSync(),
      uniform([8, 32], { key: 2 }).evalSync(),
      uniform([16, 5, 8], { key: 3 }).evalSync(),
    ] as const;
    const g = grad(([a, b]: readonly Tensor[]) => step(a!, b!, x))([w, u] as Tensor[]);
    const nodes = g.map(({ node }) => node);
    const program = compileGraph([w.node, u.node, x.node], nodes);
    const moved = copies(program).map(({ shape }) => shape.reduce((n, d) => n * d, 1));
    expect(Math.max(0, ...moved)).toBeLessThanOrEqual(x.size);
  });
});

describe.each(engines)("%s", (engine) => {
  test("a variable assembled anew is read before its first part is written", () => {
    setEngine(engine);
    const w = new Variable(
      tensor(
        [
          [0, 1, 2],
          [3, 4, 5],
        ],
        "float64",
      ),
    );
    const advance = compile((x: Tensor) => {
      const old = w.value;
      w.value = concat([x.square(), x.neg()]);
      return old.mul(2).sum({ axis: 0 }).add(old.slice(1));
    });
    const x = tensor([[0, 1, 2]], "float64");
    expect(Array.from(advance.sync(x).dataSync())).toEqual([9, 14, 19]);
    expect(Array.from(w.value.dataSync())).toEqual([0, 1, 4, -0, -1, -2]);
    expect(Array.from(advance.sync(x).dataSync())).toEqual([0, -1, 2]);
  });

  test("a buffer that moves along keeps its values", () => {
    setEngine(engine);
    const w = new Variable(
      tensor(
        [
          [0, 1],
          [2, 3],
          [4, 5],
          [6, 7],
        ],
        "float64",
      ),
    );
    const push = compile((x: Tensor) => {
      w.value = concat([w.value.slice([1, 4]), x.mul(10)]);
      return w.value.sum({ axis: 0 });
    });
    const x = tensor([[0, 1]], "float64");
    expect(Array.from(push.sync(x).dataSync())).toEqual([12, 25]);
    expect(Array.from(push.sync(x).dataSync())).toEqual([10, 32]);
    expect(Array.from(w.value.dataSync())).toEqual([4, 5, 6, 7, 0, 10, 0, 10]);
  });

  test("random assemblies have the values of the reference", () => {
    setEngine(engine);
    fc.assert(
      fc.property(recipes, (recipe) => {
        const results = assemblies(recipe);
        const nodes = results.map(({ node }) => node);
        const expected = evaluate(nodes, (leaf) => leaf.storage!.read());
        realizeSync(nodes);
        for (const [i, y] of results.entries())
          expectClose(`result ${i}, ${y}`, y.dataSync(), expected[i]!, 1e-12);
      }),
      { numRuns: 150, seed: 3 },
    );
  });
});

type Recipe = readonly (readonly [rule: number, a: number, b: number, axis: number])[];

const recipes: fc.Arbitrary<Recipe> = fc.array(
  fc.tuple(fc.nat(8), fc.nat(20), fc.nat(20), fc.nat(2)),
  { minLength: 6, maxLength: 30 },
);

/** Tensors [4, 4, 4] made of slices, stacks and products of each other; only the last two are wanted. */
function assemblies(recipe: Recipe): Tensor[] {
  const shape = [4, 4, 4];
  const values = [0, 1].map((i) => uniform(shape, { key: i, dtype: "float64" }).evalSync());
  for (const [rule, i, j, axis] of recipe) {
    const [a, b] = [values[i % values.length]!, values[j % values.length]!];
    const cut = (x: Tensor, from: number, to: number) =>
      x.slice(...[0, 1, 2].map((k) => (k === axis ? ([from, to] as const) : null)));
    const rules: (() => Tensor)[] = [
      () => a.tanh(),
      () => a.mul(b).sin(),
      () => a.matmul(b).tanh(),
      () => a.transpose([1, 2, 0]),
      () => concat([cut(a, 0, 1).neg(), cut(b, 1, 4).exp()], { axis }).tanh(),
      () => concat([cut(a, 2, 4), cut(b, 0, 2).tanh()], { axis }),
      () =>
        stack(
          [0, 1, 2, 3].map((t) =>
            a
              .slice(t)
              .matmul(b.slice(3 - t))
              .tanh(),
          ),
          { axis },
        ),
      () =>
        concat([
          a
            .slice([0, 2])
            .matmul(b.slice([2, 4]))
            .tanh(),
          b.slice([2, 4]),
        ]),
      () => concat([cut(a, 0, 2).cumsum({ axis: 2 }).tanh(), cut(b, 1, 3)], { axis }),
    ];
    values.push(rules[rule]!());
  }
  return values.slice(-2);
}
