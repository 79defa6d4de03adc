/** The figures of an autoencoder's report. */
import { type HostArray, sizeOf } from "../../../base/index.ts";
import { extent } from "../../../base/vectors.ts";
import { chart, figure, image, pictureToPng } from "../../../draw/index.ts";
import type { CodeUnit, Shown } from "./data.ts";

const [blue, orange] = ["#2459a9", "#d9822b"];
export const plain = (x: number): string => String(Number(x.toPrecision(3)));

/** Whether examples can be shown as images. */
export const arePictures = ({ shape }: HostArray): boolean => shape.length === 4;

/** Scaled from the smallest value to the largest, if they are not intensities. */
function rangeOf({ data }: HostArray): readonly [number, number] {
  const [low, high] = extent(data as Float32Array);
  return low >= 0 && high <= 1 ? [0, 1] : [low, high];
}

/** One of `[n, C, H, W]` as an `<img>`; the first channel unless there are one or three. */
async function picture(
  { shape, data }: HostArray,
  n: number,
  [low, high]: readonly [number, number],
  alt: string,
): Promise<string> {
  const [, count, height, width] = shape as readonly [number, number, number, number];
  const channels = count === 3 ? 3 : 1;
  const start = n * count * height * width;
  const values = Float64Array.from(
    data.subarray(start, start + channels * height * width),
    (x) => (x - low) / (high - low || 1),
  );
  return image(await pictureToPng({ channels, height, width, values }), alt);
}

/** Examples in a row, each above its reconstruction. */
export async function strip(
  { rows, inputs, given, outputs }: Shown,
  caption: (row: number) => string,
): Promise<string> {
  const range = rangeOf(inputs);
  const figures = rows.map(async (row, n) => {
    const images = [
      await picture(inputs, n, range, `test example ${row}`),
      ...(given ? [await picture(given, n, range, "as the model sees it")] : []),
      await picture(outputs, n, range, "reconstruction"),
    ];
    return figure(images.join(""), caption(row));
  });
  return `<div class="pictures">${(await Promise.all(figures)).join("\n")}</div>`;
}

/** Images `[n, C, H, W]` in a row, in the range of some data. */
export async function row(pictures: HostArray, of: HostArray, alt: string): Promise<string> {
  const range = rangeOf(of);
  const images = Array.from({ length: pictures.shape[0]! }, (_, n) =>
    picture(pictures, n, range, `${alt} ${n + 1}`),
  );
  return `<div class="pictures row">${(await Promise.all(images)).join("\n")}</div>`;
}

/** The distribution of errors over test examples. */
export function errorChart(errors: Float64Array, threshold: number): Promise<string> {
  const values = Array.from(errors, (x) => ({ x }));
  return chart((Plot) => ({
    title: "Reconstruction error of the test examples",
    subtitle: "the line: 95 of 100 are below",
    ...{ width: 460, height: 260, marginLeft: 50, grid: true },
    x: { label: "mean squared error", tickFormat: plain, ticks: 6 },
    y: { label: "examples" },
    marks: [
      Plot.rectY(
        values,
        Plot.binX({ y: "count" }, { x: "x", fill: blue, thresholds: 30 } as never) as never,
      ),
      Plot.ruleX([threshold], { stroke: orange, strokeWidth: 2, strokeDasharray: "4 3" }),
      Plot.ruleY([0]),
    ],
  }));
}

/** Points of the plane and their reconstructions. */
export function planeChart({ inputs, outputs }: Shown, names: readonly string[]): Promise<string> {
  const points = ({ data, shape }: HostArray) =>
    Array.from({ length: shape[0]! }, (_, n) => ({ x: data[2 * n]!, y: data[2 * n + 1]! }));
  const [from, to] = [points(inputs), points(outputs)];
  const links = from.map(({ x, y }, n) => ({ x, y, x2: to[n]!.x, y2: to[n]!.y }));
  return chart((Plot) => ({
    title: "Test examples and their reconstructions",
    legend: { example: blue, reconstruction: orange },
    ...{ width: 460, height: 400, grid: true },
    x: { label: names[0] ?? "x0" },
    y: { label: names[1] ?? "x1" },
    marks: [
      Plot.link(links, { x1: "x", y1: "y", x2: "x2", y2: "y2", stroke: "#b9c0ca" }),
      Plot.dot(from, { x: "x", y: "y", fill: blue, r: 2.5 }),
      Plot.dot(to, { x: "x", y: "y", fill: orange, r: 2.5 }),
    ],
  }));
}

/** The histogram of a unit, small: its caption is below it. */
export function unitFigure(unit: CodeUnit, k: number): string {
  const { histogram, mean, std, least, largest, isDead } = unit;
  const most = Math.max(...histogram);
  const bars = histogram
    .map((count, i) => {
      const height = (32 * count) / most;
      return `<rect x="${3 * i}" y="${(32 - height).toFixed(1)}" width="2.4" height="${height.toFixed(1)}"/>`;
    })
    .join("");
  const name = `unit ${k}, from ${plain(least)} to ${plain(largest)}`;
  const svg = `<svg viewBox="-2 -2 76 37" width="76" height="37" role="img" aria-label="${name}" fill="${isDead ? orange : blue}">${bars}</svg>`;
  return figure(svg, `${k}${isDead ? ", dead" : ""}: ${plain(mean)} ± ${plain(std)}`);
}

/** D of examples `[n, …]`. */
export const widthOf = ({ shape }: HostArray): number => sizeOf(shape.slice(1));
