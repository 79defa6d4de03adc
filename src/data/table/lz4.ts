/** LZ4 frames, in which Arrow packs its buffers. @see https://github.com/lz4/lz4/tree/dev/doc */

const magic = 0x184d2204;

/**
 * Unpacks one frame of `length` bytes. Blocks may refer to those before them.
 *
 * @throws {Error} if it is damaged; checksums of content, which Arrow does not write, are not verified.
 */
export function decodeLz4(input: Uint8Array, length: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const output = new Uint8Array(length);
  if (input.length < 7 || view.getUint32(0, true) !== magic) throw new Error("no frame of LZ4");
  const flags = input[4]!;
  const hasBlockSum = (flags & 0x10) !== 0;
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  let done = 0;
  for (;;) {
    if (at + 4 > input.length) throw new Error("a frame of LZ4 ends too early");
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) break;
    const isStored = size >= 0x80000000;
    const end = at + (size & 0x7fffffff);
    if (end > input.length) throw new Error("a block of LZ4 ends too early");
    const block = input.subarray(at, end);
    if (!isStored) done = unpack(block, output, done);
    else {
      if (done + block.length > length) throw tooLong();
      output.set(block, done);
      done += block.length;
    }
    at = end + (hasBlockSum ? 4 : 0);
  }
  if (done !== length) throw new Error(`a frame of LZ4 has ${done} bytes, not ${length}`);
  return output;
}

/** Unpacks a block behind `done` bytes of output. @returns where it ends. */
function unpack(block: Uint8Array, output: Uint8Array, done: number): number {
  let at = 0;
  const count = (short: number): number => {
    let n = short;
    if (short === 15)
      for (let more = 255; more === 255; n += more) {
        if (at >= block.length) throw new Error("a block of LZ4 is damaged");
        more = block[at++]!;
      }
    return n;
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = count(token >> 4);
    if (at + literals > block.length || done + literals > output.length) throw tooLong();
    output.set(block.subarray(at, at + literals), done);
    at += literals;
    done += literals;
    if (at === block.length) break; // the last sequence has no match
    const offset = block[at]! | (block[at + 1]! << 8);
    at += 2;
    const match = count(token & 15) + 4;
    if (offset === 0 || offset > done || done + match > output.length) throw tooLong();
    for (let i = 0; i < match; i++, done++) output[done] = output[done - offset]!; // may overlap
  }
  return done;
}

const tooLong = (): Error => new Error("a block of LZ4 is damaged");
