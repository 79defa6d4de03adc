/** The figures of `gradus landscape`. */
import { extent } from "../../../base/vectors.ts";
import {
  chart,
  css,
  type SurfaceData,
  type SurfaceOptions,
  surfaceChart,
  viridis,
} from "../../../draw/index.ts";
import type { GridSlice } from "../../../lab/index.ts";
import type { Between, Curvature, Plane } from "./measure.ts";

const pathColor = "#e4572e";
const lineColor = "#2459a9";
/** Of a figure that can be read on a phone, at three quarters of its size. */
const size = {
  width: 480,
  style: { background: "none", overflow: "visible", fontSize: "12px" },
} as const;

/** Losses are drawn by their logarithm: near a minimum they differ by factors. */
const logOf = (loss: number): number =>
  Number.isFinite(loss) ? Math.log10(Math.max(loss, 1e-12)) : Number.NaN;

/** The label of each axis of the plane. */
export function axisNames({ kind, explained }: Plane): [string, string] {
  if (kind === "random") return ["random direction 1", "random direction 2"];
  if (kind === "eigen") return ["steepest eigenvector", "second eigenvector"];
  const share = (k: number) => `${(100 * explained![k]!).toFixed(0)} %`;
  return [`component 1 (${share(0)})`, `component 2 (${share(1)})`];
}

const range = (grid: GridSlice): [number, number] => {
  const all = grid.losses.flatMap((row) => Array.from(row, logOf)).filter(Number.isFinite);
  return extent(all);
};

/** 0.05, 0.1, 0.2, …: at most seven round losses within a range of logarithms. */
function roundLosses(low: number, high: number): number[] {
  for (const digits of [[1, 2, 5], [1, 3], [1]]) {
    const found: number[] = [];
    for (let power = Math.floor(low); power <= high; power++)
      for (const digit of digits) {
        const loss = digit * 10 ** power;
        if (Math.log10(loss) >= low && Math.log10(loss) <= high) found.push(loss);
      }
    if (found.length <= 7 && found.length > 1) return found;
  }
  return [0, 1, 2, 3, 4].map((k) => 10 ** (low + (k / 4) * (high - low)));
}

const short = (x: number): string => String(Number(x.toPrecision(2)));

/** The plane from above, with the trajectory and the net. */
export function contourChart(grid: GridSlice, plane: Plane): Promise<string> {
  const { x, y, losses } = grid;
  const [low, high] = range(grid);
  const values = losses.flatMap((row) => Array.from(row, logOf));
  const [dx, dy] = [x[1]! - x[0]!, y[1]! - y[0]!];
  const [x0, x1] = [x[0]!, x.at(-1)!];
  const [y0, y1] = [y[0]!, y.at(-1)!];
  const color = (loss: number) => css(viridis((Math.log10(loss) - low) / (high - low || 1)));
  const legend = Object.fromEntries(
    roundLosses(low, high).map((loss) => [`L = ${short(loss)}`, color(loss)]),
  );
  const inside = plane.path.filter(([a, b]) => a >= x0 && a <= x1 && b >= y0 && b <= y1);
  const [xLabel, yLabel] = axisNames(plane);
  return chart((Plot) => ({
    title: "The loss from above",
    subtitle: inside.length > 1 ? "line: the path of the weights; star: the net" : "star: the net",
    legend,
    ...size,
    height: 430,
    marginLeft: 56,
    marginBottom: 44,
    x: { domain: [x0, x1], label: xLabel, labelAnchor: "center", labelArrow: "none" },
    y: { domain: [y0, y1], label: yLabel, labelAnchor: "center", labelArrow: "none" },
    color: { type: "linear", domain: [low, high], interpolate: (t: number) => css(viridis(t)) },
    marks: [
      Plot.contour(values, {
        ...{ width: x.length, height: y.length },
        ...{ x1: x0 - dx / 2, x2: x1 + dx / 2, y1: y0 - dy / 2, y2: y1 + dy / 2 },
        fill: (d: number) => d,
        stroke: "#fff",
        strokeOpacity: 0.35,
        strokeWidth: 0.7,
        thresholds: 18,
        clip: true,
      }),
      ...(inside.length > 1
        ? [
            Plot.line(plane.path, { stroke: "#fff", strokeWidth: 4, clip: true }),
            Plot.line(plane.path, { stroke: pathColor, strokeWidth: 2.2, clip: true }),
            Plot.dot(inside, { fill: pathColor, stroke: "#fff", r: 3 }),
            Plot.dot([plane.path[0]!], {
              fill: "#fff",
              stroke: pathColor,
              strokeWidth: 2,
              r: 5,
              clip: true,
            }),
          ]
        : []),
      Plot.dot([[0, 0]], {
        fill: "#fff",
        stroke: "#1b1e23",
        symbol: "star",
        r: 8,
        strokeWidth: 1.2,
      }),
      Plot.frame({ stroke: "#5d6570" }),
    ],
  }));
}

/** The plane as heights, for the picture and for the page. */
export function surfaceOf(grid: GridSlice, plane: Plane): [SurfaceData, SurfaceOptions] {
  const [low, high] = range(grid);
  const heights = grid.losses.map((row) => Array.from(row, logOf));
  const [xLabel, yLabel] = axisNames(plane);
  const path = dense(plane.path).flatMap(([a, b]) => {
    const height = heightAt(grid, heights, a, b);
    return height === undefined ? [] : [[a, b, height] as const];
  });
  return [
    { x: grid.x, y: grid.y, heights, path },
    {
      title: "The loss as a surface",
      subtitle: "heights are logarithmic",
      ...{ xLabel, yLabel, zLabel: "loss" },
      ticks: roundLosses(low, high).map((loss) => ({
        height: Math.log10(loss),
        text: short(loss),
      })),
    },
  ];
}

/** The trajectory with intermediate points, so that a line on a surface follows it. */
function dense(path: Plane["path"]): [number, number][] {
  const between = 12;
  return path.flatMap(([a, b], i) => {
    const [c, d] = path[i + 1] ?? [a, b];
    const parts = i + 1 < path.length ? between : 1;
    return Array.from({ length: parts }, (_, k): [number, number] => [
      a + (k / between) * (c - a),
      b + (k / between) * (d - b),
    ]);
  });
}

/** Bilinear interpolation between the four points around a point; undefined outside the grid. */
function heightAt(
  { x, y }: GridSlice,
  heights: readonly (readonly number[])[],
  a: number,
  b: number,
): number | undefined {
  const indexOf = (axis: Float64Array, value: number) => (value - axis[0]!) / (axis[1]! - axis[0]!);
  const [u, v] = [indexOf(x, a), indexOf(y, b)];
  if (!(u >= 0 && v >= 0 && u <= x.length - 1 && v <= y.length - 1)) return undefined;
  const [i, j] = [Math.min(Math.floor(u), x.length - 2), Math.min(Math.floor(v), y.length - 2)];
  const [p, q] = [u - i, v - j];
  const row = (j: number) => (1 - p) * heights[j]![i]! + p * heights[j]![i + 1]!;
  return (1 - q) * row(j) + q * row(j + 1);
}

export const surfacePicture = (grid: GridSlice, plane: Plane): string =>
  surfaceChart(...surfaceOf(grid, plane));

/** The density of the eigenvalues, on a logarithmic scale, with the extreme ones marked. */
export function spectrumChart(
  { spectrum, largest, smallest }: Curvature,
  directions: number,
): Promise<string> {
  const [from, to] = [spectrum.values[0]!, spectrum.values.at(-1)!];
  const unit = 0.01 * (to - from || 1) * Math.sqrt(2 * Math.PI); // a single eigenvalue then peaks at 1
  const floor = 0.3; // of an eigenvalue
  const rows = Array.from(spectrum.grid, (t, i) => ({
    t,
    count: Math.max(floor, directions * spectrum.density[i]! * unit),
  }));
  const marks = [...largest, ...smallest].map(({ value }) => ({ value }));
  return chart((Plot) => ({
    title: "The eigenvalues of the Hessian",
    subtitle: "area: an estimate; lines: the largest and smallest, computed",
    ...size,
    height: 270,
    marginLeft: 56,
    marginBottom: 40,
    x: {
      label: "eigenvalue: how strongly the loss bends",
      labelAnchor: "center",
      labelArrow: "none",
    },
    y: {
      type: "log",
      label: "number of directions",
      labelArrow: "none",
      domain: [floor, Math.max(10, directions)],
      ticks: 5,
      tickFormat: "~s",
      grid: true,
    },
    marks: [
      Plot.areaY(rows, { x: "t", y1: floor, y2: "count", fill: lineColor, fillOpacity: 0.25 }),
      Plot.lineY(rows, { x: "t", y: "count", stroke: lineColor, strokeWidth: 1.5 }),
      Plot.tickX(marks, { x: "value", stroke: pathColor, strokeWidth: 1.5 }),
      Plot.ruleX([0], { stroke: "#5d6570", strokeDasharray: "3,3" }),
    ],
  }));
}

/** The loss between two nets, on the straight line and on the curve. */
export function betweenChart({ t, line, curve }: Between): Promise<string> {
  const rows = (losses: readonly number[]) => losses.map((loss, i) => ({ t: t[i]!, loss }));
  return chart((Plot) => ({
    title: "From this net to the other",
    legend: { "straight line": pathColor, "trained curve": lineColor },
    ...size,
    height: 270,
    marginLeft: 56,
    marginBottom: 40,
    x: { label: "share of the way", labelAnchor: "center", labelArrow: "none" },
    y: { label: "loss", labelArrow: "none", zero: true, grid: true },
    marks: [
      Plot.lineY(rows(line), { x: "t", y: "loss", stroke: pathColor, strokeWidth: 2 }),
      Plot.lineY(rows(curve), { x: "t", y: "loss", stroke: lineColor, strokeWidth: 2 }),
    ],
  }));
}
