type Crc = (bytes: Uint8Array) => number;

/** A cyclic redundancy check of 32 bits, a byte at a time; `polynomial` has its bits reversed. */
function crcOf(polynomial: number): Crc {
  const table = Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    return rest;
  });
  return (bytes) => {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 255]!;
    return ~crc >>> 0;
  };
}

/**
 * CRC-32C (Castagnoli), used in TFRecord framing.
 *
 * @see RFC 3720, appendix B.4
 */
export const crc32c = crcOf(0x82f63b78);

/** CRC-32 in plain JavaScript, about 0.2 GB/s: used in browsers. */
export const plainCrc32 = crcOf(0xedb88320);

/**
 * CRC-32 (IEEE 802.3), as in gzip and PNG: it detects every change within 32 consecutive bits and
 * misses other damage once in 4·10⁹ times. Node's own zlib computes 1 to 2 GB/s.
 *
 * @see RFC 1952, section 8
 */
export const crc32: Crc = globalThis.process?.getBuiltinModule?.("node:zlib").crc32 ?? plainCrc32;
