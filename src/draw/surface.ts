import { css, viridis } from "./colors.ts";
import { escapeXml } from "./escape.ts";

/** Heights over a grid, and an optional path on them. */
export interface SurfaceData {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** heights[j][i] is at x[i] and y[j]. */
  readonly heights: readonly ArrayLike<number>[];
  /** Points [x, y, height] of a line, in order; the last is marked. */
  readonly path?: readonly (readonly [number, number, number])[] | undefined;
}

/** The title, axes and size of {@link surfaceChart}. */
export interface SurfaceOptions {
  readonly title?: string;
  readonly subtitle?: string;
  readonly xLabel?: string;
  readonly yLabel?: string;
  readonly zLabel?: string;
  /** Heights that get a line and a text on the vertical axis. */
  readonly ticks?: readonly { readonly height: number; readonly text: string }[];
  readonly width?: number;
  readonly height?: number;
}

type Point = readonly [number, number, number];
/** In the drawing plane; depth grows towards the viewer. */
interface Seen {
  readonly u: number;
  readonly v: number;
  readonly depth: number;
}
interface Piece {
  readonly depth: number;
  readonly svg: string;
}

const ink = "#1b1e23";
const soft = "#5d6570";
const pathColor = "#e4572e";
/** Height of the box, whose base has sides of length 2. */
const boxHeight = 1.1;
/** The direction of the light, a unit vector. */
const light: Point = [-0.45, -0.35, 0.82];
/** How far a line lies in front of the surface that it is on. */
const bias = 0.06;

/**
 * Draws heights over a grid as a surface seen from a corner, in SVG: each cell a quadrilateral, lit
 * from the left, painted from the farthest to the nearest. Heights that are not finite leave holes.
 *
 * @see Newell, Newell & Sancha 1972, "A solution to the hidden surface problem" (the painter's
 * algorithm)
 * @example
 * const axis = [-1, 0, 1];
 * const heights = axis.map((y) => axis.map((x) => x * x + y * y));
 * surfaceChart({ x: axis, y: axis, heights }, { title: "A bowl" }).startsWith("<svg"); // true
 */
export function surfaceChart(data: SurfaceData, options: SurfaceOptions = {}): string {
  const { title, subtitle, width = 480, height = 380 } = options;
  const box = boxOf(data);
  const see = viewOf(azimuthFor(data), width, height);
  const project = (x: number, y: number, z: number) => see(box.position(x, y, z));
  const pieces = [...cells(data, box, see), ...line(data.path ?? [], project)];
  pieces.sort((a, b) => a.depth - b.depth);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'DejaVu Sans', sans-serif"${title ? ` role="img" aria-label="${escapeXml(title)}"` : ""}>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    title ? words(12, 24, title, `font-size="15" font-weight="600"`) : "",
    subtitle ? words(12, 43, subtitle, `font-size="12"`) : "",
    ...frame(options, box, see),
    ...pieces.map(({ svg }) => svg),
    ...ends(data.path ?? [], project),
    "</svg>",
  ].join("\n");
}

const words = (x: number, y: number, text: string, style: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${ink}" ${style}>${escapeXml(text)}</text>`;

/** The unit box filled by the data: x and y from −1 to 1, z from 0 to {@link boxHeight}. */
function boxOf({ x, y, heights }: SurfaceData) {
  const all = heights.flatMap((row) => Array.from(row)).filter(Number.isFinite);
  const low = all.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = all.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const share = (z: number) => (high > low ? (z - low) / (high - low) : 0.5);
  const scale = (values: ArrayLike<number>) => {
    const [from, to] = [values[0]!, values[values.length - 1]!];
    return (value: number) => (2 * (value - from)) / (to - from) - 1;
  };
  const [sx, sy] = [scale(x), scale(y)];
  const position = (x: number, y: number, z: number): Point => [sx(x), sy(y), boxHeight * share(z)];
  return { share, position };
}

type Box = ReturnType<typeof boxOf>;
type View = (point: Point) => Seen;

/** Degrees above the horizon. */
const elevation = 30;

/**
 * Degrees around the vertical: of the four corners, the view from the lowest, so that little is
 * hidden.
 */
export function azimuthFor({ x, y, heights }: SurfaceData): number {
  const [i, j] = [x.length - 1, y.length - 1];
  const corners = [
    { azimuth: -128, height: heights[0]![0]! },
    { azimuth: -52, height: heights[0]![i]! },
    { azimuth: 52, height: heights[j]![i]! },
    { azimuth: 128, height: heights[j]![0]! },
  ].filter(({ height }) => Number.isFinite(height));
  corners.sort((a, b) => a.height - b.height);
  return corners[0]?.azimuth ?? -52;
}

/** Parallel projection, with the box in the middle of the drawing. */
function viewOf(azimuth: number, width: number, height: number) {
  const [a, e] = [(azimuth * Math.PI) / 180, (elevation * Math.PI) / 180];
  const [ca, sa, ce, se] = [Math.cos(a), Math.sin(a), Math.cos(e), Math.sin(e)];
  const size = Math.min(width / 3.3, height / 2.75);
  return ([x, y, z]: Point): Seen => {
    const across = -sa * x + ca * y;
    const away = ca * x + sa * y; // towards the viewer on the ground
    return {
      u: width / 2 + 10 + size * across,
      v: 0.56 * height + size * (se * away - ce * (z - boxHeight / 2)),
      depth: ce * away + se * z,
    };
  };
}

const at = ({ u, v }: Seen): string => `${u.toFixed(1)},${v.toFixed(1)}`;
const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

function cells({ x, y, heights }: SurfaceData, box: Box, see: View): Piece[] {
  const pieces: Piece[] = [];
  for (let j = 0; j + 1 < y.length; j++)
    for (let i = 0; i + 1 < x.length; i++) {
      const corners = [
        [i, j],
        [i + 1, j],
        [i + 1, j + 1],
        [i, j + 1],
      ] as const;
      const z = corners.map(([i, j]) => heights[j]![i]!);
      if (!z.every(Number.isFinite)) continue;
      const points = corners.map(([i, j], k) => box.position(x[i]!, y[j]!, z[k]!));
      const seen = points.map(see);
      const color = css(viridis(box.share(mean(z))), brightness(points));
      const svg = `<polygon points="${seen.map(at).join(" ")}" fill="${color}" stroke="${css(viridis(box.share(mean(z))), 0.75)}" stroke-width=".5" stroke-linejoin="round"/>`;
      pieces.push({ depth: mean(seen.map(({ depth }) => depth)), svg });
    }
  return pieces;
}

/** Lambertian shading by the cell's normal, with some ambient light. */
function brightness([a, b, c, d]: readonly Point[]): number {
  const minus = (p: Point, q: Point) => [p[0] - q[0], p[1] - q[1], p[2] - q[2]] as const;
  const [p, q] = [minus(c!, a!), minus(d!, b!)];
  const n = [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
  const facing = (n[0]! * light[0] + n[1]! * light[1] + n[2]! * light[2]) / Math.hypot(...n);
  return 0.62 + 0.5 * Math.max(0, facing);
}

type Projection = (x: number, y: number, z: number) => Seen;

function line(path: NonNullable<SurfaceData["path"]>, project: Projection): Piece[] {
  const seen = path.map((point) => project(...point));
  return seen.slice(1).flatMap((to, i) => {
    const from = seen[i]!;
    const depth = (from.depth + to.depth) / 2 + bias;
    const stroke = (color: string, width: number) =>
      `<path d="M${at(from)}L${at(to)}" stroke="${color}" stroke-width="${width}" stroke-linecap="round"/>`;
    return [
      { depth, svg: stroke("#fff", 4) },
      { depth: depth + bias, svg: stroke(pathColor, 2.2) }, // before the white of its neighbours
    ];
  });
}

/** A ring at the start of the path, a disc at its end. */
function ends(path: NonNullable<SurfaceData["path"]>, project: Projection): string[] {
  if (path.length === 0) return [];
  const disc = (point: Point, fill: string, stroke: string) => {
    const { u, v } = project(...point);
    return `<circle cx="${u.toFixed(1)}" cy="${v.toFixed(1)}" r="4.5" fill="${fill}" stroke="${stroke}" stroke-width="1.8"/>`;
  };
  const start = path.length > 1 ? [disc(path[0]!, "#ffffff", pathColor)] : [];
  return [...start, disc(path.at(-1)!, pathColor, "#ffffff")];
}

/** The floor, the two walls behind with lines at the ticks, and the names of the axes. */
function frame(options: SurfaceOptions, box: Box, see: View): string[] {
  const { xLabel = "", yLabel = "", zLabel = "", ticks = [], width = 480, height = 380 } = options;
  const corner = (x: number, y: number, z: number) => see([x, y, z]);
  const grounds = [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ] as const;
  const back = [...grounds].sort(
    (p, q) => corner(p[0], p[1], 0).depth - corner(q[0], q[1], 0).depth,
  );
  const [far, left, right, near] = back as [Ground, Ground, Ground, Ground];
  const [west, east] = corner(...left, 0).u < corner(...right, 0).u ? [left, right] : [right, left];
  const strokes = (points: readonly Seen[], color: string) =>
    `<polyline points="${points.map(at).join(" ")}" fill="none" stroke="${color}" stroke-width="1"/>`;
  const wall = (z: number) => [corner(...west, z), corner(...far, z), corner(...east, z)];
  const lines = ticks.flatMap((tick) => {
    const share = box.share(tick.height);
    if (share < -0.001 || share > 1.001) return [];
    const points = wall(boxHeight * share);
    const [{ u, v }] = points as [Seen];
    return [
      strokes(points, "#d9dde3"),
      words(u - 8, v + 4, tick.text, `font-size="11" text-anchor="end"`),
    ];
  });
  const floor = [...wall(0), corner(...near, 0), corner(...west, 0)];
  const name = (from: Ground, text: string) => {
    const isLeft = from === west;
    const anchor = `text-anchor="${isLeft ? "start" : "end"}"`;
    return words(isLeft ? 8 : width - 8, height - 10, text, `font-size="12" ${anchor}`);
  };
  const along = (from: Ground) => (from[0] === near[0] ? yLabel : xLabel);
  const top = corner(...west, boxHeight);
  return [
    strokes(floor, soft),
    strokes([corner(...far, 0), corner(...far, boxHeight)], "#d9dde3"),
    ...lines,
    strokes([corner(...west, 0), top], soft),
    name(west, along(west)),
    name(east, along(east)),
    words(top.u, top.v - 12, zLabel, `font-size="12" text-anchor="middle"`),
  ];
}

type Ground = readonly [number, number];
