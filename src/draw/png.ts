/**
 * An SVG as the bytes of a PNG file.
 *
 * @param svg the text of an SVG file, such as {@link chart} gives.
 * @param scale pixels for each pixel of the SVG; 2 is sharp on paper and on dense screens.
 * @example
 * const png = await svgToPng(await chart((Plot) => ({ marks: [Plot.frame()] })));
 * String.fromCharCode(...png.slice(1, 4)); // "PNG"
 */
export async function svgToPng(svg: string, { scale = 2 } = {}): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(new TextEncoder().encode(svg), { density: 72 * scale })
    .png()
    .toBuffer();
}
