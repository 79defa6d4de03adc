/** Channels, height and width of one image. */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** One sampled affine map: rotation in degrees, scale factor, shift in pixels down and right. */
export interface Placement {
  readonly degrees: number;
  readonly factor: number;
  readonly down: number;
  readonly right: number;
}

/**
 * Resamples `from` into `to` through the inverse of a placement, bilinearly. Outside the image lies
 * `fill`, into which border pixels fade.
 */
export function warp(
  from: Float32Array,
  to: Float32Array,
  [channels, height, width]: ImageShape,
  { degrees, factor, down, right }: Placement,
  fill: number,
): void {
  const [cos, sin] = turn(degrees).map((x) => x / factor) as [number, number];
  const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
  const pixels = height * width;
  const at = (y: number, x: number) =>
    y >= 0 && y < height && x >= 0 && x < width ? y * width + x : -1;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const v = y - middleY - down;
      const u = x - middleX - right;
      const sourceY = middleY + sin * u + cos * v;
      const sourceX = middleX + cos * u - sin * v;
      const top = Math.floor(sourceY);
      const left = Math.floor(sourceX);
      const dy = sourceY - top;
      const dx = sourceX - left;
      const a = at(top, left);
      const b = at(top, left + 1);
      const c = at(top + 1, left);
      const d = at(top + 1, left + 1);
      for (let plane = 0; plane < channels * pixels; plane += pixels) {
        const above =
          (1 - dx) * (a < 0 ? fill : from[plane + a]!) + dx * (b < 0 ? fill : from[plane + b]!);
        const below =
          (1 - dx) * (c < 0 ? fill : from[plane + c]!) + dx * (d < 0 ? fill : from[plane + d]!);
        to[plane + y * width + x] = (1 - dy) * above + dy * below;
      }
    }
}

/** A part of an image. */
export interface Part {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Brings a part of `from` to the size of the whole, bilinearly between the centers of pixels. */
export function resize(
  from: Float32Array,
  to: Float32Array,
  [channels, height, width]: ImageShape,
  part: Part,
): void {
  const pixels = height * width;
  const clamp = (x: number, most: number) => Math.min(most, Math.max(0, x));
  for (let y = 0; y < height; y++) {
    const sourceY = clamp(part.top + ((y + 0.5) * part.height) / height - 0.5, height - 1);
    const above = Math.min(height - 2, Math.floor(sourceY)) * width;
    const dy = sourceY - above / width;
    for (let x = 0; x < width; x++) {
      const sourceX = clamp(part.left + ((x + 0.5) * part.width) / width - 0.5, width - 1);
      const left = Math.min(width - 2, Math.floor(sourceX));
      const dx = sourceX - left;
      for (let plane = 0; plane < channels * pixels; plane += pixels) {
        const at = plane + above + left;
        const first = (1 - dx) * from[at]! + dx * from[at + 1]!;
        const second = (1 - dx) * from[at + width]! + dx * from[at + width + 1]!;
        to[plane + y * width + x] = (1 - dy) * first + dy * second;
      }
    }
  }
}

/** cos and sin of an angle in degrees, exact for quarter turns, where π/2 is not. */
function turn(degrees: number): [cos: number, sin: number] {
  const quarters = degrees / 90;
  if (Number.isInteger(quarters)) {
    const quarter = ((quarters % 4) + 4) % 4;
    return [[1, 0, -1, 0][quarter]!, [0, 1, 0, -1][quarter]!];
  }
  const radians = (degrees * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

/** `from` shifted by whole pixels into `to`. */
export function move(
  from: Float32Array,
  to: Float32Array,
  [channels, height, width]: ImageShape,
  down: number,
  right: number,
  fill: number,
): void {
  to.fill(fill);
  const left = Math.max(0, -right);
  const end = Math.min(width, width - right);
  if (left >= end) return;
  for (let c = 0; c < channels; c++)
    for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
      const row = (c * height + y) * width;
      to.set(from.subarray(row + left, row + end), row + down * width + left + right);
    }
}

/** Mirrors each row in place. */
export function mirror(image: Float32Array, [, , width]: ImageShape): void {
  for (let row = 0; row < image.length; row += width) image.subarray(row, row + width).reverse();
}

/**
 * Fills the square of `size` pixels about (y, x), clipped to the image; for an even size, (y, x) is
 * below and right of the middle.
 */
export function blank(
  image: Float32Array,
  [channels, height, width]: ImageShape,
  size: number,
  y: number,
  x: number,
  fill: number,
): void {
  const top = y - (size >> 1);
  const left = x - (size >> 1);
  const from = Math.max(0, left);
  const to = Math.min(width, left + size);
  for (let c = 0; c < channels; c++)
    for (let row = Math.max(0, top); row < Math.min(height, top + size); row++)
      image.fill(fill, (c * height + row) * width + from, (c * height + row) * width + to);
}
