import fc from "fast-check";
import { decodeWav } from "gradus/formats";
import { expect, test } from "vitest";
import { DataError, FormatError, GradusError } from "../../src/base/index.ts";

interface Sound {
  code?: number;
  bits: number;
  channels?: number;
  data: number[];
  before?: [name: string, bytes: number[]][];
  /** The extensible form, with the code at its end. */
  extensible?: boolean;
}

/** A WAV file byte by byte. */
function wav({
  code = 1,
  bits,
  channels = 1,
  data,
  before = [],
  extensible = false,
}: Sound): Uint8Array {
  const u16 = (x: number) => [x & 255, x >> 8];
  const u32 = (x: number) => [...u16(x & 0xffff), ...u16(x >>> 16)];
  const text = (word: string) => [...word].map((c) => c.charCodeAt(0));
  const chunk = (name: string, bytes: number[]) => [
    ...text(name),
    ...u32(bytes.length),
    ...bytes,
    ...(bytes.length % 2 ? [0] : []),
  ];
  const width = (channels * bits) / 8;
  const start = [...u16(channels), ...u32(8000), ...u32(8000 * width), ...u16(width), ...u16(bits)];
  const format = extensible
    ? [
        ...u16(0xfffe),
        ...start,
        ...u16(22),
        ...u16(bits),
        ...u32(0),
        ...u16(code),
        ...Array(14).fill(0),
      ]
    : [...u16(code), ...start];
  const body = [
    ...before.flatMap(([name, bytes]) => chunk(name, bytes)),
    ...chunk("fmt ", format),
    ...chunk("data", data),
  ];
  return Uint8Array.from([...text("RIFF"), ...u32(body.length + 4), ...text("WAVE"), ...body]);
}

const bytesOf = (array: ArrayBufferView) => [...new Uint8Array(array.buffer)];
const kinds: [what: string, sound: Sound, samples: number[]][] = [
  ["8 bits, unsigned about 128", { bits: 8, data: [128, 0, 255, 192] }, [0, -1, 127 / 128, 0.5]],
  [
    "16 bits",
    { bits: 16, data: bytesOf(Int16Array.of(0, -32768, 32767, 16384)) },
    [0, -1, 32767 / 32768, 0.5],
  ],
  [
    "24 bits",
    { bits: 24, data: [0, 0, 0, 0, 0, 0x80, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff] },
    [0, -1, 1 - 2 ** -23, -(2 ** -23)],
  ],
  ["32 bits", { bits: 32, data: bytesOf(Int32Array.of(-(2 ** 31), 2 ** 30)) }, [-1, 0.5]],
  ["float", { code: 3, bits: 32, data: bytesOf(Float32Array.of(0.25, -1.5)) }, [0.25, -1.5]],
  ["double", { code: 3, bits: 64, data: bytesOf(Float64Array.of(0.25, -1.5)) }, [0.25, -1.5]],
  ["extensible", { bits: 16, extensible: true, data: bytesOf(Int16Array.of(16384)) }, [0.5]],
  [
    "float, extensible",
    { code: 3, bits: 32, extensible: true, data: bytesOf(Float32Array.of(0.125)) },
    [0.125],
  ],
  [
    "other parts before, of odd length too",
    { bits: 8, data: [192], before: [["LIST", [1, 2, 3]]] },
    [0.5],
  ],
];
for (const [what, sound, samples] of kinds)
  test(`${what}: exact values`, () => {
    const file = decodeWav(wav(sound));
    expect([file.sampleRate, file.channels]).toEqual([8000, 1]);
    expect([...file.samples]).toEqual(samples);
  });

test("stereo: one channel after the other", () => {
  const data = bytesOf(Int16Array.of(16384, -16384, 8192, -8192));
  const { channels, samples } = decodeWav(wav({ bits: 16, channels: 2, data }));
  expect([channels, [...samples]]).toEqual([2, [0.5, 0.25, -0.5, -0.25]]);
});

test("what is no WAV file, or one that is not read, or torn, says so", () => {
  const good = wav({ bits: 16, data: [0, 0, 1, 1] });
  const at = (n: number) => () => decodeWav(good.subarray(0, n), "a.wav");
  expect(() => decodeWav(Uint8Array.from([1, 2, 3]), "a.wav")).toThrow(FormatError);
  expect(at(good.length - 1)).toThrow(/a.wav: its part "data" has 3 of 4 bytes/);
  expect(at(20)).toThrow(/"fmt " has 0 of 16 bytes/);
  expect(at(36)).toThrow(/no complete "data" part/);
  expect(() => decodeWav(wav({ code: 85, bits: 16, data: [] }))).toThrow(/format 85 with 16 bits/);
  expect(() => decodeWav(wav({ bits: 12, data: [] }))).toThrow(FormatError);
  expect(() => decodeWav(wav({ bits: 16, channels: 0, data: [] }))).toThrow(/0 channels/);
  expect(() => decodeWav(wav({ bits: 16, channels: 2, data: [1, 2] }))).toThrow(
    /no whole number of samples of 4 bytes/,
  );
  const nan = bytesOf(Float32Array.of(0, Number.NaN));
  expect(() => decodeWav(wav({ code: 3, bits: 32, data: nan }))).toThrow(DataError);
});

/** A file with another size written for its sound, and bytes after it. */
function resized(size: number, data: number[], after: number[] = []): Uint8Array {
  const whole = Uint8Array.from([...wav({ bits: 16, data }), ...after]);
  new DataView(whole.buffer).setUint32(40, size, true);
  return whole;
}
const half = bytesOf(Int16Array.of(16384, -16384));

test("a stream's size, nothing or as good as infinite, means to the end of the file", () => {
  for (const size of [0, 0xffffffff, 0x80000000, 0x7ffff000 + 36])
    expect([...decodeWav(resized(size, half)).samples]).toEqual([0.5, -0.5]);
  // broken off within a sample
  expect([...decodeWav(resized(0xffffffff, half, [7])).samples]).toEqual([0.5, -0.5]);
  // 0 before another chunk, or before the end, is no sound
  const list = [...new TextEncoder().encode("LIST"), 4, 0, 0, 0, 1, 2, 3, 4];
  expect(decodeWav(resized(0, [], list)).samples).toHaveLength(0);
  expect(decodeWav(resized(0, [])).samples).toHaveLength(0);
  // any other size beyond the end is a torn file
  expect(() => decodeWav(resized(0x7000_0000, half))).toThrow(/"data" has 4 of 1879048192 bytes/);
});

test("chunks of odd length that lack their filling, or have one that is not 0", () => {
  const good = wav({ bits: 16, data: half, before: [["LIST", [1, 2, 3, 4, 5, 6, 7]]] });
  const at = 12 + 8 + 7; // where the filling stands
  expect(good[at]).toBe(0);
  const without = Uint8Array.from([...good.subarray(0, at), ...good.subarray(at + 1)]);
  expect([...decodeWav(without).samples]).toEqual([0.5, -0.5]);
  const other = good.slice();
  other[at] = 0x41; // a letter
  expect([...decodeWav(other).samples]).toEqual([0.5, -0.5]);
  const odd = wav({ bits: 8, data: [192, 64, 128] });
  expect([...decodeWav(odd.subarray(0, -1)).samples]).toEqual([0.5, -0.5, 0]);
});

test("any bytes: a file or an error of ours", () => {
  const good = wav({
    bits: 16,
    channels: 2,
    data: [1, 2, 3, 4, 5, 6, 7, 8],
    before: [["LIST", [9]]],
  });
  const attempt = (bytes: Uint8Array) => {
    try {
      const { samples, channels } = decodeWav(bytes);
      expect(samples.length % channels).toBe(0);
    } catch (error) {
      expect(error).toBeInstanceOf(GradusError);
    }
  };
  const change = fc.record({ at: fc.nat(good.length - 1), to: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.nat(good.length), (changes, length) => {
      const bytes = good.slice();
      for (const { at, to } of changes) bytes[at] = to;
      attempt(bytes.subarray(0, length));
      attempt(bytes);
    }),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), attempt));
});
