/** A small picture: channels one after another, each row by row, values from 0 (black) to 1. */
export interface Picture {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly values: ArrayLike<number>;
}

/**
 * A picture as the bytes of a PNG file, pixel for pixel. Values outside of [0, 1] are clipped.
 *
 * @example
 * const png = await pictureToPng({ channels: 1, height: 1, width: 2, values: [0, 1] });
 * String.fromCharCode(...png.slice(1, 4)); // "PNG"
 */
export async function pictureToPng({
  channels,
  height,
  width,
  values,
}: Picture): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  const plane = height * width;
  const pixels = new Uint8Array(plane * channels);
  for (let i = 0; i < plane; i++)
    for (let c = 0; c < channels; c++) {
      const value = values[c * plane + i]!;
      pixels[i * channels + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
    }
  return sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();
}
