/** Data sets by name, on the command line. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { gradus, workIn } from "./support.ts";

const folder = workIn();
const before = { ...process.env };
process.env.XDG_CACHE_HOME = join(folder, "cache");
process.env.GRADUS_DATA_MIRROR = "http://127.0.0.1:1";
afterAll(() => {
  process.env = before;
});

test("data lists the sets and where they are kept", async () => {
  const { code, out } = await gradus("data");
  expect(code).toBe(0);
  expect(out).toContain(`kept in ${join(folder, "cache/gradus/data")}`);
  expect(out).toMatch(/cifar10 +170\.1 MB {2}photographs/);
});

test("without a network there is one clear error", async () => {
  const { code, error } = await gradus("train --data iris");
  expect(code).toBe(1);
  expect(error).toMatch(/127\.0\.0\.1:1\/iris\/iris\.csv: "iris\.csv" cannot be downloaded/);
});

test("--data takes a set from the cache by its name", async () => {
  const rows = Array.from({ length: 60 }, (_, i) => `${i % 7},${(i * i) % 5},${i % 3 ? "a" : "b"}`);
  mkdirSync("cache/gradus/data/iris", { recursive: true });
  writeFileSync("cache/gradus/data/iris/iris.csv", `${rows.join("\n")}\n`.padEnd(4551, "\n"));
  const { code, out, error } = await gradus("train --data iris --epochs 1 --run runs/iris");
  expect(error).toBe("");
  expect(code).toBe(0);
  expect(out).toMatch(/iris/);
});
