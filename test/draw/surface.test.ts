/** Surfaces as pictures: what is drawn, where, in which order; and what the page does with them. */
import { interactiveSurface, plotlyScript, surfaceChart, svgToPng, viridis } from "gradus/draw";
import sharp from "sharp";
import { describe, expect, test } from "vitest";

const axis = [-1, -0.5, 0, 0.5, 1];
const heights = axis.map((y) => axis.map((x) => x * x + y * y));
const bowl = { x: axis, y: axis, heights };

/** The corners of each cell on the paper, in the order of painting. */
const cells = (svg: string): number[][][] =>
  [...svg.matchAll(/<polygon points="([^"]+)"/g)].map(([, points]) =>
    points!.split(" ").map((point) => point.split(",").map(Number)),
  );

describe("surfaceChart", () => {
  test("draws a quadrilateral for each cell, within the paper, and is well-formed", async () => {
    const svg = surfaceChart(bowl, { title: "a < b", width: 300, height: 240 });
    expect(cells(svg).length).toBe(16);
    for (const [x, y] of cells(svg).flat()) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(300);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(240);
    }
    expect(svg).toContain("a &lt; b");
    expect((await sharp(await svgToPng(svg, { scale: 1 })).metadata()).format).toBe("png");
  });

  test("paints from the farthest to the nearest: the first is at the back, above the last", () => {
    const flat = { ...bowl, heights: axis.map(() => axis.map(() => 0)) };
    const rows = cells(surfaceChart(flat)).map((points) => Math.max(...points.map(([, y]) => y!)));
    expect(rows).toEqual([...rows].sort((a, b) => a - b));
  });

  test("looks from the lowest corner, so that little is hidden", () => {
    for (const [sx, sy] of [
      [1, 1],
      [1, -1],
      [-1, 1],
      [-1, -1],
    ] as const) {
      const plane = {
        x: axis,
        y: axis,
        heights: axis.map((y) => axis.map((x) => sx * x + sy * y)),
      };
      const fills = [...surfaceChart(plane).matchAll(/<polygon[^>]+fill="rgb\(([^)]+)\)"/g)];
      const green = Number(fills.at(-1)![1]!.split(",")[1]);
      expect(green, `${sx} ${sy}`).toBeLessThan(60); // violet; the highest cell has 200 and more
    }
  });

  test("leaves holes where heights are not finite, and marks both ends of a path", () => {
    const holed = heights.map((row, j) => row.map((z, i) => (i === 0 && j === 0 ? Number.NaN : z)));
    const path = [
      [-1, 1, 2],
      [0, 0, 0],
    ] as const;
    const svg = surfaceChart({ ...bowl, heights: holed, path });
    expect(cells(svg).length).toBe(15);
    expect(svg.match(/<circle/g)?.length).toBe(2);
    expect(svg).not.toContain("NaN");
  });
});

test("viridis is dark at 0, light at 1, and stays within them", () => {
  expect([viridis(0), viridis(1), viridis(-3), viridis(0.125)]).toEqual([
    [68, 1, 84],
    [253, 231, 37],
    [68, 1, 84],
    [71, 44, 122],
  ]);
});

test("a surface for a page carries its data and its picture, and nothing that ends the script", async () => {
  const html = interactiveSurface(bowl, { xLabel: "</script><b>" }, "<svg>still</svg>", "s1");
  const name = "surface: heights over &lt;/script&gt;&lt;b&gt; and y";
  expect(html).toContain(`id="s1" role="img" aria-label="${name}"><svg>still</svg></div>`);
  expect(html.match(/<\/script>/g)?.length).toBe(1);
  expect(html).toContain('"z":[[2,1.25,1,1.25,2]');
  const script = await plotlyScript();
  expect(script.match(/<\/script/g)?.length).toBe(1);
  expect(script.length).toBeGreaterThan(1e6);
});
