import { encodeEventHeader, encodeScalars } from "gradus/formats";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../src/formats/crc.ts";

const text = (words: string) => new TextEncoder().encode(words);

describe("CRC-32C", () => {
  // RFC 3720, appendix B.4, and the check value that catalogues of CRCs give.
  test.each([
    [text("123456789"), 0xe3069283],
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(255), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ])("known values", (bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });
});

/** Takes a record apart as TensorFlow's reader does, checks included. */
function unframe(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const unmasked = (at: number) => {
    const rotated = (view.getUint32(at, true) - 0xa282ead8) >>> 0;
    return ((rotated >>> 17) | (rotated << 15)) >>> 0;
  };
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(view.getBigUint64(at, true));
    expect(unmasked(at + 8)).toBe(crc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(unmasked(at + 12 + length)).toBe(crc32c(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

/** The fields of a protocol buffer: number → values. */
function fields(data: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const found = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = () => {
    let [x, scale] = [0, 1];
    for (;;) {
      const byte = data[at++]!;
      x += (byte & 127) * scale;
      if (byte < 128) return x;
      scale *= 128;
    }
  };
  while (at < data.length) {
    const tag = varint();
    let value: number | Uint8Array;
    if (tag % 8 === 0) value = varint();
    else if (tag % 8 === 1) {
      value = view.getFloat64(at, true);
      at += 8;
    } else if (tag % 8 === 5) {
      value = view.getFloat32(at, true);
      at += 4;
    } else {
      const length = varint();
      value = data.subarray(at, at + length);
      at += length;
    }
    found.set(tag >> 3, [...(found.get(tag >> 3) ?? []), value]);
  }
  return found;
}

test("an event file begins with its version", () => {
  const [record] = unframe(encodeEventHeader(1.5e9));
  const event = fields(record!);
  expect(event.get(1)).toEqual([1.5e9]);
  expect(new TextDecoder().decode(event.get(3)![0] as Uint8Array)).toBe("brain.Event:2");
});

test("scalars: time, step, and each value under its tag", () => {
  const scalars = { "loss/train": 0.25, "loss/validation": -3, größe: 1e-3 };
  const [record] = unframe(encodeScalars({ wallTime: 12.25, step: 70000, scalars }));
  const event = fields(record!);
  expect([event.get(1), event.get(2)]).toEqual([[12.25], [70000]]);
  const values = fields(event.get(5)![0] as Uint8Array).get(1) as Uint8Array[];
  const read = values.map((value) => {
    const parts = fields(value);
    return [new TextDecoder().decode(parts.get(1)![0] as Uint8Array), parts.get(2)![0]];
  });
  expect(Object.fromEntries(read)).toEqual({ ...scalars, größe: Math.fround(1e-3) });
});
