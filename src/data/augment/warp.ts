/** Channels, height and width of one image. */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** One drawn affine map: turn in degrees, factor, shift in pixels down and right. */
export interface Placement {
  readonly degrees: number;
  readonly factor: number;
  readonly down: number;
  readonly right: number;
}

/**
 * Reads `from` through the inverse of a placement, bilinearly, into `to`. Beyond the image lies
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
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const v = y - middleY - down;
      const u = x - middleX - right;
      const sourceY = middleY + sin * u + cos * v;
      const sourceX = middleX + cos * u - sin * v;
      const top = Math.floor(sourceY);
      const left = Math.floor(sourceX);
      for (let c = 0; c < channels; c++)
        to[c * pixels + y * width + x] = between(
          from,
          c * pixels,
          height,
          width,
          top,
          left,
          sourceY - top,
          sourceX - left,
          fill,
        );
    }
}

/** The value between four pixels; a weight of 0 does not read its pixel's place. */
function between(
  data: Float32Array,
  start: number,
  height: number,
  width: number,
  top: number,
  left: number,
  dy: number,
  dx: number,
  fill: number,
): number {
  const at = (y: number, x: number) =>
    y >= 0 && y < height && x >= 0 && x < width ? data[start + y * width + x]! : fill;
  const above = dx === 0 ? at(top, left) : (1 - dx) * at(top, left) + dx * at(top, left + 1);
  if (dy === 0) return above;
  const below =
    dx === 0 ? at(top + 1, left) : (1 - dx) * at(top + 1, left) + dx * at(top + 1, left + 1);
  return (1 - dy) * above + dy * below;
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

/** `from` moved by whole pixels into `to`. */
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

/** Fills the square of `size` pixels about (y, x), as far as it is inside; of an even size, (y, x) is below and right of the middle. */
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
