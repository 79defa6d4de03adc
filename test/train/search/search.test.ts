import { fork } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { NumericError } from "gradus";
import { choice, float, int, logUniform, search, type Trial } from "gradus/train";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support.ts";

const folder = temporaryFolder();
const file = (name: string) => `${folder}/${name}`;

describe("random", () => {
  const space = {
    lr: logUniform(1e-4, 1),
    width: int(4, 6),
    rule: choice(["adam", "sgd"]),
    drop: float(0.1, 0.5),
  };
  test("draws from the laws, each point a function of the seed and its number", async () => {
    const { trials } = await search(space, ({ lr }) => lr, { trials: 400, seed: 3 });
    const all = trials.map(({ parameters }) => parameters);
    const counts = [4, 5, 6].map((w) => all.filter(({ width }) => width === w).length);
    for (const n of counts) expect(n).toBeGreaterThan(90); // 133 expected, deviation 9
    for (const { lr, drop } of all) {
      expect(lr).toBeGreaterThanOrEqual(1e-4);
      expect(lr).toBeLessThan(1);
      expect(drop).toBeGreaterThanOrEqual(0.1);
      expect(drop).toBeLessThan(0.5);
    }
    // each of the four powers of ten gets a quarter
    const low = all.filter(({ lr }) => lr < 1e-3).length;
    expect(Math.abs(low - 100)).toBeLessThan(45); // five deviations
    const fewer = await search(space, ({ lr }) => lr, { trials: 5, seed: 3 });
    expect(fewer.trials).toEqual(trials.slice(0, 5));
    const other = await search(space, ({ lr }) => lr, { trials: 5, seed: 4 });
    expect(other.trials).not.toEqual(fewer.trials);
  });
  test("finds the best, least or largest; NaN and numeric errors are no value", async () => {
    const spec = { x: int(0, 4) };
    const f = ({ x }: { x: number }) => {
      if (x === 1) throw new NumericError({ subject: "fit", problem: "diverged." });
      return x === 0 ? Number.NaN : x;
    };
    const options = { method: "grid" } as const;
    const { trials, best } = await search(spec, f, options);
    expect(trials.map(({ value }) => value)).toEqual([null, null, 2, 3, 4]);
    expect(best?.parameters.x).toBe(2);
    expect((await search(spec, f, { ...options, mode: "max" })).best?.parameters.x).toBe(4);
    const none = await search({ x: int(0, 1) }, f, options);
    expect(none.best).toBeUndefined();
    await expect(search(spec, () => Promise.reject(new Error("disk full")))).rejects.toThrow(
      "disk full",
    );
  });
});

test("grid takes every point once, the last name changing fastest", async () => {
  const space = { a: choice([1, 2]), b: choice(["x", "y", "z"]) };
  const { trials } = await search(space, ({ a }) => a, { method: "grid" });
  const points = trials.map(({ parameters: { a, b } }) => `${a}${b}`);
  expect(points).toEqual(["1x", "1y", "1z", "2x", "2y", "2z"]);
  await expect(search({ a: float(0, 1) }, () => 0, { method: "grid" })).rejects.toThrow(
    /"a" is a continuum.*\s+.*fix: choose some|"a" is a continuum/,
  );
});

test("halving keeps the better third with three times the budget", async () => {
  const spent: [number, number][] = [];
  const { trials, best } = await search(
    { x: float(0, 1) },
    ({ x }, { trial, budget }) => {
      spent.push([trial, budget]);
      return x + 1 / budget;
    },
    { method: "halving", trials: 9, budget: { min: 1, max: 10 }, seed: 1 },
  );
  const byRound = [1, 3, 9].map((budget) => trials.filter((trial) => trial.budget === budget));
  expect(byRound.map((round) => round.length)).toEqual([9, 3, 1]);
  const least = (round: readonly Trial[], n: number) =>
    [...round]
      .sort((a, b) => a.value! - b.value!)
      .slice(0, n)
      .map(({ trial }) => trial)
      .sort();
  expect(byRound[1]!.map(({ trial }) => trial)).toEqual(least(byRound[0]!, 3));
  expect(byRound[2]!.map(({ trial }) => trial)).toEqual(least(byRound[1]!, 1));
  expect(best).toEqual(byRound[2]![0]);
  expect(spent).toEqual(trials.map(({ trial, budget }) => [trial, budget]));
});

describe("a table", () => {
  const space = { x: float(-1, 1), kind: choice(["a", "b"]) };
  const options = {
    method: "halving",
    trials: 8,
    seed: 2,
    budget: { min: 1, max: 4, factor: 2 },
  } as const;
  const f = ({ x }: { x: number }, { budget }: { budget: number }) => x * x + 1 / budget;

  test("of a search that broke off anywhere comes out with the same bytes", async () => {
    const whole = file("whole.jsonl");
    const result = await search(space, f, { ...options, table: whole });
    const bytes = await readFile(whole, "utf8");
    expect(result.trials.length).toBe(8 + 4 + 2);
    for (const stop of [0, 1, 7, 8, 13]) {
      const table = file(`stop-${stop}.jsonl`);
      let calls = 0;
      const broken = search(
        space,
        (x, info) => {
          if (calls++ === stop) throw new Error("power cut");
          return f(x, info);
        },
        { ...options, table },
      );
      await expect(broken).rejects.toThrow("power cut");
      const after: unknown[] = [];
      const counted: typeof f = (x, info) => {
        after.push(info);
        return f(x, info);
      };
      const again = await search(space, counted, { ...options, table });
      expect(after.length).toBe(14 - stop); // nothing is done twice
      expect(again).toEqual(result);
      expect(await readFile(table, "utf8")).toBe(bytes);
    }
  });

  test("of a process that was killed comes out with the same bytes", async () => {
    const [whole, table, script] = [file("calm.jsonl"), file("killed.jsonl"), file("search.mjs")];
    // as it is shipped: Node runs no TypeScript
    const train = new URL("../../../dist/train/index.js", import.meta.url).href;
    await writeFile(
      script,
      `import { search, float } from ${JSON.stringify(train)};
       const wait = () => new Promise((done) => setTimeout(done, 20));
       await search({ x: float(0, 1) }, async ({ x }) => (await wait(), x), { trials: 12, table: process.argv[2] });`,
    );
    const run = (path: string, killAfter?: number) =>
      new Promise<string | null>((resolve) => {
        const child = fork(script, [path]);
        child.on("exit", (code, signal) => resolve(signal ?? `${code}`));
        if (killAfter === undefined) return;
        const timer = setInterval(async () => {
          const lines = (await readFile(path, "utf8").catch(() => "")).split("\n").length - 2;
          if (lines < killAfter) return;
          clearInterval(timer);
          child.kill("SIGKILL");
        }, 2);
      });
    expect(await run(whole)).toBe("0");
    expect(await run(table, 3)).toBe("SIGKILL");
    expect((await readFile(table, "utf8")).split("\n").length).toBeLessThan(14);
    expect(await run(table)).toBe("0");
    expect(await readFile(table, "utf8")).toBe(await readFile(whole, "utf8"));
  });

  test("of drawn points may grow", async () => {
    const table = file("grow.jsonl");
    const random = { trials: 3, table };
    const { trials } = await search({ x: float(0, 1) }, ({ x }) => x, random);
    const longer = await search({ x: float(0, 1) }, ({ x }) => x, { ...random, trials: 5 });
    expect(longer.trials.slice(0, 3)).toEqual(trials);
    expect(longer.trials.length).toBe(5);
    expect((await search({ x: float(0, 1) }, () => 0, { ...random, trials: 2 })).trials).toEqual(
      trials.slice(0, 2),
    );
  });

  test("of another search, or no table, is refused", async () => {
    const table = file("other.jsonl");
    await search(space, f, { ...options, table });
    const failing = (change: object, other = space) =>
      expect(search(other, f, { ...options, table, ...change })).rejects;
    await failing({ seed: 3 }).toThrow(/table of another search/);
    await failing({ mode: "max" }).toThrow(/table of another search/);
    await failing({}, { ...space, x: float(-2, 1) }).toThrow(/table of another search/);
    const [head] = (await readFile(table, "utf8")).split("\n");
    await writeFile(table, `${head}\n{"trial": 0`);
    await failing({}).toThrow(/line 2: not a trial/);
  });
});

test("options that mean nothing", async () => {
  const failing = (options: object) => expect(search({ x: float(0, 1) }, () => 0, options)).rejects;
  await failing({ trials: 0 }).toThrow(/trials is 0/);
  await failing({ method: "halving" }).toThrow(/halving needs budgets/);
  await failing({ method: "halving", budget: { min: 4, max: 2 } }).toThrow(
    /budgets are 4 … 2 by 3/,
  );
  expect(() => logUniform(0, 1)).toThrow(/above 0/);
  expect(() => float(1, 1)).toThrow(/range is 1 … 1/);
  expect(() => int(0.5, 2)).toThrow(/whole numbers/);
  expect(() => choice([])).toThrow(/nothing to choose/);
});
