/** The gradient of a value that is used many times: what each use gives, put together at once. */
import { describe, expect, test } from "vitest";
import { collect } from "../../src/graph/index.ts";
import {
  compile,
  grad,
  jvp,
  setEngine,
  stack,
  type Tensor,
  tensor,
  zeros,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

/** Weights that tell every use and element from all others. */
const weight = (use: number, i: number) => 1 + use * 7 + i * 0.5;

/** One slice of a value of this shape: for each axis the start, the count and the step. */
type Box = readonly (readonly [start: number, count: number, step: number])[];

const ranges = (box: Box) =>
  box.map(([start, n, step]) => [start, start + (n - 1) * step + 1, step] as const);
const sizes = (box: Box) => box.map(([, n]) => n);
const count = (box: Box) => sizes(box).reduce((a, b) => a * b, 1);

/** Σ over slices of Σ weight · x, whose gradient says how often, and how much, each element counts. */
const used = (boxes: readonly Box[]) => (x: Tensor) =>
  boxes
    .map((box, use) => {
      const weights = Array.from({ length: count(box) }, (_, i) => weight(use, i));
      const w = tensor(weights, "float64").reshape(sizes(box));
      return x
        .slice(...ranges(box))
        .mul(w)
        .sum();
    })
    .reduce((a, b) => a.add(b));

/** That gradient by hand. */
function byHand(boxes: readonly Box[], shape: readonly number[]): number[] {
  const result = new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(0);
  boxes.forEach((box, use) => {
    for (let i = 0; i < count(box); i++) {
      let [rest, at, stride] = [i, 0, 1];
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const [start, n, step] = box[axis]!;
        at += (start + (rest % n) * step) * stride;
        rest = Math.floor(rest / n);
        stride *= shape[axis]!;
      }
      result[at]! += weight(use, i);
    }
  });
  return result;
}

const all = (n: number): [number, number, number] => [0, n, 1];
const times = <T>(n: number, f: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => f(i));

/** Name, shape, slices. */
const cases: [string, number[], Box[]][] = [
  ["every element", [9], times(9, (i) => [[i, 1, 1]])],
  ["some elements, out of order", [9], [7, 1, 4].map((i) => [[i, 1, 1]])],
  ["the same slice again and again", [6], times(5, () => [[2, 3, 1]])],
  ["windows that overlap", [12], times(9, (i) => [[i, 4, 1]])],
  ["ever longer beginnings", [7], times(7, (i) => [[0, i + 1, 1]])],
  ["rows", [5, 3], times(5, (i) => [[i, 1, 1], all(3)])],
  ["columns", [5, 3], times(3, (i) => [all(5), [i, 1, 1]])],
  [
    "tiles",
    [4, 6],
    times(6, (i) => [
      [2 * (i % 2), 2, 1],
      [2 * Math.floor(i / 2), 2, 1],
    ]),
  ],
  [
    "tiles that overlap",
    [5, 5],
    times(9, (i) => [
      [i % 3, 3, 1],
      [Math.floor(i / 3), 3, 1],
    ]),
  ],
  [
    "four around a gap, which no cut takes apart",
    [3, 3],
    [
      [
        [0, 1, 1],
        [0, 2, 1],
      ],
      [
        [0, 2, 1],
        [2, 1, 1],
      ],
      [
        [2, 1, 1],
        [1, 2, 1],
      ],
      [
        [1, 2, 1],
        [0, 1, 1],
      ],
    ],
  ],
  ["every third, from each start", [11], [[[0, 4, 3]], [[1, 4, 3]], [[2, 3, 3]]]],
  [
    "steps along both axes, and some without",
    [4, 6],
    [
      [
        [0, 2, 2],
        [1, 2, 3],
      ],
      [
        [1, 2, 2],
        [0, 2, 3],
      ],
      [
        [1, 2, 2],
        [0, 2, 3],
      ],
      [all(4), [2, 2, 1]],
    ],
  ],
  ["nothing, beside something", [4], [[[2, 0, 1]], [[1, 2, 1]], [[0, 0, 1]]]],
];

describe.each(engines)("%s: the gradient of slices", (engine) => {
  test.each(cases)("%s", (_, shape, boxes) => {
    setEngine(engine);
    const f = used(boxes);
    const x = zeros(shape, { dtype: "float64" });
    const want = byHand(boxes, shape);
    expect([...grad(f)(x).dataSync()]).toEqual(want);
    expect([
      ...compile((y: Tensor) => grad(f)(y))
        .sync(x)
        .dataSync(),
    ]).toEqual(want);
    // f is linear, so that f² has the gradient 2 f ∇f, and this the derivative 2 ∇f ∇f·v along v
    const squared = grad((y: Tensor) => f(y).square());
    const ones = x.add(1);
    const along = want.reduce((a, b) => a + b, 0);
    const { tangent } = jvp(squared, x, ones);
    expect([...tangent.dataSync()]).toEqual(want.map((g) => 2 * g * along));
  });

  test("of many look-ups adds what each gives", () => {
    setEngine(engine);
    const table = zeros([4, 2], { dtype: "float64" });
    const lookUps = times(40, (i) => tensor([i % 3, 3], "int32"));
    const f = (x: Tensor) =>
      lookUps.map((at, i) => x.take(at).mul(i).sum()).reduce((a, b) => a.add(b));
    // row r gets Σ i over i ≡ r mod 3, row 3 gets Σ i
    const row = (r: number) => times(40, (i) => (i % 3 === r ? i : 0)).reduce((a, b) => a + b);
    const want = [row(0), row(1), row(2), 780].map((g) => [g, g]);
    expect(grad(f)(table).toArray()).toEqual(want);
  });
});

describe("costs what the slices hold, and not the whole for each", () => {
  /** Elements of all nodes of the gradient of n slices that overlap twofold. */
  const cost = (n: number) => {
    const g = grad((x: Tensor) =>
      times(n, (i) =>
        x
          .slice([i, i + 2])
          .square()
          .sum(),
      ).reduce((a, b) => a.add(b)),
    )(zeros([n + 1]));
    return collect([g.node], () => false).reduce((sum, node) => sum + node.size, 0);
  };
  test("n times as many slices, n times the cost", () => {
    expect(cost(400) / cost(100)).toBeLessThan(5);
  });
  test("so do many tensors that are stacked", () => {
    setEngine("reference");
    const x = zeros([300]);
    const g = grad((y: Tensor) =>
      stack(times(300, (i) => y.slice(i)))
        .add(1)
        .square()
        .sum(),
    )(x);
    expect([...g.dataSync()]).toEqual(times(300, () => 2));
  });
});
