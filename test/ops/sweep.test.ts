import { describe, expect, test } from "vitest";
import { ops } from "../../src/ops/index.ts";
import { setEngine } from "../../src/tensor/index.ts";
import { engines } from "../support/engines.ts";
import { casesOf, strayCases } from "../support/op-cases.ts";
import { checkDerivatives, checkOnEngine } from "../support/op-sweep.ts";

test("every record has cases, every case has a record, and names are unique", () => {
  expect(ops.filter((op) => casesOf(op) === undefined).map((op) => op.name)).toEqual([]);
  expect(strayCases()).toEqual([]);
  expect(new Set(ops.map((op) => op.name)).size).toBe(ops.length);
});

describe("vjp and jvp against differences and the complex step, to second order", () => {
  for (const op of ops) test(op.name, () => checkDerivatives(op, casesOf(op)!));
});

for (const engine of engines)
  describe(`${engine}: value, derivatives and second order are the reference engine's`, () => {
    for (const op of ops)
      test(op.name, () => {
        setEngine(engine);
        checkOnEngine(op, casesOf(op)!);
      });
  });
