import { describe, ShapeError, show } from "../base/index.ts";
import type { Node } from "../graph/index.ts";
import { flip, reshape, slice } from "../ops/index.ts";

/** An index, `[start, stop]`, `[start, stop, step]`, or null for the whole axis. */
export type Range =
  | number
  | readonly [number | null, number | null]
  | readonly [number | null, number | null, number]
  | null;

/**
 * NumPy's basic indexing. Slices are clipped to the axis; a single index out of range is an error.
 */
export function indexed(x: Node, ranges: readonly Range[]): Node {
  if (ranges.length > x.shape.length)
    throw new ShapeError({
      subject: "slice",
      problem: `${ranges.length} ranges for ${x.shape.length} axes of ${show(x.shape)}.`,
      fix: "give at most one range per axis.",
    });
  const parts = x.shape.map((n, axis) => resolve(ranges[axis] ?? null, n, axis));
  const backwards = parts.flatMap((p, axis) => (p.backwards ? [axis] : []));
  const part = slice(x, {
    start: parts.map((p) => p.start),
    size: parts.map((p) => p.size),
    step: parts.map((p) => p.step),
  });
  const ordered = backwards.length > 0 ? flip(part, backwards) : part;
  const shape = ordered.shape.filter((_, axis) => !parts[axis]!.drop);
  return shape.length === ordered.shape.length ? ordered : reshape(ordered, shape);
}

interface Part {
  start: number;
  size: number;
  step: number;
  backwards: boolean;
  drop: boolean;
}

function resolve(range: Range, n: number, axis: number): Part {
  if (range !== null && typeof range !== "number" && !Array.isArray(range))
    throw new ShapeError({
      subject: "slice",
      problem: `range ${describe(range)} on axis ${axis}.`,
      fix: "give an index, [start, stop], [start, stop, step], or null for the whole axis.",
    });
  if (typeof range === "number") {
    const start = range < 0 ? range + n : range;
    if (!Number.isInteger(start) || start < 0 || start >= n)
      throw new ShapeError({
        subject: "slice",
        problem: `index ${range} is outside axis ${axis} of size ${n}.`,
        fix: `use ${-n} … ${n - 1}.`,
      });
    return { start, size: 1, step: 1, backwards: false, drop: true };
  }
  const [from, to, step = 1] = range ?? [null, null];
  if (step === 0 || [from ?? 0, to ?? 0, step].some((x) => !Number.isInteger(x)))
    throw new ShapeError({
      subject: "slice",
      problem: `range [${from}, ${to}, ${step}] on axis ${axis}.`,
      fix: "use whole numbers, and a step other than 0.",
    });
  const backwards = step < 0;
  const bound = (value: number | null, absent: number) => {
    const at = value === null ? absent : value < 0 ? value + n : value;
    return backwards ? Math.max(-1, Math.min(n - 1, at)) : Math.max(0, Math.min(n, at));
  };
  const start = bound(from, backwards ? n - 1 : 0);
  const stop = to === null && backwards ? -1 : bound(to, n);
  const size = Math.max(0, Math.ceil((stop - start) / step));
  const first = backwards ? start + (size - 1) * step : start;
  return { start: size === 0 ? 0 : first, size, step: Math.abs(step), backwards, drop: false };
}
