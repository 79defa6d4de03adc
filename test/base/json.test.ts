import { describe, expect, test } from "vitest";
import { formatJson, parseJson } from "../../src/base/index.ts";

const values: unknown[] = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -0,
  0,
  5e-324,
  Number.MAX_VALUE,
  0.1 + 0.2,
  "NaN",
  "Infinity",
  "-Infinity",
  "-0",
  "\\NaN",
  "\\\\-0",
  "\\n",
  "Infinity and more",
  "",
  null,
  true,
  [Number.NaN, [-0], "NaN"],
  { a: Number.POSITIVE_INFINITY, NaN: "NaN", b: { c: -0, d: null } },
];

describe("JSON that keeps every number", () => {
  test.each(values.map((value) => [value]))("%j comes back as it was", (value) => {
    expect(parseJson(formatJson(value))).toStrictEqual(value);
    expect(parseJson(formatJson(value, 2))).toStrictEqual(value);
  });
  test("is JSON, and other readers see what numbers they are", () => {
    const text = formatJson([Number.NaN, Number.NEGATIVE_INFINITY, -0, 1.5]);
    expect(text).toBe('["NaN","-Infinity","-0",1.5]');
    expect((JSON.parse(text) as string[]).map(Number)).toStrictEqual([
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      -0,
      1.5,
    ]);
  });
  test("what was written without it reads as before", () => {
    expect(parseJson('{"loss":null,"n":-0.0}')).toStrictEqual({ loss: null, n: -0 });
  });
});
