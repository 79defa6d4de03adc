/** A slice of a loss that may be stopped and gone on with: its points are kept in a file. */
import { checkOptions, hostArray } from "../base/index.ts";
import { readSafetensors, writeSafetensors } from "../formats/index.ts";
import { type Axis, coordinates, type PlaneSlice } from "./slices.ts";
import type { LossSurface } from "./surface.ts";
import { checkLength, plus, type Vector } from "./vectors.ts";

/** Says what the file is, and by which rules it is read. */
const format = "gradus grid 1";
/** Milliseconds between two writes of the file. */
const saveEvery = 2000;

/** The axes of {@link resumablePlane}, and its listeners. */
export interface GridOptions {
  /** Of x and of y, as {@link slicePlane} takes them. */
  readonly axes?: readonly [Axis, Axis?] | undefined;
  /** Ends the work after the present point when it fires; what is done is in the file. */
  readonly signal?: AbortSignal | undefined;
  /** Hears of each point, and first of those that the file had. */
  readonly onPoint?: ((done: number, points: number) => void) | undefined;
}

/** A plane of which some points may be missing. */
export interface GridSlice extends PlaneSlice {
  /** False if it was stopped: missing losses are NaN. */
  readonly complete: boolean;
  /** Points that were computed now, and not found in the file. */
  readonly computed: number;
}

/**
 * L(θ + x d₁ + y d₂) on a grid, as {@link slicePlane} computes it, with every point kept in a file:
 * work that is stopped, by `signal` or by a crash, goes on where it was. The file is replaced as a
 * whole every two seconds. One that belongs to another point, other directions, axes or data (it
 * knows the loss at the origin) is not believed and begins anew.
 *
 * @param file a safetensors file, made if it is not there.
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
    losses[at] = Number.isNaN(value) ? Number.POSITIVE_INFINITY : value; // NaN says missing
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

/** The losses of the file, if it is there and of this very grid. */
async function stored(file: string, key: string, size: number): Promise<Float64Array | undefined> {
  const found = await readSafetensors(file).catch(() => undefined); // missing or torn: begin anew
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
