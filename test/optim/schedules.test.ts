import {
  constant,
  cosine,
  cosineRestarts,
  exponential,
  inverseSqrt,
  inverseTime,
  oneCycle,
  type Schedule,
  stepDecay,
  warmup,
} from "gradus/optim";
import { expect, test } from "vitest";

const cases: [string, Schedule, readonly [step: number, lr: number][]][] = [
  [
    "constant",
    constant(0.3),
    [
      [0, 0.3],
      [99, 0.3],
    ],
  ],
  [
    "step decay",
    stepDecay(8, { factor: 0.5, every: 10 }),
    [
      [0, 8],
      [9, 8],
      [10, 4],
      [35, 1],
    ],
  ],
  [
    "exponential",
    exponential(8, { factor: 0.5 }),
    [
      [0, 8],
      [1, 4],
      [3, 1],
    ],
  ],
  [
    "cosine",
    cosine(1, { steps: 4, min: 0.2 }),
    [
      [0, 1],
      [2, 0.6],
      [4, 0.2],
      [9, 0.2],
    ],
  ],
  [
    "1/t",
    inverseTime(6),
    [
      [0, 6],
      [1, 3],
      [2, 2],
    ],
  ],
  [
    "1/√t",
    inverseSqrt(6),
    [
      [0, 6],
      [3, 3],
      [8, 2],
    ],
  ],
  [
    "warm-up, then 1/t from its beginning",
    warmup(inverseTime(6), { steps: 3 }),
    [
      [0, 2],
      [1, 4],
      [2, 6],
      [3, 6],
      [4, 3],
    ],
  ],
  ["no warm-up", warmup(constant(1), { steps: 0 }), [[0, 1]]],
];

for (const [name, schedule, values] of cases)
  test(name, () => {
    for (const [step, lr] of values) expect(schedule(step)).toBeCloseTo(lr, 14);
  });

test("the cosine falls all the way down", () => {
  const schedule = cosine(1, { steps: 100 });
  for (let step = 0; step < 100; step++) expect(schedule(step + 1)).toBeLessThan(schedule(step));
});

test("restarts that never end a period are an error", () => {
  expect(() => cosineRestarts(1, { steps: 0 })).toThrow("steps is 0 and growth 1.");
  expect(() => cosineRestarts(1, { steps: 3, growth: 0.5 })).toThrow("steps is 3 and growth 0.5.");
});

test("a cycle that only rises ends at the top", () => {
  const schedule = oneCycle(1, { steps: 5, rise: 1 });
  expect([0, 2, 4, 9].map(schedule)).toEqual([0.04, 0.52, 1, 1].map((x) => expect.closeTo(x, 14)));
});

test("no steps, and no share of them, are an error instead of NaN", () => {
  expect(() => cosine(1, { steps: 0 })).toThrow("cosine: steps is 0.");
  expect(() => stepDecay(1, { every: 0 })).toThrow("stepDecay: every is 0.");
  expect(() => oneCycle(1, { steps: 0 })).toThrow("oneCycle: steps is 0.");
  expect(() => oneCycle(1, { steps: 5, rise: 30 })).toThrow("oneCycle: rise is 30.");
});

test("rates that are none", () => {
  for (const make of [constant, inverseTime, inverseSqrt] as ((lr: never) => unknown)[])
    for (const lr of ["0.1", undefined, null, Number.NaN, -1])
      expect(() => make(lr as never)).toThrow(/the rate is .*[\s\S]*such as 0\.1/);
  expect(() => cosine("0.1" as never, { steps: 10 })).toThrow(/cosine: the rate is "0\.1"/);
  expect(() => warmup(0.1 as never, { steps: 2 })).toThrow(/warmup: what follows is 0\.1/);
  expect(() => cosine(0.1, { step: 10 } as never)).toThrow(/did you mean "steps"/);
  expect(() => warmup(constant(1), { steps: "2" } as never)).toThrow(/steps is "2"/);
});
