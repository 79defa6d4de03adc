import { ConfigError, checkOptions, RandomStream } from "../../base/index.ts";
import { makeSplit, type Split } from "../dataset.ts";

/** Options of all toy sets. Points are shuffled, classes as balanced as `size` allows. */
export interface ToyOptions {
  /** Number of points. */
  readonly size?: number;
  /** Standard deviation of the Gaussian noise on each coordinate. */
  readonly noise?: number;
  readonly seed?: number;
}

/**
 * Exclusive or: the corners of the unit square in the order of its truth table, over and over,
 * where class 1 has exactly one coordinate at 1. Not shuffled: four points are the table itself.
 *
 *   (0,0) → 0   (0,1) → 1   (1,0) → 1   (1,1) → 0
 *
 * @returns `[size, 2]` float32 inputs, `[size]` int32 targets.
 * @see Goodfellow, Bengio & Courville 2016, §6.1
 * @example
 * xor().targets.data; // Int32Array [0, 1, 1, 0]
 */
export function xor(options: ToyOptions = {}): Split {
  checkOptions("xor", options, { size: "number", noise: "number", seed: "number" });
  const { size = 4, noise = 0, seed = 0 } = options;
  checkCounts("xor", size, 1);
  const corner = (i: number) => [(i >> 1) & 1, i & 1] as const;
  const points = Array.from({ length: size }, (_, i): Point => {
    const [x, y] = corner(i % 4);
    return [x, y, x ^ y];
  });
  return toSplit("xor", points, { size, noise }, new RandomStream(seed, toyStream));
}

/**
 * Two interleaving half circles.
 *
 *   class 0: (cos t, sin t)   class 1: (1 − cos t, ½ − sin t)   t evenly spaced in [0, π]
 *
 * @returns `[size, 2]` float32 inputs, `[size]` int32 targets.
 * @see scikit-learn, make_moons
 * @example
 * moons({ size: 200, noise: 0.1, seed: 1 }).inputs.shape; // [200, 2]
 */
export function moons(options: ToyOptions = {}): Split {
  checkOptions("moons", options, { size: "number", noise: "number", seed: "number" });
  const { size = 200, noise = 0, seed = 0 } = options;
  return shuffled("moons", { size, noise, seed, classes: 2 }, (k, i, n) => {
    const t = n > 1 ? (Math.PI * i) / (n - 1) : 0;
    return k === 0 ? [Math.cos(t), Math.sin(t)] : [1 - Math.cos(t), 0.5 - Math.sin(t)];
  });
}

/**
 * Two circles around the origin: class 0 of radius 1, class 1 of radius `factor`.
 *
 * @returns `[size, 2]` float32 inputs, `[size]` int32 targets.
 * @see scikit-learn, make_circles
 */
export function circles(options: ToyOptions & { readonly factor?: number } = {}): Split {
  checkOptions("circles", options, {
    size: "number",
    noise: "number",
    seed: "number",
    factor: "number",
  });
  const { size = 200, noise = 0, seed = 0, factor = 0.5 } = options;
  if (!(factor >= 0 && factor < 1)) throw badOption("circles", "factor", factor, "in [0, 1)");
  return shuffled("circles", { size, noise, seed, classes: 2 }, (k, i, n) => {
    const t = (2 * Math.PI * i) / n;
    const r = k === 0 ? 1 : factor;
    return [r * Math.cos(t), r * Math.sin(t)];
  });
}

/**
 * Archimedean spirals, one arm per class, `turns` times around the origin and out to radius 1.
 *
 *   r (cos θ, sin θ)   θ = 2π (turns · r + k / classes)   r = (i + 1) / n
 *
 * @returns `[size, 2]` float32 inputs, `[size]` int32 targets.
 * @see Lang & Witbrock 1988, "Learning to tell two spirals apart"
 */
export function spirals(
  options: ToyOptions & { readonly classes?: number; readonly turns?: number } = {},
): Split {
  checkOptions("spirals", options, {
    size: "number",
    noise: "number",
    seed: "number",
    classes: "number",
    turns: "number",
  });
  const { size = 200, noise = 0, seed = 0, classes = 2, turns = 1 } = options;
  if (!Number.isFinite(turns)) throw badOption("spirals", "turns", turns, "finite");
  return shuffled("spirals", { size, noise, seed, classes }, (k, i, n) => {
    const r = (i + 1) / n;
    const theta = 2 * Math.PI * (turns * r + k / classes);
    return [r * Math.cos(theta), r * Math.sin(theta)];
  });
}

/**
 * Isotropic Gaussian clouds around centers that are uniform in [−10, 10]², one per class; `noise`,
 * their standard deviation, defaults to 1.
 *
 * @returns `[size, 2]` float32 inputs, `[size]` int32 targets.
 * @see scikit-learn, make_blobs
 */
export function blobs(options: ToyOptions & { readonly classes?: number } = {}): Split {
  checkOptions("blobs", options, {
    size: "number",
    noise: "number",
    seed: "number",
    classes: "number",
  });
  const { size = 200, noise = 1, seed = 0, classes = 3 } = options;
  const random = new RandomStream(seed, centerStream);
  const coordinate = () => 20 * random.uniform() - 10;
  const centers: [number, number][] = [];
  return shuffled("blobs", { size, noise, seed, classes }, (k) => {
    while (centers.length <= k) centers.push([coordinate(), coordinate()]);
    return centers[k]!;
  });
}

/** Random streams, separate from other uses of the same seed. */
const toyStream = 0x70;
const centerStream = 0x71;

/** x, y and the class. */
type Point = readonly [x: number, y: number, k: number];
type Curve = (k: number, i: number, n: number) => readonly [number, number];
type Required = { size: number; noise: number; seed: number; classes: number };

/** Point i of n on the curve of its class, for all classes, in random order. */
function shuffled(name: string, { size, noise, seed, classes }: Required, curve: Curve): Split {
  checkCounts(name, size, classes);
  const random = new RandomStream(seed, toyStream);
  const points: Point[] = [];
  for (const j of random.permutation(size)) {
    const k = j % classes;
    const n = Math.ceil((size - k) / classes); // the points of class k
    points.push([...curve(k, Math.floor(j / classes), n), k]);
  }
  return toSplit(name, points, { size, noise }, random);
}

function toSplit(
  name: string,
  points: readonly Point[],
  { size, noise }: { size: number; noise: number },
  random: RandomStream,
): Split {
  if (!(noise >= 0 && noise < Infinity)) throw badOption(name, "noise", noise, "0 or more");
  const inputs = new Float32Array(2 * size);
  const targets = new Int32Array(size);
  points.forEach(([x, y, k], i) => {
    inputs[2 * i] = noise === 0 ? x : x + noise * random.normal();
    inputs[2 * i + 1] = noise === 0 ? y : y + noise * random.normal();
    targets[i] = k;
  });
  return makeSplit(
    { dtype: "float32", shape: [size, 2], data: inputs },
    { dtype: "int32", shape: [size], data: targets },
  );
}

function checkCounts(name: string, size: number, classes: number): void {
  if (!Number.isInteger(classes) || classes < 1)
    throw badOption(name, "classes", classes, "a whole number of 1 or more");
  if (!Number.isInteger(size) || size < classes)
    throw badOption(name, "size", size, `a whole number of at least ${classes}`);
}

const badOption = (name: string, option: string, value: number, expected: string): ConfigError =>
  new ConfigError({
    subject: name,
    problem: `${option} is ${value}, expected ${expected}.`,
    fix: `give ${option} ${expected}.`,
  });
