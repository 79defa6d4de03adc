import type { FastRandom } from "../fast-random.ts";
import { type DigitStyle, digitStyles, type StrokePoint } from "./digit-strokes.ts";

/**
 * The path of the pen on the paper as straight segments in pixels, with the radius of the ink at
 * both ends. The arrays are reused from digit to digit.
 */
export class InkPath {
  /** x₀, y₀, r₀, x₁, y₁, r₁ of each segment. */
  readonly segments = new Float64Array(6 * 512);
  /** Number of segments. */
  count = 0;
}

/** Straight segments per span between two points: more would be invisible at 28 pixels. */
const pieces = 5;
/** Standard deviation of a stroke's points, in heights of the digit. */
const jitter = 0.02;

/** Writes digit `label` in a random style and hand, into a frame of `frame` × `frame` pixels. */
export function writeDigit(label: number, frame: number, random: FastRandom, path: InkPath): void {
  path.count = 0;
  const style = pickStyle(digitStyles[label]!, random);
  const aspect = style.aspect * (1.08 + 0.2 * random.bell());
  for (const stroke of style.strokes) traceStroke(perturb(stroke, aspect, random), path);
  bend(path, random);
  slantAndTurn(path, random);
  fitFrame(path, frame, random);
  press(path, random);
}

function pickStyle(styles: readonly DigitStyle[], random: FastRandom): DigitStyle {
  const total = styles.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.uniform(0, total);
  for (const style of styles) {
    left -= style.weight;
    if (left < 0) return style;
  }
  return styles[0]!;
}

/** The points as placed by this hand, in heights of the digit. */
function perturb(stroke: readonly StrokePoint[], aspect: number, random: FastRandom) {
  return stroke.map(({ x, y, corner }) => ({
    x: x * aspect + jitter * random.bell(),
    y: y + jitter * random.bell(),
    corner,
  }));
}

/**
 * Appends a stroke's curve: between points p₁ and p₂ the Catmull–Rom cubic, whose slope in each
 * point is half the difference of its neighbours. At corners and ends the missing neighbour is the
 * point itself, so that the curve does not overshoot there.
 *
 * @see Catmull & Rom 1974, "A class of local interpolating splines"
 */
function traceStroke(points: readonly StrokePoint[], path: InkPath): void {
  for (let i = 0; i + 1 < points.length; i++) {
    const p1 = points[i]!;
    const p2 = points[i + 1]!;
    const p0 = p1.corner ? p1 : (points[i - 1] ?? p1);
    const p3 = p2.corner ? p2 : (points[i + 2] ?? p2);
    let { x, y } = p1;
    for (let piece = 1; piece <= pieces; piece++) {
      const t = piece / pieces;
      const nextX = catmullRom(p0.x, p1.x, p2.x, p3.x, t);
      const nextY = catmullRom(p0.y, p1.y, p2.y, p3.y, t);
      path.segments.set([x, y, 0, nextX, nextY, 0], 6 * path.count++);
      x = nextX;
      y = nextY;
    }
  }
}

function catmullRom(p0: number, p1: number, p2: number, p3: number, t: number): number {
  const slope1 = (p2 - p0) / 2;
  const slope2 = (p3 - p1) / 2;
  const cubic = 2 * (p1 - p2) + slope1 + slope2;
  const square = 3 * (p2 - p1) - 2 * slope1 - slope2;
  return ((cubic * t + square) * t + slope1) * t + p1;
}

/** Applies `move` to the ends of all segments. */
function movePoints(path: InkPath, move: (x: number, y: number, out: Float64Array) => void): void {
  const out = new Float64Array(2);
  for (let at = 0; at < 6 * path.count; at += 3) {
    move(path.segments[at]!, path.segments[at + 1]!, out);
    path.segments[at] = out[0]!;
    path.segments[at + 1] = out[1]!;
  }
}

/** Knots of the displacement field per axis; the digit covers the inner cells. */
const knots = 6;

/**
 * Elastic distortion: each point moves by a smooth random field. Simard, Steinkraus & Platt smooth
 * a random displacement per pixel with a wide Gaussian; we draw it on a coarse grid and blend with
 * quadratic B-splines, which is close to that, and move the pen instead of the pixels, so that the
 * ink stays sharp.
 *
 * @see Simard, Steinkraus & Platt 2003, "Best practices for convolutional neural networks", §2
 */
function bend(path: InkPath, random: FastRandom): void {
  const amplitude = random.uniform(0.03, 0.12);
  const field = Float64Array.from({ length: 2 * knots * knots }, () => amplitude * random.bell());
  movePoints(path, (x, y, out) => {
    const [column, u] = cell(x);
    const [row, v] = cell(y);
    let dx = 0;
    let dy = 0;
    for (let j = 0; j < 3; j++)
      for (let i = 0; i < 3; i++) {
        const weight = bSpline(u, i) * bSpline(v, j);
        const knot = 2 * ((row + j) * knots + column + i);
        dx += weight * field[knot]!;
        dy += weight * field[knot + 1]!;
      }
    out[0] = x + dx;
    out[1] = y + dy;
  });
}

/**
 * The first of the three knots around a coordinate in about −0.1…1.1, and the position between
 * them.
 */
function cell(coordinate: number): [first: number, fraction: number] {
  const position = Math.min(Math.max((coordinate + 0.2) / 0.35, 0), knots - 2.001);
  const first = Math.floor(position);
  return [first, position - first];
}

/** Uniform quadratic B-spline weight of the i-th of three knots. */
function bSpline(t: number, i: number): number {
  if (i === 0) return ((1 - t) * (1 - t)) / 2;
  if (i === 2) return (t * t) / 2;
  return 0.5 + t * (1 - t);
}

/** Slant (a shear, to the right more often, as most people write) and rotation. */
function slantAndTurn(path: InkPath, random: FastRandom): void {
  const shear = 0.12 + 0.2 * random.bell();
  const angle = 0.09 * random.bell();
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  movePoints(path, (x, y, out) => {
    const slanted = x - shear * y;
    out[0] = cos * slanted - sin * y;
    out[1] = sin * slanted + cos * y;
  });
}

/**
 * Scales the digit to about 20 of 28 pixels on its longer side, as MNIST does, and puts the center
 * of mass of its ink near the center of the frame, as far as it then stays inside.
 */
function fitFrame(path: InkPath, frame: number, random: FastRandom): void {
  const { left, right, top, bottom, massX, massY } = measure(path);
  const extent = Math.max(right - left, bottom - top, 1e-6);
  const scale = ((0.65 + 0.045 * random.bell()) * frame) / extent;
  const offset = (mass: number, low: number, high: number): number => {
    const wanted = (frame - 1) / 2 + 0.022 * frame * random.bell() - scale * mass;
    const margin = 0.075 * frame; // half of a thick stroke
    return Math.min(Math.max(wanted, margin - scale * low), frame - 1 - margin - scale * high);
  };
  const offsetX = offset(massX, left, right);
  const offsetY = offset(massY, top, bottom);
  movePoints(path, (x, y, out) => {
    out[0] = scale * x + offsetX;
    out[1] = scale * y + offsetY;
  });
}

/** The bounding box, and the mean of the path by length. */
function measure({ segments, count }: InkPath) {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  let [length, sumX, sumY] = [1e-12, 0, 0];
  for (let at = 0; at < 6 * count; at += 6) {
    const x0 = segments[at]!;
    const y0 = segments[at + 1]!;
    const x1 = segments[at + 3]!;
    const y1 = segments[at + 4]!;
    left = Math.min(left, x0, x1);
    right = Math.max(right, x0, x1);
    top = Math.min(top, y0, y1);
    bottom = Math.max(bottom, y0, y1);
    const piece = Math.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2);
    length += piece;
    sumX += (piece * (x0 + x1)) / 2;
    sumY += (piece * (y0 + y1)) / 2;
  }
  return { left, right, top, bottom, massX: sumX / length, massY: sumY / length };
}

/** Thickness of the pen, and a pressure that varies along the way. */
function press(path: InkPath, random: FastRandom): void {
  const radius = Math.max(0.65, 1.2 + 0.38 * random.bell());
  const depth = random.uniform(0, 0.28);
  const phase = random.uniform(0, 2 * Math.PI);
  const rate = random.uniform(0.1, 0.35);
  const pressure = (i: number) => radius * (1 + depth * Math.sin(phase + rate * i));
  for (let i = 0; i < path.count; i++) {
    path.segments[6 * i + 2] = pressure(i);
    path.segments[6 * i + 5] = pressure(i + 1);
  }
}
