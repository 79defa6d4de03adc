import type { FastRandom } from "../fast-random.ts";
import type { InkPath } from "./digit-pen.ts";

/** How the ink looks, for one image. */
export interface Ink {
  /** Width in pixels over which the ink fades out at its edge. */
  readonly softness: number;
  /** Lightness at full ink, up to 1. */
  readonly strength: number;
  /** Relative standard deviation of the grain of the ink; the paper stays clean. */
  readonly grain: number;
}

/**
 * Draws a path as anti-aliased white ink on black, into `image`, which must be zero.
 *
 * The coverage of a pixel follows from the distance d of its center to the nearest segment, whose
 * radius r runs linearly from one end to the other (a signed distance field of capsules):
 *
 *   coverage = clamp((r − d) / softness + ½, 0, 1)
 *
 * Values are multiples of 1/255, as those of a scanned image; the rounding also hides differences
 * in the last bit of sin and cos between JavaScript engines.
 *
 * @param image `[size · size]`, row-major.
 */
export function rasterise(
  path: InkPath,
  size: number,
  ink: Ink,
  random: FastRandom,
  image: Float32Array,
): void {
  for (let i = 0; i < path.count; i++) drawSegment(path.segments, 6 * i, size, ink, image);
  for (let i = 0; i < image.length; i++) {
    const coverage = image[i]!;
    if (coverage === 0) continue;
    const value = coverage * ink.strength * (1 + ink.grain * random.bell());
    image[i] = Math.min(255, Math.round(255 * value)) / 255;
  }
}

/** Raises the pixels around one segment to its coverage of them. */
function drawSegment(
  segments: Float64Array,
  at: number,
  size: number,
  { softness }: Ink,
  image: Float32Array,
): void {
  const x0 = segments[at]!;
  const y0 = segments[at + 1]!;
  const r0 = segments[at + 2]!;
  const dx = segments[at + 3]! - x0;
  const dy = segments[at + 4]! - y0;
  const dr = segments[at + 5]! - r0;
  const inverse = 1 / Math.max(dx * dx + dy * dy, 1e-12);
  const reach = Math.max(r0, r0 + dr) + softness / 2;
  const left = Math.max(0, Math.ceil(Math.min(x0, x0 + dx) - reach));
  const right = Math.min(size - 1, Math.floor(Math.max(x0, x0 + dx) + reach));
  const top = Math.max(0, Math.ceil(Math.min(y0, y0 + dy) - reach));
  const bottom = Math.min(size - 1, Math.floor(Math.max(y0, y0 + dy) + reach));
  for (let y = top; y <= bottom; y++)
    for (let x = left; x <= right; x++) {
      const t = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) * inverse));
      const ex = x - x0 - t * dx;
      const ey = y - y0 - t * dy;
      const depth = r0 + t * dr - Math.sqrt(ex * ex + ey * ey);
      const coverage = Math.min(1, depth / softness + 0.5);
      const pixel = y * size + x;
      if (coverage > image[pixel]!) image[pixel] = coverage;
    }
}
