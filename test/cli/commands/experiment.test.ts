import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { gradus, workIn } from "../support.ts";

workIn();

describe("gradus experiment", () => {
  test("without a name, lists the claims with their sources", async () => {
    const { code, out } = await gradus("experiment");
    expect(code).toBe(0);
    expect(out).toMatch(/^E1 {3}.+\(.+\)\nE2 /);
  });
  test("writes a page, numbers and figures, and an index of all that lies there", async () => {
    const { code, out } = await gradus("experiment E22 --quick --out results");
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(
        /^E22 holds: .*\n {3}control fails, as it must: .*\npages {2}results\//,
      ),
    ]);
    await gradus("experiment e4 --quick --seed 2 --out results");
    const files = await readdir("results");
    expect(files).toEqual(expect.arrayContaining(["E22.md", "E22.json", "E4.md", "README.md"]));
    expect(files.filter((name) => name.endsWith(".png")).length).toBe(
      files.filter((name) => name.endsWith(".svg")).length,
    );
    const page = await readFile("results/E4.md", "utf8");
    for (const part of [
      "**Claim.**",
      "**Criterion.**",
      "**Control.**",
      "experiment E4 --quick --seed 2",
    ])
      expect(page).toContain(part);
    const index = await readFile("results/README.md", "utf8");
    expect(index.indexOf("[E4]")).toBeLessThan(index.indexOf("[E22]"));
    expect(index).toContain("2 of 2 hold");
  });
  test("--json: one object", async () => {
    const { out } = await gradus("experiment E22 --quick --json --out results");
    expect(JSON.parse(out)).toMatchObject({
      id: "E22",
      holds: true,
      control: true,
      figures: expect.any(Object),
      seconds: expect.any(Number),
    });
  });
  test("a damaged result of an earlier run is named", async () => {
    await mkdir("damaged");
    for (const text of ['{"id":"E3","title', '{"id":"E3"}', "[]"]) {
      await writeFile("damaged/E3.json", text);
      const { code, error } = await gradus("experiment E22 --quick --out damaged");
      expect([code, error]).toEqual([
        1,
        expect.stringContaining("damaged/E3.json: this is not the result of an experiment."),
      ]);
    }
  });
  test("an id that there is not", async () => {
    const { code, error } = await gradus("experiment E99");
    expect([code, error]).toEqual([1, expect.stringMatching(/there is no experiment "E99"/)]);
  });
});
