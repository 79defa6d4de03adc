import { chart, image, page, section, svgToPng, table } from "gradus/draw";
import sharp from "sharp";
import { expect, test } from "vitest";

const points = Array.from({ length: 20 }, (_, i) => ({ x: i / 5, y: Math.sin(i / 5) }));

test("a chart is well-formed XML of the size that was asked for", async () => {
  const svg = await chart((Plot) => ({
    title: "sin x < 1 & more",
    subtitle: "from 0 to 4",
    legend: { "the sine": "steelblue" },
    width: 400,
    height: 240,
    grid: true,
    marks: [Plot.line(points, { x: "x", y: "y", stroke: "steelblue" }), Plot.frame()],
  }));
  const { width, height, format } = await sharp(Buffer.from(svg)).metadata();
  expect({ width, format }).toEqual({ width: 400, format: "svg" });
  expect(height).toBe(240 + 68);
  expect(svg).toContain("sin x &lt; 1 &amp; more");
});

test("contours, cells and text are drawn, with no page around them", async () => {
  const svg = await chart((Plot) => ({
    width: 300,
    height: 300,
    color: { scheme: "blues" },
    marks: [
      Plot.contour({
        x1: -1,
        x2: 1,
        y1: -1,
        y2: 1,
        width: 30,
        height: 30,
        fill: (x: number, y: number) => x * x + y * y,
      } as object),
      Plot.text([[0, 0]], { text: ["centre"] }),
    ],
  }));
  expect(svg.match(/<path/g)!.length).toBeGreaterThan(5);
  expect(svg).toContain("centre");
});

test("as PNG it has the lines that were drawn", async () => {
  const svg = await chart((Plot) => ({
    width: 200,
    height: 100,
    axis: null,
    marks: [Plot.line(points, { x: "x", y: "y", stroke: "#ff0000", strokeWidth: 3 })],
  }));
  const { data, info } = await sharp(await svgToPng(svg))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(info.width).toBe(400);
  let red = 0;
  for (let i = 0; i < data.length; i += info.channels)
    if (data[i]! > 200 && data[i + 1]! < 60 && data[i + 2]! < 60) red++;
  expect(red).toBeGreaterThan(500);
});

test("a page escapes what it is given and loads nothing", () => {
  const html = page({
    title: "<b>",
    body: [section("A & B", table(["name", "n"], [["<i>", 3]])), image(new Uint8Array([1]), "x")],
  });
  expect(html).toContain("<h1>&lt;b&gt;</h1>");
  expect(html).toContain("<td>&lt;i&gt;</td><td>3</td>");
  expect(html).not.toMatch(/(src|href)="(?!data:)/);
});
