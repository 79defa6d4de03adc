import type { CheckPixels, PlainRaster } from "./pnm.ts";

/** The fields of a bitmap's header. */
interface Head {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Where palette and pixels begin. */
  readonly palette: number;
  readonly pixels: number;
  /** Bytes per color of the palette, and the number of colors. */
  readonly colorBytes: number;
  readonly colors: number;
}

const [plain, rle8, rle4, bitFields, alphaBitFields] = [0, 1, 2, 3, 6] as const;

/**
 * Reads a Windows or OS/2 bitmap of 1 to 32 bits, run-length encoded or not. Transparency is
 * ignored. A bitmap whose palette is all gray has one channel.
 *
 * @returns undefined if the bytes are not a bitmap. @throws {Error} if they are truncated or of an
 * unsupported kind.
 * @see Microsoft, "Bitmap storage", BITMAPINFOHEADER and BITMAPV5HEADER
 */
export function readBmp(bytes: Uint8Array, check: CheckPixels): PlainRaster | undefined {
  if (bytes[0] !== 0x42 || bytes[1] !== 0x4d || bytes.length < 26) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = headOf(view);
  const { width, height, bits, isTopDown } = head;
  if (width < 1 || height < 1) throw new Error(`its header says ${width} × ${height}`);
  check(width, height);
  const color = colorsOf(view, head);
  const isGray = bits <= 8 && color.every(([r, g, b]) => r === g && g === b);
  const channels = isGray ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  const value = bits <= 8 ? indexReader(view, head) : colorReader(view, head);
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const found = value(x, isTopDown ? y : height - 1 - y);
      const rgb = typeof found === "number" ? color[found] : found;
      if (!rgb) throw new Error(`pixel ${x}, ${y} has color ${found} of ${color.length}`);
      for (let c = 0; c < channels; c++) data[to++] = rgb[c]!;
    }
  return { data, height, width, channels };
}

function headOf(view: DataView): Head {
  const size = view.getUint32(14, true);
  const isOld = size === 12; // OS/2
  if (!isOld && (size < 40 || view.byteLength < 54)) throw new Error(`a header of ${size} bytes`);
  const height = isOld ? view.getInt16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(isOld ? 24 : 28, true);
  const compression = isOld ? plain : view.getUint32(30, true);
  const isKnown =
    compression === plain
      ? [1, 4, 8, 16, 24, 32].includes(bits)
      : compression === rle8
        ? bits === 8
        : compression === rle4
          ? bits === 4
          : (compression === bitFields || compression === alphaBitFields) &&
            (bits === 16 || bits === 32);
  if (!isKnown) throw new Error(`a bitmap of ${bits} bits with compression ${compression}`);
  const colors = (isOld ? 0 : view.getUint32(46, true)) || (bits <= 8 ? 2 ** bits : 0);
  if (bits <= 8 && colors > 256) throw new Error(`a palette of ${colors} colors`);
  return {
    width: isOld ? view.getUint16(18, true) : view.getInt32(18, true),
    height: Math.abs(height),
    isTopDown: height < 0,
    bits,
    compression,
    palette: 14 + size,
    pixels: view.getUint32(10, true),
    colorBytes: isOld ? 3 : 4,
    colors: bits <= 8 ? colors : 0,
  };
}

function colorsOf(view: DataView, { palette, colorBytes, colors }: Head): number[][] {
  return Array.from({ length: colors }, (_, n) => {
    const at = palette + n * colorBytes;
    return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)];
  });
}

/** The palette index at x of the y-th stored row. */
function indexReader(view: DataView, head: Head): (x: number, y: number) => number {
  const { width, bits, pixels, compression } = head;
  if (compression !== plain) {
    const unpacked = unpack(view, head);
    return (x, y) => unpacked[y * width + x]!;
  }
  const row = rowBytes(view, head);
  return (x, y) => {
    const bit = x * bits;
    return (
      (view.getUint8(pixels + y * row + (bit >> 3)) >> (8 - bits - (bit & 7))) & (2 ** bits - 1)
    );
  };
}

/** Bytes per row, padded to a multiple of 4. */
function rowBytes(view: DataView, { width, height, bits, pixels }: Head): number {
  const row = Math.ceil((width * bits) / 32) * 4;
  const needed = row * (height - 1) + Math.ceil((width * bits) / 8); // last padding may be missing
  if (view.byteLength - pixels >= needed) return row;
  throw new Error(`truncated: ${Math.max(0, view.byteLength - pixels)} of ${needed} bytes`);
}

function colorReader(view: DataView, head: Head): (x: number, y: number) => number[] {
  const { bits, pixels, compression } = head;
  const row = rowBytes(view, head);
  if (bits === 24)
    return (x, y) => {
      const at = pixels + y * row + 3 * x;
      return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)];
    };
  const masks =
    compression === plain
      ? bits === 16
        ? [0x7c00, 0x3e0, 0x1f]
        : [0xff0000, 0xff00, 0xff]
      : [54, 58, 62].map((at) => view.getUint32(at, true));
  const parts = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { mask, shift, most: mask >>> shift || 1 };
  });
  return (x, y) => {
    const at = pixels + y * row + (x * bits) / 8;
    const word = bits === 16 ? view.getUint16(at, true) : view.getUint32(at, true);
    return parts.map(({ mask, shift, most }) =>
      Math.round((255 * ((word & mask) >>> shift)) / most),
    );
  };
}

/**
 * Decodes run lengths: pairs (count, value), and after a 0: end of line, end, move, or plain
 * values.
 */
function unpack(view: DataView, { width, height, pixels, compression }: Head): Uint8Array {
  const data = new Uint8Array(width * height);
  const isNibbles = compression === rle4;
  let [at, x, y] = [pixels, 0, 0];
  const put = (index: number) => {
    if (x < width && y < height) data[y * width + x] = index;
    x++;
  };
  const nth = (byte: number, i: number) => (isNibbles ? (i % 2 ? byte & 15 : byte >> 4) : byte);
  while (at + 2 <= view.byteLength && y < height) {
    const [count, value] = [view.getUint8(at), view.getUint8(at + 1)];
    at += 2;
    if (count > 0) for (let i = 0; i < count; i++) put(nth(value, i));
    else if (value === 0) [x, y] = [0, y + 1];
    else if (value === 1) return data;
    else if (value === 2) {
      [x, y] = [x + view.getUint8(at), y + view.getUint8(at + 1)];
      at += 2;
    } else {
      for (let i = 0; i < value; i++) put(nth(view.getUint8(at + (isNibbles ? i >> 1 : i)), i));
      const taken = isNibbles ? Math.ceil(value / 2) : value;
      at += taken + (taken & 1);
    }
  }
  if (y < height - 1) throw new Error(`truncated: ${y} of ${height} rows`);
  return data;
}
