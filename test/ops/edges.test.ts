import fs from "node:fs";
import { describe, expect, test } from "vitest";
import {
  grad,
  hessian,
  jvp,
  maxPool,
  oneHot,
  setEngine,
  Tensor,
  tensor,
  where,
  zeros,
} from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";

type Values = Parameters<typeof tensor>[0];
const f64 = (x: Values) => tensor(x, "float64");

/** What the expressions of the table may use. */
const scope = {
  grad,
  hessian,
  jvp,
  maxPool,
  oneHot,
  where,
  zeros,
  tensor,
  f64,
  f32: (x: Values) => tensor(x, "float32"),
  i32: (x: Values) => tensor(x, "int32"),
  bools: (x: Values) => tensor(x, "bool"),
  d: (f: (x: Tensor) => Tensor, x: number) => grad(f)(f64(x)),
  d2: (f: (x: Tensor) => Tensor, x: Tensor) => grad(grad(f))(x),
  error(run: () => Tensor): string {
    try {
      run().toArray();
      return "no error";
    } catch (error) {
      return (error as Error).name;
    }
  },
};

const evaluate = (code: string): unknown => {
  const result = new Function(...Object.keys(scope), `return ${code}`)(...Object.values(scope));
  return result instanceof Tensor ? result.toArray() : result;
};

const page = fs.readFileSync(new URL("../../docs/ops.md", import.meta.url), "utf8");
const table = /<!-- edges.*?-->\n(.*?)<!-- \/edges -->/s.exec(page)![1]!;
const rows = [...table.matchAll(/^\| `(.*?)` \| `(.*?)` \|/gm)].map((m) => [m[1]!, m[2]!] as const);

test("every row of the table is read", () => {
  expect(rows.length).toBe(table.match(/^\| `/gm)!.length);
  expect(rows.length).toBeGreaterThan(100);
});

// ±1 unit in the last place where a transcendental function is rounded, exact elsewhere
const nearly = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(nearly)
    : typeof value === "number" && Number.isFinite(value) && !Number.isInteger(value)
      ? expect.closeTo(value, 14 - Math.ceil(Math.log10(Math.abs(value))))
      : value;

for (const engine of engines)
  describe(`${engine}: docs/ops.md says`, () => {
    for (const [expression, value] of rows)
      test(`${expression} = ${value}`, () => {
        setEngine(engine);
        expect(evaluate(expression)).toEqual(nearly(evaluate(value)));
      });
  });
