/** A slice of a loss that can be stopped and resumed: its points are stored in a file. */
import { checkOptions, hostArray } from "../base/index.ts";
import { readSafetensors, writeSafetensors } from "../formats/index.ts";
import { type Axis, coordinates, type PlaneSlice } from "./slices.ts";
import type { LossSurface } from "./surface.ts";
import { checkLength, plus, type Vector } from "./vectors.ts";

/** Identifies the file and its format version. */
const format = "gradus grid 1";
/** Milliseconds between two writes of the file. */
const saveEvery = 2000;

/** The axes of {@link resumablePlane}, and its callbacks. */
export interface GridOptions {
  /** Axes of x and y, as for {@link slicePlane}. */
  readonly axes?: readonly [Axis, Axis?] | undefined;
  /** Stops after the current point when it fires; finished points are in the file. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each point, first for those already in the file. */
  readonly onPoint?: ((done: number, points: number) => void) | undefined;
}

/** A plane of which some points may be missing. */
export interface GridSlice extends PlaneSlice {
  /** False if it was stopped: missing losses are NaN. */
  readonly complete: boolean;
  /** Points computed now, rather than found in the file. */
  readonly computed: number;
}

/**
 * L(θ + x d₁ + y d₂) on a grid, as {@link slicePlane} computes it, with every point stored in a
 * file: work that was stopped, by `signal` or a crash, is resumed. The file is replaced atomically
 * every two seconds. A file for another point, other directions, axes or data (it contains the loss
 * at the origin) is ignored and overwritten.
 *
 * @param file a safetensors file, created if missing.
 * @throws {DataError} if the file cannot be written.
 * @example
 * const surface = LossSurface.of((x: Tensor) => x.square().sum(), tensor([0, 0]));
 * const axes = [{ points: 3 }] as const;
 * const file = "grid.safetensors";
 * const { losses } = await resumablePlane(file, surface, [0, 0], [[1, 0], [0, 1]], { axes });
 * losses[0]; // [2, 1, 2]
 */
export async function resumablePlane(
  file: string,
  surface: LossSurface,
  origin: Vector,
  directions: readonly [Vector, Vector],
  options: GridOptions = {},
): Promise<GridSlice> {
  checkOptions("resumablePlane", options, { axes: true, signal: true, onPoint: "function" });
  const { axes = [{}], signal, onPoint } = options;
  for (const d of directions) checkLength("resumablePlane", "a direction", d, surface.size);
  const [first, second = first] = axes;
  const x = coordinates("resumablePlane", first, { points: 25 });
  const y = coordinates("resumablePlane", second, { points: 25 });
  const loss = Float64Array.of(surface.value(origin));
  const key = await digest([origin, ...directions, x, y, loss]);
  const losses = (await stored(file, key, x.length * y.length)) ?? emptyGrid(x.length * y.length);
  const save = () =>
    writeSafetensors(file, new Map([["losses", hostArray([y.length, x.length], losses)]]), {
      format,
      key,
    });
  let done = losses.reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
  let computed = 0;
  let saved = Date.now();
  onPoint?.(done, losses.length);
  for (let at = 0; at < losses.length && !signal?.aborted; at++) {
    if (!Number.isNaN(losses[at]!)) continue;
    const row = plus(origin, y[Math.floor(at / x.length)]!, directions[1]);
    const value = surface.value(plus(row, x[at % x.length]!, directions[0]));
    losses[at] = Number.isNaN(value) ? Number.POSITIVE_INFINITY : value; // NaN marks missing points
    computed++;
    onPoint?.(++done, losses.length);
    if (Date.now() - saved > saveEvery) {
      await save();
      saved = Date.now();
    }
    await turn();
  }
  if (computed > 0) await save();
  const rows = Array.from(y, (_, j) => losses.slice(j * x.length, (j + 1) * x.length));
  return { x, y, losses: rows, complete: done === losses.length, computed };
}

const emptyGrid = (size: number): Float64Array => new Float64Array(size).fill(Number.NaN);

/** A turn of the event loop, in which signals arrive. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** The losses in the file, if it exists and belongs to this grid. */
async function stored(file: string, key: string, size: number): Promise<Float64Array | undefined> {
  const found = await readSafetensors(file).catch(() => undefined); // else start over
  const losses = found?.tensors.get("losses")?.data;
  const fits = found?.metadata.format === format && found.metadata.key === key;
  return fits && losses?.length === size ? Float64Array.from(losses) : undefined;
}

/** SHA-256 over vectors, as hexadecimal digits. */
async function digest(vectors: readonly Vector[]): Promise<string> {
  const all = new Float64Array(vectors.reduce((sum, v) => sum + v.length, 0));
  let offset = 0;
  for (const v of vectors) {
    all.set(v, offset);
    offset += v.length;
  }
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
