import { readFile, writeFile } from "node:fs/promises";
import { PCA } from "gradus/learn";
import { beforeAll, describe, expect, test } from "vitest";
import { mapChart } from "../../src/cli/pages/map/chart.ts";
import { gradus, isFast, workIn, writeImages } from "./support.ts";

workIn();

const rows = Array.from({ length: 60 }, (_, n) => {
  const k = n % 2;
  return [9 * k + Math.sin(n), Math.cos(3 * n), Math.sin(5 * n), k ? "far, out" : "near"] as const;
});
const lines = async (path: string) => (await readFile(path, "utf8")).trimEnd().split("\n");
const points = async (path: string) =>
  (await lines(path)).slice(1).map((line) => line.split(",").slice(-2).map(Number));

beforeAll(async () => {
  const table = rows.map(([a, b, c, name]) => `${a},${b},${c},"${name}"`);
  await writeFile("points.csv", `a,b,c,name\n${table.join("\n")}\n`);
});

describe.runIf(isFast)("gradus embed", () => {
  test("PCA: the coordinates of the library on the standardized rows", async () => {
    const { code, out } = await gradus("embed points.csv");
    expect(code).toBe(0);
    expect(out).toContain("page     points-pca.html");
    const [header, first] = await lines("points-pca.csv");
    expect(header).toBe("row,name,x,y");
    expect(first).toMatch(/^1,near,/);
    expect((await lines("points-pca.csv"))[2]).toMatch(/^2,"far, out",/);
    const columns = [0, 1, 2].map((j) => rows.map((row) => row[j] as number));
    const scaled = columns.map((column) => {
      const mean = column.reduce((a, b) => a + b, 0) / column.length;
      const variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length;
      return column.map((x) => (x - mean) / Math.sqrt(variance));
    });
    const x = rows.map((_, n) => scaled.map((column) => column[n]!));
    const right = (await new PCA({ nComponents: 2 }).fitTransform(x)).toArray() as number[][];
    (await points("points-pca.csv")).forEach((point, n) => {
      for (const k of [0, 1]) expect(point[k]).toBeCloseTo(right[n]![k]!, 10);
    });
    const png = await readFile("points-pca.png");
    expect(png.subarray(1, 4).toString()).toBe("PNG");
  });
  test.each(["tsne", "umap"])(
    "%s parts two groups, and a seed gives the same map",
    async (method) => {
      await gradus(`embed points.csv --method ${method} --out first`);
      await gradus(`embed points.csv --method ${method} --out second.csv`);
      expect(await readFile("second.csv")).toEqual(await readFile("first.csv"));
      const map = await points("first.csv");
      const center = (k: number, axis: number) =>
        map.filter((_, n) => n % 2 === k).reduce((sum, p) => sum + p[axis]!, 0) / 30;
      for (const [n, [x, y]] of map.entries()) {
        const far = (k: number) => Math.hypot(x! - center(k, 0), y! - center(k, 1));
        expect(far(n % 2)).toBeLessThan(far(1 - (n % 2)));
      }
    },
  );
  test("the page holds the points, the rows and nothing from elsewhere", async () => {
    const page = await readFile("points-pca.html", "utf8");
    expect(page).toContain('aria-live="polite"');
    expect(page).toContain("far, out");
    expect(page).not.toMatch(/(src|href)="(?!data:)/);
  });
  test("images are on the page, and all columns are taken without a target", async () => {
    await writeImages("bars", 40);
    const { out } = await gradus("embed bars --json");
    expect(JSON.parse(out)).toMatchObject({ event: "embed", method: "pca", examples: 50 });
    expect(await readFile("bars-pca.html", "utf8")).toContain('id="sprites"');
    await gradus("embed points.csv --no-target --out all");
    expect((await lines("all.csv"))[0]).toBe("row,x,y");
    expect((await points("all.csv"))[1]).not.toEqual((await points("points-pca.csv"))[1]);
  });
  test("a numeric target colors, and gaps are said", async () => {
    await writeFile(
      "gaps.csv",
      `a,b,y\n${rows.map(([a, b, c], n) => `${n === 4 ? "" : a},${b},${c}`).join("\n")}\n`,
    );
    const { error } = await gradus("embed gaps.csv --method pca");
    expect(error).toContain("59 rows used, 1 left out: `a` empty");
    expect((await lines("gaps-pca.csv"))[5]).toMatch(/^6,/);
    expect((await gradus("embed gaps.csv data.missing=median")).error).toContain("60 rows used");
  });
});

describe("what no map can be drawn of", () => {
  test.each([
    [
      "points.csv --method tsn",
      '"tsn" is not one of pca, tsne, umap',
      "did you mean --method tsne?",
    ],
    ["points.csv --perplexity 5", "it is for tsne, and the method is pca", "--method tsne"],
    ["points.csv --method tsne --perplexity 500", "500", ""],
    ["points.csv lr=0.1", "a map takes settings of data alone", ""],
    ["point.csv", '"point.csv" is no set', ""],
    ["points.csv --target nam", "nam", ""],
    ["tiny.csv", "1 features, of which no map can be drawn", ""],
  ])("embed %s", async (line, problem, fix) => {
    await writeFile("tiny.csv", "a,y\n1,u\n2,v\n3,u\n4,v\n");
    const { code, error } = await gradus(`embed ${line} --out nothing`);
    expect(code).toBe(1);
    expect(error).toContain(problem);
    expect(error).toContain(fix);
    await expect(readFile("nothing.csv")).rejects.toThrow();
  });
});

test("the picture of a map has one scale for both axes", async () => {
  const ids = [1, 2, 3];
  for (const [dx, dy] of [
    [50, 1],
    [1, 50],
    [3, 3],
  ] as const) {
    const source = { ids, labels: undefined, classes: [] } as never;
    const svg = await mapChart(source, Float64Array.of(0, 0, dx, 0, 0, dy), "map");
    const dots = svg.match(/<circle[^>]*>/g)!;
    const at = dots.map((dot) =>
      ["cx", "cy"].map((name) => Number(new RegExp(`\\b${name}="([^"]*)"`).exec(dot)![1])),
    );
    const [o, right, up] = at as [[number, number], [number, number], [number, number]];
    expect((right[0] - o[0]) / dx).toBeCloseTo((o[1] - up[1]) / dy, 6);
    expect(at.flat().every((x) => x > 0 && x < 760)).toBe(true);
  }
});
