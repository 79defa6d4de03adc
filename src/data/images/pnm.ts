/**
 * The result of {@link readPnm} and {@link readBmp}: `[height, width, channels]`, 0…255 or 0…65535.
 */
export interface PlainRaster {
  readonly data: Uint8Array | Uint16Array;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/** Called with the size before anything of that size is allocated; throws if it is too large. */
export type CheckPixels = (width: number, height: number) => void;

/**
 * Reads a portable bitmap, graymap or pixmap (P1 to P6). Numbers with a maximum other than 255 are
 * scaled to 65535.
 *
 * @returns undefined if the bytes are none of these. @throws {Error} if they are truncated or
 * invalid.
 * @see https://netpbm.sourceforge.net/doc/pgm.html
 */
export function readPnm(bytes: Uint8Array, check: CheckPixels): PlainRaster | undefined {
  const kind = bytes[1]! - 48;
  if (bytes[0] !== 0x50 || !(kind >= 1 && kind <= 6) || !isSpace(bytes[2])) return undefined;
  const words = wordsOf(bytes);
  const [width, height] = [words.next(), words.next()];
  const isBits = kind === 1 || kind === 4;
  const most = isBits ? 1 : words.next();
  if (width < 1 || height < 1 || most < 1 || most > 65535)
    throw new Error(`its header says ${width} × ${height} up to ${most}`);
  check(width, height);
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const count = width * height * channels;
  const begin = words.end() + 1;
  const row = isBits ? Math.ceil(width / 8) : width * channels * (most > 255 ? 2 : 1);
  const needed = kind > 3 ? row * height : count; // at least a digit each
  if (bytes.length - begin < needed)
    throw new Error(`truncated: ${Math.max(0, bytes.length - begin)} of ${needed} bytes`);
  const values = isBits || most === 255 ? new Uint8Array(count) : new Uint16Array(count);
  const scale = (values instanceof Uint8Array ? 255 : 65535) / most;
  const stored = (i: number): number => {
    if (most > 255) return bytes[begin + 2 * i]! * 256 + bytes[begin + 2 * i + 1]!;
    if (!isBits) return bytes[begin + i]!;
    const x = i % width;
    return (bytes[begin + ((i - x) / width) * row + (x >> 3)]! >> (7 - (x & 7))) & 1;
  };
  for (let i = 0; i < count; i++) {
    const x = kind === 1 ? words.bit() : kind < 4 ? words.next() : stored(i);
    if (x > most) throw new Error(`value ${i} is ${x}, above ${most}`);
    values[i] = Math.round((isBits ? 1 - x : x) * scale); // in bitmaps 1 is black
  }
  return { data: values, height, width, channels };
}

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13);

/** Numbers in text form after the magic word, with comments from `#` to the end of the line. */
function wordsOf(bytes: Uint8Array) {
  let at = 2;
  const skip = () => {
    for (; isSpace(bytes[at]) || bytes[at] === 0x23; at++)
      if (bytes[at] === 0x23)
        while (at < bytes.length && bytes[at] !== 10 && bytes[at] !== 13) at++;
  };
  const digit = () => {
    const x = (bytes[at] ?? 0) - 48;
    return x >= 0 && x <= 9 ? x : undefined;
  };
  return {
    end: () => at,
    next(): number {
      skip();
      if (digit() === undefined) throw new Error(`no number at byte ${at}`);
      let value = 0;
      for (let x = digit(); x !== undefined && value < 2 ** 40; at++, x = digit())
        value = 10 * value + x;
      return value;
    },
    /** One digit: bits in text form need no spaces between them. */
    bit(): number {
      skip();
      const x = digit();
      if (x === undefined || x > 1) throw new Error(`no 0 or 1 at byte ${at}`);
      at++;
      return x;
    },
  };
}
