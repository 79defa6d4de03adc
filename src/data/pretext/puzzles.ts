/** Pretext tasks that ask what was done to an image: which turn, which order of its parts. */
import {
  ConfigError,
  checkOptions,
  checkSeed,
  RandomStream,
  ShapeError,
} from "../../base/index.ts";
import type { Split } from "../dataset.ts";
import { type Images, imagesOf } from "./checks.ts";

/** What decides the random choices of a pretext task. */
export interface PretextOptions {
  /** Default 0. */
  readonly seed?: number | undefined;
}

/** Pretext tasks take the streams from here on. */
const stream = 0x7e00_0000;

/** Each of `count` numbers about as often, at random places. */
function balanced(size: number, count: number, seed: number, task: number): Int32Array {
  const order = new RandomStream(seed, stream + task).permutation(size);
  return order.map((place) => place % count);
}

/**
 * Images turned by 0, 90, 180 or 270 degrees, counterclockwise; the target is which: 0, 1, 2 or 3. To tell, a net
 * must know what stands upright.
 *
 * Each image is there once, and each turn about as often. Labels are not looked at.
 *
 * @throws {ShapeError} for images that are not square: a quarter turn would change their shape.
 * @see Gidaris, Singh & Komodakis 2018, "Unsupervised representation learning by predicting image rotations"
 * @example
 * const { inputs, targets } = rotation(digits({ train: 8, test: 1 }).train, { seed: 1 });
 * inputs.shape; // [8, 1, 28, 28]
 * [...targets.data].sort(); // [0, 0, 1, 1, 2, 2, 3, 3]
 */
export function rotation({ inputs, size }: Split, options: PretextOptions = {}): Split {
  checkOptions("rotation", options, { seed: true });
  const { seed = 0 } = options;
  checkSeed("rotation", seed);
  const images = imagesOf("rotation", inputs);
  const { height, width } = images;
  if (height !== width)
    throw new ShapeError({
      subject: "rotation",
      problem: `images of ${height}×${width} are not square, and a quarter turn would make them ${width}×${height}.`,
      fix: "cut them to squares, or take another task, such as jigsaw.",
    });
  const turns = balanced(size, 4, seed, 1);
  const place = (turn: number, y: number, x: number) => {
    const last = height - 1;
    if (turn === 1) return x * width + (last - y); // the right column becomes the top row
    if (turn === 2) return (last - y) * width + (last - x);
    return turn === 3 ? (last - x) * width + y : y * width + x;
  };
  const data = moved(images, (n, y, x) => place(turns[n]!, y, x));
  return {
    inputs: { ...inputs, data },
    targets: { dtype: "int32", shape: [size], data: turns },
    size,
  };
}

/** Images whose pixel (y, x) is another of theirs. */
function moved(
  { count, channels, height, width, data }: Images,
  from: (n: number, y: number, x: number) => number,
): Float32Array {
  const result = new Float32Array(data.length);
  const plane = height * width;
  for (let n = 0; n < count; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const source = from(n, y, x);
        for (let c = 0; c < channels; c++) {
          const start = (n * channels + c) * plane;
          result[start + y * width + x] = data[start + source]!;
        }
      }
  return result;
}

/** The parts of {@link jigsaw}, and the orders that they come in. */
export interface JigsawOptions extends PretextOptions {
  /** Parts along each side. Default 2. */
  readonly grid?: number | undefined;
  /** How many orders there are. Default 24, or all of them if there are fewer. */
  readonly permutations?: number | undefined;
}

/**
 * Orders of `parts` that are far apart: the first is as it was, and each next one differs from all before in as many
 * places as can be, of some hundred drawn at random. Where all are asked for, they come in lexicographic order.
 *
 * @throws {ConfigError} if there are not so many.
 * @see Noroozi & Favaro 2016, "Unsupervised learning of visual representations by solving jigsaw puzzles", algorithm 1
 * @example
 * jigsawPermutations(3, 6)[5]; // [2, 1, 0]
 */
export function jigsawPermutations(parts: number, count: number, seed = 0): number[][] {
  let all = 1;
  for (let k = 2; k <= parts && all < 1e6; k++) all *= k;
  if (!(Number.isSafeInteger(count) && count >= 2 && count <= Math.min(all, 1000)))
    throw new ConfigError({
      subject: "jigsaw",
      problem: `${count} orders of ${parts} parts are asked for.`,
      fix: `give a whole number from 2 to ${Math.min(all, 1000)}.`,
    });
  if (count === all) return lexicographic(parts);
  const random = new RandomStream(seed, stream + 2);
  const chosen = [Array.from({ length: parts }, (_, k) => k)];
  while (chosen.length < count) {
    const candidates = Array.from({ length: 200 }, () => [...random.permutation(parts)]);
    const apart = (p: number[]) =>
      Math.min(...chosen.map((q) => p.filter((part, k) => part !== q[k]).length));
    const best = candidates.reduce((a, b) => (apart(b) > apart(a) ? b : a));
    if (apart(best) > 0) chosen.push(best);
  }
  return chosen;
}

function lexicographic(parts: number): number[][] {
  if (parts === 0) return [[]];
  const rest = lexicographic(parts - 1);
  return Array.from({ length: parts }, (_, first) =>
    rest.map((order) => [first, ...order.map((k) => (k < first ? k : k + 1))]),
  ).flat();
}

/**
 * Images whose parts have changed places; the target is which of a fixed set of orders it was
 * ({@link jigsawPermutations}). To tell, a net must know how parts make a whole.
 *
 *   part k of the result = part πₜ(k) of the image,   t the target
 *
 * @throws {ShapeError} for sides that the grid does not divide.
 * @see Noroozi & Favaro 2016
 * @example
 * const { targets } = jigsaw(digits({ train: 48, test: 1 }).train, { permutations: 6 });
 * new Set(targets.data).size; // 6
 */
export function jigsaw({ inputs, size }: Split, options: JigsawOptions = {}): Split {
  checkOptions("jigsaw", options, { seed: true, grid: "count", permutations: "count" });
  const { seed = 0, grid = 2 } = options;
  checkSeed("jigsaw", seed);
  const images = imagesOf("jigsaw", inputs);
  const { height, width } = images;
  if (height % grid !== 0 || width % grid !== 0 || grid < 2)
    throw new ShapeError({
      subject: "jigsaw",
      problem: `images of ${height}×${width} cannot be cut into ${grid}×${grid} equal parts.`,
      fix: "give grid a number of 2 or more that divides both sides, or scale the images.",
    });
  const most = grid === 2 ? 24 : 1000;
  const orders = jigsawPermutations(grid * grid, options.permutations ?? Math.min(24, most), seed);
  const which = balanced(size, orders.length, seed, 3);
  const [high, wide] = [height / grid, width / grid];
  const data = moved(images, (n, y, x) => {
    const part = Math.floor(y / high) * grid + Math.floor(x / wide);
    const from = orders[which[n]!]![part]!;
    const row = Math.floor(from / grid) * high + (y % high);
    return row * width + (from % grid) * wide + (x % wide);
  });
  return {
    inputs: { ...inputs, data },
    targets: { dtype: "int32", shape: [size], data: which },
    size,
  };
}
